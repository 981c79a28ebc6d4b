//! Ours: the chooser, through the call for ranges that are known ahead.

use std::ops::{ControlFlow, Range};

use cutwater::{File, Order, ReadPath};

use super::workers::on_shares;
use super::{Job, Outcome, Peer, PeerError, Tally};

/// `File::read_ranges` with the chooser's path.
pub(crate) struct Cutwater;

impl Peer for Cutwater {
    fn name(&self) -> &'static str {
        super::roster::OURS
    }

    fn package(&self) -> Option<&'static str> {
        Some("cutwater")
    }

    fn run(&self, job: &Job) -> Result<Outcome, PeerError> {
        let depth = u32::try_from(job.depth_per_thread()).unwrap_or(u32::MAX);
        // Where reads past the page cache are not allowed, the map is the chooser's nearest.
        let path = if job.direct { ReadPath::Auto } else { ReadPath::Mmap };
        // The others' runtimes are there before the time starts, and so is ours.
        let _ = cutwater::sigbus::install();
        on_shares(job, |queue, start| {
            get_ready()?;
            let file = File::options().path(path).depth(depth).open(&job.path).map_err(failed)?;
            let ranges: Vec<Range<u64>> = std::iter::from_fn(|| queue.take())
                .map(|s| s.offset..s.offset + s.len as u64)
                .collect();
            let mut tally = Tally::default();
            let clock = start.go();
            file.read_ranges(&ranges, Order::Completion, |piece| {
                tally.add(piece.offset, piece.bytes);
                ControlFlow::Continue(())
            })
            .map_err(failed)?;
            Ok(clock.stop(tally))
        })
    }
}

/// Sets up this thread's ring and buffers on a file that has nothing to do with the job's.
fn get_ready() -> Result<(), PeerError> {
    for path in [ReadPath::Uring, ReadPath::Auto] {
        // Without a ring the chooser goes on without it.
        let Ok(file) = File::options().path(path).open("/proc/self/exe") else { continue };
        let two = [0..64, 8192..8256];
        let ready = file.read_ranges(&two, Order::Completion, |_| ControlFlow::Continue(()));
        ready.map(drop).map_err(failed)?;
    }
    Ok(())
}

fn failed(e: cutwater::Error) -> PeerError {
    PeerError::Unavailable(e.to_string())
}
