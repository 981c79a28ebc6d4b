//! Events of the kernel, applied to entries.
//!
//! There is no thread: a thread that asks the cache empties the queue when the last time lies
//! further back than the bound. So the bound holds without relying on any scheduler, and
//! while no thread asks, nothing runs.

use std::collections::HashMap;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use cutwater_sys::Errno;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags};
use rustix::fs::{CWD, Mode, OFlags};

use super::chain::{self, Unwatched};
use super::counts::{Count, Counters};
use super::entry::Entry;
use super::released::{Released, Watches};
use super::stamp::Stamp;

/// Bytes of events per `read(2)`.
const BUFFER_BYTES: usize = 16 << 10;
/// The longest event: header, a name of 255 bytes, its NUL, padding.
const EVENT_BYTES_MAX: u64 = 16 + 256 + 16;
/// How often a path that is being moved is walked before it is given up.
const WALKS_MAX: usize = 4;

/// The watches of a cache.
pub(super) struct Watcher {
    /// When the queue was last seen empty, ns of the monotonic clock.
    drained_ns: AtomicU64,
    state: Mutex<State>,
    /// Watches of entries that are gone, to be given up at the next chance.
    released: Arc<Released>,
}

struct State {
    inotify: OwnedFd,
    /// Readable (`POLLPRI`) when a mount changed; inotify says nothing of mounts.
    mounts: OwnedFd,
    users: Users,
}

/// Which entries rest on which watch.
#[derive(Default)]
struct Users(HashMap<i32, Vec<Weak<Entry>>>);

impl Watcher {
    /// A queue for events, and a descriptor of the table of mounts; `inotify_init1(2)`, `proc(5)`.
    pub(super) fn new() -> Result<Self, Errno> {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let mounts = rustix::fs::openat(CWD, c"/proc/self/mountinfo", flags, Mode::empty())?;
        Ok(Self {
            drained_ns: AtomicU64::new(0),
            state: Mutex::new(State { inotify, mounts, users: Users::default() }),
            released: Arc::default(),
        })
    }

    /// Makes sure that every event up to `bound_ns` before `now_ns` has been applied.
    pub(super) fn catch_up(&self, now_ns: u64, bound_ns: u64, counters: &Counters) {
        if now_ns.saturating_sub(self.drained_ns.load(Ordering::Acquire)) <= bound_ns {
            return;
        }
        let mut state = lock(&self.state);
        // Another thread may have done it while this one waited.
        if now_ns.saturating_sub(self.drained_ns.load(Ordering::Acquire)) > bound_ns {
            self.drain(&mut state, now_ns, counters);
        }
    }

    fn drain(&self, state: &mut State, now_ns: u64, counters: &Counters) {
        counters.add(Count::drains, 1);
        if state.apply(counters).is_err() {
            // What cannot be read cannot be relied on.
            state.users.invalidate_all(counters);
        }
        let released = std::mem::take(&mut *lock(&self.released));
        state.give_up(&released);
        self.drained_ns.fetch_max(now_ns, Ordering::AcqRel);
    }

    /// Watches all that the entry's path passes through. Afterwards either the entry is
    /// what the path names and any change raises an event, or it is invalid.
    pub(super) fn watch(
        &self,
        entry: &Arc<Entry>,
        now_ns: u64,
        counters: &Counters,
    ) -> Result<(), Unwatched> {
        let mut state = lock(&self.state);
        let descriptors = state.walk(&entry.path);
        let descriptors = match descriptors {
            Ok(descriptors) => descriptors,
            Err(why) => {
                let _ = entry.watches.set(None);
                return Err(why);
            }
        };
        for wd in &descriptors {
            state.users.0.entry(*wd).or_default().push(Arc::downgrade(entry));
        }
        let watches = Watches::new(descriptors.into_boxed_slice(), &self.released);
        // Two threads may get here with one entry; the later one's watches go again.
        let _ = entry.watches.set(Some(watches));
        // Asked after the watches are in place: what changed before shows here, what
        // changes later raises an event.
        if Stamp::of_path(&entry.path, entry.place) != Ok(Some(entry.stamp)) {
            entry.invalidate();
        }
        self.drain(&mut state, now_ns, counters);
        Ok(())
    }
}

