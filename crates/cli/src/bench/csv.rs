//! One line per cell, for spreadsheets and scripts.

use std::fmt::Write;

use super::report::{Cell, Report};

const COLUMNS: [&str; 30] = [
    "path",
    "pattern",
    "cache",
    "block",
    "depth",
    "threads",
    "reads",
    "bytes",
    "bytes_per_s",
    "ops_per_s",
    "spread",
    "latency_of",
    "p50_ns",
    "p99_ns",
    "p999_ns",
    "user_cpu",
    "system_cpu",
    "minor_faults",
    "major_faults",
    "voluntary_switches",
    "involuntary_switches",
    "syscalls",
    "syscalls_by",
    "sqes_per_enter",
    "punts",
    "peak_rss",
    "resident_before",
    "of_best",
    "hash",
    "reason",
];

/// The table of all cells, with a heading.
pub(super) fn of(report: &Report) -> String {
    let mut out = COLUMNS.join(",");
    out.push('\n');
    for cell in &report.cells {
        let fields: Vec<String> = row(cell).iter().map(|f| quoted(f)).collect();
        // Writing to a string does not fail.
        let _ = writeln!(out, "{}", fields.join(","));
    }
    out
}

fn row(c: &Cell) -> [String; COLUMNS.len()] {
    [
        c.path.to_owned(),
        c.pattern.to_string(),
        c.cache.to_string(),
        c.block.to_string(),
        c.depth.to_string(),
        c.threads.to_string(),
        c.reads.to_string(),
        c.bytes.to_string(),
        format!("{:.0}", c.bytes_per_s),
        format!("{:.1}", c.ops_per_s),
        format!("{:.4}", c.spread),
        c.latency_of.to_owned(),
        optional(c.p50_ns),
        optional(c.p99_ns),
        optional(c.p999_ns),
        format!("{:.6}", c.user_cpu),
        format!("{:.6}", c.system_cpu),
        c.minor_faults.to_string(),
        c.major_faults.to_string(),
        c.voluntary_switches.to_string(),
        c.involuntary_switches.to_string(),
        format!("{:.0}", c.syscalls),
        c.syscalls_by.to_owned(),
        c.sqes_per_enter.map(|n| format!("{n:.2}")).unwrap_or_default(),
        optional(c.punts),
        c.peak_rss.to_string(),
        format!("{:.4}", c.resident_before),
        c.of_best.map(|r| format!("{r:.4}")).unwrap_or_default(),
        c.hash.clone(),
        c.reason.clone().unwrap_or_default(),
    ]
}

fn optional(value: Option<impl ToString>) -> String {
    value.map(|v| v.to_string()).unwrap_or_default()
}

/// Quoted where it has to be; see RFC 4180.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn fields_are_quoted_where_they_have_to_be() {
        assert_eq!(super::quoted("plain"), "plain");
        assert_eq!(super::quoted("a, \"b\""), "\"a, \"\"b\"\"\"");
    }
}
