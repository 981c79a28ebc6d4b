//! Samples, and the rounds in which they are taken.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::order::Order;
use crate::stats;

/// Which of two values is the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Rates.
    Higher,
    /// Times and costs.
    Lower,
}

impl Better {
    /// How many times better `a` is than `b`: more than 1 when it is.
    pub fn ratio(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Higher => a / b,
            Self::Lower => b / a,
        }
    }
}

/// One measurement.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// In the unit of the comparison.
    pub value: f64,
    /// Whether the work gave the expected result.
    pub right: bool,
}

/// The measurements of one side, two for each round.
#[derive(Debug, Clone, Serialize)]
pub struct Series {
    /// The side's name.
    pub name: String,
    /// In the unit of the comparison, in the order in which they were taken.
    pub values: Vec<f64>,
    /// Whether every result was the expected one.
    pub right: bool,
    /// Why the side dropped out, if it did.
    pub failed: Option<String>,
}

impl Series {
    /// An empty series.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), values: Vec::new(), right: true, failed: None }
    }

    /// The median of all samples, or `None` when the side dropped out or never ran.
    pub fn median(&self) -> Option<f64> {
        if self.failed.is_some() { None } else { stats::median(&self.values) }
    }

    /// The interquartile range over the median.
    pub fn spread(&self) -> Option<f64> {
        self.median().and_then(|_| stats::spread(&self.values))
    }

    /// A value for each round: the geometric mean of the sample on the way out and the one on
    /// the way back, which no drift in a straight line moves.
    pub fn by_round(&self) -> impl Iterator<Item = f64> + '_ {
        self.values.as_chunks::<2>().0.iter().map(|[out, back]| (out * back).sqrt())
    }

    /// Adds a sample, or what went wrong.
    pub fn add(&mut self, sample: Result<Sample, String>) {
        match sample {
            Ok(sample) => {
                self.values.push(sample.value);
                self.right &= sample.right;
            }
            Err(why) => self.failed = Some(why),
        }
    }
}

/// One measurement to take: its side and its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// The side's index.
    pub side: usize,
    /// The round, from 0 on.
    pub round: usize,
    /// The place in the round, below twice the number of sides.
    pub place: usize,
}

/// Measures each side twice a round, out and back, for `rounds` rounds; `one` measures the side
/// with an index. A side that fails once drops out.
pub fn interleave(
    names: &[&str],
    rounds: usize,
    seed: u64,
    mut one: impl FnMut(usize) -> Result<Sample, String>,
) -> Vec<Series> {
    interleave_slices(names, rounds, seed, |slice| one(slice.side))
}

/// As [`interleave`], for measurements that depend on the round or on their place in it. The
/// places of a side that dropped out are skipped.
pub fn interleave_slices(
    names: &[&str],
    rounds: usize,
    seed: u64,
    mut one: impl FnMut(Slice) -> Result<Sample, String>,
) -> Vec<Series> {
    let mut all: Vec<_> = names.iter().map(|name| Series::new(name)).collect();
    for (round, sides) in Order::new(names.len(), seed).take(rounds).enumerate() {
        for (place, side) in sides.into_iter().enumerate() {
            if all[side].failed.is_none() {
                all[side].add(one(Slice { side, round, place }));
            }
        }
    }
    all
}

/// How many rounds fit into `time` when one takes `round`, between `least` and `most`. It is
/// asked before the first round that counts, and never again: a number that depended on the
/// samples would make their interval too narrow.
pub fn rounds_within(time: Duration, round: Duration, least: usize, most: usize) -> usize {
    let fit = time.as_secs_f64() / round.as_secs_f64().max(1e-9);
    (fit as usize).clamp(least.min(most), most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_that_fails_drops_out_and_the_others_go_on() {
        let mut count = [0; 3];
        let all = interleave(&["a", "b", "c"], 3, 1, |side| {
            count[side] += 1;
            if side == 1 { Err("no".to_owned()) } else { Ok(Sample { value: 1.0, right: true }) }
        });
        assert_eq!(count, [6, 1, 6]);
        assert_eq!((all[0].median(), all[1].median()), (Some(1.0), None));
    }

    #[test]
    fn slices_name_round_and_place_of_the_sides_that_are_left() {
        let mut slices = Vec::new();
        interleave_slices(&["a", "b", "c"], 2, 1, |slice| {
            slices.push(slice);
            if slice.side == 1 {
                Err("no".to_owned())
            } else {
                Ok(Sample { value: 1.0, right: true })
            }
        });
        for round in 0..2 {
            let order = Order::new(3, 1).nth(round).unwrap();
            let here = slices.iter().filter(|s| s.round == round);
            assert!(here.clone().all(|s| order[s.place] == s.side));
            assert_eq!(here.filter(|s| s.side != 1).count(), 4);
        }
        assert_eq!(slices.iter().filter(|s| s.side == 1).count(), 1);
    }

    #[test]
    fn one_wrong_result_marks_the_series() {
        let mut n = 0;
        let all = interleave(&["a"], 2, 1, |_| {
            n += 1;
            Ok(Sample { value: 2.0, right: n != 2 })
        });
        assert!(!all[0].right);
    }

    #[test]
    fn a_round_has_one_value_that_a_straight_drift_does_not_move() {
        let series = Series { values: vec![2.0, 8.0, 3.0, 3.0, 9.0], ..Series::new("a") };
        assert_eq!(series.by_round().collect::<Vec<_>>(), [4.0, 3.0]);
    }

    #[test]
    fn rounds_are_as_many_as_fit_within_bounds() {
        let ms = Duration::from_millis;
        assert_eq!(rounds_within(ms(1000), ms(100), 6, 40), 10);
        assert_eq!(rounds_within(ms(1000), ms(900), 6, 40), 6);
        assert_eq!(rounds_within(ms(1000), ms(0), 6, 40), 40);
    }
}
