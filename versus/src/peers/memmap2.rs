//! memmap2: a copy from a map of the whole file.
//!
//! Opened through symbolic-common's `ByteView`, a thin owner of a `memmap2::Mmap`: memmap2's
//! own open cannot be called without `unsafe`, because no one can promise that the file
//! does not change under the slice. Here no other process knows the file.

use symbolic_common::{AccessPattern, ByteView};

use super::workers::on_shares;
use super::{Job, Outcome, Peer, PeerError, Tally};

/// Copies each span out of a map; the depth has no meaning here.
pub(crate) struct Map;

impl Peer for Map {
    fn name(&self) -> &'static str {
        "memmap2"
    }

    fn package(&self) -> Option<&'static str> {
        Some("memmap2")
    }

    fn run(&self, job: &Job) -> Result<Outcome, PeerError> {
        on_shares(job, |queue, start| {
            let map = ByteView::open(&job.path).map_err(PeerError::io("map"))?;
            if job.random {
                map.hint(AccessPattern::Random).map_err(PeerError::io("madvise"))?;
            }
            let mut buf = vec![0; job.len_max()];
            let mut tally = Tally::default();
            let clock = start.go();
            while let Some(span) = queue.take() {
                let from = span.offset as usize;
                let mapped = map.get(from..from + span.len).unwrap_or_default();
                let buf = &mut buf[..mapped.len()];
                buf.copy_from_slice(mapped);
                tally.add_whole(span, buf)?;
            }
            Ok(clock.stop(tally))
        })
    }
}
