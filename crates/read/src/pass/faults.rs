//! Every kind of pass, through a file and a queue that fail as kernels do.
//!
//! The property: right bytes or an error that names where; every range ended once; no wait that
//! nothing ends; no slot in two hands.

use std::ops::{ControlFlow, Range};

use cutwater_meter::ReadCounters;
use cutwater_sys::Errno;
use cutwater_sys::buffer::Buffer;
use cutwater_sys::pio::Vectors;
use proptest::prelude::*;

use super::Failed;
use super::fake::{FakeFile, FakeQueue, Faults, byte_at};
use super::roll::{Means, Roll, RollOptions, Workspace};
use super::serial::{self, Lanes};
use super::sink::Sink;
use crate::pass::Lookup;
use crate::pass::items::Items;
use crate::pass::lane::Lane;
use crate::pass::source::Queue;
use crate::{Order, Piece, Summary};

const ALIGN: u64 = 512;
const LANES: [Lane; 4] = [Lane::Read, Lane::DontCache, Lane::DirectRead, Lane::Map];

/// A pass over a fake, as a generator makes it.
#[derive(Debug, Clone)]
struct Case {
    ranges: Vec<Range<u64>>,
    piece: usize,
    coalesce: usize,
    depth: usize,
    listed: bool,
    direct: bool,
    /// Of 100 reads, those taken for resident.
    resident: u64,
    hit: Lane,
    size: u64,
    seed: u64,
}

/// What a callback got of each range.
#[derive(Debug, Default)]
struct Got {
    lens: Vec<u64>,
    ended: Vec<u32>,
}

impl Got {
    fn of(ranges: usize) -> Self {
        Self { lens: vec![0; ranges], ended: vec![0; ranges] }
    }

    fn take(&mut self, ranges: &[Range<u64>], piece: &Piece<'_>) {
        let i = piece.index;
        assert_eq!(self.ended[i], 0, "range {i} goes on after its end");
        assert_eq!(piece.offset, ranges[i].start + self.lens[i], "range {i} has a gap");
        for (at, &byte) in (piece.offset..).zip(piece.bytes) {
            assert_eq!(byte, byte_at(at), "range {i}: the byte at {at}");
        }
        self.lens[i] += piece.bytes.len() as u64;
        self.ended[i] += u32::from(piece.last);
    }
}

type Outcome = (Result<(), Failed>, Got, Summary);

fn rolled(case: &Case, faults: Faults, sizes: (u64, u64)) -> Outcome {
    let file = FakeFile::new(sizes, ALIGN, faults, case.seed);
    let (hits, misses) = (ReadCounters::default(), ReadCounters::default());
    let (mut queue, mut work) = (FakeQueue::new(&file), Workspace::default());
    let mut scratch = Buffer::new(1 << 16).unwrap();
    let mut got = Got::of(case.ranges.len());
    let mut sink = Sink::new(&case.ranges, |piece: Piece<'_>| {
        got.take(&case.ranges, &piece);
        ControlFlow::Continue(())
    });
    let long = case.ranges.iter().any(|r| r.end.saturating_sub(r.start) > case.piece as u64);
    let plan = RollOptions {
        hit: if case.hit == Lane::DirectRead { Lane::Map } else { case.hit },
        direct: case.direct,
        fixed: false,
        align: if case.direct { ALIGN } else { 1 },
        depth: case.depth,
        slot_bytes: case.piece + 2 * ALIGN as usize,
        order: if case.listed || long { Order::Listed } else { Order::Completion },
    };
    let mut classify = |_: Range<u64>| match file.dice(100) {
        n if n < case.resident => Lookup::Hit,
        99 => Lookup::Surprise,
        _ => Lookup::Miss,
    };
    let mut next = 0;
    let mut outcome = Ok(());
    while next < case.ranges.len() {
        let items = Items::new(&case.ranges, case.piece, case.coalesce).starting_at(next);
        let (source, queue) = (&file, &mut queue);
        let means = Means {
            source,
            queue,
            scratch: &mut scratch,
            work: &mut work,
            hits: &hits,
            misses: &misses,
        };
        match Roll::new(means, plan, &mut sink).read_all(items, &mut classify) {
            Ok(n) => next = n,
            Err(failed) => {
                outcome = Err(failed);
                break;
            }
        }
    }
    if outcome.is_err() {
        queue.quiesce().unwrap();
    }
    assert!(queue.is_idle(), "a pass has left reads in flight");
    let summary = sink.summary;
    (outcome, got, summary)
}

