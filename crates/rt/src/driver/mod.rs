//! Who carries operations out: the ring, a pool, or a fake; and the life of each operation.

mod degrade;
mod fake;
mod operation;
mod parking;
pub(crate) mod pool;
mod readiness;
pub(crate) mod remote;

/// What `parking` is made of; its test under loom has others in this place.
mod atomics {
    pub(super) use std::sync::atomic::{AtomicBool, Ordering, fence};
}

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::time::Duration;

use cutwater_sys::ring::{
    DATAGRAM_HEAD_BYTES, Event, GroupId, Op, OpKey, OpRing, Outcome, Part, RingConfig,
};
use cutwater_sys::udp;
use rustix::event::PollFlags;
use rustix::io::Errno;

pub use degrade::{Degraded, Path};
pub use operation::{Linked, Operation, Operations};

use degrade::Degrade;
use fake::Fake;
use pool::{Job, Pool};
use readiness::Readiness;
use remote::Remote;

/// The number of an operation's life; used again once it is over.
pub(crate) type LifeKey = u32;

/// Entries of a core's ring.
const RING_ENTRIES: u32 = 256;

/// Buffers of a core for receives that go on. A connection that is idle holds none of them.
const GROUP_BUFFERS: u16 = 512;

/// Bytes of each: small messages fit, and larger ones are received into the caller's buffer, from
/// where on that is faster (docs/net.md).
pub(crate) const GROUP_BUFFER_BYTES: u32 = 8192;

/// Buffers of a core for datagrams that come together, once a socket has asked for that.
const LARGE_BUFFERS: u16 = 16;

/// Bytes of each: as many as come together, and the head.
const LARGE_BUFFER_BYTES: u32 = 66 << 10;
const _: () =
    assert!(LARGE_BUFFER_BYTES as usize >= udp::COALESCED_BYTES_MAX + DATAGRAM_HEAD_BYTES);

/// Things that an operation which goes on may bring before they are taken; then it is ended, and
/// begun again when they were. So a reader that is slow holds a sixteenth of the core's buffers.
const UNTAKEN_MAX: usize = 32;

/// Completions that a core's ring holds: as many connections may have something at a time before
/// the kernel keeps completions aside.
const RING_COMPLETIONS: u32 = 4096;

/// A core waits so long at a time: the kernel adds what it is told to its clock, and a sum that is too
/// large is over at once.
const WAIT_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// What carries operations out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Backend {
    /// The ring, or the pool where the host refuses one.
    #[default]
    Auto,
    /// The ring.
    Ring,
    /// A pool of threads that block.
    Pool,
    /// A kernel and a clock of which every decision comes from this seed: for tests.
    Fake(u64),
}

/// The life of an operation.
#[derive(Debug)]
enum Life {
    /// Given away; nobody waits yet.
    Submitted(By),
    /// Given away; this is woken by the completion.
    Waiting(By, Waker),
    /// It goes on, and has brought something already.
    Flowing(Box<Flow>),
    /// Nobody wants it any more. What it owns is freed by the completion.
    Cancelled,
    /// Over; to be taken.
    Completed(Outcome),
}

/// What an operation that goes on has brought and nobody has taken.
#[derive(Debug)]
struct Flow {
    by: By,
    parts: VecDeque<Part>,
    waker: Option<Waker>,
    /// It has ended too.
    end: Option<Outcome>,
}

/// Who has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Ring(OpKey),
    Pool,
    Readiness,
    Fake,
}

/// What a core did, in counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Operations given to the ring.
    pub submitted: u64,
    /// Calls of `io_uring_enter(2)`.
    pub enters: u64,
    /// Completions taken from the ring.
    pub completed: u64,
    /// Times at which there were completions to take.
    pub reaps: u64,
    /// Completions that found the ring's queue full.
    pub overflows: u64,
    /// Operations that a pool did.
    pub pooled: u64,
    /// Operations on sockets that waited for readiness (`epoll(7)`), or did not have to.
    pub readied: u64,
    /// Reads answered from the page cache, without an operation.
    pub inline: u64,
    /// Polls of tasks.
    pub polls: u64,
    /// Wakes by a completion or a task of the same thread.
    pub wakes_local: u64,
    /// Wakes by another thread.
    pub wakes_remote: u64,
    /// Times at which another thread had to wake the kernel's wait.
    pub told: u64,
    /// Operations that had to wait, as too many were in flight.
    pub held_back: u64,
    /// Changes between ring and pool.
    pub switches: u64,
    /// Operations in flight now.
    pub in_flight: u64,
    /// Samples of how long tasks waited in the run queue: class `n` is from 2^n ns on and below
    /// twice that; the last holds all that is longer.
    pub delays: [u64; crate::executor::CLASSES],
}

