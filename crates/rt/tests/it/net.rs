//! Connections over ring and pool, against plain sockets of the standard library.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use cutwater_rt::net::{TcpListener, TcpStream};
use cutwater_rt::{Backend, spawn};

use crate::support::{LONG, on_ring_and_pool, pattern, runtime};

/// Sends everything back until the peer shuts down.
async fn echo(stream: TcpStream) -> io::Result<u64> {
    let (mut buf, mut total) = (vec![0; 64 << 10], 0);
    loop {
        let (received, back) = stream.recv(buf).await;
        buf = back;
        let n = received?;
        if n == 0 {
            return Ok(total);
        }
        total += n as u64;
        buf.truncate(n);
        let (sent, back) = stream.send_all(buf).await;
        sent?;
        buf = back;
        buf.resize(64 << 10, 0);
    }
}

#[test]
fn what_is_sent_comes_back_whatever_its_size() {
    on_ring_and_pool(|runtime| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
        let address = listener.local_addr().expect("it has one");
        let client = std::thread::spawn(move || {
            for size in [1usize, 64, 4096, 16 << 10, 1 << 20] {
                let mut stream = std::net::TcpStream::connect(address).expect("connects");
                let sent: Vec<u8> = pattern(size);
                let mut writer = stream.try_clone().expect("a second handle");
                let copy = sent.clone();
                let write = std::thread::spawn(move || {
                    writer.write_all(&copy).expect("sends");
                    writer.shutdown(Shutdown::Write).expect("ends");
                });
                let mut received = Vec::new();
                stream.read_to_end(&mut received).expect("receives");
                write.join().expect("it ends");
                assert!(received == sent, "{size} bytes");
            }
        });
        let total: u64 = runtime.block_on(async {
            let mut total = 0;
            for _ in 0..5 {
                let stream = listener.accept().await.expect("accepts");
                total += echo(stream).await.expect("echoes");
            }
            total
        });
        client.join().expect("it ends");
        assert_eq!(total, 1 + 64 + 4096 + (16 << 10) + (1 << 20));
    });
}

#[test]
fn both_ends_on_one_runtime() {
    on_ring_and_pool(|runtime| {
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
            let address = listener.local_addr().expect("it has one");
            let server = spawn(async move {
                let mut served = Vec::new();
                for _ in 0..8 {
                    served.push(spawn(echo(listener.accept().await.expect("accepts"))));
                }
                for one in served {
                    one.await.expect("it ends").expect("echoes");
                }
            });
            let clients: Vec<_> = (0..8u8)
                .map(|n| {
                    spawn(async move {
                        let stream = TcpStream::connect(address, LONG).await.expect("connects");
                        stream.set_nodelay(true).expect("sets");
                        assert_eq!(stream.peer_addr().expect("it has one"), address);
                        for _ in 0..20 {
                            stream.send_all(vec![n; 500]).await.0.expect("sends");
                            let (received, buf) = stream.recv_exact(vec![0; 500]).await;
                            received.expect("receives");
                            assert_eq!(buf, vec![n; 500]);
                        }
                        stream.shutdown(Shutdown::Write).expect("ends");
                        assert_eq!(stream.recv(vec![0; 10]).await.0.expect("ends"), 0);
                    })
                })
                .collect();
            for client in clients {
                client.await.expect("it ends");
            }
            server.await.expect("it ends");
        });
    });
}

#[test]
fn a_peer_that_is_gone_is_an_error_and_no_signal() {
    on_ring_and_pool(|runtime| {
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
            let peer = std::net::TcpStream::connect(listener.local_addr().expect("it has one"))
                .expect("connects");
            let stream = listener.accept().await.expect("accepts");
            drop(peer);
            let mut failed = None;
            for _ in 0..100 {
                if let (Err(e), _) = stream.send_all(vec![0; 100_000]).await {
                    failed = Some(e.kind());
                    break;
                }
            }
            let kinds = [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset];
            assert!(failed.is_some_and(|kind| kinds.contains(&kind)), "{failed:?}");
        });
    });
}

#[test]
fn connecting_to_nobody_is_refused() {
    on_ring_and_pool(|runtime| {
        let address = {
            let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
            listener.local_addr().expect("it has one")
        };
        let connected = runtime.block_on(TcpStream::connect(address, LONG));
        assert_eq!(
            connected.map(drop).map_err(|e| e.kind()),
            Err(io::ErrorKind::ConnectionRefused)
        );
    });
}

#[test]
fn an_accept_that_is_dropped_takes_no_connection_along() {
    let Some(runtime) = runtime(Backend::Ring) else { return };
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
        let waited = cutwater_rt::time::timeout(Duration::from_millis(2), listener.accept()).await;
        assert!(waited.is_err());
        let mut peer = std::net::TcpStream::connect(listener.local_addr().expect("it has one"))
            .expect("connects");
        let stream = listener.accept().await.expect("accepts");
        peer.write_all(b"x").expect("sends");
        assert_eq!(stream.recv(vec![0; 5]).await.0.expect("receives"), 1);
    });
}
