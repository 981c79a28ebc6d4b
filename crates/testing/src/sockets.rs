//! Addresses for tests.

use std::io;
use std::net::{SocketAddr, TcpListener};

/// An address of this host whose TCP port was free just now. Another process may take it.
///
/// # Errors
/// As `bind(2)`.
pub fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}
