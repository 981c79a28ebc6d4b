//! Connections through a proxy that delays, divides and resets them, from a seed; and OpenSSL as the peer.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use cutwater_rt::net::{TcpListener, TcpStream};
use cutwater_rt::time::{sleep, timeout};
use cutwater_rt::tls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use cutwater_rt::tls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use cutwater_rt::tls::{Acceptor, Connector};
use cutwater_rt::{Backend, Runtime, spawn};
use cutwater_testing::Dice;
use cutwater_testing::child::KillOnDrop;
use cutwater_testing::sockets::free_address;
use rcgen::{CertifiedKey, KeyPair};

use crate::support::{LONG, nothing_in_flight, on_ring_and_pool, runtime};

/// Forwards one direction in pieces of any size; after `cut` bytes, closes both connections.
fn forward(mut from: StdStream, mut to: StdStream, mut dice: Dice, cut: Option<u64>) {
    let (mut buf, mut passed) = (vec![0; 70_000], 0);
    loop {
        let most = if dice.below(3) == 0 { 40 } else { 70_000 };
        let want = 1 + dice.below(most) as usize;
        let n = match from.read(&mut buf[..want]) {
            Ok(0) | Err(_) => break,
            Ok(n) => n,
        };
        if dice.below(20) == 0 {
            thread::sleep(Duration::from_micros(dice.below(2000)));
        }
        passed += n as u64;
        if cut.is_some_and(|cut| passed > cut) {
            let _ = from.shutdown(Shutdown::Both);
            let _ = to.shutdown(Shutdown::Both);
            return;
        }
        if to.write_all(&buf[..n]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// A proxy for one connection.
fn proxy(target: SocketAddr, seed: u64, cut: Option<u64>) -> SocketAddr {
    let listener = StdListener::bind("127.0.0.1:0").expect("listens");
    let address = listener.local_addr().expect("it has one");
    thread::spawn(move || {
        let Ok((client, _)) = listener.accept() else { return };
        let Ok(server) = StdStream::connect(target) else { return };
        let (Ok(from), Ok(to)) = (client.try_clone(), server.try_clone()) else { return };
        let back = thread::spawn(move || forward(to, from, Dice::new(seed), cut));
        forward(client, server, Dice::new(seed + 1000), cut);
        let _ = back.join();
    });
    address
}

/// A certificate of `cutwater.test`, and both sides that use it.
fn certificates() -> (CertifiedKey<KeyPair>, Acceptor, Connector) {
    let signed = rcgen::generate_simple_self_signed(vec!["cutwater.test".to_owned()]);
    let signed = signed.expect("signs");
    let chain = vec![CertificateDer::from(signed.cert.der().to_vec())];
    let key = PrivateKeyDer::try_from(signed.signing_key.serialize_der()).expect("its form");
    let mut roots = RootCertStore::empty();
    roots.add(chain[0].clone()).expect("its form");
    let server = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key);
    let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let acceptor = Acceptor::new(Arc::new(server.expect("they fit")));
    (signed, acceptor, Connector::new(Arc::new(client)))
}

/// Byte `i` that a connection with this seed sends.
fn byte(seed: u64, i: usize) -> u8 {
    ((i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(seed) >> 29) as u8
}

/// Sends `total` bytes of `seed` and checks what comes back; returns how many bytes came.
async fn exchange(
    to: SocketAddr,
    tls: Option<Connector>,
    seed: u64,
    total: usize,
) -> io::Result<usize> {
    let stream = TcpStream::connect(to, LONG).await?;
    let sent: Vec<u8> = (0..total).map(|i| byte(seed, i)).collect();
    let Some(connector) = tls else {
        let sender = stream.clone();
        let sending = spawn(async move {
            sender.send_all(sent).await.0?;
            sender.shutdown(Shutdown::Write)
        });
        let (mut pieces, mut came) = (stream.received(), 0);
        while let Some(piece) = pieces.next().await? {
            assert!(piece.iter().enumerate().all(|(i, b)| *b == byte(seed, came + i)), "{seed}");
            came += piece.len();
            pieces.recycle(piece);
        }
        // If the connection was cut, bytes that were not sent do not matter.
        drop(sending.await);
        return Ok(came);
    };
    let name = ServerName::try_from("cutwater.test").expect("a name");
    let mut stream = connector.connect(name, stream).await?;
    let (mut came, mut buf) = (0, vec![0; 30_000]);
    for piece in sent.chunks(30_000) {
        stream.write_all(piece).await?;
        stream.read_exact(&mut buf[..piece.len()]).await?;
        let right = buf[..piece.len()].iter().enumerate().all(|(i, b)| *b == byte(seed, came + i));
        assert!(right, "{seed}");
        came += piece.len();
    }
    stream.close().await?;
    Ok(came)
}

async fn echo(stream: TcpStream, tls: Option<Acceptor>) -> io::Result<()> {
    let Some(acceptor) = tls else {
        let (mut pieces, mut buf) = (stream.received(), Vec::new());
        while let Some(piece) = pieces.next().await? {
            let (sent, back) = stream.send_all(piece.into_vec(buf)).await;
            sent?;
            buf = pieces.reuse(back);
        }
        return stream.shutdown(Shutdown::Write);
    };
    let mut stream = acceptor.accept(stream).await?;
    let mut buf = vec![0; 50_000];
    loop {
        match stream.read(&mut buf).await? {
            0 => return stream.close().await,
            n => stream.write_all(&buf[..n]).await?,
        }
    }
}

#[test]
fn bytes_are_exact_however_they_are_divided() {
    let (_, acceptor, connector) = certificates();
    on_ring_and_pool(|runtime| {
        runtime.block_on(async {
            for seed in 0..12u64 {
                let tls = seed % 2 == 0;
                let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
                let to = proxy(listener.local_addr().expect("it has one"), seed, None);
                let (acceptor, connector) = (acceptor.clone(), connector.clone());
                let server = spawn(async move {
                    let stream = listener.accept().await?;
                    echo(stream, tls.then_some(acceptor)).await
                });
                let total = [1, 5000, 100_000, 800_000][seed as usize / 2 % 4];
                let exchanged = exchange(to, tls.then_some(connector), seed, total);
                let came = timeout(LONG, exchanged).await.expect("in time").expect("all of it");
                assert_eq!(came, total, "seed {seed}");
                timeout(LONG, server).await.expect("in time").expect("it ends").expect("well");
            }
        });
    });
}

#[test]
fn connections_that_are_cut_end_and_leave_nothing_behind() {
    let (_, acceptor, connector) = certificates();
    on_ring_and_pool(|runtime| {
        runtime.block_on(async {
            for seed in 0..40u64 {
                let tls = seed % 2 == 0;
                let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
                let cut = Dice::new(seed + 2000).below(200_000);
                let to = proxy(listener.local_addr().expect("it has one"), seed, Some(cut));
                let (acceptor, connector) = (acceptor.clone(), connector.clone());
                let server = spawn(async move {
                    let stream = listener.accept().await?;
                    echo(stream, tls.then_some(acceptor)).await
                });
                let exchanged = exchange(to, tls.then_some(connector), seed, 1_000_000);
                match timeout(LONG, exchanged).await.expect("no hang") {
                    Ok(came) => assert!(!tls && came < 1_000_000, "seed {seed}: {came}"),
                    Err(e) => println!("seed {seed}: {e}"),
                }
                let _ = timeout(LONG, server).await.expect("no hang").expect("no panic");
            }
            nothing_in_flight().await;
        });
    });
}

/// OpenSSL's command; prints where it is missing.
fn openssl(args: &[&str]) -> Option<Command> {
    let mut command = Command::new("openssl");
    match Command::new("openssl").arg("version").output() {
        Ok(_) => {
            command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
            Some(command)
        }
        Err(e) => {
            cutwater_testing::skip!("openssl: {e}");
            None
        }
    }
}

#[test]
fn openssl_connects_and_is_connected_to() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = |name: &str, text: String| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).expect("writes");
        path.display().to_string()
    };
    let (signed, acceptor, connector) = certificates();
    let cert = file("c.pem", signed.cert.pem());
    let key = file("k.pem", signed.signing_key.serialize_pem());
    let Some(runtime) = runtime(Backend::Auto) else { return };
    for version in ["-tls1_2", "-tls1_3"] {
        openssl_connects(&runtime, &acceptor, version, &cert);
    }
    openssl_is_connected_to(&runtime, &connector, &cert, &key);
}

