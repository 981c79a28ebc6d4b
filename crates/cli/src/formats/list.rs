//! The list of formats.

use std::collections::HashMap;
use std::fmt::Write;

use cutwater_logs::format::{Format, data_formats};
use cutwater_shell::words::printable;
use cutwater_shell::{Failure, formats, output};
use serde::Serialize;

/// A format, as the list has it.
#[derive(Debug, Serialize)]
struct Entry {
    name: &'static str,
    title: String,
    /// Where it is specified.
    link: String,
    note: String,
    /// `built in`, or the user's file.
    from: String,
    samples: usize,
}

/// What writes a format that has a parser of its own, as its speed needs one.
fn title(format: Format) -> &'static str {
    match format {
        Format::Docker => "Docker's json-file",
        Format::Json => "JSON, one object per line",
        Format::Syslog5424 => "syslog, RFC 5424",
        Format::Cri => "CRI of Kubernetes",
        Format::Access => "access logs of Apache and nginx, common and combined",
        Format::Syslog => "syslog, RFC 3164",
        Format::Logfmt => "key=value pairs",
        Format::Plain => "text with times",
        Format::Csv => "separated values: CSV, TSV and others",
        Format::Raw => "lines",
        Format::Data(name) => name,
    }
}

/// Prints the list.
pub(super) fn run(json: bool) -> Result<(), Failure> {
    let entries = entries();
    if json {
        return output::json(&serde_json::json!({ "formats": entries }));
    }
    let width = entries.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for entry in &entries {
        let from =
            if entry.from == BUILT_IN { String::new() } else { format!("  ({})", entry.from) };
        let title = printable(entry.title.as_bytes());
        // Writing to a String does not fail.
        let _ = writeln!(text, "{:width$}  {title}{from}", entry.name);
    }
    output::text(&text)
}

const BUILT_IN: &str = "built in";

fn entries() -> Vec<Entry> {
    let of_user: HashMap<_, _> = formats::of_user()
        .iter()
        .flat_map(|file| file.formats.iter().map(|f| (f.name(), file.path.display().to_string())))
        .collect();
    let own = Format::NAMED.into_iter().map(|format| Entry {
        name: format.name(),
        title: title(format).into(),
        link: String::new(),
        note: String::new(),
        from: BUILT_IN.into(),
        samples: 0,
    });
    let data = data_formats().map(|format| Entry {
        name: format.name(),
        title: format.title().into(),
        link: format.link().into(),
        note: format.note().into(),
        from: of_user.get(format.name()).cloned().unwrap_or_else(|| BUILT_IN.into()),
        samples: format.samples().len(),
    });
    let mut entries: Vec<_> = own.chain(data).collect();
    entries.sort_by_key(|entry| entry.name);
    // A user's format is before the one of the same name, and counts.
    entries.dedup_by_key(|entry| entry.name);
    entries
}
