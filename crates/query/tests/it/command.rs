//! The command: what it takes, where it writes, what it leaves behind, how it ends.

use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{app, data, query};
use cutwater_testing::{ended, text};

const COUNT: &str = "SELECT count(*) AS n FROM log";

#[test]
fn a_query_comes_as_a_word_from_a_file_or_from_standard_input() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("q.sql");
    std::fs::write(&file, COUNT)?;
    let word = query().args(["-o", "csv", COUNT, &app()]).output()?;
    let file = query().args(["-o", "csv", "--file"]).args([&file]).arg(app()).output()?;
    let mut child = query()
        .args(["-o", "csv", &app()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(COUNT.as_bytes())?;
    }
    for out in [word, file, child.wait_with_output()?] {
        let (code, said, noted) = ended(&out);
        assert_eq!((code, said.as_str()), (Some(0), "n\n40\n"), "{noted}");
        assert!(noted.contains("2 lines are not records"), "{noted}");
    }
    Ok(())
}

#[test]
fn a_log_comes_from_standard_input_too() -> io::Result<()> {
    let out = query()
        .args(["-o", "csv", "--quiet", "SELECT count(*), max(_line) FROM log", "-"])
        .stdin(std::fs::File::open(data("app.json"))?)
        .output()?;
    assert_eq!(ended(&out), (Some(0), "count(*),max(log._line)\n40,43\n".into(), String::new()));
    Ok(())
}

#[test]
fn exit_codes_tell_whose_fault_it_is() -> io::Result<()> {
    for (words, code, hint) in [
        (vec![COUNT.into(), "/no/such.json".to_owned()], 1, "/no/such.json"),
        (vec![COUNT.into(), "/tmp".to_owned()], 1, "is a directory"),
        (vec!["SELECT x FROM log".into(), app()], 2, "no column \"x\""),
        (vec!["SELECT".into(), "--memory".into(), "much".into()], 2, "512M"),
        (vec!["--table".into(), "x".into(), "SELECT 1 ".into()], 2, "NAME=GLOB"),
        (vec!["--table".into(), "x=/no/*.json".into(), "SELECT 1 ".into()], 1, "no file matches"),
        (vec!["--temp".into(), "/no/such".into(), COUNT.into(), app()], 2, "no such directory"),
    ] {
        let out = query().args(&words).output()?;
        let (given, said, noted) = ended(&out);
        assert_eq!((given, said.as_str()), (Some(code), ""), "{words:?}: {noted}");
        assert!(noted.contains(hint), "{words:?}: {noted}");
    }
    Ok(())
}

#[test]
fn a_file_appears_when_it_is_whole_and_not_otherwise() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("answer.csv");
    let out = query().arg("--output").arg(&file).args([COUNT, &app()]).output()?;
    assert!(out.status.success(), "{}", text(&out.stderr));
    assert_eq!(std::fs::read_to_string(&file)?, "n\n40\n");
    // It fails when rows come: what was there stays.
    let bad = "SELECT CAST(path AS INT) FROM log";
    let out = query().arg("--output").arg(&file).args([bad, &app()]).output()?;
    assert_eq!(out.status.code(), Some(1), "{}", text(&out.stderr));
    assert_eq!(std::fs::read_to_string(&file)?, "n\n40\n");
    assert_eq!(std::fs::read_dir(dir.path())?.count(), 1, "nothing else is left");
    Ok(())
}

#[test]
fn columns_that_are_told_are_told_once_and_a_key_with_dots_is_no_other() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let log = dir.path().join("d.json");
    std::fs::write(&log, "{\"a.b\":1,\"c\":2}\n{\"a\":{\"b\":3}}\n{\"x.y\":\"z\"}\n")?;
    let ask = |sql: &str| query().args(["-o", "csv", sql]).arg(&log).output();
    let (code, _, noted) = ended(&ask("SELECT * FROM log ORDER BY nosuch")?);
    assert_eq!(code, Some(2), "{noted}");
    assert_eq!(noted.matches(", c").count(), 1, "{noted}");
    // A column has the same values whatever else is selected.
    assert_eq!(ended(&ask("SELECT a.b FROM log WHERE a.b > 0")?).1, "a.b\n3\n");
    assert_eq!(ended(&ask("SELECT x.y FROM log WHERE x.y = 'z'")?).1, "x\\.y\nz\n");
    Ok(())
}

#[test]
fn bad_lines_that_are_shown_are_not_told_to_be_left_out() -> io::Result<()> {
    let sql = "SELECT count(*) AS n FROM log WHERE _error IS NOT NULL";
    let out = query().args(["-o", "csv", sql, &app()]).output()?;
    assert_eq!(ended(&out), (Some(0), "n\n2\n".to_owned(), String::new()));
    Ok(())
}

