//! A small hot file, opened each time or kept.

use std::time::Instant;

use cutwater::HotFiles;

use super::passes::failed;
use crate::reproduce::claim::{Claim, Measured};
use crate::reproduce::lab::hash_of;

const READS: usize = 20_000;

pub(super) const CLAIM: Claim = Claim {
    id: "hot-small",
    text: "a small hot file kept open (or in memory), against opened and read each time",
    claimed_ratio: Some(1.5),
    measure: |lab| {
        let path = lab.small_files(1, 4096)?.swap_remove(0);
        let hot = HotFiles::new().map_err(failed)?;
        let sides = lab.interleave(&["kept", "opened each time"], "us", |side| {
            let mut last = Vec::new();
            let started = Instant::now();
            for _ in 0..READS {
                if side == 0 {
                    let file = hot.get(&path).map_err(failed)?;
                    last.clear();
                    last.extend_from_slice(file.bytes());
                } else {
                    last = std::fs::read(&path).map_err(failed)?;
                }
            }
            Ok((started.elapsed().as_secs_f64() * 1e6 / READS as f64, hash_of([(0, last)])))
        })?;
        Ok(Measured::less(sides, |s| {
            let (kept, opened) = (s[0].median(), s[1].median());
            let (saved, word) =
                ((opened - kept).abs(), if kept < opened { "less" } else { "more" });
            format!(
                "to look up and copy what is kept takes {kept:.2} us, {saved:.2} {word} than open, fstat, read and close"
            )
        }))
    },
};
