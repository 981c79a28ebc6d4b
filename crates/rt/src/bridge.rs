//! The same under any other executor: futures that are `Send`.
//!
//! Resident bytes are copied at once, on the caller's thread. What is not resident goes through
//! a queue without a lock to a thread that has a ring, and its completion wakes the caller's
//! task directly: no thread blocks for a read, whatever their number. Where the host refuses a
//! ring, that thread hands reads to a pool.
//!
//! With the feature `tokio`, `Reader` is a `tokio::io::AsyncRead` and `AsyncSeek`.

use std::future::Future;
use std::io::{self, IoSliceMut};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::{self, JoinHandle};

use crossbeam_queue::SegQueue;
use cutwater_sys::ring::{Op, Outcome};
use rustix::io::{Errno, ReadWriteFlags};

use crate::executor::operation;
use crate::fs::ATTEMPTS_MAX;
use crate::{Backend, Runtime};

/// Misses in a row after which a file is not asked for resident bytes, and reads after which it
/// is asked again; see `fs::File`.
const MISSES_MAX: u32 = 4;
const ASK_AGAIN: u32 = 256;

/// Reads from any executor, through one thread with a ring. Cheap to clone; the thread ends with
/// the last clone and what it has under way.
#[derive(Debug, Clone)]
pub struct Bridge {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    queue: Arc<Queue>,
    thread: Mutex<Option<JoinHandle<()>>>,
    has_ring: bool,
}

/// What is to be done, and how to tell the thread.
#[derive(Debug)]
struct Queue {
    requests: SegQueue<Request>,
    /// Wakes the task that takes requests.
    waker: Mutex<Option<Waker>>,
    ended: std::sync::atomic::AtomicBool,
}

#[derive(Debug)]
struct Request {
    op: Op,
    slot: Arc<Slot>,
}

/// Where the outcome goes. On a cache line of its own, as two threads write to it.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Slot(Mutex<SlotState>);

#[derive(Debug, Default)]
enum SlotState {
    #[default]
    New,
    Waiting(Waker),
    /// Nobody wants it: what it owns is freed with the outcome.
    Orphaned,
    Done(Outcome),
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, SlotState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finish(&self, outcome: Outcome) {
        let before = {
            let mut state = self.lock();
            if matches!(*state, SlotState::Orphaned) {
                return;
            }
            std::mem::replace(&mut *state, SlotState::Done(outcome))
        };
        if let SlotState::Waiting(waker) = before {
            waker.wake();
        }
    }
}

impl Bridge {
    /// Starts the thread.
    ///
    /// # Errors
    /// When it cannot be started, or there are no descriptors left.
    pub fn new() -> io::Result<Self> {
        Self::with_backend(Backend::Auto)
    }

    /// Starts the thread with a backend of your choice.
    ///
    /// # Errors
    /// As [`Bridge::new`], and where a ring was demanded and is refused.
    pub fn with_backend(backend: Backend) -> io::Result<Self> {
        let queue = Arc::new(Queue {
            requests: SegQueue::new(),
            waker: Mutex::new(None),
            ended: std::sync::atomic::AtomicBool::new(false),
        });
        let (sender, receiver) = std::sync::mpsc::channel();
        let theirs = Arc::clone(&queue);
        let run = move || match Runtime::builder().backend(backend).build() {
            Ok(runtime) => {
                // Whoever asked has gone, or hears it.
                let _ = sender.send(Ok(runtime.has_ring()));
                runtime.block_on(serve(&theirs));
            }
            Err(e) => drop(sender.send(Err(e))),
        };
        let thread = thread::Builder::new().name("cutwater-bridge".into()).spawn(run)?;
        let has_ring = receiver.recv().map_err(io::Error::other)??;
        let thread = Mutex::new(Some(thread));
        Ok(Self { inner: Arc::new(Inner { queue, thread, has_ring }) })
    }

    /// Whether reads go through a ring.
    #[must_use]
    pub fn has_ring(&self) -> bool {
        self.inner.has_ring
    }

