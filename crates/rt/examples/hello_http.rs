//! A web server on hyper: HTTP/1, or HTTP/2 with `--h2`. With `--tls CERTIFICATE KEY` the client chooses.
//!
//! ```text
//! cargo run --release -p cutwater-rt --all-features --example hello_http -- 127.0.0.1:8080
//! curl http://127.0.0.1:8080/
//! ```
#![allow(clippy::print_stdout)] // prints its address

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use cutwater_rt::hyper::{Executor, Timer};
use cutwater_rt::net::TcpListener;
use cutwater_rt::time::timeout;
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

async fn hello(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let text = format!("Hello over {:?}: {}\n", request.version(), request.uri().path());
    Ok(Response::new(Full::from(text)))
}

async fn serve(io: impl Read + Write + Unpin + 'static, h2: bool) {
    let served = if h2 {
        let builder = http2::Builder::new(Executor).timer(Timer).clone();
        builder.serve_connection(io, service_fn(hello)).await
    } else {
        http1::Builder::new().timer(Timer).serve_connection(io, service_fn(hello)).await
    };
    if let Err(e) = served {
        println!("a connection ended: {e}");
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
                let Some(acceptor) = tls else { return serve(stream.into_io(), h2).await };
                match timeout(HANDSHAKE_MAX, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => {
                        let h2 = stream.alpn() == Some(b"h2");
                        serve(stream, h2).await;
                    }
                    Ok(Err(e)) => println!("no handshake: {e}"),
                    Err(_) => println!("no handshake in {HANDSHAKE_MAX:?}"),
                }
            });
        }
    })
}
