//! `--metrics`: what this process reads, for Prometheus, while the command runs.

use std::io::{self, Write};

use cutwater::Metrics;
use cutwater::metrics::{Endpoint, Source};

use crate::failure::Failure;

/// Where a port alone is served: to nobody but this host.
const HOST: &str = "127.0.0.1";

/// Metrics of this process while it is there.
#[derive(Debug)]
pub(crate) struct Mounted {
    metrics: Metrics,
    /// Serves until it is dropped.
    _endpoint: Endpoint,
}

impl Mounted {
    /// Serves at `address` and says where.
    pub(crate) fn at(address: &str) -> Result<Self, Failure> {
        let failed = |e: io::Error| Failure::new(why_not(address, &e)).because(e);
        let metrics = Metrics::start().map_err(failed)?;
        let endpoint = metrics.serve(whole(address)).map_err(failed)?;
        // On standard error, because standard output is the command's; one that is closed is no
        // reason to stop.
        let at = endpoint.address();
        let _ = writeln!(io::stderr().lock(), "cutwater: metrics at http://{at}/metrics");
        Ok(Self { metrics, _endpoint: endpoint })
    }

    /// Adds what a command has to tell besides.
    pub(crate) fn add(&self, source: impl Source + 'static) {
        self.metrics.add(source);
    }
}

/// `9464` and `:9464` are ports of this host.
fn whole(address: &str) -> String {
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
