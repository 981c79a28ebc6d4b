//! compio: positioned reads on its ring, through the page cache.

use std::rc::Rc;

use compio::buf::{IntoInner, IoBuf};
use compio::fs::File;
use compio::io::AsyncReadAtExt;
use compio::runtime::Runtime;

use super::workers::{Queue, on_shares};
use super::{Job, Outcome, Peer, PeerError, Tally, ring};

/// `File::read_exact_at` from one task for each read in flight.
pub(crate) struct Compio;

impl Peer for Compio {
    fn name(&self) -> &'static str {
        "compio"
    }

    fn package(&self) -> Option<&'static str> {
        Some("compio")
    }

    fn run(&self, job: &Job) -> Result<Outcome, PeerError> {
        ring::probe()?;
        on_shares(job, |queue, start| {
            let runtime = Runtime::new().map_err(PeerError::io("start the runtime"))?;
            runtime.block_on(async {
                let file = Rc::new(File::open(&job.path).await.map_err(PeerError::io("open"))?);
                let (queue, len_max) = (Rc::new(queue), job.len_max());
                let clock = start.go();
                let lanes: Vec<_> = (0..job.depth_per_thread())
                    .map(|_| {
                        let lane = lane(Rc::clone(&file), Rc::clone(&queue), len_max);
                        compio::runtime::spawn(lane)
                    })
                    .collect();
                let mut tally = Tally::default();
                for lane in lanes {
                    let joined = lane.await;
                    tally.merge(joined.map_err(|e| PeerError::Panicked(e.to_string()))??);
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
        let (done, slice) = file.read_exact_at(buf.slice(..span.len), span.offset).await.into();
        done.map_err(PeerError::io("read_at"))?;
        buf = slice.into_inner();
        tally.add(span.offset, &buf[..span.len]);
    }
    Ok(tally)
}
