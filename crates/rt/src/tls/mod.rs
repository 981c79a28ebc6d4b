//! TLS by rustls, through its interface without buffers: records are decrypted in the buffer that
//! the ring has received them into, and encrypted into the one that it sends.
//!
//! Configurations are rustls' own ([`rustls`] is exported): ALPN, names, client certificates and
//! resumption are set there. The kernel's TLS (`CONFIG_TLS`) is not used.

mod engine;
mod stream;

use std::io;
use std::sync::{Arc, PoisonError, RwLock};

pub use rustls;
use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use rustls::server::UnbufferedServerConnection;
use rustls::{ClientConfig, ServerConfig};

use crate::net::ByteStream;
use engine::Connection;
pub use stream::Stream;

/// Accepts TLS over streams. Cheap to clone; clones share the configuration.
#[derive(Debug, Clone)]
pub struct Acceptor {
    config: Arc<RwLock<Arc<ServerConfig>>>,
}

impl Acceptor {
    /// With rustls' configuration of a server.
    #[must_use]
    pub fn new(config: Arc<ServerConfig>) -> Self {
        Self { config: Arc::new(RwLock::new(config)) }
    }

    /// From now on, new connections have this configuration: other certificates, say. Those that
    /// there are go on with the one they began with.
    pub fn replace(&self, config: Arc<ServerConfig>) {
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
    }

    /// Shakes hands as the server. It has no limit of its own: see [`crate::time::timeout`].
    ///
    /// # Errors
    /// As `recv(2)` and `send(2)`; `InvalidData` with rustls' word where the peer does not keep
    /// to the protocol or cannot be trusted; it has then been told.
    pub async fn accept<S: ByteStream>(&self, stream: S) -> io::Result<Stream<S>> {
        let config = Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner));
        let connection = UnbufferedServerConnection::new(config).map_err(invalid)?;
        Stream::shake(stream, Connection::Server(Box::new(connection))).await
    }
}

/// Begins TLS over streams. Cheap to clone; resumption needs that all connections have one
/// configuration.
#[derive(Debug, Clone)]
pub struct Connector {
    config: Arc<ClientConfig>,
}

impl Connector {
    /// With rustls' configuration of a client.
    #[must_use]
    pub fn new(config: Arc<ClientConfig>) -> Self {
        Self { config }
    }

    /// Shakes hands as the client of `name`. It has no limit of its own: see
    /// [`crate::time::timeout`].
    ///
    /// # Errors
    /// As [`Acceptor::accept`].
    pub async fn connect<S: ByteStream>(
        &self,
        name: ServerName<'static>,
        stream: S,
    ) -> io::Result<Stream<S>> {
        let config = Arc::clone(&self.config);
        let connection = UnbufferedClientConnection::new(config, name).map_err(invalid)?;
        Stream::shake(stream, Connection::Client(Box::new(connection))).await
    }
}

fn invalid(e: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, e)
}
