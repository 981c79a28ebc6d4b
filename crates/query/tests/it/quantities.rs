//! Durations and sizes in texts, by value.

use std::io;

use crate::support::query;
use cutwater_testing::ended;

const LINES: &str = "{\"took\":\"1.5s\",\"sz\":\"10MB\"}\n{\"took\":\"120ms\",\"sz\":\"512KiB\"}\n\
                     {\"took\":\"2m3.5s\",\"sz\":\"1.5GB\"}\n";

/// The answer in CSV without its header, and the notes.
fn asked(lines: &str, sql: &str) -> io::Result<(String, String)> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("app.json");
    std::fs::write(&path, lines)?;
    let (code, out, noted) = ended(&query().args(["-o", "csv", sql]).arg(path).output()?);
    assert_eq!(code, Some(0), "{sql}: {noted}");
    Ok((out.split_once('\n').unwrap_or_default().1.to_owned(), noted))
}

#[test]
fn texts_compare_with_quantities_by_value() -> io::Result<()> {
    for (condition, rows) in [
        ("took > '100ms'", 3),
        ("'100ms' < took", 3),
        ("took >= '1500ms'", 2),
        ("took = '0.12s'", 1),
        ("took <> '0.12s'", 2),
        ("took IN ('1500ms', '2m3.5s', 'x')", 2),
        ("took NOT IN ('1500ms', '2m3.5s')", 1),
        ("took BETWEEN '0.1s' AND '2s'", 2),
        ("took < 'PT2M'", 2),
        ("sz > '1MB'", 2),
        ("sz < '1MiB'", 1),
        ("sz = '524288B'", 1),
        ("sz > '1MB' AND took < '1min'", 1),
    ] {
        let sql = format!("SELECT count(*) AS n FROM log WHERE {condition}");
        let (out, noted) = asked(LINES, &sql)?;
        assert_eq!((out, noted.as_str()), (format!("{rows}\n"), ""), "{condition}");
    }
    Ok(())
}

#[test]
fn a_text_without_an_order_is_null_and_counted_and_is_not_equal() -> io::Result<()> {
    let lines = format!("{LINES}{{\"took\":\"timeout\",\"sz\":\"2000000\"}}\n{{\"sz\":\"1s\"}}\n");
    let count = |condition: &str| {
        asked(&lines, &format!("SELECT count(*) AS n FROM log WHERE {condition}"))
    };
    let (out, noted) = count("took > '100ms'")?;
    assert_eq!(out, "3\n");
    assert!(noted.contains("timeout") && noted.contains("a duration"), "{noted}");
    let (out, noted) = count("sz > '1MB'")?;
    assert_eq!(out, "3\n", "a number beside sizes is a number of bytes");
    assert!(noted.contains("1s") && noted.contains("a size"), "{noted}");
    let (out, noted) = count("took <> '120ms'")?;
    assert_eq!((out.as_str(), noted.as_str()), ("3\n", ""));
    Ok(())
}

#[test]
fn quantity_is_the_seconds_or_bytes_of_a_text() -> io::Result<()> {
    let (out, _) = asked(LINES, "SELECT took FROM log ORDER BY quantity(took)")?;
    assert_eq!(out, "120ms\n1.5s\n2m3.5s\n");
    let sql = "SELECT sum(quantity(took)), max(quantity(sz)), quantity('x') IS NULL, quantity('7') \
               FROM log";
    assert_eq!(asked(LINES, sql)?.0, "125.12,1500000000.0,true,7.0\n");
    Ok(())
}
