//! Lines in envelopes: what is inside is read, and the envelope's fields are there, too.

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::Path;

use cutwater::ReadPath;
use cutwater_logs::filter::Filter;
use cutwater_logs::format::Format;
use cutwater_logs::scan::{Counting, Feed, Log, Request, Row, Sink, Tally, open, scan};
use cutwater_logs::split::Stop;
use cutwater_logs::time::{Clock, format_utc};
use cutwater_logs::{Fields, SpanKind, value};
use jiff::tz::TimeZone;

/// Collects what each record has.
#[derive(Default)]
struct Seen(Vec<String>);

impl Sink for Seen {
    type Out = Vec<String>;

    fn fields(&self) -> Option<Vec<String>> {
        None
    }

    fn begin(&mut self, _: usize, _: &mut Fields) {}

    fn row(&mut self, row: &Row<'_>, _: &mut Clock) {
        let mut fields: Vec<_> =
            row.record.present().filter(|(_, s)| s.kind != SpanKind::Null).collect();
        fields.sort_by_key(|(id, _)| *id);
        let text = |span| value::text(span, row.block).unwrap_or_default().into_owned();
        let show = |(id, span)| {
            format!("{}={}", row.fields.name(id), String::from_utf8_lossy(&text(span)))
        };
        let time = row.time.map_or_else(|| "-".to_owned(), format_utc);
        let fields: Vec<_> = fields.into_iter().map(show).collect();
        self.0.push(format!("{}@{} {time} {}", row.number, row.offset, fields.join("|")));
    }

    fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.0)
    }
}

fn opened(path: &Path) -> Log {
    let mut log = open(path, ReadPath::Preadv, None, &TimeZone::UTC).expect("opens");
    log.rules.reference_s = 1_795_824_000; // 2026-11-28
    log
}

fn log(text: &[u8]) -> (tempfile::NamedTempFile, Log) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), text).expect("writes");
    let log = opened(file.path());
    (file, log)
}

fn pass(log: &Log, request: &Request) -> (Tally, Vec<String>) {
    let mut seen = Vec::new();
    let logs = [log.clone()];
    let done = scan(&logs, request, &Stop::default(), Seen::default, |_, part| {
        seen.append(&mut part.out);
        ControlFlow::Continue(())
    });
    assert!(done.failures.is_empty(), "{:?}", done.failures);
    (done.tallies[0].clone(), seen)
}

fn request() -> Request {
    let mut request = Request::new(1);
    request.with_time = true;
    request
}

/// The format, the envelopes, and the records of a log.
fn read(text: &str) -> (Format, Vec<&'static str>, Tally, Vec<String>) {
    let (_file, log) = log(text.as_bytes());
    let envelopes = log.definition.envelopes().iter().map(|e| e.kind().name()).collect();
    let (tally, seen) = pass(&log, &request());
    (log.definition.format(), envelopes, tally, seen)
}

fn count(text: &str, condition: &str) -> u64 {
    let (_file, log) = log(text.as_bytes());
    let mut request = request();
    request.filter = Filter::parse(condition, &TimeZone::UTC).expect("a condition");
    let done =
        scan(&[log], &request, &Stop::default(), || Counting, |_, _| ControlFlow::Continue(()));
    done.tallies[0].matched
}

const COMPOSE: &str = include_str!("../data/envelopes/compose.log");
const CRI: &str = include_str!("../data/envelopes/cri.log");
const INTER: &str = include_str!("../data/envelopes/inter.log");
const KUBECTL: &str = include_str!("../data/envelopes/kubectl.log");
const MIXED: &str = include_str!("../data/envelopes/mixed.log");
const STERN: &str = include_str!("../data/envelopes/stern.log");
const SYSLOG: &str = include_str!("../data/envelopes/syslog.log");
const SYSLOG_JSON: &str = include_str!("../data/envelopes/syslog-json.log");
const TIME_JSON: &str = include_str!("../data/envelopes/ts-json.log");
const ACCESS_SYSLOG: &str = include_str!("../data/envelopes/access-in-syslog.log");
const ACCESS_ISO: &str = include_str!("../data/envelopes/access-in-iso-syslog.log");
const VARIANTS: &str = include_str!("../data/envelopes/syslog-variants.log");