/// Operations of one core.
#[derive(Debug)]
pub(crate) struct Driver {
    ring: Option<OpRing>,
    fake: Option<Fake>,
    pool: Arc<Pool>,
    /// For sockets where operations do not go through the ring.
    readiness: Readiness,
    /// Buffers from which receives that go on take.
    group: Option<GroupId>,
    /// Those from which datagrams take that come together.
    group_large: Option<GroupId>,
    /// Operations that go on and have brought too much that nobody took; to be ended.
    to_end: Vec<LifeKey>,
    /// The ring's number of the message to another core of which is not known that it arrived.
    telling: Option<OpKey>,
    /// The kernel has no messages between rings, or refuses them.
    pub(crate) messages_refused: bool,
    pub(crate) remote: Arc<Remote>,
    /// Why there is no ring.
    pub(crate) refused: Option<io::Error>,
    lives: Vec<Option<Life>>,
    free: Vec<LifeKey>,
    /// The life of each operation that the ring has, by the ring's number.
    of_ring: Vec<Option<LifeKey>>,
    in_flight: usize,
    /// Those among them that only wait for a peer: they are bounded by the descriptors that
    /// there are, and must not keep others from being begun, who may be what the peer waits for.
    waiting_for_peers: usize,
    in_flight_max: usize,
    /// Who waits until there is room.
    held_back: VecDeque<Waker>,
    /// The ring's number of the wait for other threads.
    event: Option<OpKey>,
    degrade: Degrade,
    overflows_seen: u64,
    counters: Counters,
}

impl Driver {
    pub(crate) fn new(
        backend: Backend,
        pool: Arc<Pool>,
        in_flight_max: usize,
        refuse_messages: bool,
    ) -> io::Result<Self> {
        let config = RingConfig {
            entries: RING_ENTRIES,
            completions: RING_COMPLETIONS,
            refuse_messages,
            ..RingConfig::default()
        };
        let (mut ring, mut refused, mut fake) = (None, None, None);
        match backend {
            Backend::Fake(seed) => fake = Some(Fake::new(seed)),
            Backend::Pool => {}
            Backend::Ring => ring = Some(OpRing::new(&config)?),
            Backend::Auto => match OpRing::new(&config) {
                Ok(new) => ring = Some(new),
                Err(errno) => {
                    let why = io::Error::from(errno);
                    tracing::info!(%why, "no io_uring: operations go to a pool of threads");
                    refused = Some(why);
                }
            },
        }
        let descriptor = ring.as_ref().map(OpRing::descriptor).transpose()?;
        let remote = Arc::new(Remote::new(descriptor.map(Arc::new))?);
        Ok(Self {
            ring,
            fake,
            pool,
            readiness: Readiness::new(&remote)?,
            group: None,
            group_large: None,
            to_end: Vec::new(),
            telling: None,
            messages_refused: false,
            remote,
            refused,
            lives: Vec::new(),
            free: Vec::new(),
            of_ring: Vec::new(),
            in_flight: 0,
            waiting_for_peers: 0,
            in_flight_max: in_flight_max.max(1),
            held_back: VecDeque::new(),
            event: None,
            degrade: Degrade::default(),
            overflows_seen: 0,
            counters: Counters::default(),
        })
    }

    pub(crate) fn has_ring(&self) -> bool {
        self.ring.is_some()
    }

    /// The virtual time, where there is one.
    pub(crate) fn virtual_now(&self) -> Option<Duration> {
        self.fake.as_ref().map(|fake| fake.now)
    }

    pub(crate) fn force(&mut self, path: Option<Path>) {
        self.degrade.force(path);
    }

    pub(crate) fn path(&self) -> Path {
        if self.ring.is_some() { self.degrade.path() } else { Path::Cold }
    }

    pub(crate) fn why_degraded(&self) -> Option<Degraded> {
        self.degrade.reason
    }

