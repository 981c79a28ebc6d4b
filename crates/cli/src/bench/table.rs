//! The tables for people: one per group of cells, within 100 columns.

use std::fmt::Write;

use super::report::{self, Cell, Peer, Report, Warning};
use super::shape::Shape;
use super::units;
use cutwater_shell::words;

/// The group's heading, its paths, and what is to be said of them.
pub(super) fn group(
    shape: Shape,
    cells: &[Cell],
    peers: &[Peer],
    warnings: &[Warning],
    wide: bool,
) -> String {
    let mut out = String::new();
    let reads = cells.first().map_or(0, |c| c.reads);
    let bytes = units::size(cells.first().map_or(0, |c| c.bytes));
    let _ = writeln!(out, "{shape} ({}, {bytes} a run)", words::counted(reads, "read"));
    let _ = writeln!(out, "{}", heading(shape, wide));
    let best = report::best(cells).map(|c| c.path);
    for cell in cells {
        let _ = writeln!(out, "{}", row(cell, best == Some(cell.path), wide));
    }
    let best_rate = report::best(cells).map(|c| c.bytes_per_s);
    for peer in peers {
        let _ = writeln!(out, "{}", peer_row(peer, best_rate));
    }
    if let Some(choice) = cells.iter().find(|c| c.is_auto()).and_then(chosen) {
        let _ = write!(out, "{}", wrapped("  auto chose ", &choice));
    }
    for warning in warnings {
        let _ = write!(out, "{}", wrapped(&format!("  {}: ", warning.kind), &warning.text));
    }
    out
}

fn heading(shape: Shape, wide: bool) -> String {
    let latency = if shape.depth == 1 { "p50" } else { "p50*" };
    let mut line = format!(
        "  {:<14} {:>8} {:>8} {:>5} {:>8} {:>8} {:>8} {:>7} {:>7} {:>7} {:>7}",
        "path",
        "MiB/s",
        "reads/s",
        "+-%",
        latency,
        "p99",
        "p99.9",
        "user us",
        "sys us",
        "calls",
        "of best"
    );
    if wide {
        let _ = write!(
            line,
            " {:>9} {:>6} {:>7} {:>7} {:>8} {:>6} {:>9}",
            "minflt", "majflt", "vol.sw", "inv.sw", "SQE/ent", "punts", "peak RSS"
        );
    }
    line
}

fn row(c: &Cell, best: bool, wide: bool) -> String {
    let per_read = |value: f64| value / (c.reads.max(1)) as f64;
    let mut line = format!(
        "{} {:<14} {:>8} {:>8} {:>5.0} {:>8} {:>8} {:>8} {:>7.2} {:>7.2} {:>7.2} {:>7}",
        if best { '>' } else { ' ' },
        c.path,
        units::mib_per_s(c.bytes_per_s),
        units::count(c.ops_per_s),
        c.spread * 100.0,
        latency(c.p50_ns),
        latency(c.p99_ns),
        latency(c.p999_ns),
        per_read(c.user_cpu) * 1e6,
        per_read(c.system_cpu) * 1e6,
        per_read(c.syscalls),
        c.of_best.map_or_else(String::new, |r| format!("{r:.2}")),
    );
    if wide {
        let _ = write!(
            line,
            " {:>9} {:>6} {:>7} {:>7} {:>8} {:>6} {:>9}",
            c.minor_faults,
            c.major_faults,
            c.voluntary_switches,
            c.involuntary_switches,
            c.sqes_per_enter.map_or_else(|| "-".into(), |n| format!("{n:.1}")),
            c.punts.map_or_else(|| "-".into(), |n| n.to_string()),
            units::size(c.peak_rss),
        );
    }
    line
}

