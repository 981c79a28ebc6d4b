//! Types of columns never change a value: each case is a log, a query, the answer and what is said.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use crate::support::query;
use cutwater_testing::{ended, text};

/// The answer as lines of JSON, and what is said.
fn asked(dir: &Path, name: &str, log: &str, sql: &str) -> io::Result<(String, String)> {
    let path = dir.join(name);
    std::fs::write(&path, log)?;
    let out = query().args(["-o", "ndjson", sql]).arg(&path).output()?;
    let (code, said, noted) = ended(&out);
    assert_eq!(code, Some(0), "{sql}: {noted}");
    Ok((said, noted))
}

/// Checks answers without anything to be said.
fn check(name: &str, log: &str, cases: &[(&str, &str)]) -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    for (sql, expected) in cases {
        let (said, noted) = asked(dir.path(), name, log, sql)?;
        assert_eq!((said.as_str(), noted.as_str()), (*expected, ""), "{sql}");
    }
    Ok(())
}

#[test]
fn numbers_in_quotes_are_texts_that_compare_as_numbers() -> io::Result<()> {
    let log = "{\"ts\":\"2026-01-02T03:04:05Z\",\"id\":\"1652857722\",\"logid\":\"0101039421\"}\n\
               {\"ts\":\"2026-01-02T03:04:06Z\",\"id\":\"1652857723\",\"logid\":\"0101039422\"}\n";
    check(
        "quoted.log",
        log,
        &[
            (
                "SELECT id, logid FROM log LIMIT 1",
                "{\"id\":\"1652857722\",\"logid\":\"0101039421\"}\n",
            ),
            ("SELECT count(*) AS n FROM log WHERE id > 1652857722", "{\"n\":1}\n"),
            ("SELECT count(*) AS n FROM log WHERE logid = 101039421", "{\"n\":1}\n"),
            ("SELECT count(*) AS n FROM log WHERE id IN (1652857722, 5)", "{\"n\":1}\n"),
            (
                "SELECT max(logid) AS l FROM log HAVING max(logid) > 99999999",
                "{\"l\":\"0101039422\"}\n",
            ),
            ("SELECT count(*) AS n FROM log WHERE substr(logid, 2) < 101039422", "{\"n\":1}\n"),
            (
                "SELECT count(*) AS n FROM log WHERE id BETWEEN 1652857722 AND 1652857722.5",
                "{\"n\":1}\n",
            ),
            (
                "SELECT count(*) AS n FROM log WHERE id > 1652857722 OR id = '1652857722'",
                "{\"n\":2}\n",
            ),
            (
                "SELECT id > 1652857722 AS more FROM log ORDER BY ts",
                "{\"more\":false}\n{\"more\":true}\n",
            ),
        ],
    )
}

#[test]
fn large_whole_numbers_keep_their_digits() -> io::Result<()> {
    let large = "277447099861456945273576150847928801582";
    let log = format!(
        "{{\"id\":9223372036854775807,\"u\":1}}\n{{\"id\":9223372036854775808,\"u\":2}}\n\
         {{\"id\":18446744073709551615,\"u\":3}}\n{{\"id\":{large},\"u\":4}}\n\
         {{\"id\":-9223372036854775809,\"u\":5}}\n{{\"id\":9007199254740993,\"u\":6}}\n"
    );
    check(
        "bignum.log",
        &log,
        &[
            ("SELECT count(*) AS n FROM log WHERE id > 9223372036854775807", "{\"n\":3}\n"),
            ("SELECT count(*) AS n FROM log WHERE id > 9223372036854775808", "{\"n\":2}\n"),
            ("SELECT u FROM log WHERE id = 18446744073709551615", "{\"u\":3}\n"),
            ("SELECT u FROM log WHERE id = 277447099861456945273576150847928801582", "{\"u\":4}\n"),
            ("SELECT u FROM log WHERE id < -9223372036854775808", "{\"u\":5}\n"),
            ("SELECT u FROM log WHERE id = 9007199254740993", "{\"u\":6}\n"),
            ("SELECT max(id) AS id FROM log", &format!("{{\"id\":{large}}}\n")),
            ("SELECT id FROM log ORDER BY id LIMIT 1", "{\"id\":-9223372036854775809}\n"),
        ],
    )?;
    let mixed = "{\"v\":9007199254740993}\n{\"v\":0.5}\n{\"v\":-2}\n";
    check(
        "mixed.log",
        mixed,
        &[
            ("SELECT max(v) AS v FROM log", "{\"v\":9007199254740993.0}\n"),
            ("SELECT count(*) AS n FROM log WHERE v > 9007199254740992", "{\"n\":1}\n"),
            ("SELECT count(*) AS n FROM log WHERE v < 0.75", "{\"n\":2}\n"),
        ],
    )
}

