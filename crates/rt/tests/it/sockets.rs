//! Datagrams, Unix sockets, shared buffers, and peers that behave badly, over ring and epoll.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::AsFd;
use std::time::Duration;

use cutwater_rt::net::{
    Datagram, PACKET_BYTES_MAX, TcpListener, TcpStream, UdpSocket, UnixListener, UnixStream,
};
use cutwater_rt::time::{sleep, timeout};
use cutwater_rt::{Backend, spawn, yield_now};

use crate::support::{
    LONG, nothing_in_flight, on_all_for_sockets, options, pattern, runtime, tcp_pair,
};

#[test]
fn pieces_come_in_order_whatever_their_sizes() {
    on_all_for_sockets(|runtime| {
        runtime.block_on(async {
            let (client, server) = tcp_pair().await;
            // Small, large, small again: the way to receive changes and bytes stay in order.
            let sizes = [1, 64, 5000, 1 << 20, 10, 20, 30, 300_000, 7, 4096, 4096, 4096, 4096, 1];
            let sent = pattern(sizes.iter().sum());
            let copy = sent.clone();
            let sender = spawn(async move {
                let mut at = 0;
                for size in sizes {
                    client.send_all(copy[at..at + size].to_vec()).await.0.expect("sends");
                    at += size;
                    if size < 100 {
                        sleep(Duration::from_millis(1)).await;
                    }
                }
            });
            let mut received = Vec::new();
            let mut pieces = server.received();
            while let Some(piece) = pieces.next().await.expect("receives") {
                received.extend_from_slice(&piece);
                // Both ways to give a piece back.
                if received.len() % 2 == 0 {
                    pieces.recycle(piece);
                } else {
                    let len = piece.len();
                    let own = piece.into_vec(vec![9; 3]);
                    assert_eq!(own.len(), len);
                    assert!(received.ends_with(&own));
                    drop(pieces.reuse(own));
                }
            }
            sender.await.expect("it ends");
            assert!(received == sent, "{} of {} bytes", received.len(), sent.len());
            assert!(pieces.next().await.expect("it stays over").is_none());
        });
    });
}

#[test]
fn a_slow_reader_holds_its_share_of_the_buffers_and_no_more() {
    let Some(runtime) = runtime(Backend::Ring) else { return };
    runtime.block_on(async {
        let (client, server) = tcp_pair().await;
        let (other_client, other_server) = tcp_pair().await;
        let mut slow = server.received();
        client.send_all(vec![1]).await.0.expect("sends");
        let first = slow.next().await.expect("receives").expect("there is one");
        // Each send is a piece of its own, and nothing takes them.
        for n in 0..1500u32 {
            client.send_all(n.to_le_bytes().to_vec()).await.0.expect("sends");
            yield_now().await;
        }
        // Another connection of the core is still served.
        let mut quick = other_server.received();
        for n in 0..100u8 {
            other_client.send_all(vec![n; 100]).await.0.expect("sends");
            let piece = quick.next().await.expect("receives").expect("there is one");
            assert_eq!(&*piece, [n; 100]);
        }
        drop(first);
        client.shutdown(Shutdown::Write).expect("ends");
        let mut all = Vec::new();
        while let Some(piece) = slow.next().await.expect("receives") {
            all.extend_from_slice(&piece);
        }
        let expected: Vec<u8> = (0..1500u32).flat_map(u32::to_le_bytes).collect();
        assert!(all == expected, "nothing of what waited is lost");
    });
}

