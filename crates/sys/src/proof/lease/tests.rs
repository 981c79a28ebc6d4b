//! Leases that hold, that a writer breaks, and that are refused.

use std::fs::OpenOptions;

use super::*;

fn lease(path: &Path) -> Option<Leased> {
    let begin = Instant::now();
    let open = || Leased::open(path, &LeaseOptions::default());
    let mut opened = open();
    // A child of another test has our file open for writing until it runs its program.
    while matches!(opened, Err(Errno::AGAIN)) && begin.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(1));
        opened = open();
    }
    match opened {
        Ok(leased) => Some(leased),
        Err(Errno::OPNOTSUPP | Errno::ACCESS) => {
            cutwater_testing::skip!("no lease may be taken on the temporary directory");
            None
        }
        Err(errno) => panic!("{errno}"),
    }
}

fn sample(len: usize) -> (tempfile::TempPath, Vec<u8>) {
    let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
    let bytes: Vec<u8> = (0..len).map(|i| (i / 7 + i) as u8).collect();
    std::fs::write(&path, &bytes).unwrap();
    (path, bytes)
}

#[test]
fn the_bytes_outlive_truncation_and_overwriting() {
    let (path, bytes) = sample(3 * 4096 + 5);
    let Some(leased) = lease(&path) else { return };
    assert_eq!(leased.state(), LeaseState::Held);
    assert!(leased.bytes() == bytes);
    std::fs::write(&path, b"other").unwrap();
    assert!(leased.bytes() == bytes);
    assert_eq!(std::fs::read(&path).unwrap(), b"other");
    // The writer continued, so the lease was given up; the state follows at once.
    while leased.state() == LeaseState::Held {
        std::thread::yield_now();
    }
    assert_eq!(leased.state(), LeaseState::Copied);
    assert!(leased.close().is_ok());
}

#[test]
fn readers_never_see_another_byte_while_leases_are_broken() {
    let (path, bytes) = sample(1 << 20);
    for _ in 0..20 {
        std::fs::write(&path, &bytes).unwrap();
        let Some(leased) = lease(&path) else { return };
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut rounds = 0;
                while leased.state() == LeaseState::Held || rounds < 3 {
                    assert!(leased.bytes() == bytes);
                    rounds += 1;
                }
            });
            let writer = OpenOptions::new().write(true).open(&path).unwrap();
            writer.set_len(100).unwrap();
            reader.join().unwrap();
        });
    }
}

#[test]
fn a_file_that_is_open_for_writing_is_refused() {
    let (path, _) = sample(10);
    let Some(first) = lease(&path) else { return };
    drop(first);
    let _writer = OpenOptions::new().append(true).open(&path).unwrap();
    assert_eq!(Leased::open(&path, &LeaseOptions::default()).err(), Some(Errno::AGAIN));
}

#[test]
fn what_is_too_long_or_no_file_or_on_another_file_system_is_refused() {
    let (path, _) = sample(10);
    let Some(first) = lease(&path) else { return };
    drop(first);
    let refused = |path: &Path, size_max| {
        let options = LeaseOptions { size_max, ..LeaseOptions::default() };
        Leased::open(path, &options).err()
    };
    assert_eq!(refused(&path, 9), Some(Errno::FBIG));
    assert_eq!(refused(&std::env::temp_dir(), 9), Some(Errno::INVAL));
    assert_eq!(refused("/proc/self/status".as_ref(), 9), Some(Errno::OPNOTSUPP));
}

#[test]
fn a_signal_that_would_end_the_process_or_cannot_be_waited_for_is_refused() {
    let (path, _) = sample(10);
    for signal in [-1, 0, libc::SIGKILL, libc::SIGSTOP, libc::SIGSEGV, 32, 65, i32::MAX] {
        let options = LeaseOptions::default().signal(signal);
        assert_eq!(Leased::open(&path, &options).err(), Some(Errno::RANGE), "{signal}");
    }
}

#[test]
fn an_empty_file_is_an_empty_slice_and_ending_a_lease_lets_writers_in() {
    let (path, _) = sample(0);
    let Some(leased) = lease(&path) else { return };
    assert!(leased.bytes().is_empty());
    drop(leased);
    let flags = OFlags::WRONLY | OFlags::NONBLOCK;
    assert!(rustix::fs::open(&*path, flags, Mode::empty()).is_ok());
}
