//! The readers that are connected to a publisher, and what each has.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cutwater_sys::Errno;
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd};
use rustix::net::sockopt::socket_peercred;
use rustix::net::{Shutdown, SocketFlags, accept_with, shutdown};

use super::ShareResult;
use super::wire::{self, Answer, Offer, wait};

/// The most readers. When all places are taken, a user with fewer of them gets one from the user
/// who has the most; others are turned away and try again.
const READERS_MAX: usize = 1024;
/// Connections accepted, or answers taken from one reader, before the others get a turn.
const TURN_MAX: usize = 64;
/// How long no connection is accepted after that failed (no descriptors left, say).
const PAUSE: Duration = Duration::from_millis(100);

/// What readers said about a generation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answers {
    /// Readers that have it, or a later one, in force.
    pub accepted: usize,
    /// Readers that refused it; they keep what they had.
    pub refused: usize,
    /// Readers that have not answered yet.
    pub waiting: usize,
}

/// What is handed to each reader.
pub(super) struct Current {
    pub(super) offer: Offer,
    pub(super) fd: OwnedFd,
}

pub(super) struct Peers {
    listener: OwnedFd,
    wake: OwnedFd,
    state: Mutex<State>,
    answered: Condvar,
}

#[derive(Default)]
struct State {
    stopped: bool,
    generation: u64,
    current: Option<Current>,
    readers: HashMap<u64, Reader>,
    next_id: u64,
}

struct Reader {
    /// Shared with the thread while it waits, so that the number is not used again meanwhile.
    socket: Arc<OwnedFd>,
    /// The user who connected.
    uid: u32,
    /// The generation that was offered and not answered; at most one.
    on_the_way: Option<u64>,
    last: Option<Answer>,
}

