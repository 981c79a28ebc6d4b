//! What was found, for people and for tools.

use std::fmt::Write;

use serde::Serialize;

use super::claim::{Claim, Measured, Side};
use super::verdict::{Verdict, verdict};
use crate::words::counted;

/// All results.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) host: Host,
    pub(super) claims: Vec<Row>,
}

#[derive(Debug, Serialize)]
pub(super) struct Host {
    pub(super) cpus: usize,
    pub(super) kernel: String,
    pub(super) cutwater: &'static str,
    quick: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) id: &'static str,
    pub(super) text: &'static str,
    pub(super) claimed_ratio: Option<f64>,
    pub(super) measured_ratio: Option<f64>,
    pub(super) spread: Option<f64>,
    pub(super) verdict: Verdict,
    pub(super) why: String,
    pub(super) sides: Vec<SideRow>,
    pub(super) command: String,
}

#[derive(Debug, Serialize)]
pub(super) struct SideRow {
    pub(super) name: &'static str,
    pub(super) value: f64,
    pub(super) unit: &'static str,
    hash: String,
}

impl From<&Side> for SideRow {
    fn from(side: &Side) -> Self {
        let hash = format!("{:016x}", side.hash);
        Self { name: side.name, value: side.median(), unit: side.unit, hash }
    }
}

impl Report {
    pub(super) fn new(quick: bool) -> Self {
        let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let host = Host { cpus, kernel, cutwater: env!("CARGO_PKG_VERSION"), quick };
        Self { host, claims: Vec::new() }
    }

    pub(super) fn add(&mut self, claim: &Claim, measured: Result<Measured, String>) {
        let quick = if self.host.quick { " --quick" } else { "" };
        let command = format!("cutwater reproduce {}{quick}", claim.id);
        let (id, text, claimed_ratio) = (claim.id, claim.text, claim.claimed_ratio);
        self.claims.push(match measured {
            Ok(m) => Row {
                id,
                text,
                claimed_ratio,
                measured_ratio: m.fact.is_none().then_some(m.ratio),
                spread: m.fact.is_none().then(|| m.spread()),
                verdict: verdict(claim, &m),
                sides: m.sides.iter().map(Into::into).collect(),
                why: m.why,
                command,
            },
            Err(why) => Row {
                id,
                text,
                claimed_ratio,
                measured_ratio: None,
                spread: None,
                verdict: Verdict::NotMeasurable,
                sides: Vec::new(),
                why,
                command,
            },
        });
    }

    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = writeln!(
            out,
            "{:16} {:>8} {:>9} {:>7}  verdict",
            "claim", "claimed", "measured", "spread"
        );
        let times =
            |ratio: Option<f64>| ratio.map_or_else(|| "-".to_owned(), |r| format!("{r:.2}x"));
        for row in &self.claims {
            let spread =
                row.spread.map_or_else(|| "-".to_owned(), |s| format!("{:.0} %", s * 100.0));
            let (claimed, measured) = (times(row.claimed_ratio), times(row.measured_ratio));
            let verdict = row.verdict.name();
            let _ =
                writeln!(out, "{:16} {claimed:>8} {measured:>9} {spread:>7}  {verdict}", row.id);
            let _ = writeln!(out, "    {}", row.text);
            let sides =
                row.sides.iter().map(|s| format!("{} {} {}", s.name, figure(s.value), s.unit));
            let sides: Vec<_> = sides.collect();
            if !sides.is_empty() {
                let _ = writeln!(out, "    {}", sides.join("; "));
            }
            let _ = writeln!(out, "    {}", row.why);
        }
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
        out
    }
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
        let ratio = claim.claimed_ratio.map_or_else(|| "fact".to_owned(), |r| format!("{r}x"));
        let _ = writeln!(out, "{:16} {ratio:>6}  {}", claim.id, claim.text);
    }
    out
}
