//! `&[u8]` over a file under a read lease: `fcntl(2)`, `F_SETLEASE`.
//!
//! While a process holds a read lease on a file, nobody has it open for writing. A process that
//! opens it for writing or truncates it waits, and the holder gets a signal. A watcher, one
//! thread per lease, then copies the bytes to anonymous memory, moves that over the same
//! addresses, and gives the lease up. The slice stays as it was, and the writer continues.
//!
//! The kernel waits `/proc/sys/fs/lease-break-time` (45 s), then takes the lease away. The
//! copy has a quarter of that. If it cannot keep the bytes (a failed read, a stopped
//! process), it makes them unreadable: a load then ends the process with SIGSEGV rather
//! than return another byte. A process that was stopped for longer than the break time can
//! read changed bytes between its own continuation and its watcher's.
//!
//! A forked child does not have the memory (`MADV_DONTFORK`), since it has no watcher; there a
//! [`Leased`] that is dropped makes no call, as the lease is the parent's.

mod fcntl;
mod region;

use std::mem;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::process::Pid;

use crate::origin::Origin;
use crate::{Errno, Result};
use region::Region;

/// Most leases of a process at a time; each has a thread.
pub const LEASES_MAX: usize = 64;

/// How often a watcher checks its lease, in case a signal was lost.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The share of the kernel's lease-break time that a copy may take.
const BREAK_TIME_SHARE: u32 = 4;

/// Shorter break times than this leave no room for a copy: no lease is taken.
const BREAK_TIME_MIN: Duration = Duration::from_secs(4);

/// File systems where leases were shown to hold, by `f_type` of `statfs(2)`: ext2 to ext4
/// and tmpfs. Network and stacked file systems let others write behind a lease.
const SHOWN_TO_HOLD: [u64; 2] = [0xef53, TMPFS];
const TMPFS: u64 = 0x0102_1994;

/// Terms of a lease.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct LeaseOptions {
    /// Longest file, bytes; a writer waits while it is copied. 1 GiB by default.
    pub size_max: u64,
    /// The signal that wakes the watcher; `SIGRTMAX - 3` by default. It is sent to the
    /// watcher alone, but one sent to the whole process may end up there too, so choose one
    /// that the program does not use.
    pub signal: Option<i32>,
}

impl Default for LeaseOptions {
    fn default() -> Self {
        Self { size_max: 1 << 30, signal: None }
    }
}

impl LeaseOptions {
    /// The longest file, bytes.
    #[must_use]
    pub fn size_max(mut self, bytes: u64) -> Self {
        self.size_max = bytes;
        self
    }

    /// The signal that wakes the watcher, which the program must not use.
    #[must_use]
    pub fn signal(mut self, signal: i32) -> Self {
        self.signal = Some(signal);
        self
    }
}

/// The state of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeaseState {
    /// The lease stands; the bytes are the file's.
    Held,
    /// A writer came; the bytes are a copy.
    Copied,
    /// The bytes could not be kept; a load ends the process.
    Lost,
}

const HELD: u8 = 0;
const COPIED: u8 = 1;
const LOST: u8 = 2;

/// Counts of all leases since the process began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeaseCounters {
    /// Leases taken.
    pub taken: u64,
    /// Leases broken whose bytes were copied.
    pub copied: u64,
    /// Leases broken whose bytes were lost.
    pub lost: u64,
    /// Bytes copied.
    pub copied_bytes: u64,
    /// Longest time from the notice of a break to the end of the lease, nanoseconds.
    pub copy_ns_max: u64,
}

static TAKEN: AtomicU64 = AtomicU64::new(0);
static COPIES: AtomicU64 = AtomicU64::new(0);
static LOSSES: AtomicU64 = AtomicU64::new(0);
static COPIED_BYTES: AtomicU64 = AtomicU64::new(0);
static COPY_NS_MAX: AtomicU64 = AtomicU64::new(0);
static LIVE: AtomicUsize = AtomicUsize::new(0);

/// Counts of all leases since the process began.
#[must_use]
pub fn counters() -> LeaseCounters {
    LeaseCounters {
        taken: TAKEN.load(Ordering::Relaxed),
        copied: COPIES.load(Ordering::Relaxed),
        lost: LOSSES.load(Ordering::Relaxed),
        copied_bytes: COPIED_BYTES.load(Ordering::Relaxed),
        copy_ns_max: COPY_NS_MAX.load(Ordering::Relaxed),
    }
}

