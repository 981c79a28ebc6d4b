//! A file and a queue that fail as kernels do, by a seed: reads cut short, interrupted, refused
//! for now or for good, ended in any order, on a file that changes its size.

use std::cell::{Cell, RefCell};
use std::ops::Range;

use cutwater_sys::Errno;
use cutwater_sys::buffer::Buffer;
use cutwater_sys::pio::Vectors;
use cutwater_sys::ring::{Completion, PushError};
use cutwater_testing::Dice;

use crate::pass::lane::Lane;
use crate::pass::source::{Queue, QueuedRead, Source};

/// Calls after which a pass is taken to hang.
const CALLS_MAX: u64 = 500_000;

/// Reads that the queue of submissions takes before it is full.
const SUBMISSIONS_MAX: usize = 7;

/// Bytes of the queue's arena.
const ARENA_BYTES: usize = 256 << 10;

/// The byte of the file at `offset`, whatever its size.
pub(super) fn byte_at(offset: u64) -> u8 {
    (offset.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
}

/// What goes wrong, of 100 calls each.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Faults {
    pub(super) short: u64,
    /// `EINTR`, `EAGAIN`, and of the queue `ECANCELED`.
    pub(super) passing: u64,
    /// `EINVAL`, `EOPNOTSUPP`, `ENOMEM`: this way not at all. Never of a plain read.
    pub(super) refused: u64,
    /// Before a call the size becomes another one between these two.
    pub(super) resized: u64,
    /// Reading this byte fails with `EIO`.
    pub(super) broken: Option<u64>,
}

/// A file between two sizes.
#[derive(Debug)]
pub(super) struct FakeFile {
    sizes: (u64, u64),
    size: Cell<u64>,
    faults: Faults,
    align: u64,
    dice: RefCell<Dice>,
    calls: Cell<u64>,
}

impl FakeFile {
    pub(super) fn new(sizes: (u64, u64), align: u64, faults: Faults, seed: u64) -> Self {
        let (size, calls) = (Cell::new(sizes.1), Cell::new(0));
        Self { sizes, size, faults, align, dice: RefCell::new(Dice::new(seed)), calls }
    }

    /// A number below `n`.
    pub(super) fn dice(&self, n: u64) -> u64 {
        self.dice.borrow_mut().below(n.max(1))
    }

    fn happens(&self, of_100: u64) -> bool {
        self.dice(100) < of_100
    }

    fn any(&self, errnos: &[Errno]) -> Errno {
        errnos[self.dice(errnos.len() as u64) as usize]
    }

    fn count_call(&self) {
        self.calls.set(self.calls.get() + 1);
        assert!(self.calls.get() < CALLS_MAX, "the pass hangs");
        if self.happens(self.faults.resized) {
            self.size.set(self.sizes.0 + self.dice(self.sizes.1 - self.sizes.0 + 1));
        }
    }

    /// One attempt, of a call or of the queue.
    fn attempt(&self, buf: &mut [u8], offset: u64, direct: bool) -> Result<usize, Errno> {
        let grid = if direct { self.align } else { 1 };
        let is_on_grid = |n: u64| n.is_multiple_of(grid);
        assert!(is_on_grid(offset) && is_on_grid(buf.len() as u64), "a direct read off the grid");
        if offset.saturating_add(buf.len() as u64) > i64::MAX as u64 {
            return Err(Errno::INVAL);
        }
        let mut n = self.size.get().saturating_sub(offset).min(buf.len() as u64);
        if let Some(broken) = self.faults.broken.filter(|b| (offset..offset + n).contains(b)) {
            n = broken - broken % grid - offset;
            if n == 0 {
                return Err(Errno::IO);
            }
        }
        if n > 1 && self.happens(self.faults.short) {
            n = 1 + self.dice(n);
        }
        for (i, byte) in buf[..n as usize].iter_mut().enumerate() {
            *byte = byte_at(offset + i as u64);
        }
        Ok(n as usize)
    }
}

impl Source for FakeFile {
    fn size(&self) -> Result<u64, Errno> {
        self.count_call();
        Ok(self.size.get())
    }

    fn read(&self, lane: Lane, buf: &mut [u8], offset: u64) -> Result<usize, Errno> {
        assert!(!buf.is_empty(), "a read of nothing looks like the end of the file");
        self.count_call();
        if self.happens(self.faults.passing) {
            return Err(self.any(&[Errno::INTR, Errno::AGAIN]));
        }
        if !lane.is_plain() && self.happens(self.faults.refused) {
            return Err(self.any(&[Errno::INVAL, Errno::OPNOTSUPP]));
        }
        self.attempt(buf, offset, lane == Lane::DirectRead)
    }

