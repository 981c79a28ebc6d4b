//! Logs whose times, levels and pairs are found by no format in particular.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cutwater::ReadPath;
use cutwater_logs::filter::Filter;
use cutwater_logs::format::Format;
use cutwater_logs::scan::{Counting, Grouping, Log, Profiling, Request, Sink, Tally, open, scan};
use cutwater_logs::split::Stop;
use cutwater_logs::time::format_utc;
use jiff::tz::TimeZone;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// A log whose dates without a year are of 2026: the reference is 2026-11-28.
fn opened(path: &Path) -> Log {
    let mut log = open(path, ReadPath::Auto, None, &TimeZone::UTC).expect("the log opens");
    log.rules.reference_s = 1_795_824_000;
    log
}

fn passed<S: Sink>(log: &Log, request: &Request, sink: impl FnMut() -> S) -> (Tally, Vec<S>) {
    let logs = [log.clone()];
    let done = scan(&logs, request, &Stop::default(), sink, |_, _| ControlFlow::Continue(()));
    assert!(done.failures.is_empty());
    (done.tallies.into_iter().next().expect("a tally"), done.sinks)
}

/// The counts of a log, and its first and last time.
fn range(log: &Log) -> (Tally, Option<(String, String)>) {
    let request = Request { with_time: true, ..Request::new(1) };
    let (tally, sinks) = passed(log, &request, Profiling::default);
    let mut all = Profiling::default();
    sinks.into_iter().for_each(|sink| all.merge(sink));
    let range = all.logs.first().and_then(|(_, _, timeline)| timeline.range);
    (tally, range.map(|(first, last)| (format_utc(first), format_utc(last))))
}

/// How many records have each value of a field.
fn counts(log: &Log, field: &str) -> BTreeMap<String, u64> {
    let by = [field.to_owned()];
    let (_, sinks) = passed(log, &Request::new(1), || Grouping::new(&by, &[]));
    let groups = sinks.first().expect("a sink").groups();
    let name = |key: &Vec<Option<Vec<u8>>>| {
        key[0].as_ref().map_or("-".into(), |text| String::from_utf8_lossy(text).into_owned())
    };
    groups.iter().map(|(key, count, _)| (name(key), *count)).collect()
}

fn matched(log: &Log, condition: &str) -> u64 {
    let filter = Filter::parse(condition, &TimeZone::UTC).expect("a condition");
    let request = Request { filter, examine_all: false, ..Request::new(1) };
    passed(log, &request, || Counting).0.matched
}

fn written(text: &str) -> (tempfile::TempDir, Log) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("app.log");
    std::fs::write(&path, text).expect("the log is written");
    let log = opened(&path);
    (dir, log)
}

#[test]
fn the_first_record_of_each_log_has_its_time() {
    let expected = std::fs::read(data("times/expected.json")).expect("the list is there");
    let expected: BTreeMap<String, String> = serde_json::from_slice(&expected).expect("JSON");
    assert_eq!(expected.len(), 22);
    for (name, time) in expected {
        let log = opened(&data(&format!("times/{name}.log")));
        let (tally, range) = range(&log);
        assert_eq!((tally.records, tally.untimed, tally.bad.total()), (3, 0, 0), "{name}");
        assert_eq!(range.map(|(first, _)| first), Some(time), "{name} as {:?}", log.time);
    }
}

#[test]
fn levels_are_found_where_a_person_sees_them() {
    let log = opened(&data("text/levels.log"));
    let expected = [("ERROR".to_owned(), 9), ("FATAL".to_owned(), 1)];
    assert_eq!(counts(&log, "level"), BTreeMap::from(expected));
    assert_eq!(matched(&log, "level=ERROR"), 9, "the word need not be in the line");
    assert_eq!(matched(&log, "level=FATAL or message~d"), 2);
}

#[test]
fn pairs_in_a_message_are_fields() {
    let log = opened(&data("text/level-then-pairs.log"));
    assert_eq!(log.definition.format(), Format::Plain);
    let levels = ["ERROR", "INFO", "WARN"].map(|level| (level.to_owned(), 1));
    assert_eq!(counts(&log, "level"), BTreeMap::from(levels));
    assert_eq!(counts(&log, "ipAddress").get("192.168.1.1"), Some(&1));
    assert_eq!(counts(&log, "type").get("LOGIN_ERROR"), Some(&1));
    assert_eq!(matched(&log, "status>=500 and user=alice"), 1);
    assert_eq!(matched(&log, "message='request served user=bob status=200 ms=7'"), 1);
}

