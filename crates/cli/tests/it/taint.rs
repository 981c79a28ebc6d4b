//! Taint: one marker with ESC, OSC, C1 and bidirectional characters in values, keys, names of files, arguments
//! and conditions. No command ever writes one of them where a terminal would obey it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::{CUTWATER, cutwater_in};

/// ESC, an OSC that sets the title, a C1 CSI, BEL, DEL, an override and an isolate.
const MARK: &str = "\u{1b}[31mm\u{1b}]0;t\u{7}\u{9b}2J\u{7f}\u{202e}x\u{2066}y";

/// The mark in a JSON string, where C1, DEL and bidirectional characters need no escapes.
fn in_json() -> String {
    MARK.replace('\u{1b}', "\\u001b").replace('\u{7}', "\\u0007")
}

fn is_harmful(c: char) -> bool {
    !matches!(c, '\n' | '\t') && cutwater_logs::bad::is_steering(c)
}

fn directory() -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let mark = in_json();
    let line = |n: u32| {
        format!(
            "{{\"ts\":\"2026-03-01T10:00:0{n}Z\",\"level\":\"{mark}\",\"k{mark}\":\"v{mark}\",\"n\":{n},\"o\":{{\"x\":\"{mark}\"}}}}\n"
        )
    };
    let log = format!("{}{}{MARK} bad\n{{\"n\":\"{mark}\"}}\n", line(1), line(2));
    fs::write(dir.path().join("a.json"), &log).expect("writes");
    fs::write(dir.path().join(format!("f{MARK}.json")), &log).expect("writes");
    dir
}

/// Commands whose outputs and notes hold the mark. `@` is the mark, `%` the file that is called so.
const COMMANDS: [&[&str]; 30] = [
    &["scan", "%"],
    &["scan", "a.json", "%"],
    &["scan", "--json", "%"],
    &["scan", "--count", "a.json", "%"],
    &["scan", "--by", "level", "a.json"],
    &["scan", "--by", "level,k@", "--json", "a.json"],
    &["scan", "--by", "level", "--ndjson", "a.json"],
    &["scan", "--top", "3", "level", "a.json"],
    &["scan", "--fields", "level,k@,o", "a.json"],
    &["scan", "--fields", "level,o,_line", "--ndjson", "a.json"],
    &["scan", "--fields", "no@", "--ndjson", "a.json"],
    &["scan", "--by", "no@", "a.json"],
    &["scan", "--by", "level", "--agg", "max(k@)", "a.json"],
    &["scan", "--by", "n", "--agg", "max(n)", "a.json"],
    &["scan", "--count", "--where", "k@>1", "a.json"],
    &["scan", "--count", "--where", "ts>@", "a.json"],
    &["scan", "--count", "--where", "@ @", "a.json"],
    &["scan", "--count", "--where", "n=>@", "a.json"],
    &["scan", "--count", "--where", "n=~(@", "a.json"],
    &["scan", "--count", "--where", "n>0", "%", "a.json"],
    &["scan", "--since", "@", "a.json"],
    &["scan", "--since", "2026-04-01", "%"],
    &["scan", "--tz-out", "@", "a.json"],
    &["scan", "--format", "@", "a.json"],
    &["scan", "--errors", "no@/x", "a.json"],
    &["scan", "--errors", "-", "%"],
    &["scan", "--time-field", "@", "a.json"],
    &["scan", "gone@", "a.json"],
    &["doctor", "%"],
    &["bench", "--quick", "gone@"],
];

/// More of them, where the whole output is for programs, but may go to a terminal.
const LINES: [&[&str]; 4] = [
    &["scan", "--where", "n>0", "a.json"],
    &["scan", "--fields", "level,k@", "--csv", "a.json"],
    &["scan", "--fields", "level,_line", "--tsv", "a.json"],
    &["scan", "--by", "level", "--csv", "a.json"],
];

fn words(args: &[&str]) -> Vec<OsString> {
    let file = format!("f{MARK}.json");
    args.iter().map(|arg| arg.replace('@', MARK).replace('%', &file).into()).collect()
}

fn check(bytes: &[u8], what: &str) {
    let text = String::from_utf8_lossy(bytes);
    let harmful = text.chars().find(|&c| is_harmful(c));
    assert_eq!(harmful, None, "{what}: {:?}", text);
}

#[test]
fn nothing_that_is_printed_or_noted_steers_a_terminal() {
    let dir = directory();
    for args in COMMANDS {
        let out = cutwater_in(dir.path(), &words(args)).output().expect("starts");
        let tables_and_json = &out.stdout;
        check(tables_and_json, &format!("the output of {args:?}"));
        check(&out.stderr, &format!("the notes of {args:?}"));
        assert!(!out.stdout.is_empty() || !out.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn json_has_the_marks_as_escapes_and_so_as_they_are() {
    let dir = directory();
    let args = words(&["scan", "--fields", "level,o", "--ndjson", "--head", "1", "a.json"]);
    let out = cutwater_in(dir.path(), &args).output().expect("starts");
    let row: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
    // Colours are no part of a value.
    let plain = MARK.replace("\u{1b}[31m", "");
    assert_eq!((&row["level"], &row["o"]["x"]), (&plain.as_str().into(), &plain.as_str().into()));
    let out = cutwater_in(dir.path(), &words(&["scan", "--json", "%"])).output().expect("starts");
    let summary: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
    assert_eq!(summary["files"][0]["path"], format!("f{MARK}.json"));
}

/// Runs a command on a terminal of its own, made by `script(1)`; nothing where there is none.
fn on_terminal(dir: &Path, args: &[OsString]) -> Option<Vec<u8>> {
    let quoted = |word: &OsStr| format!("'{}'", word.to_string_lossy().replace('\'', "'\\''"));
    let line = args.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
    fs::write(dir.join("run.sh"), format!("exec {CUTWATER} {line}\n")).expect("writes");
    let out = Command::new("script")
        .args(["-qec", "sh run.sh", "/dev/null"])
        .env("NO_COLOR", "1")
        .current_dir(dir)
        .stdin(Stdio::null())
        .output();
    out.ok().filter(|out| !out.stdout.is_empty()).map(|out| out.stdout)
}

#[test]
fn a_terminal_is_steered_by_no_output() {
    let dir = directory();
    for args in LINES.iter().chain(&COMMANDS) {
        let Some(shown) = on_terminal(dir.path(), &words(args)) else {
            cutwater_testing::skip!("no script(1) here");
            return;
        };
        // The terminal itself puts a carriage return before each line feed.
        let shown = String::from_utf8_lossy(&shown).replace("\r\n", "\n");
        check(shown.as_bytes(), &format!("{args:?} on a terminal"));
        assert!(shown.contains("1b") || shown.contains('\u{fffd}'), "{args:?}: {shown}");
    }
}
