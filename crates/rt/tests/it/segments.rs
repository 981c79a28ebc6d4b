//! Datagrams of equal length that go and come together, over ring and epoll, against plain sockets of the
//! standard library.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use cutwater_rt::net::{Coalesced, UdpSocket};
use cutwater_rt::time::timeout;
use cutwater_sys::udp;
use cutwater_testing::child::{passed, test_name};
use cutwater_testing::{Dice, skip};

use crate::support::{LONG, nothing_in_flight, on_all_for_sockets};

/// Decides all lengths; set it to repeat a failure.
const SEED: &str = "CUTWATER_TEST_SEED";

/// Lengths of a buffer and of its segments: whole segments, a short last one, one segment, none, and more
/// than one call takes.
fn shapes(dice: &mut Dice) -> Vec<(usize, usize)> {
    let mut all =
        vec![(0, 1200), (1, 1), (1200, 1200), (1199, 1200), (1201, 1200), (64, 1), (65, 1)];
    all.extend([(64 * 1000, 1000), (64 * 1000 + 1, 1000), (65_507, 65_507), (65_508, 40_000)]);
    for _ in 0..40 {
        let segments = [64, 1472, 9000][dice.below(3) as usize];
        let segment = 1 + dice.below(segments) as usize;
        all.push((dice.below(100_000.min(segment as u64 * 200)) as usize, segment));
    }
    all
}

/// The datagrams that a buffer becomes.
fn cut(bytes: &[u8], segment: usize) -> Vec<&[u8]> {
    if bytes.is_empty() { vec![bytes] } else { bytes.chunks(segment).collect() }
}

/// A socket of the standard library, with a timeout and a large buffer.
fn plain(address: &str) -> Option<std::net::UdpSocket> {
    let socket =
        std::net::UdpSocket::bind(address).inspect_err(|e| skip!("{address}: {e}")).ok()?;
    socket.set_read_timeout(Some(LONG)).expect("sets");
    rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 4 << 20).expect("sets");
    Some(socket)
}

fn skip_refused(socket: &UdpSocket) {
    let refused = socket.refused();
    if refused.segmentation.is_some() || refused.coalescing.is_some() {
        skip!("in part: {refused:?}");
    }
}

#[test]
fn a_buffer_arrives_as_datagrams_of_the_segments_length() {
    let mut dice = Dice::from_env(SEED, 0x5e6d_e471);
    let shapes = shapes(&mut dice);
    on_all_for_sockets(|runtime| {
        for (address, connected) in
            [("127.0.0.1:0", false), ("127.0.0.1:0", true), ("[::1]:0", false), ("[::1]:0", true)]
        {
            let Some(receiver) = plain(address) else { continue };
            let to = receiver.local_addr().expect("it has one");
            let sender = UdpSocket::bind(address).expect("binds");
            let from = sender.local_addr().expect("it has one");
            if connected {
                sender.connect(to).expect("connects");
            }
            for &(len, segment) in &shapes {
                let sent = Dice::new(len as u64).bytes(len);
                // A receiver has room for few small datagrams: each counts for far more than its bytes.
                for part in sent.chunks(segment * 256).chain(sent.is_empty().then_some(&[][..])) {
                    let (result, back) = runtime.block_on(async {
                        match connected {
                            true => sender.send_segments(part.to_vec(), segment).await,
                            false => sender.send_segments_to(part.to_vec(), segment, to).await,
                        }
                    });
                    assert_eq!(result.expect("sends"), part.len(), "{len} by {segment}");
                    assert_eq!(back, part, "the buffer comes back");
                    let mut buf = vec![0; 70_000];
                    for expected in cut(part, segment) {
                        let (n, peer) = receiver.recv_from(&mut buf).expect("receives");
                        assert!(buf[..n] == *expected, "{len} by {segment}: {n} bytes");
                        assert_eq!(peer, from);
                    }
                }
            }
            receiver.set_nonblocking(true).expect("sets");
            assert!(receiver.recv(&mut [0; 10]).is_err(), "nothing more than was sent");
            skip_refused(&sender);
        }
    });
}