#[test]
fn a_pair_called_time_is_a_field() {
    let log = opened(&data("text/time-pair.log"));
    let (tally, range) = range(&log);
    let expected = ("2026-02-13T10:42:37Z".to_owned(), "2026-02-13T10:42:57.018Z".to_owned());
    assert_eq!((tally.records, tally.untimed, range), (2, 0, Some(expected)));
    assert_eq!(counts(&log, "time"), BTreeMap::from([("-".into(), 1), ("20.018".into(), 1)]));
    assert_eq!(matched(&log, "time>20"), 1);
    // In logfmt, too, and where the pair would be a time itself.
    let (_dir, log) = written(
        "2026-02-13T10:42:37Z a=1 time=1767323045\n2026-02-13T10:42:38Z a=2 time=1767323046\n",
    );
    let (_, range) = self::range(&log);
    assert_eq!(range.expect("times").0, "2026-02-13T10:42:37Z");
}

#[test]
fn hours_without_a_zero_and_names_of_mariadb() {
    let log = opened(&data("text/mariadb.log"));
    let expected = ("2021-11-09T05:13:12Z".to_owned(), "2021-11-09T15:13:12Z".to_owned());
    assert_eq!(range(&log).1, Some(expected));
    // The format names the levels, which keep their text.
    let levels = ["Note", "Warning"].map(|level| (level.to_owned(), 1));
    assert_eq!(counts(&log, "level"), BTreeMap::from(levels));
}

#[test]
fn the_time_of_a_record_goes_by_name_then_by_what_grows() {
    let log = opened(&data("text/which-time.log"));
    assert_eq!(log.time.as_deref(), Some("requestReceivedTimestamp"));
    for (lines, expected) in [
        // The nested one comes last, whatever its name.
        (
            "{\"a\":{\"timestamp\":\"2020-01-01T00:00:00Z\"},\"doneTime\":\"2026-01-01T00:00:00Z\"}\n",
            Some("doneTime"),
        ),
        // Of two usual ones, the one that grows.
        (
            "{\"time\":\"2020-05-01T00:00:00Z\",\"ts\":\"2026-01-01T00:00:01Z\"}\n\
             {\"time\":\"2020-04-01T00:00:00Z\",\"ts\":\"2026-01-01T00:00:02Z\"}\n\
             {\"time\":\"2020-03-01T00:00:00Z\",\"ts\":\"2026-01-01T00:00:03Z\"}\n",
            Some("ts"),
        ),
        // Numbers are no times under other names, nor out of range.
        ("{\"id\":\"1652857722\",\"logid\":\"0101039421\"}\n", None),
        ("{\"time\":20.018,\"runtime\":\"0101039421\"}\n", None),
        ("{\"time\":\"0101039421\",\"date\":\"2026-01-01T00:00:00Z\"}\n", Some("date")),
        ("{\"@t\":\"2026-01-01T00:00:00Z\",\"@m\":\"x\"}\n", Some("@t")),
    ] {
        let (_dir, log) = written(lines);
        assert_eq!(log.time.as_deref(), expected, "{lines}");
    }
}

#[test]
fn a_value_that_is_no_time_leaves_a_record_without_one() {
    let log = opened(&data("text/bad-time.log"));
    let (tally, range) = range(&log);
    assert_eq!((tally.records, tally.untimed, tally.bad.total()), (3, 1, 0));
    let expected = ("2026-01-02T03:04:05Z".to_owned(), "2026-01-02T03:04:07Z".to_owned());
    assert_eq!(range, Some(expected));
    assert_eq!(counts(&log, "n").len(), 3);
}

