//! Passes that several claims make.

use std::io::IoSliceMut;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use cutwater::{File, Order, Pattern, ReadPath};
use cutwater_meter::Checksum;

use crate::reproduce::bed::Pass;

pub(super) fn failed(e: impl std::fmt::Display) -> String {
    e.to_string()
}

/// Opens `path` for reads by `by`; fails if the host lacks that path.
pub(super) fn open(path: &Path, by: ReadPath, pattern: Pattern) -> Result<File, String> {
    File::options().path(by).pattern(pattern).depth(32).open(path).map_err(failed)
}

/// Vectors of one call, where the side is `readv`.
const VECTORS: usize = 4;

/// Fills `buf` from `at`; by [`ReadPath::Preadv`] with one call for [`VECTORS`] vectors, as that
/// path itself needs no vectors for one buffer and calls `pread(2)`.
fn fill(file: &File, by: ReadPath, buf: &mut [u8], at: u64) -> Result<(), String> {
    if by != ReadPath::Preadv {
        return file.read_exact_at(buf, at).map_err(failed);
    }
    let (whole, part) = (buf.len(), buf.len().div_ceil(VECTORS));
    let mut rest = buf;
    let mut parts: [IoSliceMut<'_>; VECTORS] = std::array::from_fn(|_| {
        let taken = std::mem::take(&mut rest);
        let (part, after) = taken.split_at_mut(part.min(taken.len()));
        rest = after;
        IoSliceMut::new(part)
    });
    let n = file.read_vectored_at(&mut parts, at).map_err(failed)?;
    if n == whole { Ok(()) } else { Err(format!("the file ended {} bytes early", whole - n)) }
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
            fill(&file, by, &mut buf, n * block)?;
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
    latency_of(&open(path, by, pattern)?, by, block, places, q)
}

/// The same of a file that is open, for reads by `by`.
pub(super) fn latency_of(file: &File, by: ReadPath, block: usize, places: &[u64], q: f64) -> Pass {
    let (mut buf, mut sum) = (vec![0; block], Checksum::new());
    let mut times = Vec::with_capacity(places.len());
    for &at in places {
        let started = Instant::now();
        fill(file, by, &mut buf, at)?;
        times.push(started.elapsed().as_secs_f64() * 1e6);
        sum.add(at, &buf);
    }
    Ok((quantile(&mut times, q), sum.value()))
}

/// The `q` quantile of `values`; 0 if there are none.
pub(super) fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (values.len().saturating_sub(1) as f64 * q).round() as usize;
    values.get(rank).copied().unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::{ReadPath, fill};

    #[test]
    fn readv_fills_all_vectors_and_tells_a_file_that_is_too_short() {
        let mut temp = tempfile::NamedTempFile::new().expect("a file");
        let bytes: Vec<u8> = (0..250).collect();
        temp.write_all(&bytes).expect("written");
        let file = cutwater::File::open(temp.path()).expect("opened");
        for len in [1, 3, 4, 5, 250] {
            let mut buf = vec![0; len];
            fill(&file, ReadPath::Preadv, &mut buf, 250 - len as u64).expect("read");
            assert_eq!(buf, bytes[250 - len..], "{len} bytes");
        }
        let said = fill(&file, ReadPath::Preadv, &mut [0; 251], 0).expect_err("too short");
        assert_eq!(said, "the file ended 1 bytes early");
    }
}