/// Receives `expected` datagrams; also returns how many batches they were.
async fn collect(
    coalesced: &mut Coalesced,
    from: SocketAddr,
    expected: usize,
) -> (Vec<Vec<u8>>, usize) {
    let (mut all, mut batches) = (Vec::new(), 0);
    while all.len() < expected {
        let next = timeout(LONG, coalesced.next()).await.expect("in time");
        let mut next = Some(next.expect("receives"));
        while let Some(batch) = next {
            assert_eq!(batch.peer, from);
            assert_eq!(batch.datagrams().count(), batch.count());
            all.extend(batch.datagrams().map(<[u8]>::to_vec));
            batches += 1;
            // Both ways to give a buffer back.
            if batches % 3 > 0 {
                coalesced.recycle(batch);
            }
            next = coalesced.try_next();
        }
    }
    (all, batches)
}

#[test]
fn datagrams_that_come_together_are_given_one_by_one() {
    let mut dice = Dice::from_env(SEED, 0x5e6d_e471);
    let shapes = shapes(&mut dice);
    on_all_for_sockets(|runtime| {
        for (address, connected) in
            [("127.0.0.1:0", false), ("127.0.0.1:0", true), ("[::1]:0", false), ("[::1]:0", true)]
        {
            let Some(sender) = plain(address) else { continue };
            let receiver = UdpSocket::bind(address).expect("binds");
            rustix::net::sockopt::set_socket_recv_buffer_size(&receiver, 4 << 20).expect("sets");
            let (to, from) = (receiver.local_addr(), sender.local_addr());
            let (to, from) = (to.expect("it has one"), from.expect("it has one"));
            if connected {
                receiver.connect(from).expect("connects");
            }
            let mut coalesced = receiver.coalesced();
            let together =
                receiver.refused().coalescing.is_none() && udp::knows_segments(&sender).is_ok();
            for &(len, segment) in &shapes {
                let sent = Dice::new(len as u64).bytes(len);
                for part in sent.chunks(segment * 256).chain(sent.is_empty().then_some(&[][..])) {
                    // The sender makes one call for each expected batch.
                    let calls = segment * (65_507 / segment).clamp(1, 64);
                    let (mut expected, mut pieces) = (Vec::new(), 0);
                    for piece in cut(part, calls) {
                        let segment = u16::try_from(segment).ok().filter(|_| together);
                        let one = segment.filter(|segment| piece.len() > usize::from(*segment));
                        let flags = rustix::net::SendFlags::empty();
                        udp::send_segments(&sender, piece, one, Some(&to), flags).expect("sends");
                        expected.extend(cut(piece, one.map_or(usize::MAX, usize::from)));
                        pieces += 1;
                    }
                    sender.send_to(b"alone", to).expect("sends");
                    expected.push(b"alone");
                    let (all, batches) =
                        runtime.block_on(collect(&mut coalesced, from, expected.len()));
                    assert!(all == expected, "{len} by {segment}");
                    assert_eq!(batches, pieces + 1, "{len} by {segment}: they came together");
                }
            }
            skip_refused(&receiver);
        }
    });
}