#[test]
fn the_rest_of_a_time_may_be_in_a_field_beside_it() {
    for (line, expected) in [
        (
            r#"{"timestampSeconds":1795773600,"timestampNanos":123000000,"m":1}"#,
            "2026-11-27T10:00:00.123Z",
        ),
        (
            r#"{"timestamp":{"seconds":1795773600,"nanos":123000000},"m":1}"#,
            "2026-11-27T10:00:00.123Z",
        ),
        (
            r#"date=2026-11-27 time=10:00:00 devname="fw" level="notice" tz="-0800" msg="x""#,
            "2026-11-27T18:00:00Z",
        ),
        ("date=2026-11-27 time=10:00:00 level=notice tz=Europe msg=x", "2026-11-27T10:00:00Z"),
        (r#"{"published":"2026-11-27T10:00:00.123Z","m":1}"#, "2026-11-27T10:00:00.123Z"),
        (r#"{"t":"/Date(1795773600123)/"}"#, "2026-11-27T10:00:00.123Z"),
        (r#"{"t":"\/Date(1795773600123+0100)\/"}"#, "2026-11-27T10:00:00.123Z"),
    ] {
        let (_dir, log) = written(&format!("{line}\n").repeat(3));
        let (_, range) = range(&log);
        assert_eq!(range.map(|(first, _)| first).as_deref(), Some(expected), "{line}");
    }
}

#[test]
fn times_and_levels_of_many_programs() {
    for (line, time, level) in [
        ("Nov 27 10:00:00.123 EST: %SYS-5-CONFIG_I: x", "2026-11-27T15:00:00.123Z", "INFO"),
        (
            "2026-11-27-10.00.00.123456-300 I1234E567             LEVEL: Error",
            "2026-11-27T15:00:00.123456Z",
            "ERROR",
        ),
        ("2026 Nov 27 10:00:00:123 GMT +1 BW.x Info [a] b", "2026-11-27T09:00:00.123Z", "INFO"),
        ("2026-11-27 10:00:00 (EST) INFO x", "2026-11-27T15:00:00Z", "INFO"),
        ("2026-11-27 10:00:00 [EST] INFO x", "2026-11-27T15:00:00Z", "INFO"),
        ("2026-11-27 10:00:00 [Europe/Berlin] INFO x", "2026-11-27T09:00:00Z", "INFO"),
        ("2026-11-27 10:00:00 [INFO] x", "2026-11-27T10:00:00Z", "INFO"),
        ("[2026-Nov-27 10:00:00.123456]: <error> bad", "2026-11-27T10:00:00.123456Z", "ERROR"),
        ("####<Nov 27, 2026 10:00:00 AM CET> <Info> <Server> <x>", "2026-11-27T09:00:00Z", "INFO"),
        (
            "=ERROR REPORT==== 27-Nov-2026::10:00:01.123456 ===",
            "2026-11-27T10:00:01.123456Z",
            "ERROR",
        ),
        ("10:00:00.123 27/11/2026 INFO x", "2026-11-27T10:00:00.123Z", "INFO"),
        ("Zigbee2MQTT:warn  2026-11-27 10:00:00: x", "2026-11-27T10:00:00Z", "WARN"),
        ("Fri Nov 27 10:00:02 2026 us=123456 ERROR x", "2026-11-27T10:00:02.123456Z", "ERROR"),
        ("27-Nov-26 10.00.02.123456 PM +01:00 ERROR x", "2026-11-27T21:00:02.123456Z", "ERROR"),
    ] {
        let (_dir, log) = written(&format!("{line}\n").repeat(3));
        let (_, range) = range(&log);
        assert_eq!(range.map(|(first, _)| first).as_deref(), Some(time), "{line}");
        assert_eq!(counts(&log, "level"), BTreeMap::from([(level.to_owned(), 3)]), "{line}");
    }
}

#[test]
fn unknown_zones_are_counted_and_read_in_the_zone_of_the_log() {
    let lines = "2026-01-02 03:04:05 XYZT [1] LOG:  a\n2026-01-02 03:04:06 XYZT [1] ERROR:  b\n";
    let (_dir, log) = written(lines);
    let (tally, range) = range(&log);
    assert_eq!(tally.unknown_zones.counts, [("XYZT".to_owned(), 2)]);
    assert_eq!(range.expect("times").0, "2026-01-02T03:04:05Z");
    // The format names the levels, which keep their text.
    let levels = ["ERROR", "LOG"].map(|level| (level.to_owned(), 1));
    assert_eq!(counts(&log, "level"), BTreeMap::from(levels));
}

#[test]
fn a_day_over_twelve_settles_the_order_for_the_whole_log() {
    let (_dir, log) =
        written("01/02/2026 03:04:05 a\n12/02/2026 03:04:05 b\n13/02/2026 03:04:05 c\n");
    let (_, range) = range(&log);
    let expected = ("2026-02-01T03:04:05Z".to_owned(), "2026-02-13T03:04:05Z".to_owned());
    assert_eq!(range, Some(expected));
}

#[test]
fn what_is_before_the_time_is_kept() {
    let (_dir, log) = written(
        "app1:M 02 Jan 2026 03:04:05.123 INFO Ready\napp1:M 02 Jan 2026 03:04:06.123 WARN Oops\n\
         app1:M 02 Jan 2026 03:04:07.123 DEBUG Trace\n",
    );
    assert_eq!(counts(&log, "prefix").get("app1:M"), Some(&3));
    assert_eq!(counts(&log, "message").get("Oops"), Some(&1));
    let levels = ["DEBUG", "INFO", "WARN"].map(|level| (level.to_owned(), 1));
    assert_eq!(counts(&log, "level"), BTreeMap::from(levels));
}
