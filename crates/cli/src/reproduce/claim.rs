//! What a claim is, and what measuring it gives.

use super::lab::Lab;

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
    /// The first is the one that is said to be better.
    pub(super) sides: Vec<Side>,
    /// How many times better the first is than the second.
    pub(super) ratio: f64,
    /// Of a fact: whether it is one.
    pub(super) fact: Option<bool>,
    /// One sentence, from what was measured.
    pub(super) why: String,
}

/// One side of a comparison.
#[derive(Debug, Clone)]
pub(super) struct Side {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) values: Vec<f64>,
    /// Of the bytes that it read.
    pub(super) hash: u64,
}

impl Side {
    pub(super) fn median(&self) -> f64 {
        crate::bench::stats::median(self.values.iter().copied())
    }

    pub(super) fn spread(&self) -> f64 {
        crate::bench::stats::spread(&self.values)
    }
}

impl Measured {
    /// The first side needs less of something than the second.
    pub(super) fn less(sides: Vec<Side>, why: impl FnOnce(&[Side]) -> String) -> Self {
        let ratio = sides[1].median() / sides[0].median().max(f64::MIN_POSITIVE);
        let why = why(&sides);
        Self { sides, ratio, fact: None, why }
    }

    /// A fact, true or not.
    pub(super) fn fact(sides: Vec<Side>, fact: bool, why: String) -> Self {
        Self { sides, ratio: 1.0, fact: Some(fact), why }
    }

    /// The larger of the two spreads, as a share.
    pub(super) fn spread(&self) -> f64 {
        self.sides.iter().take(2).map(Side::spread).fold(0.0, f64::max)
    }
}
