//! Random small reads of a cold file, announced through a map.

use cutwater::{Advice, Pattern, ReadPath};
use cutwater_meter::Checksum;

use super::passes::{at_depth, failed, open};
use crate::reproduce::bed::places;
use crate::reproduce::claim::{Claim, Measured};

const BATCH: usize = 32;

pub(super) const CLAIM: Claim = Claim {
    id: "prefetch-4k",
    text: "4 KiB random, cold, 32 at a time: a map with WILLNEED ahead, against O_DIRECT reads one by one",
    claimed_ratio: Some(2.2),
    measure: |bed| {
        let path = bed.file(256)?;
        let spots = places(256 << 20, 4096, if bed.quick { 1024 } else { 4096 });
        let sides =
            bed.interleave(&["map, announced", "O_DIRECT", "map"], "us a read", |side| {
                bed.chill(&path)?;
                let per_read = 1e6 / spots.len() as f64;
                if side == 1 {
                    let (seconds, hash) = at_depth(&path, ReadPath::UringDirect, 4096, &spots, 1)?;
                    return Ok((seconds * per_read, hash));
                }
                let file = open(&path, ReadPath::Mmap, Pattern::Random)?;
                let (mut buf, mut sum) = (vec![0; 4096], Checksum::new());
                let started = std::time::Instant::now();
                for batch in spots.chunks(BATCH) {
                    if side == 0 {
                        for at in batch {
                            file.advise(*at..at + 4096, Advice::WillNeed).map_err(failed)?;
                        }
                    }
                    for at in batch {
                        file.read_exact_at(&mut buf, *at).map_err(failed)?;
                        sum.add(*at, &buf);
                    }
                }
                Ok((started.elapsed().as_secs_f64() * per_read, sum.value()))
            })?;
        Ok(Measured::less(sides, |s| {
            format!(
                "what is announced 32 at a time takes {:.1} us a read; unannounced, the map takes {:.1}",
                s[0].median(),
                s[2].median()
            )
        }))
    },
};
