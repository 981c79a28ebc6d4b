//! The table of what became of the claims.

use std::fmt::Write;

use serde_json::Value;

pub(super) fn text(run: &Value, report: &Value) -> String {
    let claims = report["claims"].as_array().unwrap();
    let of = |verdict| claims.iter().filter(|c| c["verdict"] == verdict).count();
    let mut text = format!(
        "{} claims on {}, Cutwater {}, one whole run: {} hold, {} partly, {} are refuted",
        claims.len(),
        run["date"].as_str().unwrap(),
        run["cutwater"].as_str().unwrap(),
        of("holds"),
        of("partly"),
        of("refuted")
    );
    match of("not measurable here") {
        0 => {}
        n => _ = write!(text, ", {n} could not be measured there"),
    }
    text.push_str(
        ".\n\n| claim | what it says | claimed | measured | verdict |\n|---|---|---:|---:|---|\n",
    );
    claims.iter().for_each(|claim| row(&mut text, claim));
    text
}

fn row(text: &mut String, claim: &Value) {
    let word = |key: &str| claim[key].as_str().unwrap();
    let ratio = |key: &str, none| {
        claim[key].as_f64().map_or_else(|| String::from(none), |ratio| format!("{ratio:.2}"))
    };
    let _ = writeln!(
        text,
        "| `{}` | {} | {} | {} | {} |",
        word("id"),
        word("text"),
        ratio("claimed_ratio", "fact"),
        ratio("measured_ratio", ""),
        word("verdict")
    );
}