    /// Opens `path` for reading.
    ///
    /// # Errors
    /// As `openat2(2)`.
    pub async fn open(&self, path: impl AsRef<Path>) -> io::Result<File> {
        use std::os::unix::ffi::OsStrExt;
        let path = std::ffi::CString::new(path.as_ref().as_os_str().as_bytes());
        let path = path.map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?;
        let op = Op::Open {
            dir: None,
            path,
            flags: rustix::fs::OFlags::CLOEXEC,
            mode: rustix::fs::Mode::empty(),
            resolve: rustix::fs::ResolveFlags::empty(),
        };
        let outcome = self.run(op).await;
        outcome.result?;
        let fd = outcome.fd.ok_or(Errno::BADF)?;
        Ok(self.file(fd))
    }

    /// A file that is open already.
    #[must_use]
    pub fn file(&self, fd: OwnedFd) -> File {
        let belief = Arc::new(Belief::default());
        File { bridge: self.clone(), fd: Arc::new(fd), belief }
    }

    fn run(&self, op: Op) -> Pending {
        let slot = Arc::<Slot>::default();
        self.inner.queue.requests.push(Request { op, slot: Arc::clone(&slot) });
        self.inner.queue.notify();
        Pending { slot, taken: false }
    }
}

impl Queue {
    fn notify(&self) {
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
        waker.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue.ended.store(true, Ordering::Release);
        self.queue.notify();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The last clone may go away on the thread itself, which then cannot wait for itself.
        if let Some(thread) = thread.filter(|t| t.thread().id() != thread::current().id()) {
            let _ = thread.join();
        }
    }
}

/// Takes requests until the bridge is gone.
async fn serve(queue: &Arc<Queue>) {
    loop {
        while let Some(Request { op, slot }) = queue.requests.pop() {
            crate::spawn(async move { slot.finish(operation(op).await) });
        }
        let mut waited = false;
        std::future::poll_fn(|cx| {
            if std::mem::replace(&mut waited, true) {
                return Poll::Ready(());
            }
            *queue.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
            // What came before the waker was there has told nobody.
            if !queue.requests.is_empty() || queue.ended.load(Ordering::Acquire) {
                return Poll::Ready(());
            }
            Poll::Pending
        })
        .await;
        if queue.ended.load(Ordering::Acquire) && queue.requests.is_empty() {
            return;
        }
    }
}

/// An operation that another thread has.
#[derive(Debug)]
struct Pending {
    slot: Arc<Slot>,
    taken: bool,
}

impl Future for Pending {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let mut state = self.slot.lock();
        match std::mem::replace(&mut *state, SlotState::Waiting(cx.waker().clone())) {
            SlotState::Done(outcome) => {
                drop(state);
                self.taken = true;
                Poll::Ready(outcome)
            }
            _ => Poll::Pending,
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.taken {
            // What was done already is freed here, its descriptor closed.
            let _done = std::mem::replace(&mut *self.slot.lock(), SlotState::Orphaned);
        }
    }
}

#[derive(Debug, Default)]
struct Belief {
    misses: AtomicU32,
    unasked: AtomicU32,
}

/// A file for any executor. Cheap to clone.
#[derive(Debug, Clone)]
pub struct File {
    bridge: Bridge,
    fd: Arc<OwnedFd>,
    belief: Arc<Belief>,
}

impl File {
    /// Reads at `offset` into `buf`, as many bytes as there are and fit; 0 at the end.
    ///
    /// # Errors
    /// As `pread(2)`.
    pub async fn read_at(&self, mut buf: Vec<u8>, offset: u64) -> (io::Result<usize>, Vec<u8>) {
        if let Some(n) = self.read_resident(&mut buf, offset) {
            return (Ok(n), buf);
        }
        for _ in 0..ATTEMPTS_MAX {
            let op = Op::Read { file: Arc::clone(&self.fd), buf, at: 0, offset };
            let mut outcome = self.bridge.run(op).await;
            buf = outcome.op.take_buf();
            match outcome.result {
                Err(Errno::INTR | Errno::AGAIN) => {}
                other => return (other.map(|n| n as usize).map_err(Into::into), buf),
            }
        }
        (Err(Errno::AGAIN.into()), buf)
    }

