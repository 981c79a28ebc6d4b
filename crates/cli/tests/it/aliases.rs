//! Aliases: every option that names an output, with every name that an input can have. No input is
//! ever changed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use cutwater_testing::ended;
use tempfile::TempDir;

use crate::{CUTWATER, cutwater_in};

const LOG: &str = "{\"a\":1,\"ts\":\"2026-03-01T10:00:00Z\"}\n{\"bad\n{\"a\":2,\"ts\":\"2026-03-01T10:00:01Z\"}\n";

/// A log, and the other names that it has.
fn directory() -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let path = |name: &str| dir.path().join(name);
    fs::write(path("in.json"), LOG).expect("writes");
    symlink("in.json", path("link")).expect("links");
    symlink("link", path("link-to-link")).expect("links");
    fs::create_dir(path("d")).expect("a directory");
    for hard in ["hard", "x.offcpu.svg", "d/inside.json", "d/auto.offcpu.svg", "x.tail.svg"] {
        fs::hard_link(path("in.json"), path(hard)).expect("links");
    }
    dir
}

/// Names of the log as an output. Descriptor 9 is open on it.
const OUTPUTS: [&str; 8] = [
    "in.json",
    "./d/../in.json",
    "link",
    "link-to-link",
    "hard",
    "/dev/fd/9",
    "/proc/self/fd/9",
    "/proc/thread-self/fd/9",
];

/// Names of the log as an input; `-` is standard input, which is the log, too.
const INPUTS: [&str; 9] =
    ["in.json", "link", "hard", "-", "/dev/stdin", "/dev/fd/0", "/dev/fd/9", "*.json", "-r d"];

/// Runs the words with descriptor 9 and standard input open on the log, and `out` added by the shell.
fn run(dir: &Path, words: &str, out: &str) -> (Option<i32>, String, String) {
    let line = format!("exec {CUTWATER} {words} 9>>hard <in.json {out}");
    let shell = Command::new("sh").args(["-c", &line]).current_dir(dir).output();
    ended(&shell.expect("a shell starts"))
}

fn check_kept(dir: &Path, what: &str) {
    let kept = fs::read_to_string(dir.join("in.json")).expect("reads");
    assert_eq!(kept, LOG, "the input was changed by: {what}");
    for name in ["link", "hard", "x.offcpu.svg", "d/inside.json"] {
        assert_eq!(fs::read_to_string(dir.join(name)).expect("reads"), LOG, "{name} by: {what}");
    }
}

fn refused(dir: &Path, words: &str, out: &str) {
    let (code, _, said) = run(dir, words, out);
    let what = format!("{words} {out}");
    assert_eq!(code, Some(2), "{what}: {said}");
    assert!(said.contains("which is read; name another file"), "{what}: {said}");
    check_kept(dir, &what);
}

#[test]
fn no_output_of_a_scan_is_written_over_an_input() {
    let dir = directory();
    for input in INPUTS {
        for output in OUTPUTS {
            refused(dir.path(), &format!("scan --count --errors {output} {input}"), "");
        }
        // Other options go through the same check; one name of the output is enough.
        for words in
            ["--flamegraph in.json scan", "--flamegraph x.svg scan", "scan --follow --errors hard"]
        {
            refused(dir.path(), &format!("{words} {input}"), "");
        }
        for words in ["scan --count", "scan --fields a", "scan --json", "scan --arrow --fields a"] {
            refused(dir.path(), &format!("{words} {input}"), ">>link");
        }
    }
}

#[test]
fn no_output_of_a_comparison_is_written_over_an_input() {
    let dir = directory();
    for output in OUTPUTS {
        for option in ["json", "csv", "html"] {
            refused(
                dir.path(),
                &format!("bench --quick --block 8 --export-{option} {output} in.json"),
                "",
            );
        }
        refused(dir.path(), &format!("bench --scan --rounds 1 --export-csv {output} in.json"), "");
    }
    for words in [
        "bench --quick --block 8 --flamegraph d link",
        "bench --quick --block 8 link",
        "doctor hard",
        "bench --scan --rounds 1 hard",
    ] {
        let out = if words.contains("--flamegraph") { "" } else { ">>in.json" };
        refused(dir.path(), words, out);
    }
}

#[test]
fn no_output_of_other_commands_is_written_over_what_they_read() {
    let dir = directory();
    for words in [
        "doctor --flamegraph in.json link",
        "doctor --flamegraph x.svg in.json",
        "trace --flamegraph in.json -- cat link",
        "trace --flamegraph x.svg -- cat in.json",
        "reproduce iovec-pool --quick --export-json in.json",
        "reproduce iovec-pool --quick --export-html hard",
        "reproduce --list --flamegraph x.svg",
    ] {
        refused(dir.path(), words, "");
    }
}

#[test]
fn standard_output_is_written_to_and_never_opened_again() {
    let dir = directory();
    for name in ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/proc/thread-self/fd/1"] {
        fs::write(dir.path().join("out"), "before\n").expect("writes");
        let (code, _, said) =
            run(dir.path(), &format!("scan --count --errors {name} in.json"), ">>out");
        assert_eq!(code, Some(0), "{name}: {said}");
        let out = fs::read_to_string(dir.path().join("out")).expect("reads");
        let lines: Vec<&str> = out.lines().collect();
        assert!(lines.len() == 3 && lines[0] == "before" && lines[2] == "2", "{name}: {out}");
        assert!(lines[1].starts_with("in.json\t2\t"), "{name}: {out}");
        assert!(!dir.path().join("-").exists());
        check_kept(dir.path(), name);
    }
    let piped = ended(
        &cutwater_in(dir.path(), &["scan", "--count", "--errors", "-", "in.json"])
            .output()
            .unwrap(),
    );
    assert!(piped.1.starts_with("in.json\t2\t") && piped.1.ends_with("\n2\n"), "{}", piped.1);
    let (code, _, said) = run(dir.path(), "--flamegraph - scan in.json", "");
    assert!(code == Some(2) && said.contains("draws several pictures"), "{said}");
}

