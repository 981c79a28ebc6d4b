//! COPY to one file, and INSERT.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::Path;
use std::process::{Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{app, query};
use cutwater_testing::{ended, text};

fn asked(dir: &Path, words: &[&str]) -> io::Result<Output> {
    query().current_dir(dir).args(["-o", "csv", "--quiet"]).args(words).output()
}

/// The names in a directory.
fn names(dir: &Path) -> io::Result<Vec<String>> {
    let names = fs::read_dir(dir)?.flatten().map(|e| e.file_name().display().to_string());
    let mut names: Vec<_> = names.collect();
    names.sort();
    Ok(names)
}

#[test]
fn a_copy_that_fails_leaves_the_old_file() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let lines: String = (0..20_000).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    fs::write(dir.path().join("log.json"), lines)?;
    for stored in ["CSV", "JSON", "PARQUET", "ARROW"] {
        fs::write(dir.path().join("old"), "old")?;
        let sql = format!("COPY (SELECT 1/(n-19999) AS a FROM log) TO 'old' STORED AS {stored}");
        let (code, out, noted) = ended(&asked(dir.path(), &[&sql, "log.json"])?);
        // The header of the answer comes before the failure.
        assert_eq!((code, out.as_str()), (Some(1), "count\n"), "{stored}: {noted}");
        assert_eq!(fs::read_to_string(dir.path().join("old"))?, "old", "{stored}");
        assert_eq!(names(dir.path())?, ["log.json", "old"], "{stored}");
    }
    Ok(())
}

#[test]
fn a_copy_that_is_interrupted_leaves_nothing() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let sql = "COPY (SELECT a.* FROM log a, log b, log c, log d, log e) TO 'x.csv'";
    let mut child = query()
        .current_dir(dir.path())
        .args(["--quiet", sql, &app()])
        .stdout(Stdio::null())
        .spawn()?;
    let descriptors = format!("/proc/{}/fd", child.id());
    let writes_here = || {
        let links = fs::read_dir(&descriptors).into_iter().flatten().flatten();
        let mut targets = links.filter_map(|link| fs::read_link(link.path()).ok());
        targets.any(|target| target.starts_with(dir.path()))
    };
    let begun = Instant::now();
    while !writes_here() && begun.elapsed() < Duration::from_secs(60) {
        thread::sleep(Duration::from_millis(5));
    }
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    let pid = pid.ok_or(io::ErrorKind::NotFound)?;
    rustix::process::kill_process(pid, rustix::process::Signal::INT)?;
    assert_eq!(child.wait()?.code(), Some(130));
    assert_eq!(names(dir.path())?, Vec::<String>::new());
    Ok(())
}

