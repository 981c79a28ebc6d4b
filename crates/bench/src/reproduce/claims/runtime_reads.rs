//! Reads by many tasks of our runtime, for claims about runtimes.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use cutwater_meter::Checksum;
use cutwater_rt::fs::File;
use cutwater_rt::{Runtime, spawn};

use super::passes::failed;

/// What reading all of some places took.
#[derive(Debug)]
pub(super) struct Reads {
    pub(super) seconds: f64,
    /// Of each read, in the order in which they ended.
    pub(super) us: Vec<f64>,
    pub(super) hash: u64,
}

/// What the tasks share.
struct Work {
    file: File,
    block: usize,
    us: RefCell<Vec<f64>>,
}

/// Has `tasks` tasks read all of `places`, `block` bytes each.
pub(super) fn read_all(
    runtime: &Runtime,
    path: &Path,
    block: usize,
    places: &[u64],
    tasks: usize,
) -> Result<Reads, String> {
    runtime.block_on(async {
        let file = File::open(path).await.map_err(failed)?;
        file.advise(0, 0, rustix::fs::Advice::Random).map_err(failed)?;
        let us = RefCell::new(Vec::with_capacity(places.len()));
        let work = Rc::new(Work { file, block, us });
        let started = Instant::now();
        let share = places.len().div_ceil(tasks).max(1);
        let lanes: Vec<_> = places
            .chunks(share)
            .map(|share| spawn(lane(Rc::clone(&work), share.to_vec())))
            .collect();
        let mut sum = Checksum::new();
        for lane in lanes {
            sum.merge(lane.await.map_err(failed)??);
        }
        let seconds = started.elapsed().as_secs_f64();
        Ok(Reads { seconds, us: work.us.take(), hash: sum.value() })
    })
}

async fn lane(work: Rc<Work>, places: Vec<u64>) -> Result<Checksum, String> {
    let (mut buf, mut sum) = (vec![0; work.block], Checksum::new());
    for at in places {
        let started = Instant::now();
        let (read, back) = work.file.read_exact_at(buf, at).await;
        work.us.borrow_mut().push(started.elapsed().as_secs_f64() * 1e6);
        read.map_err(failed)?;
        buf = back;
        sum.add(at, &buf);
    }
    Ok(sum)
}
