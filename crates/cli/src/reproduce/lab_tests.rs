//! How the lab measures, with sides that are made up.

use std::path::Path;
use std::time::Duration;

use super::claim::Claim;
use super::effort::{Effort, ROUNDS_MAX};
use super::lab::{Gauge, Lab};
use cutwater_shell::stop::Stop;

const CLAIM: Claim =
    Claim { id: "made-up", text: "", claimed_ratio: Some(2.0), measure: |_| Err(String::new()) };
const GAUGE: Gauge = Gauge { what: "other", unit: "us", claimed_ratio: None };

fn lab(dir: &Path, time: Option<Duration>) -> Lab {
    let mut lab = Lab::new(dir, false, Effort::new(false, None, time), Stop::default()).unwrap();
    lab.begin(&CLAIM, 0);
    lab
}

/// Rounds of a comparison of 10 with 20 whose first side is off by `noise` by turns.
fn rounds(lab: &Lab, noise: impl Fn(usize) -> f64) -> usize {
    let mut turn = 0;
    let sides = lab.interleave(&["a", "b"], "s", |side| {
        turn += 1;
        Ok(if side == 0 { (10.0 + noise(turn / 2), 1) } else { (20.0, 1) })
    });
    sides.unwrap()[0].values.len()
}

#[test]
fn a_noisy_comparison_gets_more_rounds_and_a_calm_one_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let noisy = |n: usize| [0.0, 9.0, 4.0][n % 3];
    assert_eq!(rounds(&lab(dir.path(), None), |_| 0.0), 7);
    assert_eq!(rounds(&lab(dir.path(), None), noisy), ROUNDS_MAX);
    assert_eq!(rounds(&lab(dir.path(), Some(Duration::ZERO)), noisy), 7);
    // One wild round is left out of the spread as soon as there are enough others.
    assert_eq!(rounds(&lab(dir.path(), None), |n| if n == 3 { 9.0 } else { 0.0 }), 9);
}

#[test]
fn sides_that_read_different_bytes_are_no_measurement() {
    let dir = tempfile::tempdir().unwrap();
    let lab = lab(dir.path(), None);
    let mut passes = 0;
    let told = lab.interleave(&["a", "b"], "s", |side| {
        passes += 1;
        // In one round in the middle.
        Ok((1.0, if passes == 8 { side as u64 } else { 0 }))
    });
    assert_eq!(told.unwrap_err(), "a and b read different bytes");
}

#[test]
fn what_else_is_told_is_kept_by_side_without_the_first_round() {
    let dir = tempfile::tempdir().unwrap();
    let lab = lab(dir.path(), None);
    let mut turn = 0;
    let told = lab.telling(&["a", "b"], "s", [GAUGE], |side| {
        turn += 1;
        let first = if turn <= 2 { 100.0 } else { 0.0 };
        Ok((1.0 + first, [2.0 + side as f64 + first], 7))
    });
    let (sides, [figure]) = told.unwrap();
    assert_eq!(sides[0].values, [1.0; 7]);
    assert_eq!(
        (figure.sides[0].values.clone(), figure.sides[1].values.clone()),
        (vec![2.0; 7], vec![3.0; 7])
    );
    assert_eq!((figure.sides[0].unit, figure.ratio(), figure.sides[1].hash), ("us", Some(1.5), 7));
}
