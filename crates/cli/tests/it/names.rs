//! Files with names that are not text, or would steer a terminal; links to nothing; and outputs
//! that cannot be written.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use cutwater_testing::ended;
use serde_json::Value;
use tempfile::TempDir;

use crate::cutwater_in;

const LOG: &str =
    "{\"a\":1,\"t\":\"2026-03-01T10:00:00Z\"}\nbad\n{\"a\":2,\"t\":\"2026-03-01T10:00:01Z\"}\n";

/// The exit code, and what was printed and said.
fn run(dir: &Path, args: &[&str], file: &OsStr) -> (Option<i32>, String, String) {
    let args: Vec<_> = args.iter().map(|a| OsStr::new(*a)).chain([file]).collect();
    ended(&cutwater_in(dir, &args).output().expect("the command starts"))
}

/// A directory with a log of this name; nothing where the file system does not take it.
#[allow(clippy::print_stdout, reason = "a test that is skipped says so")]
fn directory(name: &[u8]) -> Option<TempDir> {
    let dir = tempfile::tempdir().expect("a directory");
    match fs::write(dir.path().join(OsStr::from_bytes(name)), LOG) {
        Ok(()) => Some(dir),
        Err(e) => {
            println!("skipped: this file system does not take the name: {e}");
            None
        }
    }
}

#[test]
fn names_that_are_no_text_work_in_every_command() {
    let Some(dir) = directory(b"\xff.log") else { return };
    let name = OsStr::from_bytes(b"\xff.log");
    for (args, expected) in [
        (&["scan", "--count", "--where", "a>0"][..], "2\n"),
        (&["scan", "--fields", "a", "--csv"], "a\n1\n2\n"),
        (&["scan", "--merge", "--fields", "a", "--csv"], "a\n1\n2\n"),
        (&["scan", "--last", "1s", "--fields", "a", "--csv"], "a\n1\n2\n"),
        (&["scan", "--by", "a", "--csv"], "a,count\n1,1\n2,1\n"),
        (&["scan", "--count", "--where", "a>1", "--path", "uring"], "1\n"),
        (&["scan", "--count", "--where", "a>1", "--path", "mmap"], "1\n"),
    ] {
        let (code, out, said) = run(dir.path(), args, name);
        assert_eq!((code, out.as_str()), (Some(0), expected), "{args:?}: {said}");
    }
    let (code, out, said) = run(dir.path(), &["scan", "--errors", "bad.tsv"], name);
    assert_eq!(code, Some(0), "{said}");
    assert!(out.starts_with("\\xff.log\n"), "{out}");
    let listed = fs::read_to_string(dir.path().join("bad.tsv")).expect("reads");
    assert!(listed.starts_with("\\xff.log\t2\t"), "{listed}");
    for args in [
        &["scan", "--json"][..],
        &["scan", "--bench", "--rounds", "1", "--json"],
        &["doctor", "--json"],
        &["bench", "--quick", "--json", "--block", "64"],
    ] {
        let (code, out, said) = run(dir.path(), args, name);
        assert_eq!(code, Some(0), "{args:?}: {said}");
        let json: Value = serde_json::from_str(&out).expect("JSON");
        assert!(json.to_string().contains("\u{fffd}.log"), "{args:?}: {json}");
    }
    let (code, out, said) = run(dir.path(), &["doctor"], name);
    assert_eq!(code, Some(0), "{said}");
    assert!(out.contains("\\xff.log"), "{out}");
}

