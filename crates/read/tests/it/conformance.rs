//! Every path, and the chooser, gives the same bytes as `std::fs`, on every file system here.

use std::ops::{ControlFlow, Range};

use crate::support::checks::{bytes, check_everything, check_ranges, file_in, open_by_every_path};
use crate::support::places::places;
use cutwater::{File, Order};
use proptest::prelude::*;

/// A file in the temporary directory.
fn file(len: usize) -> (tempfile::NamedTempFile, Vec<u8>) {
    let bytes = bytes(len);
    (file_in(&std::env::temp_dir(), &bytes), bytes)
}

#[test]
fn every_path_agrees_with_std_fs_on_every_file_system() {
    let bytes = bytes(6_500_123);
    for place in places() {
        let f = file_in(place.path(), &bytes);
        assert!(std::fs::read(f.path()).unwrap() == bytes);
        for (name, file) in open_by_every_path(f.path()) {
            check_everything(&format!("{name} on {}", place.name), &file, &bytes);
        }
    }
}

#[test]
fn every_path_agrees_when_nothing_is_cached() {
    let (f, bytes) = file(5_000_001);
    let ranges: Vec<_> =
        (0..200u64).map(|i| (i * 104_729) % 5_000_000).map(|s| s..s + 5000).collect();
    for (name, file) in open_by_every_path(f.path()) {
        for order in [Order::Completion, Order::Listed] {
            file.advise(0..0, cutwater::Advice::DontNeed).unwrap();
            check_ranges(&name, &file, &bytes, &ranges, order);
            // Half of it cached, in pieces.
            file.advise(0..0, cutwater::Advice::DontNeed).unwrap();
            let plain = File::options().path(cutwater::ReadPath::Read).open(f.path()).unwrap();
            (0..5_000_000).step_by(1 << 20).for_each(|at| {
                plain.read_exact_at(&mut vec![0; 300_000], at).unwrap_or_default();
            });
            check_ranges(&name, &file, &bytes, &ranges, order);
        }
    }
}

#[test]
fn a_pass_can_be_ended_and_the_file_read_in_the_middle_of_it() {
    let (f, bytes) = file(1 << 20);
    let ranges: Vec<_> = (0..256u64).map(|i| (i * 37 % 256) * 4096).map(|s| s..s + 4096).collect();
    for (name, file) in open_by_every_path(f.path()) {
        let mut seen = 0;
        let summary = file
            .read_ranges(&ranges, Order::Completion, |piece| {
                let mut again = vec![0; piece.bytes.len()];
                assert_eq!(file.read_at(&mut again, piece.offset).unwrap(), again.len());
                assert_eq!(again, piece.bytes, "{name}");
                seen += 1;
                if seen == 100 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .unwrap();
        assert!((seen, summary.stopped) == (100, true), "{name}");
        check_ranges(&name, &file, &bytes, &ranges, Order::Completion);
    }
}

#[test]
fn a_callback_that_panics_leaves_the_thread_able_to_read() {
    let (f, bytes) = file(1 << 20);
    let ranges: Vec<_> = (0..256u64).map(|i| i * 4096..(i + 1) * 4096).collect();
    for (name, file) in open_by_every_path(f.path()) {
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _ = file.read_ranges(&ranges, Order::Completion, |_| panic!("in a callback"));
        }));
        assert!(panicked.is_err());
        check_ranges(&name, &file, &bytes, &ranges, Order::Listed);
    }
}

/// Ranges of all kinds: near each other, past the end, reversed, and as far as offsets go.
fn any_range() -> impl Strategy<Value = Range<u64>> {
    let huge = i64::MAX as u64;
    prop_oneof![
        8 => (0u64..700_000, 0u64..70_000).prop_map(|(s, l)| s..s + l),
        // On a grid, so that neighbours meet.
        4 => (0u64..160, 1u64..4).prop_map(|(s, l)| s * 4096..(s + l) * 4096),
        1 => (0u64..700_000, 0u64..700_000).prop_map(|(s, e)| s..e),
        1 => (0u64..700_000, 0u64..huge).prop_map(move |(s, l)| s..s.saturating_add(l).min(huge)),
        1 => (0u64..9000, 0u64..9000).prop_map(move |(s, l)| huge - s.max(l)..huge - s.min(l)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_set_of_ranges_equals_std_fs(
        ranges in prop::collection::vec(any_range(), 0..120),
        listed: bool,
    ) {
        let (f, bytes) = file(600_001);
        let order = if listed { Order::Listed } else { Order::Completion };
        for (name, file) in open_by_every_path(f.path()) {
            check_ranges(&name, &file, &bytes, &ranges, order);
        }
    }
}
