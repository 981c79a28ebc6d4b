//! Any bytes to the metrics endpoint: each connection gets one answer or its end, and the next is answered.
#![no_main]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cutwater_meter::expose::{Endpoint, Registry};
use libfuzzer_sys::fuzz_target;

static ENDPOINT: OnceLock<Endpoint> = OnceLock::new();

fn answer(request: &[u8]) -> Vec<u8> {
    let endpoint = ENDPOINT.get_or_init(|| {
        Endpoint::bind("127.0.0.1:0", Arc::new(Registry::new())).expect("listens")
    });
    let mut stream = TcpStream::connect(endpoint.address()).expect("connects");
    stream.set_read_timeout(Some(Duration::from_secs(15))).expect("sets");
    // The answer may come, and the connection end, before all is sent.
    let _ = stream.write_all(request);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => panic!("no answer and no end"),
        _ => answer,
    }
}

fuzz_target!(|request: &[u8]| {
    let answer_to_it = answer(request);
    assert!(answer_to_it.is_empty() || answer_to_it.starts_with(b"HTTP/1.1 "));
    assert!(answer(b"GET /metrics HTTP/1.1\r\n\r\n").starts_with(b"HTTP/1.1 200 OK\r\n"));
});