#[test]
fn json_behind_a_prefix_is_json() {
    for (text, envelope, errors) in [
        (COMPOSE, "compose", 1),
        (KUBECTL, "kubectl", 1),
        (STERN, "stern", 1),
        (TIME_JSON, "time", 1),
        (SYSLOG_JSON, "syslog", 2),
    ] {
        let (format, envelopes, tally, seen) = read(text);
        assert_eq!((format, &envelopes[..]), (Format::Json, &[envelope][..]), "{seen:#?}");
        assert_eq!(tally.bad.total(), 0, "{envelope}: {seen:#?}");
        assert_eq!(count(text, "level=error"), errors, "{envelope}");
    }
    let (.., seen) = read(KUBECTL);
    assert_eq!(
        seen[1],
        "2@76 2026-01-02T03:04:06Z pod=api-7d9f|container=api|time=2026-01-02T03:04:06Z|level=error|msg=b"
    );
    let (.., seen) = read(TIME_JSON);
    assert_eq!(
        seen[0],
        "1@0 2026-01-02T03:04:05.123Z time=2026-01-02T03:04:05.123Z|level=info|msg=a"
    );
    let (.., seen) = read(SYSLOG_JSON);
    assert_eq!(
        seen[2],
        "3@115 2026-01-02T03:04:07Z time=Jan  2 03:04:07|host=host1|app=app|pid=1|level=error|msg=c"
    );
}

#[test]
fn text_between_json_is_text() {
    let (format, envelopes, tally, seen) = read(COMPOSE);
    assert_eq!((format, envelopes, tally.records), (Format::Json, vec!["compose"], 4));
    assert_eq!(seen[2], "3@165 - container=web_1|message=plain text from entrypoint");
    let (format, envelopes, tally, seen) = read(MIXED);
    assert_eq!((format, envelopes.len(), tally.bad.total()), (Format::Json, 0, 0));
    assert_eq!(seen[0], "1@0 - message=Starting server on :8080");
    assert_eq!(seen[1], "2@25 2026-01-02T03:04:04Z time=2026/01/02 03:04:04|message=listening");
    assert_eq!(count(MIXED, "level=error"), 1);
}

#[test]
fn broken_json_stays_a_bad_line() {
    let json = "{\"ts\":\"2026-01-02T03:04:05Z\",\"n\":1}\n".repeat(200);
    let (format, _, tally, _) = read(&format!("{json}torn text\n{{\"n\":\n{json}"));
    assert_eq!((format, tally.bad.total()), (Format::Json, 2));
    // Among lines of text, too.
    let (_, _, tally, _) = read(&format!("{MIXED}{{\"n\":\n"));
    assert_eq!(tally.bad.total(), 1);
}

#[test]
fn an_access_log_in_syslog_is_an_access_log() {
    for (text, clients) in
        [(ACCESS_SYSLOG, &["10.0.0.1"; 4][..]), (ACCESS_ISO, &["10.0.0.1", "10.0.0.2"][..])]
    {
        let (format, envelopes, tally, seen) = read(text);
        assert_eq!((format, envelopes), (Format::Access, vec!["syslog"]));
        assert_eq!(tally.records, clients.len() as u64);
        for (line, client) in seen.iter().zip(clients) {
            assert!(line.contains(&format!("|host={client}|")), "{line}");
            assert!(line.contains("syslog_host=web|syslog_app=nginx|"), "{line}");
        }
    }
    assert_eq!((count(ACCESS_SYSLOG, "status=200"), count(ACCESS_SYSLOG, "status=404")), (4, 0));
    assert_eq!((count(ACCESS_ISO, "status=200"), count(ACCESS_ISO, "status=404")), (1, 1));
    let (.., seen) = read(ACCESS_SYSLOG);
    assert!(seen[2].starts_with("3@212 2026-01-15T14:19:31Z "), "{}", seen[2]);
}