    fn read_slots(
        &self,
        _: &mut Vectors,
        buf: &mut Buffer,
        slot_bytes: usize,
        lens: &[usize],
        offset: u64,
    ) -> Result<usize, Errno> {
        self.count_call();
        if self.happens(self.faults.passing) {
            return Err(self.any(&[Errno::INTR, Errno::AGAIN]));
        }
        let mut whole = vec![0; lens.iter().sum()];
        let n = self.attempt(&mut whole, offset, false)?;
        let mut from = &whole[..n];
        for (slot, &len) in buf.as_mut_slice().chunks_mut(slot_bytes).zip(lens) {
            let (here, rest) = from.split_at(len.min(from.len()));
            slot[..here.len()].copy_from_slice(here);
            from = rest;
        }
        Ok(n)
    }

    fn is_resident(&self, _: Range<u64>) -> Result<bool, Errno> {
        Ok(self.dice(2) == 0)
    }

    fn align(&self) -> Option<u64> {
        Some(self.align)
    }
}

/// A queue of reads on a [`FakeFile`].
#[derive(Debug)]
pub(super) struct FakeQueue<'f> {
    file: &'f FakeFile,
    arena: Vec<u8>,
    slot_bytes: usize,
    queued: Vec<QueuedRead>,
    in_flight: Vec<QueuedRead>,
    ended: Vec<Completion>,
}

impl<'f> FakeQueue<'f> {
    pub(super) fn new(file: &'f FakeFile) -> Self {
        let arena = vec![0xdd; ARENA_BYTES];
        Self { file, arena, slot_bytes: 1, queued: vec![], in_flight: vec![], ended: vec![] }
    }

    /// Whether the kernel may write to `slot`, or has and was not heard.
    fn is_busy(&self, slot: u32) -> bool {
        let mut busy = self.queued.iter().chain(&self.in_flight);
        busy.any(|r| r.slot == slot) || self.ended.iter().any(|c| c.slot == slot)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.queued.is_empty() && self.in_flight.is_empty() && self.ended.is_empty()
    }

    fn slot(&self, slot: u32) -> Range<usize> {
        let at = slot as usize * self.slot_bytes;
        at..at + self.slot_bytes
    }

    /// Ends one read, any.
    fn end_one(&mut self) {
        let read = self.in_flight.swap_remove(self.file.dice(self.in_flight.len() as u64) as usize);
        let slot = self.slot(read.slot);
        let (file, faults) = (self.file, &self.file.faults);
        let into = &mut self.arena[slot][read.at..read.at + read.len];
        let result = if file.happens(faults.passing) {
            // The kernel may have written before it gave up.
            into.fill(0xdd);
            Err(file.any(&[Errno::INTR, Errno::AGAIN, Errno::CANCELED]))
        } else if file.happens(faults.refused) {
            Err(file.any(&[Errno::INVAL, Errno::OPNOTSUPP, Errno::NOMEM]))
        } else {
            file.attempt(into, read.offset, read.direct).map(|n| n as u32)
        };
        self.ended.push(Completion { slot: read.slot, result });
    }
}

impl Queue<FakeFile> for FakeQueue<'_> {
    fn cut(&mut self, slot_bytes: usize) -> Result<usize, Errno> {
        assert!(self.is_idle(), "the arena is cut anew under reads in flight");
        self.slot_bytes = slot_bytes;
        Ok(self.arena.len() / slot_bytes)
    }

    fn push(&mut self, _: &FakeFile, read: &QueuedRead) -> Result<(), PushError> {
        self.file.count_call();
        assert!(!self.is_busy(read.slot), "slot {} is given to two reads", read.slot);
        assert!(read.len > 0 && read.at + read.len <= self.slot_bytes, "{read:?} fits its slot");
        if self.file.happens(self.file.faults.refused) {
            return Err(PushError::Invalid);
        }
        if self.queued.len() == SUBMISSIONS_MAX {
            return Err(PushError::Full);
        }
        self.queued.push(*read);
        Ok(())
    }

    fn submit_and_wait(&mut self, want: usize) -> Result<(), Errno> {
        self.file.count_call();
        let busy = self.queued.len() + self.in_flight.len() + self.ended.len();
        assert!(want <= busy, "waits for {want} of {busy} reads, so for ever");
        if self.file.happens(self.file.faults.passing) {
            return Err(self.file.any(&[Errno::AGAIN, Errno::BUSY]));
        }
        self.in_flight.append(&mut self.queued);
        // A signal ends the wait early.
        let interrupted = self.file.happens(self.file.faults.passing);
        let least = if interrupted { 0 } else { want.saturating_sub(self.ended.len()) };
        let more = self.file.dice(self.in_flight.len() as u64 + 1) as usize;
        for _ in 0..more.max(least).min(self.in_flight.len()) {
            self.end_one();
        }
        Ok(())
    }

    fn reap(&mut self, out: &mut Vec<Completion>) -> usize {
        let n = self.ended.len();
        out.append(&mut self.ended);
        n
    }

    fn bytes(&self, slot: u32) -> Option<&[u8]> {
        assert!(!self.is_busy(slot), "slot {slot} is lent while it is in flight");
        Some(&self.arena[self.slot(slot)])
    }

    fn quiesce(&mut self) -> Result<(), Errno> {
        self.queued.clear();
        self.in_flight.clear();
        self.ended.clear();
        self.arena.fill(0xdd);
        Ok(())
    }
}
