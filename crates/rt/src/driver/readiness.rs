//! Operations on sockets without a ring: tried at once, and again when the socket is ready
//! (`epoll(7)`). No thread waits for any of them.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use cutwater_sys::ring::{Op, Outcome, poll_bits};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{PollFlags, Timespec};
use rustix::io::Errno;

use super::perform::perform_now;
use super::remote::Remote;
use super::slots::OpId;
use super::sockets::{socket_of, waits_for};

/// Marks the event by which other threads wake the core; no descriptor has this number.
const WAKE: u64 = u64::MAX;

/// The most sockets looked at after one wait.
const EVENTS_MAX: usize = 256;

/// Operations that wait, by their sockets.
#[derive(Debug)]
pub(super) struct Readiness {
    epoll: Arc<OwnedFd>,
    /// In the order in which they were submitted, so that the bytes of a stream stay in order.
    waiting: BTreeMap<u64, (OpId, Op)>,
    by_socket: HashMap<RawFd, VecDeque<u64>>,
    by_op: HashMap<OpId, u64>,
    ended: VecDeque<(OpId, Outcome)>,
    next: u64,
}

impl Readiness {
    pub(super) fn new(remote: &Remote) -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        // Each write is an edge, so what was written need not be read.
        let flags = EventFlags::IN | EventFlags::ET;
        epoll::add(&epoll, &remote.event, EventData::new_u64(WAKE), flags)?;
        Ok(Self {
            epoll: Arc::new(epoll),
            waiting: BTreeMap::new(),
            by_socket: HashMap::new(),
            by_op: HashMap::new(),
            ended: VecDeque::new(),
            next: 0,
        })
    }

    /// Readable when a socket is ready or another thread wakes the core.
    pub(super) fn descriptor(&self) -> &Arc<OwnedFd> {
        &self.epoll
    }

    pub(super) fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(super) fn has_ended(&self) -> bool {
        !self.ended.is_empty()
    }

    pub(super) fn pop_ended(&mut self) -> Option<(OpId, Outcome)> {
        self.ended.pop_front()
    }

    /// Carries `op` out now, or when its socket is ready.
    pub(super) fn push(&mut self, id: OpId, op: Op) {
        let Some(raw) = socket_of(&op).map(|socket| socket.as_raw_fd()) else { return };
        // An earlier operation of the same direction goes first.
        let behind = self.by_socket.get(&raw).is_some_and(|places| {
            let same = |at: &u64| {
                self.waiting.get(at).is_some_and(|(_, other)| waits_for(other) == waits_for(&op))
            };
            places.iter().any(same)
        });
        let op = if behind {
            op
        } else {
            match perform_now(op) {
                Ok(outcome) => return self.ended.push_back((id, outcome)),
                Err(op) => op,
            }
        };
        self.next += 1;
        self.waiting.insert(self.next, (id, op));
        self.by_op.insert(id, self.next);
        self.by_socket.entry(raw).or_default().push_back(self.next);
        self.arm(raw);
    }

    /// Arms the wait for the socket, for all that wait for it.
    fn arm(&mut self, raw: RawFd) {
        let Some(places) = self.by_socket.get(&raw) else { return };
        let mut flags = EventFlags::ONESHOT;
        let mut socket: Option<BorrowedFd<'_>> = None;
        for (_, op) in places.iter().filter_map(|at| self.waiting.get(at)) {
            flags |= EventFlags::from_bits_retain(
                poll_bits(waits_for(op).unwrap_or(PollFlags::IN)).into(),
            );
            socket = socket_of(op).map(|fd| fd.as_fd());
        }
        let Some(socket) = socket else { return };
        let data = EventData::new_u64(raw as u64);
        let armed = match epoll::modify(&self.epoll, socket, data, flags) {
            Err(Errno::NOENT) => epoll::add(&self.epoll, socket, data, flags),
            other => other,
        };
        if let Err(errno) = armed {
            // EPERM: a regular file is always ready and cannot be waited for. Others are errors.
            self.end_all(raw, errno);
        }
    }

    fn end_all(&mut self, raw: RawFd, errno: Errno) {
        for at in self.by_socket.remove(&raw).unwrap_or_default() {
            let Some((id, op)) = self.waiting.remove(&at) else { continue };
            self.by_op.remove(&id);
            let result = match (&op, errno) {
                (Op::Poll { events, .. }, Errno::PERM) => Ok(poll_bits(*events).into()),
                _ => Err(errno),
            };
            self.ended.push_back((id, Outcome::plain(op, result)));
        }
    }

    /// Ends an operation that waits.
    pub(super) fn cancel(&mut self, id: OpId) {
        let Some(at) = self.by_op.remove(&id) else { return };
        let Some((id, op)) = self.waiting.remove(&at) else { return };
        if let Some(raw) = socket_of(&op).map(|socket| socket.as_raw_fd()) {
            self.forget(raw, at);
        }
        self.ended.push_back((id, Outcome::plain(op, Err(Errno::CANCELED))));
    }

    fn forget(&mut self, raw: RawFd, at: u64) {
        if let Some(places) = self.by_socket.get_mut(&raw) {
            places.retain(|other| *other != at);
            if places.is_empty() {
                self.by_socket.remove(&raw);
            }
        }
    }

    /// Waits for sockets that are ready or for a wake, and carries out what can be.
    pub(super) fn turn(&mut self, timeout: Option<Duration>) {
        let timeout = timeout.map(|t| Timespec {
            tv_sec: i64::try_from(t.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: t.subsec_nanos().into(),
        });
        let mut events: Vec<epoll::Event> = Vec::with_capacity(EVENTS_MAX);
        // A signal ends the wait early, which does no harm.
        let _ = epoll::wait(&self.epoll, spare_capacity(&mut events), timeout.as_ref());
        for event in events {
            match event.data.u64() {
                WAKE => {}
                raw => self.ready(raw as RawFd),
            }
        }
    }

    /// Tries what waits for a socket, in order, until one of each direction has to wait.
    fn ready(&mut self, raw: RawFd) {
        let places: Vec<u64> = self.by_socket.get(&raw).into_iter().flatten().copied().collect();
        let mut blocked = PollFlags::empty();
        for at in places {
            let Some((id, op)) = self.waiting.remove(&at) else { continue };
            let wants = waits_for(&op).unwrap_or(PollFlags::empty());
            let tried = if blocked.intersects(wants) { Err(op) } else { perform_now(op) };
            match tried {
                Ok(outcome) => {
                    self.by_op.remove(&id);
                    self.forget(raw, at);
                    self.ended.push_back((id, outcome));
                }
                Err(op) => {
                    blocked |= wants;
                    self.waiting.insert(at, (id, op));
                }
            }
        }
        self.arm(raw);
    }
}
