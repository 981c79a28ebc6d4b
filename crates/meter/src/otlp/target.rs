//! The address of a collector.

use std::fmt;

/// What OTLP over HTTP appends to the address of a collector.
const PATH: &str = "/v1/metrics";
/// The port on which collectors speak gRPC, which users give by mistake.
const GRPC_PORT: &str = ":4317";

/// The address of a collector, `http://HOST:PORT`, with or without a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target(String);

impl Target {
    /// An address as in `OTEL_EXPORTER_OTLP_ENDPOINT`: `/v1/metrics` is appended unless it ends in
    /// that.
    ///
    /// # Errors
    /// When it is not an address, or asks for TLS.
    pub fn new(url: &str) -> Result<Self, TargetError> {
        let Some((scheme, rest)) = url.split_once("://") else { return Err(TargetError::NoUrl) };
        match scheme {
            "http" => {}
            "https" => return Err(TargetError::Tls),
            _ => return Err(TargetError::NoUrl),
        }
        let is_odd = |c: char| c.is_whitespace() || c.is_control() || "?#@\"<>\\".contains(c);
        if rest.is_empty() || rest.starts_with(['/', ':']) || rest.contains(is_odd) {
            return Err(TargetError::NoUrl);
        }
        let url = url.trim_end_matches('/');
        let path = if url.ends_with(PATH) { "" } else { PATH };
        Ok(Self(format!("{url}{path}")))
    }

    pub(super) fn url(&self) -> &str {
        &self.0
    }

    /// Whether the port is the one for gRPC.
    pub(super) fn grpc(&self) -> bool {
        self.0.contains(GRPC_PORT)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why metrics cannot be pushed to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TargetError {
    /// It is not `http://HOST:PORT`.
    NoUrl,
    /// It asks for TLS, which is not built in.
    Tls,
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoUrl => "the address of a collector is http://HOST:PORT",
            Self::Tls => {
                "metrics are pushed by http:// only, without TLS; run a collector on this host that \
                 passes them on by https://"
            }
        })
    }
}

impl std::error::Error for TargetError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_the_signal_or_of_the_collector() {
        for (url, expected) in [
            ("http://localhost:4318", Ok("http://localhost:4318/v1/metrics")),
            ("http://localhost:4318/", Ok("http://localhost:4318/v1/metrics")),
            ("http://[::1]:4318/otel", Ok("http://[::1]:4318/otel/v1/metrics")),
            ("http://host/v1/metrics", Ok("http://host/v1/metrics")),
            ("https://host:4318", Err(TargetError::Tls)),
            ("localhost:4318", Err(TargetError::NoUrl)),
            ("grpc://localhost:4317", Err(TargetError::NoUrl)),
            ("http://", Err(TargetError::NoUrl)),
            ("http://:4318", Err(TargetError::NoUrl)),
            ("http://a b", Err(TargetError::NoUrl)),
        ] {
            assert_eq!(
                Target::new(url).as_ref().map(Target::url).map_err(|e| *e),
                expected,
                "{url}"
            );
        }
        assert!(Target::new("http://localhost:4317").is_ok_and(|t| t.grpc()));
    }
}
