//! The table of what became of the claims.

use std::fmt::Write;

use serde_json::{Value, json};

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
        let _ = write!(text, ". {undecided} {are} undecided: another lies within {they} spread");
    }
    text.push_str(
        ".\n\n| claim | what it says | claimed | measured | spread | verdict |\n|---|---|---:|---:|---:|---|\n",
    );
    claims.iter().for_each(|claim| row(&mut text, claim));
    text
}

fn is_undecided(claim: &Value) -> bool {
    claim["decided"] == false
}

fn row(text: &mut String, claim: &Value) {
    let word = |key: &str| claim[key].as_str().unwrap();
    let ratio = |key: &str, none| {
        claim[key].as_f64().map_or_else(|| String::from(none), |ratio| format!("{ratio:.2}"))
    };
    let spread = claim["spread"].as_f64().map(|share| format!("{:.0} %", share * 100.0));
    let _ = writeln!(
        text,
        "| `{}` | {} | {} | {} | {} | {}{} |",
        word("id"),
        word("text"),
        ratio("claimed_ratio", "fact"),
        ratio("measured_ratio", ""),
        spread.unwrap_or_default(),
        word("verdict"),
        if is_undecided(claim) { ", undecided" } else { "" }
    );
}

#[test]
fn the_table_shows_spreads_and_what_is_undecided() {
    let claim = |id: &str, spread: Value, decided: Value| {
        json!({"id": id, "text": "says", "claimed_ratio": 1.56, "measured_ratio": 1.04,
            "spread": spread, "verdict": "refuted", "decided": decided})
    };
    let claims =
        [claim("noisy", json!(1.438), json!(false)), claim("calm", json!(0.04), json!(true))];
    let run = json!({"date": "2026-01-01", "cutwater": "0.1.0"});
    let text = text(&run, &json!({ "claims": claims }));
    assert!(
        text.contains("| `noisy` | says | 1.56 | 1.04 | 144 % | refuted, undecided |"),
        "{text}"
    );
    assert!(text.contains("| `calm` | says | 1.56 | 1.04 | 4 % | refuted |"), "{text}");
    assert!(text.contains("1 verdict is undecided"), "{text}");
}
