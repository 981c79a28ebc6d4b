//! A card per group of cells, with a bar per path.
//!
//! The drawing has no view box: its widths are shares of the card's, and its text keeps its
//! size, so that it can be read on a phone.

use std::fmt::Write;

use super::escaped;
use crate::bench::report::{self, Cell, Peer};
use crate::bench::shape::Shape;
use crate::bench::units;
use cutwater_shell::words;

/// Height of one path's text and bar, pixels.
const ROW: usize = 36;
/// Where the rates differ by more than this, lengths are logarithmic.
const LOG_FROM: f64 = 20.0;
/// Length of the shortest logarithmic bar, percent.
const LOG_LEAST: f64 = 5.0;

struct Bar<'a> {
    name: &'a str,
    class: &'static str,
    rate: f64,
    note: String,
}

/// The card.
pub(super) fn card(shape: Shape, cells: &[Cell], peers: &[&Peer]) -> String {
    let bars = bars(cells, peers);
    let scale = Scale::of(&bars);
    let title = title(shape);
    let spoken: Vec<_> =
        bars.iter().map(|b| format!("{} {}", b.name, units::mib_per_s(b.rate))).collect();
    let mut out = format!(
        "<article>\n<h3>{title}</h3>\n<svg role=\"img\" width=\"100%\" height=\"{}\" \
         aria-label=\"{title}, MiB/s: {}\">\n",
        bars.len() * ROW,
        escaped(&spoken.join(", "))
    );
    for (i, bar) in bars.iter().enumerate() {
        draw(&mut out, i * ROW, bar, scale.percent(bar.rate));
    }
    out.push_str("</svg>\n");
    if scale.log {
        out.push_str("<p class=\"note\">Lengths are logarithmic.</p>\n");
    }
    if let Some(why) = why(cells) {
        let _ = writeln!(out, "<p class=\"why\">{}</p>", escaped(&why));
    }
    out.push_str("</article>\n");
    out
}

fn title(shape: Shape) -> String {
    let Shape { pattern, block, depth, threads, .. } = shape;
    let threads = words::counted(u64::from(threads), "thread");
    format!("{pattern} {}, depth {depth}, {threads}", units::size(block))
}

fn bars<'a>(cells: &'a [Cell], peers: &[&'a Peer]) -> Vec<Bar<'a>> {
    let best = report::best(cells).map(|c| c.path);
    let ours = cells.iter().map(|c| Bar {
        name: c.path,
        class: match c.path {
            path if best == Some(path) => "best",
            _ if c.is_auto() => "auto",
            _ => "other",
        },
        rate: c.bytes_per_s,
        note: c.p99_ns.map(|ns| format!("p99 {}", units::time(ns))).unwrap_or_default(),
    });
    let theirs = peers.iter().map(|p| Bar {
        name: &p.name,
        class: "peer",
        rate: p.bytes_per_s,
        note: p.p99_ns.map(|ns| format!("p99 {}", units::time(ns))).unwrap_or_default(),
    });
    ours.chain(theirs).collect()
}

fn draw(out: &mut String, top: usize, bar: &Bar<'_>, percent: f64) {
    let Bar { name, class, rate, note } = bar;
    let (text, rect) = (top + 14, top + 20);
    let mark = if *class == "best" { " ▲" } else { "" };
    let _ = writeln!(
        out,
        "<text x=\"0\" y=\"{text}\">{}{mark}</text>\
         <text x=\"100%\" y=\"{text}\" text-anchor=\"end\"><tspan class=\"dim\">{}</tspan>\
         <tspan dx=\"10\">{}</tspan></text>\
         <rect class=\"rail\" x=\"0\" y=\"{rect}\" width=\"100%\" height=\"9\" rx=\"2\"/>\
         <rect class=\"{class}\" x=\"0\" y=\"{rect}\" width=\"{percent:.1}%\" height=\"9\" rx=\"2\"/>",
        escaped(name),
        escaped(note),
        units::mib_per_s(*rate),
    );
}

fn why(cells: &[Cell]) -> Option<String> {
    let auto = cells.iter().find(|c| c.is_auto())?;
    let mut shares: Vec<_> = auto.chosen.iter().collect();
    shares.sort_by(|a, b| b.1.total_cmp(a.1));
    let shares: Vec<_> =
        shares.iter().map(|(path, share)| format!("{path} {:.0} %", **share * 100.0)).collect();
    let reason = auto.reason.as_deref().map(|r| format!(": {r}")).unwrap_or_default();
    (!shares.is_empty()).then(|| format!("auto chose {}{reason}", shares.join(", ")))
}

/// From rates to lengths.
struct Scale {
    log: bool,
    least: f64,
    most: f64,
}

impl Scale {
    fn of(bars: &[Bar<'_>]) -> Self {
        let rates = bars.iter().map(|b| b.rate.max(1.0));
        let (least, most) =
            (rates.clone().fold(f64::INFINITY, f64::min), rates.fold(1.0, f64::max));
        Self { log: most > least * LOG_FROM, least, most }
    }

    fn percent(&self, rate: f64) -> f64 {
        let rate = rate.max(1.0);
        if self.log {
            let share = (rate / self.least).ln() / (self.most / self.least).ln();
            LOG_LEAST + share * (100.0 - LOG_LEAST)
        } else {
            rate / self.most * 100.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(rates: [f64; 2]) -> Scale {
        Scale::of(&rates.map(|rate| Bar { name: "", class: "", rate, note: String::new() }))
    }

    #[test]
    fn lengths_are_linear_until_rates_lie_far_apart() {
        let near = scale([100.0, 400.0]);
        assert!(!near.log);
        assert_eq!((near.percent(400.0), near.percent(100.0)), (100.0, 25.0));
        let far = scale([10.0, 10_000.0]);
        assert!(far.log);
        assert_eq!((far.percent(10_000.0), far.percent(10.0)), (100.0, LOG_LEAST));
    }
}
