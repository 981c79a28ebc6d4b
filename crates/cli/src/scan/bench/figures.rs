//! The costs of the passes, as a table for people, CSV and JSON.

use std::fmt::Write;

use cutwater_lab::stats::median;
use cutwater_lab::{Better, Cell, Column, Csv, Ratio, Sample, Series, Sheet, Table, compare};
use serde_json::{Value, json};

use super::super::plan::Plan;
use super::way::{Cost, Found, Way};
use cutwater_shell::words::counted;

/// The costs of all ways.
#[derive(Debug)]
pub(super) struct Figures {
    ways: Vec<Passes>,
    flames_refused: Option<String>,
}

/// The counted passes of one way, two for each round.
#[derive(Debug)]
struct Passes {
    way: Way,
    /// Seconds.
    elapsed: Series,
    costs: Vec<Cost>,
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
    of_line_reader: Option<Ratio>,
    /// Seconds of each pass, two for each round.
    passes_s: Vec<f64>,
}

impl Figures {
    /// No passes yet.
    pub(super) fn new(ways: &[Way]) -> Self {
        let passes = |way: &Way| Passes {
            way: *way,
            elapsed: Series::new(&way.to_string()),
            costs: Vec::new(),
        };
        Self { ways: ways.iter().map(passes).collect(), flames_refused: None }
    }

    /// Adds a counted pass of the way with this index.
    pub(super) fn add(&mut self, way: usize, cost: Cost) {
        let passes = &mut self.ways[way];
        passes.elapsed.add(Ok(Sample { value: cost.elapsed_s, right: true }));
        passes.costs.push(cost);
    }

    /// The way with this index drops out.
    pub(super) fn refuse(&mut self, way: usize, why: String) {
        self.ways[way].elapsed.failed.get_or_insert(why);
    }

    /// Whether the way with this index dropped out.
    pub(super) fn is_refused(&self, way: usize) -> bool {
        self.ways[way].elapsed.failed.is_some()
    }

    fn refused(&self) -> impl Iterator<Item = (Way, &String)> {
        self.ways.iter().filter_map(|passes| Some((passes.way, passes.elapsed.failed.as_ref()?)))
    }

    pub(super) fn refuse_flames(&mut self, why: String) {
        self.flames_refused.get_or_insert(why);
    }

    /// Whether every way found the same.
    pub(super) fn agree(&self) -> bool {
        let mut found = self.ways.iter().flat_map(|passes| &passes.costs).map(|cost| &cost.found);
        let first = found.next();
        found.all(|other| Some(other) == first)
    }

    fn found(&self) -> Option<&Found> {
        self.ways.iter().find_map(|passes| passes.costs.first()).map(|cost| &cost.found)
    }

    /// A row for each way that ran and did not drop out.
    fn rows(&self) -> Vec<Row> {
        let reader = self.ways.iter().find(|passes| passes.way == Way::LineReader);
        let row = |passes: &Passes| {
            let elapsed_s = passes.elapsed.median()?;
            let middle = |cost: fn(&Cost) -> f64| {
                median(&passes.costs.iter().map(cost).collect::<Vec<_>>()).unwrap_or_default()
            };
            let ratio = reader.and_then(|r| compare(&passes.elapsed, &r.elapsed, Better::Lower));
            let bytes = passes.costs.first().map_or(0, |c| c.found.bytes) as f64;
            Some(Row {
                way: passes.way,
                runs: passes.costs.len(),
                elapsed_s,
                spread: passes.elapsed.spread().unwrap_or_default(),
                bytes_per_s: bytes / elapsed_s.max(1e-9),
                cpu_s: middle(|c| c.cpu_s),
                peak_rss_bytes: middle(|c| c.peak_rss_bytes as f64),
                allocations: middle(|c| c.allocations as f64),
                minor_faults: middle(|c| c.minor_faults as f64),
                major_faults: middle(|c| c.major_faults as f64),
                of_line_reader: ratio.map(|comparison| comparison.ratio()),
                passes_s: passes.elapsed.values.clone(),
            })
        };
        self.ways.iter().filter_map(row).collect()
    }