#[test]
fn numbers_without_quotes_print_as_they_were_written() -> io::Result<()> {
    let log = "time=2026-01-02T03:04:05Z level=info version=1.9 took=0.100 load=1.0 cost=2.5\n\
               time=2026-01-02T03:04:06Z level=info version=1.10 took=0.250 load=0.25 cost=3\n";
    check(
        "pairs.log",
        log,
        &[
            (
                "SELECT version, took, load, cost FROM log ORDER BY time",
                "{\"version\":\"1.9\",\"took\":0.100,\"load\":1.0,\"cost\":2.5}\n\
                 {\"version\":\"1.10\",\"took\":0.250,\"load\":0.25,\"cost\":3.0}\n",
            ),
            (
                "SELECT sum(took) AS t, avg(load) AS l, count(*) FILTER (WHERE took > 0.2) AS n FROM log",
                "{\"t\":0.350,\"l\":0.625,\"n\":1}\n",
            ),
            (
                "SELECT approx_percentile_cont(0.5) WITHIN GROUP (ORDER BY took) > 0.1 AS p FROM log",
                "{\"p\":true}\n",
            ),
        ],
    )
}

#[test]
fn columns_that_differ_by_capitals_have_their_own_types() -> io::Result<()> {
    let log = "{\"id\":\"x\",\"Id\":1}\n{\"id\":\"y\",\"Id\":2}\n{\"ID\":5,\"id\":\"z\"}\n";
    check(
        "case.log",
        log,
        &[
            ("SELECT sum(\"Id\") AS n, max(\"ID\") AS m FROM log", "{\"n\":3,\"m\":5}\n"),
            ("SELECT max(id) AS id FROM log", "{\"id\":\"z\"}\n"),
        ],
    )
}

#[test]
fn a_value_that_does_not_fit_is_said_whatever_was_done_with_it() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut log = String::new();
    for i in 0..5_000 {
        let ms = match i {
            1234 | 2345 => "12.5".to_owned(),
            3456 => "\"timeout\"".to_owned(),
            i => (i % 10).to_string(),
        };
        writeln!(log, "{{\"n\":{i},\"ms\":{ms}}}").map_err(io::Error::other)?;
    }
    for condition in ["ms > 10", "10 < ms", "ms > 10.5", "ms BETWEEN 11 AND 20"] {
        let sql = format!("SELECT count(*) AS n FROM log WHERE {condition}");
        let (said, noted) = asked(dir.path(), "latency.log", &log, &sql)?;
        assert_eq!(said, "{\"n\":2}\n", "{condition}: {noted}");
        assert!(
            noted.contains("1 value of ms is not a number") && noted.contains("timeout"),
            "{noted}"
        );
    }
    let sql = "SELECT count(*) AS n FROM log WHERE ms = 77 OR ms = 78 OR ms = 79";
    let (_, noted) = asked(dir.path(), "latency.log", &log, sql)?;
    assert!(noted.contains("1 value of ms is not a number"), "{noted}");
    for sql in ["SELECT sum(ms) AS s FROM log", "SELECT count(*) FROM log WHERE ms + 0 > 10"] {
        let (_, noted) = asked(dir.path(), "latency.log", &log, sql)?;
        assert!(noted.contains("3 values of ms are not a whole number"), "{sql}: {noted}");
    }
    // A column of texts, as the sample has both.
    let log = "{\"ms\":1}\n{\"ms\":12}\n{\"ms\":\"timeout\"}\n";
    for condition in ["ms > 10", "ms BETWEEN 10 AND 20", "NOT ms <= 10", "ms IN (12, 13)"] {
        let sql = format!("SELECT count(*) AS n FROM log WHERE {condition}");
        let (said, noted) = asked(dir.path(), "texts.log", log, &sql)?;
        assert_eq!(said, "{\"n\":1}\n", "{condition}: {noted}");
        assert!(noted.contains("1 value of ms is not a number"), "{condition}: {noted}");
    }
    let (_, noted) = asked(dir.path(), "texts.log", log, "SELECT ms > 5 AND ms < 9 AS x FROM log")?;
    assert!(noted.contains("1 value of ms is not a number"), "{noted}");
    Ok(())
}

#[test]
fn epochs_in_a_field_of_the_time_are_times() -> io::Result<()> {
    let bin =
        "SELECT date_bin(interval '1 minute', ts) AS m FROM log GROUP BY 1 ORDER BY 1 LIMIT 1";
    let minute = "{\"m\":\"2026-01-02T03:04:00Z\"}\n";
    let caddy = "{\"level\":\"info\",\"ts\":1767323045.2401025,\"status\":200}\n\
                 {\"level\":\"info\",\"ts\":1767323046.2401025,\"status\":200}\n";
    check(
        "caddy.log",
        caddy,
        &[
            (bin, minute),
            (
                "SELECT count(*) AS n FROM log WHERE ts >= TIMESTAMP '2026-01-02 03:04:06'",
                "{\"n\":1}\n",
            ),
            (
                "SELECT ts AS t FROM log ORDER BY 1 DESC LIMIT 1",
                "{\"t\":\"2026-01-02T03:04:06.240102500Z\"}\n",
            ),
        ],
    )?;
    let zerolog =
        "{\"level\":\"info\",\"time\":1767323045}\n{\"level\":\"info\",\"time\":1767323046}\n";
    check(
        "zerolog.log",
        zerolog,
        &[(
            "SELECT time AS t FROM log ORDER BY 1 DESC LIMIT 1",
            "{\"t\":\"2026-01-02T03:04:06Z\"}\n",
        )],
    )?;
    let ms = "{\"ts\":1767323045240,\"n\":1767323045}\n{\"ts\":1767323165240,\"n\":1767323045}\n";
    check("ms.log", ms, &[(bin, minute), ("SELECT max(n) AS n FROM log", "{\"n\":1767323045}\n")])
}

