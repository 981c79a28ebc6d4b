//! The figure: a ratio with an interval, and what it means in one word.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::random::SplitMix;
use crate::series::{Better, Series};
use crate::stats::{median, quantile_of_sorted};

/// A ratio whose interval lies within this distance of 1 is level.
pub const LEVEL: f64 = 0.03;
/// Fewer rounds than this give no interval: the least and the greatest of five values hold their
/// median in less than 95 of 100 cases.
pub const ROUNDS_MIN: usize = 6;

/// Samples that are drawn with replacement for one interval.
const RESAMPLES: usize = 2000;
/// The same draws each time: an interval is a function of its samples.
const SEED: u64 = 0x00c0_ffee;
/// Standard normal quantile of 0.975.
const Z: f64 = 1.959_964;

/// How many times better one side is than another: the median over the rounds with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// The median over the rounds; more than 1 when the first side is better.
    pub median: f64,
    /// The lower end of the 95 % interval; 0 where there are too few rounds for one.
    pub low: f64,
    /// The upper end; infinite where there are too few rounds for one.
    #[serde(serialize_with = "finite_or_null", deserialize_with = "null_is_infinite")]
    pub high: f64,
    /// Rounds.
    pub rounds: usize,
}

/// JSON has no infinity.
fn finite_or_null<S: serde::Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
    value.is_finite().then_some(*value).serialize(to)
}

fn null_is_infinite<'de, D: serde::Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(from)?.unwrap_or(f64::INFINITY))
}

/// What an interval says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Word {
    /// It lies wholly above 1, and its median more than 3 %.
    Faster,
    /// It lies within 3 % of 1.
    Level,
    /// It lies wholly below 1, and its median more than 3 %.
    Slower,
    /// None of these: more rounds, or a quieter machine, would say more.
    Undecided,
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Faster => "faster",
            Self::Level => "level",
            Self::Slower => "slower",
            Self::Undecided => "undecided",
        })
    }
}

impl Ratio {
    /// The word for the interval. A difference of less than 3 % is too small to act on: an interval within
    /// that of 1 is level even where it leaves 1 out, and a wider one with such a median is undecided.
    pub fn word(&self) -> Word {
        if self.low >= 1.0 - LEVEL && self.high <= 1.0 + LEVEL {
            Word::Level
        } else if self.low > 1.0 && self.median > 1.0 + LEVEL {
            Word::Faster
        } else if self.high < 1.0 && self.median < 1.0 - LEVEL {
            Word::Slower
        } else {
            Word::Undecided
        }
    }

    /// The ratio of the second side to the first.
    pub fn inverse(&self) -> Self {
        let Self { median, low, high, rounds } = *self;
        Self { median: 1.0 / median, low: 1.0 / high, high: 1.0 / low, rounds }
    }

    /// Whether the interval holds `value`.
    pub fn holds(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

impl fmt::Display for Ratio {
    /// `0.98 (0.96 to 1.01)`, or `undecided (0.41 to 1.90)` where the middle means nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.word() {
            _ if self.high.is_infinite() => {
                let s = if self.rounds == 1 { "" } else { "s" };
                format!("undecided ({} round{s})", self.rounds)
            }
            Word::Undecided if self.high > 1.5 * self.low => {
                format!("undecided ({:.2} to {:.2})", self.low, self.high)
            }
            _ => format!("{:.2} ({:.2} to {:.2})", self.median, self.low, self.high),
        };
        f.pad(&text)
    }
}

/// A ratio together with the medians of its resamples, from which means over several
/// comparisons get their interval.
#[derive(Debug, Clone)]
pub struct Comparison {
    ratio: Ratio,
    /// In the order of the draws.
    resampled: Vec<f64>,
}

impl Comparison {
    /// Of ratios round by round; `None` of nothing, and where one is not a number above 0, as where a side
    /// took nothing.
    pub fn of_rounds(ratios: &[f64]) -> Option<Self> {
        if ratios.iter().any(|ratio| !ratio.is_finite() || *ratio <= 0.0) {
            return None;
        }
        Self::seeded(ratios, SEED)
    }

    fn seeded(ratios: &[f64], seed: u64) -> Option<Self> {
        let (middle, rounds) = (median(ratios)?, ratios.len());
        let mut random = SplitMix(seed);
        let mut drawn = vec![0.0; rounds];
        let mut resample = || {
            drawn.fill_with(|| ratios[random.below(rounds as u64) as usize]);
            median_in_place(&mut drawn)
        };
        let resampled: Vec<_> = (0..RESAMPLES).map(|_| resample()).collect();
        let (low, high) = interval(&resampled, rounds);
        Some(Self { ratio: Ratio { median: middle, low, high, rounds }, resampled })
    }

