//! `cutwater doctor`, run as its users run it.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use cutwater_testing::text;
use serde_json::Value;

use crate::run_cutwater;

/// The report on a fresh directory; `args` come before `doctor`.
fn report(args: &[&str]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let out = run_cutwater(&[args, &["doctor", path]].concat());
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    text(&out.stdout)
}

fn json(args: &[&str]) -> Value {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let out = run_cutwater(&[args, &["doctor", "--json", path]].concat());
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

fn finding<'a>(report: &'a Value, id: &str) -> &'a Value {
    let all = report["findings"].as_array().unwrap();
    all.iter().find(|f| f["id"] == id).unwrap_or_else(|| panic!("no {id} in {report:#}"))
}

fn path_of<'a>(report: &'a Value, case: &str) -> &'a str {
    let all = report["choices"].as_array().unwrap();
    all.iter().find(|c| c["case"] == case).unwrap()["path"].as_str().unwrap()
}

#[test]
fn help_says_what_the_command_does() {
    insta::assert_snapshot!("help", text(&run_cutwater(&["doctor", "--help"]).stdout));
    insta::assert_snapshot!("help_short", text(&run_cutwater(&["doctor", "-h"]).stdout));
}

#[test]
fn a_path_that_cannot_be_looked_at_is_an_error_that_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    make_fifo(&fifo);
    let missing = dir.path().join("missing");
    let below = Path::new(crate::CUTWATER).join("x");
    let mut said = String::new();
    for path in [missing.as_path(), &fifo, Path::new("/dev/null"), &below] {
        let out = run_cutwater(&["doctor", path.to_str().unwrap()]);
        assert_eq!((out.status.code(), out.stdout.len()), (Some(2), 0), "{path:?}");
        said += &text(&out.stderr);
    }
    let said =
        said.replace(dir.path().to_str().unwrap(), "DIR").replace(crate::CUTWATER, "PROGRAM");
    insta::assert_snapshot!("errors", said);
}

fn make_fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn each_way_to_refuse_io_uring_is_named_with_what_lifts_it() {
    for error in ["ENOSYS", "EPERM", "ENOMEM"] {
        let without = format!("io_uring={error}");
        let said = report(&["--without", &without]);
        let line = format!("io_uring_setup was refused ({error})");
        assert!(said.contains(&line), "{said}");
        assert!(said.contains("  missing  set-up"), "{said}");
        assert!(said.contains("ring flags         no ring; reads use calls"), "{said}");

        let report = json(&["--without", &without]);
        assert_eq!(report["io_uring"]["setup"], error);
        assert!(report["limits"]["seccomp_filters"].as_u64() >= Some(1), "{report:#}");
        let fix = &finding(&report, "io_uring.setup")["fix"];
        // Where the sysctl refuses too, it is the likelier cause.
        let disabled = report["io_uring"]["disabled"].as_u64().unwrap_or(0) > 0;
        let cause =
            if disabled && error == "EPERM" { "kernel.io_uring_disabled=0" } else { "seccomp=" };
        assert!(fix["command"].as_str().unwrap().contains(cause), "{fix}");
        for case in ["warm", "cold_random", "cold_sequential", "cold_alone"] {
            assert!(!path_of(&report, case).starts_with("uring"), "{report:#}");
        }
        assert_eq!(report["ring_flags"], Value::Array(vec![]));
    }
}

#[test]
fn a_ring_that_cannot_be_entered_is_no_ring() {
    let report = json(&["--without", "io_uring_enter=EPERM"]);
    if report["io_uring"]["setup"] != "ok" {
        return cutwater_testing::skip!("io_uring is refused here");
    }
    assert_eq!(finding(&report, "io_uring.setup")["state"], "missing");
    assert!(!path_of(&report, "cold_random").starts_with("uring"));
}

#[test]
fn without_cachestat_mincore_stands_in_and_without_both_all_goes_one_way() {
    let report = json(&["--without", "cachestat"]);
    assert_eq!(report["file"]["checks"]["cachestat"], "ENOSYS");
    assert_eq!(report["file"]["checks"]["mincore"], "ok");
    assert_eq!(finding(&report, "files.residency")["state"], "limited");

    let report = json(&["--without", "cachestat,mincore=EPERM"]);
    assert_eq!(finding(&report, "files.residency")["state"], "missing");
    assert_eq!(path_of(&report, "warm"), path_of(&report, "cold_random"));
}

