//! The three map types with the handler installed, in one binary.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "tests, also in what they share")]

mod errors;
mod suite;

use std::os::fd::AsFd;

use cutwater_maps::{Frozen, FrozenBy, LeaseOptions, Mapped, MappedOptions, sigbus};
use cutwater_sys::memfd;

fn install() -> bool {
    let installed = sigbus::install().is_ok();
    assert_eq!(installed, cfg!(target_arch = "x86_64"));
    installed
}

#[test]
fn every_way_to_map_conforms() {
    install();
    suite::every_way_to_map().iter().for_each(suite::conforms);
}

#[test]
fn faults_are_caught_and_counted_and_copies_need_no_fallback() {
    if !install() {
        return;
    }
    let (path, bytes) = suite::sample();
    let mapped = Mapped::open(&path).unwrap();
    let mut buf = vec![0; suite::SIZE];
    mapped.read_at(&mut buf, 0).unwrap();
    assert_eq!(mapped.counts(), cutwater_maps::Snapshot::default());
    std::fs::File::create(&path).unwrap();
    assert!(mapped.read_at(&mut buf, 0).is_err());
    assert_eq!(mapped.counts().faults, 1);
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(mapped.read_at(&mut buf, 0), Ok(suite::SIZE));
    assert!(buf == bytes);
}

#[test]
fn a_file_larger_than_the_budget_is_read_through_windows_of_it() {
    if !install() {
        return;
    }
    let (path, bytes) = suite::sample();
    let mapped = Mapped::options().budget(128 << 10).window(64 << 10).open(&path).unwrap();
    let mut buf = vec![0; suite::SIZE];
    assert_eq!(mapped.read_at(&mut buf, 0), Ok(suite::SIZE));
    assert!(buf == bytes);
    assert_eq!(mapped.counts().windows, 4);
    // The last two windows, from 131,072 on, are still there.
    assert_eq!(mapped.read_at(&mut buf[..70_000], 131_072), Ok(68_929));
    assert!(buf[..68_929] == bytes[131_072..]);
    assert_eq!(mapped.counts().windows, 4);
    // The one before them takes the place of the last, which then comes back.
    assert_eq!(mapped.read_at(&mut buf[..70_000], 131_000), Ok(69_001));
    assert!(buf[..69_001] == bytes[131_000..]);
    assert_eq!(mapped.counts().windows, 6);
}

#[test]
fn windows_are_shared_by_many_threads() {
    install();
    let (path, bytes) = suite::sample();
    let mapped = Mapped::options().budget(64 << 10).open(&path).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4u64 {
            let (mapped, bytes) = (&mapped, &bytes);
            scope.spawn(move || {
                let mut buf = [0; 5000];
                for round in 0..500u64 {
                    let offset = (round * 7919 + thread * 104_729) % (suite::SIZE as u64 - 5000);
                    assert_eq!(mapped.read_at(&mut buf, offset), Ok(5000));
                    assert!(buf == bytes[offset as usize..][..5000]);
                }
            });
        }
    });
}

#[test]
fn what_is_no_regular_file_or_has_no_room_is_refused_with_the_reason() {
    let refused = |options: MappedOptions, path: &str| options.open(path).unwrap_err();
    assert!(refused(Mapped::options(), "/").is_not_a_file());
    assert!(refused(Mapped::options(), "/dev/null").is_not_a_file());
    assert!(refused(Mapped::options(), "/no/such/file").is_not_found());
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RUSR).unwrap();
    assert!(refused(Mapped::options(), fifo.to_str().unwrap()).is_not_a_file());
    let (path, _) = suite::sample();
    let path = path.to_str().unwrap();
    assert!(refused(Mapped::options().budget(65_535), path).is_out_of_bounds());
    assert!(refused(Mapped::options().budget(0), path).is_out_of_bounds());
}

#[test]
fn a_sealed_memfd_freezes_and_an_open_one_does_not() {
    let sealed = memfd::sealed("test", &[b"frozen ", b"bytes"]).unwrap();
    let frozen = Frozen::from_memfd(&sealed).unwrap();
    assert_eq!(&frozen[..], b"frozen bytes");
    assert_eq!(frozen.by(), FrozenBy::Seals);
    frozen.close().unwrap();
    let open = memfd::create("test").unwrap();
    let error = Frozen::from_memfd(open.as_fd()).unwrap_err();
    assert!(error.is_unsupported(), "{error}");
    assert!(error.to_string().contains("F_SEAL_WRITE"), "{error}");
}

#[test]
fn a_leased_file_stays_as_it_was_and_its_writer_goes_on() {
    let (path, bytes) = suite::sample();
    let frozen = match Frozen::by_lease(&path, &LeaseOptions::default()) {
        Ok(frozen) => frozen,
        Err(e) if e.is_unsupported() || e.is_permission_denied() => {
            return cutwater_testing::skip!("{e}");
        }
        Err(e) => panic!("{e}"),
    };
    let before = cutwater_maps::lease_counts();
    std::fs::write(&path, b"changed").unwrap();
    assert!(frozen[..] == bytes);
    assert!(cutwater_maps::lease_counts().taken >= 1);
    frozen.close().unwrap();
    let after = cutwater_maps::lease_counts();
    assert_eq!((after.copied - before.copied, after.lost), (1, 0));
    assert_eq!(after.copied_bytes - before.copied_bytes, suite::SIZE as u64);
    assert_eq!(std::fs::read(&path).unwrap(), b"changed");
}

#[test]
fn a_copy_is_bounded_and_outlives_the_file() {
    let (path, bytes) = suite::sample();
    let copy = Frozen::copy_of(&path, suite::SIZE as u64).unwrap();
    let error = Frozen::copy_of(&path, suite::SIZE as u64 - 1).unwrap_err();
    assert!(error.is_unsupported(), "{error}");
    let fd = std::fs::File::open(&path).unwrap().into();
    let second = Frozen::copy_of_fd(fd, u64::MAX).unwrap();
    drop(path);
    assert!(copy[..] == bytes && second[..] == bytes);
    assert_eq!(copy.by(), FrozenBy::Copy);
    copy.close().unwrap();
}
