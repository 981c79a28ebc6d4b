//! `cutwater bench`, run as its users run it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use cutwater_testing::text;
use serde_json::Value;

fn bench(args: &[&str]) -> Output {
    let mut command = crate::cutwater();
    // Help is wrapped at COLUMNS where there is no terminal.
    command.arg("bench").args(args).env_remove("COLUMNS").output().unwrap()
}

/// One small cell for each path, on a file in `dir`.
fn one_cell(dir: &Path, more: &[&str]) -> Output {
    let file = dir.join("data");
    fs::write(&file, (0..3_000_000u32).map(|i| (i / 97) as u8).collect::<Vec<_>>()).unwrap();
    let cell = ["--block", "4K", "--pattern", "rand", "--cache", "warm", "--depth", "4"];
    let few = ["--runs", "2", "--time", "5ms", file.to_str().unwrap()];
    bench(&[&cell[..], &few, more].concat())
}

#[test]
fn help_says_what_can_be_chosen() {
    insta::assert_snapshot!("help", text(&bench(&["--help"]).stdout));
}

#[test]
fn a_made_file_is_measured_in_every_default_cell_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let out = bench(&["--quick", "--json", "--dir", dir.path().to_str().unwrap()]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    let report: Value = serde_json::from_slice(&out.stdout).unwrap();
    let schema = include_str!("../../../../docs/bench.schema.json");
    cutwater_testing::check_schema(&serde_json::from_str(schema).unwrap(), &report);
    let cells = report["cells"].as_array().unwrap();
    let skipped = report["skipped"].as_array().unwrap();
    for path in ["read", "preadv", "mmap", "uring", "uring-direct", "auto"] {
        let measured = cells.iter().any(|c| c["path"] == path && c["cache"] == "warm");
        let said = skipped.iter().any(|s| s["what"].as_str().unwrap().contains(path));
        assert!(measured || said, "{path}: {skipped:?}");
    }
    for cell in cells {
        assert_eq!(cell["hash_ok"], true, "{cell:#}");
        assert!(cell["bytes_per_s"].as_f64().unwrap() > 0.0);
        if cell["path"] == "auto" {
            let shares = cell["chosen"].as_object().unwrap().values();
            let sum: f64 = shares.map(|s| s.as_f64().unwrap()).sum();
            assert!((sum - 1.0).abs() < 0.01 && cell["reason"].is_string(), "{cell:#}");
        }
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "the made file is left");
}

#[test]
fn every_export_is_written_and_says_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (json, csv, html) = (at("o.json"), at("o.csv"), at("o.html"));
    let flags = ["--export-json", &json, "--export-csv", &csv, "--export-html", &html];
    let out = one_cell(dir.path(), &flags);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    let report: Value = serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap();
    let cells = report["cells"].as_array().unwrap();
    let csv = fs::read_to_string(csv).unwrap();
    assert_eq!(csv.lines().count(), 1 + cells.len());
    assert!(csv.starts_with("path,pattern,cache,block,"), "{csv}");
    let page = fs::read_to_string(html).unwrap();
    assert!(page.starts_with("<!doctype html>"), "{page}");
    // It opens offline: nothing is loaded from anywhere.
    for loads in ["src=\"http", "href=\"http", "@import", "url(http"] {
        assert!(!page.contains(loads), "{loads}");
    }
    assert!(page.contains("viewport") && page.contains("prefers-color-scheme: dark"));
    let table = text(&out.stdout);
    assert!(table.contains("warm rand 4 KiB, depth 4, 1 thread") && !table.contains('\x1b'));
}

#[test]
fn where_nobody_tells_what_is_resident_warm_cells_are_measured_and_it_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let out =
        one_cell(dir.path(), &["--cache", "cold", "--json", "--without", "cachestat,mincore"]);
    let said = text(&out.stderr);
    if said.contains("seccomp") {
        return cutwater_testing::skip!("calls cannot be refused here: {said}");
    }
    assert_eq!(out.status.code(), Some(0), "{said}");
    let report: Value = serde_json::from_slice(&out.stdout).unwrap();
    let cells = report["cells"].as_array().unwrap();
    assert!(!cells.is_empty() && cells.iter().all(|c| c["cache"] == "warm"), "{cells:?}");
    let skipped = report["skipped"].to_string();
    assert!(skipped.contains("mixed and cold") && skipped.contains("unchecked"), "{skipped}");
}

#[test]
fn wrong_inputs_are_errors_before_anything_is_measured() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::write(at("empty"), "").unwrap();
    fs::write(at("one"), "x").unwrap();
    fs::write(at("data"), vec![1; 1 << 20]).unwrap();
    let fifo = at("fifo");
    let made = Command::new("mkfifo").arg(&fifo).status().is_ok_and(|s| s.success());
    let (none, data) = (at("none"), at("data"));
    let nowhere = at("no/where.json");
    let mut cases = vec![
        (vec![none.as_str()], "No such file"),
        (vec![dir.path().to_str().unwrap()], "directory"),
        (vec![data.as_str(), "--depth", "0"], "1"),
        (vec![&data, "--threads", "10000"], "256"),
        (vec![&data, "--block", "3.5X"], "3.5X"),
        (vec![&data, "--path", "teleport"], "teleport"),
        (vec![&data, "--export-json", &nowhere], "where.json"),
        (vec!["--size", "9999T"], "9999T"),
    ];
    let (empty, one) = (at("empty"), at("one"));
    cases.push((vec![&empty], "empty"));
    cases.push((vec![&one, "--block", "4K"], "one"));
    if made {
        cases.push((vec![&fifo], "not a regular file"));
    }
    for (args, said) in cases {
        let started = fs::read_dir(dir.path()).unwrap().count();
        let out = bench(&args);
        let error = text(&out.stderr);
        assert!(matches!(out.status.code(), Some(1 | 2)), "{args:?}: {:?} {error}", out.status);
        assert!(error.contains(said), "{args:?}: {error}");
        assert!(!error.contains("panicked") && out.stdout.is_empty(), "{args:?}: {error}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), started, "{args:?} left a file");
    }
}

#[test]
fn without_io_uring_the_other_paths_are_measured_and_the_lack_is_said() {
    let dir = tempfile::tempdir().unwrap();
    for refusal in ["io_uring", "io_uring=EPERM", "io_uring=ENOMEM"] {
        let out = one_cell(dir.path(), &["--json", "--without", refusal]);
        assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
        let report: Value = serde_json::from_slice(&out.stdout).unwrap();
        let paths: Vec<_> =
            report["cells"].as_array().unwrap().iter().map(|c| c["path"].clone()).collect();
        assert_eq!(paths, ["read", "preadv", "mmap", "auto"], "{refusal}");
        let skipped = report["skipped"].to_string();
        assert!(skipped.contains("uring") && skipped.contains("io_uring"), "{skipped}");
    }
}