    /// The figure.
    pub fn ratio(&self) -> Ratio {
        self.ratio
    }
}

/// The median of `values`, which must not be empty; puts them into another order.
fn median_in_place(values: &mut [f64]) -> f64 {
    let half = values.len() / 2;
    let (below, upper, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    let upper = *upper;
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if values.len() % 2 == 1 {
        return upper;
    }
    if lower == upper { upper } else { f64::midpoint(lower, upper) }
}

/// The ends of the 95 % interval. The percentiles are those of Student's distribution and not of
/// the normal one, since percentile intervals of few samples are too narrow (Hesterberg, "What
/// teachers should know about the bootstrap", 2015, section 3.3).
fn interval(resampled: &[f64], rounds: usize) -> (f64, f64) {
    if rounds < ROUNDS_MIN {
        return (0.0, f64::INFINITY);
    }
    let mut sorted = resampled.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let n = rounds as f64;
    let outside = normal_below(-(n / (n - 1.0)).sqrt() * student(n - 1.0));
    let at = |q| quantile_of_sorted(&sorted, q).unwrap_or(f64::NAN);
    (at(outside), at(1.0 - outside))
}

/// The quantile 0.975 of Student's distribution (Abramowitz and Stegun 26.7.5), within 1 % from 4
/// degrees of freedom on.
fn student(freedom: f64) -> f64 {
    let first = (Z.powi(3) + Z) / 4.0;
    let second = (5.0 * Z.powi(5) + 16.0 * Z.powi(3) + 3.0 * Z) / 96.0;
    let third = (3.0 * Z.powi(7) + 19.0 * Z.powi(5) + 17.0 * Z.powi(3) - 15.0 * Z) / 384.0;
    Z + first / freedom + second / freedom.powi(2) + third / freedom.powi(3)
}

/// Chance that a standard normal value lies below `x`, which is not above 0 (Abramowitz and
/// Stegun 26.2.17, within 1e-7).
fn normal_below(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let terms = [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let sum = terms.iter().rev().fold(0.0, |sum, term| (sum + term) * t);
    (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt() * sum
}

/// How many times better `ours` is than `theirs`, over the rounds that both have. `None` where one
/// dropped out or never ran.
pub fn compare(ours: &Series, theirs: &Series, better: Better) -> Option<Comparison> {
    ours.median().zip(theirs.median())?;
    Comparison::of_rounds(&ratios(ours, theirs, better).collect::<Vec<_>>())
}

fn ratios<'a>(
    ours: &'a Series,
    theirs: &'a Series,
    better: Better,
) -> impl Iterator<Item = f64> + 'a {
    ours.by_round().zip(theirs.by_round()).map(move |(a, b)| better.ratio(a, b))
}

/// `ours` against the best of `others`, which it names by index.
///
/// The best of several noisy medians is partly the luckiest. So the even rounds choose whom the
/// odd rounds are compared with, and the odd rounds choose for the even ones: a lucky round does
/// not count for the side that it elected.
pub fn compare_with_best(
    ours: &Series,
    others: &[&Series],
    better: Better,
) -> Option<(usize, Comparison)> {
    ours.median()?;
    let all = best(others, better, |_| true)?;
    let halves = [0, 1].map(|half| {
        let elected = best(others, better, |round| round % 2 != half).unwrap_or(all);
        ratios(ours, others[elected], better).enumerate().filter(move |(i, _)| i % 2 == half)
    });
    let ratios: Vec<_> = halves.into_iter().flatten().map(|(_, ratio)| ratio).collect();
    Some((all, Comparison::of_rounds(&ratios)?))
}

/// The side with the best median over the rounds that `counts` lets through.
fn best(sides: &[&Series], better: Better, counts: impl Fn(usize) -> bool) -> Option<usize> {
    let middle = |side: &Series| {
        side.median()?;
        let rounds = side.by_round().enumerate().filter(|(round, _)| counts(*round));
        median(&rounds.map(|(_, value)| value).collect::<Vec<_>>())
    };
    let ran = sides.iter().enumerate().filter_map(|(i, side)| Some((i, middle(side)?)));
    let first = ran.reduce(|a, b| if better.ratio(b.1, a.1) > 1.0 { b } else { a });
    first.map(|(i, _)| i)
}

/// The geometric mean of ratios with its interval; `None` of nothing.
pub fn mean<'a>(all: impl IntoIterator<Item = &'a Comparison>) -> Option<Ratio> {
    let all: Vec<_> = all.into_iter().collect();
    let rounds = all.iter().map(|c| c.ratio.rounds).min()?;
    let mean = |value: &dyn Fn(&Comparison) -> f64| {
        (all.iter().map(|c| value(c).ln()).sum::<f64>() / all.len() as f64).exp()
    };
    // The draws of one comparison say nothing about those of another: each is taken from a place
    // of its own.
    let draw = |i: usize, n: usize| (i + n * 37) % RESAMPLES;
    let resampled: Vec<_> = (0..RESAMPLES)
        .map(|i| {
            let logs = all.iter().enumerate().map(|(n, c)| c.resampled[draw(i, n)].ln());
            (logs.sum::<f64>() / all.len() as f64).exp()
        })
        .collect();
    let (low, high) = interval(&resampled, rounds);
    Some(Ratio { median: mean(&|c| c.ratio.median), low, high, rounds })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str, values: &[f64]) -> Series {
        Series { values: values.to_vec(), ..Series::new(name) }
    }

    /// A series of rounds whose samples are equal on the way out and back.
    fn rounds(name: &str, values: &[f64]) -> Series {
        let both = values.iter().flat_map(|v| [*v, *v]).collect::<Vec<_>>();
        series(name, &both)
    }

    #[test]
    fn the_ratio_is_more_than_one_when_ours_is_better_either_way_up() {
        let (a, b) = (rounds("a", &[4.0; 8]), rounds("b", &[2.0; 8]));
        let ratio = |better| compare(&a, &b, better).unwrap().ratio();
        assert_eq!(
            (ratio(Better::Higher).median, ratio(Better::Higher).word()),
            (2.0, Word::Faster)
        );
        assert_eq!((ratio(Better::Lower).median, ratio(Better::Lower).word()), (0.5, Word::Slower));
    }

    #[test]
    fn words_follow_the_interval_and_then_the_median() {
        let word = |low: f64, high: f64| {
            let median = if high < 1.0 { 0.95 } else { 1.2 };
            Ratio { median, low, high, rounds: 9 }.word()
        };
        assert_eq!(word(1.001, 1.2), Word::Faster);
        assert_eq!(word(0.9, 0.999), Word::Slower);
        assert_eq!(word(0.97, 1.03), Word::Level);
        assert_eq!(word(1.01, 1.02), Word::Level);
        assert_eq!(word(0.9, 1.0), Word::Undecided);
        let small = Ratio { median: 1.02, low: 1.001, high: 1.05, rounds: 9 };
        assert_eq!(small.word(), Word::Undecided);
        assert_eq!(word(0.0, f64::INFINITY), Word::Undecided);
    }

    #[test]
    fn a_ratio_that_means_nothing_is_printed_as_undecided() {
        let text = |low, high| Ratio { median: 1.0, low, high, rounds: 9 }.to_string();
        assert_eq!(text(0.98, 1.01), "1.00 (0.98 to 1.01)");
        assert_eq!(text(0.5, 2.0), "undecided (0.50 to 2.00)");
        assert_eq!(text(0.0, f64::INFINITY), "undecided (9 rounds)");
    }

    #[test]
    fn few_rounds_give_no_interval_and_json_keeps_it() {
        let (a, b) = (rounds("a", &[4.0; 5]), rounds("b", &[2.0; 5]));
        let ratio = compare(&a, &b, Better::Higher).unwrap().ratio();
        assert_eq!((ratio.word(), ratio.rounds), (Word::Undecided, 5));
        let json = serde_json::to_string(&ratio).unwrap();
        assert_eq!(json, r#"{"median":2.0,"low":0.0,"high":null,"rounds":5}"#);
        assert_eq!(serde_json::from_str::<Ratio>(&json).unwrap(), ratio);
    }

    #[test]
    fn a_side_that_took_nothing_has_no_ratio() {
        let (some, none) = (rounds("some", &[4.0; 6]), rounds("none", &[0.0; 6]));
        assert!(compare(&some, &none, Better::Lower).is_none());
        assert!(compare(&none, &some, Better::Lower).is_none());
    }

    #[test]
    fn the_inverse_is_the_ratio_the_other_way_round() {
        let (a, b) = (rounds("a", &[4.0; 6]), rounds("b", &[2.0; 6]));
        let ratio = |a, b| compare(a, b, Better::Higher).unwrap().ratio();
        assert_eq!(ratio(&a, &b).inverse(), ratio(&b, &a));
    }

    #[test]
    fn who_dropped_out_is_not_compared_and_is_never_the_best() {
        let (ours, slow) = (rounds("ours", &[4.0; 6]), rounds("slow", &[2.0; 6]));
        let mut gone = rounds("gone", &[9.0; 6]);
        gone.failed = Some("no".to_owned());
        assert!(compare(&ours, &gone, Better::Higher).is_none());
        assert!(compare(&gone, &ours, Better::Higher).is_none());
        let (best, comparison) = compare_with_best(&ours, &[&gone, &slow], Better::Higher).unwrap();
        assert_eq!((best, comparison.ratio().median), (1, 2.0));
        assert!(compare_with_best(&ours, &[&gone], Better::Higher).is_none());
    }

    #[test]
    fn the_best_is_elected_by_the_other_half_of_the_rounds() {
        let ours = rounds("ours", &[1.0; 8]);
        let lucky = rounds("lucky", &[5.0, 1.0, 5.0, 1.0, 5.0, 1.0, 5.0, 1.0]);
        let steady = rounds("steady", &[1.25; 8]);
        let (best, comparison) =
            compare_with_best(&ours, &[&lucky, &steady], Better::Higher).unwrap();
        // The lucky side is elected by its lucky rounds and compared in the others.
        assert_eq!((best, comparison.ratio().median), (0, 0.9));
    }

    #[test]
    fn the_best_of_equal_sides_is_no_better_than_ours() {
        let mut random = SplitMix(2);
        let mut side = |name| {
            let values: Vec<_> = (0..20).map(|_| 1.0 + 0.2 * random.unit()).collect();
            rounds(name, &values)
        };
        let cases = 300;
        let held = (0..cases)
            .filter(|_| {
                let all = ["a", "b", "c", "d", "e"].map(&mut side);
                let others: Vec<_> = all[1..].iter().collect();
                let (_, comparison) = compare_with_best(&all[0], &others, Better::Higher).unwrap();
                comparison.ratio().holds(1.0)
            })
            .count();
        assert!(held * 100 >= cases * 93, "{held} of {cases}");
    }

    #[test]
    fn percentiles_are_those_of_the_tables() {
        for (freedom, expected) in [(5.0, 2.571), (9.0, 2.262), (19.0, 2.093), (60.0, 2.000)] {
            assert!((student(freedom) - expected).abs() < 0.01, "{freedom}");
        }
        assert!((normal_below(-1.959_964) - 0.025).abs() < 1e-6);
        assert!((normal_below(-3.0) - 0.001_349_9).abs() < 1e-6);
    }

    /// Ratios of two equal sides on a host like ours: skewed noise, and some wild rounds.
    fn noisy(random: &mut SplitMix, rounds: usize, wild: f64) -> Vec<f64> {
        let mut side = || {
            let skewed = -(1.0 - random.unit()).ln() * 0.05;
            let burst = if random.unit() < wild { 1.0 + random.unit() } else { 1.0 };
            (1.0 + skewed) * burst
        };
        (0..rounds).map(|_| side() / side()).collect()
    }

    #[test]
    fn the_interval_holds_the_truth_in_95_of_100_cases() {
        let mut random = SplitMix(1);
        for (count, wild) in [(6, 0.1), (8, 0.1), (12, 0.1), (20, 0.3), (40, 0.3)] {
            let cases = 400;
            let held = (0..cases)
                .filter(|_| {
                    let ratios = noisy(&mut random, count, wild);
                    Comparison::of_rounds(&ratios).unwrap().ratio().holds(1.0)
                })
                .count();
            let share = held as f64 / f64::from(cases);
            // Twice the error of such a count is 0.02.
            assert!((0.93..0.995).contains(&share), "{count} rounds: {share}");
        }
    }

    #[test]
    fn a_mean_is_surer_than_its_parts() {
        let mut random = SplitMix(3);
        let parts: Vec<_> =
            (0..16).map(|_| Comparison::of_rounds(&noisy(&mut random, 12, 0.1)).unwrap()).collect();
        let mean = mean(&parts).unwrap();
        let width = |r: &Ratio| r.high / r.low;
        assert!(mean.holds(1.0) && parts.iter().all(|p| width(&p.ratio()) > width(&mean)));
        assert!(super::mean([]).is_none());
    }
}
