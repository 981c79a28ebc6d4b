//! monoio: positioned reads on its ring, through the page cache.

use std::rc::Rc;

use monoio::buf::IoBufMut;
use monoio::fs::File;
use monoio::{IoUringDriver, RuntimeBuilder};

use super::workers::{Queue, on_shares};
use super::{Job, Outcome, Peer, PeerError, Tally, ring};

/// `File::read_exact_at` from one task for each read in flight.
pub(crate) struct Monoio;

impl Peer for Monoio {
    fn name(&self) -> &'static str {
        "monoio"
    }

    fn package(&self) -> Option<&'static str> {
        Some("monoio")
    }

    fn run(&self, job: &Job) -> Result<Outcome, PeerError> {
        ring::probe()?;
        on_shares(job, |queue, start| {
            let mut runtime = RuntimeBuilder::<IoUringDriver>::new()
                .build()
                .map_err(PeerError::io("start the runtime"))?;
            runtime.block_on(async {
                let file = Rc::new(File::open(&job.path).await.map_err(PeerError::io("open"))?);
                let (queue, len_max) = (Rc::new(queue), job.len_max());
                let clock = start.go();
                let lanes: Vec<_> = (0..job.depth_per_thread())
                    .map(|_| monoio::spawn(lane(Rc::clone(&file), Rc::clone(&queue), len_max)))
                    .collect();
                let mut tally = Tally::default();
                for lane in lanes {
                    tally.merge(lane.await?);
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
        let (done, slice) = file.read_exact_at(buf.slice_mut(..span.len), span.offset).await;
        done.map_err(PeerError::io("read_at"))?;
        buf = slice.into_inner();
        tally.add(span.offset, &buf[..span.len]);
    }
    Ok(tally)
}
