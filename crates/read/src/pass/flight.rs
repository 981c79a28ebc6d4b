//! Queued reads: where each stands, and what its completion means.

use cutwater_sys::Errno;

use super::{ATTEMPTS_MAX, Failed};
use crate::pass::items::Item;
use crate::pass::source::QueuedRead;

/// A queued read of one item into one slot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flight {
    pub(crate) item: Item,
    /// Where the read begins: the item's start, or the grid line before it.
    pub(crate) start: u64,
    /// Bytes to read from there: up to the item's end, or the grid line after it.
    len: usize,
    /// Bytes that have come.
    done: usize,
    direct: bool,
    fixed: bool,
    align: u64,
    attempts: u32,
    /// Set when the bytes are in the slot and only the hand-over is left.
    pub(crate) landed: bool,
}

/// What to do after a completion.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The bytes are there.
    Landed,
    /// Queue the rest again.
    Again,
    /// The queue refuses this read: make it inline, through the page cache.
    Inline,
    /// It failed.
    Fail(Failed),
}

impl Flight {
    /// A flight for `item`; direct ones on the grid of `align` bytes.
    pub(crate) fn new(item: Item, direct: bool, fixed: bool, align: u64) -> Self {
        let align = if direct { align.max(1) } else { 1 };
        let start = item.start - item.start % align;
        let len = (item.end - start).next_multiple_of(align) as usize;
        Self { item, start, len, done: 0, direct, fixed, align, attempts: 0, landed: false }
    }

    /// The read to queue for what is still missing.
    pub(crate) fn read(&self, slot: u32) -> QueuedRead {
        QueuedRead {
            slot,
            at: self.done,
            len: self.len - self.done,
            offset: self.start + self.done as u64,
            direct: self.direct,
            fixed: self.fixed,
        }
    }

    /// Takes note of a completion; `size` gives the file's size, where it matters.
    pub(crate) fn complete(
        &mut self,
        result: Result<u32, Errno>,
        size: impl FnOnce() -> Result<u64, Errno>,
    ) -> Next {
        match result {
            Ok(0) => Next::Landed,
            Ok(n) => {
                let progress = n as usize;
                self.done += progress;
                let position = self.start + self.done as u64;
                if position >= self.item.end {
                    return Next::Landed;
                }
                match size() {
                    // Files of /proc say 0 and yet have bytes: they end where a read returns none.
                    Ok(size) if size > 0 && position >= size => return Next::Landed,
                    Ok(_) => {}
                    Err(errno) => return Next::Fail(self.failed(errno)),
                }
                let rest = self.done as u64 % self.align;
                self.done -= rest as usize;
                // Without a whole grid cell gained, going on would never end.
                self.attempts = if progress as u64 > rest { 0 } else { self.attempts + 1 };
                if self.attempts > ATTEMPTS_MAX { Next::Inline } else { Next::Again }
            }
            Err(Errno::INTR | Errno::AGAIN | Errno::CANCELED) => {
                self.attempts += 1;
                if self.attempts > ATTEMPTS_MAX { Next::Inline } else { Next::Again }
            }
            Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::NOMEM | Errno::NOSYS) => Next::Inline,
            Err(errno) => Next::Fail(self.failed(errno)),
        }
    }

    /// The item's bytes within its slot.
    pub(crate) fn bytes<'s>(&self, slot: &'s [u8]) -> &'s [u8] {
        let from = ((self.item.start - self.start) as usize).min(self.done);
        let to = ((self.item.end - self.start) as usize).min(self.done);
        slot.get(from..to).unwrap_or(&[])
    }

    fn failed(&self, errno: Errno) -> Failed {
        let offset = self.start + self.done as u64;
        Failed { errno, offset, len: self.item.end.saturating_sub(offset) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(start: u64, end: u64) -> Item {
        Item { first: 0, count: 1, start, end, last: true }
    }

    #[test]
    fn direct_flights_keep_to_the_grid_and_hand_over_only_the_item() {
        let mut f = Flight::new(item(700, 1500), true, false, 512);
        assert_eq!((f.start, f.read(0).offset, f.read(0).len), (512, 512, 1024));
        assert_eq!(f.complete(Ok(1024), || unreachable!()), Next::Landed);
        let slot: Vec<u8> = (0..=255).cycle().take(4096).collect();
        assert_eq!(f.bytes(&slot), &slot[188..988]);
    }

    #[test]
    fn a_short_direct_read_goes_on_from_a_grid_line() {
        let mut f = Flight::new(item(0, 4096), true, false, 512);
        assert_eq!(f.complete(Ok(700), || Ok(10_000)), Next::Again);
        assert_eq!((f.read(0).at, f.read(0).offset, f.read(0).len), (512, 512, 3584));
        assert_eq!(f.complete(Ok(488), || Ok(1000)), Next::Landed);
        assert_eq!(f.bytes(&[1; 4096]).len(), 1000);
    }

    #[test]
    fn what_never_progresses_ends() {
        let mut f = Flight::new(item(0, 4096), true, false, 512);
        let ends = (0..=ATTEMPTS_MAX + 1).any(|_| f.complete(Ok(3), || Ok(9999)) == Next::Inline);
        assert!(ends);
        let mut f = Flight::new(item(0, 4096), false, false, 1);
        let ends =
            (0..=ATTEMPTS_MAX).any(|_| f.complete(Err(Errno::AGAIN), || Ok(0)) == Next::Inline);
        assert!(ends);
    }

    #[test]
    fn failures_name_where() {
        let mut f = Flight::new(item(100, 200), false, false, 1);
        assert_eq!(f.complete(Ok(10), || Ok(500)), Next::Again);
        let failed = Failed { errno: Errno::IO, offset: 110, len: 90 };
        assert_eq!(f.complete(Err(Errno::IO), || Ok(500)), Next::Fail(failed));
        assert_eq!(f.complete(Err(Errno::INVAL), || Ok(500)), Next::Inline);
    }
}