#[test]
fn both_ends_on_one_runtime_and_more_than_the_core_has_buffers() {
    on_all_for_sockets(|runtime| {
        runtime.block_on(async {
            let receiver = UdpSocket::bind("127.0.0.1:0").expect("binds");
            rustix::net::sockopt::set_socket_recv_buffer_size(&receiver, 4 << 20).expect("sets");
            let to = receiver.local_addr().expect("it has one");
            let sender = UdpSocket::bind("127.0.0.1:0").expect("binds");
            let mut coalesced = receiver.coalesced();
            let mut held = Vec::new();
            for n in 0..100u8 {
                let (sent, _) = sender.send_segments_to(vec![n; 10_001], 1000, to).await;
                assert_eq!(sent.expect("sends"), 10_001);
                let mut count = 0;
                while count < 11 {
                    let batch = timeout(LONG, coalesced.next()).await.expect("in time");
                    let batch = batch.expect("receives");
                    count += batch.count();
                    held.push(batch);
                }
                assert_eq!(count, 11);
            }
            let lens: Vec<usize> =
                held.iter().flat_map(|batch| batch.datagrams().map(<[u8]>::len)).collect();
            assert_eq!(lens.len(), 1100);
            assert!(lens.chunks(11).all(|lens| lens[..10] == [1000; 10] && lens[10] == 1));
            for (n, batch) in held.chunks(held.len() / 100).enumerate() {
                assert!(batch.iter().all(|b| b.bytes.iter().all(|byte| *byte == n as u8)));
            }
        });
    });
}

#[test]
fn a_socket_that_receives_together_refuses_to_receive_one_by_one() {
    on_all_for_sockets(|runtime| {
        runtime.block_on(async {
            let socket = UdpSocket::bind("127.0.0.1:0").expect("binds");
            let (clone, mut packets) = (socket.clone(), socket.packets());
            let to = socket.local_addr().expect("it has one");
            drop(socket.coalesced());
            socket.send_to(vec![1; 5], to).await.0.expect("sends");
            let kind = Err(std::io::ErrorKind::InvalidInput);
            let (received, buf) = clone.recv_from(vec![0; 10]).await;
            assert_eq!(received.map_err(|e| e.kind()), kind.map(|()| (0, to)));
            assert_eq!(buf.len(), 10, "the buffer comes back");
            assert_eq!(clone.recv(vec![0; 10]).await.0.map_err(|e| e.kind()), kind.map(|()| 0));
            assert_eq!(packets.next().await.map(drop).map_err(|e| e.kind()), kind);
            let batch = timeout(LONG, clone.coalesced().next()).await.expect("in time");
            assert_eq!(*batch.expect("receives").bytes, [1; 5]);
        });
    });
}

#[test]
fn what_cannot_be_sent_is_an_error_and_what_was_sent_before_is_counted() {
    on_all_for_sockets(|runtime| {
        runtime.block_on(async {
            let socket = UdpSocket::bind("127.0.0.1:0").expect("binds");
            let to = socket.local_addr().expect("it has one");
            let (sent, back) = socket.send_segments_to(vec![1; 10], 0, to).await;
            assert_eq!(sent.map_err(|e| e.kind()), Err(std::io::ErrorKind::InvalidInput));
            assert_eq!(back.len(), 10);
            // No datagram is that long, even alone.
            let too_long = Err(Some(rustix::io::Errno::MSGSIZE.raw_os_error()));
            let (sent, _) = socket.send_segments_to(vec![1; 70_000], 70_000, to).await;
            assert_eq!(sent.map_err(|e| e.raw_os_error()), too_long);
            // No datagram may go to port 0. That error does not end segments for other peers.
            for _ in 0..20 {
                let (sent, _) =
                    socket.send_segments_to(vec![1; 100], 10, ([127, 0, 0, 1], 0).into()).await;
                assert!(sent.is_err());
            }
            assert_eq!(socket.refused(), Default::default());
            let nobody = {
                let gone = UdpSocket::bind("127.0.0.1:0").expect("binds");
                gone.local_addr().expect("it has one")
            };
            socket.connect(nobody).expect("connects");
            // The first batch causes the refusal that the second meets.
            let (sent, _) = socket.send_segments(vec![1; 64 * 100 * 2], 100).await;
            assert_eq!(sent.ok(), Some(64 * 100), "what went before the error");
            let (sent, _) = socket.send_segments(vec![1; 100], 100).await;
            drop(sent);
        });
    });
}

