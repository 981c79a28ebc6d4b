//! A stream of decrypted bytes.

use std::fmt;
use std::io;
use std::task::{Context, Poll};

use rustls::ProtocolVersion;
use rustls::pki_types::CertificateDer;

use super::engine::{Ask, Buffers, Connection, Did, Take, invalid};
use crate::net::{ByteStream, Chunk, Received, Sending};

/// Bytes that are encrypted at a time: they are sent while the next are encrypted.
const GIVE_BYTES_MAX: usize = 64 << 10;

/// Bytes that may wait for the rest of a record or handshake message; rustls refuses longer ones.
const UNDONE_BYTES_MAX: usize = 128 << 10;

/// TLS over a stream. Dropping it ends the connection without `close_notify`, which looks like a
/// truncation to the peer: see [`Stream::close`].
pub struct Stream<S> {
    stream: S,
    connection: Connection,
    received: Received,
    incoming: Option<Chunk>,
    buffers: Buffers,
    /// Decrypted bytes that were taken.
    plain_taken: usize,
    sending: Sending,
    peer_closed: bool,
    /// We have sent `close_notify`.
    closed: bool,
    /// It has failed: rustls must not be called again.
    failed: bool,
    /// An error in bytes after those that were taken; returned when they are asked for.
    error_held: Option<io::Error>,
}

impl<S> fmt::Debug for Stream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (peer_closed, closed) = (self.peer_closed, self.closed);
        let mut f = f.debug_struct("Stream");
        f.field("peer_closed", &peer_closed).field("closed", &closed).finish_non_exhaustive()
    }
}

/// No part of it is pinned.
impl<S> Unpin for Stream<S> {}

impl<S: ByteStream> Stream<S> {
    pub(super) async fn handshake(stream: S, connection: Connection) -> io::Result<Self> {
        let socket = stream.socket().clone();
        let mut this = Self {
            stream,
            connection,
            received: Received::new(socket.clone()),
            incoming: None,
            buffers: Buffers::default(),
            plain_taken: 0,
            sending: Sending::new(socket),
            peer_closed: false,
            closed: false,
            failed: false,
            error_held: None,
        };
        std::future::poll_fn(|cx| this.poll_handshake(cx)).await?;
        Ok(this)
    }

    fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let did = self.drive(Ask::default());
            if let Err(e) = did {
                // Tries to send the alert.
                let _ = self.flush(cx);
                return Poll::Ready(Err(e));
            }
            if !self.connection.common().is_handshaking() {
                return self.flush(cx);
            }
            if self.flush(cx)?.is_pending() || self.receive(cx)?.is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// The underlying stream.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The protocol that both agreed on (ALPN).
    #[must_use]
    pub fn alpn(&self) -> Option<&[u8]> {
        self.connection.common().alpn_protocol()
    }

    /// The peer's certificates, its own first.
    #[must_use]
    pub fn peer_certificates(&self) -> Option<&[CertificateDer<'static>]> {
        self.connection.common().peer_certificates()
    }

    /// The version that both agreed on.
    #[must_use]
    pub fn version(&self) -> Option<ProtocolVersion> {
        self.connection.common().protocol_version()
    }

    /// Whether an earlier session was resumed, without a new check of certificates.
    #[must_use]
    pub fn resumed(&self) -> bool {
        self.connection.common().handshake_kind() == Some(rustls::HandshakeKind::Resumed)
    }

