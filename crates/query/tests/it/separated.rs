//! Separated values: `scan` reads them by the same code.

use std::io::{self, Write};
use std::path::Path;

use crate::support::query;
use cutwater_testing::ended;

/// The answer as CSV, and what is said.
fn asked(path: &Path, sql: &str, more: &[&str]) -> io::Result<(String, String)> {
    let out = query().args(["-o", "csv"]).args(more).arg(sql).arg(path).output()?;
    let (code, said, noted) = ended(&out);
    assert_eq!(code, Some(0), "{}: {sql}: {noted}", path.display());
    Ok((said, noted))
}

#[test]
fn files_are_read_as_they_are_written() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    for (name, text, sql, expected) in [
        (
            "zeros.csv",
            "id,zip,phone,n\n1,01234,0049123,1\n2,90210,0049124,2\n3,00501,0049125,3\n",
            "SELECT zip, phone, n + 1 AS n FROM log ORDER BY id",
            "zip,phone,n\n01234,0049123,2\n90210,0049124,3\n00501,0049125,4\n",
        ),
        (
            "semi.csv",
            "id;msg;v\n1;a;1,5\n2;b;2,5\n",
            "SELECT * FROM log",
            "id,msg,v\n1,a,\"1,5\"\n2,b,\"2,5\"\n",
        ),
        ("tab.tsv", "a\tb\n1\tx y\n", "SELECT b FROM log WHERE a = 1", "b\nx y\n"),
        ("pipe.csv", "a|b\n1|x\n", "SELECT b FROM log WHERE a = 1", "b\nx\n"),
        ("comment.csv", "# produced by x\na,b\n1,2\n", "SELECT a + b AS s FROM log", "s\n3\n"),
        (
            "prices.csv",
            "p,v\n1.10,1.9\n2.50,1.10\n",
            "SELECT p, v FROM log",
            "p,v\n1.10,1.9\n2.50,1.10\n",
        ),
        ("prices.csv", "p\n1.10\n2.50\n", "SELECT sum(p) AS s FROM log WHERE p > 1.2", "s\n2.50\n"),
        (
            "quotes.csv",
            "a,b\n\"1\",\"x, \"\"y\"\"\"\n",
            "SELECT a + 1 AS a, b FROM log",
            "a,b\n2,\"x, \"\"y\"\"\"\n",
        ),
        ("breaks.csv", "a,b\n1,\"x\ny\"\n2,z\n", "SELECT a, _line FROM log", "a,_line\n1,2\n2,4\n"),
        ("same.csv", "id,v\n1,a\n", "SELECT count(*) AS n FROM log WHERE v LIKE '%a%'", "n\n1\n"),
    ] {
        let path = dir.path().join(name);
        std::fs::write(&path, text)?;
        let (said, noted) = asked(&path, sql, &[])?;
        assert_eq!((said.as_str(), noted.as_str()), (expected, ""), "{name}");
    }
    Ok(())
}

#[test]
fn an_odd_line_is_a_bad_line_with_its_number() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("ragged.csv");
    std::fs::write(&path, "a,b,c\n1,2,3\n4,5\n6,7,8,9\n")?;
    let (said, noted) = asked(&path, "SELECT * FROM log", &[])?;
    assert_eq!(said, "a,b,c\n1,2,3\n");
    assert!(noted.contains("2 lines are not records"), "{noted}");
    let sql = "SELECT _line, _raw FROM log WHERE _error IS NOT NULL ORDER BY 1";
    let (said, _) = asked(&path, sql, &[])?;
    assert_eq!(said, "_line,_raw\n3,\"4,5\"\n4,\"6,7,8,9\"\n");
    Ok(())
}

#[test]
fn a_compressed_file_of_that_name_is_one() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("a.csv.gz");
    let file = std::fs::File::create(&path)?;
    let mut out = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    out.write_all(b"id,msg\n1,a\n2,b\n")?;
    out.finish()?;
    assert_eq!(asked(&path, "SELECT msg FROM log WHERE id = 2", &[])?.0, "msg\nb\n");
    Ok(())
}

#[test]
fn a_name_with_brackets_is_a_name_in_every_format() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let own = "SELECT 'own' AS v FROM log LIMIT 1";
    let other = dir.path().join("app.json");
    std::fs::write(&other, "{\"n\":1}\n")?;
    for end in ["csv", "parquet", "arrow", "json"] {
        for (name, value) in [("x1", "other"), ("x[1]", "own")] {
            let path = dir.path().join(format!("{name}.{end}"));
            let format = if end == "json" { "ndjson" } else { end };
            let sql = own.replace("own", value);
            let status = query()
                .args(["--quiet", "-o", format, &sql])
                .arg(&other)
                .arg("--output")
                .arg(&path)
                .status()?;
            assert!(status.success(), "{end}");
        }
        let path = dir.path().join(format!("x[1].{end}"));
        assert_eq!(asked(&path, "SELECT v FROM log", &["--quiet"])?.0, "v\nown\n", "{end}");
        let sql = format!("SELECT v FROM '{}'", path.display());
        assert_eq!(asked(&other, &sql, &["--quiet"])?.0, "v\nown\n", "{end}");
    }
    Ok(())
}

#[test]
fn a_log_without_a_header_is_said_and_settable() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("bare.csv");
    std::fs::write(&path, "1,x\n2,y\n")?;
    let (said, noted) = asked(&path, "SELECT column2 FROM log WHERE column1 = 2", &[])?;
    assert_eq!(said, "column2\ny\n");
    assert!(noted.contains("no header") && noted.contains("header=yes"), "{noted}");
    let (said, noted) = asked(&path, "SELECT x FROM log", &["--format", "csv,header=yes"])?;
    assert_eq!((said.as_str(), noted.as_str()), ("x\ny\n", ""));
    let sql =
        format!("SELECT count(*) AS n FROM log('{}', format => 'csv,header=no')", path.display());
    assert_eq!(asked(&path, &sql, &["--quiet"])?.0, "n\n2\n");
    Ok(())
}

#[test]
fn records_with_line_breaks_are_whole_wherever_blocks_end() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("long.csv");
    let mut text = "n,text\n".to_owned();
    for n in 0..20_000 {
        text.push_str(&format!("{n},\"first {n}\nsecond, \"\"{n}\"\"\nthird\"\n"));
    }
    std::fs::write(&path, text)?;
    let sql = "SELECT count(*) AS c, sum(n) AS s, count(DISTINCT text) AS t FROM log";
    let (said, noted) = asked(&path, sql, &[])?;
    assert_eq!((said.as_str(), noted.as_str()), ("c,s,t\n20000,199990000,20000\n", ""));
    Ok(())
}
