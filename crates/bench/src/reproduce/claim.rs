//! What a claim is, and what a measurement of it gives.

use cutwater_lab::{Better, Comparison, ROUNDS_MIN, Ratio, Sample, Series};
use cutwater_lab::{compare, compare_with_best};

use super::bed::Bed;

/// A claim. One module each in `claims`.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) id: &'static str,
    /// What it says.
    pub(super) text: &'static str,
    /// How many times better the first side is said to be than the second; `None` where the claim
    /// is a fact.
    pub(super) claimed_ratio: Option<f64>,
    /// Measures it, or says why that is not possible here.
    pub(super) measure: fn(&mut Bed) -> Result<Measured, String>,
}

/// The result of a measurement.
#[derive(Debug, Clone)]
pub(super) struct Measured {
    /// The first is the one that is said to be better. Less is better.
    pub(super) sides: Vec<Side>,
    pub(super) answer: Answer,
    /// One sentence, from what was measured.
    pub(super) why: String,
    /// Other figures of the sides; no verdict is about these.
    pub(super) figures: Vec<Figure>,
}

/// What a verdict is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Answer {
    /// How many times better the first side is than the second.
    Ratio(Ratio),
    /// Whether the claimed fact is true.
    Fact(bool),
}

/// One side of a comparison.
#[derive(Debug, Clone)]
pub(super) struct Side {
    /// Two samples of each round.
    pub(super) series: Series,
    pub(super) unit: &'static str,
    /// Of the bytes that it read.
    pub(super) hash: u64,
}

impl Side {
    pub(super) fn new(name: &str, unit: &'static str) -> Self {
        Self { series: Series::new(name), unit, hash: 0 }
    }

    pub(super) fn add(&mut self, value: f64, hash: u64) {
        self.series.add(Ok(Sample { value, right: true }));
        self.hash = hash;
    }

    pub(super) fn name(&self) -> &str {
        &self.series.name
    }

    /// The median of all samples; 0 without samples.
    pub(super) fn median(&self) -> f64 {
        self.series.median().unwrap_or_default()
    }

    /// How many times less this side needs than `other`.
    pub(super) fn against(&self, other: &Self) -> Ratio {
        ratio_of(compare(&self.series, &other.series, Better::Lower))
    }
}

/// The ratio of a comparison; not a number where nothing was compared.
fn ratio_of(comparison: Option<Comparison>) -> Ratio {
    let none = Ratio { median: f64::NAN, low: 0.0, high: f64::INFINITY, rounds: 0 };
    comparison.map_or(none, |comparison| comparison.ratio())
}

/// The width of the interval over its median; `None` where there is no interval.
pub(super) fn width(ratio: &Ratio) -> Option<f64> {
    let width = (ratio.high - ratio.low) / ratio.median;
    (ratio.rounds >= ROUNDS_MIN && width.is_finite()).then_some(width)
}

/// A figure besides the one that is judged. Less is better.
#[derive(Debug, Clone)]
pub(super) struct Figure {
    pub(super) what: &'static str,
    /// How many times better the first side is said to be than the second.
    pub(super) claimed_ratio: Option<f64>,
    pub(super) sides: Vec<Side>,
}

impl Figure {
    /// How many times better the first is than the second; `None` where that is not known, as
    /// where the first needs nothing.
    pub(super) fn ratio(&self) -> Option<Ratio> {
        let [first, second, ..] = &self.sides[..] else { return None };
        Some(first.against(second)).filter(|ratio| ratio.median.is_finite())
    }
}

impl Measured {
    /// The first side needs less than the second.
    pub(super) fn less(sides: Vec<Side>, why: impl FnOnce(&[Side]) -> String) -> Self {
        let answer = Answer::Ratio(sides[0].against(&sides[1]));
        let why = why(&sides);
        Self { sides, answer, why, figures: Vec::new() }
    }

    /// The first side needs less than the best of the others, which becomes the second.
    pub(super) fn less_than_best(
        mut sides: Vec<Side>,
        why: impl FnOnce(&[Side]) -> String,
    ) -> Self {
        let others: Vec<_> = sides[1..].iter().map(|side| &side.series).collect();
        let compared = compare_with_best(&sides[0].series, &others, Better::Lower);
        let (best, comparison) = compared.unzip();
        sides.swap(1, 1 + best.unwrap_or_default());
        let why = why(&sides);
        let answer = Answer::Ratio(ratio_of(comparison));
        Self { sides, answer, why, figures: Vec::new() }
    }

    /// A fact, true or not.
    pub(super) fn fact(sides: Vec<Side>, fact: bool, why: String) -> Self {
        Self { sides, answer: Answer::Fact(fact), why, figures: Vec::new() }
    }

    /// Adds other figures.
    pub(super) fn with(mut self, figures: impl IntoIterator<Item = Figure>) -> Self {
        self.figures.extend(figures);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(name: &str, values: &[f64]) -> Side {
        let mut side = Side::new(name, "s");
        values.iter().for_each(|value| side.add(*value, 0));
        side
    }

    #[test]
    fn the_best_of_the_others_is_the_one_that_is_compared_with() {
        let sides = vec![side("ours", &[2.0; 12]), side("a", &[8.0; 12]), side("b", &[4.0; 12])];
        let measured = Measured::less_than_best(sides, |s| s[1].name().to_owned());
        assert!(matches!(measured.answer, Answer::Ratio(ratio) if ratio.median == 2.0));
        assert_eq!(measured.why, "b");
    }

    #[test]
    fn a_figure_whose_first_side_needs_nothing_has_no_ratio() {
        let sides = vec![side("a", &[0.0; 12]), side("b", &[1.0; 12])];
        let figure = Figure { what: "x", claimed_ratio: None, sides };
        assert_eq!(figure.ratio(), None);
    }

    #[test]
    fn the_width_is_a_share_of_the_median_and_needs_an_interval() {
        let ratio = Ratio { median: 2.0, low: 1.5, high: 2.5, rounds: 6 };
        assert_eq!(width(&ratio), Some(0.5));
        assert_eq!(width(&Ratio { high: f64::INFINITY, rounds: 5, ..ratio }), None);
    }
}