#[test]
fn a_zero_with_a_sign_is_zero() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let log = dir.path().join("z.json");
    std::fs::write(&log, "{\"f\":-0.0}\n{\"f\":0.0}\n{\"f\":-0.5}\n{\"f\":1.5}\n")?;
    for (condition, expected) in
        [("f < 0", 1), ("f = 0", 2), ("f >= 0", 3), ("f + f < 0", 1), ("f = -0.0", 2)]
    {
        let sql = format!("SELECT count(*) AS n FROM log WHERE {condition}");
        let out = query().args(["-o", "csv", "--quiet", &sql]).arg(&log).output()?;
        assert_eq!(ended(&out), (Some(0), format!("n\n{expected}\n"), String::new()), "{sql}");
    }
    Ok(())
}

#[test]
fn what_is_there_already_stays_what_it_is() -> io::Result<()> {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let dir = tempfile::tempdir()?;
    let mode = |path: &Path| std::fs::metadata(path).map(|m| m.permissions().mode() & 0o777);
    let (file, link, fresh) =
        (dir.path().join("a.csv"), dir.path().join("link.csv"), dir.path().join("b.csv"));
    std::fs::write(&file, "before")?;
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640))?;
    symlink("a.csv", &link)?;
    for path in [&link, &fresh] {
        let out = query().arg("--output").arg(path).args(["--quiet", COUNT, &app()]).output()?;
        assert!(out.status.success(), "{}", text(&out.stderr));
    }
    assert!(std::fs::symlink_metadata(&link)?.is_symlink());
    assert_eq!((std::fs::read_to_string(&file)?.as_str(), mode(&file)?), ("n\n40\n", 0o640));
    let plain = dir.path().join("plain");
    std::fs::write(&plain, "")?;
    assert_eq!(mode(&fresh)?, mode(&plain)?, "as other programs make files");
    // A pipe stands for a device, which a test that fails would take from the host.
    let pipe = dir.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    if !made.is_ok_and(|status| status.success()) {
        cutwater_testing::skip!("there is no mkfifo");
        return Ok(());
    }
    let mut reader = std::fs::File::options().read(true).write(true).open(&pipe)?;
    let mut out = query();
    out.arg("--output").arg(&pipe).args(["-o", "csv", "--quiet", COUNT, &app()]);
    let out = out.output()?;
    assert!(out.status.success(), "{}", text(&out.stderr));
    let still = std::os::unix::fs::FileTypeExt::is_fifo(&std::fs::metadata(&pipe)?.file_type());
    assert!(still, "the pipe was replaced by a file");
    let mut said = [0; 5];
    io::Read::read_exact(&mut reader, &mut said)?;
    assert_eq!(&said, b"n\n40\n");
    Ok(())
}

#[test]
fn a_closed_pipe_ends_quietly_and_a_full_disk_does_not() -> io::Result<()> {
    let (reader, writer) = io::pipe()?;
    drop(reader);
    let sql = "SELECT a.* FROM log a, log b, log c";
    let out = query()
        .args(["--quiet", "-o", "csv", sql, &app()])
        .stdout(writer)
        .stderr(Stdio::piped())
        .output()?;
    assert_eq!((out.status.code(), text(&out.stderr)), (Some(0), String::new()));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full")?;
    let out =
        query().args(["--quiet", COUNT, &app()]).stdout(full).stderr(Stdio::piped()).output()?;
    let said = text(&out.stderr);
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(said.contains("No space left"), "{said}");
    Ok(())
}

fn entries(dir: &Path) -> io::Result<usize> {
    Ok(std::fs::read_dir(dir)?.count())
}

#[test]
fn temporary_files_go_at_the_end_and_after_a_kill() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let temp = || {
        let mut command = query();
        command.arg("--temp").arg(dir.path());
        command
    };
    // 64,000 rows of some kilobytes; 32 MiB fit in memory.
    let sorted = "SELECT repeat(a.path, 300) AS p FROM log a, log b, log c ORDER BY p";
    let memory = ["--memory", "64M", "-o", "ndjson"];
    let out = temp().args(memory).args([sorted, &app()]).output()?;
    assert!(out.status.success(), "{}", text(&out.stderr));
    assert_eq!(
        (out.stdout.iter().filter(|b| **b == b'\n').count(), entries(dir.path())?),
        (64_000, 0)
    );
    // It does not come to an end.
    let mut child =
        temp().args(memory).args([&endless_sort(), &app()]).stdout(Stdio::null()).spawn()?;
    while entries(dir.path())? == 0 {
        std::thread::yield_now();
    }
    // If it were killed before it locks the directory, the next one would leave it to a later one.
    std::thread::sleep(std::time::Duration::from_millis(200));
    child.kill()?;
    child.wait()?;
    assert_eq!(entries(dir.path())?, 1);
    assert!(temp().args([COUNT, &app()]).output()?.status.success());
    assert_eq!(entries(dir.path())?, 0);
    Ok(())
}