impl State {
    /// Twice the same watches: all were in place before the second walk began, so a change
    /// during or after it raises an event.
    fn walk(&self, path: &Path) -> Result<Vec<i32>, Unwatched> {
        let mut walks = vec![Vec::new()];
        let outcome = loop {
            let mut now = Vec::new();
            let outcome = chain::watch(self.inotify.as_fd(), path, &mut now);
            let same = walks.last() == Some(&now);
            walks.push(now);
            match outcome {
                Err(why) => break Err(why),
                Ok(()) if same => break Ok(walks.pop().unwrap_or_default()),
                Ok(()) if walks.len() > WALKS_MAX => break Err(Unwatched::Os(Errno::AGAIN)),
                Ok(()) => {}
            }
        };
        // Watches that were added on the way and that no entry needs.
        let kept = outcome.as_deref().unwrap_or_default();
        let unused = |wd: &&i32| !kept.contains(wd) && !self.users.0.contains_key(wd);
        for wd in walks.iter().flatten().filter(unused) {
            // Fails where one was added twice, or the kernel dropped it first.
            let _ = inotify::remove_watch(&self.inotify, *wd);
        }
        outcome
    }

    /// Reads the events that are queued now and ends the entries they concern.
    fn apply(&mut self, counters: &Counters) -> Result<(), Errno> {
        let (events, mounts) = self.pending()?;
        if mounts {
            counters.add(Count::remounts, 1);
            self.users.invalidate_all(counters);
        }
        if !events {
            return Ok(());
        }
        // As many reads as what is queued now needs; writers cannot make it go on for ever.
        let queued = rustix::io::ioctl_fionread(&self.inotify)?;
        let reads_max = queued / (BUFFER_BYTES as u64 - EVENT_BYTES_MAX) + 1;
        let mut buffer = [MaybeUninit::uninit(); BUFFER_BYTES];
        let mut reader = inotify::Reader::new(&self.inotify, &mut buffer);
        let mut reads = 0;
        loop {
            if reader.is_buffer_empty() {
                if reads == reads_max {
                    return Ok(());
                }
                reads += 1;
            }
            match reader.next() {
                Ok(event) => {
                    let about_child = event.file_name().is_some();
                    self.users.act_on(event.wd(), event.events(), about_child, counters);
                }
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// Whether there are events, and whether a mount changed; one `poll(2)`.
    fn pending(&self) -> Result<(bool, bool), Errno> {
        let mut fds =
            [PollFd::new(&self.inotify, PollFlags::IN), PollFd::new(&self.mounts, PollFlags::PRI)];
        loop {
            match poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
                Err(Errno::INTR) => {}
                Err(e) => return Err(e),
                Ok(_) => break,
            }
        }
        Ok((!fds[0].revents().is_empty(), !fds[1].revents().is_empty()))
    }

    /// Removes watches that no entry needs any more.
    fn give_up(&mut self, released: &[Box<[i32]>]) {
        for wd in released.iter().flatten() {
            let Some(users) = self.users.0.get_mut(wd) else { continue };
            users.retain(|user| user.strong_count() > 0);
            if users.is_empty() {
                self.users.0.remove(wd);
                // Fails only when the kernel dropped it first.
                let _ = inotify::remove_watch(&self.inotify, *wd);
            }
        }
    }
}

impl Users {
    fn act_on(&mut self, wd: i32, events: ReadFlags, about_child: bool, counters: &Counters) {
        if events.contains(ReadFlags::QUEUE_OVERFLOW) {
            counters.add(Count::overflows, 1);
            self.invalidate_all(counters);
        } else if events.contains(ReadFlags::IGNORED) {
            // The kernel dropped the watch: the file is gone, or unmounted, or we gave it up.
            invalidate(self.0.remove(&wd).unwrap_or_default(), counters);
        } else if !about_child {
            // About the watched thing itself; children on a path have their own watch.
            invalidate(self.0.get_mut(&wd).map(std::mem::take).unwrap_or_default(), counters);
        }
    }

    fn invalidate_all(&mut self, counters: &Counters) {
        self.0.values_mut().for_each(|users| invalidate(std::mem::take(users), counters));
    }
}

fn invalidate(users: Vec<Weak<Entry>>, counters: &Counters) {
    let entries = users.iter().filter_map(Weak::upgrade);
    counters.add(Count::invalidations, entries.filter(|e| e.invalidate()).count() as u64);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic inside leaves valid, if older, data; nothing here rests on more.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
