//! The results, for people and for tools.

use std::fmt::Write;

use cutwater_lab::{ROUNDS_MIN, Ratio};
use serde::Serialize;

use super::claim::{Answer, Claim, Figure, Measured, Side, width};
use super::host::Host;
use super::verdict::{Doubt, Verdict};
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
    /// The width of the interval over the median.
    pub(super) spread: Option<f64>,
    pub(super) interval: Option<Ratio>,
    pub(super) verdict: Verdict,
    /// Whether no other verdict lies within the interval; `None` for facts.
    pub(super) decided: Option<bool>,
    pub(super) why: String,
    /// Which values of sides and figures are better.
    pub(super) better: &'static str,
    pub(super) sides: Vec<SideRow>,
    pub(super) figures: Vec<FigureRow>,
    pub(super) command: String,
}

#[derive(Debug, Serialize)]
pub(super) struct SideRow {
    pub(super) name: String,
    pub(super) value: f64,
    pub(super) unit: &'static str,
    hash: String,
    values: Vec<f64>,
    /// How many times more it needs than the first side.
    #[serde(skip)]
    pub(super) to_first: Ratio,
}

/// A figure that no verdict is about.
#[derive(Debug, Serialize)]
pub(super) struct FigureRow {
    pub(super) what: &'static str,
    pub(super) claimed_ratio: Option<f64>,
    pub(super) measured_ratio: Option<f64>,
    pub(super) spread: Option<f64>,
    pub(super) interval: Option<Ratio>,
    pub(super) sides: Vec<SideRow>,
}

fn side_rows(sides: &[Side]) -> Vec<SideRow> {
    let row = |(index, side): (usize, &Side)| SideRow {
        name: side.name().to_owned(),
        value: side.median(),
        unit: side.unit,
        hash: format!("{:016x}", side.hash),
        values: side.series.values.clone(),
        // The first side is its own measure, without doubt.
        to_first: match index {
            0 => Ratio { median: 1.0, low: 1.0, high: 1.0, rounds: side.series.by_round().count() },
            _ => sides[0].against(side),
        },
    };
    sides.iter().enumerate().map(row).collect()
}

impl From<&Figure> for FigureRow {
    fn from(figure: &Figure) -> Self {
        let ratio = figure.ratio();
        Self {
            what: figure.what,
            claimed_ratio: figure.claimed_ratio,
            measured_ratio: ratio.map(|ratio| ratio.median),
            spread: ratio.as_ref().and_then(width),
            interval: ratio,
            sides: side_rows(&figure.sides),
        }
    }
}

/// The side that needs least, by its ratio to the first; `None` where several do.
pub(super) fn best(sides: &[SideRow]) -> Option<usize> {
    let least = sides.iter().map(|side| side.to_first.median).fold(f64::INFINITY, f64::min);
    let mut all = (0..sides.len()).filter(|at| sides[*at].to_first.median == least);
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
            interval: None,
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
            "{:16} {:>8} {:>26}  verdict",
            "claim", "claimed", "measured (95 % interval)"
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
            let _ = writeln!(out, "{verdicts} undecided: another lies within the interval");
        }
        out
    }
}

impl Row {
    fn fill(&mut self, claim: &Claim, measured: Measured) {
        self.sides = side_rows(&measured.sides);
        self.figures = measured.figures.iter().map(Into::into).collect();
        self.why = measured.why;
        match measured.answer {
            Answer::Fact(fact) => self.verdict = Verdict::on_fact(fact),
            Answer::Ratio(ratio) => self.judge(claim.claimed_ratio.unwrap_or(1.0), ratio),
        }
    }

    fn judge(&mut self, claimed: f64, ratio: Ratio) {
        let doubt = Doubt::about(claimed, &ratio);
        self.measured_ratio = Some(ratio.median);
        self.spread = width(&ratio);
        self.interval = Some(ratio);
        self.verdict = Verdict::on_ratio(claimed, &ratio);
        self.decided = Some(doubt.is_none());
        if let Some(doubt) = doubt {
            self.why.push_str(&format!("; {}", doubt.words(&ratio)));
        }
    }

    /// The verdict in few words.
    pub(super) fn outcome(&self) -> String {
        let open = if self.decided == Some(false) { ", undecided" } else { "" };
        format!("{}{open}", self.verdict.name())
    }

