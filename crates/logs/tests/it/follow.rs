//! Following a log through growth and rotation: every line once, in order.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cutwater_logs::follow::{Event, Follow};
use cutwater_testing::Dice;

const MAX: usize = 1 << 20;

/// What a poll gave: lines, and the other events in brackets.
fn poll(follow: &mut Follow) -> Vec<String> {
    let mut seen = Vec::new();
    follow
        .poll(|event| {
            match event {
                Event::Lines { bytes, .. } => {
                    let lines = bytes.split(|&b| b == b'\n').filter(|l| !l.is_empty());
                    seen.extend(lines.map(|l| String::from_utf8_lossy(l).into_owned()));
                }
                Event::LongLine { length, .. } => seen.push(format!("[long {length}]")),
                Event::Replaced => seen.push("[replaced]".into()),
                Event::Truncated => seen.push("[truncated]".into()),
                Event::Unusable { why } => seen.push(format!("[unusable: {why}]")),
                Event::Usable => seen.push("[usable]".into()),
                Event::Unread { why } => seen.push(format!("[unread: {why}]")),
                Event::Lost { why } => seen.push(format!("[lost: {why}]")),
            }
            ControlFlow::Continue(())
        })
        .expect("the file can be read");
    seen
}

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().append(true).create(true).open(path).expect("opens");
    file.write_all(text.as_bytes()).expect("writes");
}

fn log(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("a.log");
    fs::write(&path, text).expect("writes");
    (dir, path)
}

#[test]
fn it_begins_with_the_last_lines() {
    let (_dir, path) = log("a\nb\nc\n");
    for (lines, expected) in
        [(0, vec![]), (1, vec!["c"]), (2, vec!["b", "c"]), (9, vec!["a", "b", "c"])]
    {
        let mut follow = Follow::open(&path, lines, MAX).expect("opens");
        assert_eq!(poll(&mut follow), expected, "{lines} lines");
    }
    let (_dir, path) = log("a\nb");
    let mut follow = Follow::open(&path, 1, MAX).expect("opens");
    assert!(poll(&mut follow).is_empty(), "a line without its end is waited for");
    append(&path, "c\n");
    assert_eq!(poll(&mut follow), ["bc"]);
}

#[test]
fn a_writer_that_notices_the_rotation_late_loses_nothing() {
    let (dir, path) = log("");
    let mut follow = Follow::open(&path, 0, MAX).expect("opens");
    let mut writer = OpenOptions::new().append(true).open(&path).expect("opens");
    fs::rename(&path, dir.path().join("a.log.1")).expect("renames");
    assert!(poll(&mut follow).is_empty(), "nothing is there yet");
    append(&path, "new\n");
    writer.write_all(b"late\n").expect("writes");
    assert_eq!(poll(&mut follow), ["late", "[replaced]", "new"]);
    writer.write_all(b"later\n").expect("writes");
    append(&path, "newer\n");
    assert_eq!(poll(&mut follow), ["later", "newer"]);
}

#[test]
fn a_file_written_anew_past_the_place_reached_is_noticed() {
    let (_dir, path) = log("one\ntwo\n");
    let mut follow = Follow::open(&path, 9, MAX).expect("opens");
    assert_eq!(poll(&mut follow), ["one", "two"]);
    File::create(&path).and_then(|mut f| f.write_all(b"three\nfour\nfive\n")).expect("writes");
    assert_eq!(poll(&mut follow), ["[truncated]", "three", "four", "five"]);
}

#[test]
fn a_line_that_is_too_long_is_reported_and_passed() {
    let (_dir, path) = log("");
    let max = 256 << 10;
    let mut follow = Follow::open(&path, 0, max).expect("opens");
    for _ in 0..40 {
        append(&path, &"x".repeat(100_000));
        assert!(poll(&mut follow).is_empty());
    }
    append(&path, "\nshort\n");
    assert_eq!(poll(&mut follow), ["[long 4000000]", "short"]);
}

/// Puts something at `path` that cannot be followed.
fn put(kind: &str, path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    match kind {
        "directory" => fs::create_dir(path).expect("makes"),
        "loop" => std::os::unix::fs::symlink(path, path).expect("links"),
        "socket" => drop(std::os::unix::net::UnixListener::bind(path).expect("binds")),
        _ => mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("makes"),
    }
}

fn remove(path: &Path) {
    fs::remove_file(path).or_else(|_| fs::remove_dir(path)).expect("removes");
}

#[test]
fn what_cannot_be_followed_is_said_once_and_the_old_file_is_read_on() {
    for (kind, words) in [
        ("directory", "a directory is there"),
        ("loop", "Too many levels"),
        ("FIFO", "a FIFO is there"),
        ("socket", "a socket is there"),
    ] {
        let (dir, path) = log("");
        let mut follow = Follow::open(&path, 0, MAX).expect("opens");
        let old = dir.path().join("a.log.1");
        fs::rename(&path, &old).expect("renames");
        put(kind, &path);
        append(&old, "one\n");
        let seen = poll(&mut follow);
        assert!(seen.len() == 2 && seen[0] == "one" && seen[1].contains(words), "{seen:?}");
        append(&old, "two\n");
        assert_eq!(poll(&mut follow), ["two"], "{kind}: it was said");
        remove(&path);
        append(&path, "three\n");
        append(&old, "four\n");
        assert_eq!(poll(&mut follow), ["four", "[replaced]", "three"], "{kind}");
        assert!(Follow::open(&path, 0, MAX).is_ok());
    }
}

