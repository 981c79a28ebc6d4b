//! A simulated kernel: a seed decides order, delays, short reads and writes, failures, and time.

use std::collections::VecDeque;
use std::time::Duration;

use cutwater_sys::ring::{Op, Outcome};
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::perform::perform;
use super::readiness::Readiness;
use super::slots::{Holder, OpId, Slots};

/// The most time that passes while one operation is in flight.
const STEP: Duration = Duration::from_micros(50);

/// An operation in flight, and those of its chain that come after it.
#[derive(Debug)]
struct Pending {
    id: OpId,
    op: Op,
    cancelled: bool,
    rest: VecDeque<(OpId, Op)>,
}

/// Operations in flight, carried out for real on real files when their turn comes.
#[derive(Debug)]
pub(super) struct Fake {
    state: u64,
    pending: Vec<Pending>,
    /// The virtual time.
    now: Duration,
    /// Where the core waits for other threads, which are real.
    readiness: Readiness,
}

impl Fake {
    pub(super) fn new(seed: u64, readiness: Readiness) -> Self {
        Self {
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            pending: Vec::new(),
            now: Duration::ZERO,
            readiness,
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.now
    }

    fn below(&mut self, n: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 11) % n
    }

    /// Takes a chain over; most have one operation.
    pub(super) fn submit(&mut self, ids: &[OpId], ops: Vec<Op>, slots: &mut Slots) {
        ids.iter().for_each(|id| slots.submitted(*id, Holder::Fake));
        self.push(ids.iter().copied().zip(ops).collect());
    }

    fn push(&mut self, mut rest: VecDeque<(OpId, Op)>) {
        if let Some((id, op)) = rest.pop_front() {
            self.pending.push(Pending { id, op, cancelled: false, rest });
        }
    }

    pub(super) fn cancel(&mut self, id: OpId) {
        if let Some(entry) = self.pending.iter_mut().find(|entry| entry.id == id) {
            entry.cancelled = true;
        }
    }

    /// Ends operations; where there are none and the core sleeps, lets the time pass, or waits for
    /// another thread.
    pub(super) fn turn(&mut self, sleeps: bool, timeout: Option<Duration>, slots: &mut Slots) {
        if self.pending.is_empty() && sleeps {
            match timeout {
                // Nothing else can happen before.
                Some(timeout) => self.now += timeout,
                None => self.readiness.turn(None),
            }
        }
        self.end_some(sleeps, slots);
    }

    /// Ends none, one or several operations, in any order; at least one where it `must`.
    fn end_some(&mut self, must: bool, slots: &mut Slots) {
        let mut count = self.below(self.pending.len() as u64 + 1);
        if must {
            count = count.max(1);
        }
        for _ in 0..count.min(self.pending.len() as u64) {
            let at = self.below(self.pending.len() as u64) as usize;
            let Pending { id, op, cancelled, rest } = self.pending.swap_remove(at);
            let passed = self.below(STEP.as_nanos() as u64);
            self.now += Duration::from_nanos(passed);
            let outcome = self.end(op, cancelled);
            let whole = outcome.is_whole();
            slots.complete(id, outcome);
            if whole {
                self.push(rest);
                continue;
            }
            for (id, op) in rest {
                slots.complete(id, Outcome::plain(op, Err(Errno::CANCELED)));
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
            // An operation that waits for a peer must not block the thread: the peer may run on it.
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

    /// A direct read goes to its own memory, and may stop only on the grid of any device.
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
