//! The suite `read` against the binary, on a small file.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test ends where it finds something wrong")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// A small file beside the build: a tmpfs has no cold cells.
const SMALL: [&str; 10] = [
    "read",
    "--quick",
    "--size",
    "16",
    "--runs",
    "1",
    "--time",
    "0.002",
    "--dir",
    env!("CARGO_MANIFEST_DIR"),
];

fn versus(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_versus")).args(SMALL).args(args).output().unwrap()
}

fn json(args: &[&str]) -> Value {
    let output = versus(&[args, &["--json"]].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn missing(report: &Value) -> Vec<(&str, &str)> {
    let all = report["missing"].as_array().unwrap();
    all.iter().map(|m| (m["peer"].as_str().unwrap(), m["why"].as_str().unwrap())).collect()
}

#[test]
fn one_object_holds_a_row_for_each_cell_and_all_sides_agree() {
    let report = json(&["--cells", "warm 4k rand*t1,warm 128k*t2"]);
    assert_eq!(report["suite"], "read");
    assert!(report["host"]["kernel"].is_string() && report["versions"]["cutwater"].is_string());
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{:?}", report["missing"]);
    for row in rows {
        assert_eq!(row["hash_ok"], true, "{row}");
        assert!(row["ours"].as_f64().unwrap() > 0.0 && row["ratio"].as_f64().unwrap() > 0.0);
        assert!(row["peers"]["std"].as_f64().unwrap() > 0.0, "{row}");
        assert!(row["peers"].get(row["best_peer"].as_str().unwrap()).is_some(), "{row}");
        assert_eq!(row["interval"]["median"], row["ratio"], "{row}");
        // One round gives no interval.
        assert_eq!((&row["interval"]["rounds"], &row["word"]), (&1.into(), &"undecided".into()));
    }
}

#[test]
fn cold_and_mixed_slices_read_regions_of_their_own() {
    let mut args = vec!["read", "--size", "64", "--time", "0.001", "--peers", "std", "--json"];
    args.extend(["--dir", env!("CARGO_MANIFEST_DIR")]);
    args.extend(["--runs", "6", "--cells", "cold 4k rand*t1,mixed 4k*t2"]);
    let output = Command::new(env!("CARGO_BIN_EXE_versus")).args(args).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    if missing(&report).iter().any(|(_, why)| why.contains("on a tmpfs")) {
        cutwater_testing::skip!("no cold file here");
        return;
    }
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{report}");
    for row in rows {
        assert_eq!((&row["hash_ok"], &row["interval"]["rounds"]), (&true.into(), &6.into()));
        assert!(row["interval"]["high"].is_f64() && row["word"].is_string(), "{row}");
    }
}

#[test]
fn where_rings_are_refused_their_peers_are_named_and_the_rest_runs() {
    let output = versus(&["--cells", "warm 4k rand*t1", "--no-rings", "--json"]);
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("--no-rings needs") {
        cutwater_testing::skip!("{said}");
        return;
    }
    assert_eq!(output.status.code(), Some(0), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let row = &report["rows"][0];
    assert!(row["ours"].is_number() && row["peers"]["std"].is_number(), "{row}");
    for peer in ["tokio-uring", "monoio", "compio", "glommio", "glommio-dma"] {
        assert!(row["peers"].get(peer).is_none(), "{row}");
        let why = missing(&report).into_iter().find(|(name, _)| *name == peer);
        assert!(
            why.is_some_and(|(_, w)| w.contains("io_uring") || w.contains("not built")),
            "{peer}"
        );
    }
}

#[test]
fn only_the_peers_that_are_named_run_and_unknown_names_are_refused() {
    let report = json(&["--cells", "warm 1m*t1", "--peers", "std"]);
    let peers = report["rows"][0]["peers"].as_object().unwrap();
    assert_eq!(peers.keys().collect::<Vec<_>>(), ["std"]);
    for (args, expected) in [
        (["--peers", "sdt"], "no peer `sdt`"),
        (["--cells", "lukewarm"], "warm 4k rand x64 t1"),
        (["--dir", "/no/such/place"], "--dir"),
    ] {
        let base: Vec<_> = SMALL[..8].to_vec();
        let output = Command::new(env!("CARGO_BIN_EXE_versus")).args(base).args(args).output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(expected), "{args:?}: {said}");
    }
}

#[test]
fn a_recorded_run_keeps_command_versions_and_samples() {
    let parent = tempfile::tempdir().unwrap();
    let place = parent.path().to_str().unwrap();
    json(&["--cells", "warm 1m*t1", "--peers", "std", "--record", place]);
    let dir = std::fs::read_dir(parent.path()).unwrap().next().unwrap().unwrap().path();
    let text = |name: &str| std::fs::read_to_string(Path::new(&dir).join(name)).unwrap();
    let command = text("command.txt");
    assert!(
        command.contains("read --quick --cells 'warm 1m*t1' --runs 1 --peers std"),
        "{command}"
    );
    assert!(!command.contains(place) && !command.contains(env!("CARGO_MANIFEST_DIR")), "{command}");
    let raw: Value = serde_json::from_str(&text("raw.json")).unwrap();
    let samples = raw["cells"][0]["samples"].as_array().unwrap();
    let std = samples.iter().find(|side| side["name"] == "std").unwrap();
    // Out and back.
    assert_eq!(std["values"].as_array().unwrap().len(), 2);
    assert!(std["operations"].as_u64().unwrap() >= 16, "{std}");
    let versions: Value = serde_json::from_str(&text("versions.json")).unwrap();
    assert!(versions["cutwater"].is_string());
}
