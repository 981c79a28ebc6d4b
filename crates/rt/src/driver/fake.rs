//! A kernel of which every decision comes from a seed: order, delays, cuts, failures, and time.

use std::collections::VecDeque;
use std::time::Duration;

use cutwater_sys::ring::{Op, Outcome};
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::LifeKey;
use crate::perform::perform;

/// How much time passes while one operation is under way, at most.
const STEP: Duration = Duration::from_micros(50);

/// An operation under way, and those of its chain that come after it.
#[derive(Debug)]
struct Pending {
    key: LifeKey,
    op: Op,
    cancelled: bool,
    rest: VecDeque<(LifeKey, Op)>,
}

/// Operations under way, carried out for real on real files when their turn comes.
#[derive(Debug)]
pub(crate) struct Fake {
    state: u64,
    pending: Vec<Pending>,
    /// The virtual time.
    pub(crate) now: Duration,
}

impl Fake {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            pending: Vec::new(),
            now: Duration::ZERO,
        }
    }

    fn below(&mut self, n: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 11) % n
    }

    pub(crate) fn push(&mut self, key: LifeKey, op: Op) {
        self.push_chain(vec![(key, op)]);
    }

    pub(crate) fn push_chain(&mut self, ops: Vec<(LifeKey, Op)>) {
        self.push_rest(ops.into());
    }

    fn push_rest(&mut self, mut rest: VecDeque<(LifeKey, Op)>) {
        if let Some((key, op)) = rest.pop_front() {
            self.pending.push(Pending { key, op, cancelled: false, rest });
        }
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.pending.len()
    }

    pub(crate) fn cancel(&mut self, key: LifeKey) {
        if let Some(entry) = self.pending.iter_mut().find(|entry| entry.key == key) {
            entry.cancelled = true;
        }
    }

    /// Ends none, one or several operations, in any order; at least one where `must`.
    pub(crate) fn turn(&mut self, must: bool, mut each: impl FnMut(LifeKey, Outcome)) {
        let mut count = self.below(self.pending.len() as u64 + 1);
        if must {
            count = count.max(1);
        }
        for _ in 0..count.min(self.pending.len() as u64) {
            let at = self.below(self.pending.len() as u64) as usize;
            let Pending { key, op, cancelled, rest } = self.pending.swap_remove(at);
            let passed = self.below(STEP.as_nanos() as u64);
            self.now += Duration::from_nanos(passed);
            let outcome = self.end(op, cancelled);
            let whole = outcome.is_whole();
            each(key, outcome);
            if whole {
                self.push_rest(rest);
                continue;
            }
            for (key, op) in rest {
                each(key, Outcome::plain(op, Err(Errno::CANCELED)));
            }
        }
    }

    fn end(&mut self, op: Op, cancelled: bool) -> Outcome {
        // A cancellation may come too late.
        if cancelled && self.below(2) == 0 {
            return Outcome { op, result: Err(Errno::CANCELED), fd: None };
        }
        match self.below(16) {
            0 => Outcome { op, result: Err(Errno::INTR), fd: None },
            1 => Outcome { op, result: Err(Errno::AGAIN), fd: None },
            2..=4 => self.cut(op),
            // What waits for another end must not block the thread that has to serve that end.
            _ => self.perform(op),
        }
    }

    fn perform(&mut self, op: Op) -> Outcome {
        match op {
            Op::Poll { .. }
            | Op::Accept { .. }
            | Op::Recv { .. }
            | Op::RecvFrom { .. }
            | Op::RecvSegments { .. } => Outcome { op, result: Err(Errno::AGAIN), fd: None },
            op => perform(op),
        }
    }

    /// Carries out a part of a read or a write.
    fn cut(&mut self, mut op: Op) -> Outcome {
        if is_direct(&op) {
            return self.cut_direct(op);
        }
        let (Op::Read { buf, at, .. } | Op::Write { buf, at, .. }) = &mut op else {
            return self.perform(op);
        };
        let whole = std::mem::take(buf);
        let len = whole.len().saturating_sub(*at) as u64;
        let part = *at + 1 + if len > 1 { self.below(len - 1) as usize } else { 0 };
        *buf = whole[..part.min(whole.len())].to_vec();
        let mut outcome = perform(op);
        if let Op::Read { buf, .. } | Op::Write { buf, .. } = &mut outcome.op {
            let done = std::mem::replace(buf, whole);
            buf[..done.len()].copy_from_slice(&done);
        }
        outcome
    }

    /// A direct read goes to the memory that it names, and stops on the grid of any device.
    fn cut_direct(&mut self, op: Op) -> Outcome {
        let mut outcome = self.perform(op);
        if let (Op::Read { .. }, Ok(n)) = (&outcome.op, outcome.result)
            && n > DIRECT_GRID
        {
            let pieces = u64::from(n / DIRECT_GRID);
            outcome.result = Ok(DIRECT_GRID * (1 + self.below(pieces) as u32));
        }
        outcome
    }
}

/// A length that every device can stop at.
const DIRECT_GRID: u32 = 4096;

fn is_direct(op: &Op) -> bool {
    let (Op::Read { file, .. } | Op::Write { file, .. }) = op else { return false };
    rustix::fs::fcntl_getfl(file).is_ok_and(|flags| flags.contains(OFlags::DIRECT))
}