    pub(crate) fn counters(&self) -> Counters {
        let ring = self.ring.as_ref().map(OpRing::counts).unwrap_or_default();
        Counters {
            submitted: ring.pushed,
            enters: ring.enters,
            completed: ring.reaped,
            reaps: ring.reaps,
            overflows: ring.overflows,
            switches: self.degrade.switches,
            told: self.remote.told.load(Ordering::Relaxed),
            in_flight: self.in_flight as u64,
            ..self.counters
        }
    }

    /// Gives an operation away; it comes back where there are too many, and `waker` is woken
    /// when there is room.
    fn submit(&mut self, op: Op, waker: &Waker) -> Result<LifeKey, Op> {
        let for_peer = readiness::waits_for_peer(&op);
        if !for_peer && self.has_no_room() {
            self.counters.held_back += 1;
            self.held_back.push_back(waker.clone());
            return Err(op);
        }
        let key = self.new_life();
        self.in_flight += 1;
        self.waiting_for_peers += usize::from(for_peer);
        let by = self.give(key, op);
        // A ring that cannot take it may have answered for it already.
        if self.lives[key as usize].is_none() {
            self.lives[key as usize] = Some(Life::Submitted(by));
        }
        Ok(key)
    }

    /// Gives operations away that are to be done one after the other; as [`Driver::submit`].
    fn submit_linked(&mut self, ops: Vec<Op>, waker: &Waker) -> Result<Vec<LifeKey>, Vec<Op>> {
        let counted = self.in_flight - self.waiting_for_peers;
        if counted > 0 && counted + ops.len() > self.in_flight_max {
            self.counters.held_back += 1;
            self.held_back.push_back(waker.clone());
            return Err(ops);
        }
        let keys: Vec<LifeKey> = ops.iter().map(|_| self.new_life()).collect();
        for op in &ops {
            self.in_flight += 1;
            self.waiting_for_peers += usize::from(readiness::waits_for_peer(op));
        }
        self.give_linked(&keys, ops);
        Ok(keys)
    }

    fn give_linked(&mut self, keys: &[LifeKey], ops: Vec<Op>) {
        let pairs = |ops: Vec<Op>| keys.iter().copied().zip(ops).collect::<Vec<_>>();
        if let Some(fake) = &mut self.fake {
            fake.push_chain(pairs(ops));
            return self.given(keys, |_| By::Fake);
        }
        let hot = self.degrade.path() == Path::Hot;
        let ops = match (&mut self.ring, hot) {
            (Some(ring), true) => match ring.push_linked(ops) {
                Ok(ring_keys) => {
                    for (ring_key, key) in ring_keys.iter().zip(keys) {
                        let at = *ring_key as usize;
                        self.of_ring.resize(self.of_ring.len().max(at + 1), None);
                        self.of_ring[at] = Some(*key);
                    }
                    return self.given(keys, |at| By::Ring(ring_keys[at]));
                }
                Err((ops, Errno::INVAL)) => {
                    for (key, op) in pairs(ops) {
                        self.is_over(&op);
                        let outcome = Outcome::plain(op, Err(Errno::INVAL));
                        self.lives[key as usize] = Some(Life::Completed(outcome));
                    }
                    return;
                }
                Err((ops, _)) => {
                    self.degrade.refused();
                    ops
                }
            },
            _ => ops,
        };
        self.degrade.went_cold();
        self.counters.pooled += ops.len() as u64;
        self.pool.give(Job::Chain(pairs(ops), Arc::clone(&self.remote)));
        self.given(keys, |_| By::Pool);
    }

    fn given(&mut self, keys: &[LifeKey], by: impl Fn(usize) -> By) {
        for (at, key) in keys.iter().enumerate() {
            self.lives[*key as usize] = Some(Life::Submitted(by(at)));
        }
    }

    fn new_life(&mut self) -> LifeKey {
        self.free.pop().unwrap_or_else(|| {
            self.lives.push(None);
            self.lives.len() as LifeKey - 1
        })
    }

    fn has_no_room(&self) -> bool {
        self.in_flight - self.waiting_for_peers >= self.in_flight_max
    }

    /// An operation is no longer in flight.
    fn is_over(&mut self, op: &Op) {
        self.in_flight -= 1;
        self.waiting_for_peers -= usize::from(readiness::waits_for_peer(op));
    }