#[test]
fn what_is_no_file_is_not_opened_at_the_start_either() {
    for kind in ["directory", "loop", "FIFO", "socket"] {
        let (_dir, path) = log("");
        remove(&path);
        put(kind, &path);
        assert!(Follow::open(&path, 0, MAX).is_err(), "{kind}");
    }
    assert!(Follow::open(Path::new("/dev/null"), 0, MAX).is_err());
}

#[test]
fn a_file_that_comes_back_goes_on_where_it_was() {
    let (dir, path) = log("");
    let mut follow = Follow::open(&path, 0, MAX).expect("opens");
    append(&path, "one\n");
    assert_eq!(poll(&mut follow), ["one"]);
    let old = dir.path().join("a.log.1");
    fs::rename(&path, &old).expect("renames");
    put("directory", &path);
    assert_eq!(poll(&mut follow).len(), 1);
    remove(&path);
    fs::rename(&old, &path).expect("renames");
    append(&path, "two\n");
    assert_eq!(poll(&mut follow), ["two", "[usable]"]);
    // Also when another one was there in between.
    fs::rename(&path, &old).expect("renames");
    append(&path, "three\n");
    assert_eq!(poll(&mut follow), ["[replaced]", "three"]);
    fs::rename(&old, &path).expect("renames");
    append(&path, "four\n");
    assert_eq!(poll(&mut follow), ["four", "[replaced]"]);
}

#[test]
fn rotations_between_two_polls_lose_nothing() {
    let (dir, path) = log("");
    let mut follow = Follow::open(&path, 0, MAX).expect("opens");
    let mut first = OpenOptions::new().append(true).open(&path).expect("opens");
    for round in 0..5 {
        append(&path, &format!("line-{round}\n"));
        for n in (1..5).rev() {
            let name = |n| dir.path().join(format!("a.log.{n}"));
            let _ = fs::rename(name(n), name(n + 1));
        }
        fs::rename(&path, dir.path().join("a.log.1")).expect("renames");
    }
    append(&path, "last\n");
    first.write_all(b"late\n").expect("writes");
    let mut seen = poll(&mut follow);
    seen.retain(|line| !line.starts_with('['));
    assert_eq!(seen, ["line-0", "late", "line-1", "line-2", "line-3", "line-4", "last"]);
    first.write_all(b"later\n").expect("writes");
    assert_eq!(poll(&mut follow), ["later"]);
}

#[test]
fn a_line_without_its_end_is_no_loss_when_the_file_is_truncated() {
    let (_dir, path) = log("");
    let mut follow = Follow::open(&path, 0, MAX).expect("opens");
    append(&path, "half");
    assert!(poll(&mut follow).is_empty());
    File::create(&path).expect("truncates");
    assert_eq!(poll(&mut follow), ["half", "[truncated]"]);
}

/// Appends, half lines, rotations of both kinds, in an order that the seed gives.
#[test]
fn every_line_is_seen_once_whatever_happens_to_the_file() {
    let first: u64 = std::env::var("CUTWATER_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    for seed in first..first + 200 {
        let mut dice = Dice::new(seed);
        let (dir, path) = log("");
        let mut follow = Follow::open(&path, 0, MAX).expect("opens");
        let (mut written, mut seen, mut next, mut half) = (Vec::new(), Vec::new(), 0, false);
        for step in 0..40 {
            match dice.below(6) {
                0..=2 => {
                    for _ in 0..dice.below(4) {
                        next += 1;
                        let line = format!("line-{next}-{}", "y".repeat(dice.below(60) as usize));
                        append(&path, &format!("{line}\n"));
                        match written.last_mut() {
                            Some(last) if half => *last = format!("{last}{line}"),
                            _ => written.push(line),
                        }
                        half = false;
                    }
                }
                3 if !half => {
                    next += 1;
                    append(&path, &format!("half-{next}-"));
                    written.push(format!("half-{next}-"));
                    half = true;
                }
                4 => {
                    let _ = fs::rename(&path, dir.path().join(format!("a.{step}")));
                    append(&path, "");
                    half = false;
                }
                5 if !half => {
                    // What a copy and truncate loses is what was not read yet.
                    seen.extend(poll(&mut follow));
                    File::create(&path).expect("truncates");
                }
                _ => {}
            }
            seen.extend(poll(&mut follow));
        }
        // A half line of a file that was moved away ends with the next rotation but one.
        for round in 0..2 {
            let _ = fs::rename(&path, dir.path().join(format!("end.{round}")));
            append(&path, "");
            seen.extend(poll(&mut follow));
        }
        seen.retain(|line| !line.starts_with('['));
        let (mut sorted, mut expected) = (seen.clone(), written.clone());
        sorted.sort();
        expected.sort();
        assert_eq!(sorted, expected, "seed {seed}");
    }
}
