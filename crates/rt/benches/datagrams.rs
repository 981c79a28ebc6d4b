//! Datagrams through an echo server: one by one, many by a call, and as segments of one buffer.
//!
//! `cargo bench -p cutwater-rt --bench datagrams [-- --quick]`
//!
//! The servers are threads on the first CPU; the load, the same for all of them, is on the last. Servers take
//! turns (A B C A B C). Printed are medians of the rounds: datagrams that came back in a second, and the processor
//! time of the server's thread for each. Over loopback, a sender's thread also runs the receiver's side.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "what cannot be set up must stop, and figures are printed"
)]

use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use cutwater_rt::Runtime;
use cutwater_rt::net::Datagram;
use cutwater_sys::ring::DatagramHead;
use cutwater_sys::udp;
use cutwater_sys::udp_many::Many;
use rustix::net::{RecvFlags, SendFlags, sockopt};
use rustix::thread::{CpuSet, gettid, sched_getaffinity, sched_setaffinity};

/// Datagrams in one call.
const BATCH: usize = 64;

/// Datagrams under way at a time.
const WINDOW: usize = 4 * BATCH;

/// The most bytes of a datagram.
const BYTES_MAX: usize = 2048;

/// An answer that does not come within this time is lost.
const LOST: Duration = Duration::from_millis(100);

/// Serves on a socket until the program ends.
type Serve = fn(UdpSocket);

const SERVERS: [(&str, Serve); 6] = [
    ("cutwater-rt, segments", segments),
    ("cutwater-rt, one by one", one_by_one),
    ("tokio", tokio),
    ("recvmmsg, sendmmsg", calls_many),
    ("UDP_GRO, UDP_SEGMENT by calls", calls_segments),
    ("recvfrom, sendto", calls),
];

/// How the load sends and receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Load {
    /// One peer that sends segments, and receives coalesced datagrams.
    OneSegments,
    /// One peer that sends and receives single datagrams, many in a call.
    One,
    /// Peers that have one datagram under way each.
    Many,
}

fn main() {
    let quick = std::env::args().any(|a| a == "--quick" || a == "--test");
    let (rounds, time) = if quick { (1, 0.02) } else { (5, 0.15) };
    let servers: Vec<_> = SERVERS.iter().map(|(name, serve)| start(name, *serve)).collect();
    pin(true);
    println!("{:44} {:>12} {:>10} {:>9}", "", "datagrams/s", "ns of CPU", "of tokio");
    for load in [Load::OneSegments, Load::One, Load::Many] {
        for bytes in [64, 256, 1200] {
            let mut found = vec![(Vec::new(), Vec::new()); servers.len()];
            for _ in 0..rounds {
                for (server, (rates, costs)) in servers.iter().zip(&mut found) {
                    let (rate, cost) = measure(server, load, bytes, time);
                    rates.push(rate);
                    costs.push(cost);
                }
            }
            let found: Vec<_> = found.into_iter().map(|(r, c)| (median(r), median(c))).collect();
            for (server, (rate, cost)) in servers.iter().zip(&found) {
                let of_tokio = rate / found[2].0;
                let name = format!("{load:?} {bytes} B: {}", server.name);
                println!("{name:44} {rate:12.0} {cost:10.0} {of_tokio:9.2}");
            }
        }
    }
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// Keeps this thread on the first of its CPUs, or on the last.
fn pin(last: bool) {
    let all = sched_getaffinity(None).unwrap();
    let mut usable = (0..CpuSet::MAX_CPU).filter(|cpu| all.is_set(*cpu));
    let cpu = if last { usable.next_back() } else { usable.next() };
    let mut one = CpuSet::new();
    one.set(cpu.unwrap());
    sched_setaffinity(None, &one).unwrap();
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    sockopt::set_socket_recv_buffer_size(&socket, 4 << 20).unwrap();
    sockopt::set_socket_send_buffer_size(&socket, 4 << 20).unwrap();
    socket
}

struct Server {
    name: &'static str,
    address: SocketAddr,
    thread: i32,
}

impl Server {
    /// Nanoseconds for which its thread has run.
    fn cpu_ns(&self) -> f64 {
        let path = format!("/proc/self/task/{}/schedstat", self.thread);
        let text = std::fs::read_to_string(path).unwrap();
        text.split_whitespace().next().unwrap().parse().unwrap()
    }

    fn joins(&self) -> bool {
        self.name.contains("egment") || self.name.contains("SEGMENT")
    }
}

/// Starts a server, which ends with the process.
fn start(name: &'static str, serve: Serve) -> Server {
    let socket = socket();
    let address = socket.local_addr().unwrap();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        pin(false);
        sender.send(gettid().as_raw_nonzero().get()).unwrap();
        serve(socket);
    });
    Server { name, address, thread: receiver.recv().unwrap() }
}

fn segments(socket: UdpSocket) {
    Runtime::new().unwrap().block_on(async {
        let socket = cutwater_rt::net::UdpSocket::from(socket);
        let mut coalesced = socket.coalesced();
        let mut buf = Vec::new();
        loop {
            let batch = coalesced.next().await.unwrap();
            let (peer, segment) = (batch.peer, batch.segment_bytes.max(1));
            let (sent, back) =
                socket.send_segments_to(batch.bytes.into_vec(buf), segment, peer).await;
            sent.unwrap();
            buf = back;
        }
    });
}

