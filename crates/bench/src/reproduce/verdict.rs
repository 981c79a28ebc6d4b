//! Whether a claim holds, and whether the run can decide that.

use cutwater_lab::{ROUNDS_MIN, Ratio, Word};
use serde::Serialize;

/// The outcome for a claim.
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

    /// The verdict on a fact.
    pub(super) fn on_fact(is_true: bool) -> Self {
        if is_true { Self::Holds } else { Self::Refuted }
    }

    /// The verdict on a measured ratio.
    pub(super) fn on_ratio(claimed: f64, ratio: &Ratio) -> Self {
        if ratio.median >= ENOUGH * claimed {
            Self::Holds
        } else if ratio.low > 1.0 {
            Self::Partly
        } else {
            Self::Refuted
        }
    }
}

/// Why a verdict is undecided: another one lies within the interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// There is no interval.
    TooFewRounds,
    /// At the upper end the claim would hold.
    MayHold,
    /// At the lower end it would not hold.
    MayFallShort,
    /// There may be a difference or none.
    HoldsOne,
}

/// At least this share of the claimed ratio is enough.
pub(super) const ENOUGH: f64 = 0.8;

impl Doubt {
    /// What leaves the verdict on `ratio` open. A ratio that is level with 1 is decided: such a
    /// difference is too small to act on.
    pub(super) fn about(claimed: f64, ratio: &Ratio) -> Option<Self> {
        let enough = ENOUGH * claimed;
        if ratio.rounds < ROUNDS_MIN {
            return Some(Self::TooFewRounds);
        }
        match Verdict::on_ratio(claimed, ratio) {
            Verdict::Holds => (ratio.low < enough).then_some(Self::MayFallShort),
            _ if ratio.high >= enough => Some(Self::MayHold),
            Verdict::Refuted => {
                (ratio.high > 1.0 && ratio.word() != Word::Level).then_some(Self::HoldsOne)
            }
            Verdict::Partly | Verdict::NotMeasurable => None,
        }
    }

    /// A clause for people.
    pub(super) fn words(self, ratio: &Ratio) -> String {
        let interval = format!("the interval of {:.2} to {:.2}", ratio.low, ratio.high);
        match self {
            Self::TooFewRounds => {
                let rounds = ratio.rounds;
                format!("{rounds} rounds are too few for an interval, so this run cannot decide")
            }
            Self::MayHold => {
                format!("{interval} reaches {ENOUGH} of the claim, so this run cannot decide")
            }
            Self::MayFallShort => {
                format!("{interval} begins below {ENOUGH} of the claim, so this run cannot decide")
            }
            Self::HoldsOne => format!(
                "{interval} holds 1, so this run cannot decide whether there is a difference"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(low: f64, median: f64, high: f64) -> Ratio {
        Ratio { median, low, high, rounds: 9 }
    }

    #[test]
    fn verdicts_follow_the_median_and_the_interval() {
        use Doubt::{HoldsOne, MayFallShort, MayHold};
        use Verdict::{Holds, Partly, Refuted};
        for (claimed, low, median, high, expected, doubt) in [
            (4.0, 3.9, 4.0, 4.1, Holds, None),
            (4.0, 3.2, 3.2, 3.2, Holds, None),
            (4.0, 3.1, 3.2, 3.3, Holds, Some(MayFallShort)),
            (4.0, 0.5, 3.3, 9.0, Holds, Some(MayFallShort)),
            (4.0, 3.1, 3.15, 3.19, Partly, None),
            (4.0, 3.1, 3.19, 3.2, Partly, Some(MayHold)),
            (4.0, 1.001, 1.2, 1.4, Partly, None),
            (4.0, 1.0, 1.2, 1.4, Refuted, Some(HoldsOne)),
            (4.0, 0.9, 0.95, 1.1, Refuted, Some(HoldsOne)),
            (4.0, 0.7, 1.2, 3.2, Refuted, Some(MayHold)),
            (4.0, 0.9, 0.95, 0.99, Refuted, None),
            // Level with 1.
            (4.0, 0.98, 1.0, 1.02, Refuted, None),
            // Within 1.1 times of the best.
            (1.0 / 1.1, 0.79, 0.8, 0.81, Holds, None),
            (1.0 / 1.1, 0.69, 0.7, 0.71, Refuted, None),
            (1.0 / 1.1, 0.69, 0.7, 0.8, Refuted, Some(MayHold)),
            (4.0, f64::NAN, f64::NAN, f64::NAN, Refuted, None),
        ] {
            let ratio = ratio(low, median, high);
            assert_eq!(Verdict::on_ratio(claimed, &ratio), expected, "{claimed} {ratio:?}");
            assert_eq!(Doubt::about(claimed, &ratio), doubt, "{claimed} {ratio:?}");
        }
    }

    #[test]
    fn without_an_interval_every_verdict_is_undecided() {
        for median in [0.5, 2.0, 9.0] {
            let ratio = Ratio { median, low: 0.0, high: f64::INFINITY, rounds: ROUNDS_MIN - 1 };
            assert_eq!(Doubt::about(4.0, &ratio), Some(Doubt::TooFewRounds));
            assert_ne!(Verdict::on_ratio(4.0, &ratio), Verdict::Partly);
        }
    }

    #[test]
    fn doubts_name_the_interval_and_that_the_run_cannot_decide() {
        for doubt in [Doubt::MayHold, Doubt::MayFallShort, Doubt::HoldsOne] {
            let words = doubt.words(&ratio(0.5, 1.0, 2.0));
            assert!(words.contains("0.50 to 2.00") && words.contains("cannot decide"), "{words}");
        }
        let words = Doubt::TooFewRounds.words(&ratio(0.0, 1.0, f64::INFINITY));
        assert!(words.contains("9 rounds") && words.contains("cannot decide"), "{words}");
    }
}
