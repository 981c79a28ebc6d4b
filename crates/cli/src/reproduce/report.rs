//! What was found, for people and for tools.

use std::fmt::Write;

use serde::Serialize;

use super::claim::{Claim, Figure, Measured, Side};
use super::host::Host;
use super::verdict::{Verdict, doubt, verdict};
use cutwater_shell::words::counted;

/// All results.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) host: Host,
    pub(super) claims: Vec<Row>,
}

#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) id: &'static str,
    pub(super) text: &'static str,
    pub(super) claimed_ratio: Option<f64>,
    pub(super) measured_ratio: Option<f64>,
    pub(super) spread: Option<f64>,
    pub(super) verdict: Verdict,
    /// Whether no other verdict lies within the spread; nothing of facts.
    pub(super) decided: Option<bool>,
    pub(super) why: String,
    /// Of what sides and figures tell.
    pub(super) better: &'static str,
    pub(super) sides: Vec<SideRow>,
    pub(super) figures: Vec<FigureRow>,
    pub(super) command: String,
}

#[derive(Debug, Serialize)]
pub(super) struct SideRow {
    pub(super) name: &'static str,
    pub(super) value: f64,
    pub(super) unit: &'static str,
    hash: String,
    values: Vec<f64>,
}

/// A figure that no verdict is about.
#[derive(Debug, Serialize)]
pub(super) struct FigureRow {
    pub(super) what: &'static str,
    pub(super) claimed_ratio: Option<f64>,
    pub(super) measured_ratio: Option<f64>,
    pub(super) spread: f64,
    pub(super) sides: Vec<SideRow>,
}

impl From<&Side> for SideRow {
    fn from(side: &Side) -> Self {
        let hash = format!("{:016x}", side.hash);
        let (name, unit, values) = (side.name, side.unit, side.values.clone());
        Self { name, value: side.median(), unit, hash, values }
    }
}

impl From<&Figure> for FigureRow {
    fn from(figure: &Figure) -> Self {
        Self {
            what: figure.what,
            claimed_ratio: figure.claimed_ratio,
            measured_ratio: figure.ratio(),
            spread: figure.spread(),
            sides: figure.sides.iter().map(Into::into).collect(),
        }
    }
}

/// The one of which there is least, where that is one.
pub(super) fn best(sides: &[SideRow]) -> Option<usize> {
    let least = sides.iter().map(|side| side.value).fold(f64::INFINITY, f64::min);
    let mut all = (0..sides.len()).filter(|at| sides[*at].value == least);
    all.next().filter(|_| all.next().is_none())
}

impl Report {
    pub(super) fn new(host: Host) -> Self {
        Self { host, claims: Vec::new() }
    }

    pub(super) fn add(&mut self, claim: &Claim, measured: Result<Measured, String>) {
        let quick = if self.host.quick { " --quick" } else { "" };
        let mut row = Row {
            id: claim.id,
            text: claim.text,
            claimed_ratio: claim.claimed_ratio,
            measured_ratio: None,
            spread: None,
            verdict: Verdict::NotMeasurable,
            decided: None,
            why: String::new(),
            better: "less",
            sides: Vec::new(),
            figures: Vec::new(),
            command: format!("cutwater reproduce {}{quick}", claim.id),
        };
        match measured {
            Ok(measured) => row.fill(claim, measured),
            Err(why) => row.why = why,
        }
        self.claims.push(row);
    }

    pub(super) fn text(&self) -> String {
        let mut out = format!("{}\n\n", self.host.line());
        // Writing to a string does not fail.
        let _ = writeln!(
            out,
            "{:16} {:>8} {:>9} {:>7}  verdict",
            "claim", "claimed", "measured", "spread"
        );
        self.claims.iter().for_each(|row| row.write(&mut out));
        let count = |v: Verdict| self.claims.iter().filter(|row| row.verdict == v).count();
        let _ = writeln!(
            out,
            "\n{}: {} hold, {} partly, {} refuted, {} not measurable here",
            counted(self.claims.len() as u64, "claim"),
            count(Verdict::Holds),
            count(Verdict::Partly),
            count(Verdict::Refuted),
            count(Verdict::NotMeasurable)
        );
        let open = self.claims.iter().filter(|row| row.decided == Some(false)).count();
        if open > 0 {
            let verdicts = counted(open as u64, "verdict");
            let _ = writeln!(out, "{verdicts} undecided: another lies within the spread");
        }
        out
    }
}

impl Row {
    fn fill(&mut self, claim: &Claim, measured: Measured) {
        let judged = measured.fact.is_none();
        let doubt = doubt(claim, &measured);
        self.measured_ratio = judged.then_some(measured.ratio);
        self.spread = judged.then(|| measured.spread());
        self.verdict = verdict(claim, &measured);
        self.decided = judged.then_some(doubt.is_none());
        self.sides = measured.sides.iter().map(Into::into).collect();
        self.figures = measured.figures.iter().map(Into::into).collect();
        let doubt = doubt.map(|doubt| format!("; {}", doubt.words(measured.spread())));
        self.why = measured.why + &doubt.unwrap_or_default();
    }