#[test]
fn json_follows_the_schema() {
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/doctor.schema.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(schema).unwrap()).unwrap();
    for without in [&[][..], &["--without", "io_uring=EPERM,cachestat,statx"]] {
        cutwater_testing::check_schema(&schema, &json(without));
    }
    let out = run_cutwater(&["doctor", "--json", "/proc/self/stat"]);
    cutwater_testing::check_schema(&schema, &serde_json::from_slice(&out.stdout).unwrap());
}

#[test]
fn nothing_is_left_in_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    assert!(run_cutwater(&["doctor", dir.path().to_str().unwrap()]).status.success());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_file_is_tried_itself_and_stays_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("data");
    fs::write(&file, vec![7; 100_000]).unwrap();
    let before = fs::metadata(&file).unwrap().modified().unwrap();
    let out = run_cutwater(&["doctor", "--json", file.to_str().unwrap()]);
    let report: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!((&report["kind"], &report["file"]["tried_on"]), (&"file".into(), &"given".into()));
    assert_eq!(fs::read(&file).unwrap(), vec![7; 100_000]);
    assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), before);
}

#[test]
fn one_path_that_works_is_enough() {
    // /proc has no maps, and the filter refuses the other call.
    let out = run_cutwater(&["--without", "preadv2,io_uring", "doctor", "/proc/self/stat"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stdout));
    assert!(
        text(&out.stdout).contains("pread work, preadv2, mmap do not"),
        "{}",
        text(&out.stdout)
    );
}

#[test]
fn where_no_path_works_the_exit_code_is_1() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("locked");
    fs::write(&file, "x").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    let Some(out) = as_nobody(dir.path(), &["doctor", file.to_str().unwrap()]) else { return };
    assert_eq!(out.status.code(), Some(1), "{}", text(&out.stderr));
    let said = text(&out.stdout);
    assert!(said.contains("missing  open") && said.contains("EACCES"), "{said}");
    assert!(said.contains("nothing: no path can read here"), "{said}");
}

/// Runs a copy of the command as the user nobody, where root runs the tests; as ourselves
/// where somebody else does.
fn as_nobody(dir: &Path, args: &[&str]) -> Option<Output> {
    let root =
        fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0);
    if !root {
        return Some(run_cutwater(args));
    }
    let program = dir.join("cutwater");
    fs::copy(crate::CUTWATER, &program).unwrap();
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
    let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"];
    let out = Command::new("setpriv").args(nobody).arg(&program).args(args).output();
    match out {
        Ok(out) if !text(&out.stderr).starts_with("setpriv") => Some(out),
        other => {
            cutwater_testing::skip!("setpriv cannot change the user here: {other:?}");
            None
        }
    }
}

#[test]
fn nobody_gets_a_report_that_says_what_it_went_without() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    fs::write(dir.path().join("readable"), vec![1; 100_000])?;
    let path = dir.path().to_str().unwrap();
    let Some(out) = as_nobody(dir.path(), &["doctor", "--json", path]) else { return Ok(()) };
    let report: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(out.status.code(), Some(0));
    assert_eq!(report["limits"]["root"], false);
    if report["file"]["tried_on"] == "temporary" {
        cutwater_testing::skip!("the rest: not root, so the directory is ours");
        return Ok(());
    }
    assert_eq!(report["file"]["tried_on"], "found");
    // For a file of another user the kernel reports every page as resident, which proves nothing.
    assert_eq!(report["file"]["checks"]["mincore"], "EPERM");
    assert_eq!(finding(&report, "files.residency")["state"], "missing");
    assert_eq!(finding(&report, "files.lease")["state"], "untried");
    Ok(())
}

#[test]
fn piped_output_has_neither_colour_nor_broken_lines() {
    let said = report(&[]);
    assert!(!said.contains('\x1b'));
    let marks = ["ok ", "limited ", "missing ", "untried "];
    let rows = said.lines().filter(|l| marks.iter().any(|m| l.trim_start().starts_with(m)));
    assert!(rows.count() >= 15, "{said}");
}
