//! Records of several lines.

use std::fs;
use std::ops::ControlFlow;

use cutwater::ReadPath;
use cutwater_logs::filter::Filter;
use cutwater_logs::follow::{Event, Follow};
use cutwater_logs::scan::{Feed, Lines, Log, Request, Rows, Tally, open, scan};
use cutwater_logs::split::Stop;
use jiff::tz::TimeZone;

fn opened(text: &str) -> (tempfile::NamedTempFile, Log) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), text).expect("writes");
    let log = open(file.path(), ReadPath::Auto, None, &TimeZone::UTC).expect("opens");
    (file, log)
}

/// The records that pass `filter`, and the counts; the same for any number of pieces.
fn records(text: &str, filter: &str) -> (Vec<String>, Tally) {
    let (_file, log) = opened(text);
    let logs = [log];
    let mut found = None;
    for (threads, piece_bytes) in [(1, 1 << 20), (2, 200), (3, 64)] {
        let mut request = Request::new(threads);
        (request.limits.piece_bytes, request.limits.block_bytes) = (piece_bytes, 64);
        request.filter = Filter::parse(filter, &TimeZone::UTC).expect("a filter");
        let mut rows = Vec::new();
        let done = scan(&logs, &request, &Stop::default(), Lines::default, |_, part| {
            let text = |row: &[u8]| String::from_utf8_lossy(row).trim_end().to_owned();
            rows.extend(part.out.iter().map(text));
            ControlFlow::Continue(())
        });
        let this = (rows, done.tallies[0].clone());
        let first = found.get_or_insert_with(|| this.clone());
        assert_eq!(*first, this, "{threads} threads, pieces of {piece_bytes}");
    }
    found.expect("three passes")
}

const JAVA: &str = "\
2026-01-02 03:04:05,100 INFO started
2026-01-02 03:04:06,100 ERROR it failed
java.lang.IllegalStateException: no
\tat a.b.C.d(C.java:12)
\tat a.b.C.e(C.java:13)
Caused by: java.io.IOException: disk
\t... 12 more

2026-01-02 03:04:07,100 INFO goes on
";

#[test]
fn a_stack_trace_belongs_to_the_line_before() {
    let (rows, tally) = records(JAVA, "level=ERROR");
    assert_eq!(rows.len(), 1);
    assert!(rows[0].starts_with("2026-01-02 03:04:06") && rows[0].ends_with("... 12 more"));
    let counts = (tally.lines, tally.records, tally.continued, tally.blank, tally.bad.total());
    assert_eq!(counts, (9, 3, 5, 1, 0));
    let (rows, _) = records(JAVA, "_line~disk");
    assert!(rows.len() == 1 && rows[0].starts_with("2026-01-02 03:04:06"), "{rows:?}");
    let (rows, _) = records(JAVA, "message~IOException");
    assert_eq!(rows.len(), 1);
}

#[test]
fn only_traces_and_indented_lines_continue_a_line_of_json() {
    let text = "\
{\"level\":\"info\",\"n\":1}
{\"level\":\"error\",\"n\":2}
Traceback (most recent call last):
  File \"a.py\", line 1, in f
ValueError: bad
this is not a record
{\"level\":\"info\",\"n\":3}
{\"level\":\"info\",\"n\":4}
";
    let (rows, tally) = records(text, "level=error");
    assert!(rows.len() == 1 && rows[0].ends_with("ValueError: bad"), "{rows:?}");
    let counts = (tally.lines, tally.records, tally.continued, tally.bad.total());
    // One line of text among lines of JSON is a bad line.
    assert_eq!(counts, (8, 4, 3, 1));
}

#[test]
fn goroutines_queries_and_objects_belong_to_the_line_before() {
    for rest in [
        "panic: runtime error\n\ngoroutine 1 [running]:\nmain.main()\n\t/a.go:3 +0x1d\nexit status 2",
        "SELECT *\nFROM t\nWHERE a = 1;",
        "{\n  \"a\": 1\n}",
        "<a>\n  <b/>\n</a>",
        "System.Exception: no\n   at A.B() in C.cs:line 3\n   --- End of inner exception",
    ] {
        let text = format!(
            "[2026-01-02 03:04:05] INFO a\n[2026-01-02 03:04:06] ERROR b\n{rest}\n\
             [2026-01-02 03:04:07] INFO c\n"
        );
        let (rows, tally) = records(&text, "level=ERROR");
        assert_eq!(rows, [format!("[2026-01-02 03:04:06] ERROR b\n{rest}")]);
        assert_eq!((tally.records, tally.matched), (3, 1));
    }
}

#[test]
fn lines_before_the_first_time_are_records_by_themselves() {
    let text = format!("a banner\nof two lines\n{JAVA}");
    let (rows, tally) = records(&text, "_line~banner");
    assert_eq!((rows, tally.matched), (vec!["a banner".to_owned()], 1));
    assert_eq!(records(&text, "").1.records, 5);
}

#[test]
fn a_followed_log_hands_a_record_over_when_the_next_one_begins() {
    let (file, log) = opened(JAVA);
    let logs = [log];
    let request = Request::new(1);
    let mut feed = Feed::new(&logs, &request, Lines::default());
    let mut follow = Follow::open(file.path(), 100, 1 << 20).expect("opens");
    let mut rows = Vec::new();
    let keep = |rows: &mut Vec<String>, out: &Rows| {
        rows.extend(out.iter().map(|row| String::from_utf8_lossy(row).trim_end().to_owned()));
    };
    let poll = |follow: &mut Follow, feed: &mut Feed<'_, Lines>, rows: &mut Vec<String>| {
        let each = |event: Event<'_>| {
            if let Event::Lines { offset, bytes } = event {
                keep(rows, &feed.lines(0, offset, bytes).out);
            }
            ControlFlow::Continue(())
        };
        follow.poll(each).expect("reads");
    };
    poll(&mut follow, &mut feed, &mut rows);
    assert_eq!(rows.len(), 2, "the last one may go on: {rows:?}");
    assert!(rows[1].ends_with("... 12 more"));
    let mut log_file = fs::OpenOptions::new().append(true).open(file.path()).expect("opens");
    std::io::Write::write_all(&mut log_file, b"  more\n").expect("writes");
    poll(&mut follow, &mut feed, &mut rows);
    assert!(rows.len() == 2 && feed.holds(0));
    keep(&mut rows, &feed.flush(0).out);
    assert!(rows[2].ends_with("INFO goes on\n  more"), "{rows:?}");
    assert!(!feed.holds(0));
}

#[test]
fn a_tail_begins_with_a_whole_record() {
    let (file, log) = opened(JAVA);
    let logs = [log];
    let request = Request::new(1);
    let mut feed = Feed::new(&logs, &request, Lines::default());
    // The last four lines begin within the trace.
    let mut follow = Follow::open(file.path(), 4, 1 << 20).expect("opens");
    follow.back_to_record(|line| feed.begins_record(0, line)).expect("reads");
    let mut first = None;
    let each = |event: Event<'_>| {
        if let Event::Lines { offset, .. } = event {
            first.get_or_insert(offset);
        }
        ControlFlow::Continue(())
    };
    follow.poll(each).expect("reads");
    let error = JAVA.find("2026-01-02 03:04:06").expect("the line") as u64;
    assert_eq!(first, Some(error));
}

