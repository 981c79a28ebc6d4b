//! TLS by rustls, through its interface without buffers: records are decrypted in the buffer that they
//! were received into, and encrypted into the buffer that is sent.
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
use engine::{Connection, invalid};
pub use stream::Stream;

/// Accepts TLS over streams. Cheap to clone; clones share the configuration.
#[derive(Debug, Clone)]
pub struct Acceptor {
    config: Arc<RwLock<Arc<ServerConfig>>>,
}

impl Acceptor {
    /// Uses rustls' configuration of a server.
    #[must_use]
    pub fn new(config: Arc<ServerConfig>) -> Self {
        Self { config: Arc::new(RwLock::new(config)) }
    }

    /// Sets another configuration, such as new certificates, for new connections. Existing ones keep
    /// theirs.
    pub fn replace(&self, config: Arc<ServerConfig>) {
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
    }

    /// Does the handshake as the server. It has no time limit: see [`crate::time::timeout`].
    ///
    /// # Errors
    /// As `recv(2)` and `send(2)`; `InvalidData` with rustls' error where the peer breaks the
    /// protocol or cannot be trusted; it then gets an alert.
    pub async fn accept<S: ByteStream>(&self, stream: S) -> io::Result<Stream<S>> {
        let config = Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner));
        let connection = UnbufferedServerConnection::new(config).map_err(invalid)?;
        Stream::handshake(stream, Connection::Server(Box::new(connection))).await
    }
}

/// Starts TLS over streams. Cheap to clone. For resumption, all connections need the same
/// configuration.
#[derive(Debug, Clone)]
pub struct Connector {
    config: Arc<ClientConfig>,
}

impl Connector {
    /// Uses rustls' configuration of a client.
    #[must_use]
    pub fn new(config: Arc<ClientConfig>) -> Self {
        Self { config }
    }

    /// Does the handshake as a client of the server `name`. It has no time limit: see
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
        Stream::handshake(stream, Connection::Client(Box::new(connection))).await
    }
}
