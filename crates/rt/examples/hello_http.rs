//! A web server on hyper: HTTP/1, or HTTP/2 with `--h2`. With `--tls CERTIFICATE KEY` the client chooses.
//!
//! A connection without a request for 60 seconds is closed; `--idle SECONDS` changes that.
//!
//! ```text
//! cargo run --release -p cutwater-rt --all-features --example hello_http -- 127.0.0.1:8080
//! curl http://127.0.0.1:8080/
//! ```
#![allow(clippy::print_stdout)] // prints its address

use std::cell::Cell;
use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io::Write as _;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use cutwater_rt::hyper::{Executor, Timer};
use cutwater_rt::net::TcpListener;
use cutwater_rt::time::{sleep, timeout};
use cutwater_rt::tls::Acceptor;
use cutwater_rt::tls::rustls::ServerConfig;
use cutwater_rt::tls::rustls::pki_types::pem::PemObject;
use cutwater_rt::tls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use cutwater_rt::{Runtime, spawn};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::rt::{Read, Write};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};

/// The most time for a TLS handshake.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// How long a connection may be idle, unless `--idle` sets it. This covers what hyper does not
/// time: a client that never begins, stops in the middle of its headers or body, or does not read
/// its answers.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// The most time for the headers of a request over HTTP/1.
const HEADERS_MAX: Duration = Duration::from_secs(10);

/// The interval between HTTP/2 pings.
const PING_EVERY: Duration = Duration::from_secs(20);
/// How long a client may take to answer a ping.
const PING_MAX: Duration = Duration::from_secs(20);

/// The longest wait for answers in flight when an idle connection is closed.
const CLOSING_MAX: Duration = Duration::from_secs(5);

/// Reports how a connection ended. A closed standard error does not stop the server.
fn note(words: fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{words}");
}

async fn hello(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let text = format!("Hello over {:?}: {}\n", request.version(), request.uri().path());
    Ok(Response::new(Full::from(text)))
}

async fn serve(io: impl Read + Write + Unpin + 'static, h2: bool, idle_max: Duration) {
    let requests = Rc::new(Cell::new(0u64));
    let counted = Rc::clone(&requests);
    let service = service_fn(move |request| {
        counted.set(counted.get() + 1);
        hello(request)
    });
    let served = if h2 {
        let mut builder = http2::Builder::new(Executor);
        builder.timer(Timer).keep_alive_interval(Some(PING_EVERY)).keep_alive_timeout(PING_MAX);
        let connection = builder.serve_connection(io, service);
        until_idle(connection, http2::Connection::graceful_shutdown, &requests, idle_max).await
    } else {
        let mut builder = http1::Builder::new();
        builder.timer(Timer).header_read_timeout(HEADERS_MAX);
        let connection = builder.serve_connection(io, service);
        until_idle(connection, http1::Connection::graceful_shutdown, &requests, idle_max).await
    };
    match served {
        Some(Err(e)) => note(format_args!("a connection ended: {e}")),
        Some(Ok(())) => {}
        None => note(format_args!("a connection was closed: no request in {idle_max:?}")),
    }
}

/// Drives `connection` until it ends, or until no request has begun for `idle_max`. Then `end`
/// closes it; it is dropped if that takes too long, and the result is `None`.
async fn until_idle<C: Future>(
    connection: C,
    end: impl Fn(Pin<&mut C>),
    requests: &Cell<u64>,
    idle_max: Duration,
) -> Option<C::Output> {
    let mut connection = pin!(connection);
    loop {
        let before = requests.get();
        let mut idle = pin!(sleep(idle_max));
        let ended = poll_fn(|cx| {
            if let Poll::Ready(output) = connection.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            idle.as_mut().poll(cx).map(|()| None)
        });
        if let Some(output) = ended.await {
            return Some(output);
        }
        if requests.get() == before {
            end(connection.as_mut());
            let _ = timeout(CLOSING_MAX, connection).await;
            return None;
        }
    }
}

fn acceptor(certificate: &str, key: &str) -> Result<Acceptor, Box<dyn Error>> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Acceptor::new(Arc::new(config)))
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let address = args.first().map_or("127.0.0.1:8080", String::as_str);
    let h2 = args.iter().any(|arg| arg == "--h2");
    let tls = args.iter().position(|arg| arg == "--tls");
    let tls = match tls.and_then(|at| args.get(at + 1).zip(args.get(at + 2))) {
        Some((certificate, key)) => Some(acceptor(certificate, key)?),
        None => None,
    };
    let idle = args.iter().position(|arg| arg == "--idle").and_then(|at| args.get(at + 1));
    let idle_max = idle.map_or(Ok(IDLE_MAX), |seconds| seconds.parse().map(Duration::from_secs))?;
    let runtime = Runtime::new()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address)?;
        println!("listening on {}", listener.local_addr()?);
        let mut incoming = listener.incoming();
        loop {
            let stream = incoming.next().await?;
            stream.set_nodelay(true)?;
            let tls = tls.clone();
            spawn(async move {
                let Some(acceptor) = tls else {
                    return serve(stream.into_io(), h2, idle_max).await;
                };
                match timeout(HANDSHAKE_MAX, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => {
                        let h2 = stream.alpn() == Some(b"h2");
                        serve(stream, h2, idle_max).await;
                    }
                    Ok(Err(e)) => note(format_args!("no handshake: {e}")),
                    Err(_) => note(format_args!("no handshake in {HANDSHAKE_MAX:?}")),
                }
            });
        }
    })
}
