//! A small HTTP server for one page.

use std::collections::VecDeque;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use cutwater_sys::origin::Origin;

use super::Registry;
use super::connection::Patience;
use super::server::Server;

/// How long clients may take.
const PATIENCE: Patience =
    Patience { request: Duration::from_secs(2), answer: Duration::from_secs(10) };

/// Serves `GET /metrics` from one thread of its own until it is dropped.
///
/// There is no authentication and no TLS: bind it to a loopback address, or put a proxy before
/// it. A request is at most 8 KiB and has 2 seconds to arrive; an answer has 10 seconds to be taken.
/// Clients do not wait for each other. There are at most 64 at once: one more closes the one that has
/// not sent its request for the longest time.
#[derive(Debug)]
pub struct Endpoint {
    address: SocketAddr,
    /// Shut down to end the thread.
    stop: UnixStream,
    thread: Option<JoinHandle<()>>,
    /// The process that owns the thread.
    origin: Origin,
}

impl Endpoint {
    /// Listens at `address`; port 0 stands for any free port.
    ///
    /// # Errors
    /// When the address is not available: in use, not of this host, or a port below 1,024 without
    /// the privilege; when no thread can be started.
    pub fn bind(address: impl ToSocketAddrs, registry: Arc<Registry>) -> io::Result<Self> {
        Self::start(address, registry, PATIENCE)
    }

    fn start(
        address: impl ToSocketAddrs,
        registry: Arc<Registry>,
        patience: Patience,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let (stop, stopped) = UnixStream::pair()?;
        let connections = VecDeque::new();
        let server = Server { listener, stop: stopped, registry, patience, connections };
        let thread = thread::Builder::new().name("metrics-http".to_owned());
        let thread = Some(thread.spawn(move || server.serve())?);
        Ok(Self { address, stop, thread, origin: Origin::here() })
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
        // Closing is not enough: a forked child may have a copy. If it fails, the thread is left
        // behind.
        if let (Ok(()), Some(thread)) = (self.stop.shutdown(Shutdown::Both), self.thread.take()) {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