#[test]
fn pieces_that_are_held_do_not_stop_a_core() {
    let Some(runtime) = runtime(Backend::Ring) else { return };
    runtime.block_on(async {
        let (client, server) = tcp_pair().await;
        let mut pieces = server.received();
        let mut held = Vec::new();
        // More pieces than the core has buffers, and all are kept.
        for n in 0..3000u32 {
            client.send_all(n.to_le_bytes().to_vec()).await.0.expect("sends");
            let piece = pieces.next().await.expect("receives").expect("there is one");
            held.push(piece);
        }
        let all: Vec<u8> = held.iter().flat_map(|piece| piece.to_vec()).collect();
        assert!(all == (0..3000u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>());
    });
}

#[test]
fn connections_come_by_one_operation() {
    on_all_for_sockets(|runtime| {
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
            let address = listener.local_addr().expect("it has one");
            let mut incoming = listener.incoming();
            let clients = spawn(async move {
                let mut all = Vec::new();
                for n in 0..200u8 {
                    let client = TcpStream::connect(address, LONG).await.expect("connects");
                    client.send_all(vec![n]).await.0.expect("sends");
                    all.push(client);
                }
                all
            });
            let mut seen = Vec::new();
            let mut servers = Vec::new();
            for _ in 0..200 {
                let server = incoming.next().await.expect("accepts");
                let (received, buf) = server.recv_exact(vec![0]).await;
                received.expect("receives");
                seen.push(buf[0]);
                servers.push(server);
            }
            seen.sort_unstable();
            assert_eq!(seen, (0..200).collect::<Vec<u8>>());
            drop(clients.await.expect("it ends"));
        });
    });
}

#[test]
fn listeners_share_a_port_on_request() {
    let one = TcpListener::options().reuse_port(true).bind("127.0.0.1:0").expect("listens");
    let address = one.local_addr().expect("it has one");
    let two =
        TcpListener::options().reuse_port(true).backlog(16).bind(address).expect("listens too");
    assert_eq!(two.local_addr().expect("it has one"), address);
    let alone = TcpListener::bind(address).map(drop).map_err(|e| e.kind());
    assert_eq!(alone, Err(io::ErrorKind::AddrInUse));
}

#[test]
fn datagrams_go_both_ways_with_their_addresses() {
    on_all_for_sockets(|runtime| {
        runtime.block_on(async {
            for address in ["127.0.0.1:0", "[::1]:0"] {
                let Ok(server) = UdpSocket::bind(address) else {
                    cutwater_testing::skip!("{address}");
                    continue;
                };
                let client = UdpSocket::bind(address).expect("binds");
                let (to, from) = (server.local_addr(), client.local_addr());
                let (to, from) = (to.expect("it has one"), from.expect("it has one"));
                client.send_to(pattern(1200), to).await.0.expect("sends");
                let (received, buf) = server.recv_from(vec![0; 2000]).await;
                assert_eq!(received.expect("receives"), (1200, from));
                assert_eq!(buf[..1200], pattern(1200));
                server.connect(from).expect("connects");
                server.send(b"back".to_vec()).await.0.expect("sends");
                client.connect(to).expect("connects");
                let (n, buf) = client.recv(vec![0; 10]).await;
                assert_eq!((n.expect("receives"), &buf[..4]), (4, &b"back"[..]));
            }
        });
    });
}

#[test]
fn packets_come_many_at_a_time_and_are_cut_at_their_bound() {
    on_all_for_sockets(|runtime| {
        runtime.block_on(async {
            let server = UdpSocket::bind("127.0.0.1:0").expect("binds");
            let to = server.local_addr().expect("it has one");
            let client = UdpSocket::bind("127.0.0.1:0").expect("binds");
            let from: SocketAddr = client.local_addr().expect("it has one");
            let mut packets = server.packets();
            for round in 0..20u8 {
                let many = (0..32u8).map(|n| Datagram { bytes: vec![round, n], peer: to });
                for (sent, _) in client.send_many(many.collect()).await {
                    assert_eq!(sent.expect("sends"), 2);
                }
                for n in 0..32u8 {
                    let packet = packets.next().await.expect("receives");
                    assert_eq!((&*packet.bytes, packet.peer), (&[round, n][..], from));
                }
            }
            client.send_to(Vec::new(), to).await.0.expect("sends nothing");
            assert!(packets.next().await.expect("receives").bytes.is_empty());
            client.send_to(pattern(9000), to).await.0.expect("sends");
            let packet = packets.next().await.expect("receives");
            assert_eq!(&*packet.bytes, &pattern(9000)[..PACKET_BYTES_MAX]);
        });
    });
}

