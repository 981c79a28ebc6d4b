//! One client: its request as it arrives, then the answer as it leaves.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use super::Registry;
use super::request::{self, Ask};

/// Most bytes of a request.
pub(super) const REQUEST_BYTES_MAX: usize = 8 << 10;

/// How long a client may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// To send its request.
    pub(super) request: Duration,
    /// To take its answer.
    pub(super) answer: Duration,
}

#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    state: State,
    /// When it is closed in any state.
    deadline: Instant,
}

#[derive(Debug)]
enum State {
    Asking { request: Vec<u8> },
    Answering { answer: Vec<u8>, sent: usize },
}

impl Connection {
    pub(super) fn new(stream: TcpStream, patience: Patience) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let state = State::Asking { request: Vec::new() };
        Ok(Self { stream, state, deadline: Instant::now() + patience.request })
    }

    /// Whether its request has not arrived yet.
    pub(super) fn is_asking(&self) -> bool {
        matches!(self.state, State::Asking { .. })
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// What it waits for.
    pub(super) fn awaited(&self) -> PollFlags {
        if self.is_asking() { PollFlags::IN } else { PollFlags::OUT }
    }

    /// Goes on as far as it can without waiting. False when the connection is over.
    pub(super) fn advance(&mut self, registry: &Registry, patience: Patience) -> bool {
        let done = self.receive(registry, patience).and_then(|()| self.send());
        match done {
            Ok(is_sent) => !is_sent,
            Err(e) => matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
        }
    }

    /// Reads the request, and prepares the answer when it is there.
    fn receive(&mut self, registry: &Registry, patience: Patience) -> io::Result<()> {
        while let State::Asking { request } = &mut self.state {
            let mut bytes = [0; REQUEST_BYTES_MAX];
            let n = self.stream.read(&mut bytes[request.len()..])?;
            if n == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let held = request.len();
            request.extend_from_slice(&bytes[held..held + n]);
            let ask = request::parse(request);
            if ask != Ask::Partial || request.len() == REQUEST_BYTES_MAX {
                // A source that panics does not affect other clients.
                let answer = catch_unwind(AssertUnwindSafe(|| answer(ask, registry)));
                let answer = answer.map_err(|_| io::Error::other("a source panicked"))?;
                self.state = State::Answering { answer: answer.into_bytes(), sent: 0 };
                self.deadline = Instant::now() + patience.answer;
            }
        }
        Ok(())
    }

    /// Sends the rest of the answer. Returns whether all is sent.
    fn send(&mut self) -> io::Result<bool> {
        let State::Answering { answer, sent } = &mut self.state else { return Ok(false) };
        while *sent < answer.len() {
            match self.stream.write(&answer[*sent..])? {
                0 => return Err(ErrorKind::WriteZero.into()),
                n => *sent += n,
            }
        }
        Ok(true)
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// The answer to a request; [`Ask::Partial`] is one that is longer than the bound.
fn answer(ask: Ask, registry: &Registry) -> String {
    let plain = "text/plain; charset=utf-8";
    let (status, kind, body) = match ask {
        Ask::Metrics { format, .. } => ("200 OK", format.content_type(), registry.render(format)),
        Ask::Root => ("200 OK", plain, "metrics are at /metrics\n".to_owned()),
        Ask::Elsewhere => ("404 Not Found", plain, "metrics are at /metrics\n".to_owned()),
        Ask::Method => ("405 Method Not Allowed", plain, "GET and HEAD only\n".to_owned()),
        Ask::Partial => {
            ("431 Request Header Fields Too Large", plain, "8 KiB at most\n".to_owned())
        }
        Ask::Malformed => ("400 Bad Request", plain, "not an HTTP request\n".to_owned()),
    };
    let allow = if ask == Ask::Method { "Allow: GET, HEAD\r\n" } else { "" };
    let length = body.len();
    let mut answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{allow}\
         Connection: close\r\n\r\n"
    );
    if !matches!(ask, Ask::Metrics { head: true, .. }) {
        answer.push_str(&body);
    }
    answer
}