fn serial(case: &Case, faults: Faults, sizes: (u64, u64), vectored: bool) -> Outcome {
    let file = FakeFile::new(sizes, ALIGN, faults, case.seed);
    let (hits, misses) = (ReadCounters::default(), ReadCounters::default());
    let mut scratch = Buffer::new(1 << 16).unwrap();
    let mut got = Got::of(case.ranges.len());
    let mut sink = Sink::new(&case.ranges, |piece: Piece<'_>| {
        got.take(&case.ranges, &piece);
        ControlFlow::Continue(())
    });
    let outcome = if vectored {
        let longest = case.ranges.iter().map(|r| r.end.saturating_sub(r.start)).max().unwrap_or(1);
        let (slot, mut vectors) = ((longest as usize).max(1), Vectors::new());
        serial::read_vectored(
            &file,
            &case.ranges,
            slot,
            &mut scratch,
            &mut vectors,
            &hits,
            &mut sink,
        )
    } else {
        let plan = Lanes {
            hit: (case.hit, &hits),
            miss: (if case.direct { Lane::DirectRead } else { Lane::Read }, &misses),
        };
        let mut surprised = false;
        let mut classify = |_: Range<u64>| match file.dice(100) {
            n if n < case.resident => Lookup::Hit,
            // One surprise in a row: the next plan fits.
            99 if !std::mem::replace(&mut surprised, true) => Lookup::Surprise,
            _ => Lookup::Miss,
        };
        let (mut next, mut outcome) = (0, Ok(()));
        while next < case.ranges.len() && outcome.is_ok() {
            let items = Items::new(&case.ranges, case.piece, case.coalesce).starting_at(next);
            let read =
                serial::read_in_order(&file, items, &plan, &mut scratch, &mut classify, &mut sink);
            outcome = read.map(|n| next = n);
        }
        outcome
    };
    let summary = sink.summary;
    (outcome, got, summary)
}

/// The pass went well, and gave each range as long as some size between `sizes` makes it.
fn check_whole(case: &Case, sizes: (u64, u64), (outcome, got, summary): Outcome) {
    assert_eq!(outcome, Ok(()));
    let mut short = 0;
    for (i, range) in case.ranges.iter().enumerate() {
        assert_eq!(got.ended[i], 1, "range {i} ends once");
        let len = |size: u64| range.end.min(size).saturating_sub(range.start);
        let may = len(sizes.0)..=len(sizes.1);
        assert!(may.contains(&got.lens[i]), "range {i} {range:?}: {} of {may:?}", got.lens[i]);
        short += u64::from(got.lens[i] < range.end.saturating_sub(range.start));
    }
    assert_eq!((summary.ranges, summary.short), (case.ranges.len() as u64, short));
    assert_eq!((summary.bytes, summary.stopped), (got.lens.iter().sum(), false));
}

/// The pass failed at the broken byte and says where, or nobody asked for it.
fn check_broken(case: &Case, broken: u64, (outcome, got, _): Outcome) {
    for (range, len) in case.ranges.iter().zip(&got.lens) {
        assert!(!(range.start..range.start + len).contains(&broken), "a byte from nowhere");
    }
    match outcome {
        Ok(()) => {
            let asked = case.ranges.iter().any(|r| r.contains(&broken));
            assert!(!asked, "the failure at {broken} was lost");
        }
        Err(failed) => {
            assert_eq!(failed.errno, Errno::IO);
            let cell = broken - broken % ALIGN;
            let near = failed.offset <= broken && failed.offset + failed.len + ALIGN > cell;
            assert!(near, "{failed:?} names where: {broken}");
        }
    }
}

