//! Datagrams of one peer that come together (`UDP_GRO`).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use cutwater_sys::ring::{DatagramHead, Op};
use cutwater_sys::udp::COALESCED_BYTES_MAX;
use rustix::event::PollFlags;
use rustix::io::Errno;

use super::chunk::Chunk;
use super::datagrams::Multishot;
use super::socket::until_done;
use super::udp::UdpSocket;
use crate::driver::SharedBuffers;

/// Datagrams of one peer that came together, in the order in which they came.
#[derive(Debug)]
pub struct Batch {
    /// All of them, one after the other.
    pub bytes: Chunk,
    /// Bytes of each; the last may be shorter.
    pub segment_bytes: usize,
    /// The sender.
    pub peer: SocketAddr,
}

impl Batch {
    fn new(bytes: Chunk, head: DatagramHead, peer: SocketAddr) -> Self {
        let segment_bytes = head.segment.map_or(bytes.len(), usize::from);
        Self { bytes, segment_bytes, peer }
    }

    /// How many there are; an empty datagram counts as one.
    #[must_use]
    pub fn count(&self) -> usize {
        self.bytes.len().div_ceil(self.segment_bytes.max(1)).max(1)
    }

    /// The datagrams, one after the other.
    #[must_use]
    pub fn datagrams(&self) -> Datagrams<'_> {
        Datagrams { left: Some(&self.bytes), segment_bytes: self.segment_bytes }
    }
}

/// The datagrams of a [`Batch`].
#[derive(Debug, Clone)]
pub struct Datagrams<'a> {
    left: Option<&'a [u8]>,
    segment_bytes: usize,
}

impl<'a> Iterator for Datagrams<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let left = self.left.take()?;
        let (one, rest) = left.split_at(self.segment_bytes.min(left.len()));
        self.left = (!rest.is_empty() && !one.is_empty()).then_some(rest);
        Some(one)
    }
}

/// Datagrams as they come, those of one peer together where the kernel joins them. Dropping it ends the
/// operation; datagrams that were not taken are lost.
#[derive(Debug)]
pub struct Coalesced {
    socket: UdpSocket,
    multishot: Multishot,
    /// A buffer for a receive without a shared one.
    spare: Vec<u8>,
}

impl UdpSocket {
    /// Datagrams as they come, by one multishot operation; those of one peer that arrive together are one
    /// piece (`UDP_GRO`). Call it before anything is received: from then on the other ways to receive
    /// are errors for all clones of this socket, as they could not distinguish the datagrams.
    ///
    /// Where the kernel refuses, datagrams come one by one, and [`UdpSocket::refused`] has the
    /// reason.
    #[must_use]
    pub fn coalesced(&self) -> Coalesced {
        self.offload.coalesce(&self.fd);
        let multishot = Multishot::new(SharedBuffers::Coalesced);
        Coalesced { socket: self.clone(), multishot, spare: Vec::new() }
    }
}

impl Coalesced {
    /// The next datagrams, one or several.
    ///
    /// # Errors
    /// As `recvmsg(2)`; the next call continues.
    pub async fn next(&mut self) -> io::Result<Batch> {
        match self.multishot.next(&self.socket.fd).await? {
            Some((bytes, head, peer)) => Ok(Batch::new(bytes, head, peer)),
            None => self.one().await,
        }
    }

    /// Datagrams that have come already, without waiting.
    pub fn try_next(&mut self) -> Option<Batch> {
        let (bytes, head, peer) = self.multishot.try_next()?;
        Some(Batch::new(bytes, head, peer))
    }

    /// Takes the buffer of a batch for a later receive. Without a ring, dropping the batch instead costs an
    /// allocation.
    pub fn recycle(&mut self, batch: Batch) {
        if let Some(buf) = batch.bytes.into_own() {
            self.spare = buf;
        }
    }

    async fn one(&mut self) -> io::Result<Batch> {
        let mut buf = std::mem::take(&mut self.spare);
        buf.resize(COALESCED_BYTES_MAX, 0);
        let socket = Arc::clone(&self.socket.fd);
        let op = Op::RecvSegments { socket, buf, head: DatagramHead::default() };
        let outcome = until_done(&self.socket.fd, PollFlags::IN, op).await;
        let Op::RecvSegments { buf, head, .. } = outcome.op else {
            return Err(Errno::INVAL.into());
        };
        let n = outcome.result? as usize;
        let peer =
            head.from.ok_or_else(|| io::Error::other("the datagram has no sender's address"))?;
        Ok(Batch::new(Chunk::from_vec(buf, n), head, peer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(len: usize, segment: Option<u16>) -> Batch {
        let head = DatagramHead { segment, ..DatagramHead::default() };
        let bytes = (0..len).map(|i| i as u8).collect();
        Batch::new(Chunk::from_vec(bytes, len), head, ([127, 0, 0, 1], 1).into())
    }

    #[test]
    fn a_batch_is_its_datagrams_and_an_empty_one_is_one() {
        let check = |len, segment, lens: &[usize]| {
            let batch = batch(len, segment);
            let found: Vec<usize> = batch.datagrams().map(<[u8]>::len).collect();
            assert_eq!(found, lens, "{len} bytes, {segment:?}");
            assert_eq!(batch.count(), lens.len());
            assert_eq!(batch.datagrams().collect::<Vec<_>>().concat(), *batch.bytes);
        };
        check(0, None, &[0]);
        check(1, None, &[1]);
        check(5, Some(2), &[2, 2, 1]);
        check(4, Some(2), &[2, 2]);
        check(4, Some(4), &[4]);
        check(3, Some(4), &[3]);
    }
}
