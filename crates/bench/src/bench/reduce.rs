//! From samples to the cells of a report.

use cutwater::ReadPath;
use cutwater_lab::{Better, Comparison, Series, compare_with_best, stats};
use cutwater_meter::Latencies;

use super::group::{Group, PathSamples, Slice};
use super::pass::Sample;
use super::report::{Cell, RunFacts};
use super::shape::Shape;

/// The cells of a group, and how `auto` compares with the best single path; paths without a whole
/// round are left out.
pub(super) fn cells(group: &Group) -> (Vec<Cell>, Option<Comparison>) {
    let wrong = group.mismatches();
    let mut cells: Vec<Cell> = group
        .paths
        .iter()
        .filter(|(_, samples)| !samples.slices.is_empty())
        .map(|(path, samples)| cell(*path, group.shape, samples, !wrong.contains(path)))
        .collect();
    let auto = compared_with_best(&mut cells);
    (cells, auto)
}

/// Compares each path with the best single one, itself included: the best one by luck must not make the others
/// look slower. What was measured in the wrong state decides nothing.
fn compared_with_best(cells: &mut [Cell]) -> Option<Comparison> {
    let all: Vec<Series> = cells.iter().map(Cell::rates).collect();
    let is_auto: Vec<bool> = cells.iter().map(Cell::is_auto).collect();
    if cells.iter().any(Cell::is_spoiled) {
        return None;
    }
    let single: Vec<_> =
        all.iter().zip(&is_auto).filter(|(_, auto)| !**auto).map(|(s, _)| s).collect();
    let mut of_auto = None;
    for (i, cell) in cells.iter_mut().enumerate() {
        let comparison = compare_with_best(&all[i], &single, Better::Higher).map(|(_, c)| c);
        let ratio = comparison.as_ref().map(Comparison::ratio);
        if is_auto[i] {
            of_auto = comparison;
        }
        cell.of_best = ratio.map(|r| r.median);
        cell.word = ratio.map(|r| r.word());
        cell.interval = ratio;
    }
    of_auto
}

fn cell(path: ReadPath, shape: Shape, samples: &PathSamples, hash_ok: bool) -> Cell {
    let all: Vec<&Sample> = samples.slices.iter().map(|r| &r.sample).collect();
    let of = |f: &dyn Fn(&Sample) -> f64| {
        stats::median(&all.iter().map(|s| f(s)).collect::<Vec<_>>()).unwrap_or(0.0)
    };
    // The kernel divides CPU time into user and system time by samples, and few samples fall into
    // one slice.
    let mean = |f: &dyn Fn(&Sample) -> f64| {
        all.iter().map(|s| f(s)).sum::<f64>() / all.len().max(1) as f64
    };
    let rates: Vec<f64> = all.iter().map(|s| s.bytes as f64 / s.seconds).collect();
    let latencies = latencies(shape, samples);
    let (syscalls, syscalls_by) = syscalls(samples, of(&|s| s.counts.syscalls as f64));
    let enters = of(&|s| s.counts.enters as f64);
    let Shape { cache, pattern, block, depth, threads } = shape;
    Cell {
        path: path.name(),
        pattern,
        cache,
        block,
        depth,
        threads,
        reads: all.first().map_or(0, |s| s.reads),
        bytes: all.first().map_or(0, |s| s.bytes),
        bytes_per_s: stats::median(&rates).unwrap_or(0.0),
        ops_per_s: of(&|s| s.reads as f64 / s.seconds),
        spread: stats::spread(&rates).unwrap_or(0.0),
        latency_of: if depth == 1 { "read" } else { "batch" },
        p50_ns: latencies.quantile(0.5),
        p99_ns: latencies.quantile(0.99),
        p999_ns: latencies.quantile(0.999),
        user_cpu: mean(&|s| s.usage.user_ns as f64 / 1e9),
        system_cpu: mean(&|s| s.usage.system_ns as f64 / 1e9),
        minor_faults: of(&|s| s.usage.minor_faults as f64),
        major_faults: of(&|s| s.usage.major_faults as f64),
        voluntary_switches: of(&|s| s.usage.voluntary_switches as f64),
        involuntary_switches: of(&|s| s.usage.involuntary_switches as f64),
        syscalls,
        syscalls_by,
        sqes_per_enter: (enters > 0.0).then(|| of(&|s| s.counts.sqes as f64) / enters),
        punts: all.iter().all(|s| s.punts.is_some()).then(|| of(&|s| s.punts.unwrap_or(0) as f64)),
        peak_rss: all.iter().map(|s| s.peak_rss).max().unwrap_or(0),
        file_rss: all.iter().map(|s| s.file_rss).max().unwrap_or(0),
        resident_before: resident(samples),
        hash: samples.counted.as_ref().map(|s| s.checksum.to_string()).unwrap_or_default(),
        hash_ok,
        chosen: chosen(path, &all),
        reason: (path == ReadPath::Auto).then(|| all.last()?.reason.clone()).flatten(),
        of_best: None,
        interval: None,
        word: None,
        runs: samples.slices.iter().zip(rates).map(|(s, rate)| run_facts(s, rate)).collect(),
    }
}

fn run_facts(slice: &Slice, bytes_per_s: f64) -> RunFacts {
    RunFacts { seconds: slice.sample.seconds, bytes_per_s, resident_before: slice.resident }
}

fn resident(samples: &PathSamples) -> f64 {
    let shares: Vec<_> = samples.slices.iter().map(|s| s.resident).collect();
    stats::median(&shares).unwrap_or(0.0)
}

/// Of all slices at depth 1; else of the pass that was made for it.
fn latencies(shape: Shape, samples: &PathSamples) -> Latencies {
    let mut all = Latencies::new();
    if shape.depth == 1 {
        samples.slices.iter().for_each(|s| all.merge(&s.sample.latencies));
    } else if let Some(sample) = &samples.latency {
        all.merge(&sample.latencies);
    }
    all
}

/// System calls of one slice: the tracepoint's count of the pass that was made for it, scaled
/// to a slice's reads, or else the library's own count.
fn syscalls(samples: &PathSamples, by_counts: f64) -> (f64, &'static str) {
    let reads = samples.slices.first().map_or(0, |s| s.sample.reads) as f64;
    let traced = samples.counted.as_ref().and_then(|s| s.traced_syscalls.zip(Some(s.reads)));
    match traced {
        Some((calls, n)) if n > 0 => (calls as f64 * reads / n as f64, "tracepoint"),
        _ => (by_counts, "counts"),
    }
}

fn chosen(path: ReadPath, all: &[&Sample]) -> std::collections::BTreeMap<&'static str, f64> {
    let mut shares = std::collections::BTreeMap::new();
    if path != ReadPath::Auto {
        return shares;
    }
    for (path, ranges) in all.iter().flat_map(|s| &s.chosen) {
        *shares.entry(path.name()).or_insert(0.0) += *ranges as f64;
    }
    let total: f64 = shares.values().sum();
    shares.values_mut().for_each(|share| *share /= total.max(1.0));
    shares.retain(|_, share| *share > 0.0);
    shares
}
