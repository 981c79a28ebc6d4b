//! `cutwater-rt`: its own executor, and its bridge under Tokio; both through the page cache.

use std::rc::Rc;
use std::sync::Arc;

use cutwater_rt::Runtime;
use cutwater_rt::bridge::{self, Bridge};
use cutwater_rt::fs::File;

use super::workers::{Queue, on_shares};
use super::{Job, Outcome, Peer, PeerError, Tally};

/// `fs::File::read_exact_at` from one task for each read in flight.
pub(crate) struct Native;

impl Peer for Native {
    fn name(&self) -> &'static str {
        "cutwater-rt"
    }

    fn package(&self) -> Option<&'static str> {
        Some("cutwater-rt")
    }

    fn run(&self, job: &Job) -> Result<Outcome, PeerError> {
        on_shares(job, |queue, start| {
            let runtime = Runtime::new().map_err(PeerError::io("start the runtime"))?;
            runtime.block_on(async {
                let file = Rc::new(File::open(&job.path).await.map_err(PeerError::io("open"))?);
                let (queue, len_max) = (Rc::new(queue), job.len_max());
                let clock = start.go();
                let lanes: Vec<_> = (0..job.depth_per_thread())
                    .map(|_| cutwater_rt::spawn(lane(Rc::clone(&file), Rc::clone(&queue), len_max)))
                    .collect();
                let mut tally = Tally::default();
                for lane in lanes {
                    tally.merge(lane.await.map_err(|e| PeerError::Panicked(e.to_string()))??);
                }
                Ok(clock.stop(tally))
            })
        })
    }
}

async fn lane(file: Rc<File>, queue: Rc<Queue>, len_max: usize) -> Result<Tally, PeerError> {
    let mut tally = Tally::default();
    let mut buf = vec![0; len_max];
    while let Some(span) = queue.take() {
        buf.resize(span.len, 0);
        let (done, back) = file.read_exact_at(buf, span.offset).await;
        done.map_err(PeerError::io("read"))?;
        buf = back;
        tally.add(span.offset, &buf);
    }
    Ok(tally)
}

/// `bridge::File::read_at` from tasks of Tokio.
#[cfg(feature = "peer-tokio")]
pub(crate) struct Bridged;

#[cfg(feature = "peer-tokio")]
impl Peer for Bridged {
    fn name(&self) -> &'static str {
        "cutwater-bridge"
    }

    fn package(&self) -> Option<&'static str> {
        Some("cutwater-rt")
    }

    fn run(&self, job: &Job) -> Result<Outcome, PeerError> {
        let bridge = Bridge::new().map_err(PeerError::io("start the bridge"))?;
        on_shares(job, |queue, start| {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            runtime.map_err(PeerError::io("start the runtime"))?.block_on(async {
                let file = bridge.open(&job.path).await.map_err(PeerError::io("open"))?;
                let (queue, len_max) = (Arc::new(queue), job.len_max());
                let clock = start.go();
                let lanes: Vec<_> = (0..job.depth_per_thread())
                    .map(|_| tokio::spawn(bridged_lane(file.clone(), Arc::clone(&queue), len_max)))
                    .collect();
                let mut tally = Tally::default();
                for lane in lanes {
                    tally.merge(lane.await.map_err(|e| PeerError::Panicked(e.to_string()))??);
                }
                Ok(clock.stop(tally))
            })
        })
    }
}

#[cfg(feature = "peer-tokio")]
async fn bridged_lane(
    file: bridge::File,
    queue: Arc<Queue>,
    len_max: usize,
) -> Result<Tally, PeerError> {
    let mut tally = Tally::default();
    let mut buf = vec![0; len_max];
    while let Some(span) = queue.take() {
        buf.resize(span.len, 0);
        let (done, back) = file.read_at(buf, span.offset).await;
        let n = done.map_err(PeerError::io("read"))?;
        buf = back;
        tally.add_whole(span, &buf[..n])?;
    }
    Ok(tally)
}
