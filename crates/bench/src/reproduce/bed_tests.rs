//! How the bed measures, with invented sides.

use std::path::Path;
use std::time::Duration;

use super::bed::{Bed, Gauge};
use super::claim::Claim;
use super::effort::{Effort, ROUNDS_MAX};
use cutwater_shell::stop::Stop;

const CLAIM: Claim =
    Claim { id: "made-up", text: "", claimed_ratio: Some(2.0), measure: |_| Err(String::new()) };
const GAUGE: Gauge = Gauge { what: "other", unit: "us", claimed_ratio: None };

/// A bed whose claims get 7 rounds where `time` is zero.
fn bed(dir: &Path, time: Option<Duration>) -> Bed {
    let effort = Effort::new(false, Some(7), time);
    let mut bed = Bed::new(dir, false, effort, Stop::default()).unwrap();
    bed.begin(&CLAIM, 0);
    bed
}

#[test]
fn rounds_are_fixed_by_the_time_and_not_by_the_noise() {
    let dir = tempfile::tempdir().unwrap();
    for (time, expected) in [(None, ROUNDS_MAX), (Some(Duration::ZERO), 7)] {
        for noise in [[0.0; 3], [0.0, 9.0, 4.0]] {
            let mut turn = 0;
            let sides = bed(dir.path(), time).interleave(&["a", "b"], "s", |side| {
                turn += 1;
                Ok((10.0 + 10.0 * side as f64 + noise[turn % 3], 1))
            });
            let values = sides.unwrap().iter().map(|s| s.series.values.len()).collect::<Vec<_>>();
            assert_eq!(values, [2 * expected; 2]);
        }
    }
}

#[test]
fn sides_follow_each_other_out_and_back_in_mixed_order() {
    let dir = tempfile::tempdir().unwrap();
    let mut order = Vec::new();
    let sides = bed(dir.path(), Some(Duration::ZERO)).interleave(&["a", "b"], "s", |side| {
        order.push(side);
        Ok((1.0, 1))
    });
    sides.unwrap();
    let (warm_up, rounds) = order.split_at(2);
    assert_eq!(warm_up, [0, 1]);
    assert!(rounds.chunks(4).all(|r| r == [0, 1, 1, 0] || r == [1, 0, 0, 1]), "{rounds:?}");
    assert!(rounds.chunks(4).any(|r| r[0] == 0) && rounds.chunks(4).any(|r| r[0] == 1));
}

#[test]
fn sides_that_read_different_bytes_are_no_measurement() {
    let dir = tempfile::tempdir().unwrap();
    let mut passes = 0;
    let measured = bed(dir.path(), None).interleave(&["a", "b"], "s", |_| {
        passes += 1;
        // In one pass in the middle.
        Ok((1.0, u64::from(passes == 8)))
    });
    assert_eq!(measured.unwrap_err(), "a and b read different bytes");
}

#[test]
fn other_figures_are_kept_by_side_without_the_uncounted_pass() {
    let dir = tempfile::tempdir().unwrap();
    let bed = bed(dir.path(), Some(Duration::ZERO));
    let mut turn = 0;
    let measured = bed.interleave_with(&["a", "b"], "s", [GAUGE], |side| {
        turn += 1;
        let first = if turn <= 2 { 100.0 } else { 0.0 };
        Ok((1.0 + first, [2.0 + side as f64 + first], 7))
    });
    let (sides, [figure]) = measured.unwrap();
    assert_eq!(sides[0].series.values, [1.0; 14]);
    let values = [0, 1].map(|side: usize| figure.sides[side].series.values.clone());
    assert_eq!(values, [vec![2.0; 14], vec![3.0; 14]]);
    assert_eq!((figure.sides[0].unit, figure.sides[1].hash), ("us", 7));
    assert_eq!(figure.ratio().map(|ratio| ratio.median), Some(1.5));
}
