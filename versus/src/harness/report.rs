//! What a suite reports, in the form in which it is exported.

use std::collections::BTreeMap;

use cutwater_lab::{Host, Ratio, Series, mean};
use serde::Serialize;

use super::row::Row;

/// A peer that gave no figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Missing {
    /// Its name; `all` where a whole cell could not be measured.
    pub peer: String,
    /// Why it gave none.
    pub why: String,
}

impl Missing {
    /// Names `peer` and the reason.
    pub(crate) fn new(peer: &str, why: &str) -> Self {
        Self { peer: peer.to_owned(), why: why.to_owned() }
    }
}

/// The result of a suite.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Which suite.
    pub suite: &'static str,
    /// Where it ran.
    pub host: Host,
    /// Versions of ours and of the peers.
    pub versions: BTreeMap<String, String>,
    /// The cells.
    pub rows: Vec<Row>,
    /// The geometric mean of all ratios with its interval.
    pub mean: Option<Ratio>,
    /// Peers that gave no figure.
    pub missing: Vec<Missing>,
    /// What a reader has to know besides.
    pub notes: Vec<String>,
}

impl Report {
    /// A report without rows, of this host.
    pub(crate) fn new(suite: &'static str, versions: BTreeMap<String, String>) -> Self {
        let (rows, missing, notes) = (Vec::new(), Vec::new(), Vec::new());
        Self { suite, host: Host::detect(), versions, rows, mean: None, missing, notes }
    }

    /// Adds a row. The suite `net` has no mean: time, rate and tail of a cell come from the same
    /// slices, and a mean over all three would count each slice three times.
    pub(crate) fn add(&mut self, row: Row) {
        self.rows.push(row);
        if self.suite != "net" {
            self.mean = mean(self.rows.iter().filter_map(|row| row.comparison.as_ref()));
        }
    }

    /// Notes that `peer` gave no figure, once for each reason.
    pub(crate) fn miss(&mut self, missing: Missing) {
        if !self.missing.contains(&missing) {
            self.missing.push(missing);
        }
    }

    /// Notes the sides that dropped out of a cell.
    pub(crate) fn miss_failed(&mut self, all: &[Series]) {
        for series in all {
            if let Some(why) = &series.failed {
                self.miss(Missing::new(&series.name, why));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use cutwater_lab::{Better, Export, Json};
    use serde_json::{Value, json};

    use super::*;

    fn keys(value: &Value) -> Vec<&str> {
        let mut keys: Vec<_> =
            value.as_object().into_iter().flatten().map(|(k, _)| k.as_str()).collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn the_object_holds_to_the_contract() {
        let series = |name, value| Series { values: vec![value; 12], ..Series::new(name) };
        let all = [series("cutwater", 3.0), series("std", 2.0)];
        let mut report = Report::new("read", [("cutwater".to_owned(), "0.1.0".to_owned())].into());
        report.add(Row::compare("warm", "reads/s", Better::Higher, "cutwater", &all));
        for _ in 0..2 {
            report.miss(Missing::new("glommio", "not built"));
        }
        let value: Value = serde_json::from_str(&Json.export(&report).unwrap()).unwrap();
        let expected = ["host", "mean", "missing", "notes", "rows", "suite", "versions"];
        assert_eq!(keys(&value), expected);
        let row = &value["rows"][0];
        let expected = [
            "best_peer",
            "better",
            "cell",
            "hash_ok",
            "interval",
            "ours",
            "peers",
            "ratio",
            "spread",
            "unit",
            "word",
        ];
        assert_eq!(keys(row), expected);
        assert_eq!(row["better"], "higher");
        assert_eq!(row["peers"], json!({"std": 2.0}));
        assert_eq!(row["ratio"], 1.5);
        let interval = json!({"median": 1.5, "low": 1.5, "high": 1.5, "rounds": 6});
        assert_eq!((&row["interval"], &value["mean"]["median"]), (&interval, &row["ratio"]));
        assert_eq!(row["word"], "faster");
        assert_eq!(value["missing"], json!([{"peer": "glommio", "why": "not built"}]));
    }
}
