//! A small hot file, opened each time or kept.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

use cutwater::Mapped;
use cutwater_keep::hot_files::HotFiles;

use super::passes::failed;
use crate::reproduce::bed::hash_of;
use crate::reproduce::claim::{Claim, Measured};

const READS: usize = 20_000;
const BYTES: usize = 4096;

pub(super) const CLAIM: Claim = Claim {
    id: "hot-small",
    text: "a small hot file read from a descriptor that is held, against opened and read each time",
    claimed_ratio: Some(1.5),
    measure: |bed| {
        let path = bed.small_files(1, BYTES)?.swap_remove(0);
        let held = File::open(&path).map_err(failed)?;
        let map = Mapped::options().populate(true).open(&path).map_err(failed)?;
        let hot = HotFiles::new().map_err(failed)?;
        let names = ["held", "opened each time", "warmed map", "in memory (HotFiles)"];
        let sides = bed.interleave(&names, "us", |side| {
            let mut buf = vec![0; BYTES];
            let started = Instant::now();
            for _ in 0..READS {
                let n = match side {
                    0 => held.read_at(&mut buf, 0).map_err(failed)?,
                    1 => opened(&path, &mut buf).map_err(failed)?,
                    2 => map.read_at(&mut buf, 0).map_err(failed)?,
                    _ => {
                        let file = hot.get(&path).map_err(failed)?;
                        let n = file.bytes().len().min(BYTES);
                        buf[..n].copy_from_slice(&file.bytes()[..n]);
                        n
                    }
                };
                if n != BYTES {
                    return Err(format!("{n} bytes of {BYTES} came"));
                }
            }
            Ok((started.elapsed().as_secs_f64() * 1e6 / READS as f64, hash_of([(0, buf)])))
        })?;
        Ok(Measured::less(sides, |s| {
            let [held, opened, map, hot] = [0, 1, 2, 3].map(|side: usize| s[side].median());
            let (saved, word) =
                ((opened - held).abs(), if held < opened { "less" } else { "more" });
            let latency = 100.0 * (map / held - 1.0);
            format!(
                "a read from the held descriptor takes {held:.2} us, {saved:.2} {word} than open, fstat, read and close; from a warmed map {map:.2}, {latency:+.0} % (claimed -35); looked up by name and copied from memory {hot:.2}"
            )
        }))
    },
};

/// Opens, asks for the length, reads, and closes.
fn opened(path: &Path, buf: &mut [u8]) -> std::io::Result<usize> {
    let file = File::open(path)?;
    let len = (file.metadata()?.len() as usize).min(buf.len());
    file.read_at(&mut buf[..len], 0)
}