#[test]
fn syslog_in_all_its_variants() {
    let (format, envelopes, tally, seen) = read(SYSLOG);
    assert_eq!(
        (format, envelopes.len(), tally.records, tally.bad.total()),
        (Format::Syslog, 0, 10, 0)
    );
    let has = |line: usize, part: &str| assert!(seen[line].contains(part), "{}", seen[line]);
    has(0, "host=host1|app=su|pid=12|message=pri one|priority=34");
    has(2, "2026-01-02T03:04:05.123456Z time=Jan 02 03:04:05.123456|host=host1|app=sshd|pid=3|");
    has(3, "host=host1|app=sshd|pid=3|message=short-iso");
    has(4, "2026-01-02T03:04:05Z time=Jan  2 2026 03:04:05|host=host1|app=cisco|message=with year");
    has(5, "app=CRON|pid=4|message=(root) CMD (x)");
    has(6, "host=host1|message=-- MARK --");
    has(7, "host=host1|message=last message repeated 2 times");
    has(8, "host=fe80::1|app=app-name.sub|pid=5|message=v6 host");
    has(9, "host=host1|app=my app|pid=5|message=name with space");
    let (format, _, tally, seen) = read(VARIANTS);
    assert_eq!((format, tally.records), (Format::Syslog, 5), "{seen:#?}");
    for (line, host) in seen.iter().zip(["host1", "host1", "host1", "host1", "mac1"]) {
        assert!(line.contains(&format!("|host={host}|app=")), "{line}");
    }
    assert!(seen[4].contains("app=Some App|pid=77|message=a name with a space"), "{}", seen[4]);
    assert!(seen[0].contains("time=Jun  1 12:00:00 2024|"), "{}", seen[0]);
}

#[test]
fn forms_of_journald_and_of_heroku_are_syslog() {
    let cases = [
        (
            "Fri 2026-01-02 03:04:05 UTC host1 sshd[3]: msg",
            "time=2026-01-02 03:04:05 UTC|host=host1|app=sshd|pid=3|message=msg",
        ),
        (
            "1767323045.123456 host1 sshd[3]: msg",
            "time=1767323045.123456|host=host1|app=sshd|pid=3|message=msg",
        ),
        (
            "2012-11-30T06:45:29+00:00 heroku[web.3]: State changed",
            "time=2012-11-30T06:45:29+00:00|app=heroku|pid=web.3|message=State changed",
        ),
        // Devices of Cisco write this form, too, and a format that is data reads theirs.
        (
            "Jan  2 2026 03:04:05 host1 : app7: built",
            "time=Jan  2 2026 03:04:05|host=host1|app=app7|message=built",
        ),
        ("Jan  2 03:04:05 sshd[3]: no host", "time=Jan  2 03:04:05|app=sshd|pid=3|message=no host"),
    ];
    for (line, expected) in cases {
        let (format, _, _, seen) = read(&format!("{line}\n{line}\n"));
        assert_eq!(format, Format::Syslog, "{line}");
        assert!(seen[0].ends_with(expected), "{}", seen[0]);
    }
    let logplex = "83 <40>1 2012-11-30T06:45:29+00:00 host app web.3 - State changed\n";
    let (format, _, _, seen) = read(logplex);
    assert_eq!(format, Format::Syslog5424);
    assert!(seen[0].ends_with("priority=40|time=2012-11-30T06:45:29+00:00|host=host|app=app|pid=web.3|message=State changed|level=FATAL"), "{}", seen[0]);
}

#[test]
fn envelopes_may_be_nested() {
    let line =
        "2026-01-02T03:04:05.1Z stdout F Jan  2 03:04:06 h app[1]: {\"host\":\"inner\",\"n\":1}\n";
    let (format, envelopes, _, seen) = read(line);
    assert_eq!((format, envelopes), (Format::Json, vec!["cri", "syslog"]));
    assert_eq!(
        seen[0],
        "1@0 2026-01-02T03:04:06Z cri_time=2026-01-02T03:04:05.1Z|stream=stdout|flag=F|time=Jan  2 03:04:06|syslog_host=h|app=app|pid=1|host=inner|n=1"
    );
}