    fn give(&mut self, key: LifeKey, op: Op) -> By {
        if let Some(fake) = &mut self.fake {
            fake.push(key, op);
            return By::Fake;
        }
        let hot = self.degrade.path() == Path::Hot;
        let op = match (&mut self.ring, hot) {
            (Some(ring), true) => match ring.push(op) {
                Ok(ring_key) => {
                    let at = ring_key as usize;
                    self.of_ring.resize(self.of_ring.len().max(at + 1), None);
                    self.of_ring[at] = Some(key);
                    return By::Ring(ring_key);
                }
                Err((op, Errno::INVAL)) => {
                    self.is_over(&op);
                    let outcome = Outcome::plain(op, Err(Errno::INVAL));
                    self.lives[key as usize] = Some(Life::Completed(outcome));
                    return By::Pool;
                }
                Err((op, _)) => {
                    self.degrade.refused();
                    op
                }
            },
            _ => op,
        };
        self.degrade.went_cold();
        if readiness::waits_for(&op).is_some() {
            self.counters.readied += 1;
            self.readiness.push(key, op);
            return By::Readiness;
        }
        self.counters.pooled += 1;
        self.pool.give(Job::Op(key, op, Arc::clone(&self.remote)));
        By::Pool
    }

    /// The outcome, where it is there; else `waker` is woken by it.
    fn poll(&mut self, key: LifeKey, waker: &Waker) -> Option<Outcome> {
        let slot = self.lives.get_mut(key as usize)?;
        match slot.take() {
            Some(Life::Completed(outcome)) => {
                self.free.push(key);
                Some(outcome)
            }
            Some(Life::Submitted(by)) => {
                *slot = Some(Life::Waiting(by, waker.clone()));
                None
            }
            Some(Life::Waiting(by, mut known)) => {
                known.clone_from(waker);
                *slot = Some(Life::Waiting(by, known));
                None
            }
            other => {
                *slot = other;
                None
            }
        }
    }

    /// What an operation that goes on brings next; its outcome is the last.
    fn poll_next(&mut self, key: LifeKey, waker: &Waker) -> Option<Event> {
        let slot = self.lives.get_mut(key as usize)?;
        let Some(Life::Flowing(flow)) = slot else {
            return self.poll(key, waker).map(Event::End);
        };
        if let Some(part) = flow.parts.pop_front() {
            return Some(Event::Part(part));
        }
        if let Some(outcome) = flow.end.take() {
            *slot = None;
            self.free.push(key);
            return Some(Event::End(outcome));
        }
        flow.waker = Some(waker.clone());
        None
    }

    /// Things that an operation which goes on has brought and nobody has taken.
    fn untaken(&self, key: LifeKey) -> usize {
        match self.lives.get(key as usize) {
            Some(Some(Life::Flowing(flow))) => flow.parts.len(),
            _ => 0,
        }
    }

    /// The group of buffers for receives that go on; nothing where there is no ring now, or the
    /// kernel has no such groups.
    pub(crate) fn group(&mut self) -> Option<GroupId> {
        if self.degrade.path() != Path::Hot {
            return None;
        }
        let ring = self.ring.as_mut()?;
        if self.group.is_none() {
            self.group = ring.add_group(GROUP_BUFFERS, GROUP_BUFFER_BYTES).ok();
        }
        self.group
    }

    /// As [`Driver::group`], of buffers that hold as many datagrams as come together.
    pub(crate) fn group_large(&mut self) -> Option<GroupId> {
        if self.degrade.path() != Path::Hot {
            return None;
        }
        let ring = self.ring.as_mut()?;
        if self.group_large.is_none() {
            self.group_large = ring.add_group(LARGE_BUFFERS, LARGE_BUFFER_BYTES).ok();
        }
        self.group_large
    }

    /// Whether operations that go on can be had.
    pub(crate) fn goes_on(&self) -> bool {
        self.ring.is_some() && self.degrade.path() == Path::Hot
    }

