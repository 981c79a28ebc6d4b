//! The same under any other executor: futures that are `Send`.
//!
//! Resident bytes are copied at once, on the caller's thread. What is not resident goes through
//! a queue without a lock to a thread that has a ring, and its completion wakes the caller's
//! task directly: no thread blocks for a read, whatever their number. Where the host refuses a
//! ring, that thread hands reads to a pool.
//!
//! [`Reader`] and [`Writer`] have a position: with the feature `tokio` they are `tokio::io::AsyncRead`,
//! `AsyncSeek` and `AsyncWrite`, with `futures-io` those of futures.

#[cfg(any(feature = "tokio", feature = "futures-io"))]
mod adapters;
mod file;
mod pending;
mod reader;
mod writer;

use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::thread::{self, JoinHandle};

use crossbeam_queue::SegQueue;
use cutwater_sys::ring::Op;
use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::driver::Backend;
use crate::executor::Runtime;
use crate::operation::operation;
pub use file::File;
use pending::{Pending, Slot};
pub use reader::Reader;
pub use writer::Writer;

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
    ended: AtomicBool,
}

#[derive(Debug)]
struct Request {
    op: Op,
    slot: Arc<Slot>,
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
            ended: AtomicBool::new(false),
        });
        let (sender, receiver) = std::sync::mpsc::channel();
        let theirs = Arc::clone(&queue);
        let run = move || match Runtime::options().backend(backend).build() {
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
        self.open_with(path.as_ref(), OFlags::RDONLY, Mode::empty()).await
    }

    /// Opens `path` for reading and writing; makes it where there is none, and empties it.
    ///
    /// # Errors
    /// As `openat2(2)`.
    pub async fn create(&self, path: impl AsRef<Path>) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::TRUNC;
        self.open_with(path.as_ref(), flags, Mode::from_raw_mode(0o666)).await
    }

    async fn open_with(&self, path: &Path, flags: OFlags, mode: Mode) -> io::Result<File> {
        let path = CString::new(path.as_os_str().as_bytes());
        let path = path.map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?;
        let (flags, resolve) = (flags | OFlags::CLOEXEC, ResolveFlags::empty());
        let outcome = self.run(Op::Open { dir: None, path, flags, mode, resolve }).await;
        outcome.result?;
        let fd = outcome.fd.ok_or(Errno::BADF)?;
        Ok(self.file(fd))
    }

    /// A file that is open already.
    #[must_use]
    pub fn file(&self, fd: OwnedFd) -> File {
        File::new(self.clone(), fd)
    }

    fn run(&self, op: Op) -> Pending {
        let slot = Arc::<Slot>::default();
        self.inner.queue.requests.push(Request { op, slot: Arc::clone(&slot) });
        self.inner.queue.notify();
        Pending::new(slot)
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
            crate::executor::spawn(async move { slot.finish(operation(op).await) });
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
