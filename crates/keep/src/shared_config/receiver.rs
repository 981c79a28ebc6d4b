//! A reader's end of one connection: takes offers and judges them.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use cutwater_sys::Errno;
use cutwater_sys::sealed::SealedMap;
use cutwater_sys::view::View;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use super::cell::Generation;
use super::error::Why;
use super::wire::{self, Answer, Offer};
use super::{ShareError, ShareResult, Shared};

/// One connection to a publisher.
pub(super) struct Receiver {
    socket: OwnedFd,
    path: PathBuf,
}

/// What came over a connection.
pub(super) enum Event<T: ?Sized> {
    /// Nothing more for now.
    Quiet,
    /// A generation to put in force.
    Next(Generation<T>),
    /// The generation that is in force, once more: the answer to a new connection.
    Known,
    /// An offer that was refused; the connection stays open.
    Refused(ShareError),
}

impl Receiver {
    /// Connects to the publisher at `path`, if it runs as root or one of `uids`.
    pub(super) fn connect(path: &Path, uids: &[u32]) -> ShareResult<Self> {
        let os = |errno| ShareError::os(path, "connect to the publisher at", errno);
        let address = SocketAddrUnix::new(path).map_err(os)?;
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None);
        let socket = socket.map_err(os)?;
        connect(&socket, &address).map_err(os)?;
        let uid = rustix::net::sockopt::socket_peercred(&socket).map_err(os)?.uid.as_raw();
        if uid != 0 && !uids.contains(&uid) {
            return Err(ShareError::new(path, Why::Stranger { uid }));
        }
        Ok(Self { socket, path: path.to_path_buf() })
    }

    /// Takes the next offer if one is there. `held` is the generation in force, if any.
    ///
    /// An error ends the connection.
    pub(super) fn next<T: ?Sized + Shared>(&self, held: Option<u64>) -> ShareResult<Event<T>> {
        let offer = wire::receive_offer(self.as_fd());
        let Some((offer, fd)) = offer.map_err(|why| ShareError::new(&self.path, why))? else {
            return Ok(Event::Quiet);
        };
        let generation = offer.generation;
        let event = match judge(offer, fd.as_fd(), held) {
            Ok(Some(next)) => Event::Next(next),
            Ok(None) => Event::Known,
            Err(why) => Event::Refused(ShareError::new(&self.path, why)),
        };
        // Already in force or refused: the publisher may know. What is new is answered by
        // `confirm`, once it is in force.
        if !matches!(event, Event::Next(_)) {
            self.answer(generation, matches!(event, Event::Known))?;
        }
        Ok(event)
    }

    /// Answers the publisher that a generation is in force here.
    pub(super) fn confirm(&self, generation: u64) -> ShareResult<()> {
        self.answer(generation, true)
    }

    fn answer(&self, generation: u64, accepted: bool) -> ShareResult<()> {
        let answer = Answer { generation, accepted };
        wire::send_answer(self.as_fd(), answer).map_err(|errno| match errno {
            Errno::PIPE | Errno::CONNRESET => ShareError::new(&self.path, Why::Gone),
            errno => ShareError::os(&self.path, "answer the publisher at", errno),
        })
    }
}

impl AsFd for Receiver {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Checks all that an offer must prove before its bytes are read, and then the bytes.
fn judge<T: ?Sized + Shared>(
    offer: Offer,
    fd: BorrowedFd<'_>,
    held: Option<u64>,
) -> Result<Option<Generation<T>>, Why> {
    if offer.format != T::FORMAT {
        return Err(Why::Format { expected: T::FORMAT, offered: offer.format });
    }
    match held {
        Some(held) if offer.generation == held => return Ok(None),
        Some(held) if offer.generation < held => {
            return Err(Why::Backwards { held, offered: offer.generation });
        }
        _ => {}
    }
    let map = SealedMap::new(fd, Some(offer.len)).map_err(Why::Sealed)?;
    let view = View::<T>::sealed(map).map_err(Why::Type)?;
    view.accept().map_err(Why::Invalid)?;
    Ok(Some(Generation::new(offer.generation, view)))
}
