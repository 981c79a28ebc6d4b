//! Whether a claim holds.

use serde::Serialize;

use super::claim::{Claim, Measured};

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum Verdict {
    #[serde(rename = "holds")]
    Holds,
    #[serde(rename = "partly")]
    Partly,
    #[serde(rename = "refuted")]
    Refuted,
    #[serde(rename = "not measurable here")]
    NotMeasurable,
}

impl Verdict {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Partly => "partly",
            Self::Refuted => "refuted",
            Self::NotMeasurable => "not measurable here",
        }
    }
}

/// At least this share of the claimed ratio is enough.
const ENOUGH: f64 = 0.8;

pub(super) fn verdict(claim: &Claim, measured: &Measured) -> Verdict {
    if let Some(fact) = measured.fact {
        return if fact { Verdict::Holds } else { Verdict::Refuted };
    }
    judge(claim.claimed_ratio.unwrap_or(1.0), measured.ratio, measured.spread())
}

fn judge(claimed: f64, ratio: f64, spread: f64) -> Verdict {
    if ratio >= ENOUGH * claimed {
        Verdict::Holds
    } else if ratio > 1.0 + spread {
        Verdict::Partly
    } else {
        Verdict::Refuted
    }
}

#[cfg(test)]
mod tests {
    use super::{Verdict, judge};

    #[test]
    fn verdicts_are_about_the_claimed_ratio_and_the_spread() {
        for (claimed, ratio, spread, expected) in [
            (4.0, 4.0, 0.1, Verdict::Holds),
            (4.0, 3.2, 0.1, Verdict::Holds),
            (4.0, 3.19, 0.1, Verdict::Partly),
            (4.0, 1.2, 0.1, Verdict::Partly),
            (4.0, 1.2, 0.3, Verdict::Refuted),
            (4.0, 0.5, 0.1, Verdict::Refuted),
            (1.1, 0.89, 0.0, Verdict::Holds),
            (4.0, f64::NAN, 0.1, Verdict::Refuted),
        ] {
            assert_eq!(judge(claimed, ratio, spread), expected, "{claimed} {ratio} {spread}");
        }
    }
}
