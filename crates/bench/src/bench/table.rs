//! The tables for people: one per group of cells, within 100 columns.

use std::fmt::Write;

use cutwater_lab::{Cell as Field, Column, Sheet, Table, wrapped};

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
    let _ = writeln!(out, "{shape} ({}, {bytes} a slice)", words::counted(reads, "read"));
    let best = report::best(cells);
    let mut sheet = Sheet::new("", &columns(shape, wide));
    for cell in cells {
        sheet.add_marked(row(cell), best.is_some_and(|best| best.path == cell.path));
    }
    for peer in peers {
        sheet.add(peer_row(peer));
    }
    out.push_str(&Table::sheet(&sheet));
    if let Some(choice) = cells.iter().find(|c| c.is_auto()).and_then(chosen) {
        let _ = write!(out, "{}", wrapped("  auto chose ", &choice));
    }
    for warning in warnings {
        let _ = write!(out, "{}", wrapped(&format!("  {}: ", warning.kind), &warning.text));
    }
    out
}

/// All columns; those after the first ten are shown with `--wide` alone.
fn columns(shape: Shape, wide: bool) -> Vec<Column> {
    let latency = if shape.depth == 1 { "p50" } else { "p50*" };
    let numbers = [
        "MiB/s", "reads/s", "+-%", latency, "p99", "user us", "sys us", "of best", "", "calls",
        "p99.9", "minflt", "majflt", "vol.sw", "inv.sw", "SQE/ent", "punts", "peak RSS",
    ];
    let number = |(i, name): (usize, &'static str)| {
        let column = Column::number("", name);
        if wide || i < NARROW { column } else { column.hidden() }
    };
    let numbers = numbers.into_iter().enumerate().map(number);
    std::iter::once(Column::text("", "path")).chain(numbers).collect()
}

/// Columns behind the path that fit into 100 characters, and all columns.
const NARROW: usize = 9;
const COLUMNS: usize = 19;

fn row(c: &Cell) -> Vec<Field> {
    let per_read = |value: f64| format!("{:.2}", value / c.reads.max(1) as f64);
    let shown = [
        c.path.to_owned(),
        units::mib_per_s(c.bytes_per_s),
        units::count(c.ops_per_s),
        format!("{:.0}", c.spread * 100.0),
        latency(c.p50_ns),
        latency(c.p99_ns),
        per_read(c.user_cpu * 1e6),
        per_read(c.system_cpu * 1e6),
        c.interval.map_or_else(|| "-".into(), |ratio| ratio.to_string()),
        c.word.map(|word| word.to_string()).unwrap_or_default(),
        per_read(c.syscalls),
        latency(c.p999_ns),
        c.minor_faults.to_string(),
        c.major_faults.to_string(),
        c.voluntary_switches.to_string(),
        c.involuntary_switches.to_string(),
        c.sqes_per_enter.map_or_else(|| "-".into(), |n| format!("{n:.1}")),
        c.punts.map_or_else(|| "-".into(), |n| n.to_string()),
        units::size(c.peak_rss),
    ];
    shown.into_iter().map(Field::Text).collect()
}

/// Another program's few runs are not in the rounds: it has no ratio.
fn peer_row(p: &Peer) -> Vec<Field> {
    let per_read = |seconds: f64| format!("{:.2}", seconds * 1e6 / p.reads.max(1) as f64);
    let shown = [
        p.name.clone(),
        units::mib_per_s(p.bytes_per_s),
        units::count(p.ops_per_s),
        format!("{:.0}", p.spread * 100.0),
        latency(p.p50_ns),
        latency(p.p99_ns),
        per_read(p.user_cpu),
        per_read(p.system_cpu),
        "-".to_owned(),
        String::new(),
        "-".to_owned(),
        latency(p.p999_ns),
    ];
    let mut row: Vec<_> = shown.into_iter().map(Field::Text).collect();
    row.resize(COLUMNS, Field::Empty);
    row
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
    if let (Some(mean), Some(worst)) = (report.summary.auto_interval, &report.summary.worst) {
        let text = format!(
            "auto has {mean} of the best single path's rate, the geometric mean of {}; its worst \
             is {}, in {}",
            words::counted(report.groups().len() as u64, "group"),
            worst.interval,
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
        out.push_str("  * at a depth above 1: from handing over a batch to the end of each read\n");
    }
    if !report.cells.is_empty() {
        out.push_str(
            "  of best: the median over the rounds (95 % interval); +-%: interquartile range over median\n",
        );
    }
    if report.interrupted {
        out.push_str("  interrupted: this is what was measured until then\n");
    }
    out
}