    fn write(&self, out: &mut String) {
        let measured = self.interval.map_or_else(|| "-".to_owned(), |ratio| ratio.to_string());
        let (claimed, outcome) = (times(self.claimed_ratio), self.outcome());
        let _ = writeln!(out, "{:16} {claimed:>8} {measured:>26}  {outcome}", self.id);
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
    /// Its ratio with the interval, where there is one.
    pub(super) fn compared(&self) -> String {
        let claimed = self.claimed_ratio.map(|r| format!(", claimed {}", times(Some(r))));
        let interval = ends(self.interval).map(|ends| format!(", {ends}"));
        let rest = interval.unwrap_or_default() + &claimed.unwrap_or_default();
        self.measured_ratio.map_or_else(String::new, |r| format!(" ({}{rest})", times(Some(r))))
    }
}

fn words_of(sides: &[SideRow]) -> String {
    let one = |s: &SideRow| format!("{} {} {}", s.name, figure(s.value), s.unit);
    sides.iter().map(one).collect::<Vec<_>>().join("; ")
}

pub(super) fn times(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "-".to_owned(), |r| format!("{r:.2}x"))
}

/// The ends of the interval, where there is one.
fn ends(interval: Option<Ratio>) -> Option<String> {
    let ratio = interval.filter(|ratio| ratio.rounds >= ROUNDS_MIN)?;
    Some(format!("{:.2} to {:.2}", ratio.low, ratio.high))
}

/// `value` with three significant digits.
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

    /// A side whose samples in each round are equal.
    fn side(name: &str, rounds: &[f64]) -> Side {
        let mut side = Side::new(name, "s");
        rounds.iter().flat_map(|value| [*value; 2]).for_each(|value| side.add(value, 0));
        side
    }

    fn row(sides: Vec<Side>) -> Row {
        let mut report = Report::new(Host::with_files_in(std::path::Path::new("."), false));
        report.add(&CLAIM, Ok(Measured::less(sides, |_| "it was measured".into())));
        report.claims.remove(0)
    }

    #[test]
    fn the_best_is_the_side_that_needs_least_and_none_where_two_do() {
        let best_of = |values: [f64; 3]| {
            let sides = values.map(|value| side("s", &[value; 6]));
            best(&row(sides.to_vec()).sides)
        };
        assert_eq!((best_of([2.0, 1.0, 3.0]), best_of([2.0, 1.0, 1.0])), (Some(1), None));
    }

    #[test]
    fn where_the_interval_reaches_the_claim_the_verdict_is_undecided() {
        let noisy = row(vec![side("a", &[1.0, 0.5, 2.0, 1.0, 0.5, 2.0]), side("b", &[1.04; 6])]);
        assert_eq!((noisy.verdict, noisy.decided), (Verdict::Refuted, Some(false)));
        let expected = "it was measured; the interval of 0.52 to 2.08 reaches 0.8 of the claim, so this run cannot decide";
        assert_eq!(noisy.why, expected);
        assert!(noisy.spread.is_some_and(|spread| (spread - 1.5).abs() < 1e-9), "{noisy:?}");
        let mut text = String::new();
        noisy.write(&mut text);
        assert!(text.contains("undecided (0.52 to 2.08)  refuted, undecided"), "{text}");
        assert!(text.contains("a 1.00 s; b 1.04 s (less is better)"), "{text}");
        let calm = row(vec![side("a", &[1.0; 6]), side("b", &[1.04; 6])]);
        assert_eq!((calm.verdict, calm.decided), (Verdict::Partly, Some(true)));
        assert_eq!((calm.why.as_str(), calm.outcome()), ("it was measured", "partly".into()));
    }

    #[test]
    fn few_rounds_have_a_ratio_and_no_interval_in_json() {
        let few = row(vec![side("a", &[1.0; 3]), side("b", &[4.0; 3])]);
        assert_eq!((few.verdict, few.decided, few.spread), (Verdict::Holds, Some(false), None));
        let json = serde_json::to_value(&few).unwrap();
        let interval = serde_json::json!({"median": 4.0, "low": 0.0, "high": null, "rounds": 3});
        assert_eq!((&json["interval"], &json["measured_ratio"]), (&interval, &4.0.into()));
    }

    #[test]
    fn the_best_side_is_the_one_that_needs_least_and_not_the_first() {
        let best_of = |values: &[f64]| {
            let sides: Vec<_> = values.iter().map(|value| side("a", &[*value])).collect();
            best(&side_rows(&sides))
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
