//! `Mapped` without the handler for SIGBUS: `pread(2)` with the same answers.
//!
//! In a process of its own, as the handler is installed for the whole process and for good.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "tests, also in what they share")]

#[path = "it/suite.rs"]
mod suite;

use cutwater_maps::{Mapped, sigbus};

#[test]
fn every_way_to_map_conforms_without_the_handler() {
    assert_eq!(sigbus::status(), sigbus::Status::NotInstalled);
    suite::every_way_to_map().iter().for_each(suite::conforms);
    assert_eq!(sigbus::counters(), sigbus::Counters::default());
}

#[test]
fn reads_fall_back_and_are_counted() {
    let (path, bytes) = suite::sample();
    let mapped = Mapped::open(&path).unwrap();
    let mut buf = [0; 4096];
    assert_eq!(mapped.read_at(&mut buf, 8192), Ok(4096));
    assert!(buf == bytes[8192..12_288]);
    assert_eq!(mapped.counts().fallbacks, 1);
}
