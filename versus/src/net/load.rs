//! Requests, over our own runtime for every server: the server is what is measured.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cutwater_lab::stats;
use cutwater_rt::net::{TcpStream, UdpSocket};
use cutwater_rt::tls::rustls::pki_types::{CertificateDer, ServerName};
use cutwater_rt::tls::rustls::{ClientConfig, RootCertStore};
use cutwater_rt::tls::{Connector, Stream};
use cutwater_rt::{Runtime, spawn, time};

use super::cells::{Cell, Transport};
use super::process::Server;

/// How long a connection or an answer is waited for.
const LIMIT: Duration = Duration::from_secs(20);

/// An answer to a datagram that does not come in this time is lost, and asked for again.
const LOST: Duration = Duration::from_millis(200);

/// The figures of one slice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Server's processor time for each request, ns.
    pub(crate) cpu_ns: f64,
    /// Requests in a second.
    pub(crate) rate: f64,
    /// Time of 99 of 100 requests at most, us.
    pub(crate) p99_us: f64,
    /// Every answer was what had been sent.
    pub(crate) right: bool,
}

/// The client's side of TLS.
pub(super) fn connector(dir: &Path) -> Result<Connector, String> {
    let der = std::fs::read(dir.join("cert.der")).map_err(|e| e.to_string())?;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(der)).map_err(|e| e.to_string())?;
    let builder = ClientConfig::builder().with_root_certificates(roots);
    Ok(Connector::new(Arc::new(builder.with_no_client_auth())))
}

enum Link {
    Plain(TcpStream),
    Tls(Box<Stream<TcpStream>>),
    Udp(UdpSocket, SocketAddr),
}

impl Link {
    async fn open(transport: Transport, to: SocketAddr, tls: &Connector) -> std::io::Result<Self> {
        if transport == Transport::Udp {
            return Ok(Self::Udp(UdpSocket::bind("127.0.0.1:0")?, to));
        }
        let stream = TcpStream::connect(to, LIMIT).await?;
        stream.set_nodelay(true)?;
        if transport == Transport::Plain {
            return Ok(Self::Plain(stream));
        }
        let name = ServerName::try_from("localhost").map_err(std::io::Error::other)?;
        Ok(Self::Tls(Box::new(tls.connect(name, stream).await?)))
    }

    /// Sends `sent` and receives as much; whether the same came back.
    async fn ask(&mut self, sent: &mut Vec<u8>, buf: &mut Vec<u8>) -> std::io::Result<bool> {
        match self {
            Self::Plain(stream) => {
                let sender = stream.clone();
                let bytes = std::mem::take(sent);
                buf.resize(bytes.len(), 0);
                if bytes.len() <= 16 << 10 {
                    let (done, back) = sender.send_all(bytes).await;
                    done?;
                    *sent = back;
                    let (done, back) = stream.recv_exact(std::mem::take(buf)).await;
                    done?;
                    *buf = back;
                } else {
                    // Both at once, or both ends would wait with full buffers.
                    let sending = spawn(async move { sender.send_all(bytes).await });
                    let (done, back) = stream.recv_exact(std::mem::take(buf)).await;
                    done?;
                    *buf = back;
                    let (done, back) = sending.await.map_err(std::io::Error::other)?;
                    done?;
                    *sent = back;
                }
            }
            Self::Tls(stream) => {
                buf.resize(sent.len(), 0);
                // In pieces that the buffers of both ends hold.
                for (piece, space) in sent.chunks(64 << 10).zip(buf.chunks_mut(64 << 10)) {
                    stream.write_all(piece).await?;
                    stream.read_exact(space).await?;
                }
            }
            Self::Udp(socket, to) => loop {
                let (done, back) = socket.send_to(std::mem::take(sent), *to).await;
                done?;
                *sent = back;
                let received = socket.recv_from(vec![0; sent.len()]);
                if let Ok((done, back)) = time::timeout(LOST, received).await {
                    done?;
                    *buf = back;
                    break;
                }
            },
        }
        Ok(sent == buf)
    }
}

/// Asks for `seconds` over the cell's connections, after a tenth of that to warm up.
pub(super) fn measure(
    runtime: &Runtime,
    server: &Server,
    cell: &Cell,
    seconds: f64,
    tls: &Connector,
) -> Result<Load, String> {
    runtime.block_on(async {
        let say = |e| format!("{}: {e}", server.peer);
        let mut links = Vec::new();
        for _ in 0..cell.connections {
            let open = time::timeout(LIMIT, Link::open(cell.transport, server.address, tls)).await;
            let open = open.map_err(|_| say("no connection".into()))?;
            links.push(open.map_err(|e| say(e.to_string()))?);
        }
        let warm = Duration::from_secs_f64(seconds / 10.0);
        let begin = Instant::now() + warm;
        let end = begin + Duration::from_secs_f64(seconds);
        let ask = |link| spawn(ask_between(link, cell.bytes, begin, end));
        let tasks: Vec<_> = links.into_iter().map(ask).collect();
        time::sleep(warm).await;
        let (cpu, clock) = (server.cpu_ns()?, Instant::now());
        let (mut times, mut right) = (Vec::new(), true);
        for task in tasks {
            let ended = time::timeout(LIMIT + Duration::from_secs_f64(seconds), task).await;
            let ended = ended.map_err(|_| say("no answer".into()))?;
            let asked = ended.map_err(|e| say(e.to_string()))?;
            let (some, ok) = asked.map_err(|e| say(e.to_string()))?;
            times.extend(some);
            right &= ok;
        }
        let spent = (server.cpu_ns()? - cpu) as f64;
        let rate = times.len() as f64 / clock.elapsed().as_secs_f64();
        let p99_us = stats::quantile(&times, 0.99).ok_or("nothing was answered")?;
        Ok(Load { cpu_ns: spent / times.len() as f64, rate, p99_us, right })
    })
}

/// Asks again and again until `end`, and until one request began after `begin`, as on a busy machine
/// none may have: how long each of these took, us, and whether all answers were right.
async fn ask_between(
    mut link: Link,
    bytes: usize,
    begin: Instant,
    end: Instant,
) -> std::io::Result<(Vec<f64>, bool)> {
    let mut sent: Vec<u8> = (0..bytes).map(|i| (i * 31 % 251) as u8).collect();
    let (mut buf, mut times, mut right) = (Vec::new(), Vec::new(), true);
    loop {
        let asked = Instant::now();
        if asked >= end && !times.is_empty() {
            return Ok((times, right));
        }
        right &= link.ask(&mut sent, &mut buf).await?;
        if asked >= begin {
            times.push(asked.elapsed().as_nanos() as f64 / 1e3);
        }
    }
}

/// Resident bytes of the server for each of a number of connections that send nothing.
pub(super) fn idle(runtime: &Runtime, server: &Server, connections: usize) -> Result<f64, String> {
    runtime.block_on(async {
        let before = server.rss_bytes();
        let mut held = Vec::with_capacity(connections);
        for _ in 0..connections {
            let stream = TcpStream::connect(server.address, LIMIT).await;
            held.push(
                stream.map_err(|e| format!("{}: connection {}: {e}", server.peer, held.len()))?,
            );
        }
        // Until it has accepted and begun to receive from the last.
        let last = held.last().ok_or("no connection")?;
        last.send_all(vec![1]).await.0.map_err(|e| e.to_string())?;
        last.recv_exact(vec![0]).await.0.map_err(|e| e.to_string())?;
        let after = server.rss_bytes();
        Ok(after.saturating_sub(before) as f64 / connections as f64)
    })
}
