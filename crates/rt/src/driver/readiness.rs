//! Operations on sockets where there is no ring: tried at once, and again whenever the socket is
//! ready (`epoll(7)`). No thread waits for any of them.

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

use super::LifeKey;
use super::remote::Remote;
use crate::perform::perform_now;

/// Marks the event by which other threads wake the core; no descriptor has this number.
const WAKE: u64 = u64::MAX;

/// Sockets that are looked at after one wait.
const EVENTS_MAX: usize = 256;

/// What a socket must be ready for before `op` can be carried out without waiting; nothing for what
/// is not for sockets.
pub(super) fn waits_for(op: &Op) -> Option<PollFlags> {
    Some(match op {
        Op::Accept { .. } | Op::Recv { .. } => PollFlags::IN,
        Op::RecvFrom { .. } | Op::RecvSegments { .. } => PollFlags::IN,
        Op::Send { .. } | Op::SendZeroCopy { .. } => PollFlags::OUT,
        Op::SendVectored { .. } | Op::SendTo { .. } | Op::SendSegments { .. } => PollFlags::OUT,
        Op::Poll { events, .. } => *events,
        _ => return None,
    })
}

/// Whether an operation ends when a peer does something, be that never.
pub(super) fn waits_for_peer(op: &Op) -> bool {
    matches!(op, Op::AcceptMany { .. } | Op::RecvMany { .. } | Op::RecvFromMany { .. })
        || waits_for(op).is_some()
}

/// The socket of an operation.
fn socket_of(op: &Op) -> Option<&Arc<OwnedFd>> {
    match op {
        Op::Accept { socket }
        | Op::Recv { socket, .. }
        | Op::RecvFrom { socket, .. }
        | Op::Send { socket, .. }
        | Op::SendZeroCopy { socket, .. }
        | Op::SendVectored { socket, .. }
        | Op::SendTo { socket, .. }
        | Op::SendSegments { socket, .. }
        | Op::RecvSegments { socket, .. }
        | Op::Poll { file: socket, .. } => Some(socket),
        _ => None,
    }
}

/// Operations that wait, by their sockets.
#[derive(Debug)]
pub(super) struct Readiness {
    epoll: Arc<OwnedFd>,
    /// In the order in which they came, as bytes of a stream must stay in theirs.
    waiting: BTreeMap<u64, (LifeKey, Op)>,
    by_socket: HashMap<RawFd, VecDeque<u64>>,
    by_life: HashMap<LifeKey, u64>,
    ended: VecDeque<(LifeKey, Outcome)>,
    next: u64,
}

impl Readiness {
    pub(super) fn new(remote: &Remote) -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        // Each write is an edge: nobody need read what was written.
        let flags = EventFlags::IN | EventFlags::ET;
        epoll::add(&epoll, &remote.event, EventData::new_u64(WAKE), flags)?;
        Ok(Self {
            epoll: Arc::new(epoll),
            waiting: BTreeMap::new(),
            by_socket: HashMap::new(),
            by_life: HashMap::new(),
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

    pub(super) fn pop_ended(&mut self) -> Option<(LifeKey, Outcome)> {
        self.ended.pop_front()
    }

    /// Carries `op` out now, or when its socket is ready.
    pub(super) fn push(&mut self, key: LifeKey, op: Op) {
        let Some(raw) = socket_of(&op).map(|socket| socket.as_raw_fd()) else { return };
        // What came before goes first.
        let behind = self.by_socket.get(&raw).is_some_and(|ids| {
            let same =
                |id: &u64| self.waiting.get(id).is_some_and(|w| waits_for(&w.1) == waits_for(&op));
            ids.iter().any(same)
        });
        let op = if behind {
            op
        } else {
            match perform_now(op) {
                Ok(outcome) => return self.ended.push_back((key, outcome)),
                Err(op) => op,
            }
        };
        self.next += 1;
        self.waiting.insert(self.next, (key, op));
        self.by_life.insert(key, self.next);
        self.by_socket.entry(raw).or_default().push_back(self.next);
        self.arm(raw);
    }

    /// Has the kernel tell when the socket is ready for what waits for it.
    fn arm(&mut self, raw: RawFd) {
        let Some(ids) = self.by_socket.get(&raw) else { return };
        let mut flags = EventFlags::ONESHOT;
        let mut socket: Option<BorrowedFd<'_>> = None;
        for (_, op) in ids.iter().filter_map(|id| self.waiting.get(id)) {
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
            // A regular file is always ready and cannot be waited for; others are errors.
            self.end_all(raw, errno);
        }
    }

    fn end_all(&mut self, raw: RawFd, errno: Errno) {
        for id in self.by_socket.remove(&raw).unwrap_or_default() {
            let Some((key, op)) = self.waiting.remove(&id) else { continue };
            self.by_life.remove(&key);
            let result = match (&op, errno) {
                (Op::Poll { events, .. }, Errno::PERM) => Ok(poll_bits(*events).into()),
                _ => Err(errno),
            };
            self.ended.push_back((key, Outcome::plain(op, result)));
        }
    }

    /// Ends an operation that waits.
    pub(super) fn cancel(&mut self, key: LifeKey) {
        let Some(id) = self.by_life.remove(&key) else { return };
        let Some((key, op)) = self.waiting.remove(&id) else { return };
        if let Some(raw) = socket_of(&op).map(|socket| socket.as_raw_fd()) {
            self.forget(raw, id);
        }
        self.ended.push_back((key, Outcome::plain(op, Err(Errno::CANCELED))));
    }

    fn forget(&mut self, raw: RawFd, id: u64) {
        if let Some(ids) = self.by_socket.get_mut(&raw) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.by_socket.remove(&raw);
            }
        }
    }

    /// Waits for readiness, and carries out what can be.
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
        let ids: Vec<u64> = self.by_socket.get(&raw).into_iter().flatten().copied().collect();
        let mut blocked = PollFlags::empty();
        for id in ids {
            let Some((key, op)) = self.waiting.remove(&id) else { continue };
            let wants = waits_for(&op).unwrap_or(PollFlags::empty());
            let tried = if blocked.intersects(wants) { Err(op) } else { perform_now(op) };
            match tried {
                Ok(outcome) => {
                    self.by_life.remove(&key);
                    self.forget(raw, id);
                    self.ended.push_back((key, outcome));
                }
                Err(op) => {
                    blocked |= wants;
                    self.waiting.insert(id, (key, op));
                }
            }
        }
        self.arm(raw);
    }
}