impl Peers {
    pub(super) fn new(listener: OwnedFd, generation: u64) -> Result<Self, Errno> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let state = Mutex::new(State { generation, ..State::default() });
        Ok(Self { listener, wake, state, answered: Condvar::new() })
    }

    pub(super) fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// Puts the next generation in place and offers it to all readers without an open offer.
    pub(super) fn publish(
        &self,
        make: impl FnOnce(u64) -> ShareResult<Current>,
    ) -> ShareResult<u64> {
        let mut state = self.lock();
        let generation = state.generation.saturating_add(1);
        let current = make(generation)?;
        state.generation = generation;
        let State { readers, current: slot, .. } = &mut *state;
        let current = slot.insert(current);
        readers.values_mut().for_each(|reader| reader.offer(current));
        Ok(generation)
    }

    pub(super) fn wait_for_answers(&self, generation: u64, timeout: Duration) -> Answers {
        let is_waiting =
            |state: &mut State| !state.stopped && state.answers(generation).waiting > 0;
        let waited = self.answered.wait_timeout_while(self.lock(), timeout, is_waiting);
        waited.unwrap_or_else(PoisonError::into_inner).0.answers(generation)
    }

    pub(super) fn stop(&self) -> Result<(), Errno> {
        self.lock().stopped = true;
        rustix::io::write(&self.wake, &1u64.to_ne_bytes()).map(drop)
    }

    /// Accepts readers and takes their answers until [`stop`](Self::stop).
    pub(super) fn serve(&self) {
        let mut pause = false;
        loop {
            let mut readers = Vec::new();
            {
                let state = self.lock();
                if state.stopped {
                    break;
                }
                readers.extend(state.readers.iter().map(|(id, r)| (*id, Arc::clone(&r.socket))));
            }
            let listen = if pause { PollFlags::empty() } else { PollFlags::IN };
            let mut fds =
                vec![PollFd::new(&self.wake, PollFlags::IN), PollFd::new(&self.listener, listen)];
            fds.extend(readers.iter().map(|(_, s)| PollFd::new(&**s, PollFlags::IN)));
            if wait(&mut fds, pause.then_some(PAUSE)).is_err() {
                // Too many descriptors for poll(2), or no memory: not for long, one hopes.
                std::thread::sleep(PAUSE);
            }
            let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
            for ((id, _), _) in readers.iter().zip(&ready[2..]).filter(|(_, ready)| **ready) {
                self.take_answers(*id);
            }
            pause = !pause && ready[1] && self.accept().is_err();
        }
        self.lock().readers.clear();
        self.answered.notify_all();
    }

    fn accept(&self) -> Result<(), Errno> {
        for _ in 0..TURN_MAX {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let socket = match accept_with(&self.listener, flags) {
                Ok(socket) => Arc::new(socket),
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR | Errno::CONNABORTED) => continue,
                Err(e) => return Err(e),
            };
            let Ok(credentials) = socket_peercred(&*socket) else { continue };
            let uid = credentials.uid.as_raw();
            let mut state = self.lock();
            if state.readers.len() >= READERS_MAX && !state.make_room_for(uid) {
                continue;
            }
            let mut reader = Reader { socket, uid, on_the_way: None, last: None };
            if let Some(current) = &state.current {
                reader.offer(current);
            }
            let id = state.next_id;
            state.next_id += 1;
            state.readers.insert(id, reader);
        }
        Ok(())
    }

    fn take_answers(&self, id: u64) {
        let mut state = self.lock();
        let State { readers, current, .. } = &mut *state;
        let Some(reader) = readers.get_mut(&id) else { return };
        for _ in 0..TURN_MAX {
            match wire::receive_answer(reader.socket.as_fd()) {
                Ok(Some(answer)) => reader.on_answer(answer, current.as_ref()),
                Ok(None) => break,
                Err(_) => {
                    // Gone, or no reader.
                    readers.remove(&id);
                    break;
                }
            }
        }
        drop(state);
        self.answered.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Forgets the newest reader of the user who has the most, if `uid` has fewer even with one more.
    fn make_room_for(&mut self, uid: u32) -> bool {
        let mut counts = HashMap::<u32, usize>::new();
        self.readers.values().for_each(|reader| *counts.entry(reader.uid).or_default() += 1);
        let own = counts.get(&uid).copied().unwrap_or(0);
        let Some((&most, &count)) = counts.iter().max_by_key(|(_, count)| **count) else {
            return false;
        };
        let newest = self.readers.iter().filter(|(_, r)| r.uid == most).map(|(id, _)| *id).max();
        match newest {
            Some(newest) if own + 1 < count => self.readers.remove(&newest).is_some(),
            _ => false,
        }
    }

    fn answers(&self, generation: u64) -> Answers {
        let mut answers = Answers::default();
        for reader in self.readers.values() {
            match reader.last {
                Some(answer) if answer.generation < generation => answers.waiting += 1,
                Some(answer) if answer.accepted => answers.accepted += 1,
                Some(_) => answers.refused += 1,
                None => answers.waiting += 1,
            }
        }
        answers
    }
}

impl Reader {
    fn offer(&mut self, current: &Current) {
        if self.on_the_way.is_some() {
            return;
        }
        match wire::send_offer(self.socket.as_fd(), current.offer, current.fd.as_fd()) {
            Ok(()) => self.on_the_way = Some(current.offer.generation),
            // The thread sees the end and forgets the reader, which connects again.
            Err(_) => {
                let _ = shutdown(&*self.socket, Shutdown::Both);
            }
        }
    }

    fn on_answer(&mut self, answer: Answer, current: Option<&Current>) {
        if self.on_the_way != Some(answer.generation) {
            // An answer without an offer: this peer is not a reader.
            let _ = shutdown(&*self.socket, Shutdown::Both);
            return;
        }
        self.on_the_way = None;
        self.last = Some(answer);
        if let Some(current) = current.filter(|c| c.offer.generation > answer.generation) {
            self.offer(current);
        }
    }
}