#[test]
fn pieces_are_joined_by_stream() {
    let (format, envelopes, tally, seen) = read(CRI);
    assert_eq!((format, envelopes), (Format::Json, vec!["cri"]));
    assert_eq!((tally.lines, tally.records, tally.bad.total()), (7, 5, 0), "{seen:#?}");
    assert_eq!(
        seen[0],
        "1@0 2026-01-02T03:04:05.100000001Z time=2026-01-02T03:04:05.100000001Z|stream=stdout|flag=F|level=error|msg=part one and part two and the end|code=7"
    );
    assert!(seen[1].ends_with("stream=stderr|flag=F|message="), "{}", seen[1]);
    assert!(seen[3].contains(" 2026-01-01T18:04:07.2Z "), "{}", seen[3]);
    assert!(seen[4].ends_with("flag=P|message=no newline at end of stream"), "{}", seen[4]);
    assert_eq!(count(CRI, "msg~\"two and the\""), 1);
    let (format, _, tally, seen) = read(INTER);
    assert_eq!((format, tally.records), (Format::Cri, 3));
    assert!(seen[0].starts_with("1@0 2026-01-02T03:04:05.100000001Z "), "{}", seen[0]);
    assert!(seen[0].ends_with("message=out-1 out-2"), "{}", seen[0]);
    assert!(seen[1].starts_with("2@") && seen[1].ends_with("message=err-1 err-2"), "{}", seen[1]);
}

#[test]
fn docker_texts_are_read_as_what_they_are() {
    let line = |log: &str, n: u32| {
        format!(
            "{{\"log\":\"{log}\",\"stream\":\"stdout\",\"time\":\"2026-01-02T03:04:{n:02}Z\"}}\n"
        )
    };
    let text = line("{\\\"level\\\":\\\"error\\\",\\\"msg\\\":\\\"a ", 1)
        + &line("\\u00e9 b\\\"}\\n", 2)
        + &line("{\\\"level\\\":\\\"info\\\"}\\n", 3);
    let (format, envelopes, tally, seen) = read(&text);
    assert_eq!((format, envelopes, tally.records), (Format::Json, vec!["docker"], 2));
    assert_eq!(
        seen[0],
        "1@0 2026-01-02T03:04:01Z time=2026-01-02T03:04:01Z|stream=stdout|level=error|msg=a é b"
    );
    let (format, envelopes, tally, seen) =
        read(&(line("one ", 1) + &line("two\\n", 2) + "{\"log\":\n"));
    assert_eq!((format, envelopes), (Format::Docker, vec!["docker"]));
    assert_eq!((tally.records, tally.bad.total()), (1, 1));
    assert!(seen[0].contains("|log=one two"), "{}", seen[0]);
}

/// Pieces of both streams, in any pieces of work, are the same records.
#[test]
fn pieces_are_joined_across_pieces_of_work() {
    let mut text = String::new();
    for n in 0..3000 {
        let (stream, flag) = (["stdout", "stderr"][n % 2], if n % 7 < 4 { "P" } else { "F" });
        text += &format!("2026-01-02T03:04:05.{n:09}Z {stream} {flag} {n} \n");
    }
    let (_file, log) = log(text.as_bytes());
    let (whole, expected) = pass(&log, &request());
    let strip = |rows: &[String]| -> Vec<String> {
        rows.iter()
            .map(|row| row.split_once('@').map_or_else(String::new, |(_, r)| r.to_owned()))
            .collect()
    };
    for (threads, piece) in [(1, 999), (2, 4096), (3, 20_000)] {
        let mut request = request();
        request.threads = threads;
        (request.limits.piece_bytes, request.limits.block_bytes) = (piece, 64);
        let (tally, seen) = pass(&log, &request);
        assert_eq!((tally.lines, tally.records), (whole.lines, whole.records), "{piece}");
        let (mut seen, mut expected) = (strip(&seen), strip(&expected));
        seen.sort();
        expected.sort();
        assert_eq!(seen, expected, "{piece}");
    }
}