#[test]
fn a_record_whose_time_is_none_is_a_record() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let log = "{\"ts\":\"2026-01-02T03:04:05Z\",\"n\":1}\n{\"ts\":\"xxx\",\"n\":2}\n\
               {\"ts\":\"2026-01-02T03:04:07Z\",\"n\":3}\n";
    let (said, _) = asked(dir.path(), "bad.log", log, "SELECT count(*) AS n FROM log")?;
    assert_eq!(said, "{\"n\":3}\n");
    let (said, noted) =
        asked(dir.path(), "bad.log", log, "SELECT count(*), count(ts) AS n FROM log")?;
    assert!(said.contains("\"n\":2"), "{said}");
    assert!(noted.contains("1 value of ts is not a time") && noted.contains("xxx"), "{noted}");
    let sql = "SELECT n FROM log WHERE ts > '2026-01-02 03:04' ORDER BY n";
    let (said, noted) = asked(dir.path(), "bad.log", log, sql)?;
    assert_eq!(said, "{\"n\":1}\n{\"n\":3}\n");
    assert!(noted.contains("1 value of ts is not a time"), "{noted}");
    Ok(())
}

#[test]
fn nested_names_need_no_quotes() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let log = "{\"ts\":\"2026-01-02T03:04:05Z\",\"log\":{\"level\":\"error\"},\"level\":\"outer\",\"user\":{\"name\":\"bob\"}}\n\
               {\"ts\":\"2026-01-02T03:04:06Z\",\"log\":{\"level\":\"info\"},\"level\":\"outer\",\"user\":{\"name\":\"eve\"}}\n";
    let one = |column: &str| -> io::Result<(String, String)> {
        let sql = format!("SELECT {column} AS x FROM log ORDER BY ts");
        asked(dir.path(), "nested.log", log, &sql)
    };
    for (column, expected) in [
        ("user.name", ["bob", "eve"]),
        ("log.user.name", ["bob", "eve"]),
        ("\"log.level\"", ["error", "info"]),
    ] {
        let [a, b] = expected;
        let expected = format!("{{\"x\":\"{a}\"}}\n{{\"x\":\"{b}\"}}\n");
        assert_eq!(one(column)?, (expected, String::new()), "{column}");
    }
    let (said, noted) = one("log.level")?;
    assert_eq!(said, "{\"x\":\"outer\"}\n{\"x\":\"outer\"}\n");
    assert!(noted.contains("\"log.level\", in quotes"), "{noted}");
    Ok(())
}

#[test]
fn times_are_written_as_people_write_them() -> io::Result<()> {
    let log =
        "{\"@timestamp\":\"2026-11-28T10:02:00Z\"}\n{\"@timestamp\":\"2026-11-28T10:04:00Z\"}\n";
    let answer = "{\"n\":1}\n";
    let count = |condition: &str| format!("SELECT count(*) AS n FROM log WHERE {condition}");
    for condition in [
        "@timestamp > '2026-11-28 10:03'",
        "\"@timestamp\" > '2026-11-28T10:03'",
        "'2026-11-28 10:03' < @timestamp",
        "@timestamp BETWEEN '2026-11-28 10:03' AND '2026-11-28 10:05'",
        "@timestamp > TIMESTAMP '2026-11-28 10:03'",
        "log.@timestamp > '28/Nov/2026:10:03:00 +0000'",
    ] {
        check("es.log", log, &[(&count(condition), answer)])?;
    }
    Ok(())
}

#[test]
fn what_is_left_out_is_said_again_when_the_count_is_known() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let sql = "SELECT count(*) AS n FROM log; SELECT count(*) AS n FROM log";
    let (said, noted) = asked(dir.path(), "bad.log", "{\"a\":1}\n{\"a\":2}\n{\"a\"\n", sql)?;
    assert_eq!(said, "{\"n\":2}\n{\"n\":2}\n");
    assert_eq!(noted.matches("1 line is not a record").count(), 2, "{noted}");
    Ok(())
}

#[test]
fn a_query_needs_no_place_for_temporary_files_until_it_has_some() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let log = dir.path().join("a.json");
    std::fs::write(&log, "{\"n\":1}\n{\"n\":2}\n")?;
    let none = dir.path().join("none");
    for sql in ["SELECT count(*) AS n FROM log", "SELECT n FROM log ORDER BY n DESC LIMIT 1"] {
        let out = query()
            .args(["-o", "csv", sql])
            .arg(&log)
            .env("TMPDIR", &none)
            .env("HOME", &none)
            .env("XDG_CACHE_HOME", &none)
            .output()?;
        assert_eq!((out.status.code(), text(&out.stdout)), (Some(0), "n\n2\n".into()), "{sql}");
    }
    Ok(())
}
