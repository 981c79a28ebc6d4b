//! A card per group of cells, with a dot per path on one axis.

use std::fmt::Write;

use cutwater_lab::{Axis, escaped};

use crate::bench::report::{self, Cell};
use crate::bench::shape::Shape;
use crate::bench::units;
use cutwater_shell::words;

/// The card.
pub(super) fn card(shape: Shape, cells: &[Cell]) -> String {
    let title = title(shape);
    let drawing = axis(cells).draw(&format!("{title}, share of the best single path's rate"));
    let mut out = format!("<article>\n<h3>{title}</h3>\n{drawing}");
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

fn axis(cells: &[Cell]) -> Axis {
    let best = report::best(cells);
    let mut axis = Axis::default();
    for cell in cells {
        let class = match cell.path {
            path if best.is_some_and(|best| best.path == path) => "best",
            _ if cell.is_auto() => "auto",
            _ => "other",
        };
        let note = note(cell.bytes_per_s, cell.p99_ns);
        if let Some(ratio) = cell.interval {
            axis.add(cell.path, &note, class, ratio);
        }
    }
    axis
}

fn note(bytes_per_s: f64, p99_ns: Option<u64>) -> String {
    let p99 = p99_ns.map(|ns| format!("p99 {}, ", units::time(ns))).unwrap_or_default();
    format!("{p99}{}", units::mib_per_s(bytes_per_s))
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
