//! The export: one object, the same for every suite.

use super::report::Report;

/// The report as one JSON object.
pub(crate) fn export(report: &Report) -> serde_json::Result<String> {
    serde_json::to_string_pretty(report)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::host::Host;
    use super::super::report::{Better, Missing, Row};
    use super::super::run::Series;
    use super::*;

    fn keys(value: &Value) -> Vec<&str> {
        let mut keys: Vec<_> =
            value.as_object().into_iter().flatten().map(|(k, _)| k.as_str()).collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn the_object_holds_to_the_contract() {
        let all = [
            Series { values: vec![3.0], ..Series::new("cutwater") },
            Series { values: vec![2.0], ..Series::new("std") },
        ];
        let report = Report {
            suite: "read",
            host: Host::of_this_machine(),
            versions: [("cutwater".to_owned(), "0.1.0".to_owned())].into(),
            rows: vec![Row::of("warm", "reads/s", Better::Higher, "cutwater", &all)],
            missing: vec![Missing::new("glommio", "not built")],
        };
        let value: Value = serde_json::from_str(&export(&report).unwrap()).unwrap();
        assert_eq!(keys(&value), ["host", "missing", "rows", "suite", "versions"]);
        let row = &value["rows"][0];
        let expected =
            ["best_peer", "better", "cell", "hash_ok", "ours", "peers", "ratio", "spread", "unit"];
        assert_eq!(keys(row), expected);
        assert_eq!(row["better"], "higher");
        assert_eq!(row["peers"], json!({"std": 2.0}));
        assert_eq!(row["ratio"], 1.5);
        assert_eq!(value["missing"], json!([{"peer": "glommio", "why": "not built"}]));
    }
}