    /// Asks whoever has it to end it early; it still has an outcome.
    fn ask_to_end(&mut self, key: LifeKey) {
        let by = match self.lives.get(key as usize).and_then(Option::as_ref) {
            Some(Life::Submitted(by) | Life::Waiting(by, _)) => *by,
            Some(Life::Flowing(flow)) if flow.end.is_none() => flow.by,
            _ => return,
        };
        match (by, &mut self.ring, &mut self.fake) {
            // Where it cannot be asked, the operation ends by itself, later.
            (By::Ring(ring_key), Some(ring), _) => drop(ring.cancel(ring_key)),
            (By::Fake, _, Some(fake)) => fake.cancel(key),
            (By::Readiness, _, _) => self.readiness.cancel(key),
            // A call that blocks cannot be called back.
            _ => {}
        }
    }

    /// Nobody wants the outcome any more.
    fn orphan(&mut self, key: LifeKey) {
        self.ask_to_end(key);
        let Some(slot) = self.lives.get_mut(key as usize) else { return };
        match slot.take() {
            Some(Life::Completed(_)) => self.free.push(key),
            Some(Life::Flowing(flow)) if flow.end.is_some() => self.free.push(key),
            Some(_) => *slot = Some(Life::Cancelled),
            None => {}
        }
    }

    fn brought(&mut self, key: LifeKey, part: Part) {
        let Some(slot) = self.lives.get_mut(key as usize) else { return };
        let (by, waker) = match slot.take() {
            Some(Life::Flowing(mut flow)) => {
                flow.parts.push_back(part);
                if flow.parts.len() == UNTAKEN_MAX {
                    self.to_end.push(key);
                }
                let waker = flow.waker.take();
                *slot = Some(Life::Flowing(flow));
                return waker.into_iter().for_each(Waker::wake);
            }
            Some(Life::Submitted(by)) => (by, None),
            Some(Life::Waiting(by, waker)) => (by, Some(waker)),
            // The part goes: its descriptor is closed, its buffer given back.
            other => return *slot = other,
        };
        let parts = VecDeque::from([part]);
        *slot = Some(Life::Flowing(Box::new(Flow { by, parts, waker: None, end: None })));
        waker.into_iter().for_each(Waker::wake);
    }

    fn completed(&mut self, key: LifeKey, outcome: Outcome) {
        self.is_over(&outcome.op);
        let Some(slot) = self.lives.get_mut(key as usize) else { return };
        match slot.take() {
            Some(Life::Waiting(_, waker)) => {
                *slot = Some(Life::Completed(outcome));
                waker.wake();
            }
            Some(Life::Submitted(_)) => *slot = Some(Life::Completed(outcome)),
            Some(Life::Flowing(mut flow)) => {
                flow.end = Some(outcome);
                let waker = flow.waker.take();
                *slot = Some(Life::Flowing(flow));
                waker.into_iter().for_each(Waker::wake);
            }
            // Its buffer is freed and its descriptor closed here.
            Some(Life::Cancelled) | Some(Life::Completed(_)) | None => self.free.push(key),
        }
    }

    /// One turn: gives away what waits, and takes what has ended. With `idle`, waits until
    /// something has, but not longer than `timeout`.
    pub(crate) fn turn(&mut self, idle: bool, timeout: Option<Duration>) {
        let timeout = timeout.map(|timeout| timeout.min(WAIT_MAX));
        // Whoever was woken to take the room may be gone: then it is the next one's.
        let room_wanted = !self.held_back.is_empty() && !self.has_no_room();
        let ended = self.readiness.has_ended();
        let sleeps = idle && !room_wanted && !ended && self.remote.may_sleep();
        if self.fake.is_some() {
            self.turn_fake(sleeps, timeout);
        } else if self.ring.is_some() {
            self.turn_ring(sleeps, timeout);
        } else {
            self.readiness.turn(if sleeps { timeout } else { Some(Duration::ZERO) });
        }
        self.remote.awake();
        while let Some((key, outcome)) = self.readiness.pop_ended() {
            self.completed(key, outcome);
        }
        while let Some((key, outcome)) = self.remote.outcomes.pop() {
            self.completed(key, outcome);
        }
        let counted = self.in_flight - self.waiting_for_peers;
        for _ in counted..self.in_flight_max {
            let Some(waker) = self.held_back.pop_front() else { break };
            waker.wake();
        }
    }

