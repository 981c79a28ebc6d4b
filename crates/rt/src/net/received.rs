//! Receiving from a stream, piece by piece.

use std::fmt;
use std::io;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use cutwater_sys::ring::{Event, Op};
use rustix::event::PollFlags;
use rustix::io::Errno;

use super::chunk::Chunk;
use super::socket::Socket;
use crate::driver::{SHARED_BUFFER_BYTES, SharedBuffers};
use crate::executor::Core;
use crate::operation::{BufResult, Operation, Operations, operation};

/// Bytes of the buffer for large messages; a connection has its own while they come.
const LARGE_BYTES: usize = 64 << 10;

/// Full shared buffers in a row after which messages are taken to be large. Each costs a completion; from
/// about 16 KiB on, one receive into a buffer of our own costs less.
const FULL_IN_A_ROW: u32 = 3;

/// After [`SMALL_IN_A_ROW`] receives of fewer bytes than this, messages are taken to be small again.
const SMALL_BYTES: usize = 4096;
/// See above.
const SMALL_IN_A_ROW: u32 = 2;

/// The operation that receives the next bytes.
enum Receive {
    /// None yet.
    Idle,
    /// A multishot operation, into shared buffers.
    Many(Operations),
    /// The same after it was asked to end, because messages are large.
    Ending(Operations),
    /// One operation into a buffer of our own.
    One(Operation),
}

/// Receives from a stream. Dropping it ends the operation; bytes that were not taken are lost.
pub struct Received {
    socket: Socket,
    receive: Receive,
    large: bool,
    full: u32,
    small: u32,
    /// A buffer for the next receive of a large message.
    spare: Vec<u8>,
    /// Bytes that the next chunk begins with.
    carried: Option<Chunk>,
    over: bool,
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received").field("large", &self.large).finish_non_exhaustive()
    }
}

impl Received {
    pub(crate) fn new(socket: Socket) -> Self {
        Self {
            socket,
            receive: Receive::Idle,
            large: false,
            full: 0,
            small: 0,
            spare: Vec::new(),
            carried: None,
            over: false,
        }
    }

