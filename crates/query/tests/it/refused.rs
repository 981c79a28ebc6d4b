//! What would be guessed wrong is refused, and what an answer rests on is said.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{app, query};
use cutwater_query::output::Format;
use cutwater_testing::ended;

/// Exit code, standard output and standard error.
fn asked(args: &[&str]) -> io::Result<(Option<i32>, String, String)> {
    Ok(ended(&query().args(args).output()?))
}

#[test]
fn what_means_two_things_or_nothing_is_refused() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("x.csv").display().to_string();
    let named = format!("log={}", app());
    let of_function = format!("SELECT 1 FROM log('{}', time_field => 'nope')", app());
    for (args, said) in [
        (vec!["--table", &named, "SELECT 1 FROM log", &app()], "two tables log"),
        (vec!["--table", &named, "--table", &named, "SELECT 1"], "two tables log"),
        (vec!["SELECT 1 FROM log TABLESAMPLE (10 PERCENT)", &app()], "random() < 0.1"),
        (vec!["--time-field", "nope", "SELECT 1 FROM log", &app()], "latency_ms"),
        (vec![&of_function], "the time field \"nope\""),
        (vec!["--output", &file, "SELECT 1; SELECT 2", &app()], "one answer"),
    ] {
        let (code, out, noted) = asked(&args)?;
        assert_eq!((code, out.as_str()), (Some(2), ""), "{args:?}: {noted}");
        assert!(noted.contains(said), "{args:?}: {noted}");
    }
    assert!(!Path::new(&file).exists());
    Ok(())
}

#[test]
fn texts_are_compared_with_numbers_as_far_as_they_are_some() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("drift.json");
    std::fs::write(&path, "{\"id\":1}\n{\"id\":\"text\"}\n{\"id\":7.5}\n{\"id\":\"8\"}\n")?;
    let path = path.display().to_string();
    for (condition, rows) in [
        ("id > 5", 2),
        ("5 < id", 2),
        ("id = 1", 1),
        ("id <> 1", 2),
        ("id IN (1, 8)", 2),
        ("id NOT IN (1, 8)", 1),
        ("id BETWEEN 1 AND 7.5", 2),
        ("id = '1'", 1),
        ("id = 'text'", 1),
        ("id > 5 OR id = 'text'", 3),
    ] {
        let sql = format!("SELECT count(*) AS n FROM log WHERE {condition}");
        let (code, out, noted) = asked(&["-o", "csv", "--quiet", &sql, &path])?;
        assert_eq!((code, out), (Some(0), format!("n\n{rows}\n")), "{condition}: {noted}");
    }
    let sql = "SELECT id > 5 AS big FROM log ORDER BY _line";
    let (_, out, noted) = asked(&["-o", "csv", "--quiet", sql, &path])?;
    assert_eq!(out, "big\nfalse\n\"\"\ntrue\ntrue\n", "{noted}");
    Ok(())
}

#[test]
fn an_answer_that_rests_on_order_says_so() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("app.json");
    let mut log = String::new();
    for at in 0..30_000 {
        let day = if at == 15_001 { 9 } else { 1 };
        let (minute, second) = (at / 600, at / 10 % 60);
        writeln!(log, "{{\"ts\":\"2026-03-0{day}T10:{minute:02}:{second:02}Z\",\"n\":{at}}}")
            .map_err(io::Error::other)?;
    }
    std::fs::write(&path, log)?;
    let path = path.display().to_string();
    let late = "SELECT count(*) AS n FROM log WHERE ts > '2026-03-05T00:00:00Z'";
    let last = "SELECT max(ts) >= '2026-03-05T00:00:00Z' AS n FROM log";
    for (sql, sought, read) in [(late, "0", "1"), (last, "false", "true")] {
        let (code, out, noted) = asked(&["-o", "csv", sql, &path])?;
        assert_eq!((code, out), (Some(0), format!("n\n{sought}\n")), "{noted}");
        assert!(noted.contains("--no-seek reads all"), "{noted}");
        let (code, out, noted) = asked(&["--no-seek", "-o", "csv", sql, &path])?;
        assert_eq!((code, out), (Some(0), format!("n\n{read}\n")), "{noted}");
        assert!(!noted.contains("--no-seek"), "{noted}");
    }
    Ok(())
}