#[test]
fn a_signal_ends_a_query_with_its_code_and_leaves_nothing() -> io::Result<()> {
    use rustix::process::Signal;
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        assert_eq!(ended_by(signal)?, (Some(code), 0), "{signal:?}");
    }
    Ok(())
}

/// A query that sorts more rows than any test waits for.
fn endless_sort() -> String {
    "SELECT repeat(a.path, 300) AS p FROM log a, log b, log c, log d, log e, log f ORDER BY p"
        .into()
}

/// The exit code of a long query that `signal` ends, and how many temporary files it leaves.
fn ended_by(signal: rustix::process::Signal) -> io::Result<(Option<i32>, usize)> {
    let dir = tempfile::tempdir()?;
    let mut child = query()
        .arg("--temp")
        .arg(dir.path())
        .args(["--memory", "64M", &endless_sort(), &app()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    while entries(dir.path())? == 0 {
        std::thread::yield_now();
    }
    // Long enough that it listens, and far too short for that query.
    std::thread::sleep(std::time::Duration::from_millis(400));
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, signal)?;
    let status = child.wait()?;
    Ok((status.code(), entries(dir.path())?))
}

#[test]
fn control_characters_of_the_input_are_escaped_in_every_message() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let log = dir.path().join("steering.json");
    std::fs::write(&log, "{\"p\":\"\\u001b[2J\\u202e\\u2066\",\"k\\u001b[2J\\u202e\":1}\n")?;
    let log = log.display().to_string();
    let steering = "\u{1b}[31m\u{202e}\u{2066}";
    for (args, code) in [
        (vec!["SELECT CAST(p AS INT) FROM log", &log], 1),
        (vec!["SELECT nosuch FROM log", &log], 2),
        (vec![&format!("SELECT \"{steering}\" FROM log"), &log], 2),
        (vec![COUNT, &format!("/no/such{steering}.json")], 1),
        (vec![COUNT, &format!("*{steering}.json")], 1),
        (vec![COUNT, &log, "--memory", steering], 2),
        (vec![COUNT, &log, "--tz", steering], 2),
        (vec![COUNT, &log, "--table", steering], 2),
    ] {
        let out = query().args(&args).output()?;
        let noted = text(&out.stderr);
        let escaped = noted.contains("\\x1b") && noted.contains("\\xe2\\x80\\xae")
            || noted.contains("\\u{1b}") && noted.contains("\\u{202e}");
        assert_eq!((out.status.code(), escaped), (Some(code), true), "{args:?}: {noted:?}");
        let steers = |c: char| c != '\n' && cutwater_logs::bad::is_steering(c);
        assert!(!noted.contains(steers), "{args:?}: {noted:?}");
    }
    Ok(())
}

#[test]
fn parquet_written_is_read_as_a_table_and_joined_with_a_log() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    for name in ["a.parquet", "a.csv", "a.arrow"] {
        let file = dir.path().join(name);
        let sql = "SELECT path, count(*) AS n FROM log GROUP BY path";
        let out = query().arg("--output").arg(&file).args(["--quiet", sql, &app()]).output()?;
        assert!(out.status.success(), "{}", text(&out.stderr));
        let table = format!("seen={}", file.display());
        let sql = "SELECT sum(s.n) AS n FROM log l JOIN seen s ON s.path = l.path \
                   WHERE l.path = '/login'";
        let out =
            query().args(["--quiet", "-o", "csv", "--table", &table, sql, &app()]).output()?;
        assert_eq!(ended(&out), (Some(0), "n\n100\n".into(), String::new()), "{name}");
    }
    Ok(())
}

