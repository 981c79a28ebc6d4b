//! Words and bytes in shared maps, and waiters on a word.

use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering;

use super::*;

#[test]
fn what_is_stored_is_in_the_file() {
    let file = tempfile::tempfile().unwrap();
    file.set_len(8192).unwrap();
    let map = SharedMap::new(file.as_fd(), 4096, 4096).unwrap();
    map.populate(1, 4000).unwrap();
    map.store(3, b"bytes").unwrap();
    map.word(16).unwrap().store(u64::from_ne_bytes(*b"wordword"), Ordering::Release);
    let mut found = [0; 24];
    file.read_exact_at(&mut found, 4096).unwrap();
    assert_eq!(&found, b"\0\0\0bytes\0\0\0\0\0\0\0\0wordword");
}

#[test]
fn nothing_outside_of_the_map_is_reached() {
    let file = tempfile::tempfile().unwrap();
    file.set_len(4096).unwrap();
    let map = SharedMap::new(file.as_fd(), 0, 4096).unwrap();
    assert!(map.word(4096).is_none() && map.word(4089).is_none() && map.word(4).is_none());
    assert!(map.word(usize::MAX - 7).is_none());
    assert_eq!(map.store(4095, b"ab").unwrap_err(), Errno::RANGE);
    assert_eq!(map.store(usize::MAX, b"ab").unwrap_err(), Errno::RANGE);
    assert_eq!(map.populate(4096, 1).unwrap_err(), Errno::RANGE);
    map.store(4096, b"").unwrap();
    assert_eq!(SharedMap::new(file.as_fd(), 0, 0).unwrap_err(), Errno::INVAL);
    assert_eq!(SharedMap::new(file.as_fd(), 1, 4096).unwrap_err(), Errno::INVAL);
    assert_eq!(WaitWord::new(file.as_fd(), 4096).unwrap_err(), Errno::INVAL);
    assert_eq!(WaitWord::new(file.as_fd(), 2).unwrap_err(), Errno::INVAL);
}

#[test]
fn populating_a_truncated_file_is_an_error() {
    let file = tempfile::tempfile().unwrap();
    file.set_len(8192).unwrap();
    let map = SharedMap::new(file.as_fd(), 0, 8192).unwrap();
    file.set_len(4096).unwrap();
    map.populate(0, 4096).unwrap();
    // EFAULT from 5.14; EINVAL before.
    map.populate(0, 8192).unwrap_err();
}

#[test]
fn a_waiter_is_woken_and_learns_of_a_truncated_file() {
    let file = tempfile::tempfile().unwrap();
    file.set_len(4096).unwrap();
    let map = SharedMap::new(file.as_fd(), 0, 4096).unwrap();
    let word = WaitWord::new(file.as_fd(), 8).unwrap();
    word.wait(1, Duration::from_secs(3600)).unwrap(); // it is 0: no sleep
    std::thread::scope(|s| {
        let waiter = s.spawn(|| word.wait(0, Duration::from_secs(3600)));
        while !waiter.is_finished() {
            map.word(8).unwrap().store(1, Ordering::Release);
            map.wake(8);
        }
        waiter.join().unwrap().unwrap();
    });
    file.set_len(0).unwrap();
    assert_eq!(word.wait(0, Duration::from_secs(3600)).unwrap_err(), Errno::FAULT);
}
