//! The first read of a cold file, announced or not.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use rustix::fs::Advice;

use super::passes::failed;
use crate::reproduce::bed::hash_of;
use crate::reproduce::claim::{Claim, Measured};

/// What the announcer does before it reads.
const MEANWHILE: Duration = Duration::from_millis(5);

pub(super) const CLAIM: Claim = Claim {
    id: "willneed",
    text: "the first read of a cold file that was announced with WILLNEED a little before",
    claimed_ratio: Some(8.1),
    measure: |bed| {
        let path = bed.file(64)?;
        let sides = bed.interleave(&["announced", "not announced"], "us", |side| {
            bed.chill(&path)?;
            let file = File::open(&path).map_err(failed)?;
            rustix::fs::fadvise(&file, 0, None, Advice::Random).map_err(failed)?;
            if side == 0 {
                let len = std::num::NonZeroU64::new(64 << 10);
                rustix::fs::fadvise(&file, 32 << 20, len, Advice::WillNeed).map_err(failed)?;
            }
            std::thread::sleep(MEANWHILE);
            let mut buf = vec![0; 4096];
            let started = Instant::now();
            file.read_exact_at(&mut buf, 32 << 20).map_err(failed)?;
            Ok((started.elapsed().as_secs_f64() * 1e6, hash_of([(0, buf)])))
        })?;
        Ok(Measured::less(sides, |s| {
            format!(
                "with {} ms between announcing and reading, the read takes {:.1} us; unannounced {:.0}",
                MEANWHILE.as_millis(),
                s[0].median(),
                s[1].median()
            )
        }))
    },
};