#[test]
fn explain_tells_what_is_read_and_analyze_what_was() -> io::Result<()> {
    let asked = "SELECT count(*) FROM log WHERE path LIKE '%orders%' AND latency_ms > 5";
    let out = query().args([&format!("EXPLAIN ANALYZE {asked}"), &app()]).output()?;
    let (code, said, noted) = ended(&out);
    assert_eq!(code, Some(0), "{noted}");
    let plan = said.lines().find(|line| line.contains("LogExec")).expect("our part of the plan");
    for word in [
        "orders",
        "read by=",
        "bytes_read=",
        "pages_touched=2",
        "lines=",
        "lines_skipped=",
        "bad_lines=",
    ] {
        assert!(plan.contains(word), "{word}: {plan}");
    }
    assert!(said.lines().count() > 2, "a line for each step: {said}");
    let out = query().args([&format!("EXPLAIN {asked}"), &app()]).output()?;
    let (code, said, noted) = ended(&out);
    assert_eq!(code, Some(0), "{noted}");
    assert!(said.contains("logical_plan:\n") && said.contains("physical_plan:\n"), "{said}");
    Ok(())
}

#[test]
fn a_function_that_does_not_take_its_arguments_is_told_without_the_engines_own_words()
-> io::Result<()> {
    let out = query().args(["SELECT sum(path) FROM log", &app()]).output()?;
    let (code, _, noted) = ended(&out);
    assert_eq!(code, Some(2), "{noted}");
    assert!(noted.contains("there is no function sum(Utf8)"), "{noted}");
    assert!(noted.contains("sum(Float64)") && noted.contains("CAST"), "{noted}");
    assert!(!noted.contains("bug"), "{noted}");
    Ok(())
}

#[test]
fn a_log_is_named_in_the_query_with_its_format() -> io::Result<()> {
    let path = app();
    let asked = format!("SELECT count(*) AS n FROM log('{path}', 'json')");
    let out = query().args(["-o", "csv", "--quiet", &asked]).output()?;
    assert_eq!(ended(&out), (Some(0), "n\n40\n".to_owned(), String::new()));
    let named =
        [("format => 'raw', tz => 'Europe/Berlin'", "n\n42\n"), ("time_field => 'ts'", "n\n40\n")];
    for (arguments, answer) in named {
        let asked = format!("SELECT count(*) AS n FROM log('{path}', {arguments})");
        let out = query().args(["-o", "csv", "--quiet", &asked]).output()?;
        assert_eq!(ended(&out), (Some(0), answer.to_owned(), String::new()), "{arguments}");
    }
    for (arguments, words) in [
        ("fromat => 'json'", "no argument fromat"),
        ("format => 'json', format => 'raw'", "too many"),
        ("tz => 'Nowhere'", "no time zone is called \"Nowhere\""),
        ("format => 7", "format, time_field, tz"),
    ] {
        let out = query().arg(format!("SELECT 1 FROM log('{path}', {arguments})")).output()?;
        let (code, said, noted) = ended(&out);
        assert!(code != Some(0) && said.is_empty() && noted.contains(words), "{noted}");
    }
    let asked = format!("SELECT count(*) AS n FROM log('{path}', 'jsn')");
    let out = query().args(["-o", "csv", "--quiet", &asked]).output()?;
    let (code, said, noted) = ended(&out);
    assert_eq!((code, said.as_str()), (Some(2), ""), "{noted}");
    assert!(noted.contains("jsn"), "{noted}");
    Ok(())
}

#[test]
fn metrics_are_served_while_a_query_runs() -> io::Result<()> {
    use std::io::{BufRead, BufReader, Read};
    use std::net::TcpStream;
    // A port alone is one of this host.
    let mut child = query()
        .args(["-o", "csv", COUNT, "-", "--metrics", "0"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut said = String::new();
    if let Some(stderr) = child.stderr.take() {
        BufReader::new(stderr).read_line(&mut said)?;
    }
    let address = said.trim().rsplit_once("http://").and_then(|(_, a)| a.strip_suffix("/metrics"));
    let address = address.ok_or_else(|| io::Error::other(said.clone()))?;
    let mut scrape = TcpStream::connect(address)?;
    scrape.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
    let mut page = String::new();
    scrape.read_to_string(&mut page)?;
    assert!(page.contains("cutwater_page_faults_total{kind=\"minor\"}"), "{page}");
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(b"{\"a\":1}\n{\"a\":2}\n")?;
    }
    let (code, said, noted) = ended(&child.wait_with_output()?);
    assert_eq!((code, said.as_str()), (Some(0), "n\n2\n"), "{noted}");
    Ok(())
}

#[test]
fn an_address_that_is_none_is_said_before_anything_is_read() -> io::Result<()> {
    let out = query().args(["--metrics", "nowhere", COUNT, &app()]).output()?;
    let (code, said, noted) = ended(&out);
    assert_eq!((code, said.as_str()), (Some(1), ""));
    assert!(noted.contains("cannot serve metrics at nowhere"), "{noted}");
    Ok(())
}
