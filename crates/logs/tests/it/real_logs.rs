//! Real logs with counts that were found by grep and awk, not by us.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cutwater::ReadPath;
use cutwater_logs::format::Format;
use cutwater_logs::profile::Type;
use cutwater_logs::scan::{Grouping, Log, Measure, Profiling, Request, Tally, open, scan};
use cutwater_logs::split::Stop;
use jiff::tz::TimeZone;

/// A sample log, where it is at hand.
fn sample(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if !path.exists() {
        cutwater_testing::skip!("{} is not here", path.display());
        return None;
    }
    Some(path)
}

fn opened(path: &Path) -> Log {
    open(path, ReadPath::Auto, None, &TimeZone::UTC).expect("the log opens")
}

fn profiled(log: &Log) -> (Tally, Profiling) {
    let mut request = Request::new(3);
    // Small pieces, so that a file of this size has many.
    (request.limits.piece_bytes, request.limits.block_bytes) = (10_000, 1_000);
    request.with_time = true;
    let logs = [log.clone()];
    let done = scan(&logs, &request, &Stop::default(), Profiling::default, |_, _| {
        ControlFlow::Continue(())
    });
    assert!(done.failures.is_empty());
    let mut all = Profiling::default();
    done.sinks.into_iter().for_each(|sink| all.merge(sink));
    (done.tallies[0].clone(), all)
}

/// Filled records and the type of a field, and how often some of its values occur.
fn check(all: &Profiling, name: &str, kind: Type, filled: u64, values: &[(&str, u64)]) {
    let field = all.logs[0].1.find(&[name]).unwrap_or_else(|| panic!("there is a field {name}"));
    assert_eq!((field.kind(), field.filled), (kind, filled), "{name}");
    let most = field.top.most(2048);
    for (value, count) in values {
        let found = most.iter().find(|(v, _)| *v == value.as_bytes()).map(|v| v.1);
        assert_eq!(found, Some(*count), "{name}={value}");
    }
}

fn range(all: &Profiling) -> (String, String) {
    let (first, last) = all.logs[0].2.range.expect("there are times");
    (cutwater_logs::time::format_utc(first), cutwater_logs::time::format_utc(last))
}

#[test]
fn apache_error_log() {
    let Some(path) = sample("Apache_2k.log") else { return };
    let log = opened(&path);
    assert_eq!((log.definition.format(), log.confidence), (Format::Data("apache-error"), 1.0));
    let (tally, all) = profiled(&log);
    assert_eq!(
        (tally.lines, tally.records, tally.bad.total(), tally.bytes),
        (2000, 2000, 0, 171_239)
    );
    check(&all, "level", Type::String, 2000, &[("notice", 1405), ("error", 595)]);
    check(&all, "client", Type::Ip, 32, &[]);
    check(&all, "time", Type::Timestamp, 2000, &[]);
    assert_eq!(range(&all), ("2005-12-04T04:47:44Z".into(), "2005-12-05T19:15:57Z".into()));
}

#[test]
fn bsd_syslog_of_sshd() {
    let Some(path) = sample("OpenSSH_2k.log") else { return };
    let log = opened(&path);
    assert_eq!((log.definition.format(), log.confidence), (Format::Syslog, 1.0));
    let (tally, all) = profiled(&log);
    assert_eq!((tally.lines, tally.records, tally.bad.total()), (2000, 2000, 0));
    check(&all, "app", Type::String, 2000, &[("sshd", 2000)]);
    check(&all, "host", Type::String, 2000, &[("LabSZ", 2000)]);
    check(&all, "pid", Type::Integer, 2000, &[("24833", 18), ("24437", 16), ("24421", 16)]);
}

#[test]
fn bsd_syslog_of_many_programs() {
    let Some(path) = sample("Linux_2k.log") else { return };
    let log = opened(&path);
    assert_eq!((log.definition.format(), log.confidence), (Format::Syslog, 1.0));
    let (tally, all) = profiled(&log);
    assert_eq!((tally.lines, tally.records, tally.bad.total()), (2000, 2000, 0));
    let apps = [("ftpd", 916), ("sshd(pam_unix)", 677), ("su(pam_unix)", 172), ("kernel", 76)];
    // Seven lines say "syslogd 1.4.1: restart." and one begins with " -- root[2421]: ".
    check(&all, "app", Type::String, 1992, &apps);
    // 1,849 lines have a number in brackets before a colon, the one of root among them.
    check(&all, "pid", Type::Integer, 1848, &[]);
    check(&all, "host", Type::String, 2000, &[("combo", 2000)]);
}

#[test]
fn combined_access_log() {
    let Some(path) = sample("apache_access_2k.log") else { return };
    let log = opened(&path);
    assert_eq!((log.definition.format(), log.confidence), (Format::Access, 1.0));
    let (tally, all) = profiled(&log);
    assert_eq!((tally.lines, tally.records, tally.bad.total()), (2000, 2000, 0));
    let statuses = [("200", 1845), ("301", 62), ("304", 37), ("404", 35), ("206", 21)];
    check(&all, "status", Type::Integer, 2000, &statuses);
    check(&all, "method", Type::String, 2000, &[("GET", 1993), ("HEAD", 7)]);
    check(&all, "protocol", Type::String, 2000, &[("HTTP/1.1", 1745), ("HTTP/1.0", 255)]);
    check(&all, "bytes", Type::Integer, 1927, &[]);
    check(&all, "referer", Type::String, 1128, &[]);
    check(&all, "user_agent", Type::String, 1937, &[]);
    assert_eq!(range(&all).0, "2015-05-17T10:05:00Z");
}

#[test]
fn sums_by_group_are_those_of_awk() {
    let Some(path) = sample("apache_access_2k.log") else { return };
    let (by, measures) = (["host".to_owned()], [Measure::Count, Measure::Sum("bytes".into())]);
    let logs = [opened(&path)];
    let sink = || Grouping::new(&by, &measures);
    let go_on = |_: usize, _: &mut _| ControlFlow::Continue(());
    let done = scan(&logs, &Request::new(2), &Stop::default(), sink, go_on);
    let all = done.sinks.into_iter().reduce(|mut all, one| {
        all.merge(&one);
        all
    });
    let groups = all.expect("a sink").groups();
    assert_eq!(groups.len(), 409);
    let sum: f64 = groups.iter().filter_map(|(.., values)| values[1]).sum();
    assert_eq!(sum, 440_646_553.0);
}
