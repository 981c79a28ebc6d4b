//! The request of a client.

use super::page::Format;

/// Most headers of a request.
const HEADERS_MAX: usize = 64;

/// The meaning of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// The metrics; with the body, or only what a body would be.
    Metrics { format: Format, head: bool },
    /// The front page.
    Root,
    /// A path that does not exist.
    Elsewhere,
    /// A method that is not for reading.
    Method,
    /// The rest has not arrived yet.
    Partial,
    /// Not HTTP.
    Malformed,
}

/// Parses the bytes of a request that have arrived.
pub(super) fn parse(bytes: &[u8]) -> Ask {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Ask::Partial,
        Err(_) => return Ask::Malformed,
    }
    let (Some(method), Some(target)) = (request.method, request.path) else {
        return Ask::Malformed;
    };
    if method != "GET" && method != "HEAD" {
        return Ask::Method;
    }
    match path_of(target) {
        "/metrics" => Ask::Metrics { format: format(request.headers), head: method == "HEAD" },
        "/" => Ask::Root,
        _ => Ask::Elsewhere,
    }
}

/// The path of a target. Clients of a proxy send an absolute URI, which every server has to take
/// (RFC 9112, section 3.2.2); its scheme and host do not matter here.
fn path_of(target: &str) -> &str {
    let lower = |n: usize| target.get(..n).map(str::to_ascii_lowercase);
    let scheme =
        ["http://", "https://"].into_iter().find(|s| lower(s.len()).as_deref() == Some(*s));
    let from_host = scheme.and_then(|scheme| target.get(scheme.len()..));
    let local = match from_host {
        Some(rest) => rest.find(['/', '?']).map_or("", |at| &rest[at..]),
        None => target,
    };
    match local.split('?').next() {
        // An empty path is the same as "/" (RFC 9110, section 4.2.3).
        Some("") if from_host.is_some() => "/",
        path => path.unwrap_or(local),
    }
}

fn format(headers: &[httparse::Header<'_>]) -> Format {
    let accept = headers.iter().find(|h| h.name.eq_ignore_ascii_case("accept"));
    accept.and_then(|h| str::from_utf8(h.value).ok()).map(Format::accepted).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_what_they_are_for() {
        let metrics = |format, head| Ask::Metrics { format, head };
        let rows: [(&[u8], Ask); 19] = [
            (b"GET /metrics HTTP/1.1\r\n\r\n", metrics(Format::Prometheus, false)),
            (b"GET /metrics?a=b HTTP/1.0\r\nHost: x\r\n\r\n", metrics(Format::Prometheus, false)),
            (
                b"GET /metrics HTTP/1.1\r\naccept: application/openmetrics-text\r\n\r\n",
                metrics(Format::OpenMetrics, false),
            ),
            (b"HEAD /metrics HTTP/1.1\r\n\r\n", metrics(Format::Prometheus, true)),
            (b"GET / HTTP/1.1\r\n\r\n", Ask::Root),
            (b"GET http://host:1/metrics HTTP/1.1\r\n\r\n", metrics(Format::Prometheus, false)),
            (b"HEAD HTTPS://[::1]:1/metrics?a HTTP/1.1\r\n\r\n", metrics(Format::Prometheus, true)),
            (b"GET http://host HTTP/1.1\r\n\r\n", Ask::Root),
            (b"GET http://host?a HTTP/1.1\r\n\r\n", Ask::Root),
            (b"GET http://host/ HTTP/1.1\r\n\r\n", Ask::Root),
            (b"GET http://host/a/metrics HTTP/1.1\r\n\r\n", Ask::Elsewhere),
            (b"GET ftp://host/metrics HTTP/1.1\r\n\r\n", Ask::Elsewhere),
            (b"POST http://host/metrics HTTP/1.1\r\n\r\n", Ask::Method),
            (b"GET /metricsx HTTP/1.1\r\n\r\n", Ask::Elsewhere),
            (b"POST /metrics HTTP/1.1\r\n\r\n", Ask::Method),
            (b"GET /metrics HTTP/1.1\r\n", Ask::Partial),
            (b"", Ask::Partial),
            (b"\x16\x03\x01\x02\x00", Ask::Malformed),
            (b"GET\r\n\r\n", Ask::Malformed),
        ];
        for (bytes, expected) in rows {
            assert_eq!(parse(bytes), expected, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn more_headers_than_the_bound_are_refused() {
        let many = "a: b\r\n".repeat(HEADERS_MAX + 1);
        assert_eq!(parse(format!("GET / HTTP/1.1\r\n{many}\r\n").as_bytes()), Ask::Malformed);
    }
}
