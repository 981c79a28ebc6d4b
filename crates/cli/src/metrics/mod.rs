//! `--metrics` and `--otlp`: what this process reads, for Prometheus or a collector, while the
//! command runs.

#[cfg(feature = "otlp")]
pub(crate) mod push;

use std::io::{self, Write};

use cutwater::Metrics;
use cutwater::metrics::{Endpoint, Source};

use crate::failure::Failure;

/// Where a port alone is served: to nobody but this host.
const HOST: &str = "127.0.0.1";

/// Where metrics go.
#[derive(Debug, Default)]
pub(crate) struct Ways<'a> {
    /// An address to serve at.
    pub(crate) serve: Option<&'a str>,
    #[cfg(feature = "otlp")]
    pub(crate) push: Option<push::Wanted>,
}

impl Ways<'_> {
    fn is_none(&self) -> bool {
        #[cfg(feature = "otlp")]
        if self.push.is_some() {
            return false;
        }
        self.serve.is_none()
    }
}

/// Metrics of this process while it is there.
#[derive(Debug)]
pub(crate) struct Mounted {
    /// Pushes once more when it is dropped, so before what it tells of.
    #[cfg(feature = "otlp")]
    _push: Option<cutwater_meter::otlp::Push>,
    /// Serves until it is dropped.
    _endpoint: Option<Endpoint>,
    metrics: Metrics,
}

impl Mounted {
    /// Serves and pushes, and says where it serves; none where neither is wanted.
    pub(crate) fn by(ways: Ways<'_>) -> Result<Option<Self>, Failure> {
        if ways.is_none() {
            return Ok(None);
        }
        let metrics = Metrics::start().map_err(no_thread)?;
        let endpoint = ways.serve.map(|address| serve(&metrics, address)).transpose()?;
        Ok(Some(Self {
            #[cfg(feature = "otlp")]
            _push: ways.push.map(|wanted| wanted.start(&metrics)).transpose().map_err(no_thread)?,
            _endpoint: endpoint,
            metrics,
        }))
    }

    /// Adds what a command has to tell besides.
    pub(crate) fn add(&self, source: impl Source + 'static) {
        self.metrics.add(source);
    }
}

fn no_thread(e: io::Error) -> Failure {
    Failure::new("cannot start a thread for metrics").because(e)
}

/// Serves at `address` and says where.
fn serve(metrics: &Metrics, address: &str) -> Result<Endpoint, Failure> {
    let endpoint =
        metrics.serve(whole(address)).map_err(|e| Failure::new(why_not(address, &e)).because(e))?;
    say(&format!("metrics at http://{}/metrics", endpoint.address()));
    Ok(endpoint)
}

/// On standard error, because standard output is the command's; one that is closed is no reason
/// to stop.
fn say(line: &str) {
    let _ = writeln!(io::stderr().lock(), "cutwater: {line}");
}

/// `9464` and `:9464` are ports of this host.
pub(crate) fn whole(address: &str) -> String {
    let port = address.strip_prefix(':').unwrap_or(address);
    if port.parse::<u16>().is_ok() { format!("{HOST}:{port}") } else { address.to_owned() }
}

fn why_not(address: &str, e: &io::Error) -> String {
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
            assert_eq!(whole(address), expected);
        }
    }
}