    /// What became of it, in few words.
    pub(super) fn outcome(&self) -> String {
        let open = if self.decided == Some(false) { ", undecided" } else { "" };
        format!("{}{open}", self.verdict.name())
    }

    fn write(&self, out: &mut String) {
        let spread = self.spread.map_or_else(|| "-".to_owned(), percent);
        let (claimed, measured) = (times(self.claimed_ratio), times(self.measured_ratio));
        let outcome = self.outcome();
        let _ = writeln!(out, "{:16} {claimed:>8} {measured:>9} {spread:>7}  {outcome}", self.id);
        let _ = writeln!(out, "    {}", self.text);
        if !self.sides.is_empty() {
            let _ = writeln!(out, "    {} ({} is better)", words_of(&self.sides), self.better);
        }
        for figure in &self.figures {
            let _ = writeln!(
                out,
                "    {}: {}{}",
                figure.what,
                words_of(&figure.sides),
                figure.compared()
            );
        }
        let _ = writeln!(out, "    {}", self.why);
    }
}

impl FigureRow {
    /// Its ratio, where there is one.
    pub(super) fn compared(&self) -> String {
        let claimed = self.claimed_ratio.map(|r| format!(", claimed {}", times(Some(r))));
        let claimed = claimed.unwrap_or_default();
        self.measured_ratio.map_or_else(String::new, |r| {
            format!(" ({}, spread {}{claimed})", times(Some(r)), percent(self.spread))
        })
    }
}

fn words_of(sides: &[SideRow]) -> String {
    let one = |s: &SideRow| format!("{} {} {}", s.name, figure(s.value), s.unit);
    sides.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn times(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "-".to_owned(), |r| format!("{r:.2}x"))
}

pub(super) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// Three digits that count.
pub(super) fn figure(value: f64) -> String {
    let digits = (2 - value.abs().max(1e-9).log10().floor() as i32).clamp(0, 6) as usize;
    format!("{value:.digits$}")
}

/// The claims and what they say.
pub(super) fn listed(claims: &[&'static Claim]) -> serde_json::Value {
    let claim = |claim: &&Claim| {
        let (id, text, claimed_ratio) = (claim.id, claim.text, claim.claimed_ratio);
        serde_json::json!({ "id": id, "text": text, "claimed_ratio": claimed_ratio })
    };
    claims.iter().map(claim).collect::<Vec<_>>().into()
}

/// What is claimed, as a table.
pub(super) fn list(claims: &[&'static Claim]) -> String {
    let mut out = String::new();
    for claim in claims {
        let ratio = claim.claimed_ratio.map_or_else(|| "fact".to_owned(), |r| times(Some(r)));
        let _ = writeln!(out, "{:16} {ratio:>7}  {}", claim.id, claim.text);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reproduce::verdict::Verdict;

    const CLAIM: Claim = Claim {
        id: "one",
        text: "says",
        claimed_ratio: Some(1.56),
        measure: |_| Err(String::new()),
    };

    fn side(name: &'static str, values: &[f64]) -> Side {
        Side { values: values.to_vec(), ..Side::new(name, "s") }
    }

    fn row(sides: Vec<Side>) -> Row {
        let mut report = Report::new(Host::of(std::path::Path::new("."), false));
        report.add(&CLAIM, Ok(Measured::less(sides, |_| "it was measured".into())));
        report.claims.remove(0)
    }

    #[test]
    fn where_the_spread_covers_the_claim_it_is_said_that_the_run_cannot_tell() {
        let noisy = row(vec![side("a", &[1.0, 0.5, 2.0]), side("b", &[1.04, 1.0, 1.1])]);
        assert_eq!((noisy.verdict, noisy.decided), (Verdict::Refuted, Some(false)));
        assert_eq!(
            noisy.why,
            "it was measured; the spread of 150 % covers the claim, so this run cannot tell"
        );
        let mut text = String::new();
        noisy.write(&mut text);
        assert!(text.contains("150 %  refuted, undecided"), "{text}");
        assert!(text.contains("a 1.00 s; b 1.04 s (less is better)"), "{text}");
        let calm = row(vec![side("a", &[1.0; 3]), side("b", &[1.04; 3])]);
        assert_eq!((calm.verdict, calm.decided), (Verdict::Partly, Some(true)));
        assert_eq!((calm.why.as_str(), calm.outcome()), ("it was measured", "partly".into()));
    }

    #[test]
    fn the_best_side_is_the_one_that_needs_least_and_not_the_first() {
        let best_of = |values: &[f64]| {
            let sides: Vec<SideRow> = values.iter().map(|v| (&side("a", &[*v])).into()).collect();
            best(&sides)
        };
        assert_eq!(best_of(&[2.0, 1.0, 3.0]), Some(1));
        assert_eq!((best_of(&[1.0, 1.0]), best_of(&[])), (None, None));
    }

    #[test]
    fn ratios_are_listed_in_few_digits() {
        static CLAIMS: [Claim; 2] = [Claim { claimed_ratio: Some(1.0 / 1.08), ..CLAIM }, CLAIM];
        let text = list(&CLAIMS.iter().collect::<Vec<_>>());
        assert!(text.contains(" 0.93x ") && text.contains(" 1.56x "), "{text}");
    }
}
