//! What a claim is, and what measuring it gives.

use super::lab::Lab;
use super::spread::spread;

/// A claim. One module each in `claims`.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) id: &'static str,
    /// What it says.
    pub(super) text: &'static str,
    /// By how many times the first side is said to be better than the second; nothing where the
    /// claim is a fact.
    pub(super) claimed_ratio: Option<f64>,
    /// Measures it, or says why that is not possible here.
    pub(super) measure: fn(&mut Lab) -> Result<Measured, String>,
}

/// What was measured.
#[derive(Debug, Clone)]
pub(super) struct Measured {
    /// The first is the one that is said to be better. Of what they tell, less is better.
    pub(super) sides: Vec<Side>,
    /// How many times better the first is than the second.
    pub(super) ratio: f64,
    /// Of a fact: whether it is one.
    pub(super) fact: Option<bool>,
    /// One sentence, from what was measured.
    pub(super) why: String,
    /// What else was measured of the sides; no verdict is about these.
    pub(super) figures: Vec<Figure>,
}

/// One side of a comparison.
#[derive(Debug, Clone)]
pub(super) struct Side {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    /// Of each round, in order.
    pub(super) values: Vec<f64>,
    /// Of the bytes that it read.
    pub(super) hash: u64,
}

impl Side {
    pub(super) fn new(name: &'static str, unit: &'static str) -> Self {
        Self { name, unit, values: Vec::new(), hash: 0 }
    }

    pub(super) fn median(&self) -> f64 {
        cutwater_lab::stats::median(&self.values).unwrap_or(0.0)
    }

    pub(super) fn spread(&self) -> f64 {
        spread(&self.values)
    }
}

/// A figure beside the one that is judged, of which less is better.
#[derive(Debug, Clone)]
pub(super) struct Figure {
    pub(super) what: &'static str,
    /// By how many times the first side is said to be better than the second.
    pub(super) claimed_ratio: Option<f64>,
    pub(super) sides: Vec<Side>,
}

impl Figure {
    /// How many times better the first is than the second; none where that is not known, as where
    /// the first takes nothing.
    pub(super) fn ratio(&self) -> Option<f64> {
        Some(ratio(&self.sides)).filter(|ratio| ratio.is_finite())
    }

    pub(super) fn spread(&self) -> f64 {
        spread_of(&self.sides)
    }
}

/// How many times less the first needs than the second.
pub(super) fn ratio(sides: &[Side]) -> f64 {
    match sides {
        [first, second, ..] => second.median() / first.median(),
        _ => f64::NAN,
    }
}

/// The larger of the spreads of the two sides that are compared, as a share.
pub(super) fn spread_of(sides: &[Side]) -> f64 {
    sides.iter().take(2).map(Side::spread).fold(0.0, f64::max)
}

impl Measured {
    /// The first side needs less of something than the second.
    pub(super) fn less(sides: Vec<Side>, why: impl FnOnce(&[Side]) -> String) -> Self {
        // Where the first needs nothing at all, it is as if it needed next to nothing.
        let ratio = sides[1].median() / sides[0].median().max(f64::MIN_POSITIVE);
        let why = why(&sides);
        Self { sides, ratio, fact: None, why, figures: Vec::new() }
    }

    /// A fact, true or not.
    pub(super) fn fact(sides: Vec<Side>, fact: bool, why: String) -> Self {
        Self { sides, ratio: 1.0, fact: Some(fact), why, figures: Vec::new() }
    }

    /// With what else was measured.
    pub(super) fn with(mut self, figures: impl IntoIterator<Item = Figure>) -> Self {
        self.figures.extend(figures);
        self
    }

    pub(super) fn spread(&self) -> f64 {
        spread_of(&self.sides)
    }
}
