//! No silent zero: a question that cannot have been meant, or an answer that leaves something out, is never a 0
//! or a blank without a word.

use std::fs;
use std::io::Write;
use std::path::Path;

use cutwater_testing::ended;
use tempfile::TempDir;

use crate::cutwater_in;

fn scan(dir: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    ended(&cutwater_in(dir, &[&["scan"], args].concat()).output().expect("starts"))
}

const LOG: &str = "{\"ts\":\"2026-03-01T10:00:00Z\",\"status\":200,\"path\":\"/a\",\"took\":\"95ms\",\"size\":\"9KB\"}\n\
    {\"ts\":\"2026-03-01T10:03:00Z\",\"status\":500,\"path\":\"/b\",\"took\":\"1.5s\",\"size\":\"10MB\"}\n\
    {\"ts\":\"2026-03-02T09:00:00Z\",\"status\":404,\"path\":\"/c\",\"took\":\"2m3.5s\",\"size\":\"2KiB\"}\n\
    {\"ts\":\"2026-03-02T10:04:00Z\",\"status\":200,\"path\":\"/d\",\"took\":\"850us\",\"size\":\"100B\"}\n";

fn directory() -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("a.json"), LOG).expect("writes");
    dir
}

#[test]
fn conditions_that_cannot_be_meant_are_refused_at_their_place() {
    let dir = directory();
    for (condition, mark, words) in [
        ("status=>500", 6, "did you mean >=?"),
        ("status=<500", 6, "did you mean <=?"),
        ("status<>500", 6, "did you mean !=?"),
        ("status===500", 6, "did you mean =?"),
        ("status gt 500", 7, "did you mean >?"),
        ("status \u{2265} 500", 7, "did you mean >=?"),
        ("path~=a", 4, "did you mean =~?"),
        ("status>=5OO", 8, "status holds numbers such as 200, and \"5OO\" is not one"),
        ("status=abc", 7, "status holds numbers"),
        ("not (path=x or status<2026-01-01)", 22, "status holds numbers"),
        ("status>5ms", 7, "has a unit, which they have not"),
        ("took>100", 5, "took holds durations such as 95ms, and \"100\" has no unit"),
        ("took>1OOms", 5, "took holds durations"),
        ("took>1MB", 5, "took holds durations"),
        ("size>1s", 5, "size holds sizes"),
        ("size=big", 5, "size holds sizes"),
        ("ts=soon", 3, "ts holds times"),
        ("ts>=yesterdayy", 4, "ts holds times such as 2026-03-01T10:00:00Z"),
    ] {
        for form in [&["--count"][..], &["--by", "path"], &[], &["--json"]] {
            let args = [form, &["--where", condition, "a.json"]].concat();
            let (code, out, said) = scan(dir.path(), &args);
            assert_eq!((code, out.as_str()), (Some(2), ""), "{condition}: {said}");
            assert!(said.contains(words), "{condition}: {said}");
            let lines: Vec<&str> = said.lines().collect();
            assert_eq!(lines[1], format!("    {condition}"), "{said}");
            assert_eq!(lines[2], format!("    {:mark$}^", ""), "{said}");
        }
    }
}

#[test]
fn a_level_that_no_line_has_is_said() {
    let dir = directory();
    let log = "2026-11-27 10:00:00 hello there\n2026-11-27 10:00:01 goodbye now\n";
    fs::write(dir.path().join("plain.log"), log).expect("writes");
    for args in [
        &["--where", "level=error", "--count"][..],
        &["--by", "level"],
        &["--fields", "level", "--ndjson"],
    ] {
        let (code, _, said) = scan(dir.path(), &[args, &["plain.log"]].concat());
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("no record has a field \"level\""), "{said}");
    }
}

#[test]
fn a_time_in_two_fields_is_shown_as_one() {
    let dir = directory();
    let log = "{\"time\":\"10:00:00\",\"m\":\"a\",\"date\":\"2026-11-27\"}\n\
               {\"time\":\"10:00:01\",\"m\":\"b\",\"date\":\"2026-11-27\"}\n";
    fs::write(dir.path().join("two.json"), log).expect("writes");
    let (code, out, said) = scan(dir.path(), &["--fields", "date+time,m", "--csv", "two.json"]);
    assert_eq!((code, said.as_str()), (Some(0), ""));
    let rows = "2026-11-27T10:00:00+00:00,a\n2026-11-27T10:00:01+00:00,b\n";
    assert_eq!(out, format!("date+time,m\n{rows}"));
    let explain = ["formats", "--explain", "two.json:1"];
    let (_, out, _) = ended(&cutwater_in(dir.path(), &explain).output().expect("starts"));
    assert!(out.contains("time     2026-11-27T10:00:00Z, from date+time"), "{out}");
}

