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
mod tests {
    use super::*;
    use crate::expose::{Page, Source};

    struct One;

    impl Source for One {
        fn collect(&self, page: &mut Page) {
            page.counter("reads_total", "Reads.").sample(&[], 7);
        }
    }

    fn endpoint() -> Endpoint {
        let registry = Registry::new();
        registry.add(One);
        Endpoint::bind("127.0.0.1:0", Arc::new(registry)).unwrap()
    }

    fn exchange(endpoint: &Endpoint, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(endpoint.address()).unwrap();
        stream.write_all(request).unwrap();
        let mut response = Vec::new();
        // A request that is longer than the bound is answered while its rest is unread, which may
        // reset the connection after the answer arrived.
        let _ = stream.read_to_end(&mut response);
        String::from_utf8(response).unwrap()
    }

    #[test]
    fn a_scrape_is_answered_in_the_format_it_asks_for() {
        let endpoint = endpoint();
        let classic = exchange(&endpoint, b"GET /metrics HTTP/1.1\r\n\r\n");
        assert!(classic.starts_with("HTTP/1.1 200 OK\r\n"), "{classic}");
        assert!(
            classic.contains("version=0.0.4")
                && classic.ends_with(
                    "\r\n\r\n# HELP reads_total Reads.\n# TYPE reads_total counter\nreads_total 7\n"
                ),
            "{classic}"
        );
        let open = exchange(
            &endpoint,
            b"GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text\r\n\r\n",
        );
        assert!(open.contains("openmetrics") && open.ends_with("# EOF\n"), "{open}");
    }

    #[test]
    fn a_head_request_gets_the_length_and_no_body() {
        let response = exchange(&endpoint(), b"HEAD /metrics HTTP/1.1\r\n\r\n");
        assert!(response.contains("Content-Length: 67\r\n"), "{response}");
        assert!(response.ends_with("\r\n\r\n"), "{response}");
    }

    #[test]
    fn what_is_no_request_for_metrics_is_told_so() {
        let endpoint = endpoint();
        for (request, status) in [
            (&b"GET /favicon.ico HTTP/1.1\r\n\r\n"[..], "404"),
            (b"DELETE /metrics HTTP/1.1\r\n\r\n", "405"),
            (b"\x16\x03\x01\x02\x00", "400"),
            (&[b"GET /metrics HTTP/1.1\r\na: ", &[b'x'; REQUEST_BYTES_MAX][..]].concat(), "431"),
        ] {
            let response = exchange(&endpoint, request);
            assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{response}");
        }
    }

    #[test]
    fn a_client_that_hangs_up_does_not_end_the_server() {
        let endpoint = endpoint();
        drop(TcpStream::connect(endpoint.address()).unwrap());
        assert!(exchange(&endpoint, b"GET /metrics HTTP/1.1\r\n\r\n").contains("reads_total 7"));
    }

    #[test]
    fn a_source_that_panics_does_not_end_the_server() {
        struct Panics;
        impl Source for Panics {
            fn collect(&self, _: &mut Page) {
                std::panic::resume_unwind(Box::new("a source that panics"));
            }
        }
        let registry = Registry::new();
        registry.add(Panics);
        let endpoint = Endpoint::bind("127.0.0.1:0", Arc::new(registry)).unwrap();
        assert_eq!(exchange(&endpoint, b"GET /metrics HTTP/1.1\r\n\r\n"), "");
        assert!(exchange(&endpoint, b"GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200"));
    }

    #[test]
    fn a_forked_child_that_drops_the_endpoint_does_not_wait() {
        let mut endpoint = endpoint();
        let here = std::mem::replace(&mut endpoint.origin, Origin::elsewhere());
        let (thread, address) = (endpoint.thread.take(), endpoint.address);
        // A thread that does not end, as a child would see it.
        endpoint.thread = Some(thread::spawn(|| thread::sleep(Duration::MAX)));
        drop(endpoint);
        let stop = Arc::new(AtomicBool::new(false));
        let endpoint = Endpoint { address, stop, thread, origin: here };
        assert!(exchange(&endpoint, b"GET /metrics HTTP/1.1\r\n\r\n").contains("reads_total 7"));
        std::mem::forget(endpoint);
    }

    #[test]
    fn an_address_that_is_taken_is_an_error_and_free_again_after_a_drop() {
        let first = endpoint();
        let address = first.address();
        let second = Endpoint::bind(address, Arc::default());
        assert_eq!(second.unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(first);
        assert!(Endpoint::bind(address, Arc::default()).is_ok());
    }
}
