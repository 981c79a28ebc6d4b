//! The table of what became of the claims.

use std::fmt::Write;

use serde_json::{Value, json};

use super::ratio;

pub(super) fn text(run: &Value, report: &Value) -> String {
    let claims = report["claims"].as_array().unwrap();
    let of = |verdict| claims.iter().filter(|c| c["verdict"] == verdict).count();
    let mut text = format!(
        "{} claims on {}, Cutwater {}: {} hold, {} partly, {} are refuted",
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
    let undecided = claims.iter().filter(|claim| is_undecided(claim)).count();
    if undecided > 0 {
        let (are, they) =
            if undecided == 1 { ("verdict is", "its") } else { ("verdicts are", "their") };
        let _ = write!(text, ". {undecided} {are} undecided: another lies within {they} interval");
    }
    text.push_str(
        ".\n\n| claim | what it says | claimed | measured (95 % interval) | verdict |\n|---|---|---:|---:|---|\n",
    );
    claims.iter().for_each(|claim| row(&mut text, claim));
    text
}

fn is_undecided(claim: &Value) -> bool {
    claim["decided"] == false
}

fn row(text: &mut String, claim: &Value) {
    let word = |key: &str| claim[key].as_str().unwrap();
    let claimed =
        claim["claimed_ratio"].as_f64().map_or_else(|| "fact".to_owned(), |r| format!("{r:.2}"));
    let _ = writeln!(
        text,
        "| `{}` | {} | {claimed} | {} | {}{} |",
        word("id"),
        word("text"),
        ratio(&claim["interval"]),
        word("verdict"),
        if is_undecided(claim) { ", undecided" } else { "" }
    );
}

#[test]
fn the_table_shows_intervals_and_what_is_undecided() {
    let claim = |id: &str, low: f64, high: f64, decided: Value| {
        json!({"id": id, "text": "says", "claimed_ratio": 1.56,
            "interval": {"median": 1.04, "low": low, "high": high, "rounds": 7},
            "verdict": "refuted", "decided": decided})
    };
    let claims = [claim("noisy", 0.4, 2.0, json!(false)), claim("calm", 1.02, 1.06, json!(true))];
    let run = json!({"date": "2026-01-01", "cutwater": "0.1.0"});
    let text = text(&run, &json!({ "claims": claims }));
    let noisy = "| `noisy` | says | 1.56 | undecided (0.40 to 2.00) | refuted, undecided |";
    assert!(text.contains(noisy), "{text}");
    assert!(text.contains("| `calm` | says | 1.56 | 1.04 (1.02 to 1.06) | refuted |"), "{text}");
    assert!(text.contains("1 verdict is undecided"), "{text}");
}
