//! CPU time of reading a large file.

use std::os::unix::fs::FileExt;
use std::path::Path;

use cutwater::maps::LeaseOptions;
use cutwater::{Frozen, Pattern, ReadPath};
use cutwater_sys::usage;

use super::passes::{failed, in_order, open};
use crate::reproduce::bed::{Bed, Gauge};
use crate::reproduce::claim::{Claim, Figure, Measured};

const BLOCK: usize = 64 << 10;

const IN_PLACE: Gauge = Gauge {
    what: "the same with every word added up, the map's in place",
    unit: "CPU s",
    claimed_ratio: None,
};

pub(super) const CLAIM: Claim = Claim {
    id: "mmap-cpu",
    text: "CPU time of reading a large resident file by mmap is 70 % less than by read",
    claimed_ratio: Some(3.3),
    measure: |bed| {
        let path = bed.file(bed.sized(1024, 256))?;
        bed.warm(&path)?;
        let paths = [ReadPath::Mmap, ReadPath::Read];
        // The bytes are checked here, so that no hash is in the time that is measured.
        let [mapped, read] = paths.map(|by| in_order(&path, by, BLOCK as u64));
        let (hash, other) = (mapped?.1, read?.1);
        if hash != other {
            return Err("mmap and read gave different bytes".into());
        }
        let sides = bed.interleave(&["mmap", "read"], "CPU s", |side| {
            Ok((cpu_seconds(|| copied(&path, paths[side]))?.0, hash))
        })?;
        let in_place = in_place(bed, &path);
        let measured = Measured::less(sides, |s| {
            let [map, read] = [0, 1].map(|side: usize| s[side].median());
            let percent = 100.0 * (1.0 - map / read).abs();
            let word = if map <= read { "less" } else { "more" };
            let words = match &in_place {
                Ok(figure) => {
                    let [map, read] = [0, 1].map(|side: usize| figure.sides[side].median());
                    format!(
                        "where every word is added up, in place in the map, it takes {map:.3} s against {read:.3}"
                    )
                }
                Err(why) => format!("a map that lends its bytes cannot be had: {why}"),
            };
            format!(
                "to copy {percent:.0} % {word} CPU time is needed by mmap than by read (claimed 70 % less); {words}"
            )
        });
        Ok(measured.with(in_place))
    },
};

/// What `work` gives, and the CPU seconds of this thread that it took.
fn cpu_seconds<T>(work: impl FnOnce() -> Result<T, String>) -> Result<(f64, T), String> {
    let before = usage::thread();
    let done = work()?;
    let used = usage::thread().since(before);
    Ok(((used.user_ns + used.system_ns) as f64 / 1e9, done))
}

/// Copies all of the file into one buffer, block by block.
fn copied(path: &Path, by: ReadPath) -> Result<(), String> {
    let file = open(path, by, Pattern::Sequential)?;
    let (size, mut buf) = (file.size().map_err(failed)?, vec![0; BLOCK]);
    for at in (0..size).step_by(BLOCK) {
        file.read_exact_at(&mut buf, at).map_err(failed)?;
        std::hint::black_box(&mut buf);
    }
    Ok(())
}

/// Sums of all words, from a map without a copy and from blocks that were read.
fn in_place(bed: &Bed, path: &Path) -> Result<Figure, String> {
    let options = LeaseOptions::default();
    bed.beside(IN_PLACE, &["mmap", "read"], |side| {
        let (seconds, sum) = cpu_seconds(|| match side {
            0 => Ok(sum_of(Frozen::by_lease(path, &options).map_err(failed)?.as_bytes())),
            _ => sum_by_read(path),
        })?;
        Ok((seconds, sum))
    })
}

fn sum_of(bytes: &[u8]) -> u64 {
    let words = bytes.as_chunks::<8>().0.iter();
    words.fold(0, |sum, word| sum.wrapping_add(u64::from_le_bytes(*word)))
}

fn sum_by_read(path: &Path) -> Result<u64, String> {
    let file = std::fs::File::open(path).map_err(failed)?;
    let (mut buf, mut at, mut sum) = (vec![0; BLOCK], 0, 0u64);
    loop {
        match file.read_at(&mut buf, at).map_err(failed)? {
            0 => return Ok(sum),
            n => {
                sum = sum.wrapping_add(sum_of(&buf[..n]));
                at += n as u64;
            }
        }
    }
}
