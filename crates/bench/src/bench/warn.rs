//! What a reader of the figures has to know: noise, wrong states, bounds, wrong bytes.

use cutwater_lab::Word;

use super::cache::PageCache;
use super::report::{self, Cell, Warning};
use super::shape::{Cache, Shape};

/// Paths whose rates lie this near to each other, or to the fastest direct read, are bound by
/// the device.
const SAME: f64 = 0.05;

/// Warnings about one group of cells.
pub(super) fn about_group(shape: Shape, cells: &[Cell]) -> Vec<Warning> {
    let mut warnings: Vec<Warning> = cells.iter().filter_map(wrong_bytes).collect();
    warnings.extend(wrong_state(shape, cells));
    warnings.extend(noisy(shape, cells));
    warnings
}

/// Which groups the device bounds; known when all cells are.
pub(super) fn about_device(groups: &[(Shape, &[Cell])]) -> Vec<Warning> {
    let cold = groups.iter().filter(|(shape, _)| shape.cache == Cache::Cold);
    let fastest = cold
        .clone()
        .flat_map(|(_, cells)| cells.iter())
        .filter(|c| c.path == cutwater::ReadPath::UringDirect.name())
        .map(|c| c.bytes_per_s)
        .fold(0.0, f64::max);
    cold.filter_map(|(shape, cells)| device_bound(*shape, cells, fastest)).collect()
}

fn device_bound(shape: Shape, cells: &[Cell], fastest: f64) -> Option<Warning> {
    let best = report::best(cells)?.bytes_per_s;
    let least = cells.iter().map(|c| c.bytes_per_s).fold(f64::INFINITY, f64::min);
    let text = if cells.len() > 1 && least >= best * (1.0 - SAME) {
        format!("all paths agree within {:.0} %: the device is the bound", SAME * 100.0)
    } else if fastest > 0.0 && best >= fastest * (1.0 - SAME) {
        "the best path is as fast as any direct read here: the device is the bound".to_owned()
    } else {
        return None;
    };
    Some(Warning { kind: "device-bound", cell: shape.to_string(), text })
}

fn wrong_bytes(cell: &Cell) -> Option<Warning> {
    (!cell.hash_ok).then(|| Warning {
        kind: "hash",
        cell: format!("{}, {}", cell.shape(), cell.path),
        text: format!(
            "THE BYTES DIFFER from those of the other paths (hash {}): either another program \
             wrote to the file meanwhile, or this is a bug in Cutwater, the kernel or the disk; \
             run it again on a file that nobody writes to",
            cell.hash
        ),
    })
}

fn wrong_state(shape: Shape, cells: &[Cell]) -> Option<Warning> {
    let states = cells.iter().flat_map(|c| &c.runs).map(|r| r.resident_before);
    let wrong: Vec<f64> =
        states.filter(|share| !PageCache::is_in_state(shape.cache, *share)).collect();
    let worst = wrong.iter().copied().fold(f64::NAN, f64::max);
    let (kind, why) = match shape.cache {
        _ if wrong.is_empty() => return None,
        Cache::Cold => {
            ("not-cold", "another program has it open or mapped; try --drop-caches as root")
        }
        Cache::Warm => ("not-warm", "memory is too small for it; name a smaller file"),
        Cache::Mixed => ("not-mixed", "another program reads it, or memory is short"),
    };
    Some(Warning {
        kind,
        cell: shape.to_string(),
        text: format!(
            "{:.1} % of the file was in the page cache before {} of the slices; likely cause: {why}",
            worst * 100.0,
            wrong.len()
        ),
    })
}

fn noisy(shape: Shape, cells: &[Cell]) -> Option<Warning> {
    let undecided = cells.iter().filter(|c| c.word == Some(Word::Undecided));
    let names: Vec<_> = undecided.map(|c| c.path).collect();
    (!names.is_empty()).then(|| Warning {
        kind: "noisy",
        cell: shape.to_string(),
        text: format!(
            "whether {} is faster or slower than the best single path is undecided; more rounds \
             (--runs) or a machine with less other work would decide it",
            names.join(" or ")
        ),
    })
}
