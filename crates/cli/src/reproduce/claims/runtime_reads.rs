//! Reads by many tasks of our runtime, for claims about runtimes.

use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use cutwater_meter::Checksum;
use cutwater_rt::fs::File;
use cutwater_rt::{Runtime, spawn};

use super::passes::failed;
use crate::reproduce::lab::Pass;

/// Seconds in which `tasks` tasks read all of `places`, `block` bytes each.
pub(super) fn seconds(
    runtime: &Runtime,
    path: &Path,
    block: usize,
    places: &[u64],
    tasks: usize,
) -> Pass {
    runtime.block_on(async {
        let file = Rc::new(File::open(path).await.map_err(failed)?);
        file.advise(0, 0, rustix::fs::Advice::Random).map_err(failed)?;
        let started = Instant::now();
        let share = places.len().div_ceil(tasks).max(1);
        let lanes: Vec<_> = places
            .chunks(share)
            .map(|share| spawn(lane(Rc::clone(&file), share.to_vec(), block)))
            .collect();
        let mut sum = Checksum::new();
        for lane in lanes {
            sum.merge(lane.await.map_err(failed)??);
        }
        Ok((started.elapsed().as_secs_f64(), sum.value()))
    })
}

async fn lane(file: Rc<File>, places: Vec<u64>, block: usize) -> Result<Checksum, String> {
    let (mut buf, mut sum) = (vec![0; block], Checksum::new());
    for at in places {
        let (read, back) = file.read_exact_at(buf, at).await;
        read.map_err(failed)?;
        buf = back;
        sum.add(at, &buf);
    }
    Ok(sum)
}
