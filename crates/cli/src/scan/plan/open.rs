//! The logs that the arguments name, and what to note about them.

use cutwater_logs::columns::ColumnType;
use cutwater_logs::filter::LINE;
use cutwater_logs::format::{Definition, field_names};
use cutwater_logs::scan::{Log, Measure, Request};
use cutwater_shell::logs::{Opener, expand};
use cutwater_shell::words::shown;
use cutwater_shell::{Failure, note};

use super::super::Args;

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
    let paths = args.files.iter().map(expand).collect::<Result<Vec<_>, _>>()?.concat();
    let (mut logs, mut some_missing) = (Vec::new(), false);
    for path in &paths {
        match opener.open_one(path) {
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
    logs.iter().for_each(note_unread);
    Ok((logs, some_missing))
}

/// Notes how to read a log in UTF-16, as Windows writes it: here its lines are bytes.
fn note_unread(log: &Log) {
    let name = shown(&log.input.path);
    if log.sample.starts_with(b"\xff\xfe") || log.sample.starts_with(b"\xfe\xff") {
        note(&format!(
            "{name} begins as UTF-16 does, which is not read here; try: \
             iconv -f UTF-16 -t UTF-8 {name} | cutwater scan -"
        ));
    }
}

/// Notes the fields that no sampled record has: a later record may have them, but it may also be a
/// misspelling.
pub(super) fn note_unknown_fields(args: &Args, logs: &[Log], request: &Request) {
    let asked = asked_fields(args, request);
    if asked.is_empty() || logs.iter().all(|log| log.sample.is_empty()) {
        return;
    }
    let mut known: Vec<String> = Vec::new();
    // In the order of the first log, each field once.
    for name in logs.iter().flat_map(|log| field_names(&log.definition, &log.sample)) {
        if !known.contains(&name) {
            known.push(name);
        }
    }
    for name in asked.iter().filter(|name| *name != LINE && !is_known(&known, name)) {
        let some = known.iter().take(NAMES_SHOWN).cloned().collect::<Vec<_>>().join(", ");
        note(&format!("no sampled record has a field {name:?}; there are {some}"));
    }
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
