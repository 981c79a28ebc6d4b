//! A simulated kernel and clock: a seed decides order, delays, short reads and writes, failures, and time.
//!
//! Operations are carried out for real, one at a time. Files and sockets are real; when and how
//! operations end is simulated. Time passes only while nothing else can happen.

mod dice;
mod kernel;

use std::cell::Cell;
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::mem;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cutwater_sys::ring::{Op, Outcome};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use super::readiness::Readiness;
use super::slots::{Holder, OpId, Slots};
use super::sockets::{socket_of, waits_for};
use dice::Dice;

/// The delay of most operations is less than this.
const DELAY: Duration = Duration::from_micros(50);

/// The delay of a few: a slow device, or a slow peer.
const LONG_DELAY: Duration = Duration::from_millis(10);

/// The longest delay where operations fail.
const LONGEST_DELAY: Duration = Duration::from_secs(10);

/// The most time that passes in a turn of a busy core.
const BUSY_STEP: Duration = Duration::from_micros(2);

/// The longest jump of the clock, as after a suspend.
const JUMP: Duration = Duration::from_secs(120);

/// The real time of one wait for closures on other threads, before the clock advances.
const CLOSURES_WAIT: Duration = Duration::from_millis(1);
/// The most such waits: a closure may itself wait for a timer.
const CLOSURES_WAITS_MAX: u32 = 100;

/// The real time after which a waiting program counts as stuck, where operations fail.
const STUCK_AFTER: Duration = Duration::from_secs(2);

/// An operation in flight, and those of its chain that come after it.
#[derive(Debug)]
struct Pending {
    id: OpId,
    op: Op,
    /// When it may end.
    due: Duration,
    cancelled: bool,
    /// It was tried, and waits for a peer.
    blocked: bool,
    rest: VecDeque<(OpId, Op)>,
}

/// Operations in flight, and the virtual time.
#[derive(Debug)]
pub(crate) struct Fake {
    dice: Dice,
    /// Whether operations fail, the clock jumps, and there may be no room.
    fails: bool,
    pending: Vec<Pending>,
    now: Duration,
    /// Where the core waits for other threads, which are real.
    readiness: Readiness,
    /// Closures that run on other threads now.
    closures: Arc<AtomicUsize>,
    /// Waits for them since the last event.
    closure_waits: u32,
    /// Other threads may give it work at any time.
    serves_others: Cell<bool>,
    stuck: bool,
    /// A hash of how and when operations ended.
    history: DefaultHasher,
}

