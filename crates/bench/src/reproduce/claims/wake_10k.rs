//! From data that is ready to the task that runs, with 10,000 connections.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use cutwater_lab::stats::median;
use cutwater_rt::{Backend, Runtime, operation, spawn, yield_now};
use cutwater_sys::ring::Op;
use rustix::event::epoll;
use rustix::io::Errno;
use rustix::net::sockopt;
use rustix::time::{ClockId, Timespec, clock_gettime};

use super::descriptors;
use super::passes::failed;
use crate::reproduce::child::{Child, Role};
use crate::reproduce::claim::{Claim, Measured};

const CONNECTIONS: usize = 10_000;
const ACTIVE: usize = CONNECTIONS / 2;
/// Messages that are under way at a time: each burst waits until the one before has arrived.
const BURST: usize = 50;
/// The time at which it was sent, and its number.
const MESSAGE: usize = 16;
/// Descriptors besides those of the connections.
const OTHERS: u64 = 200;
/// The longest wait for anything to happen.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) const CLAIM: Claim = Claim {
    id: "wake-10k",
    text: "10,000 connections, half active: from data ready to the task running, by completions against readiness (epoll)",
    claimed_ratio: Some(3.7),
    measure: |bed| {
        let bursts = bed.sized(400, 100) as usize;
        let build = || Runtime::options().backend(Backend::Ring).build();
        build().map_err(|e| format!("no io_uring here: {e}"))?;
        let mut rounds = [const { Vec::new() }; 2];
        let address = bed.dir().join("address");
        let sides = descriptors::with(CONNECTIONS as u64 + OTHERS, || {
            let mut load = Load::new(&address)?;
            bed.interleave(&["completions", "readiness"], "us", |side| {
                let hall = load.hall(bursts * BURST);
                let by = if side == 0 { by_completions } else { by_readiness };
                by(&load.sockets, &hall)?;
                let times = hall.seen.borrow().times();
                rounds[side].push(times);
                Ok((times.median, hall.seen.borrow().sum))
            })
        })?;
        let median_of = |side: usize, of: fn(&Times) -> f64| {
            median(&rounds[side].iter().map(of).collect::<Vec<_>>()).unwrap_or_default()
        };
        Ok(Measured::less(sides, |s| {
            let (ours, theirs) = (s[0].median(), s[1].median());
            let order = if ours < theirs { "sooner" } else { "later" };
            format!(
                "in bursts of {BURST} a task has its data {:.1} us {order} than a bare epoll loop has, p99 {:.0} against {:.0} us; the first of a burst {:.1} against {:.1} us",
                (ours - theirs).abs(),
                median_of(0, |t| t.p99),
                median_of(1, |t| t.p99),
                median_of(0, |t| t.first),
                median_of(1, |t| t.first)
            )
        }))
    },
};

pub(super) const ROLES: [(&str, Role); 1] = [("wake-load", |path, _| send_bursts(path))];

/// Microseconds from sending to the task, in one round.
#[derive(Debug, Clone, Copy)]
struct Times {
    median: f64,
    p99: f64,
    /// The median of what arrived first in its burst.
    first: f64,
}

/// What arrived.
#[derive(Debug)]
struct Seen {
    wanted: usize,
    /// The number of the first message.
    first: u64,
    us: Vec<f64>,
    sum: u64,
}

impl Seen {
    fn take(&mut self, message: &[u8]) -> Result<(), String> {
        let word = |at: usize| message.get(at..at + 8)?.try_into().ok().map(u64::from_ne_bytes);
        let (Some(sent), Some(number)) = (word(0), word(8)) else {
            return Err("a message came in pieces".into());
        };
        self.us.push(now_ns().saturating_sub(sent) as f64 / 1e3);
        let number = number.wrapping_sub(self.first) + 1;
        self.sum = self.sum.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Ok(())
    }

    fn times(&self) -> Times {
        let mut sorted = self.us.clone();
        sorted.sort_by(f64::total_cmp);
        let firsts: Vec<_> = self.us.iter().step_by(BURST).copied().collect();
        let at = |q: f64| sorted.get((sorted.len() as f64 * q) as usize).copied();
        Times {
            median: at(0.5).unwrap_or_default(),
            p99: at(0.99).unwrap_or_default(),
            first: median(&firsts).unwrap_or_default(),
        }
    }
}

fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// Where messages of one round arrive.
#[derive(Debug)]
struct Hall {
    seen: RefCell<Seen>,
    child: Rc<RefCell<Child>>,
    /// How the round ended, and who waits for that.
    end: RefCell<Option<Result<(), String>>>,
    waiting: RefCell<Option<Waker>>,
}

impl Hall {
    /// Takes a message, and asks for the next burst when one is complete. Returns whether it was
    /// the last.
    fn arrived(&self, message: &[u8]) -> Result<bool, String> {
        let mut seen = self.seen.borrow_mut();
        seen.take(message)?;
        let count = seen.us.len();
        if count < seen.wanted && count.is_multiple_of(BURST) {
            self.child.borrow_mut().go_on()?;
        }
        Ok(count >= seen.wanted)
    }

    fn ended(&self, how: Result<(), String>) {
        *self.end.borrow_mut() = Some(how);
        self.waiting.borrow_mut().take().into_iter().for_each(Waker::wake);
    }
}

/// The process that sends, and our ends of its connections.
struct Load {
    child: Rc<RefCell<Child>>,
    sockets: Vec<Arc<OwnedFd>>,
    sent: u64,
}

