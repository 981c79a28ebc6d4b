//! `--metrics` and `--otlp`: while the command runs, Prometheus or a collector sees what it reads.

#[cfg(feature = "otlp")]
pub mod push;

use std::fmt;
use std::io;
use std::str::FromStr;

use cutwater::Metrics;
use cutwater::metrics::{Endpoint, Source};

use crate::{Failure, note};

/// A port without a host is served to this host only.
const HOST: &str = "127.0.0.1";

/// Where to serve metrics: `HOST:PORT`, or a port of this host as `9464` or `:9464`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    given: String,
    host_and_port: String,
}

impl Address {
    /// As `HOST:PORT`.
    #[must_use]
    pub fn host_and_port(&self) -> &str {
        &self.host_and_port
    }
}

impl FromStr for Address {
    type Err = std::convert::Infallible;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        let port = given.strip_prefix(':').unwrap_or(given);
        let is_port = port.parse::<u16>().is_ok();
        let host_and_port = if is_port { format!("{HOST}:{port}") } else { given.to_owned() };
        Ok(Self { given: given.to_owned(), host_and_port })
    }
}

impl fmt::Display for Address {
    /// As the user gave it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.given)
    }
}

/// Where metrics go.
#[derive(Debug, Default)]
pub struct Outlets {
    /// An address to serve at.
    pub serve: Option<Address>,
    /// A collector to push to.
    #[cfg(feature = "otlp")]
    pub push: Option<push::PushTo>,
}

impl Outlets {
    fn is_none(&self) -> bool {
        #[cfg(feature = "otlp")]
        if self.push.is_some() {
            return false;
        }
        self.serve.is_none()
    }
}

/// Metrics of this process, served and pushed until this is dropped.
#[derive(Debug)]
pub struct Exporter {
    /// Pushes once more when it is dropped, so it goes before what it reports.
    #[cfg(feature = "otlp")]
    _push: Option<cutwater_meter::otlp::Push>,
    _endpoint: Option<Endpoint>,
    metrics: Metrics,
}

impl Exporter {
    /// Starts to serve and push, and says on standard error where it serves. Returns `None` if
    /// there is no outlet.
    ///
    /// # Errors
    /// When the address cannot be served at, or a thread cannot be started.
    pub fn start(outlets: Outlets) -> Result<Option<Self>, Failure> {
        if outlets.is_none() {
            return Ok(None);
        }
        let metrics = Metrics::start().map_err(no_thread)?;
        let endpoint = outlets.serve.map(|address| serve(&metrics, &address)).transpose()?;
        #[cfg(feature = "otlp")]
        let push = outlets.push.map(|push| push.start(&metrics)).transpose().map_err(no_thread)?;
        Ok(Some(Self {
            #[cfg(feature = "otlp")]
            _push: push,
            _endpoint: endpoint,
            metrics,
        }))
    }

    /// Adds metrics of the command's own.
    pub fn add(&self, source: impl Source + 'static) {
        self.metrics.add(source);
    }
}

fn no_thread(e: io::Error) -> Failure {
    Failure::new("cannot start a thread for metrics").because(e)
}

/// Serves at `address` and says where, on standard error, because standard output is the command's.
fn serve(metrics: &Metrics, address: &Address) -> Result<Endpoint, Failure> {
    let endpoint = metrics
        .serve(address.host_and_port())
        .map_err(|e| Failure::new(refused(address, &e)).because(e))?;
    note(&format!("metrics at http://{}/metrics", endpoint.address()));
    Ok(endpoint)
}

fn refused(address: &Address, e: &io::Error) -> String {
    let hint = match e.kind() {
        io::ErrorKind::AddrInUse => {
            "likely cause: another program has the port; name another, or 0 for any that is free"
        }
        io::ErrorKind::AddrNotAvailable => "likely cause: the address is not of this host",
        io::ErrorKind::PermissionDenied => "likely cause: a port below 1024; name a higher one",
        _ => "an address is HOST:PORT, or a PORT of this host",
    };
    format!("cannot serve metrics at {address}; {hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_one_of_this_host() {
        for (address, expected) in [
            ("9464", "127.0.0.1:9464"),
            (":0", "127.0.0.1:0"),
            ("0.0.0.0:80", "0.0.0.0:80"),
            ("[::1]:80", "[::1]:80"),
            ("no port", "no port"),
        ] {
            let parsed: Address = address.parse().unwrap();
            assert_eq!((parsed.host_and_port(), &*parsed.to_string()), (expected, address));
        }
    }
}