#[test]
fn a_name_cannot_steer_the_terminal_nor_break_a_line() {
    let bytes = b"a\n\x1b[31mb\t.log";
    let Some(dir) = directory(bytes) else { return };
    let (name, shown) = (OsStr::from_bytes(bytes), "a\\x0a\\x1b[31mb\\x09.log");
    let gone = OsStr::from_bytes(b"no\n\x1b[31m.log");
    fs::write(dir.path().join("other.log"), LOG).expect("writes");
    symlink("x\n\x1b[31m", dir.path().join("link")).expect("links");
    for (args, file, expected) in [
        (&["scan"][..], name, shown),
        (&["scan", "--where", "a=1"], name, shown),
        (&["scan", "--count", "other.log"], name, shown),
        (&["scan"], gone, "no\\x0a\\x1b[31m.log"),
        (&["scan", "--count", "other.log"], gone, "no\\x0a\\x1b[31m.log"),
        (&["doctor"], name, shown),
        (&["doctor"], gone, "no\\x0a\\x1b[31m.log"),
        (&["bench", "--quick"], gone, "no\\x0a\\x1b[31m.log"),
        (&["scan", "other.log", "--errors"], OsStr::new("/no/\u{1b}x"), "/no/\\x1bx"),
        (&["scan"], OsStr::new("link"), "x\\x0a\\x1b[31m"),
    ] {
        let (_, out, said) = run(dir.path(), args, file);
        let all = format!("{out}{said}");
        assert!(!all.contains('\u{1b}') && !all.contains("a\n\\x1b"), "{args:?}: {all}");
        assert!(all.contains(expected), "{args:?}: {all}");
    }
}

#[test]
fn values_and_keys_cannot_steer_the_terminal_in_a_summary() {
    let dir = tempfile::tempdir().expect("a directory");
    // Colours are no part of a value; what moves the cursor stays, and is shown.
    let log = "{\"level\":\"\\u001b[2Jred\",\"k\\u001b[2J\":1}\n".repeat(3);
    fs::write(dir.path().join("a.json"), log).expect("writes");
    let (_, out, _) = run(dir.path(), &["scan"], OsStr::new("a.json"));
    assert!(!out.contains('\u{1b}') && out.contains("level    \\x1b[2Jred 3"), "{out}");
}

#[test]
fn a_link_to_nothing_is_told_as_one() {
    let dir = tempfile::tempdir().expect("a directory");
    symlink("gone.log", dir.path().join("link")).expect("links");
    for args in [&["scan"][..], &["doctor"], &["bench", "--quick"]] {
        let (code, out, said) = run(dir.path(), args, OsStr::new("link"));
        assert!(code == Some(1) || code == Some(2), "{args:?}: {out}{said}");
        assert!(said.contains("link") && said.contains("what it points to is not"), "{said}");
        assert!(!said.contains("misspelt"), "{said}");
        let (_, _, said) = run(dir.path(), args, OsStr::new("nothing"));
        assert!(!said.contains("points to"), "{said}");
    }
}

/// Commands that print.
const PRINTING: [&[&str]; 18] = [
    &["--help"],
    &["-h"],
    &["--version"],
    &["scan", "--help"],
    &["bench", "-h"],
    &["completions", "fish"],
    &["man", "scan"],
    &["doctor"],
    &["doctor", "--json"],
    &["reproduce", "--list"],
    &["scan", "a.log"],
    &["scan", "--json", "a.log"],
    &["scan", "--count", "a.log"],
    &["scan", "--where", "a=1", "a.log"],
    &["scan", "--fields", "a", "a.log"],
    &["scan", "--by", "a", "--csv", "a.log"],
    &["scan", "--arrow", "--fields", "a", "a.log"],
    &["scan", "--merge", "a.log"],
];

#[test]
fn what_cannot_be_written_is_an_error() {
    let Some(dir) = directory(b"a.log") else { return };
    if File::options().write(true).open("/dev/full").is_err() {
        println!("skipped: no /dev/full here");
        return;
    }
    for args in PRINTING {
        let args: Vec<_> = args.iter().map(OsStr::new).collect();
        let full = File::options().write(true).open("/dev/full").expect("opens");
        let out = cutwater_in(dir.path(), &args).stdout(full).output().expect("starts");
        let (code, _, said) = ended(&out);
        assert_eq!(code, Some(1), "{args:?}: {said}");
        assert!(said.contains("cannot write the output: No space left"), "{args:?}: {said}");
    }
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let Some(dir) = directory(b"a.log") else { return };
    for args in PRINTING {
        let args: Vec<_> = args.iter().map(OsStr::new).collect();
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let out = cutwater_in(dir.path(), &args).stdout(writer).output().expect("starts");
        let (code, _, said) = ended(&out);
        assert_eq!(code, Some(0), "{args:?}: {said}");
        assert!(!said.contains("cannot"), "{args:?}: {said}");
    }
}
