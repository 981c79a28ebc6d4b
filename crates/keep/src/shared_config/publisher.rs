//! The one process that decides what the configuration is.

use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use cutwater_sys::origin::Origin;
use cutwater_sys::sealed::SealedMap;
use cutwater_sys::view::View;
use cutwater_sys::{Errno, memfd};
use rustix::fs::FileType;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with,
};
use zerocopy::IntoBytes;

use super::error::{Why, io_error};
use super::generation::GenerationFile;
use super::peers::{Answers, Current, Peers};
use super::wire::Offer;
use super::{ShareError, ShareResult, Shared};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 128;

/// Publishes a configuration to every reader that connects to a socket.
///
/// Runs one thread, which accepts readers and hands the current generation to each.
pub struct Publisher<T: ?Sized + Shared> {
    path: PathBuf,
    /// Locked for as long as this publisher lives; holds the last generation.
    generation: GenerationFile,
    peers: Arc<Peers>,
    thread: Option<JoinHandle<()>>,
    made_in: Origin,
    kind: PhantomData<fn(&T)>,
}

/// A validated configuration in a sealed file, ready to be handed over.
pub struct Prepared<T: ?Sized> {
    fd: OwnedFd,
    view: View<T>,
}

impl<T: ?Sized> std::ops::Deref for Prepared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.view
    }
}

impl<T: ?Sized + Shared> Publisher<T> {
    /// Takes the path for a socket and starts to accept readers.
    ///
    /// Next to it lies `PATH.generation`, locked by the publisher that runs (`F_OFD_SETLK` of
    /// `fcntl(2)`), with the last generation in it; so generations go on where a publisher that
    /// died left off, and its socket is replaced. Only the publisher's user may open that file,
    /// because a reader of it could also lock it. The permissions of the path decide who may
    /// connect.
    ///
    /// # Errors
    /// When another publisher is running there, something other than a socket is there, the
    /// path is longer than 107 bytes, `PATH.generation` is damaged, or the kernel refuses a call.
    pub fn bind(path: impl AsRef<Path>) -> ShareResult<Self> {
        let path = path.as_ref();
        let generation = GenerationFile::lock(path)?;
        let last = generation.read(path)?;
        generation.write(last).map_err(|e| io_error(path, "record the generation of", &e))?;
        let listener = listen_at(path)?;
        let peers = Peers::new(listener, last)
            .map_err(|e| ShareError::os(path, "make an eventfd for", e))?;
        let peers = Arc::new(peers);
        let worker = Arc::clone(&peers);
        let thread = std::thread::Builder::new()
            .name("config-publisher".into())
            .spawn(move || worker.serve())
            .map_err(|e| io_error(path, "start a thread for", &e))?;
        let path = path.to_path_buf();
        let (thread, made_in) = (Some(thread), Origin::here());
        Ok(Self { path, generation, peers, thread, made_in, kind: PhantomData })
    }

    /// Writes `parts` one after the other into a sealed file, and validates what is in it.
    ///
    /// This is the long part: memory is taken, bytes are copied. Readers still have the
    /// generation before.
    ///
    /// # Errors
    /// When the value is refused by [`Shared::validate`] or no `T` has its length, or
    /// there is no memory.
    pub fn prepare(&self, parts: &[&[u8]]) -> ShareResult<Prepared<T>> {
        let fd = memfd::sealed("cutwater-config", parts)
            .map_err(|e| ShareError::os(&self.path, "write a sealed file for", e))?;
        let refuse = |why| ShareError::new(&self.path, why);
        let map = SealedMap::new(fd.as_fd(), None).map_err(|e| refuse(Why::Sealed(e)))?;
        let view = View::<T>::sealed(map).map_err(|e| refuse(Why::Type(e)))?;
        // The very bytes that are handed out, and that nobody can change any more.
        view.validate().map_err(|e| refuse(Why::Invalid(e)))?;
        Ok(Prepared { fd, view })
    }

    /// Hands a prepared configuration to every reader. Returns its generation.
    ///
    /// A reader that has not answered for the one before gets it once it has: a slow one
    /// skips generations, and never has more than one on the way.
    ///
    /// # Errors
    /// When the generation cannot be recorded; then nothing is handed over.
    pub fn hand_over(&self, prepared: Prepared<T>) -> ShareResult<u64> {
        if !self.made_in.is_here() {
            return Err(ShareError::os(&self.path, "publish from a forked child at", Errno::CHILD));
        }
        let len = prepared.view.len_bytes() as u64;
        self.peers.publish(|generation| {
            self.generation
                .write(generation)
                .map_err(|e| io_error(&self.path, "record the generation of", &e))?;
            let offer = Offer { format: T::FORMAT, generation, len };
            Ok(Current { offer, fd: prepared.fd })
        })
    }

