//! Signals at any call: every thread of a program on the runtime is interrupted again and again, by a handler
//! without `SA_RESTART`. No call shows that, no wait ends early, nothing is lost.
//!
//! `CUTWATER_SIGNALS` is how many rounds each backend makes.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cutwater_rt::bridge::Bridge;
use cutwater_rt::fs::{self, File};
use cutwater_rt::net::{TcpListener, TcpStream, UdpSocket, UnixStream};
use cutwater_rt::time::{sleep, timeout};
use cutwater_rt::{Backend, Runtime, spawn, spawn_blocking};

use crate::child::assert_passes;

/// The time of one round, after which it is taken to hang.
const LIMIT: Duration = Duration::from_secs(60);

/// The pause between two signals to all threads.
const PAUSE: Duration = Duration::from_micros(150);

static HANDLED: AtomicU64 = AtomicU64::new(0);

extern "C" fn handle(_: libc::c_int) {
    HANDLED.fetch_add(1, Ordering::Relaxed);
}

fn install() {
    // SAFETY: all zeros are a valid value of this plain struct.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handle as *const () as libc::sighandler_t;
    // SAFETY: the handler touches one atomic number, which any thread may do at any moment.
    let done = unsafe { libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()) };
    assert_eq!(done, 0);
}

/// Sends the signal to every thread but this one until `stop` is true.
fn storm(stop: &AtomicBool) {
    let own = rustix::thread::gettid().as_raw_nonzero().get();
    let pid = std::process::id() as i32;
    while !stop.load(Ordering::Acquire) {
        for thread in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
            let Ok(number) = thread.file_name().to_string_lossy().parse::<i32>() else { continue };
            if number != own {
                // SAFETY: sends a signal that this process handles; one to a thread that has ended fails.
                unsafe { libc::syscall(libc::SYS_tgkill, pid, number, libc::SIGUSR1) };
            }
        }
        std::thread::sleep(PAUSE);
    }
}

/// Bytes there and back over a stream.
async fn echoes(stream: UnixStream, peer: UnixStream) {
    let server = spawn(async move {
        for round in 0..20usize {
            let (received, bytes) = peer.recv_exact(vec![0; 1 + round * 3000]).await;
            received.unwrap();
            peer.send_all(bytes).await.0.unwrap();
        }
    });
    for round in 0..20usize {
        let sent = vec![round as u8; 1 + round * 3000];
        stream.send_all(sent.clone()).await.0.unwrap();
        let (received, bytes) = stream.recv_exact(vec![0; sent.len()]).await;
        received.unwrap();
        assert!(bytes == sent);
    }
    server.await.unwrap();
}

async fn connects() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = spawn(async move {
        let mut incoming = listener.incoming();
        for _ in 0..20 {
            let stream = incoming.next().await.unwrap();
            stream.send_all(b"hello".to_vec()).await.0.unwrap();
        }
    });
    for _ in 0..20 {
        let stream = TcpStream::connect(address, LIMIT).await.unwrap();
        let (received, bytes) = stream.recv_exact(vec![0; 5]).await;
        received.unwrap();
        assert_eq!(bytes, b"hello");
    }
    server.await.unwrap();
}

async fn files(bridge: &Bridge) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    let file = File::create(&path).await.unwrap();
    let bytes: Vec<u8> = (0..200_000u32).map(|n| (n % 251) as u8).collect();
    file.write_all_at(bytes.clone(), 0).await.0.unwrap();
    file.sync_all().await.unwrap();
    rustix::fs::fadvise(std::fs::File::open(&path).unwrap(), 0, None, rustix::fs::Advice::DontNeed)
        .unwrap();
    let other = bridge.open(&path).await.unwrap();
    let (read, found) = other.read_exact_at(vec![0; bytes.len()], 0).await;
    read.unwrap();
    assert!(found == bytes);
    assert!(fs::read(&path).await.unwrap() == bytes);
    fs::rename(&path, dir.path().join("other")).await.unwrap();
    assert_eq!(fs::read_dir(dir.path()).await.unwrap().len(), 1);
}

async fn waits() {
    for micros in [10, 500, 3000, 20_000] {
        let (begin, time) = (Instant::now(), Duration::from_micros(micros));
        sleep(time).await;
        assert!(begin.elapsed() >= time, "a timer that is early");
    }
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let nothing = timeout(Duration::from_millis(5), socket.recv_from(vec![0; 4])).await;
    assert!(nothing.is_err(), "an answer from nobody");
    let slept = spawn_blocking(|| std::thread::sleep(Duration::from_millis(3)));
    slept.await.unwrap();
}

#[test]
fn signals_at_any_call_are_seen_by_no_task() {
    assert_passes(|| {
        let rounds = std::env::var("CUTWATER_SIGNALS").ok().and_then(|text| text.parse().ok());
        install();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| storm(&stop));
            for backend in [Backend::Ring, Backend::Pool] {
                let started = Bridge::options().backend(backend).start();
                let (Ok(runtime), Ok(bridge)) =
                    (Runtime::options().backend(backend).build(), started)
                else {
                    cutwater_testing::skip!("{backend:?} is refused here");
                    continue;
                };
                for _ in 0..rounds.unwrap_or(5u64) {
                    let (stream, peer) = UnixStream::pair().unwrap();
                    let round = async {
                        let tasks =
                            [spawn(echoes(stream, peer)), spawn(connects()), spawn(waits())];
                        files(&bridge).await;
                        for task in tasks {
                            task.await.unwrap();
                        }
                    };
                    runtime.block_on(timeout(LIMIT, round)).expect("it does not hang");
                }
            }
            stop.store(true, Ordering::Release);
        });
        println!("{} signals were handled", HANDLED.load(Ordering::Relaxed));
        assert!(HANDLED.load(Ordering::Relaxed) > 100, "no storm");
    });
}
