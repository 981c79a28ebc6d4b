//! hyper on this runtime: its client against its server here, and curl against the example.

use std::convert::Infallible;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use cutwater_rt::hyper::{Executor, Timer};
use cutwater_rt::net::{Io, TcpStream};
use cutwater_rt::spawn;
use cutwater_testing::child::{KillOnDrop, example};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};

use crate::support::{LONG, on_ring_and_pool, pattern, tcp_pair};

/// Sends the body back.
async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = match request.into_body().collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => Bytes::new(),
    };
    Ok(Response::new(Full::from(body)))
}

async fn pair() -> (Io<TcpStream>, Io<TcpStream>) {
    let (client, server) = tcp_pair().await;
    (client.into_io(), server.into_io())
}

fn body(n: usize) -> Bytes {
    pattern(n).into()
}

#[test]
fn http_1_bodies_of_all_sizes_come_back() {
    on_ring_and_pool(|runtime| {
        runtime.block_on(async {
            let (client, server) = pair().await;
            let builder = hyper::server::conn::http1::Builder::new();
            let server = spawn(builder.serve_connection(server, service_fn(echo)));
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(client).await.expect("begins");
            spawn(connection);
            for size in [0, 1, 5000, 1 << 20, 10] {
                let request =
                    Request::post("/").header("host", "x").body(Full::<Bytes>::from(body(size)));
                let answer = sender.send_request(request.expect("it is one")).await;
                let answer = answer.expect("answers").into_body().collect().await;
                assert!(answer.expect("all of it").to_bytes() == body(size), "{size} bytes");
            }
            drop(sender);
            server.await.expect("it ends").expect("well");
        });
    });
}

#[test]
fn http_2_streams_share_a_connection() {
    on_ring_and_pool(|runtime| {
        runtime.block_on(async {
            let (client, server) = pair().await;
            let mut builder = hyper::server::conn::http2::Builder::new(Executor);
            builder.timer(Timer).keep_alive_interval(Some(Duration::from_secs(20)));
            spawn(async move { builder.serve_connection(server, service_fn(echo)).await });
            let (sender, connection) =
                hyper::client::conn::http2::handshake(Executor, client).await.expect("begins");
            spawn(connection);
            let requests: Vec<_> = (0..20usize)
                .map(|n| {
                    let mut sender = sender.clone();
                    spawn(async move {
                        let request =
                            Request::post("http://x/").body(Full::<Bytes>::from(body(n * 5000)));
                        let answer = sender.send_request(request.expect("it is one")).await;
                        let answer = answer.expect("answers").into_body().collect().await;
                        assert!(answer.expect("all of it").to_bytes() == body(n * 5000));
                    })
                })
                .collect();
            for request in requests {
                request.await.expect("it ends");
            }
        });
    });
}

/// Starts the example; returns the server and its address.
fn serve(args: &[&str]) -> (KillOnDrop, String) {
    let child = Command::new(example("hello_http").expect("cargo test builds examples"))
        .arg("127.0.0.1:0")
        .args(args)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut child = KillOnDrop(child);
    let mut line = String::new();
    let out = child.stdout.take().expect("it is piped");
    BufReader::new(out).read_line(&mut line).expect("it prints its address");
    let address = line.trim().strip_prefix("listening on ").expect("an address").to_owned();
    (child, address)
}

fn curl(args: &[&str]) -> Option<String> {
    match Command::new("curl").args(["-sS", "--max-time", "30"]).args(args).output() {
        Ok(out) => {
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
            Some(String::from_utf8_lossy(&out.stdout).into_owned())
        }
        Err(e) => {
            cutwater_testing::skip!("curl: {e}");
            None
        }
    }
}

#[test]
fn the_example_answers_any_client() {
    let (_server, address) = serve(&[]);
    let mut stream = std::net::TcpStream::connect(&address).expect("connects");
    let request = "GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("sends");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("receives");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.ends_with("Hello over HTTP/1.1: /a\n"), "{answer}");
    let url = format!("http://{address}/b");
    if let Some(text) = curl(&[&url]) {
        assert_eq!(text, "Hello over HTTP/1.1: /b\n");
    }
    let (_server, address) = serve(&["--h2"]);
    let url = format!("http://{address}/c");
    if let Some(text) = curl(&["--http2-prior-knowledge", &url]) {
        assert_eq!(text, "Hello over HTTP/2.0: /c\n");
    }
}

#[test]
fn the_example_speaks_tls_to_curl() {
    let dir = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: String| -> PathBuf {
        let path = dir.path().join(name);
        std::fs::write(&path, text).expect("writes");
        path
    };
    let signed = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("signs");
    let certificate = write("c.pem", signed.cert.pem());
    let key = write("k.pem", signed.signing_key.serialize_pem());
    let text = |path: &Path| path.to_str().expect("it is text").to_owned();
    let (_server, address) = serve(&["--tls", &text(&certificate), &text(&key)]);
    let port = address.rsplit(':').next().expect("it has one").to_owned();
    let url = format!("https://localhost:{port}/d");
    let resolve = format!("localhost:{port}:127.0.0.1");
    for (version, word) in [("--http1.1", "HTTP/1.1"), ("--http2", "HTTP/2.0")] {
        let args = [version, "--cacert", &text(&certificate), "--resolve", &resolve, &url];
        if let Some(text) = curl(&args) {
            assert_eq!(text, format!("Hello over {word}: /d\n"));
        }
    }
}

/// Connections whose clients never begin, stop in the middle, or only keep the connection open.
#[test]
fn the_example_closes_connections_of_silent_clients() {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice();
    // A SETTINGS frame without settings (RFC 9113, 6.5).
    let settings = [preface, &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat();
    // A HEADERS frame that is not the last of its block, on stream 1 (6.2): no CONTINUATION follows.
    let headers = [settings.as_slice(), &[0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82]].concat();
    let http_1: [&[u8]; 4] = [
        b"",
        b"GET / HTT",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
    ];
    let http_2: [&[u8]; 4] = [b"", &preface[..10], &settings, &headers];
    for (protocol, all) in [(None, http_1), (Some("--h2"), http_2)] {
        let args = ["--idle", "1"].into_iter().chain(protocol).collect::<Vec<_>>();
        let (_server, address) = serve(&args);
        let answered = |tail: &str| {
            let url = format!("http://{address}{tail}");
            let prior = protocol.map(|_| "--http2-prior-knowledge");
            curl(&prior.into_iter().chain([url.as_str()]).collect::<Vec<_>>())
                .is_none_or(|text| text.ends_with(&format!("{tail}\n")))
        };
        let clients = all.map(|sent| {
            let mut client = std::net::TcpStream::connect(&address).expect("connects");
            client.write_all(sent).expect("sends");
            client.set_read_timeout(Some(LONG)).expect("sets it");
            client
        });
        for (mut client, sent) in clients.into_iter().zip(all) {
            let ended = client.read_to_end(&mut Vec::new());
            // Bytes that the server did not read make its close a reset.
            let closed = !matches!(&ended, Err(e) if e.kind() == std::io::ErrorKind::WouldBlock);
            assert!(closed, "{protocol:?} after {:?}", String::from_utf8_lossy(sent));
        }
        assert!(answered("/x"), "{protocol:?}: the server goes on");
    }
}