    fn sheet(&self) -> Sheet {
        let columns = [
            Column::text("way", "way"),
            Column::number("runs", "runs").hidden(),
            Column::number("elapsed_s", "s"),
            Column::number("spread", "spread"),
            Column::number("bytes_per_s", "GB/s"),
            Column::number("cpu_s", "cpu s"),
            Column::number("peak_rss_bytes", "peak MiB"),
            Column::number("allocations", "allocations"),
            Column::number("minor_faults", "minor"),
            Column::number("major_faults", "major"),
            Column::number("times_line_reader", "x lines"),
        ];
        let mut sheet = Sheet::new("ways", &columns);
        self.rows().iter().for_each(|row| sheet.add(row.cells()));
        sheet
    }

    /// The table with notes.
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
        out.push_str(&Table::sheet(&self.sheet()));
        for (way, why) in self.refused() {
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
        Csv::sheet(&self.sheet())
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
                "times_line_reader": r.of_line_reader.map(|ratio| ratio.median),
                "interval": r.of_line_reader,
                "word": r.of_line_reader.map(|ratio| ratio.word()),
                "passes_s": r.passes_s,
            })
        };
        let refused = |(way, why): (Way, &String)| json!({"way": way.to_string(), "why": why});
        json!({
            "path": plan.path_text(0),
            "found": self.found(),
            "agree": self.agree(),
            "ways": self.rows().into_iter().map(row).collect::<Vec<_>>(),
            "refused": self.refused().map(refused).collect::<Vec<_>>(),
        })
    }
}

impl Row {
    fn cells(&self) -> Vec<Cell> {
        let count = |value: f64| Cell::number(value, 0, format!("{value:.0}"));
        vec![
            Cell::text(self.way.to_string()),
            count(self.runs as f64),
            Cell::number(self.elapsed_s, 6, format!("{:.3}", self.elapsed_s)),
            Cell::number(self.spread, 4, format!("{:.0}%", self.spread * 100.0)),
            Cell::number(self.bytes_per_s, 0, format!("{:.2}", self.bytes_per_s / 1e9)),
            Cell::number(self.cpu_s, 6, format!("{:.3}", self.cpu_s)),
            Cell::number(
                self.peak_rss_bytes,
                0,
                format!("{:.1}", self.peak_rss_bytes / f64::from(1 << 20)),
            ),
            count(self.allocations),
            count(self.minor_faults),
            count(self.major_faults),
            self.of_line_reader.map_or(Cell::Empty, Cell::Ratio),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(elapsed_s: f64, lines: u64) -> Cost {
        let found = Found {
            bytes: 1_000_000,
            lines,
            records: lines,
            matched: 0,
            bad_lines: 0,
            groups: String::new(),
        };
        Cost {
            elapsed_s,
            cpu_s: 0.5,
            peak_rss_bytes: 1 << 20,
            allocations: 7,
            minor_faults: 8,
            major_faults: 9,
            found,
        }
    }

    fn figures(rounds: usize) -> Figures {
        let mut figures = Figures::new(&[Way::LineReader, Way::WholeFile, Way::Map]);
        for _ in 0..2 * rounds {
            figures.add(0, cost(1.0, 3));
            figures.add(1, cost(0.5, 3));
        }
        figures.refuse(2, "no lease".to_owned());
        figures
    }

    #[test]
    fn csv_keeps_its_columns_in_place_and_appends_the_interval() {
        let csv = figures(6).csv();
        let expected = "way,runs,elapsed_s,spread,bytes_per_s,cpu_s,peak_rss_bytes,allocations,minor_faults,major_faults,times_line_reader,times_line_reader_low,times_line_reader_high,times_line_reader_word\n\
             line-reader,12,1.000000,0.0000,1000000,0.500000,1048576,7,8,9,1.0000,1.0000,1.0000,level\n\
             whole-file,12,0.500000,0.0000,2000000,0.500000,1048576,7,8,9,2.0000,2.0000,2.0000,faster\n";
        assert_eq!(csv, expected);
    }

    #[test]
    fn a_way_that_drops_out_has_no_row_and_is_named() {
        let mut figures = figures(6);
        assert_eq!(figures.rows().len(), 2);
        assert_eq!(figures.refused().map(|(way, _)| way).collect::<Vec<_>>(), [Way::Map]);
        assert!(figures.agree() && figures.is_refused(2) && !figures.is_refused(0));
        figures.add(1, cost(0.5, 4));
        assert!(!figures.agree());
    }

    #[test]
    fn few_rounds_are_undecided() {
        let word = |rounds| figures(rounds).rows()[1].of_line_reader.map(|r| r.word().to_string());
        assert_eq!(word(5).as_deref(), Some("undecided"));
        assert_eq!(word(6).as_deref(), Some("faster"));
    }
}