impl Load {
    fn new(address: &Path) -> Result<Self, String> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
        let at = listener.local_addr().map_err(failed)?;
        std::fs::write(address, at.to_string()).map_err(failed)?;
        sockopt::set_socket_timeout(&listener, sockopt::Timeout::Recv, Some(PATIENCE))
            .map_err(failed)?;
        let child = Child::playing("wake-load", address)?;
        let mut sockets = Vec::new();
        for n in 0..CONNECTIONS {
            let accepted = listener.accept();
            let (stream, _) = accepted.map_err(|e| {
                format!("only {n} of {CONNECTIONS} connections came about on loopback: {e}")
            })?;
            sockets.push(Arc::new(stream.into()));
        }
        Ok(Self { child: Rc::new(RefCell::new(child)), sockets, sent: 0 })
    }

    /// Room for a round of `wanted` messages.
    fn hall(&mut self, wanted: usize) -> Rc<Hall> {
        let first = self.sent;
        self.sent += wanted as u64;
        let seen = Seen { wanted, first, us: Vec::with_capacity(wanted), sum: 0 };
        Rc::new(Hall {
            seen: RefCell::new(seen),
            child: Rc::clone(&self.child),
            end: RefCell::default(),
            waiting: RefCell::default(),
        })
    }
}

/// A task for each connection.
fn by_completions(sockets: &[Arc<OwnedFd>], hall: &Rc<Hall>) -> Result<(), String> {
    let runtime = Runtime::options()
        .backend(Backend::Ring)
        .in_flight_max(CONNECTIONS + OTHERS as usize)
        .build()
        .map_err(failed)?;
    runtime.block_on(async {
        for socket in sockets {
            drop(spawn(receive(Arc::clone(socket), Rc::clone(hall))));
        }
        // All of them wait before anything is sent.
        while cutwater_rt::counters().in_flight < CONNECTIONS as u64 {
            if let Some(Err(e)) = hall.end.borrow_mut().take() {
                return Err(e);
            }
            yield_now().await;
        }
        if cutwater_rt::counters().pooled > 0 {
            return Err("the ring refused some of the connections".to_owned());
        }
        hall.child.borrow_mut().go_on()?;
        std::future::poll_fn(|cx| match hall.end.borrow_mut().take() {
            Some(how) => Poll::Ready(how),
            None => {
                *hall.waiting.borrow_mut() = Some(cx.waker().clone());
                Poll::Pending
            }
        })
        .await
    })
}

async fn receive(socket: Arc<OwnedFd>, hall: Rc<Hall>) {
    let mut buf = vec![0; MESSAGE];
    loop {
        let mut outcome =
            operation(Op::Recv { socket: Arc::clone(&socket), buf, at: 0, all: false }).await;
        buf = outcome.op.take_buf();
        let arrived = match outcome.result {
            Ok(n) => hall.arrived(buf.get(..n as usize).unwrap_or_default()),
            Err(e) => Err(failed(e)),
        };
        match arrived {
            Ok(false) => {}
            Ok(true) => return hall.ended(Ok(())),
            Err(e) => return hall.ended(Err(e)),
        }
    }
}

/// A loop around `epoll_wait(2)`: the least that a runtime by readiness does.
fn by_readiness(sockets: &[Arc<OwnedFd>], hall: &Rc<Hall>) -> Result<(), String> {
    let set = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(failed)?;
    for (n, socket) in sockets.iter().enumerate() {
        let data = epoll::EventData::new_u64(n as u64);
        epoll::add(&set, socket, data, epoll::EventFlags::IN).map_err(failed)?;
    }
    let (mut events, mut buf) = (Vec::with_capacity(BURST), [0; MESSAGE]);
    let patience = Timespec { tv_sec: PATIENCE.as_secs() as i64, tv_nsec: 0 };
    hall.child.borrow_mut().go_on()?;
    loop {
        events.clear();
        match epoll::wait(&set, rustix::buffer::spare_capacity(&mut events), Some(&patience)) {
            Ok(0) => return Err("no message came for a long time".into()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(e) => return Err(failed(e)),
        }
        for event in &events {
            let Some(socket) = sockets.get(event.data.u64() as usize) else { continue };
            let n = rustix::io::read(socket, &mut buf).map_err(failed)?;
            if hall.arrived(&buf[..n])? {
                return Ok(());
            }
        }
    }
}

/// The child: connects, and sends a burst for each byte of its input.
fn send_bursts(path: &Path) -> Result<(), String> {
    let address = std::fs::read_to_string(path).map_err(failed)?;
    let mut streams = Vec::new();
    for _ in 0..CONNECTIONS {
        let stream = TcpStream::connect(address.as_str()).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        // Closed by a reset: otherwise the ports stay in use for a minute.
        sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).map_err(failed)?;
        streams.push(stream);
    }
    let (mut input, mut number) = (std::io::stdin().lock(), 0u64);
    while input.read(&mut [0]).map_err(failed)? > 0 {
        for _ in 0..BURST {
            // All of the active ones in turn, neighbours far apart.
            let at = number.wrapping_mul(7919) as usize % ACTIVE * 2;
            let mut message = [0; MESSAGE];
            message[8..].copy_from_slice(&number.to_ne_bytes());
            message[..8].copy_from_slice(&now_ns().to_ne_bytes());
            streams[at].write_all(&message).map_err(failed)?;
            number += 1;
        }
    }
    Ok(())
}