    /// Size in bytes now.
    ///
    /// # Errors
    /// As `fstat(2)`.
    pub fn size(&self) -> io::Result<u64> {
        Ok(u64::try_from(rustix::fs::fstat(&self.fd)?.st_size).unwrap_or(0))
    }

    fn read_resident(&self, space: &mut [u8], offset: u64) -> Option<usize> {
        let Belief { misses, unasked } = &*self.belief;
        if misses.load(Ordering::Relaxed) >= MISSES_MAX
            && !unasked.fetch_add(1, Ordering::Relaxed).is_multiple_of(ASK_AGAIN)
        {
            return None;
        }
        let bufs = &mut [IoSliceMut::new(space)];
        match rustix::io::preadv2(&self.fd, bufs, offset, ReadWriteFlags::NOWAIT) {
            Ok(n) => {
                misses.store(0, Ordering::Relaxed);
                Some(n)
            }
            Err(_) => {
                misses.fetch_add(1, Ordering::Relaxed);
                None
            }
        }
    }
}

/// What a read of a [`Reader`] yields.
#[cfg(feature = "tokio")]
type ReaderRead = Pin<Box<dyn Future<Output = (io::Result<usize>, Vec<u8>)> + Send>>;

/// A file from its start on, with a position: for `tokio::io`.
#[cfg(feature = "tokio")]
pub struct Reader {
    file: File,
    position: u64,
    under_way: Option<ReaderRead>,
    /// Bytes read and not yet asked for.
    held: Vec<u8>,
    held_from: usize,
    held_to: usize,
}

#[cfg(feature = "tokio")]
impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("position", &self.position).finish_non_exhaustive()
    }
}

/// Bytes that a [`Reader`] reads at a time.
#[cfg(feature = "tokio")]
const READER_BYTES: usize = 128 << 10;

#[cfg(feature = "tokio")]
impl Reader {
    /// Reads `file` from its start on.
    #[must_use]
    pub fn new(file: File) -> Self {
        let held = Vec::new();
        Self { file, position: 0, under_way: None, held, held_from: 0, held_to: 0 }
    }
}

#[cfg(feature = "tokio")]
impl tokio::io::AsyncRead for Reader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if this.held_from < this.held_to {
                let n = (this.held_to - this.held_from).min(out.remaining());
                out.put_slice(&this.held[this.held_from..this.held_from + n]);
                this.held_from += n;
                return Poll::Ready(Ok(()));
            }
            let read = this.under_way.get_or_insert_with(|| {
                let (file, at) = (this.file.clone(), this.position);
                let mut buf = std::mem::take(&mut this.held);
                buf.resize(READER_BYTES, 0);
                Box::pin(async move { file.read_at(buf, at).await })
            });
            let Poll::Ready((read, buf)) = read.as_mut().poll(cx) else { return Poll::Pending };
            this.under_way = None;
            this.held = buf;
            let n = read?;
            if n == 0 {
                return Poll::Ready(Ok(()));
            }
            (this.held_from, this.held_to) = (0, n);
            this.position += n as u64;
        }
    }
}

#[cfg(feature = "tokio")]
impl tokio::io::AsyncSeek for Reader {
    fn start_seek(mut self: Pin<&mut Self>, to: io::SeekFrom) -> io::Result<()> {
        let held = (self.held_to - self.held_from) as u64;
        let target = match to {
            io::SeekFrom::Start(at) => Some(at),
            io::SeekFrom::Current(by) => (self.position - held).checked_add_signed(by),
            io::SeekFrom::End(by) => self.file.size()?.checked_add_signed(by),
        };
        let before = || io::Error::new(io::ErrorKind::InvalidInput, "a seek to before the start");
        self.position = target.ok_or_else(before)?;
        // What was read ahead is of another place; a read under way is dropped with its buffer.
        (self.held_from, self.held_to, self.under_way) = (0, 0, None);
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let held = (self.held_to - self.held_from) as u64;
        Poll::Ready(Ok(self.position - held))
    }
}
