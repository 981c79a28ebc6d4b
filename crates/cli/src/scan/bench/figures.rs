//! What the passes cost, as a table for people, CSV and JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use super::super::plan::Plan;
use super::way::{Cost, Found, Way};
use cutwater_lab::stats;
use cutwater_shell::words::counted;

/// The costs of all ways.
#[derive(Debug, Default)]
pub(super) struct Figures {
    ways: Vec<(Way, Vec<Cost>)>,
    refused: Vec<(Way, String)>,
    flames_refused: Option<String>,
}

/// The medians of one way.
struct Row {
    way: Way,
    runs: usize,
    elapsed_s: f64,
    spread: f64,
    bytes_per_s: f64,
    cpu_s: f64,
    peak_rss_bytes: f64,
    allocations: f64,
    minor_faults: f64,
    major_faults: f64,
    /// How many times as fast as the line reader.
    of_line_reader: Option<f64>,
}

impl Figures {
    pub(super) fn add(&mut self, way: Way, cost: Cost) {
        match self.ways.iter_mut().find(|(known, _)| *known == way) {
            Some((_, costs)) => costs.push(cost),
            None => self.ways.push((way, vec![cost])),
        }
    }

    pub(super) fn refuse(&mut self, way: Way, why: String) {
        if !self.refused.iter().any(|(known, _)| *known == way) {
            self.refused.push((way, why));
        }
    }

    pub(super) fn refuse_flames(&mut self, why: String) {
        self.flames_refused.get_or_insert(why);
    }

    /// Whether every way found the same.
    pub(super) fn agree(&self) -> bool {
        let mut found = self.ways.iter().flat_map(|(_, costs)| costs).map(|cost| &cost.found);
        let first = found.next();
        found.all(|other| Some(other) == first)
    }

    fn found(&self) -> Option<&Found> {
        self.ways.first().and_then(|(_, costs)| costs.first()).map(|cost| &cost.found)
    }

    fn rows(&self) -> Vec<Row> {
        let elapsed = |costs: &[Cost]| {
            stats::median(&costs.iter().map(|c| c.elapsed_s).collect::<Vec<_>>()).unwrap_or(0.0)
        };
        let reader = self.ways.iter().find(|(way, _)| *way == Way::LineReader);
        let reader_s = reader.map(|(_, costs)| elapsed(costs));
        let row = |(way, costs): &(Way, Vec<Cost>)| {
            let middle = |of: fn(&Cost) -> f64| {
                stats::median(&costs.iter().map(of).collect::<Vec<_>>()).unwrap_or(0.0)
            };
            let elapsed_s = elapsed(costs);
            let bytes = costs.first().map_or(0, |c| c.found.bytes) as f64;
            let runs: Vec<f64> = costs.iter().map(|c| c.elapsed_s).collect();
            Row {
                way: *way,
                runs: costs.len(),
                elapsed_s,
                spread: stats::spread(&runs).unwrap_or(0.0),
                bytes_per_s: bytes / elapsed_s.max(1e-9),
                cpu_s: middle(|c| c.cpu_s),
                peak_rss_bytes: middle(|c| c.peak_rss_bytes as f64),
                allocations: middle(|c| c.allocations as f64),
                minor_faults: middle(|c| c.minor_faults as f64),
                major_faults: middle(|c| c.major_faults as f64),
                of_line_reader: reader_s.map(|s| s / elapsed_s.max(1e-9)),
            }
        };
        self.ways.iter().map(row).collect()
    }

    /// The table, and what is to be known beside it.
    pub(super) fn text(&self, plan: &Plan) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        if let Some(found) = self.found() {
            let Found { bytes, lines, records, bad_lines, .. } = found;
            let name = plan.name(0);
            let _ = writeln!(
                out,
                "{name}: {}, {}, {}, {bad_lines} bad, warm\n",
                counted(*bytes, "byte"),
                counted(*lines, "line"),
                counted(*records, "record")
            );
        }
        let _ = writeln!(
            out,
            "{:14} {:>8} {:>7} {:>6} {:>7} {:>9} {:>11} {:>9} {:>7} {:>7}",
            "way",
            "s",
            "spread",
            "GB/s",
            "cpu s",
            "peak MiB",
            "allocations",
            "minor",
            "major",
            "x lines"
        );
        for r in self.rows() {
            let times = r.of_line_reader.map_or_else(|| "-".into(), |x| format!("{x:.2}"));
            let _ = writeln!(
                out,
                "{:14} {:>8.3} {:>6.0}% {:>6.2} {:>7.3} {:>9.1} {:>11} {:>9} {:>7} {:>7}",
                r.way,
                r.elapsed_s,
                r.spread * 100.0,
                r.bytes_per_s / 1e9,
                r.cpu_s,
                r.peak_rss_bytes / f64::from(1 << 20),
                r.allocations,
                r.minor_faults,
                r.major_faults,
                times
            );
        }
        for (way, why) in &self.refused {
            let _ = writeln!(out, "\n{way} was left out: {why}");
        }
        if let Some(why) = &self.flames_refused {
            let _ = writeln!(out, "\nno flame graphs: {why}");
        }
        if !self.agree() {
            let _ = writeln!(
                out,
                "\nTHE WAYS DO NOT AGREE on what the file holds: was it written to meanwhile?"
            );
        }
        out
    }

    /// One line per way.
    pub(super) fn csv(&self) -> String {
        let mut out = "way,runs,elapsed_s,spread,bytes_per_s,cpu_s,peak_rss_bytes,allocations,\
                       minor_faults,major_faults,times_line_reader\n"
            .to_owned();
        for r in self.rows() {
            let times = r.of_line_reader.map_or_else(String::new, |x| format!("{x:.3}"));
            let _ = writeln!(
                out,
                "{},{},{:.6},{:.4},{:.0},{:.6},{},{},{},{},{times}",
                r.way,
                r.runs,
                r.elapsed_s,
                r.spread,
                r.bytes_per_s,
                r.cpu_s,
                r.peak_rss_bytes,
                r.allocations,
                r.minor_faults,
                r.major_faults
            );
        }
        out
    }

    /// The table for tools.
    pub(super) fn json(&self, plan: &Plan) -> Value {
        let row = |r: Row| {
            json!({
                "way": r.way.to_string(),
                "runs": r.runs,
                "elapsed_s": r.elapsed_s,
                "spread": r.spread,
                "bytes_per_s": r.bytes_per_s,
                "cpu_s": r.cpu_s,
                "peak_rss_bytes": r.peak_rss_bytes,
                "allocations": r.allocations,
                "minor_faults": r.minor_faults,
                "major_faults": r.major_faults,
                "times_line_reader": r.of_line_reader,
            })
        };
        let refused = |(way, why): &(Way, String)| json!({"way": way.to_string(), "why": why});
        json!({
            "path": plan.path_text(0),
            "found": self.found(),
            "agree": self.agree(),
            "ways": self.rows().into_iter().map(row).collect::<Vec<_>>(),
            "refused": self.refused.iter().map(refused).collect::<Vec<_>>(),
        })
    }
}
