//! `cutwater storm`, run as its users run it.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};

use cutwater_testing::text;
use serde_json::Value;

fn storm(args: &[&str]) -> Output {
    let mut command = crate::cutwater();
    command.arg("storm").args(args).env_remove("COLUMNS").output().unwrap()
}

#[test]
fn help_says_what_it_does() {
    insta::assert_snapshot!("help", text(&storm(&["--help"]).stdout));
}

#[test]
fn a_storm_is_counted_and_nothing_is_wrong_or_dies() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().to_str().unwrap();
    let out = storm(&["--time", "1", "--seed", "7", "--json", "--dir", place]);
    assert_eq!(out.status.code(), Some(0), "{}{}", text(&out.stdout), text(&out.stderr));
    let report: Value = serde_json::from_slice(&out.stdout).unwrap();
    println!("{report}");
    let keys: Vec<_> = report.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys.len(), 6, "{keys:?}");
    for key in ["seconds", "seed", "reads", "faults", "wrong_bytes", "crashes"] {
        assert!(report[key].is_number(), "{key}");
    }
    assert_eq!(
        (&report["seed"], &report["wrong_bytes"], &report["crashes"]),
        (&7.into(), &0.into(), &0.into())
    );
    // On a machine so slow that the reader has hardly begun there is no storm to speak of.
    if cfg!(target_arch = "x86_64") && report["reads"].as_u64().unwrap() > 10_000 {
        assert!(report["faults"].as_u64().unwrap() > 0, "no storm: {report}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "its file is left");
}

#[test]
fn wrong_arguments_are_refused_with_what_is_right() {
    for (args, said) in [
        (["--time", "0"], "not between"),
        (["--time", "soon"], "not a number"),
        (["--dir", "/nonexistent/directory"], "/nonexistent/directory"),
        (["--reader", "/nonexistent/file"], "/nonexistent/file"),
    ] {
        let out = storm(&args);
        let error = text(&out.stderr);
        assert!(matches!(out.status.code(), Some(1 | 2)) && error.contains(said), "{error}");
    }
}

#[test]
fn ctrl_c_ends_a_storm_and_is_no_crash() {
    let mut command = crate::cutwater();
    command.args(["storm", "--time", "60", "--json"]).stdout(Stdio::piped());
    // A group of its own, as a shell makes one; the signal goes to all of it.
    let mut storm = command.process_group(0).spawn().unwrap();
    // Any moment after it has its handlers will do: they are there once its reader is.
    let children = format!("/proc/{0}/task/{0}/children", storm.id());
    while std::fs::read_to_string(&children).unwrap().trim().is_empty() {
        std::thread::yield_now();
    }
    let group = format!("-{}", storm.id());
    assert!(Command::new("kill").args(["-INT", "--", &group]).status().unwrap().success());
    let mut said = String::new();
    storm.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(storm.wait().unwrap().code(), Some(130), "{said}");
    let report: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(report["crashes"], 0, "{report}");
}