    /// Prepares a value and hands it over. Returns its generation.
    ///
    /// # Errors
    /// Those of [`prepare`](Self::prepare) and [`hand_over`](Self::hand_over); then readers
    /// keep what they have.
    pub fn publish(&self, value: &T) -> ShareResult<u64>
    where
        T: IntoBytes,
    {
        self.hand_over(self.prepare(&[value.as_bytes()])?)
    }

    /// Waits until every connected reader has answered for `generation`, and returns what they
    /// said.
    #[must_use]
    pub fn wait_for_answers(&self, generation: u64, timeout: Duration) -> Answers {
        self.peers.wait_for_answers(generation, timeout)
    }

    /// The last generation; 0 before the first.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.peers.generation()
    }

    /// Ends the publisher and removes its socket; readers keep the last generation.
    ///
    /// # Errors
    /// When the socket cannot be removed or the thread cannot be woken.
    pub fn close(mut self) -> ShareResult<()> {
        self.stop()
    }

    fn stop(&mut self) -> ShareResult<()> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        if !self.made_in.is_here() {
            // A forked child: thread, eventfd and socket are the parent's.
            mem::forget(thread);
            return Ok(());
        }
        self.peers.stop().map_err(|e| ShareError::os(&self.path, "stop the publisher at", e))?;
        let joined = thread.join();
        rustix::fs::unlink(&self.path)
            .map_err(|e| ShareError::os(&self.path, "remove the socket", e))?;
        joined.map_err(|_| ShareError::os(&self.path, "join the thread of", Errno::CANCELED))
    }
}

impl<T: ?Sized + Shared> Drop for Publisher<T> {
    fn drop(&mut self) {
        // Nobody to report to; the next publisher replaces a socket that was left.
        let _ = self.stop();
    }
}

impl<T: ?Sized + Shared> fmt::Debug for Publisher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher")
            .field("path", &self.path)
            .field("generation", &self.generation())
            .finish_non_exhaustive()
    }
}

impl<T: ?Sized> fmt::Debug for Prepared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("len_bytes", &self.view.len_bytes()).finish()
    }
}

/// A socket at `path`, in place of one that a dead publisher left. The caller holds the lock.
fn listen_at(path: &Path) -> ShareResult<OwnedFd> {
    let os = |errno| ShareError::os(path, "listen at", errno);
    let address = SocketAddrUnix::new(path).map_err(os)?;
    match rustix::fs::lstat(path) {
        Err(Errno::NOENT) => {}
        Err(e) => return Err(os(e)),
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Socket => {
            rustix::fs::unlink(path).map_err(os)?;
        }
        Ok(_) => return Err(ShareError::new(path, Why::NotASocket)),
    }
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None);
    let socket = socket.map_err(os)?;
    bind(&socket, &address).map_err(os)?;
    listen(&socket, BACKLOG).map_err(os)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::super::SharedConfig;
    use super::*;

    impl Shared for [u8] {
        const FORMAT: u64 = 7;

        fn validate(&self) -> Result<(), String> {
            Ok(())
        }
    }

    #[test]
    fn a_forked_child_that_drops_both_ends_leaves_them_to_its_parent() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let publisher = Publisher::<[u8]>::bind(&path).unwrap();
        publisher.publish(b"first").unwrap();
        let config = SharedConfig::<[u8]>::subscribe(&path).unwrap();
        drop(config.as_in_a_child());
        let child = Publisher::<[u8]> {
            path: path.clone(),
            generation: publisher.generation.inherited(),
            peers: Arc::clone(&publisher.peers),
            thread: Some(std::thread::spawn(|| ())),
            made_in: Origin::elsewhere(),
            kind: PhantomData,
        };
        assert!(child.publish(b"child").unwrap_err().to_string().contains("forked child"));
        drop(child);
        let generation = publisher.publish(b"second").unwrap();
        assert!(config.wait_for(generation, Duration::from_secs(60)), "a thread was stopped");
        assert_eq!(&**config.load(), b"second");
        assert!(path.exists(), "the socket was removed");
    }
}
