//! The standard library: `pread(2)` from one thread, or from as many as reads in flight.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::workers::Lap;
use super::workers::{Queue, Start, on_shares, on_threads};
use super::{Job, Outcome, Peer, PeerError, Tally};

/// A loop of `pread(2)` on each thread; the depth has no meaning here.
pub(crate) struct Loop;

impl Peer for Loop {
    fn name(&self) -> &'static str {
        "std"
    }

    fn package(&self) -> Option<&'static str> {
        None
    }

    fn run(&self, job: &Job) -> Result<Outcome, PeerError> {
        on_shares(job, |queue, start| read_all(job, &queue, start))
    }
}

/// One thread with a loop of `pread(2)` for each read in flight.
pub(crate) struct Threads;

impl Peer for Threads {
    fn name(&self) -> &'static str {
        "std-threads"
    }

    fn package(&self) -> Option<&'static str> {
        None
    }

    fn run(&self, job: &Job) -> Result<Outcome, PeerError> {
        let queue = Queue::new(job.spans.clone());
        on_threads(job.depth.max(job.threads), |_, start| read_all(job, &queue, start))
    }
}

fn read_all(job: &Job, queue: &Queue, start: Start<'_>) -> Result<Lap, PeerError> {
    let file = File::open(&job.path).map_err(PeerError::io("open"))?;
    let mut buf = vec![0; job.len_max()];
    let mut tally = Tally::default();
    let clock = start.go();
    while let Some(span) = queue.take() {
        let buf = &mut buf[..span.len];
        file.read_exact_at(buf, span.offset).map_err(PeerError::io("pread"))?;
        tally.add_whole(span, buf)?;
    }
    Ok(clock.stop(tally))
}
