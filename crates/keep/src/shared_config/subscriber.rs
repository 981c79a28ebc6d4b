//! A configuration as a process sees it: the last good one, always.

use std::fmt;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use cutwater_sys::Errno;
use cutwater_sys::origin::Origin;
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd};

use super::cell::{Cell, Generation, Reader};
use super::error::Why;
use super::receiver::{Event, Receiver};
use super::wire::wait;
use super::{ShareError, ShareResult, Shared};

/// How long to wait before connecting again: doubled from the first to the last.
const BACKOFF: [Duration; 2] = [Duration::from_millis(5), Duration::from_secs(1)];

/// How to subscribe.
#[derive(Debug, Clone)]
pub struct SubscribeOptions {
    timeout: Duration,
    uids: Vec<u32>,
}

impl Default for SubscribeOptions {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(5), uids: vec![rustix::process::geteuid().as_raw()] }
    }
}

impl SubscribeOptions {
    /// How long to wait for the first configuration; 5 s by default.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// A user whose publisher is trusted, besides root and the user of this process.
    #[must_use]
    pub fn trust_uid(mut self, uid: u32) -> Self {
        self.uids.push(uid);
        self
    }

    /// Connects to the publisher at `path`, waits for the first configuration, and starts
    /// one thread that takes the later ones.
    ///
    /// # Errors
    /// When no good configuration came in time; then the reason of the last try.
    pub fn subscribe<T: ?Sized + Shared>(
        self,
        path: impl AsRef<Path>,
    ) -> ShareResult<SharedConfig<T>> {
        SharedConfig::start(path.as_ref(), self)
    }
}

/// A configuration that a publisher shares; see the [module](super).
pub struct SharedConfig<T: ?Sized + Shared> {
    cell: Arc<Cell<T>>,
    status: Arc<Mutex<Status>>,
    wake: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
    made_in: Origin,
}

#[derive(Default)]
struct Status {
    connected: bool,
    counts: Snapshot,
    last_error: Option<ShareError>,
}

/// What a subscriber saw since it started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// Generations put in force.
    pub accepted: u64,
    /// Offers refused.
    pub refused: u64,
    /// Connections that ended.
    pub disconnects: u64,
}

impl<T: ?Sized + Shared> SharedConfig<T> {
    /// [`SubscribeOptions::subscribe`] with the defaults.
    ///
    /// # Errors
    /// When no good configuration came within 5 s.
    pub fn subscribe(path: impl AsRef<Path>) -> ShareResult<Self> {
        SubscribeOptions::default().subscribe(path)
    }

    /// The configuration in force; it stays mapped for as long as this is held.
    #[must_use]
    pub fn load(&self) -> Arc<Generation<T>> {
        self.cell.load()
    }

    /// A handle for one thread, whose reads cost one atomic load.
    #[must_use]
    pub fn reader(&self) -> Reader<T> {
        Reader::new(Arc::clone(&self.cell))
    }

    /// Number of the generation in force.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.cell.number()
    }

    /// Waits until generation `number` or a later one is in force; whether it came in time.
    #[must_use]
    pub fn wait_for(&self, number: u64, timeout: Duration) -> bool {
        self.cell.wait_for(number, timeout)
    }

    /// Whether there is a publisher now. Without one the last good configuration stays.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        lock(&self.status).connected
    }

    /// What happened so far.
    #[must_use]
    pub fn counts(&self) -> Snapshot {
        lock(&self.status).counts
    }

    /// Why the last offer was refused or the last connection ended, as text for people.
    #[must_use]
    pub fn last_error(&self) -> Option<String> {
        lock(&self.status).last_error.as_ref().map(ToString::to_string)
    }

    /// Ends the subscription. Readers keep what they have.
    ///
    /// # Errors
    /// When the thread cannot be woken (`write(2)`), or had panicked in
    /// [`Shared::accept`].
    pub fn close(mut self) -> ShareResult<()> {
        self.stop()
    }

    fn start(path: &Path, options: SubscribeOptions) -> ShareResult<Self> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(|e| ShareError::os(path, "make an eventfd for", e))?;
        let (receiver, first) = first(path, &options)?;
        let cell = Arc::new(Cell::new(first));
        let counts = Snapshot { accepted: 1, ..Snapshot::default() };
        let status = Arc::new(Mutex::new(Status { connected: true, counts, last_error: None }));
        let wake = Arc::new(wake);
        let worker = Worker {
            cell: Arc::clone(&cell),
            status: Arc::clone(&status),
            wake: Arc::clone(&wake),
            path: path.to_path_buf(),
            uids: options.uids,
        };
        let thread = std::thread::Builder::new()
            .name("shared-config".into())
            .spawn(move || worker.stay_subscribed(receiver))
            .map_err(|e| {
                let errno = Errno::from_io_error(&e).unwrap_or(Errno::AGAIN);
                ShareError::os(path, "start a thread for", errno)
            })?;
        Ok(Self { cell, status, wake, thread: Some(thread), made_in: Origin::here() })
    }

    /// The state in a child made by `fork(2)`.
    #[cfg(test)]
    pub(super) fn as_in_a_child(&self) -> Self {
        Self {
            cell: Arc::clone(&self.cell),
            status: Arc::clone(&self.status),
            wake: Arc::clone(&self.wake),
            thread: Some(std::thread::spawn(|| ())),
            made_in: Origin::elsewhere(),
        }
    }

    fn stop(&mut self) -> ShareResult<()> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        if !self.made_in.is_here() {
            // A forked child: thread and eventfd are the parent's.
            std::mem::forget(thread);
            return Ok(());
        }
        let at = Path::new("the subscription");
        rustix::io::write(&self.wake, &1u64.to_ne_bytes())
            .map_err(|e| ShareError::os(at, "wake the thread of", e))?;
        let panicked = Why::Os { what: "join the thread of", errno: Errno::CANCELED };
        thread.join().map_err(|_| ShareError::new(at, panicked))
    }
}