#[test]
fn a_text_longer_than_the_longest_line_is_a_bad_line() {
    let piece = "x".repeat(16_000);
    let line = |flag: &str| format!("2026-01-02T03:04:05.1Z stdout {flag} {piece}\n");
    let text = line("P").repeat(40) + &line("F") + "2026-01-02T03:04:06.1Z stdout F short\n";
    let (_file, log) = log(text.as_bytes());
    let mut request = request();
    (request.limits.line_bytes_max, request.limits.block_bytes) = (300_000, 64 << 10);
    for piece_bytes in [4 << 20, 100_000] {
        request.limits.piece_bytes = piece_bytes;
        let (tally, seen) = pass(&log, &request);
        assert_eq!((tally.lines, tally.records, tally.bad.total()), (42, 1, 1), "{seen:?}");
    }
}

#[test]
fn colour_codes_are_no_part_of_fields() {
    let text = "\u{1b}[90m2026-01-02T03:04:05Z\u{1b}[0m \u{1b}[31mERROR\u{1b}[0m it broke\n";
    let (_, _, _, seen) = read(&text.repeat(3));
    assert!(
        seen[0].ends_with("time=2026-01-02T03:04:05Z|level=ERROR|message=it broke"),
        "{}",
        seen[0]
    );
    assert_eq!(count(text, "level=ERROR"), 1);
    let json = "{\"level\":\"\\u001b[32minfo\\u001b[39m\",\"n\":1}\n";
    assert_eq!((read(json).0, count(json, "level=info")), (Format::Json, 1));
}

#[test]
fn a_banner_before_json_hides_none_of_it() {
    let banner: String =
        (0..70).map(|n| format!("  banner line {n} of the program's start\n")).collect();
    let json: String = (0..400)
        .map(|n| {
            format!(
                "{{\"ts\":\"2026-01-02T03:{:02}:{:02}Z\",\"level\":\"info\"}}\n",
                n / 60,
                n % 60
            )
        })
        .collect();
    let text = banner + &json;
    assert_eq!((read(&text).0, count(&text, "level=info")), (Format::Json, 400));
}

#[test]
fn lines_behind_holes_are_found_wherever_the_holes_are() {
    let line = |n: u32| {
        let level = if n.is_multiple_of(100) { "error" } else { "info" };
        format!("{{\"ts\":\"2026-01-02T03:{:02}:{:02}Z\",\"level\":\"{level}\"}}\n", n / 60, n % 60)
    };
    let lines: String = (0..1000).map(line).collect();
    let file = tempfile::NamedTempFile::new().expect("a file");
    // A hole in front, one in the middle, and bytes that were reserved at the end.
    let (hole, size) = (20 << 20, lines.len() as u64);
    file.as_file().write_all_at(lines.as_bytes(), hole).expect("writes");
    file.as_file().write_all_at(lines.as_bytes(), 2 * hole + size).expect("writes");
    file.as_file().set_len(3 * hole + 2 * size).expect("grows");
    let log = opened(file.path());
    assert_eq!(log.definition.format(), Format::Json);
    let mut request = request();
    request.filter = Filter::parse("level=error", &TimeZone::UTC).expect("a condition");
    for (threads, examine_all) in [(1, true), (2, false)] {
        (request.threads, request.examine_all) = (threads, examine_all);
        let (tally, seen) = pass(&log, &request);
        assert_eq!((seen.len(), tally.bad.total()), (20, 0), "{:?}", tally.bad);
    }
    // A few NUL bytes before a line, and a line of nothing else.
    for lines in ["\0\0\0{\"a\":1}\n\0\0\n{\"a\":2}\n", "\0\0a=1 b=2\n\0\0\na=1 b=2\n"] {
        let (_, _, tally, seen) = read(lines);
        assert_eq!((tally.records, tally.bad.total()), (2, 0), "{seen:?}");
    }
}

