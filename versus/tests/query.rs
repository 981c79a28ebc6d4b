//! The suite `query` against the binary, on a small log whose answers are in `answers/query.json`.
//!
//! After a change of the questions or of the log: remove that file, and run the command that
//! [`versus`] makes with a `--python` that has DuckDB, which then writes it.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test ends where it finds something wrong")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const ANSWERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/answers/query.json");

fn versus(python: &str, answers: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_versus"));
    command.args(["query", "--lines", "5000", "--seed", "4", "--runs", "1", "--json"]);
    command.args(["--python", python, "--answers"]).arg(answers).output().unwrap()
}

/// The report; nothing where there is no `cutwater-query` to ask.
fn report(python: &str, answers: &Path) -> Option<(Option<i32>, Value)> {
    let output = versus(python, answers);
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("there is no cutwater-query") {
        cutwater_testing::skip!("cutwater-query was not built");
        return None;
    }
    assert!(!output.stdout.is_empty(), "{said}");
    Some((output.status.code(), serde_json::from_slice(&output.stdout).unwrap()))
}

fn questions() -> Vec<String> {
    let answers: Value = serde_json::from_str(&std::fs::read_to_string(ANSWERS).unwrap()).unwrap();
    answers.as_object().unwrap().keys().cloned().collect()
}

/// Checks that every program gave the answers in the file; returns how many rows `peer` is in.
fn all_agree(report: &Value, peer: &str) -> usize {
    let rows = report["rows"].as_array().unwrap();
    let mut names: Vec<_> = rows.iter().map(|r| r["cell"].as_str().unwrap().to_owned()).collect();
    names.sort();
    assert_eq!(names, questions(), "a question without an answer that is kept");
    for row in rows {
        assert_eq!(row["hash_ok"], true, "{row}");
        assert!(row["ours"].as_f64().unwrap() > 0.0, "{row}");
    }
    rows.iter().filter(|row| row["peers"][peer].is_f64()).count()
}

#[test]
fn answers_are_those_that_are_kept_without_duckdb_too() {
    let Some((code, report)) = report("/no/such/python", Path::new(ANSWERS)) else { return };
    assert_eq!(code, Some(0), "{report}");
    assert_eq!(all_agree(&report, "datafusion-json"), 2);
    assert_eq!(report["missing"][0]["peer"], "duckdb");
}

#[test]
fn duckdb_gives_the_answers_that_are_kept() {
    let Some((code, report)) = report("python3", Path::new(ANSWERS)) else { return };
    let missing = report["missing"].as_array().unwrap();
    if !missing.is_empty() {
        return cutwater_testing::skip!("versus query: {missing:?}");
    }
    assert_eq!(code, Some(0), "{report}");
    let all = questions().len();
    assert_eq!((all_agree(&report, "duckdb"), all_agree(&report, "duckdb-process")), (all, all));
}

#[test]
fn a_wrong_answer_is_shown_and_ends_with_1() {
    let dir = tempfile::tempdir().unwrap();
    let answers = dir.path().join("answers.json");
    let text = std::fs::read_to_string(ANSWERS).unwrap();
    std::fs::write(&answers, text.replace("\"5000\"", "\"5001\"")).unwrap();
    let Some((code, report)) = report("/no/such/python", &answers) else { return };
    let wrong = report["rows"].as_array().unwrap().iter().filter(|row| row["hash_ok"] == false);
    let wrong: Vec<_> = wrong.map(|row| row["cell"].as_str().unwrap()).collect();
    assert_eq!((code, wrong), (Some(1), vec!["count"]));
}