    /// Wakes another core by a message to its ring, at once; false where that may not have arrived.
    pub(crate) fn tell(&mut self, remote: &Remote) -> bool {
        let Some(target) = remote.ring.as_ref().filter(|_| !self.messages_refused) else {
            return false;
        };
        let Some(mut ring) = self.ring.take() else { return false };
        self.telling = ring.push(Op::Wake { ring: Arc::clone(target) }).ok();
        let pushed = self.telling.is_some();
        if pushed {
            // The kernel delivers it, or refuses, before it returns; what it kept back is not
            // among the completions. A wake of this core that is, its next wait finds again.
            let _ = ring.submit();
            self.reap(&mut ring);
        }
        self.ring = Some(ring);
        self.telling.take().is_none() && pushed
    }

    fn turn_ring(&mut self, sleeps: bool, timeout: Option<Duration>) {
        let Some(mut ring) = self.ring.take() else { return };
        if sleeps && self.event.is_none() {
            let events = PollFlags::IN;
            let op = Op::Poll { file: Arc::clone(self.readiness.descriptor()), events };
            self.event = ring.push(op).ok();
        }
        let submitted = if sleeps && self.event.is_none() {
            // A ring that takes nothing is not waited in, or nobody could wake us.
            self.readiness.turn(Some(Duration::from_millis(1)));
            ring.submit()
        } else if sleeps {
            ring.submit_and_wait(timeout)
        } else if ring.in_flight() > usize::from(self.event.is_some()) {
            // One enter submits what this turn pushed (up to BUDGET tasks' operations, more than
            // the 16 from which batches save no more) and takes what has ended; the kernel
            // prepares completions only when it is entered.
            ring.submit_and_wait(Some(Duration::ZERO))
        } else {
            Ok(())
        };
        let told = self.reap(&mut ring);
        if told || self.readiness.waits() {
            self.readiness.turn(Some(Duration::ZERO));
        }
        match submitted {
            Ok(()) => self.degrade.accepted(),
            Err(_) => self.degrade.refused(),
        }
        let overflows = ring.counts().overflows;
        self.degrade.turned(overflows > self.overflows_seen);
        self.overflows_seen = overflows;
        self.ring = Some(ring);
        for key in std::mem::take(&mut self.to_end) {
            self.ask_to_end(key);
        }
    }

    /// Takes what the ring has completed; whether another thread or a socket wants us.
    fn reap(&mut self, ring: &mut OpRing) -> bool {
        let mut told = false;
        ring.reap(|ring_key, event| {
            let outcome = match event {
                Event::Part(part) => {
                    let key = self.of_ring.get(ring_key as usize).copied().flatten();
                    if let Some(key) = key {
                        self.brought(key, part);
                    }
                    return;
                }
                Event::End(outcome) => outcome,
            };
            if self.event == Some(ring_key) {
                (self.event, told) = (None, true);
                return;
            }
            if matches!(outcome.op, Op::Wake { .. }) {
                let arrived = self.telling == Some(ring_key) && outcome.result.is_ok();
                self.telling = self.telling.filter(|_| !arrived);
                if let Err(why) = outcome.result {
                    self.message_refused(why);
                }
                return;
            }
            let key = self.of_ring.get_mut(ring_key as usize).and_then(Option::take);
            let short = matches!(outcome.result, Err(Errno::AGAIN | Errno::NOMEM));
            self.degrade.completed(short);
            if let Some(key) = key {
                self.completed(key, outcome);
            }
        });
        told
    }

    /// A message to another core did not arrive: whether to try the next by its event at once.
    fn message_refused(&mut self, why: Errno) {
        // Others pass: the other ring is full, or going away.
        let for_good = [Errno::INVAL, Errno::OPNOTSUPP, Errno::ACCESS, Errno::PERM];
        if for_good.contains(&why) && !self.messages_refused {
            self.messages_refused = true;
            let why = io::Error::from(why);
            tracing::info!(%why, "no IORING_OP_MSG_RING: cores wake each other by eventfd");
        }
    }

    fn turn_fake(&mut self, sleeps: bool, timeout: Option<Duration>) {
        let Some(mut fake) = self.fake.take() else { return };
        if fake.in_flight() == 0 && sleeps {
            match timeout {
                // Nothing else can happen before.
                Some(timeout) => fake.now += timeout,
                None => self.readiness.turn(None),
            }
        }
        fake.turn(sleeps, |key, outcome| self.completed(key, outcome));
        self.fake = Some(fake);
    }
}
