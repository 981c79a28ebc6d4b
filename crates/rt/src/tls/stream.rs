//! A stream of decrypted bytes.

use std::fmt;
use std::io;
use std::task::{Context, Poll};

use rustls::ProtocolVersion;
use rustls::pki_types::CertificateDer;

use super::engine::{Ask, Buffers, Connection, Did, Take};
use super::invalid;
use crate::net::{ByteStream, Chunk, Received, Sending};

/// Bytes that are encrypted at a time, so that they are sent while the next are encrypted.
const GIVE_BYTES_MAX: usize = 64 << 10;

/// Bytes that may wait for the rest of a record or of a handshake; rustls refuses longer ones.
const UNDONE_BYTES_MAX: usize = 128 << 10;

/// TLS over a stream. Dropped, it ends the connection without a word, which the peer takes for
/// a truncation: see [`Stream::close`].
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
    /// We have said that nothing more will be sent.
    closed: bool,
    /// It has failed: rustls must not be asked again.
    failed: bool,
    /// Of bytes behind those that were given; told when they are asked for.
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
    pub(super) async fn shake(stream: S, connection: Connection) -> io::Result<Self> {
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
        std::future::poll_fn(|cx| this.poll_shake(cx)).await?;
        Ok(this)
    }

    fn poll_shake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let did = self.run(Ask::default());
            if let Err(e) = did {
                // The peer is told why, as far as that goes.
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

    /// The stream below.
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

    /// Whether an earlier session was resumed, so that no certificates were checked anew.
    #[must_use]
    pub fn resumed(&self) -> bool {
        self.connection.common().handshake_kind() == Some(rustls::HandshakeKind::Resumed)
    }

    /// Reads into `out`, as much as there is and fits; 0 where the peer has ended.
    ///
    /// # Errors
    /// As [`Stream::poll_take`].
    pub async fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut done =
            std::future::poll_fn(|cx| self.poll_take(cx, |bytes| copy(bytes, out))).await?;
        // Records that have come too, so that an answer to all of them is one send.
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
        match self.run(Ask { take: Some(take), ..Ask::default() }) {
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

    /// Says that nothing more will be sent (`close_notify`), and ends the sending side below. What
    /// the peer still sends can be read.
    ///
    /// # Errors
    /// As `send(2)` and `shutdown(2)`.
    pub async fn close(&mut self) -> io::Result<()> {
        std::future::poll_fn(|cx| self.poll_end(cx)).await
    }

    /// Goes on with what has come in.
    fn run(&mut self, ask: Ask<'_>) -> io::Result<Did> {
        if self.failed {
            let text = "the connection has failed before";
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let mut none: [u8; 0] = [];
        let incoming = self.incoming.as_deref_mut().unwrap_or(&mut none);
        let (done, did) = self.connection.run(incoming, &mut self.buffers, ask);
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

    /// Receives more, behind what is not done with.
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

    /// Sends what was encrypted.
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

    /// Calls `take` with decrypted bytes; it says how many it took. Not called, and 0, where the
    /// peer has said that nothing more comes.
    ///
    /// # Errors
    /// As `recv(2)`; `UnexpectedEof` where the connection ends without that word, as somebody may
    /// have cut it; `InvalidData` with rustls' word.
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
                // The peer is told why, as far as that goes.
                let _ = self.flush(cx);
                return Poll::Ready(Err(e));
            }
            if self.peer_closed {
                return Poll::Ready(Ok(0));
            }
            let did = self.run(Ask { take: Some(&mut take), ..Ask::default() });
            // What the peer is to know goes out whatever came of it: an answer, or why not.
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

    /// Takes bytes over to be encrypted and sent, once what was taken before has been; how many.
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
            if piece.is_empty() || !self.give(Ask { give: Some(piece), ..Ask::default() })? {
                break;
            }
            given += piece.len();
        }
        // It goes out while the writer goes on; an error is told with the next bytes.
        let _ = self.flush(cx);
        Poll::Ready(Ok(given))
    }

    /// Encrypts what is given; false where the connection is over.
    fn give(&mut self, ask: Ask<'_>) -> io::Result<bool> {
        let Ask { give, close, .. } = ask;
        loop {
            match self.run(Ask { take: None, give, close })? {
                Did::Gave => return Ok(true),
                Did::PeerClosed | Did::Took(_) => {}
                Did::Closed => return Err(io::ErrorKind::BrokenPipe.into()),
                // Nothing is sent before hands are shaken, and then it can be always.
                Did::Needs => return Err(io::ErrorKind::NotConnected.into()),
            }
        }
    }

    /// Waits until all that was taken over has been sent.
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
            // A connection that is broken already has nobody to be told.
            let _ = self.give(Ask { close: true, ..Ask::default() });
        }
        if self.flush(cx)?.is_pending() {
            return Poll::Pending;
        }
        self.sending.poll_end(cx)
    }
}

/// Copies as much as fits; how many bytes.
fn copy(bytes: &[u8], out: &mut [u8]) -> usize {
    let n = bytes.len().min(out.len());
    out[..n].copy_from_slice(&bytes[..n]);
    n
}