fn peer_row(p: &Peer, best: Option<f64>) -> String {
    let per_read = |seconds: f64| seconds / p.reads.max(1) as f64;
    format!(
        "  {:<14} {:>8} {:>8} {:>5.0} {:>8} {:>8} {:>8} {:>7.2} {:>7.2} {:>7} {:>7}",
        p.name,
        units::mib_per_s(p.bytes_per_s),
        units::count(p.ops_per_s),
        p.spread * 100.0,
        latency(p.p50_ns),
        latency(p.p99_ns),
        latency(p.p999_ns),
        per_read(p.user_cpu) * 1e6,
        per_read(p.system_cpu) * 1e6,
        "-",
        best.map_or_else(String::new, |best| format!("{:.2}", p.bytes_per_s / best)),
    )
}

fn latency(ns: Option<u64>) -> String {
    ns.map_or_else(|| "-".into(), units::time)
}

/// What `auto` took and why.
fn chosen(auto: &Cell) -> Option<String> {
    if auto.chosen.is_empty() {
        return None;
    }
    let mut shares: Vec<_> = auto.chosen.iter().collect();
    shares.sort_by(|a, b| b.1.total_cmp(a.1));
    let shares: Vec<_> =
        shares.iter().map(|(path, share)| format!("{path} {:.0} %", **share * 100.0)).collect();
    let reason = auto.reason.as_deref().map(|r| format!(": {r}")).unwrap_or_default();
    Some(format!("{}{reason}", shares.join(", ")))
}

/// What stands before the first table.
pub(super) fn preamble(report: &Report) -> String {
    let (host, file) = (&report.host, &report.file);
    format!(
        "cutwater {}, Linux {}, {} x {}, {} of memory\n{}, {}, {} on {}\n",
        report.cutwater,
        host.kernel,
        host.cpus,
        host.cpu,
        units::size(host.memory_bytes),
        if file.made { "a made file" } else { &file.path },
        units::size(file.bytes),
        file.file_system,
        file.device,
    )
}

/// What stands after the last table.
pub(super) fn conclusion(report: &Report) -> String {
    let mut out = String::from("In short\n");
    for finding in &report.summary.findings {
        let _ = write!(out, "{}", wrapped("  ", finding));
    }
    if let (Some(mean), Some(worst)) = (report.summary.auto_of_best, &report.summary.worst) {
        let text = format!(
            "auto has {mean:.2} of the best single path's rate (geometric mean of {}); \
             its worst is {:.2}, in {}",
            words::counted(report.groups().len() as u64, "group"),
            worst.of_best,
            worst.cell
        );
        let _ = write!(out, "{}", wrapped("  ", &text));
    }
    let bound = report.warnings.iter().filter(|w| w.kind == "device-bound");
    for warning in bound {
        let _ = write!(out, "{}", wrapped("  ", &format!("{}: {}", warning.cell, warning.text)));
    }
    for skipped in &report.skipped {
        let text = format!("left out: {}: {}", skipped.what, skipped.why);
        let _ = write!(out, "{}", wrapped("  ", &text));
    }
    if report.cells.iter().any(|c| c.depth > 1) {
        out.push_str("  * at a depth above 1: from handing over as many reads to each one's end\n");
    }
    if report.interrupted {
        out.push_str("  interrupted: this is what was measured until then\n");
    }
    out
}

/// `text` after `first`, broken at spaces before column 100, the rest indented by four.
fn wrapped(first: &str, text: &str) -> String {
    const WIDTH: usize = 99;
    let mut out = String::from(first);
    let mut column = first.chars().count();
    let mut fresh = true;
    for word in text.split_whitespace() {
        let len = word.chars().count();
        if !fresh && column + 1 + len > WIDTH {
            out.push_str("\n    ");
            column = 4;
            fresh = true;
        }
        if !fresh {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += len;
        fresh = false;
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_broken_before_column_100_and_loses_no_word() {
        let text = "seventeen letters ".repeat(40);
        let out = wrapped("  noisy: ", &text);
        assert!(out.lines().all(|l| l.len() < 100), "{out}");
        assert_eq!(out.matches("seventeen").count(), 40);
    }
}
