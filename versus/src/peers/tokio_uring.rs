//! tokio-uring: positioned reads on its ring, through the page cache.

use std::rc::Rc;

use tokio_uring::buf::BoundedBuf;
use tokio_uring::fs::File;

use super::workers::{Queue, on_shares};
use super::{Job, Outcome, Peer, PeerError, Tally, ring};

/// `File::read_at` from one task for each read in flight.
pub(crate) struct TokioUring;

impl Peer for TokioUring {
    fn name(&self) -> &'static str {
        "tokio-uring"
    }

    fn package(&self) -> Option<&'static str> {
        Some("tokio-uring")
    }

    fn run(&self, job: &Job) -> Result<Outcome, PeerError> {
        ring::probe()?;
        on_shares(job, |queue, start| {
            let runtime = tokio_uring::Runtime::new(&tokio_uring::builder())
                .map_err(PeerError::io("start the runtime"))?;
            runtime.block_on(async {
                let file = Rc::new(File::open(&job.path).await.map_err(PeerError::io("open"))?);
                let (queue, len_max) = (Rc::new(queue), job.len_max());
                let clock = start.go();
                let lanes: Vec<_> = (0..job.depth_per_thread())
                    .map(|_| tokio_uring::spawn(lane(Rc::clone(&file), Rc::clone(&queue), len_max)))
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
        let (done, slice) = file.read_exact_at(buf.slice(..span.len), span.offset).await;
        done.map_err(PeerError::io("read_at"))?;
        buf = slice.into_inner();
        tally.add(span.offset, &buf[..span.len]);
    }
    Ok(tally)
}