#[test]
fn durations_and_sizes_compare_and_add_up_by_value() {
    let dir = directory();
    for (condition, count) in [
        ("took>100ms", 2),
        ("took<=95ms", 2),
        ("took=0.095s", 1),
        ("took>2m", 1),
        ("took>0", 4),
        ("took!=PT1.5S", 3),
        ("size>=9kB", 2),
        ("size>2047", 3),
        ("size<2049B", 2),
        ("size=10000KB", 1),
        ("status>=500", 1),
        ("status>1e2", 4),
    ] {
        let (code, out, said) = scan(dir.path(), &["--count", "--where", condition, "a.json"]);
        assert_eq!(
            (code, out, said),
            (Some(0), format!("{count}\n"), String::new()),
            "{condition}"
        );
    }
    let measures = "max(took),min(took),sum(took),max(size),sum(size),avg(status)";
    fs::write(dir.path().join("g.json"), LOG.replace("\"path\"", "\"all\":1,\"path\""))
        .expect("writes");
    let grouped = |form| scan(dir.path(), &["--by", "all", "--agg", measures, form, "g.json"]).1;
    let expected = "1,2m3.5s,850\u{b5}s,2m5.09585s,10MB,10.011148MB,326\n";
    assert_eq!(
        grouped("--csv").lines().nth(1).map(|line| format!("{line}\n")).as_deref(),
        Some(expected)
    );
    let json: serde_json::Value = serde_json::from_str(&grouped("--ndjson")).expect("JSON");
    assert_eq!((&json["max(took)"], &json["avg(status)"]), (&"2m3.5s".into(), &326.into()));
    // Groups of one size come in the order of their values.
    let by = scan(dir.path(), &["--by", "took", "--csv", "a.json"]).1;
    assert_eq!(by, "took,count\n850us,1\n95ms,1\n1.5s,1\n2m3.5s,1\n");
}

#[test]
fn values_that_do_not_fit_are_counted_and_shown() {
    let dir = directory();
    let mut log = String::new();
    for n in 0..2000 {
        let ms = match n {
            1234 | 1500 => "12.5".to_owned(),
            1700 => "\"timeout\"".to_owned(),
            n => (n % 10).to_string(),
        };
        log.push_str(&format!("{{\"n\":{n},\"ms\":{ms},\"g\":1}}\n"));
    }
    fs::write(dir.path().join("l.json"), log).expect("writes");
    let (code, out, said) = scan(dir.path(), &["--count", "--where", "ms>10", "l.json"]);
    assert_eq!((code, out.as_str()), (Some(0), "2\n"));
    assert!(
        said.contains("1 value of ms is not a number and was left out, such as 'timeout'"),
        "{said}"
    );
    let (_, out, said) = scan(dir.path(), &["--by", "g", "--agg", "max(ms)", "--csv", "l.json"]);
    assert_eq!(out, "g,max(ms)\n1,12.5\n");
    assert!(said.contains("1 value of ms is not a number"), "{said}");
    assert_eq!(scan(dir.path(), &["--count", "--where", "ms~timeout", "l.json"]).1, "1\n");
}

#[test]
fn a_field_that_no_record_has_is_said_at_once_and_fails_at_the_end() {
    let dir = directory();
    for (args, field, near) in [
        (&["--fields", "pathh"][..], "pathh", "did you mean \"path\"?"),
        (&["--fields", "ts,statsu", "--ndjson"], "statsu", "did you mean \"status\"?"),
        (&["--by", "minute"], "minute", "There are ts"),
        (&["--top", "3", "Pth"], "Pth", "did you mean \"path\"?"),
        (&["--count", "--where", "pathh=/a"], "pathh", "did you mean \"path\"?"),
        (&["--where", "pathh~/a or nothing=5"], "nothing", "there are"),
        (&["--by", "path", "--agg", "max(tookk)"], "tookk", "did you mean \"took\"?"),
    ] {
        let (code, _, said) = scan(dir.path(), &[args, &["a.json"]].concat());
        assert_eq!(code, Some(1), "{args:?}: {said}");
        let (near, low) = (near.to_lowercase(), said.to_lowercase());
        assert!(low.contains(&near), "{args:?}: {said}");
        assert!(said.contains(&format!("no sampled record has a field {field:?}")), "{said}");
        assert!(said.contains(&format!("cutwater: no record has a field {field:?}\n")), "{said}");
    }
    // Past the sample some record has it: a search for text passes over it, too.
    let rare = format!("{}{{\"rare\":\"x\",\"other\":2}}\n", "{\"n\":1}\n".repeat(5000));
    fs::write(dir.path().join("r.json"), rare.repeat(2)).expect("writes");
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(rare.repeat(2).as_bytes()).expect("compresses");
    fs::write(dir.path().join("r.gz"), gz.finish().expect("compresses")).expect("writes");
    for file in ["r.json", "r.gz"] {
        for condition in ["rare=x", "rare=nothing", "other>1"] {
            let (code, _, said) = scan(dir.path(), &["--count", "--where", condition, file]);
            assert_eq!(code, Some(0), "{file} {condition}: {said}");
        }
        let (code, _, said) = scan(dir.path(), &["--count", "--where", "never=nothing", file]);
        assert_eq!(code, Some(1), "{file}: {said}");
    }
}

