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
