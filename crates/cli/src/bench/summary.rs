//! What the figures say, in sentences.

use super::report::{self, Cell, Summary, Worst};
use super::shape::Shape;
use super::stats;
use super::units;
use cutwater_shell::words;

/// Ratios nearer to 1 than this are called equal.
const EQUAL: f64 = 1.10;

/// Over all groups.
pub(super) fn of(groups: &[(Shape, &[Cell])]) -> Summary {
    let ratios: Vec<(Shape, f64)> = groups
        .iter()
        .filter_map(|(shape, cells)| Some((*shape, cells.iter().find(|c| c.is_auto())?.of_best?)))
        .collect();
    let values: Vec<f64> = ratios.iter().map(|(_, ratio)| *ratio).collect();
    let worst = ratios
        .iter()
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(shape, ratio)| Worst { cell: shape.to_string(), of_best: *ratio });
    Summary { auto_of_best: stats::geometric_mean(&values), worst, findings: findings(groups) }
}

/// Where another path is clearly faster than the plain one, most first; then how often none is.
fn findings(groups: &[(Shape, &[Cell])]) -> Vec<String> {
    let mut ratios: Vec<_> =
        groups.iter().filter_map(|(shape, cells)| beside_read(*shape, cells)).collect();
    ratios.sort_by(|a, b| b.0.total_cmp(&a.0));
    let faster = ratios.iter().take_while(|(ratio, _)| *ratio >= EQUAL);
    let mut findings: Vec<String> = faster.map(|(_, text)| text.clone()).collect();
    let equal = ratios.len() - findings.len();
    if equal > 0 {
        let others = if findings.is_empty() { "" } else { "other " };
        findings.push(format!(
            "in {}, no path is more than {:.0} % faster than read",
            words::counted(equal as u64, &format!("{others}group")),
            (EQUAL - 1.0) * 100.0
        ));
    }
    findings
}

/// How much faster than `read` the best path is, and that in a sentence.
fn beside_read(shape: Shape, cells: &[Cell]) -> Option<(f64, String)> {
    let best = report::best(cells)?;
    let plain = cells.iter().find(|c| c.path == cutwater::ReadPath::Read.name())?;
    let ratio = best.bytes_per_s / plain.bytes_per_s.max(1e-9);
    let rate = units::mib_per_s(best.bytes_per_s);
    Some((ratio, format!("{shape}: {} is {} read ({rate} MiB/s)", best.path, times(ratio))))
}

/// `4.6 times`, or `1.23 times` where the second digit matters.
fn times(ratio: f64) -> String {
    if ratio < 2.0 { format!("{ratio:.2} times") } else { format!("{ratio:.1} times") }
}
