//! The logs that the arguments name, and what to note about them.

use std::path::{Path, PathBuf};

use cutwater_logs::columns::ColumnType;
use cutwater_logs::filter::LINE;
use cutwater_logs::format::{Definition, present_names};
use cutwater_logs::scan::{Log, Measure, Request};
use cutwater_shell::logs::{Opener, expand, files_below, in_order_of_time};
use cutwater_shell::words::{nearest, shown};
use cutwater_shell::{Failure, note};

use super::super::Args;
use super::super::follow::not_plain;

/// How many names are listed where one is not known.
const NAMES_SHOWN: usize = 12;

/// How the arguments open logs.
pub(super) fn opener(args: &Args) -> Result<Opener, Failure> {
    let mut opener = args.logs.opener()?;
    if let Some(pattern) = &args.regex {
        opener.definition = Some(Definition::regex(pattern)?);
    } else if let Some(template) = &args.log_format {
        opener.definition = Some(Definition::nginx(template)?);
    }
    Ok(opener)
}

/// Opens the logs that are named; also whether some could not be. One that cannot be opened does
/// not keep the others from being read, unless it is the only one.
pub(super) fn open_all(args: &Args, opener: &Opener) -> Result<(Vec<Log>, bool), Failure> {
    let paths = args.files.iter().map(|name| files(args, name)).collect::<Result<Vec<_>, _>>()?;
    let paths = paths.concat();
    let (mut logs, mut some_missing) = (Vec::new(), false);
    for path in &paths {
        if args.follow {
            refuse_endless(path)?;
        }
        let opened = if path.is_dir() { Err(is_directory(path)) } else { opener.open_one(path) };
        match opened {
            Ok(log) => logs.push(log),
            Err(failure) if paths.len() == 1 || failure.is_usage() => return Err(failure),
            Err(failure) => {
                note(&failure.to_string());
                some_missing = true;
            }
        }
    }
    if logs.is_empty() {
        return Err(Failure::new(format!("none of the {} files can be read", paths.len())));
    }
    logs.iter().for_each(note_encoding);
    Ok((in_order_of_time(logs), some_missing))
}

fn is_directory(path: &Path) -> Failure {
    let name = shown(path);
    Failure::new(format!(
        "{name} is a directory; --recursive reads all files in it and below, or name the logs, as in \
         '{name}/*.log'"
    ))
}

/// The files that `name` means: with `--recursive`, those in a directory.
fn files(args: &Args, name: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !args.recursive || !name.is_dir() {
        return expand(name);
    }
    let files = files_below(name)?;
    if files.is_empty() {
        return Err(Failure::new(format!("there is no file in {}", shown(name))));
    }
    Ok(files)
}

/// Refuses to follow a file whose opening would wait for another program.
fn refuse_endless(path: &Path) -> Result<(), Failure> {
    match path.metadata() {
        Ok(found) if !found.is_file() && !found.is_dir() => Err(not_plain(path)),
        _ => Ok(()),
    }
}

/// Notes that a log is in UTF-16: its lines are shown in another encoding.
fn note_encoding(log: &Log) {
    if log.input.utf16().is_some() {
        let name = shown(&log.input.path);
        note(&format!(
            "{name} is UTF-16; it is read as UTF-8, by one thread, and offsets are of that"
        ));
    }
}

/// Notes the fields that no sampled record has, and returns them: a later record may have them, but they may
/// also be misspelt.
pub(super) fn note_unknown_fields(args: &Args, logs: &[Log], request: &Request) -> Vec<String> {
    let asked = asked_fields(args, request);
    if asked.is_empty() || logs.iter().all(|log| log.sample.is_empty()) {
        return Vec::new();
    }
    let mut known: Vec<String> = Vec::new();
    // In the order of the first log, each field once.
    for name in logs.iter().flat_map(|log| present_names(&log.definition, &log.sample)) {
        if !known.contains(&name) {
            known.push(name);
        }
    }
    let mut unknown: Vec<String> = Vec::new();
    for name in asked {
        if name != LINE && !is_known(&known, &name) && !unknown.contains(&name) {
            unknown.push(name);
        }
    }
    let some = known.iter().take(NAMES_SHOWN).cloned().collect::<Vec<_>>().join(", ");
    for name in &unknown {
        let near = nearest(name, known.iter().map(String::as_str));
        let hint = near.map_or("; there".into(), |near| format!("; did you mean {near:?}? There"));
        note(&format!("no sampled record has a field {name:?}{hint} are {some}"));
    }
    unknown
}

/// The fields that the arguments name.
fn asked_fields(args: &Args, request: &Request) -> Vec<String> {
    let arrow = args.arrow || args.arrow_file;
    let without_type = |name: &String| match name.rsplit_once(':') {
        Some((bare, kind)) if arrow && kind.parse::<ColumnType>().is_ok() => bare.to_owned(),
        _ => name.clone(),
    };
    let measures: Vec<_> = args.agg.iter().filter_map(|text| Measure::parse(text)).collect();
    let measured = measures.iter().filter_map(|m| m.field().map(str::to_owned));
    let fields = args.fields.iter().map(without_type).chain(args.by.iter().cloned());
    let top = args.top.iter().flatten().skip(1).cloned();
    let filtered = request.filter.fields().map(str::to_owned);
    fields.chain(top).chain(measured).chain(filtered).collect()
}

/// Whether `name` is one of `known`, or an object that some of them are in.
fn is_known(known: &[String], name: &str) -> bool {
    let inside = format!("{name}.");
    known.iter().any(|known| {
        let dotted = known.replace("\\.", ".");
        known == name || dotted == name || known.starts_with(&inside) || dotted.starts_with(&inside)
    })
}
