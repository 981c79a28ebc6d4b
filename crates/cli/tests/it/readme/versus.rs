//! The table of a recorded run of a suite of `versus`.

use std::fmt::Write;

use serde_json::Value;

use super::ratio;

/// Rows of a run: ours next to the peer that did best.
pub(super) fn text(_: &Value, raw: &Value) -> String {
    let report = &raw["report"];
    let host = &report["host"];
    let versions = report["versions"].as_object().unwrap();
    let versions: Vec<_> =
        versions.iter().map(|(name, v)| format!("{name} {}", v.as_str().unwrap())).collect();
    let mut text = format!(
        "{} cores of {}, Linux {}. {}.\n\n\
         | cell | unit | Cutwater | best peer | its figure | ratio (95 % interval) | |\n\
         |---|---|---:|---|---:|---:|---|\n",
        host["cores"],
        host["cpu"].as_str().unwrap(),
        host["kernel"].as_str().unwrap(),
        versions.join(", ")
    );
    for row in report["rows"].as_array().unwrap() {
        assert_eq!(row["hash_ok"], true, "a result was wrong: {row}");
        let best = row["best_peer"].as_str().unwrap_or("-");
        let _ = writeln!(
            text,
            "| {} | {} | {} | {best} | {} | {} | {} |",
            row["cell"].as_str().unwrap(),
            row["unit"].as_str().unwrap(),
            figure(&row["ours"]),
            figure(&row["peers"][best]),
            ratio(&row["interval"]),
            row["word"].as_str().unwrap_or_default(),
        );
    }
    if !report["mean"].is_null() {
        let _ = writeln!(text, "\nGeometric mean: {}.", ratio(&report["mean"]));
    }
    text
}

/// Three digits that count.
fn figure(value: &Value) -> String {
    let Some(value) = value.as_f64() else { return "-".to_owned() };
    let (scaled, unit) = match value {
        v if v >= 1e9 => (v / 1e9, " G"),
        v if v >= 1e6 => (v / 1e6, " M"),
        v if v >= 1e3 => (v / 1e3, " K"),
        v => (v, ""),
    };
    let digits = if scaled >= 100.0 { 0 } else { 1 + usize::from(scaled < 10.0) };
    format!("{scaled:.digits$}{unit}")
}

#[test]
fn figures_keep_three_digits() {
    let shown = [1.0, 12.34, 123_456.0, 1.5e6].map(|v| figure(&v.into()));
    assert_eq!(shown, ["1.00", "12.3", "123 K", "1.50 M"]);
}
