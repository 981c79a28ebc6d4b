//! Interleaved runs: A B C, A B C, ... so that whatever drifts on the host meets all alike.

use std::time::Instant;

/// One measurement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// In the cell's unit.
    pub value: f64,
    /// Whether the result was the expected one.
    pub hash_ok: bool,
}

/// The measurements of one contender in one cell.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    /// Who.
    pub name: String,
    /// In the cell's unit, in the order they were taken.
    pub values: Vec<f64>,
    /// Whether every result was the expected one.
    pub hash_ok: bool,
    /// Why it dropped out, if it did.
    pub failed: Option<String>,
}

impl Series {
    /// Of nothing yet.
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), values: Vec::new(), hash_ok: true, failed: None }
    }

    /// The median, or `None` when it dropped out or never ran.
    pub(crate) fn median(&self) -> Option<f64> {
        if self.failed.is_some() { None } else { quantile(&self.values, 0.5) }
    }

    /// Half of the values lie within this share of the median: the interquartile range over
    /// the median.
    pub(crate) fn spread(&self) -> Option<f64> {
        let median = self.median().filter(|m| *m > 0.0)?;
        Some((quantile(&self.values, 0.75)? - quantile(&self.values, 0.25)?) / median)
    }

    fn add(&mut self, sample: Result<Sample, String>) {
        match sample {
            Ok(sample) => {
                self.values.push(sample.value);
                self.hash_ok &= sample.hash_ok;
            }
            Err(why) => self.failed = Some(why),
        }
    }
}

/// Runs each contender once per round, for `rounds` rounds or until a round ends after
/// `deadline`; the first round is always whole. Who fails once drops out.
pub(crate) fn interleave(
    names: &[&str],
    rounds: usize,
    deadline: Option<Instant>,
    mut one: impl FnMut(usize) -> Result<Sample, String>,
) -> Vec<Series> {
    let mut all: Vec<_> = names.iter().map(|name| Series::new(name)).collect();
    for _ in 0..rounds.max(1) {
        for (index, series) in all.iter_mut().enumerate().filter(|(_, s)| s.failed.is_none()) {
            series.add(one(index));
        }
        if deadline.is_some_and(|d| Instant::now() >= d) {
            break;
        }
    }
    all
}

/// The `q` quantile with linear interpolation; `None` of nothing.
pub(crate) fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len().checked_sub(1)? as f64) * q;
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    Some(low + (high - low) * at.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_interleaved_and_a_failure_drops_out() {
        let mut order = Vec::new();
        let all = interleave(&["a", "b", "c"], 3, None, |i| {
            order.push(i);
            if i == 1 { Err("no".to_owned()) } else { Ok(Sample { value: 1.0, hash_ok: true }) }
        });
        assert_eq!(order, [0, 1, 2, 0, 2, 0, 2]);
        assert_eq!((all[0].median(), all[1].median()), (Some(1.0), None));
    }

    #[test]
    fn a_deadline_in_the_past_still_gives_a_whole_round() {
        let all = interleave(&["a", "b"], 5, Some(Instant::now()), |_| {
            Ok(Sample { value: 2.0, hash_ok: true })
        });
        assert!(all.iter().all(|s| s.values.len() == 1));
    }

    #[test]
    fn one_wrong_hash_marks_the_series() {
        let mut ok = false;
        let all = interleave(&["a"], 2, None, |_| {
            ok = !ok;
            Ok(Sample { value: 2.0, hash_ok: ok })
        });
        assert!(!all[0].hash_ok);
    }

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[4.0, 1.0], 0.5), Some(2.5));
        assert_eq!(quantile(&[3.0, 1.0, 2.0, 5.0, 4.0], 0.25), Some(2.0));
    }

    #[test]
    fn spread_is_the_interquartile_range_over_the_median() {
        let mut series = Series::new("a");
        series.values = vec![8.0, 10.0, 12.0];
        assert_eq!(series.spread(), Some(0.2));
    }
}