#[test]
fn unix_sockets_carry_bytes_and_pieces() {
    on_all_for_sockets(|runtime| {
        runtime.block_on(async {
            let dir = tempfile::tempdir().expect("a directory");
            let path = dir.path().join("s");
            let listener = UnixListener::bind(&path).expect("listens");
            let client = UnixStream::connect(&path).await.expect("connects");
            let server = listener.accept().await.expect("accepts");
            let bufs = vec![pattern(100), Vec::new(), pattern(300_000), pattern(7)];
            let expected: Vec<u8> = bufs.concat();
            let sender = spawn(async move { client.send_vectored(bufs).await.0 });
            let (received, buf) = server.recv_exact(vec![0; expected.len()]).await;
            received.expect("receives");
            assert!(buf == expected);
            sender.await.expect("it ends").expect("sends");
            let missing = UnixStream::connect(dir.path().join("none")).await;
            assert_eq!(missing.map(drop).map_err(|e| e.kind()), Err(io::ErrorKind::NotFound));
            let (one, other) = UnixStream::pair().expect("a pair");
            one.send_all(vec![5; 10]).await.0.expect("sends");
            drop(one);
            let (received, buf) = other.recv_exact(vec![0; 20]).await;
            assert_eq!(received.map_err(|e| e.kind()), Err(io::ErrorKind::UnexpectedEof));
            assert_eq!(buf, [5; 10], "what came is given");
        });
    });
}

#[test]
fn many_vectors_are_sent_whole() {
    on_all_for_sockets(|runtime| {
        runtime.block_on(async {
            let (client, server) = tcp_pair().await;
            let bufs: Vec<Vec<u8>> = (0..3000).map(|n| pattern(n % 97)).collect();
            let expected = bufs.concat();
            let sender = spawn(async move { client.send_vectored(bufs).await });
            let (received, buf) = server.recv_exact(vec![0; expected.len()]).await;
            received.expect("receives");
            assert!(buf == expected);
            let (sent, back) = sender.await.expect("it ends");
            sent.expect("sends");
            assert_eq!(back.len(), 3000, "buffers come back");
        });
    });
}

#[test]
fn a_large_send_is_whole_and_its_buffer_comes_back() {
    on_all_for_sockets(|runtime| {
        runtime.block_on(async {
            let (client, server) = tcp_pair().await;
            for _ in 0..3 {
                let sent = pattern(3 << 20);
                let client = client.clone();
                let copy = sent.clone();
                let sender = spawn(async move { client.send_all(copy).await });
                let (received, buf) = server.recv_exact(vec![0; sent.len()]).await;
                received.expect("receives");
                assert!(buf == sent);
                let (result, back) = sender.await.expect("it ends");
                result.expect("sends");
                assert!(back == sent);
            }
        });
    });
}

#[test]
fn a_peer_that_never_reads_holds_only_its_own_task() {
    on_all_for_sockets(|runtime| {
        runtime.block_on(async {
            let (deaf, _peer) = tcp_pair().await;
            let stuck = spawn(async move { deaf.send_all(vec![0; 64 << 20]).await.0 });
            let (client, server) = tcp_pair().await;
            for n in 0..50u8 {
                client.send_all(vec![n]).await.0.expect("sends");
                assert_eq!(server.recv(vec![0; 9]).await.0.expect("receives"), 1);
            }
            assert!(!stuck.is_finished());
            stuck.abort();
            drop(stuck.await);
        });
    });
}