#[test]
fn a_list_of_bad_lines_has_no_name_until_it_is_whole() {
    let dir = directory();
    fs::write(dir.path().join("list"), "the list of yesterday\n").expect("writes");
    symlink("list", dir.path().join("to-list")).expect("links");
    // No time field, so the pass cannot begin.
    let failed = ["scan", "--merge", "--format", "raw", "--errors", "list", "in.json"];
    let (code, _, said) = ended(&cutwater_in(dir.path(), &failed).output().unwrap());
    assert_eq!(code, Some(2), "{said}");
    let list = || fs::read_to_string(dir.path().join("list")).expect("reads");
    assert_eq!(list(), "the list of yesterday\n");
    let done = ["scan", "--count", "--errors", "to-list", "in.json"];
    assert_eq!(ended(&cutwater_in(dir.path(), &done).output().unwrap()).0, Some(0));
    assert!(list().starts_with("in.json\t2\t") && list().lines().count() == 1, "{}", list());
    let is_link = fs::symlink_metadata(dir.path().join("to-list")).expect("there").is_symlink();
    assert!(is_link, "a link stays one");
    assert!(
        fs::read_dir(dir.path()).unwrap().all(|entry| {
            !entry.unwrap().file_name().to_string_lossy().starts_with(".cutwater-")
        })
    );
    check_kept(dir.path(), "all");
}

const FORMAT: &str = "name = 'mine'\ntitle = 'Mine'\npattern = '(?<a>[a-z]+)'\n";

/// Runs the words as `run` does; formats of the user are in the folder `config/cutwater/formats`.
fn with_formats(dir: &Path, words: &str, out: &str) -> (Option<i32>, String) {
    let line = format!("XDG_CONFIG_HOME=$PWD/config exec {CUTWATER} {words} {out}");
    let shell = Command::new("sh").args(["-c", &line]).current_dir(dir).output();
    let (code, _, said) = ended(&shell.expect("a shell starts"));
    (code, said)
}

#[test]
fn no_output_is_written_over_a_file_of_formats() {
    let dir = directory();
    let folder = dir.path().join("config/cutwater/formats");
    fs::create_dir_all(&folder).expect("a directory");
    fs::write(folder.join("own.toml"), FORMAT.replace("mine", "own")).expect("writes");
    fs::write(dir.path().join("m.toml"), FORMAT).expect("writes");
    fs::write(dir.path().join("mine.log"), "one\ntwo\n").expect("writes");
    let beside = "f.offcpu.svg";
    fs::hard_link(dir.path().join("mine.log"), dir.path().join(beside)).expect("links");
    symlink("config/cutwater/formats/own.toml", dir.path().join("to-own")).expect("links");
    let (code, said) = with_formats(dir.path(), "scan --count --format m.toml mine.log", "");
    assert_eq!(code, Some(0), "{said}");
    for (words, out) in [
        ("scan --count --format m.toml --errors m.toml mine.log", ""),
        ("scan --count --format m.toml:mine --errors ./m.toml mine.log", ""),
        ("scan --count --format m.toml --flamegraph m.toml mine.log", ""),
        ("scan --count --format m.toml mine.log", ">>m.toml"),
        ("scan --count --errors to-own mine.log", ""),
        ("scan --count --flamegraph to-own mine.log", ""),
        ("scan --count mine.log", ">>to-own"),
        ("bench --scan mine.log --format m.toml --export-csv m.toml", ""),
        ("--flamegraph mine.log formats --explain mine.log:1", ""),
        ("--flamegraph f.svg formats --explain f.offcpu.svg:1", ""),
        ("--flamegraph m.toml formats --test m.toml", ""),
        ("--flamegraph m.toml formats --explain one --format m.toml", ""),
        ("--flamegraph to-own formats", ""),
        ("formats --explain mine.log:1", ">>f.offcpu.svg"),
        ("formats --test m.toml", ">>m.toml"),
        ("formats --json", ">>to-own"),
        ("trace --flamegraph m.toml -- cutwater scan --format=m.toml mine.log", ""),
        ("trace --flamegraph f.svg -- cutwater query --table=u=mine.log", ""),
        ("trace --flamegraph mine.log -- cutwater formats --explain f.offcpu.svg:1", ""),
    ] {
        let (code, said) = with_formats(dir.path(), words, out);
        assert_eq!(code, Some(2), "{words} {out}: {said}");
        assert!(said.contains("which is read; name another file"), "{words} {out}: {said}");
        let kept = |name: &str| fs::read_to_string(dir.path().join(name)).expect("reads");
        assert_eq!(kept("m.toml"), FORMAT, "{words} {out}");
        assert_eq!(kept("to-own"), FORMAT.replace("mine", "own"), "{words} {out}");
        assert_eq!((kept("mine.log"), kept(beside)), ("one\ntwo\n".into(), "one\ntwo\n".into()));
    }
}