fn openssl_connects(runtime: &Runtime, acceptor: &Acceptor, version: &str, cert: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
    let to = listener.local_addr().expect("it has one").to_string();
    let args = ["s_client", "-connect", &to, "-CAfile", cert, version, "-quiet"];
    let args = [&args[..], &["-verify_return_error", "-servername", "cutwater.test"]].concat();
    let Some(mut command) = openssl(&args) else { return };
    let mut peer = KillOnDrop(command.spawn().expect("it starts"));
    let mut input = peer.stdin.take().expect("it is piped");
    input.write_all(b"hello\n").expect("writes");
    runtime.block_on(async {
        let stream = listener.accept().await.expect("accepts");
        let mut stream = acceptor.accept(stream).await.expect("does the handshake");
        let mut buf = [0; 6];
        stream.read_exact(&mut buf).await.expect("receives");
        assert_eq!(&buf, b"hello\n");
        stream.write_all(b"and back\n").await.expect("sends");
        stream.close().await.expect("ends");
    });
    let mut answer = String::new();
    peer.stdout.take().expect("it is piped").read_to_string(&mut answer).expect("reads");
    assert_eq!(answer, "and back\n", "{version}");
    drop(input);
}

fn openssl_is_connected_to(runtime: &Runtime, connector: &Connector, cert: &str, key: &str) {
    // OpenSSL cannot be asked which port it took.
    let to = free_address().expect("there is one");
    let accept = to.to_string();
    let args = ["s_server", "-accept", &accept, "-cert", cert, "-key", key, "-rev", "-quiet"];
    let Some(mut command) = openssl(&args) else { return };
    let _peer = KillOnDrop(command.spawn().expect("it starts"));
    let answer = runtime.block_on(async {
        let mut refused = 0;
        let stream = loop {
            match TcpStream::connect(to, LONG).await {
                Ok(stream) => break stream,
                Err(_) if refused < 1000 => refused += 1,
                Err(e) => return Err(e),
            }
            sleep(Duration::from_millis(10)).await;
        };
        let name = ServerName::try_from("cutwater.test").expect("a name");
        let mut stream = connector.connect(name, stream).await?;
        stream.write_all(b"abc\n").await?;
        let mut buf = [0; 4];
        stream.read_exact(&mut buf).await?;
        Ok(buf)
    });
    assert_eq!(&answer.expect("it answers"), b"cba\n");
}
