//! Whether a claim holds, and whether that can be told.

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

/// Another verdict that lies within the spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// At the better end the claim would hold.
    CoversClaim,
    /// At the worse end it would not hold.
    MayFallShort,
    /// The first side is better by less than the spread.
    CoversNone,
}

impl Doubt {
    /// What there is to say of it.
    pub(super) fn words(self, spread: f64) -> String {
        let percent = 100.0 * spread;
        match self {
            Self::CoversClaim => {
                format!("the spread of {percent:.0} % covers the claim, so this run cannot tell")
            }
            Self::MayFallShort => format!(
                "at the worse end of the spread of {percent:.0} % it would be less than {ENOUGH} of what is claimed, so this run cannot tell for certain"
            ),
            Self::CoversNone => format!(
                "the difference is within the spread of {percent:.0} %, so this run cannot tell whether there is one"
            ),
        }
    }
}

/// At least this share of the claimed ratio is enough.
const ENOUGH: f64 = 0.8;
/// A spread for which no more rounds are needed where the verdict is the same all over it,
const SMALL_IF_DECIDED: f64 = 0.25;
/// and where it is not.
const SMALL: f64 = 0.03;

pub(super) fn verdict(claim: &Claim, measured: &Measured) -> Verdict {
    if let Some(fact) = measured.fact {
        return if fact { Verdict::Holds } else { Verdict::Refuted };
    }
    judge(claim.claimed_ratio.unwrap_or(1.0), measured.ratio, measured.spread())
}

/// What of the verdict is open; nothing of a fact.
pub(super) fn doubt(claim: &Claim, measured: &Measured) -> Option<Doubt> {
    if measured.fact.is_some() {
        return None;
    }
    doubtful(claim.claimed_ratio.unwrap_or(1.0), measured.ratio, measured.spread())
}

/// Whether more rounds would tell nothing more.
pub(super) fn settled(claimed: Option<f64>, ratio: f64, spread: f64) -> bool {
    let decided = match claimed {
        Some(claimed) => doubtful(claimed, ratio, spread).is_none(),
        None => ratio.max(1.0 / ratio) > 1.0 + spread,
    };
    spread <= if decided { SMALL_IF_DECIDED } else { SMALL }
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

fn doubtful(claimed: f64, ratio: f64, spread: f64) -> Option<Doubt> {
    let enough = ENOUGH * claimed;
    match judge(claimed, ratio, spread) {
        Verdict::Holds => (ratio / (1.0 + spread) < enough).then_some(Doubt::MayFallShort),
        _ if ratio * (1.0 + spread) >= enough => Some(Doubt::CoversClaim),
        Verdict::Refuted => (ratio > 1.0).then_some(Doubt::CoversNone),
        Verdict::Partly | Verdict::NotMeasurable => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Doubt, Verdict, doubtful, judge, settled};

    #[test]
    fn verdicts_are_about_the_claimed_ratio_and_the_spread() {
        use Doubt::{CoversClaim, CoversNone, MayFallShort};
        use Verdict::{Holds, Partly, Refuted};
        for (claimed, ratio, spread, expected, doubt) in [
            (4.0, 4.0, 0.1, Holds, None),
            (4.0, 3.2, 0.0, Holds, None),
            (4.0, 3.2, 0.1, Holds, Some(MayFallShort)),
            (4.0, 3.53, 0.1, Holds, None),
            (4.0, 3.19, 0.001, Partly, None),
            (4.0, 3.19, 0.1, Partly, Some(CoversClaim)),
            (4.0, 1.2, 0.1, Partly, None),
            (4.0, 1.2, 0.2, Refuted, Some(CoversNone)),
            (4.0, 1.2, 1.7, Refuted, Some(CoversClaim)),
            (4.0, 1.0, 0.1, Refuted, None),
            (4.0, 0.5, 0.1, Refuted, None),
            (4.0, 0.5, 5.4, Refuted, Some(CoversClaim)),
            (1.56, 1.04, 1.44, Refuted, Some(CoversClaim)),
            // Within 1.1 times of the best.
            (1.0 / 1.1, 0.8, 0.0, Holds, None),
            (1.0 / 1.1, 0.7, 0.0, Refuted, None),
            (1.0 / 1.1, 0.7, 0.1, Refuted, Some(CoversClaim)),
            (4.0, f64::NAN, 0.1, Refuted, None),
        ] {
            assert_eq!(judge(claimed, ratio, spread), expected, "{claimed} {ratio} {spread}");
            assert_eq!(doubtful(claimed, ratio, spread), doubt, "{claimed} {ratio} {spread}");
        }
    }

    #[test]
    fn more_rounds_are_wanted_while_the_spread_is_large_or_another_verdict_within_it() {
        for (claimed, ratio, spread, expected) in [
            (Some(4.0), 3.0, 0.06, true),
            (Some(4.0), 3.0, 0.07, false),
            (Some(4.0), 3.19, 0.03, true),
            (Some(4.0), 3.19, 0.04, false),
            (Some(4.0), 8.0, 0.25, true),
            (Some(4.0), 8.0, 0.26, false),
            (Some(4.0), 1.04, 1.44, false),
            (None, 0.5, 0.2, true),
            (None, 2.0, 0.2, true),
            (None, 1.1, 0.2, false),
            (None, f64::NAN, 0.2, false),
        ] {
            assert_eq!(settled(claimed, ratio, spread), expected, "{claimed:?} {ratio} {spread}");
        }
    }

    #[test]
    fn doubts_name_the_spread_and_that_the_run_cannot_tell() {
        for doubt in [Doubt::CoversClaim, Doubt::MayFallShort, Doubt::CoversNone] {
            let words = doubt.words(1.44);
            assert!(words.contains("spread of 144 %") && words.contains("cannot tell"), "{words}");
        }
    }
}
