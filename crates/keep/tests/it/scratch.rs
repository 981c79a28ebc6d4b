//! Scratch memory: what is appended is read, whatever was spilled and given back.

use std::ops::ControlFlow;

use cutwater_keep::scratch::{HugePages, Scratch};
use proptest::prelude::*;

const MIB: u64 = 1 << 20;

fn small(memory_max: u64, dir: &std::path::Path) -> Scratch {
    Scratch::options().memory_max(memory_max).spill_directory(dir).create().unwrap()
}

/// Bytes that differ by their place.
fn bytes(from: u64, len: u64) -> Vec<u8> {
    (from..from + len).map(|i| (i / 4096 + i) as u8).collect()
}

#[derive(Debug, Clone)]
enum Step {
    Append(u64),
    Consume(u64),
    Read(u64, u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..5 * MIB).prop_map(Step::Append),
        1 => (0..4 * MIB).prop_map(Step::Consume),
        3 => (0..20 * MIB, 0..3 * MIB).prop_map(|(at, len)| Step::Read(at, len)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn it_reads_as_a_vector_would(
        memory_max in prop_oneof![Just(0), Just(3 * MIB), Just(1 << 40)],
        steps in proptest::collection::vec(step(), 1..14),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut scratch = small(memory_max, dir.path());
        let (mut start, mut end) = (0, 0);
        for step in steps {
            match step {
                Step::Append(len) => {
                    prop_assert_eq!(scratch.append(&bytes(end, len)).unwrap(), end);
                    end += len;
                }
                Step::Consume(len) => {
                    scratch.consume(len).unwrap();
                    start = end.min(start + len);
                }
                Step::Read(at, len) => {
                    let mut buf = vec![0; len as usize];
                    match scratch.read_at(&mut buf, at) {
                        Ok(n) => {
                            let expected = len.min(end - at);
                            prop_assert_eq!(n as u64, expected);
                            prop_assert!(buf[..n] == bytes(at, expected));
                        }
                        Err(e) => {
                            prop_assert!(at < start || at > end, "{}", e);
                            prop_assert!(e.is_out_of_bounds());
                        }
                    }
                }
            }
            prop_assert_eq!((scratch.start(), scratch.end()), (start, end));
        }
        let mut at = start;
        let broken = scratch.drain(|piece| {
            assert!(piece == bytes(at, piece.len() as u64), "at {at}");
            at += piece.len() as u64;
            ControlFlow::<()>::Continue(())
        });
        prop_assert_eq!(broken.unwrap(), None);
        prop_assert_eq!(at, end);
        scratch.close().unwrap();
    }
}

#[test]
fn memory_stays_within_its_budget_and_the_report_says_where_the_bytes_are() {
    let dir = tempfile::tempdir().unwrap();
    let mut scratch = small(4 * MIB, dir.path());
    scratch.append(&bytes(0, 20 * MIB)).unwrap();
    let report = scratch.report();
    assert_eq!((report.len, report.consumed), (20 * MIB, 0));
    assert!(report.spilled >= 12 * MIB && report.mapped <= 4 * MIB + 2 * report.chunk_len);
    if let Some(resident) = report.resident {
        assert!(resident <= report.mapped, "{report:?}");
        assert!(report.huge_transparent <= report.resident, "{report:?}");
    }
    // Explicit huge pages are either there or were refused with a reason.
    assert!(report.huge_explicit > 0 || report.explicit_refused.is_some(), "{report:?}");
    scratch.consume(19 * MIB).unwrap();
    let after = scratch.report();
    assert_eq!(after.consumed, 19 * MIB);
    assert!(after.spilled <= 2 * MIB, "{after:?}");
    scratch.close().unwrap();
}

#[test]
fn consumed_memory_goes_back_to_the_system_before_the_rest_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let options = Scratch::options().spill_directory(dir.path());
    let mut scratch = options.huge_pages(HugePages::Decline).create().unwrap();
    scratch.append(&bytes(0, 16 * MIB)).unwrap();
    let Some(before) = scratch.report().resident else {
        println!("not tried: /proc/self/smaps cannot be read");
        return;
    };
    scratch.consume(12 * MIB).unwrap();
    let after = scratch.report().resident.unwrap();
    assert!(before >= 16 * MIB && after <= before - 12 * MIB, "{before} {after}");
    assert_eq!(scratch.slice_at(12 * MIB).unwrap()[..4096], bytes(12 * MIB, 4096));
    assert_eq!(scratch.slice_at(0), None);
}

#[test]
fn a_bound_is_an_error_and_nothing_is_appended() {
    let options = Scratch::options().bytes_max(100);
    let mut scratch = options.create().unwrap();
    scratch.append(&[1; 90]).unwrap();
    let e = scratch.append(&[2; 11]).unwrap_err();
    assert!(e.is_full(), "{e}");
    assert_eq!(scratch.len(), 90);
    scratch.append(&[2; 10]).unwrap();
}

#[test]
fn a_directory_to_spill_to_that_is_not_there_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut scratch = small(0, &dir.path().join("none"));
    let e = scratch.append(&bytes(0, 5 * MIB)).unwrap_err();
    assert!(e.is_not_found() && e.to_string().contains("none"), "{e}");
    assert_eq!(scratch.len(), 0);
}

#[test]
fn persist_replaces_the_file_as_a_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out");
    std::fs::write(&path, b"before").unwrap();
    let mut scratch = small(3 * MIB, dir.path());
    scratch.append(&bytes(0, 9 * MIB)).unwrap();
    scratch.consume(5).unwrap();
    assert_eq!(scratch.persist(&path).unwrap(), 9 * MIB - 5);
    assert!(std::fs::read(&path).unwrap() == bytes(5, 9 * MIB - 5));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);

    let in_the_way = dir.path().join("directory");
    std::fs::create_dir(&in_the_way).unwrap();
    let e = scratch.persist(&in_the_way).unwrap_err();
    assert!(e.to_string().contains("directory"), "{e}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    assert!(scratch.persist("").is_err() && scratch.persist("/").is_err());
}
