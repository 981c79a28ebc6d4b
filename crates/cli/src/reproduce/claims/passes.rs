//! Passes that several claims make.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use cutwater::{File, Order, Pattern, ReadPath};
use cutwater_meter::Checksum;

use crate::reproduce::lab::Pass;

pub(super) fn failed(e: impl std::fmt::Display) -> String {
    e.to_string()
}

/// Opens `path` for reads by `by`; a path that the host lacks is told.
pub(super) fn open(path: &Path, by: ReadPath, pattern: Pattern) -> Result<File, String> {
    File::options().path(by).pattern(pattern).depth(32).open(path).map_err(failed)
}

/// Seconds to read a file in order, in blocks of `block` bytes; through a queue, all are known ahead.
pub(super) fn in_order(path: &Path, by: ReadPath, block: u64) -> Pass {
    let file = open(path, by, Pattern::Sequential)?;
    let size = file.size().map_err(failed)?;
    let mut sum = Checksum::new();
    let started = Instant::now();
    if matches!(by, ReadPath::Uring | ReadPath::UringDirect) {
        let ranges: Vec<_> = (0..size / block).map(|n| n * block..(n + 1) * block).collect();
        let add = |piece: cutwater::Piece<'_>| {
            sum.add(piece.offset, piece.bytes);
            ControlFlow::Continue(())
        };
        file.read_ranges(&ranges, Order::Completion, add).map_err(failed)?;
    } else {
        let mut buf = vec![0; block as usize];
        for n in 0..size / block {
            file.read_exact_at(&mut buf, n * block).map_err(failed)?;
            sum.add(n * block, &buf);
        }
    }
    Ok((started.elapsed().as_secs_f64(), sum.value()))
}

/// Microseconds that single reads at `places` take, at the quantile `q`.
pub(super) fn latency(
    path: &Path,
    by: ReadPath,
    pattern: Pattern,
    block: usize,
    places: &[u64],
    q: f64,
) -> Pass {
    let file = open(path, by, pattern)?;
    let (mut buf, mut sum) = (vec![0; block], Checksum::new());
    let mut times = Vec::with_capacity(places.len());
    for &at in places {
        let started = Instant::now();
        file.read_exact_at(&mut buf, at).map_err(failed)?;
        times.push(started.elapsed().as_secs_f64() * 1e6);
        sum.add(at, &buf);
    }
    times.sort_by(f64::total_cmp);
    let rank = ((times.len() as f64 - 1.0) * q).round() as usize;
    Ok((times.get(rank).copied().unwrap_or_default(), sum.value()))
}

/// Seconds to read all of `places` with up to `depth` reads known ahead.
pub(super) fn at_depth(path: &Path, by: ReadPath, block: u64, places: &[u64], depth: u32) -> Pass {
    let file = File::options().path(by).pattern(Pattern::Random).depth(depth).open(path);
    let file = file.map_err(failed)?;
    let ranges: Vec<_> = places.iter().map(|at| *at..at + block).collect();
    let mut sum = Checksum::new();
    let started = Instant::now();
    for batch in ranges.chunks(if depth == 1 { 1 } else { ranges.len() }) {
        file.read_ranges(batch, Order::Completion, |piece| {
            sum.add(piece.offset, piece.bytes);
            ControlFlow::Continue(())
        })
        .map_err(failed)?;
    }
    Ok((started.elapsed().as_secs_f64(), sum.value()))
}