#[test]
fn a_time_of_day_is_one_of_the_last_day_of_the_log() {
    let dir = directory();
    let paths = |args: &[&str]| {
        let (code, out, said) =
            scan(dir.path(), &[args, &["--fields", "path", "--csv", "a.json"]].concat());
        assert_eq!(code, Some(0), "{args:?}: {said}");
        (out.lines().skip(1).collect::<Vec<_>>().join(" "), said)
    };
    assert_eq!(paths(&["--since", "10:03"]).0, "/d");
    assert_eq!(paths(&["--since", "9:00"]).0, "/c /d");
    assert_eq!(paths(&["--where", "ts>=10:03"]).0, "/d");
    assert_eq!(paths(&["--since", "9:00", "--until", "10:04:00"]).0, "/c");
    // Before midnight until after it.
    assert_eq!(paths(&["--since", "10:01", "--until", "9:30"]).0, "/b /c");
    assert_eq!(paths(&["--since", "11:04", "--tz", "Europe/Berlin"]).0, "/d");
    for range in [&["--since", "2026-03-05"][..], &["--until", "2026-02-01"], &["--since", "10:05"]]
    {
        let (found, said) = paths(range);
        assert_eq!(found, "", "{range:?}");
        assert!(
            said.contains("a.json covers 2026-03-01T10:00:00Z to 2026-03-02T10:04:00Z"),
            "{said}"
        );
    }
    let between = paths(&["--since", "2026-03-01T11:00", "--until", "2026-03-01T12:00"]);
    assert!(between.0.is_empty() && between.1.contains("no record is of the time"), "{between:?}");
}

#[test]
fn all_ways_to_count_agree() {
    let dir = directory();
    let log = format!(
        "\n{LOG}{{\"not json\n   \n{{\"ts\":\"2026-03-02T10:04:00Z\",\"path\":\"/d\"}}\n{{\"cut\":"
    );
    fs::write(dir.path().join("b.json"), &log).expect("writes");
    fs::write(dir.path().join("b.txt"), "one\n\ntwo\n \nthree").expect("writes");
    for (file, records, lines) in [("b.json", "5", 9), ("b.txt", "3", 5)] {
        let (code, out, said) = scan(dir.path(), &["--count", file]);
        assert_eq!((code, out.trim()), (Some(0), records), "{said}");
        assert_eq!(
            said.contains("2 lines are not records and were left out"),
            file == "b.json",
            "{said}"
        );
        assert_eq!(
            scan(dir.path(), &["--count-lines", file]),
            (Some(0), format!("{lines}\n"), String::new())
        );
        let summary: serde_json::Value =
            serde_json::from_str(&scan(dir.path(), &["--json", file]).1).expect("JSON");
        assert_eq!(summary["files"][0]["records"].to_string(), records, "{file}");
        assert_eq!(summary["files"][0]["lines"], lines, "{file}");
    }
    let by = scan(dir.path(), &["--by", "path", "--csv", "b.json"]).1;
    let sum: u32 =
        by.lines().skip(1).filter_map(|line| line.rsplit(',').next()?.parse::<u32>().ok()).sum();
    assert_eq!(sum, 5, "{by}");
}

#[test]
fn a_line_that_is_too_long_is_said_by_every_way_to_count() {
    let dir = directory();
    let long = "x".repeat((1 << 20) + 1);
    let log = format!(
        "2026-01-02T03:04:05Z error short\n2026-01-02T03:04:06Z error {long}\n2026-01-02T03:04:07Z info\n"
    );
    fs::write(dir.path().join("long.log"), log).expect("writes");
    for (condition, count) in
        [("_line~error", "1"), ("_line~error and _line~short", "1"), ("_line~info", "1")]
    {
        let args = ["--count", "--line-max", "1", "--where", condition, "long.log"];
        let (code, out, said) = scan(dir.path(), &args);
        assert_eq!((code, out.trim()), (Some(0), count), "{said}");
        assert!(
            said.contains("1 line is longer than the longest that is read whole; --line-max"),
            "{said}"
        );
    }
    let whole = scan(dir.path(), &["--count", "--where", "_line~error", "long.log"]);
    assert_eq!(whole, (Some(0), "2\n".into(), String::new()));
}