fn one_by_one(socket: UdpSocket) {
    Runtime::new().unwrap().block_on(async {
        let socket = cutwater_rt::net::UdpSocket::from(socket);
        let mut packets = socket.packets();
        let (mut many, mut spare) = (Vec::new(), Vec::<Vec<u8>>::new());
        loop {
            let mut next = Some(packets.next().await.unwrap());
            while let Some(packet) = next {
                let bytes = packet.bytes.into_vec(spare.pop().unwrap_or_default());
                many.push(Datagram { bytes, peer: packet.peer });
                next = packets.try_next();
            }
            for (sent, bytes) in socket.send_many(std::mem::take(&mut many)).await {
                sent.unwrap();
                spare.push(bytes);
            }
        }
    });
}

fn tokio(socket: UdpSocket) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    runtime.block_on(async {
        socket.set_nonblocking(true).unwrap();
        let socket = tokio::net::UdpSocket::from_std(socket).unwrap();
        let mut buf = [0; BYTES_MAX];
        loop {
            let (n, peer) = socket.recv_from(&mut buf).await.unwrap();
            socket.send_to(&buf[..n], peer).await.unwrap();
        }
    });
}

fn calls(socket: UdpSocket) {
    let mut buf = [0; BYTES_MAX];
    loop {
        let (n, peer) = socket.recv_from(&mut buf).unwrap();
        socket.send_to(&buf[..n], peer).unwrap();
    }
}

fn calls_many(socket: UdpSocket) {
    let mut many = Many::new(BATCH, BYTES_MAX);
    loop {
        many.recv(&socket).unwrap();
        many.send_back(&socket).unwrap();
    }
}

fn calls_segments(socket: UdpSocket) {
    let _ = udp::coalesce(&socket);
    let mut buf = vec![0; udp::COALESCED_BYTES_MAX];
    loop {
        let (n, head) = udp::recv_segments(&socket, &mut buf, RecvFlags::empty()).unwrap();
        let none = SendFlags::empty();
        udp::send_segments(&socket, &buf[..n], head.segment, head.from.as_ref(), none).unwrap();
    }
}

/// Datagrams in a second, and the server's time for each in ns.
fn measure(server: &Server, load: Load, bytes: usize, seconds: f64) -> (f64, f64) {
    let end = |from: Instant| from + Duration::from_secs_f64(seconds);
    let mut ask: Box<dyn FnMut(Instant) -> usize> = match load {
        Load::Many => Box::new(many_peers(server, bytes)),
        Load::One => Box::new(one_peer(server, bytes, false, false)),
        Load::OneSegments => Box::new(one_peer(server, bytes, true, server.joins())),
    };
    ask(Instant::now() + Duration::from_millis(5));
    let (started, cpu) = (Instant::now(), server.cpu_ns());
    let done = ask(end(started)) as f64;
    let (spent, took) = (server.cpu_ns() - cpu, started.elapsed().as_secs_f64());
    (done / took, spent / done)
}

fn connected(server: &Server) -> UdpSocket {
    let socket = socket();
    socket.connect(server.address).unwrap();
    socket.set_read_timeout(Some(LOST)).unwrap();
    socket
}

/// One peer. With `segments` it sends by `UDP_SEGMENT`; with `together` it receives by `UDP_GRO`.
fn one_peer(
    server: &Server,
    bytes: usize,
    segments: bool,
    together: bool,
) -> impl FnMut(Instant) -> usize + use<> {
    let socket = connected(server);
    if together {
        let _ = udp::coalesce(&socket);
    }
    let batch = BATCH.min(udp::PAYLOAD_BYTES_MAX / bytes);
    let sent: Vec<u8> = (0..batch * bytes).map(|i| (i % bytes * 31 % 251) as u8).collect();
    let (mut send, mut recv) = (Many::new(batch, bytes), Many::new(BATCH, BYTES_MAX));
    send.bytes_mut().copy_from_slice(&sent);
    let mut buf = vec![0; udp::COALESCED_BYTES_MAX];
    let mut under_way = 0;
    move |end| {
        let mut done = 0;
        while Instant::now() < end {
            while under_way + batch <= WINDOW {
                let segment = Some(bytes as u16);
                if segments {
                    udp::send_segments(&socket, &sent, segment, None, SendFlags::empty()).unwrap();
                } else {
                    assert_eq!(send.send_all(&socket, batch, bytes), Ok(batch));
                }
                under_way += batch;
            }
            let came = if together {
                let received = udp::recv_segments(&socket, &mut buf, RecvFlags::empty());
                let n = received.map_or(0, |(n, _): (usize, DatagramHead)| n);
                assert!(buf[..n] == sent[..n], "what comes back is what was sent");
                n / bytes
            } else {
                let n = recv.recv(&socket).unwrap_or(0);
                assert!(recv.received().all(|one| *one == sent[..bytes]));
                n
            };
            // Nothing came in time: what was under way is lost.
            under_way = if came == 0 { 0 } else { under_way.saturating_sub(came) };
            done += came;
        }
        done
    }
}

fn many_peers(server: &Server, bytes: usize) -> impl FnMut(Instant) -> usize + use<> {
    let sockets: Vec<_> = (0..BATCH).map(|_| connected(server)).collect();
    let sent: Vec<u8> = (0..bytes).map(|i| (i * 31 % 251) as u8).collect();
    let mut buf = [0; BYTES_MAX];
    move |end| {
        let mut done = 0;
        while Instant::now() < end {
            for socket in &sockets {
                socket.send(&sent).unwrap();
            }
            for socket in &sockets {
                let Ok(n) = socket.recv(&mut buf) else { continue };
                assert!(buf[..n] == sent);
                done += 1;
            }
        }
        done
    }
}
