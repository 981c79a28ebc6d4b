//! The cells as a table: the columns are those of CSV, and some of them are for people, too.

use cutwater_lab::{Cell as Field, Column, Sheet};

use super::report::{Cell, Peer, Report, best};
use super::shape::{Cache, Pattern};
use super::units;

/// Exported names stay, in their order; new ones come last.
const COLUMNS: [Column; 33] = [
    Column::text("path", "path"),
    Column::text("pattern", "pattern"),
    Column::text("cache", "cache"),
    Column::number("block", "block"),
    Column::number("depth", "depth"),
    Column::number("threads", "threads"),
    Column::number("reads", "reads").hidden(),
    Column::number("bytes", "bytes").hidden(),
    Column::number("bytes_per_s", "MiB/s"),
    Column::number("ops_per_s", "reads/s"),
    Column::number("spread", "spread"),
    Column::text("latency_of", "latency of").hidden(),
    Column::number("p50_ns", "p50"),
    Column::number("p99_ns", "p99"),
    Column::number("p999_ns", "p99.9"),
    Column::number("user_cpu", "user µs"),
    Column::number("system_cpu", "system µs"),
    Column::number("minor_faults", "minor faults"),
    Column::number("major_faults", "major faults"),
    Column::number("voluntary_switches", "switches"),
    Column::number("involuntary_switches", "involuntary"),
    Column::number("syscalls", "calls"),
    Column::text("syscalls_by", "calls by").hidden(),
    Column::number("sqes_per_enter", "SQEs per enter"),
    Column::number("punts", "punts").hidden(),
    Column::number("peak_rss", "peak RSS"),
    Column::number("resident_before", "resident before").hidden(),
    Column::number("of_best", "of best"),
    Column::text("hash", "hash").hidden(),
    Column::text("reason", "reason").hidden(),
    Column::number("of_best_low", "from"),
    Column::number("of_best_high", "to"),
    Column::text("of_best_word", "word"),
];

/// All cells of a report, each group's best path marked; other programs' cells are at its end.
pub(super) fn sheet(report: &Report) -> Sheet {
    let mut sheet = Sheet::new("All cells", &COLUMNS);
    for (_, cells) in report.groups() {
        let best = best(cells).map(|cell| cell.path);
        for cell in cells {
            sheet.add_marked(row(cell), best == Some(cell.path));
        }
    }
    sheet
}

/// The same with the cells of other programs, which CSV does not have.
pub(super) fn sheet_with_peers(report: &Report) -> Sheet {
    let mut sheet = sheet(report);
    report.peers.iter().for_each(|peer| sheet.add(peer_row(peer)));
    sheet
}

fn row(c: &Cell) -> Vec<Field> {
    let per_read = |seconds: f64| format!("{:.2}", seconds * 1e6 / c.reads.max(1) as f64);
    let mut row = place((c.path, c.pattern, c.cache, c.block, c.depth, c.threads), c.reads);
    row.extend([
        whole(c.bytes as f64),
        Field::number(c.bytes_per_s, 0, units::mib_per_s(c.bytes_per_s)),
        Field::number(c.ops_per_s, 1, units::count(c.ops_per_s)),
        Field::number(c.spread, 4, format!("{:.0} %", c.spread * 100.0)),
        Field::text(c.latency_of),
        time(c.p50_ns),
        time(c.p99_ns),
        time(c.p999_ns),
        Field::number(c.user_cpu, 6, per_read(c.user_cpu)),
        Field::number(c.system_cpu, 6, per_read(c.system_cpu)),
        whole(c.minor_faults),
        whole(c.major_faults),
        whole(c.voluntary_switches),
        whole(c.involuntary_switches),
        Field::number(c.syscalls, 0, format!("{:.2}", c.syscalls / c.reads.max(1) as f64)),
        Field::text(c.syscalls_by),
        optional(c.sqes_per_enter, |n| Field::number(n, 2, format!("{n:.1}"))),
        optional(c.punts, whole),
        Field::number(c.peak_rss as f64, 0, units::size(c.peak_rss)),
        Field::number(c.resident_before, 4, format!("{:.2}", c.resident_before)),
        optional(c.of_best, ratio),
        Field::text(c.hash.clone()),
        Field::text(c.reason.clone().unwrap_or_default()),
        optional(c.interval.map(|r| r.low), ratio),
        optional(c.interval.map(|r| r.high).filter(|high| high.is_finite()), ratio),
        optional(c.word, |word| Field::text(word.to_string())),
    ]);
    row
}

fn peer_row(p: &Peer) -> Vec<Field> {
    let mut row = place((&p.name, p.pattern, p.cache, p.block, p.depth, p.threads), p.reads);
    row.extend([
        Field::Empty,
        Field::number(p.bytes_per_s, 0, units::mib_per_s(p.bytes_per_s)),
        Field::number(p.ops_per_s, 1, units::count(p.ops_per_s)),
        Field::number(p.spread, 4, format!("{:.0} %", p.spread * 100.0)),
        Field::Empty,
        time(p.p50_ns),
        time(p.p99_ns),
        time(p.p999_ns),
    ]);
    row.resize(COLUMNS.len(), Field::Empty);
    row
}

fn place(
    (path, pattern, cache, block, depth, threads): (&str, Pattern, Cache, u64, u32, u32),
    reads: u64,
) -> Vec<Field> {
    vec![
        Field::text(path),
        Field::text(pattern.to_string()),
        Field::text(cache.to_string()),
        Field::number(block as f64, 0, units::size(block)),
        whole(f64::from(depth)),
        whole(f64::from(threads)),
        whole(reads as f64),
    ]
}

fn whole(value: f64) -> Field {
    Field::Number { plain: value.to_string(), value, shown: format!("{value:.0}") }
}

fn ratio(value: f64) -> Field {
    Field::number(value, 4, format!("{value:.2}"))
}

fn time(ns: Option<u64>) -> Field {
    optional(ns, |ns| Field::number(ns as f64, 0, units::time(ns)))
}

fn optional<T>(value: Option<T>, field: impl Fn(T) -> Field) -> Field {
    value.map_or(Field::Empty, field)
}
