//! An echo server by readiness and by completions.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::time::Instant;

use cutwater_rt::{Backend, Runtime, net, spawn};
use cutwater_sys::usage;
use rustix::event::epoll;
use rustix::io::Errno;

use super::passes::{failed, quantile};
use crate::reproduce::bed::Gauge;
use crate::reproduce::claim::{Claim, Measured};

const BLOCK: usize = 16 << 10;
const CONNECTIONS: usize = 16;

const FIGURES: [Gauge; 2] = [
    Gauge {
        what: "a message there and back at the 99th percentile",
        unit: "us",
        claimed_ratio: Some(182.0 / 47.0),
    },
    Gauge {
        what: "CPU time of the server's thread in the kernel, for a message",
        unit: "us",
        claimed_ratio: None,
    },
];

pub(super) const CLAIM: Claim = Claim {
    id: "echo-16k",
    text: "16 KiB echo over 16 connections: a server by completions (io_uring), against one by readiness (epoll)",
    claimed_ratio: Some(2.35),
    measure: |bed| {
        Runtime::options()
            .backend(Backend::Ring)
            .build()
            .map_err(|e| format!("no io_uring here: {e}"))?;
        let rounds = bed.sized(2000, 500);
        let names = ["completions", "readiness"];
        let (sides, figures) = bed.interleave_with(&names, "us a message", FIGURES, |side| {
            let server = if side == 0 { by_completions } else { by_readiness };
            let listener = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
            let address = listener.local_addr().map_err(failed)?;
            let serving = std::thread::spawn(move || {
                server(listener).map(|()| usage::thread().system_ns as f64 / 1e3)
            });
            let started = Instant::now();
            let (mut us, sum) = load(address, rounds)?;
            let seconds = started.elapsed().as_secs_f64();
            let system = serving.join().map_err(|_| "the server panicked".to_owned())??;
            let messages = (rounds * CONNECTIONS as u64) as f64;
            let tail = quantile(&mut us, 0.99);
            Ok((seconds * 1e6 / messages, [tail, system / messages], sum))
        })?;
        let measured = Measured::less(sides, |s| {
            let (ours, theirs) = (s[0].median(), s[1].median());
            let word = if ours < theirs { "less" } else { "more" };
            format!(
                "on loopback, with the load on the same cores, a message of 16 KiB takes {theirs:.1} us by readiness; completions take {:.1} {word}",
                (ours - theirs).abs()
            )
        });
        Ok(measured.with(figures))
    },
};

/// Sends and receives on all connections; what each message took, and a sum of what came back.
fn load(address: SocketAddr, rounds: u64) -> Result<(Vec<f64>, u64), String> {
    let client = move |n: usize| -> std::io::Result<(Vec<f64>, u64)> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let (sent, mut received, mut sum) = (vec![n as u8 + 1; BLOCK], vec![0; BLOCK], 0u64);
        let mut us = Vec::with_capacity(rounds as usize);
        for _ in 0..rounds {
            let started = Instant::now();
            stream.write_all(&sent)?;
            stream.read_exact(&mut received)?;
            us.push(started.elapsed().as_secs_f64() * 1e6);
            sum += u64::from(received[0]) + u64::from(received[BLOCK - 1]);
        }
        Ok((us, sum))
    };
    let clients: Vec<_> = (0..CONNECTIONS).map(|n| std::thread::spawn(move || client(n))).collect();
    let (mut all, mut sum) = (Vec::new(), 0);
    for client in clients {
        let (us, part) =
            client.join().map_err(|_| "a client panicked".to_owned())?.map_err(failed)?;
        all.extend(us);
        sum += part;
    }
    Ok((all, sum))
}

fn by_completions(listener: TcpListener) -> Result<(), String> {
    let runtime = Runtime::options().backend(Backend::Ring).build().map_err(failed)?;
    let listener = net::TcpListener::from(listener);
    runtime.block_on(async {
        let mut served = Vec::new();
        for _ in 0..CONNECTIONS {
            served.push(spawn(echo(listener.accept().await.map_err(failed)?)));
        }
        for one in served {
            one.await.map_err(failed)?.map_err(failed)?;
        }
        Ok(())
    })
}

async fn echo(stream: net::TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buf = vec![0; BLOCK];
    loop {
        let (received, back) = stream.recv(buf).await;
        buf = back;
        let n = received?;
        if n == 0 {
            return Ok(());
        }
        buf.truncate(n);
        let (sent, back) = stream.send_all(buf).await;
        sent?;
        buf = back;
        buf.resize(BLOCK, 0);
    }
}

fn by_readiness(listener: TcpListener) -> Result<(), String> {
    let set = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(failed)?;
    let mut streams: Vec<Option<OwnedFd>> = Vec::new();
    for n in 0..CONNECTIONS {
        let (stream, _) = listener.accept().map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        let stream = OwnedFd::from(stream);
        let data = epoll::EventData::new_u64(n as u64);
        epoll::add(&set, &stream, data, epoll::EventFlags::IN).map_err(failed)?;
        streams.push(Some(stream));
    }
    let (mut events, mut buf) = (Vec::with_capacity(CONNECTIONS), vec![0; BLOCK]);
    while streams.iter().any(Option::is_some) {
        events.clear();
        match epoll::wait(&set, rustix::buffer::spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(e) => return Err(failed(e)),
        }
        for event in &events {
            let at = event.data.u64() as usize;
            let Some(stream) = &streams[at] else { continue };
            let n = rustix::io::read(stream, &mut buf).map_err(failed)?;
            let mut rest = &buf[..n];
            while !rest.is_empty() {
                let sent = rustix::io::write(stream, rest).map_err(failed)?;
                rest = &rest[sent..];
            }
            if n == 0 {
                streams[at] = None;
            }
        }
    }
    Ok(())
}
