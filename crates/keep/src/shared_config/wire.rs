//! The messages on the socket: offers, each with one descriptor, and answers.
//!
//! `SOCK_SEQPACKET`, so a message arrives whole or not at all.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use cutwater_sys::Errno;
use rustix::event::{PollFd, Timespec, poll};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use super::error::Why;

const MAGIC: u64 = u64::from_le_bytes(*b"cutwcfg1");
const OFFER_BYTES: usize = 32;
const ANSWER_BYTES: usize = 24;
/// One descriptor is right; there is room for more, so that the error can name their number. The
/// kernel closes those that do not fit.
const DESCRIPTORS_MAX: usize = 8;

/// A generation, offered with the descriptor of a sealed file that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) format: u64,
    pub(super) generation: u64,
    pub(super) len: u64,
}

/// A reader's answer to an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) generation: u64,
    pub(super) accepted: bool,
}

/// Sends an offer and its descriptor without waiting; `sendmsg(2)` with `SCM_RIGHTS`.
pub(super) fn send_offer(
    socket: BorrowedFd<'_>,
    offer: Offer,
    fd: BorrowedFd<'_>,
) -> Result<(), Errno> {
    let mut bytes = [0; OFFER_BYTES];
    put(&mut bytes, [MAGIC, offer.format, offer.generation, offer.len]);
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fds = [fd];
    if !control.push(SendAncillaryMessage::ScmRights(&fds)) {
        return Err(Errno::NOBUFS);
    }
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    retry(|| sendmsg(socket, &[IoSlice::new(&bytes)], &mut control, flags)).map(drop)
}

/// Takes an offer without waiting; `None` if none has come.
pub(super) fn receive_offer(socket: BorrowedFd<'_>) -> Result<Option<(Offer, OwnedFd)>, Why> {
    let mut bytes = [0; OFFER_BYTES];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
    let message =
        match retry(|| recvmsg(socket, &mut [IoSliceMut::new(&mut bytes)], &mut control, flags)) {
            Err(Errno::AGAIN) => return Ok(None),
            Err(Errno::CONNRESET) => return Err(Why::Gone),
            Err(errno) => return Err(Why::Os { what: "receive from", errno }),
            Ok(message) => message,
        };
    let mut fds = Vec::new();
    for part in control.drain() {
        if let RecvAncillaryMessage::ScmRights(some) = part {
            fds.extend(some);
        }
    }
    if message.bytes == 0 && fds.is_empty() {
        return Err(Why::Gone);
    }
    if message.flags.contains(ReturnFlags::TRUNC) || message.bytes != OFFER_BYTES {
        return Err(Why::Malformed("its message has the wrong length"));
    }
    let [magic, format, generation, len] = take(&bytes);
    if magic != MAGIC {
        return Err(Why::Malformed("its message begins with the wrong magic number"));
    }
    let count = fds.len();
    match (fds.pop(), count) {
        // Cut short with one left: the limit of descriptors, or more than there was room for.
        (Some(fd), 1) if !message.flags.contains(ReturnFlags::CTRUNC) => {
            Ok(Some((Offer { format, generation, len }, fd)))
        }
        _ => Err(Why::Descriptors(count)),
    }
}

/// Answers an offer; `send(2)`.
pub(super) fn send_answer(socket: BorrowedFd<'_>, answer: Answer) -> Result<(), Errno> {
    let mut bytes = [0; ANSWER_BYTES];
    put(&mut bytes, [MAGIC, answer.generation, u64::from(answer.accepted)]);
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    retry(|| rustix::net::send(socket, &bytes, flags)).map(drop)
}

/// Takes an answer without waiting; `None` if none has come. The end of the connection or a
/// malformed message is an error: drop the peer.
pub(super) fn receive_answer(socket: BorrowedFd<'_>) -> Result<Option<Answer>, Errno> {
    let mut bytes = [0; ANSWER_BYTES];
    let flags = RecvFlags::DONTWAIT | RecvFlags::TRUNC;
    match retry(|| rustix::net::recv(socket, &mut bytes, flags)) {
        Err(Errno::AGAIN) => return Ok(None),
        Err(e) => return Err(e),
        Ok((_, ANSWER_BYTES)) => {}
        Ok((_, 0)) => return Err(Errno::CONNRESET),
        Ok(_) => return Err(Errno::PROTO),
    }
    match take(&bytes) {
        [MAGIC, generation, accepted @ (0 | 1)] => {
            Ok(Some(Answer { generation, accepted: accepted == 1 }))
        }
        _ => Err(Errno::PROTO),
    }
}

/// Writes words, little end first; there is room for as many as are given.
fn put<const N: usize>(bytes: &mut [u8], words: [u64; N]) {
    for (eight, word) in bytes.chunks_exact_mut(8).zip(words) {
        eight.copy_from_slice(&word.to_le_bytes());
    }
}

fn take<const N: usize>(bytes: &[u8]) -> [u64; N] {
    let mut words = bytes
        .chunks_exact(8)
        .map(|eight| eight.iter().rev().fold(0u64, |word, byte| word << 8 | u64::from(*byte)));
    std::array::from_fn(|_| words.next().unwrap_or(0))
}

/// Repeats a call for as long as signals interrupt it.
fn retry<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            done => return done,
        }
    }
}

/// Waits for one of the descriptors; also returns after a signal.
pub(super) fn wait(fds: &mut [PollFd<'_>], timeout: Option<Duration>) -> Result<(), Errno> {
    let timeout = timeout.and_then(|t| Timespec::try_from(t).ok());
    match poll(fds, timeout.as_ref()) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

    use super::*;

    fn pair() -> (OwnedFd, OwnedFd) {
        let flags = SocketFlags::CLOEXEC;
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap()
    }

    #[test]
    fn offers_and_answers_arrive_as_sent() {
        let (a, b) = pair();
        assert!(matches!(receive_offer(b.as_fd()), Ok(None)));
        assert_eq!(receive_answer(a.as_fd()), Ok(None));
        let offer = Offer { format: 1 << 60, generation: 2, len: 3 };
        send_offer(a.as_fd(), offer, a.as_fd()).unwrap();
        assert!(matches!(receive_offer(b.as_fd()), Ok(Some((got, _fd))) if got == offer));
        let answer = Answer { generation: 9, accepted: true };
        send_answer(b.as_fd(), answer).unwrap();
        assert_eq!(receive_answer(a.as_fd()), Ok(Some(answer)));
        drop(b);
        assert_eq!(receive_answer(a.as_fd()), Err(Errno::CONNRESET));
        let (a, b) = pair();
        drop(a);
        assert!(matches!(receive_offer(b.as_fd()), Err(Why::Gone)));
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        let (a, b) = pair();
        for junk in [&[0u8; 24][..], &[1; 5], &[2; 100]] {
            rustix::net::send(&b, junk, SendFlags::empty()).unwrap();
            assert_eq!(receive_answer(a.as_fd()), Err(Errno::PROTO));
        }
    }
}