#[test]
fn the_reason_for_a_path_is_the_choosers_unless_it_was_named() -> io::Result<()> {
    for (path, named) in [("auto", false), ("preadv", true)] {
        let sql = "EXPLAIN SELECT path FROM log";
        let (code, out, noted) = asked(&["--path", path, sql, &app()])?;
        assert_eq!(code, Some(0), "{noted}");
        assert!(out.contains("read by="), "{out}");
        assert_eq!(out.contains("named by the caller"), named, "{path}: {out}");
    }
    Ok(())
}

#[test]
fn a_reader_that_goes_away_in_the_middle_is_no_failure() -> io::Result<()> {
    // 64,000 rows: more than a pipe holds.
    let sql = "SELECT a.* FROM log a, log b, log c";
    for (name, _) in Format::NAMED {
        let mut child = query()
            .args(["--quiet", "-o", name, sql, &app()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(out) = child.stdout.take() {
            let mut line = Vec::new();
            BufReader::with_capacity(64, out).read_until(b'\n', &mut line)?;
            assert!(!line.is_empty(), "{name}");
        }
        let out = child.wait_with_output()?;
        let noted = String::from_utf8_lossy(&out.stderr);
        assert_eq!((out.status.code(), noted.as_ref()), (Some(0), ""), "{name}");
    }
    Ok(())
}

#[test]
fn what_has_parts_is_json_in_separated_values() -> io::Result<()> {
    let sql = "SELECT make_array('a\"b', NULL, 'c') AS list, named_struct('x', 1, 'y', 'z') AS parts, \
               CAST(NULL AS BIGINT[]) AS none, 1 AS plain";
    for (format, expected) in [
        (
            "csv",
            "list,parts,none,plain\n\"[\"\"a\\\"\"b\"\",null,\"\"c\"\"]\",\"{\"\"x\"\":1,\"\"y\"\":\"\"z\"\"}\",,1\n",
        ),
        (
            "tsv",
            "list\tparts\tnone\tplain\n\"[\"\"a\\\"\"b\"\",null,\"\"c\"\"]\"\t\"{\"\"x\"\":1,\"\"y\"\":\"\"z\"\"}\"\t\t1\n",
        ),
    ] {
        let (code, out, noted) = asked(&["-o", format, sql, &app()])?;
        assert_eq!((code, out.as_str()), (Some(0), expected), "{noted}");
    }
    Ok(())
}

#[test]
fn more_logs_are_opened_than_the_soft_limit_of_descriptors_allows() -> io::Result<()> {
    const LOGS: usize = 200;
    let dir = tempfile::tempdir()?;
    for at in 0..LOGS {
        std::fs::write(dir.path().join(format!("{at}.json")), format!("{{\"n\":{at}}}\n"))?;
    }
    let out = Command::new("sh")
        .args(["-c", "ulimit -Sn 100; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_cutwater-query")])
        .args(["--quiet", "-o", "csv", "SELECT count(*) AS n FROM log"])
        .arg(dir.path().join("*.json"))
        .output()?;
    let noted = String::from_utf8_lossy(&out.stderr);
    assert_eq!(String::from_utf8_lossy(&out.stdout), format!("n\n{LOGS}\n"), "{noted}");
    Ok(())
}

#[test]
fn a_command_that_is_killed_leaves_no_half_written_file() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("x.csv");
    let mut child = query()
        .args(["--quiet", "SELECT a.* FROM log a, log b, log c, log d, log e", &app(), "--output"])
        .arg(&path)
        .spawn()?;
    let descriptors = format!("/proc/{}/fd", child.id());
    let writes_here = || {
        let links = std::fs::read_dir(&descriptors).into_iter().flatten().flatten();
        let mut targets = links.filter_map(|link| std::fs::read_link(link.path()).ok());
        targets.any(|target| target.starts_with(dir.path()))
    };
    let begun = Instant::now();
    while !writes_here() && begun.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let wrote = writes_here();
    let named = std::fs::read_dir(dir.path())?.count();
    child.kill()?;
    child.wait()?;
    assert!(wrote, "it did not begin to write");
    if named > 0 {
        cutwater_testing::skip!("{}: its file system has no nameless files", dir.path().display());
        return Ok(());
    }
    assert_eq!(std::fs::read_dir(dir.path())?.count(), 0);
    Ok(())
}
