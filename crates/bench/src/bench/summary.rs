//! What the figures say, in sentences.

use cutwater_lab::{Better, Ratio, compare_with_best};

use super::report::{self, Cell, Summary, Worst};
use super::shape::Shape;
use super::units;
use cutwater_shell::words;

/// Ratios nearer to 1 than this are called equal.
const EQUAL: f64 = 1.10;

/// Sums up all groups; `mean` is the mean ratio of `auto` to the best single paths.
pub(super) fn summarize(groups: &[(Shape, &[Cell])], mean: Option<Ratio>) -> Summary {
    let ratios = groups
        .iter()
        .filter_map(|(shape, cells)| Some((*shape, cells.iter().find(|c| c.is_auto())?.interval?)));
    let worst = ratios.min_by(|a, b| a.1.median.total_cmp(&b.1.median)).map(|(shape, interval)| {
        Worst { cell: shape.to_string(), of_best: interval.median, interval }
    });
    Summary {
        auto_of_best: mean.map(|ratio| ratio.median),
        auto_interval: mean,
        worst,
        findings: findings(groups),
    }
}

/// Where another path is faster than the plain one beyond doubt, most first; then how often none is.
fn findings(groups: &[(Shape, &[Cell])]) -> Vec<String> {
    let mut ratios: Vec<_> =
        groups.iter().filter_map(|(shape, cells)| best_against_read(*shape, cells)).collect();
    ratios.sort_by(|a, b| b.0.median.total_cmp(&a.0.median));
    let faster = ratios.iter().filter(|(ratio, _)| ratio.low >= EQUAL);
    let mut findings: Vec<String> = faster.map(|(_, text)| text.clone()).collect();
    let equal = ratios.len() - findings.len();
    if equal > 0 {
        let others = if findings.is_empty() { "" } else { "other " };
        findings.push(format!(
            "in {}, no path is beyond doubt more than {:.0} % faster than read",
            words::counted(equal as u64, &format!("{others}group")),
            (EQUAL - 1.0) * 100.0
        ));
    }
    findings
}

/// How much faster than `read` the best path is, and that in a sentence.
fn best_against_read(shape: Shape, cells: &[Cell]) -> Option<(Ratio, String)> {
    if cells.iter().any(Cell::is_spoiled) {
        return None;
    }
    let best = report::best(cells)?;
    let plain = cells.iter().find(|c| c.path == cutwater::ReadPath::Read.name())?;
    let single: Vec<_> = cells.iter().filter(|c| !c.is_auto()).map(Cell::rates).collect();
    let (_, ratio) =
        compare_with_best(&plain.rates(), &single.iter().collect::<Vec<_>>(), Better::Higher)?;
    let (ratio, rate) = (ratio.ratio().inverse(), units::mib_per_s(best.bytes_per_s));
    Some((ratio, format!("{shape}: {} is {ratio} times read ({rate} MiB/s)", best.path)))
}