    /// Reads into `out`, as much as there is and fits; 0 once the peer has closed.
    ///
    /// # Errors
    /// As [`Stream::poll_take`].
    pub async fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut done =
            std::future::poll_fn(|cx| self.poll_take(cx, |bytes| copy(bytes, out))).await?;
        // Also takes further records that have come, so that one send can answer all.
        while done > 0 && done < out.len() {
            let rest = &mut out[done..];
            match self.take_now(&mut |bytes| copy(bytes, rest)) {
                Some(n) => done += n,
                None => break,
            }
        }
        Ok(done)
    }

    /// Takes bytes that can be decrypted without receiving more.
    fn take_now(&mut self, take: &mut Take<'_>) -> Option<usize> {
        if self.peer_closed
            || self.incoming.is_none()
            || self.plain_taken < self.buffers.plain.len()
        {
            return None;
        }
        match self.drive(Ask { take: Some(take), ..Ask::default() }) {
            Ok(Did::Took(n)) => Some(n),
            Ok(_) => None,
            Err(e) => {
                self.error_held = Some(e);
                None
            }
        }
    }

    /// Fills `out`.
    ///
    /// # Errors
    /// As [`Stream::poll_take`].
    pub async fn read_exact(&mut self, out: &mut [u8]) -> io::Result<()> {
        let mut done = 0;
        while done < out.len() {
            match self.read(&mut out[done..]).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => done += n,
            }
        }
        Ok(())
    }

    /// Encrypts and sends all of `bytes`.
    ///
    /// # Errors
    /// As [`Stream::poll_give`].
    pub async fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let n = std::future::poll_fn(|cx| self.poll_give(cx, &[bytes])).await?;
            bytes = &bytes[n..];
        }
        std::future::poll_fn(|cx| self.poll_sent(cx)).await
    }

    /// Sends `close_notify`, and shuts down sending of the underlying stream. What the peer still sends
    /// can be read.
    ///
    /// # Errors
    /// As `send(2)` and `shutdown(2)`.
    pub async fn close(&mut self) -> io::Result<()> {
        std::future::poll_fn(|cx| self.poll_end(cx)).await
    }

    /// Processes what was received.
    fn drive(&mut self, ask: Ask<'_>) -> io::Result<Did> {
        if self.failed {
            let text = "the connection has failed before";
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let mut none: [u8; 0] = [];
        let incoming = self.incoming.as_deref_mut().unwrap_or(&mut none);
        let (done, did) = self.connection.drive(incoming, &mut self.buffers, ask);
        if let Some(chunk) = &mut self.incoming {
            chunk.advance(done);
            if chunk.is_empty()
                && let Some(chunk) = self.incoming.take()
            {
                self.received.recycle(chunk);
            }
        }
        self.failed = did.is_err();
        let did = did.map_err(invalid)?;
        self.peer_closed |= matches!(did, Did::PeerClosed | Did::Closed);
        Ok(did)
    }

    /// Receives more, after the bytes that are not used yet.
    fn receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(undone) = self.incoming.take() {
            if undone.len() > UNDONE_BYTES_MAX {
                return Poll::Ready(Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the peer sends records that never end",
                )));
            }
            self.received.carry(undone);
        }
        match self.received.poll_next(cx) {
            Poll::Ready(Ok(Some(chunk))) => {
                self.incoming = Some(chunk);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Ok(None)) => Poll::Ready(Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the connection ended without close_notify: what came may be cut off",
            ))),
            Poll::Ready(Err(e)) => Poll::Ready(Err(e)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Sends the encrypted bytes.
    fn flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.sending.poll_sent(cx)?.is_pending() {
                return Poll::Pending;
            }
            if self.buffers.outgoing.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let spare = self.sending.spare();
            let outgoing = std::mem::replace(&mut self.buffers.outgoing, spare);
            self.sending.begin(cx, outgoing)?;
        }
    }

    /// Calls `take` with decrypted bytes; it returns how many it took. Once the peer has sent
    /// `close_notify`, the result is 0 and `take` is not called.
    ///
    /// # Errors
    /// As `recv(2)`; `UnexpectedEof` where the connection ends without `close_notify`, since somebody
    /// may have cut it; `InvalidData` with rustls' error.
    pub fn poll_take(
        &mut self,
        cx: &mut Context<'_>,
        mut take: impl FnMut(&[u8]) -> usize,
    ) -> Poll<io::Result<usize>> {
        loop {
            let plain = self.buffers.plain.get(self.plain_taken..).unwrap_or(&[]);
            if !plain.is_empty() {
                let taken = take(plain).min(plain.len());
                self.plain_taken += taken;
                if self.plain_taken == self.buffers.plain.len() {
                    self.buffers.plain.clear();
                    self.plain_taken = 0;
                }
                return Poll::Ready(Ok(taken));
            }
            if let Some(e) = self.error_held.take() {
                // Tries to send the alert.
                let _ = self.flush(cx);
                return Poll::Ready(Err(e));
            }
            if self.peer_closed {
                return Poll::Ready(Ok(0));
            }
            let did = self.drive(Ask { take: Some(&mut take), ..Ask::default() });
            // Sent whatever the result: an answer, or an alert.
            let sent = self.flush(cx);
            match did? {
                Did::Took(n) => return Poll::Ready(Ok(n)),
                Did::Needs => {
                    if let Poll::Ready(Err(e)) = sent {
                        return Poll::Ready(Err(e));
                    }
                    if self.receive(cx)?.is_pending() {
                        return Poll::Pending;
                    }
                }
                Did::Gave | Did::PeerClosed | Did::Closed => {}
            }
        }
    }

    /// Takes bytes to be encrypted and sent, once the bytes before them have been sent; returns how many.
    ///
    /// # Errors
    /// As `send(2)`; `BrokenPipe` after [`Stream::close`].
    pub fn poll_give(&mut self, cx: &mut Context<'_>, pieces: &[&[u8]]) -> Poll<io::Result<usize>> {
        if self.closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if self.flush(cx)?.is_pending() {
            return Poll::Pending;
        }
        let mut given = 0;
        for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
            let piece = &piece[..piece.len().min(GIVE_BYTES_MAX - given)];
            if piece.is_empty() {
                break;
            }
            self.give(Ask { give: Some(piece), ..Ask::default() })?;
            given += piece.len();
        }
        // Sent while the writer goes on; an error comes with the next bytes.
        let _ = self.flush(cx);
        Poll::Ready(Ok(given))
    }

    /// Encrypts the bytes of `ask`, or encodes `close_notify`.
    fn give(&mut self, ask: Ask<'_>) -> io::Result<()> {
        let Ask { give, close, .. } = ask;
        loop {
            match self.drive(Ask { take: None, give, close })? {
                Did::Gave => return Ok(()),
                Did::PeerClosed | Did::Took(_) => {}
                Did::Closed => return Err(io::ErrorKind::BrokenPipe.into()),
                // This does not happen after the handshake.
                Did::Needs => return Err(io::ErrorKind::NotConnected.into()),
            }
        }
    }

    /// Waits until all bytes that were taken have been sent.
    ///
    /// # Errors
    /// As `send(2)`.
    pub fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flush(cx)
    }

    /// As [`Stream::close`].
    ///
    /// # Errors
    /// As `send(2)` and `shutdown(2)`.
    pub fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.closed {
            self.closed = true;
            // Where the connection is broken already, nobody receives it.
            let _ = self.give(Ask { close: true, ..Ask::default() });
        }
        if self.flush(cx)?.is_pending() {
            return Poll::Pending;
        }
        self.sending.poll_end(cx)
    }
}

/// Copies as much as fits; returns how many bytes.
fn copy(bytes: &[u8], out: &mut [u8]) -> usize {
    let n = bytes.len().min(out.len());
    out[..n].copy_from_slice(&bytes[..n]);
    n
}