fn any_case() -> impl Strategy<Value = Case> {
    let huge = i64::MAX as u64;
    let range = prop_oneof![
        6 => (0u64..60_000, 0u64..9000).prop_map(|(s, l)| s..s + l),
        6 => (0u64..120, 1u64..3).prop_map(|(s, l)| s * 512..(s + l) * 512),
        1 => (0u64..60_000, 0u64..60_000).prop_map(|(s, e)| s..e),
        1 => (0u64..60_000).prop_map(move |s| s..huge),
    ];
    let ranges = prop::collection::vec(range, 0..40);
    let plan = (16usize..9000, 0usize..9000, 1usize..20);
    let ways = (any::<bool>(), any::<bool>(), 0u64..101, 0usize..4);
    (ranges, plan, ways, 1u64..70_000, any::<u64>()).prop_map(
        |(ranges, (piece, coalesce, depth), (listed, direct, resident, hit), size, seed)| {
            let hit = LANES[hit];
            Case { ranges, piece, coalesce, depth, listed, direct, resident, hit, size, seed }
        },
    )
}

/// A case that one vectored call can be asked for.
fn without_long_ranges(case: &Case) -> Case {
    let mut case = case.clone();
    case.ranges.retain(|r| r.end.saturating_sub(r.start) <= 1 << 16);
    case
}

fn check_all(case: &Case, faults: Faults, sizes: (u64, u64), check: impl Fn(&Case, Outcome)) {
    check(case, rolled(case, faults, sizes));
    check(case, serial(case, faults, sizes, false));
    let case = &without_long_ranges(case);
    check(case, serial(case, faults, sizes, true));
}

proptest! {
    // A case that hangs takes long to shrink: the seed is in it, so a large one will do.
    #![proptest_config(ProptestConfig {
        max_shrink_time: 5000,
        ..ProptestConfig::with_cases(256)
    })]

    #[test]
    fn short_interrupted_and_refused_reads_end_with_the_right_bytes(case in any_case()) {
        let faults = Faults { short: 30, passing: 20, refused: 10, ..Faults::default() };
        let sizes = (case.size, case.size);
        check_all(&case, faults, sizes, |case, got| check_whole(case, sizes, got));
    }

    #[test]
    fn a_file_that_changes_its_size_gives_no_wrong_byte_and_no_gap(case in any_case(), by in 0u64..30_000) {
        let faults = Faults { short: 20, passing: 10, refused: 5, resized: 30, ..Faults::default() };
        let sizes = (case.size.saturating_sub(by).max(1), case.size + by);
        check_all(&case, faults, sizes, |case, got| check_whole(case, sizes, got));
    }

    #[test]
    fn a_broken_byte_is_an_error_that_names_it(case in any_case(), at in 0u64..70_000) {
        let broken = at % case.size;
        let faults = Faults { short: 20, passing: 10, refused: 5, broken: Some(broken), ..Faults::default() };
        check_all(&case, faults, (case.size, case.size), |case, got| check_broken(case, broken, got));
    }
}

#[test]
fn a_queue_that_never_takes_anything_is_an_error_and_no_hang() {
    let faults = Faults { passing: 100, ..Faults::default() };
    let case = Case {
        ranges: vec![0..10, 20..30],
        piece: 100,
        coalesce: 0,
        depth: 4,
        listed: false,
        direct: false,
        resident: 0,
        hit: Lane::Read,
        size: 100,
        seed: 7,
    };
    let (outcome, got, _) = rolled(&case, faults, (100, 100));
    let errno = outcome.unwrap_err().errno;
    assert!(errno == Errno::AGAIN || errno == Errno::BUSY, "{errno:?}");
    assert_eq!(got.ended, [0, 0]);
}
