//! Requests over sockets of the loopback device.

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