/// One of at most [`LEASES_MAX`].
#[derive(Debug)]
struct Permit;

impl Permit {
    fn take() -> Result<Self> {
        let more = |live| (live < LEASES_MAX).then_some(live + 1);
        let taken = LIVE.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.map(|_| Self).map_err(|_| Errno::NOLCK)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        LIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Shared {
    /// None for an empty file, which nothing can change below its end.
    region: Option<Region>,
    fd: OwnedFd,
    state: AtomicU8,
    stop: AtomicBool,
}

/// A whole file under a read lease, as bytes that do not change.
#[derive(Debug)]
pub struct Leased {
    shared: Option<Arc<Shared>>,
    watcher: Option<(JoinHandle<()>, Pid)>,
    signal: i32,
    made_in: Origin,
    _permit: Permit,
}

impl Leased {
    /// Opens the file at `path` for reading, takes a read lease on it and maps it. The
    /// descriptor is its own: a lease can be given up through any that shares its open file.
    ///
    /// # Errors
    /// `EAGAIN` when a process has it open for writing, `EACCES` when it belongs to another
    /// user and `CAP_LEASE` is lacking, `EFBIG` when it is longer than
    /// [`LeaseOptions::size_max`], `EOPNOTSUPP` on a file system where leases were not shown
    /// to hold or with a lease-break time under 4 s, `EINVAL` when it is not a regular file,
    /// `ENOLCK` when [`LEASES_MAX`] are taken, `ERANGE` for a signal that cannot be waited for; and
    /// those of `open(2)`, `fcntl(2)` and `mmap(2)`.
    pub fn open(path: &Path, options: &LeaseOptions) -> Result<Self> {
        let signal = options.signal.unwrap_or_else(|| libc::SIGRTMAX() - 3);
        if !fcntl::can_be_awaited(signal) {
            return Err(Errno::RANGE);
        }
        // Without O_NONBLOCK a FIFO would block here.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let fd = rustix::fs::open(path, flags, Mode::empty())?;
        let permit = Permit::take()?;
        let allowed = break_time()? / BREAK_TIME_SHARE;
        let size_max = options.size_max;
        let (sender, receiver) = mpsc::sync_channel(1);
        let watch = move || {
            let set_up = fcntl::block_signals().and_then(|()| set_up(fd, signal, size_max));
            let set_up = set_up.map(Arc::new);
            let shared = set_up.as_ref().ok().cloned();
            let _ = sender.send(set_up.map(|shared| (shared, rustix::thread::gettid())));
            if let Some(shared) = shared {
                watch(&shared, signal, allowed);
            }
        };
        let thread = std::thread::Builder::new().name("cutwater-lease".into());
        let thread = thread.spawn(watch).map_err(|_| Errno::AGAIN)?;
        let (shared, tid) = receiver.recv().map_err(|_| Errno::IO)??;
        TAKEN.fetch_add(1, Ordering::Relaxed);
        Ok(Self {
            shared: Some(shared),
            watcher: Some((thread, tid)),
            signal,
            made_in: Origin::here(),
            _permit: permit,
        })
    }

    /// The bytes of the file as they were when the lease was taken; none in a forked child.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        let shared = self.shared.as_ref().filter(|_| self.made_in.is_here());
        let region = shared.and_then(|shared| shared.region.as_ref());
        region.map_or(&[], Region::bytes)
    }

    /// The state of the lease; lost in a forked child.
    #[must_use]
    pub fn state(&self) -> LeaseState {
        let shared = self.shared.as_ref().filter(|_| self.made_in.is_here());
        match shared.map_or(LOST, |s| s.state.load(Ordering::Acquire)) {
            HELD => LeaseState::Held,
            COPIED => LeaseState::Copied,
            _ => LeaseState::Lost,
        }
    }

    /// Gives the lease up and unmaps. Waits for a copy that is under way.
    ///
    /// # Errors
    /// Those of `munmap(2)`.
    pub fn close(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        let Some(shared) = self.shared.take() else { return Ok(()) };
        if !self.made_in.is_here() {
            // There is no watcher to wait for and no memory to unmap. Giving the lease up would
            // take it from the parent, which has the same open file.
            mem::forget((shared, self.watcher.take()));
            return Ok(());
        }
        shared.stop.store(true, Ordering::Release);
        if let Some((thread, tid)) = self.watcher.take() {
            fcntl::wake(tid, self.signal);
            let _ = thread.join();
        }
        // The watcher has ended, so this is the last reference, and no slice outlives `self`.
        let Some(Shared { region, fd, .. }) = Arc::into_inner(shared) else { return Ok(()) };
        let unmapped = region.map_or(Ok(()), Region::unmap);
        // EAGAIN when the watcher gave it up before.
        let _ = fcntl::give_up(fd.as_fd());
        unmapped
    }
}

impl Drop for Leased {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// Takes the lease for the calling thread and maps the file.
fn set_up(fd: OwnedFd, signal: i32, size_max: u64) -> Result<Shared> {
    let kind = rustix::fs::fstatfs(&fd)?.f_type.cast_unsigned();
    if !SHOWN_TO_HOLD.contains(&kind) {
        return Err(Errno::OPNOTSUPP);
    }
    if FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode) != FileType::RegularFile {
        return Err(Errno::INVAL);
    }
    fcntl::request_signal(fd.as_fd(), rustix::thread::gettid(), signal)?;
    fcntl::take(fd.as_fd())?;
    // From here on the size cannot change. Closing `fd` on an error gives the lease up.
    let size = u64::try_from(rustix::fs::fstat(&fd)?.st_size).map_err(|_| Errno::INVAL)?;
    let len = usize::try_from(size).ok().filter(|_| size <= size_max).ok_or(Errno::FBIG)?;
    // A hole in tmpfs gets its page when it is read; if none is left, that raises SIGBUS.
    let populate = kind == TMPFS;
    let region = if len == 0 { None } else { Some(Region::new(fd.as_fd(), len, populate)?) };
    Ok(Shared { region, fd, state: AtomicU8::new(HELD), stop: AtomicBool::new(false) })
}

/// Waits for the lease to be broken and keeps the bytes.
fn watch(shared: &Shared, signal: i32, allowed: Duration) {
    loop {
        fcntl::wait(signal, LOOK_EVERY);
        if shared.stop.load(Ordering::Acquire) {
            return;
        }
        if !fcntl::stands(shared.fd.as_fd()) {
            return keep(shared, allowed);
        }
    }
}

/// Copies the bytes, then gives the lease up.
fn keep(shared: &Shared, allowed: Duration) {
    let begin = Instant::now();
    let fd = shared.fd.as_fd();
    let (bytes, copied) = match &shared.region {
        Some(region) => (region.bytes().len(), region.copy_over(fd, begin + allowed)),
        None => (0, true),
    };
    if !copied && let Some(region) = &shared.region {
        // Before the writer may continue.
        region.shut();
    }
    // The kernel says whether the lease stood until now; if it did, the copy is whole.
    let in_time = fcntl::give_up(fd).is_ok();
    if copied
        && !in_time
        && let Some(region) = &shared.region
    {
        region.shut();
    }
    let kept = copied && in_time;
    shared.state.store(if kept { COPIED } else { LOST }, Ordering::Release);
    if !kept {
        LOSSES.fetch_add(1, Ordering::Relaxed);
        return;
    }
    let ns = u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
    COPIES.fetch_add(1, Ordering::Relaxed);
    COPIED_BYTES.fetch_add(bytes as u64, Ordering::Relaxed);
    COPY_NS_MAX.fetch_max(ns, Ordering::Relaxed);
}

/// How long the kernel waits for the holder of a lease: `/proc/sys/fs/lease-break-time`.
fn break_time() -> Result<Duration> {
    let text = std::fs::read_to_string("/proc/sys/fs/lease-break-time");
    let seconds = text.ok().and_then(|t| t.trim().parse().ok()).ok_or(Errno::OPNOTSUPP)?;
    let time = Duration::from_secs(seconds);
    if time < BREAK_TIME_MIN { Err(Errno::OPNOTSUPP) } else { Ok(time) }
}

#[cfg(test)]
mod tests;
