//! The table of all cells, which the script makes sortable.

use std::fmt::Write;

use super::escaped;
use crate::bench::report::{Cell, Peer, Report};
use crate::bench::shape::{Cache, Pattern};
use crate::bench::units;

/// Headings, and whether the column holds numbers.
const COLUMNS: [(&str, bool); 20] = [
    ("path", false),
    ("pattern", false),
    ("cache", false),
    ("block", true),
    ("depth", true),
    ("threads", true),
    ("MiB/s", true),
    ("reads/s", true),
    ("spread", true),
    ("of best", true),
    ("p50", true),
    ("p99", true),
    ("p99.9", true),
    ("user µs", true),
    ("system µs", true),
    ("calls", true),
    ("faults", true),
    ("switches", true),
    ("SQEs per enter", true),
    ("peak RSS", true),
];

/// A field: what is shown and, for numbers, what is sorted by.
struct Field(String, Option<f64>);

/// The section.
pub(super) fn table(report: &Report) -> String {
    let mut out = String::from(
        "<section aria-labelledby=\"all\">\n<h2 id=\"all\">All cells</h2>\n\
         <div class=\"scroll\" role=\"region\" aria-labelledby=\"all\" tabindex=\"0\">\n\
         <table>\n<thead><tr>",
    );
    for (name, numeric) in COLUMNS {
        let class = if numeric { " class=\"n\"" } else { "" };
        let _ = write!(out, "<th scope=\"col\"{class}>{name}</th>");
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for (shape, cells) in report.groups() {
        let best = crate::bench::report::best(cells).map(|c| (c.path, c.bytes_per_s));
        for cell in cells {
            row(&mut out, &of_cell(cell), best.is_some_and(|(path, _)| path == cell.path));
        }
        for peer in report.peers_of(shape) {
            row(&mut out, &of_peer(peer, best.map(|(_, rate)| rate)), false);
        }
    }
    out.push_str("</tbody>\n</table>\n</div>\n</section>\n");
    out
}

fn row(out: &mut String, fields: &[Field], best: bool) {
    out.push_str(if best { "<tr class=\"best\">" } else { "<tr>" });
    for (i, Field(shown, value)) in fields.iter().enumerate() {
        let shown = escaped(shown);
        let _ = match value {
            _ if i == 0 => write!(out, "<th scope=\"row\">{shown}</th>"),
            Some(value) => write!(out, "<td class=\"n\" data-v=\"{value}\">{shown}</td>"),
            None if COLUMNS[i].1 => write!(out, "<td class=\"n\">{shown}</td>"),
            None => write!(out, "<td>{shown}</td>"),
        };
    }
    out.push_str("</tr>\n");
}

fn of_cell(c: &Cell) -> Vec<Field> {
    let per_read = |value: f64| value / c.reads.max(1) as f64;
    let faults = c.minor_faults + c.major_faults;
    let switches = c.voluntary_switches + c.involuntary_switches;
    let mut fields = place(c.path, c.pattern, c.cache, c.block, c.depth, c.threads);
    fields.extend([
        number(c.bytes_per_s, units::mib_per_s),
        number(c.ops_per_s, units::count),
        number(c.spread, |s| format!("{:.0} %", s * 100.0)),
        optional(c.of_best, |r| format!("{r:.2}")),
        time(c.p50_ns),
        time(c.p99_ns),
        time(c.p999_ns),
        number(per_read(c.user_cpu) * 1e6, |us| format!("{us:.2}")),
        number(per_read(c.system_cpu) * 1e6, |us| format!("{us:.2}")),
        number(per_read(c.syscalls), |n| format!("{n:.2}")),
        number(faults, |n| format!("{n:.0}")),
        number(switches, |n| format!("{n:.0}")),
        optional(c.sqes_per_enter, |n| format!("{n:.1}")),
        number(c.peak_rss as f64, |b| units::size(b as u64)),
    ]);
    fields
}

fn of_peer(p: &Peer, best: Option<f64>) -> Vec<Field> {
    let none = || Field(String::new(), None);
    let mut fields = place(&p.name, p.pattern, p.cache, p.block, p.depth, p.threads);
    fields.extend([
        number(p.bytes_per_s, units::mib_per_s),
        number(p.ops_per_s, units::count),
        number(p.spread, |s| format!("{:.0} %", s * 100.0)),
        optional(best.map(|best| p.bytes_per_s / best), |r| format!("{r:.2}")),
        time(p.p50_ns),
        time(p.p99_ns),
        time(p.p999_ns),
    ]);
    fields.resize_with(COLUMNS.len(), none);
    fields
}

fn place(
    path: &str,
    pattern: Pattern,
    cache: Cache,
    block: u64,
    depth: u32,
    threads: u32,
) -> Vec<Field> {
    vec![
        Field(path.to_owned(), None),
        Field(pattern.to_string(), None),
        Field(cache.to_string(), None),
        number(block as f64, |b| units::size(b as u64)),
        number(f64::from(depth), |n| n.to_string()),
        number(f64::from(threads), |n| n.to_string()),
    ]
}

fn number(value: f64, shown: impl Fn(f64) -> String) -> Field {
    Field(shown(value), Some(value))
}

fn optional(value: Option<f64>, shown: impl Fn(f64) -> String) -> Field {
    value.map_or_else(|| Field(String::new(), None), |v| number(v, shown))
}

fn time(ns: Option<u64>) -> Field {
    optional(ns.map(|ns| ns as f64), |ns| units::time(ns as u64))
}