    /// The next piece; `None` once the peer has shut down.
    ///
    /// # Errors
    /// As `recv(2)`.
    pub async fn next(&mut self) -> io::Result<Option<Chunk>> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`Received::next`].
    ///
    /// # Errors
    /// As `recv(2)`.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Chunk>>> {
        loop {
            if self.over {
                return Poll::Ready(Ok(None));
            }
            let step = match mem::replace(&mut self.receive, Receive::Idle) {
                Receive::Idle => self.begin(),
                Receive::Many(many) => self.many(many, cx),
                Receive::Ending(many) => self.ending(many, cx),
                Receive::One(one) => self.one(one, cx),
            };
            match step {
                Step::Again => {}
                Step::Wait => return Poll::Pending,
                Step::Give(chunk) => return Poll::Ready(Ok(Some(self.behind_carried(chunk)))),
                Step::Over => self.over = true,
                Step::Fail(errno) => {
                    self.over = true;
                    return Poll::Ready(Err(errno.into()));
                }
            }
        }
    }

    /// Takes a chunk whose buffer can be received into again.
    pub fn recycle(&mut self, chunk: Chunk) {
        if self.large
            && let Some(buf) = chunk.into_own()
        {
            self.spare = buf;
        }
    }

    /// Makes what is left of this chunk the start of the next one.
    pub fn carry(&mut self, chunk: Chunk) {
        self.carried = Some(match self.carried.take() {
            Some(before) => before.with(&chunk),
            None => chunk,
        });
    }

    fn behind_carried(&mut self, chunk: Chunk) -> Chunk {
        match self.carried.take() {
            None => chunk,
            Some(before) => {
                let joined = before.with(&chunk);
                self.recycle(chunk);
                joined
            }
        }
    }

    /// Receives into `buf`, as much as there is and fits; 0 once the peer has shut down. Small messages
    /// are copied from the shared buffers; large ones are received into `buf` itself.
    ///
    /// # Errors
    /// As `recv(2)`.
    pub async fn recv(&mut self, mut buf: Vec<u8>) -> BufResult {
        if buf.is_empty() {
            return (Ok(0), buf);
        }
        let received = std::future::poll_fn(|cx| self.poll_recv(cx, &mut buf)).await;
        (received, buf)
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>, buf: &mut Vec<u8>) -> Poll<io::Result<usize>> {
        // Bytes that were left over come first, and an operation in flight has another buffer.
        let direct = self.large && self.carried.is_none() && matches!(self.receive, Receive::Idle);
        if direct && !self.over && buf.len() > SHARED_BUFFER_BYTES as usize {
            self.spare = mem::take(buf);
            self.begin_large();
        }
        let mut chunk = match self.carried.take() {
            Some(chunk) => chunk,
            None => match self.poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(e)) => return Poll::Ready(Err(e)),
                Poll::Ready(Ok(None)) => return Poll::Ready(Ok(0)),
                Poll::Ready(Ok(Some(chunk))) => chunk,
            },
        };
        if buf.is_empty()
            && let Some((own, len)) = chunk.take_whole()
        {
            *buf = own;
            return Poll::Ready(Ok(len));
        }
        let n = chunk.len().min(buf.len());
        buf[..n].copy_from_slice(&chunk[..n]);
        chunk.advance(n);
        if chunk.is_empty() {
            self.recycle(chunk);
        } else {
            self.carried = Some(chunk);
        }
        Poll::Ready(Ok(n))
    }

    /// Receives into the spare buffer, after the bytes that were carried.
    fn begin_large(&mut self) {
        let mut buf = mem::take(&mut self.spare);
        let mut at = 0;
        if let Some(head) = self.carried.take() {
            at = head.len();
            buf.resize(buf.len().max(at + LARGE_BYTES), 0);
            buf[..at].copy_from_slice(&head);
            self.recycle(head);
        }
        let socket = Arc::clone(&self.socket.fd);
        let op = Op::Recv { socket, buf, at, all: false };
        self.receive = Receive::One(operation(op));
    }

    /// Takes a buffer for the next large message, or returns it while messages are small.
    #[must_use]
    pub fn reuse(&mut self, buf: Vec<u8>) -> Vec<u8> {
        if !self.large {
            return if buf.capacity() <= SHARED_BUFFER_BYTES as usize { buf } else { Vec::new() };
        }
        self.spare = buf;
        Vec::new()
    }

    fn begin(&mut self) -> Step {
        let core = Core::current();
        let group =
            if self.large { None } else { core.driver.borrow_mut().buffers(SharedBuffers::Small) };
        let socket = Arc::clone(&self.socket.fd);
        self.receive = match group {
            Some(group) => Receive::Many(Operations::new(core, Op::RecvMany { socket, group })),
            None => {
                let bytes = if self.large { LARGE_BYTES } else { SHARED_BUFFER_BYTES as usize };
                if self.spare.len() < bytes {
                    self.spare.resize(bytes, 0);
                }
                self.begin_large();
                return Step::Again;
            }
        };
        Step::Again
    }

    fn many(&mut self, mut many: Operations, cx: &mut Context<'_>) -> Step {
        match many.poll_next(cx) {
            Poll::Pending => {
                self.receive = Receive::Many(many);
                Step::Wait
            }
            Poll::Ready(Event::Part(part)) => {
                let Some(buf) = part.buf else {
                    self.receive = Receive::Many(many);
                    return Step::Again;
                };
                let full = buf.len() == SHARED_BUFFER_BYTES as usize;
                self.full = if full { self.full + 1 } else { 0 };
                self.receive = if self.full >= FULL_IN_A_ROW {
                    (self.large, self.full, self.small) = (true, 0, 0);
                    many.ask_to_end();
                    Receive::Ending(many)
                } else {
                    Receive::Many(many)
                };
                if buf.is_empty() { Step::Again } else { Step::Give(Chunk::from_group(buf)) }
            }
            Poll::Ready(Event::End(outcome)) => match outcome.result {
                Ok(0) => Step::Over,
                // The kernel ends it now and then; we end it when too much was not taken.
                Ok(_) | Err(Errno::CANCELED | Errno::INTR | Errno::AGAIN) => Step::Again,
                // All buffers are in use, the kernel is older than 6.0, or the ring takes nothing
                // now: continue with a buffer of our own.
                Err(Errno::NOBUFS | Errno::INVAL | Errno::OPNOTSUPP) => self.begin_with_own(),
                Err(errno) => Step::Fail(errno),
            },
        }
    }

    fn begin_with_own(&mut self) -> Step {
        let buf = vec![0; SHARED_BUFFER_BYTES as usize];
        let op = Op::Recv { socket: Arc::clone(&self.socket.fd), buf, at: 0, all: false };
        self.receive = Receive::One(operation(op));
        Step::Again
    }

    /// Gives what was received before the operation ended, so that bytes stay in order.
    fn ending(&mut self, mut many: Operations, cx: &mut Context<'_>) -> Step {
        match many.poll_next(cx) {
            Poll::Pending => {
                self.receive = Receive::Ending(many);
                Step::Wait
            }
            Poll::Ready(Event::Part(part)) => {
                self.receive = Receive::Ending(many);
                match part.buf.filter(|buf| !buf.is_empty()) {
                    Some(buf) => Step::Give(Chunk::from_group(buf)),
                    None => Step::Again,
                }
            }
            Poll::Ready(Event::End(outcome)) => match outcome.result {
                Ok(0) => Step::Over,
                Ok(_) | Err(Errno::CANCELED | Errno::INTR | Errno::AGAIN | Errno::NOBUFS) => {
                    Step::Again
                }
                Err(errno) => Step::Fail(errno),
            },
        }
    }

    fn one(&mut self, mut one: Operation, cx: &mut Context<'_>) -> Step {
        let Poll::Ready(mut outcome) = Pin::new(&mut one).poll(cx) else {
            self.receive = Receive::One(one);
            return Step::Wait;
        };
        let at = match &outcome.op {
            Op::Recv { at, .. } => *at,
            _ => 0,
        };
        let n = match outcome.result {
            Ok(0) => return Step::Over,
            Ok(n) => n as usize,
            Err(Errno::INTR) => {
                self.keep_head(outcome.op, at);
                return Step::Again;
            }
            Err(Errno::AGAIN) => {
                self.keep_head(outcome.op, at);
                return self.wait();
            }
            Err(errno) => return Step::Fail(errno),
        };
        if matches!(outcome.op, Op::Poll { .. }) {
            return Step::Again;
        }
        self.small = if n < SMALL_BYTES { self.small + 1 } else { 0 };
        if self.small >= SMALL_IN_A_ROW {
            (self.large, self.full, self.small) = (false, 0, 0);
            self.spare = Vec::new();
        }
        Step::Give(Chunk::from_vec(outcome.op.take_buf(), at + n))
    }

    /// Keeps the bytes carried at the start of the buffer, for a receive that is retried.
    fn keep_head(&mut self, mut op: Op, at: usize) {
        if at > 0 {
            self.carried = Some(Chunk::from_vec(op.take_buf(), at));
        }
    }

    /// Waits for the socket, which was set not to block.
    fn wait(&mut self) -> Step {
        let events = PollFlags::IN;
        let op = Op::Poll { file: Arc::clone(&self.socket.fd), events };
        self.receive = Receive::One(operation(op));
        Step::Again
    }
}

enum Step {
    Again,
    Wait,
    Give(Chunk),
    Over,
    Fail(Errno),
}

impl futures_core::Stream for Received {
    type Item = io::Result<Chunk>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Self::poll_next(&mut self, cx).map(Result::transpose)
    }
}
