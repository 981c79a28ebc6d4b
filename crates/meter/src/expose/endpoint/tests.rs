//! Requests over sockets of the loopback device.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use super::*;
use crate::expose::connection::REQUEST_BYTES_MAX;
use crate::expose::server::CONNECTIONS_MAX;
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
    let _stop = endpoint.stop.try_clone().unwrap();
    let (thread, address) = (endpoint.thread.take(), endpoint.address);
    // A thread that does not end, as a child would see it.
    endpoint.thread = Some(thread::spawn(|| thread::sleep(Duration::MAX)));
    drop(endpoint);
    // The child's drop did not stop the parent's server.
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("reads_total 7"), "{answer}");
    assert!(here.is_here() && !thread.unwrap().is_finished());
}

#[test]
fn an_address_that_is_taken_is_an_error_and_free_again_after_a_drop() {
    let first = endpoint();
    let address = first.address();
    let second = Endpoint::bind(address, Arc::default());
    assert_eq!(second.unwrap_err().kind(), ErrorKind::AddrInUse);
    drop(first);
    assert!(Endpoint::bind(address, Arc::default()).is_ok());
}

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(600);

const GET: &[u8] = b"GET /metrics HTTP/1.1\r\n\r\n";

fn patient(registry: Registry) -> Endpoint {
    let patience = Patience { request: LONG, answer: LONG };
    Endpoint::start("127.0.0.1:0", Arc::new(registry), patience).unwrap()
}

fn with_one() -> Registry {
    let registry = Registry::new();
    registry.add(One);
    registry
}

/// A client that has sent `start` and nothing more.
fn client(endpoint: &Endpoint, start: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(endpoint.address()).unwrap();
    stream.write_all(start).unwrap();
    stream
}

/// Whether the server has closed the connection.
fn is_closed(mut stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let read = stream.read(&mut [0; 1]);
    !read.is_err_and(|e| e.kind() == ErrorKind::WouldBlock)
}

#[test]
fn silent_and_slow_clients_do_not_delay_a_scrape() {
    let endpoint = patient(with_one());
    let starts: [&[u8]; 5] = [b"", b"G", b"GET /metrics HTTP/1.1\r\n", b"GET /me", b""];
    let mut clients: Vec<_> = starts.iter().map(|start| client(&endpoint, start)).collect();
    for _ in 0..20 {
        assert!(exchange(&endpoint, GET).contains("reads_total 7"));
    }
    assert!(!clients.iter().any(is_closed), "a client had to go for a scrape");
    // One that sends its request byte by byte is answered, too.
    clients[0].set_nonblocking(false).unwrap();
    for byte in GET {
        clients[0].write_all(&[*byte]).unwrap();
        assert!(exchange(&endpoint, GET).contains("reads_total 7"));
    }
    let mut answer = String::new();
    clients[0].read_to_string(&mut answer).unwrap();
    assert!(answer.contains("reads_total 7"), "{answer}");
}

#[test]
fn a_client_that_takes_no_answer_does_not_delay_a_scrape() {
    /// More than the buffers of a connection hold.
    const LENGTH: usize = 32 << 20;
    struct Long;
    impl Source for Long {
        fn collect(&self, page: &mut Page) {
            page.gauge("long", "Long.").sample(&[("text", &"x".repeat(LENGTH))], 1);
        }
    }
    let registry = with_one();
    registry.add(Long);
    let endpoint = patient(registry);
    let mut slow = client(&endpoint, GET);
    for _ in 0..3 {
        assert!(exchange(&endpoint, GET).contains("reads_total 7"));
    }
    let mut answer = Vec::new();
    slow.read_to_end(&mut answer).unwrap();
    assert!(answer.len() > LENGTH && answer.ends_with(b"\"} 1\n"), "{} bytes", answer.len());
}

#[test]
fn a_flood_of_silent_clients_closes_the_oldest_of_them() {
    let endpoint = patient(with_one());
    let clients: Vec<_> = (0..3 * CONNECTIONS_MAX).map(|_| client(&endpoint, b"GET")).collect();
    assert!(exchange(&endpoint, GET).contains("reads_total 7"));
    let open: Vec<bool> = clients.iter().map(|client| !is_closed(client)).collect();
    assert!(open.iter().filter(|open| **open).count() <= CONNECTIONS_MAX, "{open:?}");
    assert!(!open[0] && open[open.len() - 1], "{open:?}");
}

#[test]
fn scrapes_go_on_during_a_flood() {
    let endpoint = patient(with_one());
    let address = endpoint.address();
    let over = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut kept = VecDeque::new();
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                kept.extend(TcpStream::connect(address).ok());
                if kept.len() > 2 * CONNECTIONS_MAX {
                    kept.pop_front();
                }
            }
        });
        let mut answered = 0;
        for _ in 0..1000 {
            let Ok(mut stream) = TcpStream::connect(address) else { continue };
            let mut answer = Vec::new();
            let _ = stream.write_all(GET).and_then(|()| stream.read_to_end(&mut answer));
            answered += usize::from(answer.ends_with(b"reads_total 7\n"));
            if answered == 20 {
                break;
            }
        }
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(answered, 20);
    });
}

#[test]
fn a_client_that_sends_nothing_is_closed() {
    let patience = Patience { request: Duration::from_millis(5), answer: LONG };
    let endpoint = Endpoint::start("127.0.0.1:0", Arc::new(with_one()), patience).unwrap();
    let mut silent = client(&endpoint, b"GET /metrics");
    assert_eq!(silent.read_to_end(&mut Vec::new()).unwrap_or(0), 0);
}
