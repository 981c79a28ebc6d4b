//! A small HTTP server for one page.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use cutwater_sys::origin::Origin;

use super::Registry;
use super::request::{self, Ask};

/// Most bytes of a request.
const REQUEST_BYTES_MAX: usize = 8 << 10;
/// The timeout of a request and of an answer. Clients are served one after
/// another, so one can keep the others waiting for as long.
const PATIENCE: Duration = Duration::from_secs(2);
/// The pause after a failed accept (no descriptors left).
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Serves `GET /metrics` from one thread of its own until it is dropped.
///
/// There is no authentication and no TLS: bind it to a loopback address, or put a proxy before
/// it. A request is at most 8 KiB and has 2 seconds to arrive.
#[derive(Debug)]
pub struct Endpoint {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    /// The process that owns the thread.
    origin: Origin,
}

impl Endpoint {
    /// Listens at `address`; port 0 stands for any free port.
    ///
    /// # Errors
    /// When the address is not available: in use, not of this host, or a port below 1,024 without
    /// the privilege.
    pub fn bind(address: impl ToSocketAddrs, registry: Arc<Registry>) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let thread = thread::Builder::new().name("metrics-http".to_owned()).spawn({
            let stop = Arc::clone(&stop);
            move || serve(&listener, &registry, &stop)
        })?;
        Ok(Self { address, stop, thread: Some(thread), origin: Origin::here() })
    }

    /// The address at which it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        if !self.origin.is_here() {
            // A child made by fork(2) does not have the thread, and would wait for it for ever.
            std::mem::forget(self.thread.take());
            return;
        }
        self.stop.store(true, Ordering::Release);
        // The thread waits for a client, so this connects as one. If that fails, the thread is left
        // behind rather than joined.
        let woken = TcpStream::connect_timeout(&reachable(self.address), PATIENCE);
        if let (Ok(_), Some(thread)) = (woken, self.thread.take()) {
            let _ = thread.join();
        }
    }
}

/// The address by which this host reaches its own listener at `address`.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    address
}

fn serve(listener: &TcpListener, registry: &Registry, stop: &AtomicBool) {
    loop {
        let client = listener.accept();
        if stop.load(Ordering::Acquire) {
            return;
        }
        match client {
            // Neither a client that fails nor a source that panics affects other clients.
            Ok((stream, _)) => {
                let _ = catch_unwind(AssertUnwindSafe(|| answer(stream, registry)));
            }
            Err(_) => thread::sleep(AFTER_FAILURE),
        }
    }
}

fn answer(mut stream: TcpStream, registry: &Registry) -> io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    let ask = ask(&mut stream)?;
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
    let mut response = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{allow}\
         Connection: close\r\n\r\n"
    );
    if !matches!(ask, Ask::Metrics { head: true, .. }) {
        response.push_str(&body);
    }
    stream.write_all(response.as_bytes())
}

/// Reads a request; [`Ask::Partial`] is one that is longer than the bound.
fn ask(stream: &mut TcpStream) -> io::Result<Ask> {
    let deadline = Instant::now() + PATIENCE;
    let mut bytes = [0; REQUEST_BYTES_MAX];
    let mut filled = 0;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        // A timeout of 0 would mean none.
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let n = match stream.read(&mut bytes[filled..]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => 0,
            Err(e) => return Err(e),
        };
        filled += n;
        let ask = request::parse(&bytes[..filled]);
        if ask != Ask::Partial || filled == bytes.len() {
            return Ok(ask);
        }
    }
}

#[cfg(test)]
mod tests;
