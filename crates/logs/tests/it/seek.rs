//! Finding times in a log without reading it.

use std::io::{Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::Path;

use cutwater::ReadPath;
use cutwater_logs::scan::{Counting, Log, Request, open, scan};
use cutwater_logs::seek::{last_time, seek};
use cutwater_logs::split::Stop;
use cutwater_logs::time::{Nanos, SECOND};
use jiff::tz::TimeZone;

/// 2026-03-01T00:00:00Z
const BEGIN_S: i64 = 1_772_323_200;

fn stamp(second: i64) -> String {
    cutwater_logs::time::format_utc((BEGIN_S + second) * SECOND)
}

fn at(second: i64) -> Nanos {
    (BEGIN_S + second) * SECOND
}

fn opened(path: &Path) -> Log {
    open(path, ReadPath::Auto, None, &TimeZone::UTC).expect("opens")
}

/// Records between two times, through the range that seek gave; and the pages that it read.
fn between(log: &Log, since: i64, until: i64) -> (u64, u64, bool, u64) {
    let found = seek(log, Some(at(since)), Some(at(until)))
        .expect("reads")
        .expect("a plain log with times");
    let mut request = Request::new(2);
    let length = found.range.end - found.range.start;
    request.ranges = vec![Some(found.range)];
    request.filter.between(Some(at(since)), Some(at(until)));
    let go_on = |_: usize, _: &mut _| ControlFlow::Continue(());
    let logs = [log.clone()];
    let done = scan(&logs, &request, &Stop::default(), || Counting, go_on);
    (done.tallies[0].matched, found.pages_touched, found.sorted, length)
}

fn log_of(seconds: impl IntoIterator<Item = i64>) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    let mut text = String::new();
    for (n, second) in seconds.into_iter().enumerate() {
        let pad = "x".repeat(n * 31 % 200);
        text.push_str(&format!("{{\"ts\":\"{}\",\"n\":{n},\"pad\":\"{pad}\"}}\n", stamp(second)));
    }
    file.write_all(text.as_bytes()).expect("writes");
    file
}

#[test]
fn every_record_of_a_time_range_is_found_and_no_other() {
    let file = log_of(0..20_000);
    let log = opened(file.path());
    let size = log.input.size();
    for (since, until) in [
        (0, 1),
        (0, 20_000),
        (19_999, 20_000),
        (-50, 5),
        (7000, 7001),
        (123, 4567),
        (30_000, 40_000),
        (5, 5),
    ] {
        let (matched, pages, sorted, length) = between(&log, since, until);
        let expected = (until.min(20_000) - since.max(0)).max(0) as u64;
        assert_eq!((matched, sorted), (expected, true), "{since}..{until}");
        assert!(pages < 200, "{since}..{until}: {pages} pages");
        // What is read besides the answer: the slack of ten seconds on each side, and a page or two.
        assert!(length < size * (expected + 24) / 20_000 + 3 * 4096, "{since}..{until}: {length}");
    }
    assert_eq!(last_time(&log).expect("reads"), Some(at(19_999)));
}

#[test]
fn what_is_out_of_order_by_less_than_the_slack_is_found() {
    let shuffled = |n: i64| if n % 2 == 0 { n + 4 } else { n - 4 };
    let file = log_of((10..20_000).map(shuffled));
    let (matched, _, sorted, _) = between(&opened(file.path()), 5000, 6000);
    assert_eq!((matched, sorted), (1000, true));
}

#[test]
fn an_unsorted_log_is_known_for_one_and_read_as_a_whole() {
    let file = log_of((0..20_000).map(|n| n * 7919 % 20_000));
    let log = opened(file.path());
    let (matched, _, sorted, length) = between(&log, 5000, 6000);
    assert_eq!((matched, sorted, length), (1000, false, log.input.size()));
}

/// Ten days around the night in which clocks are put back in New York, in its local time.
#[test]
fn the_hour_that_comes_twice_is_found_both_times() {
    let zone = TimeZone::get("America/New_York").expect("a zone");
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    // 2025-10-28T00:00:00Z, one record in ten seconds.
    let (begin, mut text) = (1_761_609_600, String::new());
    for n in 0..86_400 {
        let here =
            jiff::Timestamp::from_second(begin + n * 10).expect("a time").to_zoned(zone.clone());
        text.push_str(&format!("{} INFO record {n}\n", here.strftime("%Y-%m-%d %H:%M:%S")));
    }
    file.write_all(text.as_bytes()).expect("writes");
    let log = open(file.path(), ReadPath::Auto, None, &zone).expect("opens");
    let when = |clock: &str| {
        let text = format!("2025-11-02T{clock}");
        cutwater_logs::time::parse_when(&text, &zone, jiff::Timestamp::UNIX_EPOCH).expect("a time")
    };
    // Half past one comes twice, and so do all stamps of the hour that it is in.
    for (since, until, expected) in [
        ("01:30", "01:40", 120),
        ("01:00", "02:00", 720),
        ("00:50", "01:10", 180),
        ("01:50", "02:10", 180),
    ] {
        let (since, until) = (when(since), when(until));
        let found = seek(&log, Some(since), Some(until)).expect("reads").expect("plain");
        assert!(found.sorted, "an hour in ten days is not seen by the samples");
        let mut request = Request::new(1);
        request.ranges = vec![Some(found.range)];
        request.filter.between(Some(since), Some(until));
        let go_on = |_: usize, _: &mut _| ControlFlow::Continue(());
        let done = scan(std::slice::from_ref(&log), &request, &Stop::default(), || Counting, go_on);
        assert_eq!(done.tallies[0].matched, expected);
    }
}

/// A gigabyte that is almost all holes: sparse as it is, the pages read do not grow.
#[test]
fn holes_are_stepped_over() {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    let pieces = 1024;
    for piece in 0..pieces {
        file.seek(SeekFrom::Start(piece << 20)).expect("seeks");
        let mut text = String::from(if piece == 0 { "" } else { "\n" });
        (0..10).for_each(|n| {
            text.push_str(&format!("{{\"ts\":\"{}\"}}\n", stamp(piece as i64 * 60 + n)))
        });
        file.write_all(text.as_bytes()).expect("writes");
    }
    file.as_file().set_len(pieces << 20).expect("extends");
    let log = opened(file.path());
    for piece in [0, 1, 500, 1023] {
        let (matched, pages, sorted, _) = between(&log, piece * 60, piece * 60 + 5);
        assert_eq!((matched, sorted), (5, true), "piece {piece}");
        assert!(pages < 200, "piece {piece}: {pages} pages");
    }
}
