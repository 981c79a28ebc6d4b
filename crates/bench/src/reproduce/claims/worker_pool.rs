//! Many files, one after another or by a pool.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use cutwater_meter::Checksum;

use super::passes::failed;
use crate::reproduce::claim::{Claim, Measured};

const FILES: usize = 50;

pub(super) const CLAIM: Claim = Claim {
    id: "worker-pool",
    text: "50 cold files read by a pool of workers, against one after another",
    claimed_ratio: Some(12.0),
    measure: |bed| {
        let paths = bed.small_files(FILES, 64 << 10)?;
        let sides = bed.interleave(&["pool", "one by one"], "ms", |side| {
            paths.iter().try_for_each(|path| bed.chill(path))?;
            let (next, sum) = (AtomicUsize::new(0), Mutex::new(Checksum::new()));
            let work = || -> std::io::Result<()> {
                while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let bytes = std::fs::read(path)?;
                    if let Ok(mut sum) = sum.lock() {
                        sum.add(u64::from(bytes[0]), &bytes);
                    }
                }
                Ok(())
            };
            let started = Instant::now();
            std::thread::scope(|scope| {
                let workers: Vec<_> =
                    (0..if side == 0 { FILES } else { 1 }).map(|_| scope.spawn(work)).collect();
                workers.into_iter().try_for_each(|w| {
                    w.join().map_err(|_| "a worker panicked".to_owned())?.map_err(failed)
                })
            })?;
            let sum = sum.into_inner().map_err(failed)?;
            Ok((started.elapsed().as_secs_f64() * 1e3, sum.value()))
        })?;
        Ok(Measured::less(sides, |s| {
            let rate = |ms: f64| FILES as f64 * 1e3 / ms;
            let cpus = std::thread::available_parallelism().map_or(1, usize::from);
            format!(
                "{:.0} files a second by {FILES} threads on {cpus} cores, which are started for it, against {:.0}: one by one a cold file takes {:.2} ms, by the pool {:.2}",
                rate(s[0].median()),
                rate(s[1].median()),
                s[1].median() / FILES as f64,
                s[0].median() / FILES as f64
            )
        }))
    },
};