impl Fake {
    pub(super) fn new(seed: u64, fails: bool, readiness: Readiness) -> Self {
        Self {
            dice: Dice::new(seed),
            fails,
            pending: Vec::new(),
            now: Duration::ZERO,
            readiness,
            closures: Arc::default(),
            closure_waits: 0,
            serves_others: Cell::new(false),
            stuck: false,
            history: DefaultHasher::new(),
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.now
    }

    /// A hash of the history so far.
    pub(crate) fn history(&self) -> u64 {
        self.history.finish()
    }

    /// Closures that run on other threads; the code that starts one counts it.
    pub(crate) fn closures(&self) -> &Arc<AtomicUsize> {
        &self.closures
    }

    /// From now on waiting for other threads is no deadlock.
    pub(crate) fn serves_others(&self) {
        self.serves_others.set(true);
    }

    /// Whether the program is deadlocked.
    pub(crate) fn is_stuck(&self) -> bool {
        self.stuck
    }

    /// Whether to refuse an operation although there is room.
    pub(super) fn pretends_to_be_full(&mut self) -> bool {
        self.fails && self.dice.one_in(16)
    }

    /// Takes over a chain; most have one operation.
    pub(super) fn submit(&mut self, ids: &[OpId], ops: Vec<Op>, slots: &mut Slots) {
        ids.iter().for_each(|id| slots.submitted(*id, Holder::Fake));
        self.push(ids.iter().copied().zip(ops).collect());
    }

    fn push(&mut self, mut rest: VecDeque<(OpId, Op)>) {
        if let Some((id, op)) = rest.pop_front() {
            let due = self.now + self.delay();
            let (cancelled, blocked) = (false, false);
            self.pending.push(Pending { id, op, due, cancelled, blocked, rest });
        }
    }

    fn delay(&mut self) -> Duration {
        let most = match self.dice.below(64) {
            0 if self.fails => LONGEST_DELAY,
            0 | 1 => LONG_DELAY,
            _ => DELAY,
        };
        self.some_of(most)
    }

    fn some_of(&mut self, most: Duration) -> Duration {
        Duration::from_nanos(self.dice.below(u64::try_from(most.as_nanos()).unwrap_or(u64::MAX)))
    }

    pub(super) fn cancel(&mut self, id: OpId) {
        if let Some(entry) = self.pending.iter_mut().find(|entry| entry.id == id) {
            (entry.cancelled, entry.due) = (true, entry.due.min(self.now));
        }
    }

    /// Ends operations that are due. If there are none and the core sleeps, advances the clock, or
    /// waits for the real kernel and other threads.
    pub(super) fn turn(&mut self, sleeps: bool, timeout: Option<Duration>, slots: &mut Slots) {
        self.stuck = false;
        if !sleeps {
            let passed = self.some_of(BUSY_STEP);
            self.now += passed;
            self.end_due(false, slots);
            return;
        }
        if self.end_due(true, slots) {
            return;
        }
        let timer = timeout.map(|timeout| self.now + timeout);
        let next = self.pending.iter().filter(|p| !p.blocked).map(|p| p.due).min();
        // A closure takes no simulated time.
        let waits = timer.is_some() && timer <= next.or(timer) && self.wait_for_closures();
        match next.into_iter().chain(timer).min() {
            _ if waits => {}
            Some(at) => {
                self.now = self.now.max(at);
                if self.fails && self.dice.one_in(256) {
                    let passed = self.some_of(JUMP);
                    self.now += passed;
                }
                self.end_due(true, slots);
            }
            None => self.wait_for_others(),
        }
    }

    /// Waits a little for closures on other threads; false if there are none, or the waits are used
    /// up.
    fn wait_for_closures(&mut self) -> bool {
        let runs = self.closures.load(Ordering::Acquire) > 0;
        if !runs || self.closure_waits >= CLOSURES_WAITS_MAX {
            return false;
        }
        self.closure_waits += 1;
        self.readiness.turn(Some(CLOSURES_WAIT));
        true
    }

    /// Waits until another thread wakes the core or a peer is ready.
    fn wait_for_others(&mut self) {
        let of = |entry: &Pending| {
            let file: Arc<OwnedFd> = Arc::clone(socket_of(&entry.op)?);
            Some((file, waits_for(&entry.op)?))
        };
        let waiting: Vec<_> = self.pending.iter().filter_map(of).collect();
        let mut fds: Vec<_> =
            waiting.iter().map(|(file, events)| PollFd::new(file, *events)).collect();
        fds.push(PollFd::from_borrowed_fd(self.readiness.descriptor().as_fd(), PollFlags::IN));
        let waits_for_ever =
            self.fails && !self.serves_others.get() && self.closures.load(Ordering::Acquire) == 0;
        let limit =
            waits_for_ever.then(|| Timespec { tv_sec: STUCK_AFTER.as_secs() as i64, tv_nsec: 0 });
        let ready = rustix::event::poll(&mut fds, limit.as_ref());
        self.stuck = waits_for_ever && ready == Ok(0);
        self.readiness.turn(Some(Duration::ZERO));
    }

    /// Tries all or some of the due operations, in random order. Returns whether one has ended.
    fn end_due(&mut self, all: bool, slots: &mut Slots) -> bool {
        let now = self.now;
        let (mut due, later): (Vec<_>, _) =
            mem::take(&mut self.pending).into_iter().partition(|entry| entry.due <= now);
        self.pending = later;
        let mut ended = false;
        while !due.is_empty() {
            let at = self.dice.below(due.len() as u64) as usize;
            let entry = due.swap_remove(at);
            if !all && self.dice.one_in(4) {
                self.pending.push(entry);
            } else {
                ended |= self.try_one(entry, slots);
            }
        }
        if ended {
            self.closure_waits = 0;
        }
        ended
    }

    /// Tries one operation. Returns whether it has ended.
    fn try_one(&mut self, entry: Pending, slots: &mut Slots) -> bool {
        let Pending { id, op, due, cancelled, blocked, rest } = entry;
        // A cancellation may come too late.
        let tried = if cancelled && (blocked || self.dice.one_in(2)) {
            Ok(Outcome::plain(op, Err(Errno::CANCELED)))
        } else {
            kernel::carry_out(op, self.fails, &mut self.dice)
        };
        let outcome = match tried {
            Ok(outcome) => outcome,
            Err(op) => {
                let blocked = true;
                self.pending.push(Pending { id, op, due, cancelled, blocked, rest });
                return false;
            }
        };
        let result = outcome.result.map_err(Errno::raw_os_error);
        (id, result, self.now, mem::discriminant(&outcome.op)).hash(&mut self.history);
        let whole = outcome.is_whole();
        slots.complete(id, outcome);
        if whole {
            self.push(rest);
            return true;
        }
        for (id, op) in rest {
            slots.complete(id, Outcome::plain(op, Err(Errno::CANCELED)));
        }
        true
    }
}