#[test]
fn an_array_and_objects_of_several_lines_are_read_by_element() {
    let element = |n: u32| format!("{{\"level\":\"info\",\"n\":{n},\"in\":{{\"a\":[1,2]}}}}");
    let all: Vec<_> = (1..=20).map(element).collect();
    let pretty =
        |line: &String| line.replace(',', ",\n  ").replace('{', "{\n  ").replace('}', "\n}");
    let spread: Vec<_> = all.iter().map(pretty).collect();
    for text in [
        format!("[\n{}\n]\n", all.join(",\n")),
        format!("[{}]", all.join(",")),
        format!("[\n{}\n]", spread.join(",\n")),
        spread.join("\n"),
    ] {
        let (rows, tally) = records(&text, "n>=11");
        assert_eq!((rows.len(), tally.records, tally.bad.total()), (10, 20, 0), "{text}");
    }
}

#[test]
fn colours_do_not_hide_where_a_record_begins() {
    let coloured: Vec<_> = JAVA.lines().map(|line| format!("\x1b[32m{line}\x1b[0m\n")).collect();
    let (rows, tally) = records(&coloured.concat(), "level=ERROR");
    assert_eq!((rows.len(), tally.records, tally.continued), (1, 3, 5), "{rows:?}");
    assert!(rows[0].contains("IOException") && rows[0].starts_with("\x1b[32m"), "{rows:?}");
}

#[test]
fn a_line_with_a_time_of_its_own_is_no_part_of_the_record_before() {
    let line = |n: u32| format!("2026-11-28 10:00:0{n},123 INFO [main] a.B - message {n}\n");
    let text = (0..9).map(line).collect::<String>().repeat(5)
        + "2026-11-28 10:00:05,123 FATAL: out of memory\n"
        + "[2026-11-28 10:00:06] WARN other\n"
        + "{\"level\":\"error\",\"msg\":\"x\"}\n\tat a.b\n"
        + "2026-11-31 10:00:07 ERROR no such day\n";
    let (rows, tally) = records(&text, "level=FATAL");
    assert_eq!(rows, ["2026-11-28 10:00:05,123 FATAL: out of memory"]);
    assert_eq!((tally.records, tally.bad.total(), tally.continued), (47, 2, 1));
    assert_eq!(records(&text, "level=WARN").0.len(), 1);
    let plain = text.replace("INFO [main] a.B -", "");
    let (rows, _) = records(&plain, "_line~\"no such day\"");
    assert_eq!(rows, ["2026-11-31 10:00:07 ERROR no such day"]);
}

#[test]
fn an_indented_time_begins_a_record_only_where_all_times_are_indented() {
    let server = "2026-11-27 10:00:00.12 Server      Microsoft SQL Server 2019\n\
                  \tSep 24 2019 13:48:23 \n\
                  \tCopyright (C) 2019\n\
                  2026-11-27 10:00:01.12 Server      ok\n";
    let (found, _) = records(server, "");
    assert_eq!(found.len(), 2, "{found:?}");
    let agent = "==> Starting agent\n\
                 \x20   2026/11/27 10:00:00 [INFO] agent: a\n\
                 \x20   2026/11/27 10:00:01 [INFO] agent: b\n";
    let (found, _) = records(agent, "level=INFO");
    assert_eq!(found.len(), 2, "{found:?}");
}
