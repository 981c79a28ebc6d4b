//! As much of an HTTP client as tests need.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// The body of the response to `GET target`.
///
/// # Errors
/// When there is no server at `address`, or no response within 20 seconds.
pub fn http_get(address: &str, target: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    write!(stream, "GET {target} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    let (_, body) = response.split_once("\r\n\r\n").unwrap_or_default();
    Ok(body.to_owned())
}

/// `text` as a value in the target of a request.
#[must_use]
pub fn url_escaped(text: &str) -> String {
    let byte = |b: u8| {
        if b.is_ascii_alphanumeric() { (b as char).to_string() } else { format!("%{b:02X}") }
    };
    text.bytes().map(byte).collect()
}
