//! The table for people.

use std::fmt::Write;

use super::frames::{TailReport, whose};
use super::operation::Operation;
use super::report::{Report, RowReport};
use super::source::Backend;
use cutwater_shell::words::{are, counted};

/// Characters of a path that are shown: its end.
const PATH_WIDTH: usize = 48;

/// Kernel functions of the slowest operations that are shown, and the least share that is.
const FRAMES_SHOWN: usize = 4;
const SHARE_MIN: f64 = 0.005;

/// All of a report, with at most `rows_max` rows of each kind.
pub(super) fn text(report: &Report, rows_max: usize) -> String {
    let mut text = String::new();
    for (kind, title) in [
        (Operation::Major, "Major faults, which waited for the device"),
        (Operation::Minor, "Minor faults"),
        (Operation::Read, "Reads"),
    ] {
        let rows: Vec<_> = report.rows.iter().filter(|r| r.kind == kind).collect();
        if !rows.is_empty() {
            section(&mut text, title, &rows, rows_max, kind == Operation::Read);
        }
    }
    report.tails.iter().for_each(|tail| slowest(&mut text, tail));
    totals(&mut text, report);
    if let Some(flame) = &report.flamegraph {
        let _ = writeln!(text, "flame graph: {}", counted(flame.samples, "sample"));
        for share in flame.shares.iter().take(5) {
            let _ = writeln!(text, "  {:>3.0} %  {}", share.share * 100.0, share.name);
        }
        for note in &flame.notes {
            let _ = writeln!(text, "  {note}");
        }
    }
    if let Some(off_cpu) = &report.off_cpu {
        let _ = writeln!(text, "flame graph off CPU: {}", off_cpu.summary());
        for note in &off_cpu.notes {
            let _ = writeln!(text, "  {note}");
        }
    }
    if let Some(tail) = &report.tail_graph {
        let ms = tail.microseconds as f64 / 1e3;
        let _ = writeln!(text, "flame graph of the slowest 1 %: {ms:.1} ms");
    }
    if report.lost > 0 {
        let (events, are) = (counted(report.lost, "event"), are(report.lost));
        let _ = writeln!(text, "{events} found no room and {are} missing");
    }
    for what in &report.without {
        let _ = writeln!(text, "without {what}");
    }
    text
}

fn section(text: &mut String, title: &str, rows: &[&RowReport], rows_max: usize, reads: bool) {
    let width = rows.iter().take(rows_max).map(|r| shown(&r.path).chars().count()).max();
    let width = width.unwrap_or(0).max(title.len());
    let bytes = if reads { "       MiB" } else { "" };
    let _ = writeln!(
        text,
        "{title:width$}  {:>9}{bytes} {:>9} {:>9} {:>9} {:>9}",
        "count", "p50", "p99", "p99.9", "max"
    );
    for row in rows.iter().take(rows_max) {
        let _ = write!(text, "{:width$}  {:>9}", shown(&row.path), row.count);
        if reads {
            let _ = write!(text, " {:>9.1}", row.bytes as f64 / f64::from(1 << 20));
        }
        for ns in [row.p50_ns, row.p99_ns, row.p999_ns, row.max_ns] {
            let _ = write!(text, " {:>9}", time(ns));
        }
        text.push('\n');
    }
    let more = rows.len().saturating_sub(rows_max);
    if more > 0 {
        let _ = writeln!(text, "and {more} more");
    }
    text.push('\n');
}

/// What the kernel does in the slowest operations of a kind.
fn slowest(text: &mut String, tail: &TailReport) {
    let kind = whose(tail.kind);
    let (from, total) = (time(Some(tail.from_ns)), time(Some(tail.total_ns)));
    let _ =
        writeln!(text, "The slowest 1 % of {kind} ({}, from {from}, {total} in all)", tail.count);
    for frames in tail.frames.iter().filter(|f| f.share >= SHARE_MIN).take(FRAMES_SHOWN) {
        let doing = if frames.on_cpu { "on CPU" } else { "waits" };
        let functions = frames.functions.join(" < ");
        let _ = writeln!(text, "  {:>3.0} % {doing:>6}  {functions}", frames.share * 100.0);
    }
    if tail.unsampled_share >= SHARE_MIN {
        let share = tail.unsampled_share * 100.0;
        let _ = writeln!(text, "  {share:>3.0} % on CPU  [too short for a sample]");
    }
    text.push('\n');
}

fn totals(text: &mut String, report: &Report) {
    let counters = &report.counters;
    let mut parts = vec![format!("{:.1} s", report.seconds)];
    for (value, what) in [
        (counters.minor_faults, "minor faults"),
        (counters.major_faults, "major faults"),
        (counters.read_calls, "calls to read"),
        (counters.read_bytes.map(|b| b >> 20), "MiB read"),
        (counters.device_read_bytes.map(|b| b >> 20), "MiB from devices"),
    ] {
        parts.extend(value.map(|value| format!("{value} {what}")));
    }
    let whose = if report.backend == Backend::Counters { "" } else { " (the process alone)" };
    let _ = writeln!(text, "{}{whose}", parts.join(", "));
}

/// The end of a long path, which says more than its start.
fn shown(path: &str) -> String {
    let path = cutwater_shell::printable(path.as_bytes());
    let skip = path.chars().count().saturating_sub(PATH_WIDTH);
    if skip == 0 {
        return path;
    }
    let end: String = path.chars().skip(skip + 1).collect();
    format!("\u{2026}{end}")
}

fn time(ns: Option<u64>) -> String {
    ns.map_or_else(|| "-".to_owned(), cutwater_shell::words::time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_keeps_its_end() {
        let long = format!("/{}/file", "x".repeat(100));
        assert_eq!(shown(&long).chars().count(), PATH_WIDTH);
        assert!(shown(&long).starts_with('\u{2026}') && shown(&long).ends_with("x/file"));
        assert_eq!(shown("/a"), "/a");
    }
}