#[test]
fn connections_that_are_reset_are_errors_at_each_point() {
    on_all_for_sockets(|runtime| {
        runtime.block_on(async {
            // While idle, while receiving, and before an accept.
            let (client, server) = tcp_pair().await;
            client.set_linger(Some(Duration::ZERO)).expect("sets");
            let waiting = server.clone();
            let receive = spawn(async move { waiting.recv(vec![0; 10]).await.0 });
            yield_now().await;
            drop(client);
            let kind = receive.await.expect("it ends").map_err(|e| e.kind());
            assert_eq!(kind, Err(io::ErrorKind::ConnectionReset));
            let mut pieces = server.received();
            assert!(pieces.next().await.map_or(true, |piece| piece.is_none()));

            let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
            let address = listener.local_addr().expect("it has one");
            let gone = TcpStream::connect(address, LONG).await.expect("connects");
            gone.set_linger(Some(Duration::ZERO)).expect("sets");
            drop(gone);
            let _next = TcpStream::connect(address, LONG).await.expect("connects");
            // The first is skipped or given as reset; the second comes either way.
            let accepted = timeout(LONG, listener.accept()).await.expect("in time");
            drop(accepted.expect("accepts"));
        });
    });
}

#[test]
fn closing_waits_until_the_peer_has_everything() {
    on_all_for_sockets(|runtime| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
        let address = listener.local_addr().expect("it has one");
        let peer = std::thread::spawn(move || {
            let mut stream = std::net::TcpStream::connect(address).expect("connects");
            // The other side does not read this, which would turn a plain close into a reset.
            stream.write_all(&[1; 1000]).expect("sends");
            let mut all = Vec::new();
            stream.read_to_end(&mut all).map(|_| all)
        });
        runtime.block_on(async {
            let stream = listener.accept().await.expect("accepts");
            stream.send_all(pattern(200_000)).await.0.expect("sends");
            stream.close(LONG).await.expect("closes");
        });
        let all = peer.join().expect("it ends").expect("no reset");
        assert!(all == pattern(200_000));
    });
}

#[test]
fn cancelled_sends_and_receives_leave_no_descriptor() {
    on_all_for_sockets(|runtime| {
        runtime.block_on(async {
            let (client, server) = tcp_pair().await;
            for n in 0..300u64 {
                let wait = Duration::from_micros(n % 50);
                let _ = timeout(wait, server.recv(vec![0; 100])).await;
                let _ = timeout(wait, client.send_all(vec![0; 1 << 16])).await;
            }
            let mut pieces = server.received();
            let _ = timeout(Duration::from_millis(1), pieces.next()).await;
        });
        runtime.block_on(nothing_in_flight());
    });
}

#[test]
fn sockets_of_others_that_do_not_block_work_too() {
    on_all_for_sockets(|runtime| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("listens");
        listener.set_nonblocking(true).expect("sets");
        let address = listener.local_addr().expect("it has one");
        let listener = TcpListener::from(listener);
        assert!(listener.as_fd().try_clone_to_owned().is_ok());
        runtime.block_on(async {
            let accept = spawn(async move { listener.accept().await });
            sleep(Duration::from_millis(2)).await;
            let peer = std::net::TcpStream::connect(address).expect("connects");
            let server = accept.await.expect("it ends").expect("accepts");
            peer.set_nonblocking(true).expect("sets");
            let client = TcpStream::try_from(peer).expect("takes it");
            client.send_all(vec![1; 10]).await.0.expect("sends");
            assert_eq!(server.recv(vec![0; 20]).await.0.expect("receives"), 10);
        });
    });
}

#[test]
fn connections_that_wait_keep_nobody_else_from_working() {
    for backend in [Backend::Ring, Backend::Pool] {
        let built = options(backend).in_flight_max(2).build();
        let Ok(runtime) = built else {
            cutwater_testing::skip!("{backend:?}");
            continue;
        };
        runtime.block_on(async {
            let mut silent = Vec::new();
            for _ in 0..50 {
                let (client, server) = tcp_pair().await;
                silent.push((client, spawn(async move { server.recv(vec![0; 10]).await.0 })));
            }
            let (client, server) = tcp_pair().await;
            client.send_all(vec![1; 5]).await.0.expect("sends");
            assert_eq!(server.recv(vec![0; 10]).await.0.expect("receives"), 5);
            for (client, task) in silent {
                client.send_all(vec![1]).await.0.expect("sends");
                assert_eq!(task.await.expect("it ends").expect("receives"), 1);
            }
        });
    }
}