#[test]
fn a_copy_is_written_to_what_the_name_means() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let at = |name: &str| dir.path().join(name);
    let csv = "a\n1\n2\n";
    let copy = |to: &str| {
        let sql = format!("COPY (VALUES (1), (2)) TO '{to}' STORED AS CSV");
        let sql = sql.replace("(VALUES (1), (2))", "(SELECT * FROM (VALUES (1), (2)) AS t(a))");
        asked(dir.path(), &[&sql])
    };
    fs::write(at("file"), "before")?;
    symlink("file", at("link"))?;
    for (to, file) in [("link", "file"), ("F*", "F*"), ("%46", "%46"), ("plain", "plain")] {
        let out = copy(to)?;
        assert_eq!(text(&out.stdout), "count\n2\n", "{to}: {}", text(&out.stderr));
        assert_eq!(fs::read_to_string(at(file))?, csv, "{to}");
    }
    assert!(fs::symlink_metadata(at("link"))?.is_symlink());
    assert_eq!(names(dir.path())?, ["%46", "F*", "file", "link", "plain"]);
    assert!(copy("/dev/null")?.status.success());

    rustix::fs::mknodat(
        rustix::fs::CWD,
        at("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )?;
    let pipe = at("pipe");
    let reader = thread::spawn(move || {
        let mut read = String::new();
        fs::File::open(pipe)?.read_to_string(&mut read).map(|_| read)
    });
    assert!(copy("pipe")?.status.success());
    assert_eq!(reader.join().map_err(|_| io::ErrorKind::Other)??, csv);
    assert!(fs::symlink_metadata(at("pipe"))?.file_type().is_fifo());
    Ok(())
}

#[test]
fn a_copy_that_cannot_be_meant_is_refused() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    fs::write(dir.path().join("q.sql"), "COPY (SELECT 1 AS a) TO 'q.sql' STORED AS CSV")?;
    for (words, said) in [
        (&["COPY (SELECT 1 AS a) TO 'x'"][..], "STORED AS"),
        (&["COPY (SELECT 1 AS a) TO 'x' STORED AS XYZ"], "no format"),
        (&["COPY (SELECT 1 AS a) TO '/dev/stdout' STORED AS CSV"], "ask the query itself"),
        (&["COPY (SELECT 1 AS a) TO '-' STORED AS CSV"], "ask the query itself"),
        (&["COPY (SELECT 1 AS a) TO 'd*/' STORED AS CSV"], "the directory"),
        (&["COPY (SELECT 1 AS a) TO '%46/' STORED AS CSV"], "the directory"),
        (&["COPY (SELECT 1 AS a) TO 'x.csv' OPTIONS (format.delimiter ';')"], "delimiter"),
        (&["EXPLAIN ANALYZE COPY (SELECT 1 AS a) TO 'x.csv'"], "would write"),
        (&["--file", "q.sql"], "which is read"),
    ] {
        let (code, out, noted) = ended(&asked(dir.path(), words)?);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{words:?}: {noted}");
        assert!(noted.contains(said), "{words:?}: {noted}");
        assert_eq!(names(dir.path())?, ["q.sql"], "{words:?}");
    }
    Ok(())
}

#[test]
fn a_copy_to_a_directory_is_the_engines() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let sql = "COPY (SELECT 1 AS a, 'x' AS p) TO 'd/' STORED AS CSV PARTITIONED BY (p)";
    let (code, out, noted) = ended(&asked(dir.path(), &[sql])?);
    assert_eq!((code, out.as_str()), (Some(0), "count\n1\n"), "{noted}");
    assert_eq!(names(&dir.path().join("d"))?, ["p=x"]);
    Ok(())
}

#[test]
fn an_insert_does_not_append_to_what_it_reads() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let lines = "1\n2\n";
    fs::write(dir.path().join("t.csv"), lines)?;
    symlink("t.csv", dir.path().join("link.csv"))?;
    let table = |name: &str, file: &str, unbounded: &str| {
        format!(
            "CREATE {unbounded} EXTERNAL TABLE {name} (a INT) STORED AS CSV LOCATION '{file}' \
             OPTIONS (format.has_header false);"
        )
    };
    for unbounded in ["", "UNBOUNDED"] {
        let (t, u) = (table("t", "t.csv", unbounded), table("u", "link.csv", unbounded));
        for insert in [
            "INSERT INTO t SELECT a FROM t",
            "INSERT INTO t SELECT a FROM u",
            "INSERT INTO t SELECT a + 1 FROM public.t AS x WHERE a > 0",
            "INSERT INTO t SELECT 1 WHERE EXISTS (SELECT 1 FROM u)",
            "CREATE VIEW v AS SELECT a FROM t; INSERT INTO t SELECT a FROM v",
            "INSERT INTO t SELECT 1 FROM 'link.csv'",
            "INSERT INTO t SELECT 1 FROM log('t.csv')",
        ] {
            let (code, _, noted) = ended(&asked(dir.path(), &[&format!("{t}{u}{insert}")])?);
            assert_eq!(fs::read_to_string(dir.path().join("t.csv"))?, lines, "{insert}: {noted}");
            assert_eq!(code, Some(2), "{unbounded} {insert}: {noted}");
            assert!(noted.contains("which is read"), "{unbounded} {insert}: {noted}");
        }
    }
    let t = table("t", "t.csv", "UNBOUNDED");
    let (code, _, noted) = ended(&asked(dir.path(), &[&format!("{t}INSERT INTO t VALUES (3)")])?);
    assert_eq!(code, Some(0), "{noted}");
    assert_eq!(fs::read_to_string(dir.path().join("t.csv"))?, "1\n2\n3\n");
    Ok(())
}