impl<T: ?Sized + Shared> Drop for SharedConfig<T> {
    fn drop(&mut self) {
        // Nobody to report to.
        let _ = self.stop();
    }
}

impl<T: ?Sized + Shared> fmt::Debug for SharedConfig<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedConfig")
            .field("current", &self.cell.load())
            .field("connected", &self.is_connected())
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

/// Connects as often as the timeout allows, until a good configuration came.
fn first<T: ?Sized + Shared>(
    path: &Path,
    options: &SubscribeOptions,
) -> ShareResult<(Receiver, Generation<T>)> {
    let start = Instant::now();
    let left = || options.timeout.saturating_sub(start.elapsed());
    loop {
        let failed = match Receiver::connect(path, &options.uids) {
            Err(e) => e,
            Ok(receiver) => match first_of(&receiver, path, &left) {
                Ok(first) => return Ok((receiver, first)),
                Err(e) => e,
            },
        };
        if left().is_zero() || !failed.may_pass() {
            return Err(failed);
        }
        std::thread::sleep(BACKOFF[0].min(left()));
    }
}

fn first_of<T: ?Sized + Shared>(
    receiver: &Receiver,
    path: &Path,
    left: &dyn Fn() -> Duration,
) -> ShareResult<Generation<T>> {
    loop {
        match receiver.next::<T>(None)? {
            Event::Next(first) => {
                receiver.confirm(first.number())?;
                return Ok(first);
            }
            Event::Refused(why) => return Err(why),
            Event::Known | Event::Quiet => {}
        }
        if left().is_zero() {
            return Err(ShareError::new(path, Why::TimedOut));
        }
        wait(&mut [PollFd::new(receiver, PollFlags::IN)], Some(left()))
            .map_err(|e| ShareError::os(path, "wait for the publisher at", e))?;
    }
}

/// Runs on the subscriber's thread.
struct Worker<T: ?Sized> {
    cell: Arc<Cell<T>>,
    status: Arc<Mutex<Status>>,
    wake: Arc<OwnedFd>,
    path: PathBuf,
    uids: Vec<u32>,
}

impl<T: ?Sized + Shared> Worker<T> {
    fn stay_subscribed(&self, receiver: Receiver) {
        let mut connection = Ok(receiver);
        let mut backoff = BACKOFF[0];
        loop {
            let end = match connection {
                Ok(receiver) => {
                    backoff = BACKOFF[0];
                    self.set_connected(true);
                    match self.follow(&receiver) {
                        Ok(()) => return,
                        Err(e) => e,
                    }
                }
                Err(e) => e,
            };
            self.set_ended(end);
            if self.is_woken_within(backoff) {
                return;
            }
            backoff = (backoff * 2).min(BACKOFF[1]);
            connection = Receiver::connect(&self.path, &self.uids);
        }
    }

    /// Takes what comes until the connection ends, or `Ok` when the subscription does.
    fn follow(&self, receiver: &Receiver) -> ShareResult<()> {
        loop {
            match receiver.next::<T>(Some(self.cell.number()))? {
                Event::Next(next) => {
                    let number = next.number();
                    self.cell.swap(next);
                    lock(&self.status).counts.accepted += 1;
                    receiver.confirm(number)?;
                }
                Event::Refused(why) => {
                    let mut status = lock(&self.status);
                    status.counts.refused += 1;
                    status.last_error = Some(why);
                }
                Event::Known => {}
                Event::Quiet => {
                    let mut fds = [
                        PollFd::new(&*self.wake, PollFlags::IN),
                        PollFd::new(receiver, PollFlags::IN),
                    ];
                    wait(&mut fds, None).map_err(|e| ShareError::os(&self.path, "wait for", e))?;
                    if !fds[0].revents().is_empty() {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn is_woken_within(&self, time: Duration) -> bool {
        let mut fds = [PollFd::new(&*self.wake, PollFlags::IN)];
        wait(&mut fds, Some(time)).is_ok() && !fds[0].revents().is_empty()
    }

    fn set_connected(&self, connected: bool) {
        lock(&self.status).connected = connected;
    }

    fn set_ended(&self, why: ShareError) {
        let mut status = lock(&self.status);
        status.counts.disconnects += u64::from(status.connected);
        // An offer that was refused for its contents counts as one, too.
        status.counts.refused += u64::from(why.is_untrusted());
        status.connected = false;
        status.last_error = Some(why);
    }
}

fn lock<U>(mutex: &Mutex<U>) -> MutexGuard<'_, U> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