#[test]
fn an_abandoned_send_or_receive_leaves_nothing_in_flight() {
    on_all_for_sockets(|runtime| {
        runtime.block_on(async {
            let socket = UdpSocket::bind("127.0.0.1:0").expect("binds");
            let to = socket.local_addr().expect("it has one");
            let mut coalesced = socket.coalesced();
            assert!(timeout(Duration::from_millis(1), coalesced.next()).await.is_err());
            let mut send = Box::pin(socket.send_segments_to(vec![3; 10_000], 100, to));
            let once = std::future::poll_fn(|cx| {
                std::task::Poll::Ready(Future::poll(send.as_mut(), cx).is_ready())
            });
            let done = once.await;
            drop(send);
            let mut left = if done { 100 } else { 64 };
            while left > 0 {
                let Ok(batch) = timeout(Duration::from_millis(50), coalesced.next()).await else {
                    break;
                };
                left -= batch.expect("receives").count();
            }
            drop(coalesced);
        });
        runtime.block_on(nothing_in_flight());
    });
}

/// Marks the process that has a network of its own.
const NARROW: &str = "CUTWATER_TEST_NARROW";

/// On a path that takes less than a segment, the kernel refuses to divide. The datagrams go one by one in
/// fragments, or are an error where fragments are forbidden.
#[test]
fn segments_longer_than_the_path_takes_go_one_by_one_or_are_an_error() {
    if std::env::var_os(NARROW).is_none() {
        let me = "segments_longer_than_the_path_takes_go_one_by_one_or_are_an_error";
        let me = test_name(module_path!(), me);
        let program = std::env::current_exe().expect("this test is a program");
        let script = "ip link set lo mtu 1400 up && echo narrow && \
                      exec \"$0\" \"$1\" --exact --nocapture";
        let output = Command::new("unshare")
            .args(["--map-root-user", "--net", "sh", "-c", script])
            .arg(program)
            .arg(&me)
            .env(NARROW, "1")
            .output();
        let Ok(output) = output else { return skip!("no unshare(1)") };
        if !String::from_utf8_lossy(&output.stdout).contains("narrow") {
            let errors = String::from_utf8_lossy(&output.stderr);
            return skip!("no network namespace: {errors}");
        }
        return print!("{}", passed(&me, &output));
    }
    on_all_for_sockets(|runtime| {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Some(receiver) = plain(address) else { continue };
            let to = receiver.local_addr().expect("it has one");
            let sender = UdpSocket::bind(address).expect("binds");
            let sent = Dice::new(7).bytes(20_000);
            let mut buf = vec![0; 70_000];
            for segment in [1500, 1300, 4000] {
                let (done, _) =
                    runtime.block_on(sender.send_segments_to(sent.clone(), segment, to));
                assert_eq!(done.expect("sends"), sent.len());
                for expected in sent.chunks(segment) {
                    let n = receiver.recv(&mut buf).expect("receives");
                    assert!(buf[..n] == *expected, "{segment}: {n} bytes");
                }
            }
            assert_eq!(sender.refused(), Default::default(), "a path says nothing of others");
            // As in QUIC: no fragments.
            use rustix::net::sockopt;
            if to.is_ipv4() {
                sockopt::set_ip_mtu_discover(&sender, sockopt::Ipv4PathMtuDiscovery::DO)
            } else {
                sockopt::set_ipv6_mtu_discover(&sender, sockopt::Ipv6PathMtuDiscovery::DO)
            }
            .expect("sets");
            let (done, back) = runtime.block_on(sender.send_segments_to(sent.clone(), 1500, to));
            let too_long = Err(Some(rustix::io::Errno::MSGSIZE.raw_os_error()));
            assert_eq!(done.map_err(|e| e.raw_os_error()), too_long);
            assert!(back == sent, "the buffer comes back");
            let (done, _) = runtime.block_on(sender.send_segments_to(sent.clone(), 1200, to));
            assert_eq!(done.expect("sends"), sent.len());
            skip_refused(&sender);
        }
    });
}