#[test]
fn wide_lines_are_detected_as_others_are() {
    let pad = "y".repeat(40_000);
    let text: String = (0..10)
        .map(|n| {
            format!(
                "{{\"ts\":\"2026-01-02T03:04:{n:02}Z\",\"level\":\"info\",\"pad\":\"{pad}\"}}\n"
            )
        })
        .collect();
    assert_eq!((read(&text).0, count(&text, "level=info")), (Format::Json, 10));
}

#[test]
fn utf_16_is_read_as_utf_8() {
    let text = "{\"level\":\"info\",\"msg\":\"é\"}\r\n{\"level\":\"error\",\"msg\":\"x\"}\r\n";
    for mark in ["\u{feff}", ""] {
        let bytes: Vec<u8> =
            format!("{mark}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        let (_file, log) = log(&bytes);
        assert!(log.input.utf16().is_some());
        let (tally, seen) = pass(&log, &request());
        assert_eq!((log.definition.format(), tally.records), (Format::Json, 2));
        assert!(seen[0].ends_with("level=info|msg=é"), "{}", seen[0]);
    }
}

#[test]
fn a_time_is_sought_in_a_log_of_pieces() {
    let line = |n: u64| {
        let (flag, text) = if n % 3 == 2 { ("F", "end") } else { ("P", "part ") };
        format!(
            "2026-01-02T{:02}:{:02}:{:02}Z stdout {flag} {text}\n",
            n / 3600,
            n / 60 % 60,
            n % 60
        )
    };
    let text: String = (0..20_000).map(line).collect();
    let (_file, log) = log(text.as_bytes());
    let since = Clock::new(log.rules.clone()).parse(b"2026-01-02T05:00:00Z").expect("a time");
    let found =
        cutwater_logs::seek::seek(&log, Some(since), None).expect("reads").expect("is a file");
    assert!(found.sorted && found.range.start > 0 && found.range.start < text.len() as u64);
    let mut request = request();
    request.ranges = vec![Some(found.range)];
    let (_, seen) = pass(&log, &request);
    // Records begin each three seconds, from 00:00:00 on.
    let since_then = seen.iter().filter(|row| row.contains(" 2026-01-02T05:00:00Z ")).count();
    assert_eq!(since_then, 1);
    assert!(seen.iter().all(|row| row.contains("part part end") || row.contains("|flag=P|")));
}

#[test]
fn a_log_that_is_followed_gives_texts_when_they_are_whole() {
    let (_file, log) = log(CRI.as_bytes());
    let logs = [log];
    let request = request();
    let mut feed = Feed::new(&logs, &request, Seen::default());
    let mut offset = 0;
    let mut counts = Vec::new();
    for line in CRI.split_inclusive('\n') {
        counts.push(feed.lines(0, offset, line.as_bytes()).out.len());
        offset += line.len() as u64;
    }
    // A record is held until the line after it shows that it is whole.
    assert_eq!(counts, [0, 0, 0, 1, 1, 1, 1]);
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_line() {
    let time = "2026-11-27 10:00:0";
    // Values in columns.
    let csv: String = (0..5).map(|n| format!("{time}{n},INFO,a\n")).collect();
    let (format, _, tally, seen) = read(&format!("\u{feff}ts,level,msg\n{csv}"));
    assert_eq!((format, tally.records), (Format::Csv, 5), "{seen:#?}");
    assert!(seen[0].ends_with("2026-11-27T10:00:00Z ts=2026-11-27 10:00:00|level=INFO|msg=a"));
    // Text with colours, which is read in a copy.
    let text = format!("\u{feff}{time}0 \u{1b}[31mERROR\u{1b}[0m a\n  more\n{time}1 INFO b\n");
    let (_, _, tally, seen) = read(&text);
    assert_eq!(tally.records, 2, "{seen:#?}");
    assert!(seen[0].starts_with("1@3 2026-11-27T10:00:00Z "), "{}", seen[0]);
    assert!(seen[0].ends_with("level=ERROR|message=a\n  more"), "{}", seen[0]);
    // JSON with colours, and JSON in one piece.
    let json = "\u{feff}{\"level\":\"\\u001b[32minfo\\u001b[0m\"}\n{\"level\":\"info\"}\n";
    let (format, _, tally, _) = read(json);
    assert_eq!((format, tally.records, tally.bad.total()), (Format::Json, 2, 0));
    let (format, _, tally, _) = read("\u{feff}[{\"a\":1},\n{\"a\":2}]\n");
    assert_eq!((format, tally.records, tally.bad.total()), (Format::Json, 2, 0));
}

#[test]
fn a_carriage_return_ends_no_message() {
    let text = "2026-11-27 10:00:00 ERROR a\r\n   at b\r\n2026-11-27 10:00:01 INFO c\r\n";
    let (.., seen) = read(text);
    assert!(seen[0].ends_with("|message=a\r\n   at b"), "{:?}", seen[0]);
    assert!(seen[1].ends_with("|message=c"), "{:?}", seen[1]);
    assert_eq!((count(text, "message=~b$"), count(text, "message=~c$")), (1, 1));
}

#[test]
fn a_zone_after_the_time_of_syslog_is_no_host() {
    for (stamp, utc) in [
        ("Nov 27 10:00:00 EST", "2026-11-27T15:00:00Z"),
        ("Nov 27 10:00:00 CET", "2026-11-27T09:00:00Z"),
        ("Nov 27 10:00:00 UTC", "2026-11-27T10:00:00Z"),
        ("Nov 27 10:00:00.5 PST", "2026-11-27T18:00:00.5Z"),
        ("Nov 27 10:00:00 2026 EST", "2026-11-27T15:00:00Z"),
        ("Nov 27 2026 10:00:00 EST", "2026-11-27T15:00:00Z"),
    ] {
        let (format, _, _, seen) = read(&format!("{stamp} web1 app[1]: hello\n").repeat(3));
        assert_eq!(format, Format::Syslog);
        let expected = format!("1@0 {utc} time={stamp}|host=web1|app=app|pid=1|message=hello");
        assert_eq!(seen[0], expected);
    }
    for (line, expected) in [
        ("EST app[1]: hello", "host=EST|app=app|pid=1|message=hello"),
        ("EST app: hello", "host=EST|app=app|message=hello"),
        ("WEB web1 app: hello", "host=WEB|message=web1 app: hello"),
    ] {
        let (.., seen) = read(&format!("Nov 27 10:00:00 {line}\n").repeat(3));
        assert!(seen[0].ends_with(expected), "{}", seen[0]);
        assert!(seen[0].contains(" 2026-11-27T10:00:00Z "), "{}", seen[0]);
    }
}

#[test]
fn the_time_inside_counts_record_by_record() {
    let line = |n: u32| {
        format!(
            "Nov 27 10:00:{n:02} web nginx[1]: 10.0.0.1 - - [27/Nov/2026:09:59:{n:02} +0000] \"GET / HTTP/1.1\" 200 5\n"
        )
    };
    let odd = "Nov 27 10:00:30 web nginx[1]: Server static/srv1 is DOWN, reason: L4\n";
    let text: String =
        (0..10).map(line).chain([odd.to_owned()]).chain((10..20).map(line)).collect();
    let (format, envelopes, _, seen) = read(&text);
    assert_eq!((format, envelopes), (Format::Access, vec!["syslog"]));
    assert!(seen[9].contains(" 2026-11-27T09:59:09Z "), "{}", seen[9]);
    assert!(seen[10].contains(" 2026-11-27T10:00:30Z "), "{}", seen[10]);
    assert!(seen[20].contains(" 2026-11-27T09:59:19Z "), "{}", seen[20]);
}

#[test]
fn json_after_times_is_found_among_text_with_times() {
    for prefix in ["", "web-1  | "] {
        let line = |n: u32| {
            let text = if n.is_multiple_of(4) {
                format!("START RequestId: {n}")
            } else {
                format!(
                    "{{\"level\":\"{}\",\"msg\":\"m{n}\"}}",
                    if n == 5 { "error" } else { "info" }
                )
            };
            let trace =
                if n == 8 { format!("{prefix}\tat a.b(C.java:1)\n") } else { String::new() };
            format!("{prefix}2026-11-27T10:00:{n:02}.123Z {text}\n{trace}")
        };
        let text: String = (0..20).map(line).collect();
        let (format, envelopes, tally, seen) = read(&text);
        assert_eq!((format, envelopes.last()), (Format::Json, Some(&"time")), "{seen:#?}");
        assert_eq!((tally.records, tally.bad.total(), tally.continued), (20, 0, 1), "{seen:#?}");
        assert_eq!((count(&text, "level=error"), count(&text, "level=info")), (1, 14));
        let start = "2026-11-27T10:00:04.123Z";
        assert!(seen[4].contains(start) && seen[4].ends_with("|message=START RequestId: 4"));
        assert!(seen[5].contains(" 2026-11-27T10:00:05.123Z "), "{}", seen[5]);
        assert!(seen[8].ends_with("\tat a.b(C.java:1)"), "{}", seen[8]);
    }
}

#[test]
fn pairs_in_syslog_are_found_among_text() {
    let line = |n: u32| {
        let text = if n.is_multiple_of(5) {
            format!("app[web.1]: hello {n}")
        } else {
            format!("heroku[router]: at=info method=GET path=\"/a\" status={}", 200 + n)
        };
        format!("2026-11-27T10:00:{n:02}+00:00 {text}\n")
    };
    let text: String = (0..20).map(line).collect();
    let (format, envelopes, _, seen) = read(&text);
    assert_eq!((format, envelopes), (Format::Logfmt, vec!["syslog"]), "{seen:#?}");
    assert_eq!(count(&text, "status=201"), 1);
    assert!(seen[0].ends_with("app=app|pid=web.1|message=hello 0"), "{}", seen[0]);
    assert!(seen[5].contains(" 2026-11-27T10:00:05Z "), "{}", seen[5]);
}

#[test]
fn further_lines_of_a_message_in_journalctl_continue_it() {
    let line = |n: u32| format!("Nov 27 10:00:{n:02} web1 app[1]: first {n}\n");
    let more = "                          second\n                          third\n";
    let rest: String = (3..8).map(line).collect();
    let text = line(0) + more + &line(1) + &line(2) + more + &rest;
    let (format, _, tally, seen) = read(&text);
    assert_eq!(format, Format::Syslog);
    assert_eq!((tally.records, tally.bad.total(), tally.continued), (8, 0, 4), "{seen:#?}");
    assert!(seen[0].ends_with("  third") && seen[1].ends_with("first 1"), "{seen:#?}");
    assert_eq!(count(&text, "message~third"), 2);
}

#[test]
fn stern_may_have_text_inside() {
    let line = |pod: &str, n: u32| format!("{pod} app 2026-11-27 10:00:{n:02} INFO a\n");
    let pods = |pod: &str| (0..4).map(|n| line(pod, n)).collect::<String>();
    let (_, envelopes, _, seen) = read(&pods("web-6f7d9c5b8-abcde"));
    assert_eq!(envelopes, ["stern"]);
    assert_eq!(
        seen[1],
        "2@51 2026-11-27T10:00:01Z pod=web-6f7d9c5b8-abcde|container=app|time=2026-11-27 10:00:01|level=INFO|message=a"
    );
    // Any word with a hyphen is no pod.
    assert!(read(&pods("my-service")).1.is_empty());
}

#[test]
fn an_indented_line_of_syslog_belongs_to_a_trace_that_is_near() {
    let line = |text: &str| format!("Nov 27 10:00:00 web1 app[1]: {text}\n");
    let near = line("failed") + &line("  at a.b.C.d(C.java:1)") + &line("  locals: x").repeat(20);
    let (format, _, tally, _) = read(&near);
    assert_eq!((format, tally.records, tally.continued), (Format::Syslog, 1, 21));
    // Without a bound, each line would look at all before it.
    let far = near.repeat(2) + &line("  locals: x").repeat(200);
    let (_, _, tally, _) = read(&far);
    assert_eq!(tally.lines, 244);
    assert!(tally.records > 100, "{}", tally.records);
    let none = line("failed") + &line("  item").repeat(20);
    assert_eq!(read(&none).2.records, 21);
}
