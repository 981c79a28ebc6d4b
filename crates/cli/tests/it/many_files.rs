//! Several files and folders, as people have them.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;

use cutwater_testing::ended;

use crate::cutwater_in;

fn scan(dir: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    ended(&cutwater_in(dir, &[&["scan"], args].concat()).output().expect("starts"))
}

fn line(minute: u32, n: u32) -> String {
    format!("{{\"ts\":\"2026-03-01T10:{minute:02}:00Z\",\"n\":{n}}}\n")
}

fn gzip(text: &str) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(text.as_bytes()).expect("compresses");
    gz.finish().expect("compresses")
}

#[test]
fn a_rotated_log_is_read_in_the_order_of_time() {
    let dir = tempfile::tempdir().expect("a directory");
    let write = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).expect("writes");
    write("app.log", line(40, 5).as_bytes());
    write("app.log.1", line(30, 4).as_bytes());
    write("app.log.2.gz", &gzip(&line(20, 3)));
    write("app.log.10.gz", &gzip(&line(10, 2)));
    write("other.log", line(50, 9).as_bytes());
    let numbers = |files: &[&str]| {
        let (code, out, said) = scan(dir.path(), &[files, &["--fields", "n", "--csv"]].concat());
        assert_eq!(code, Some(0), "{said}");
        out.lines().skip(1).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(numbers(&["app.log*"]), "2 3 4 5");
    // As a shell gives them; another log keeps its place.
    let given = ["app.log", "app.log.1", "other.log", "app.log.10.gz", "app.log.2.gz"];
    assert_eq!(numbers(&given), "2 3 9 4 5");
    // Without times, by the numbers of the rotation.
    let (_, out, _) = scan(dir.path(), &["--count", "--format", "raw", "app.log*"]);
    let files: Vec<&str> = out.lines().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(files, ["app.log.10.gz", "app.log.2.gz", "app.log.1", "app.log"]);
}

#[test]
fn folders_are_read_where_that_is_asked_for() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::create_dir_all(dir.path().join("logs/web")).expect("directories");
    for (name, n) in [("logs/b.json", 1), ("logs/web/a.json", 2), ("logs/web/c.json", 3)] {
        fs::write(dir.path().join(name), line(n, n)).expect("writes");
    }
    symlink("..", dir.path().join("logs/web/up")).expect("links");
    let (code, out, said) = scan(dir.path(), &["-r", "logs", "--count"]);
    let expected = "logs/b.json:1\nlogs/web/a.json:1\nlogs/web/c.json:1\n";
    assert_eq!((code, out.as_str()), (Some(0), expected), "{said}");
    let (code, _, said) = scan(dir.path(), &["logs", "--count"]);
    assert!(code == Some(1) && said.contains("--recursive"), "{said}");
    fs::create_dir(dir.path().join("empty")).expect("a directory");
    let (code, _, said) = scan(dir.path(), &["-r", "empty"]);
    assert!(code == Some(1) && said.contains("no file in empty"), "{said}");
}

#[test]
fn a_name_is_taken_before_a_pattern() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("x[1].log"), line(1, 1)).expect("writes");
    fs::write(dir.path().join("x1.log"), line(2, 2)).expect("writes");
    let of = |name: &str| scan(dir.path(), &["--fields", "n", "--csv", name]).1;
    assert_eq!(of("x[1].log"), "n\n1\n");
    fs::remove_file(dir.path().join("x[1].log")).expect("removes");
    assert_eq!(of("x[1].log"), "n\n2\n");
}

#[test]
fn times_are_shown_and_grouped_in_the_zone_that_is_asked_for() {
    let dir = tempfile::tempdir().expect("a directory");
    // Clocks are put forward between them.
    let log = "{\"ts\":\"2026-03-28T23:30:00Z\",\"n\":1}\n{\"ts\":\"2026-03-29T01:30:00Z\",\"n\":2}\n\
               {\"ts\":\"2026-03-29T03:30:00+02:00\",\"n\":3}\n{\"n\":4}\n";
    fs::write(dir.path().join("a.json"), log).expect("writes");
    let zone = ["--tz-out", "Europe/Berlin", "a.json"];
    let shown = |args: &[&str]| scan(dir.path(), &[args, &zone].concat());
    let rows = "ts,n\n2026-03-29T00:30:00+01:00,1\n2026-03-29T03:30:00+02:00,2\n2026-03-29T03:30:00+02:00,3\n,4\n";
    assert_eq!(shown(&["--fields", "ts,n", "--csv"]).1, rows);
    assert_eq!(
        shown(&["--by", "ts", "--csv"]).1.lines().nth(1),
        Some("2026-03-29T03:30:00+02:00,2")
    );
    assert!(shown(&[]).1.contains("2026-03-29T00:30:00+01:00 to 2026-03-29T03:30:00+02:00"));
    let summary: serde_json::Value = serde_json::from_str(&shown(&["--json"]).1).expect("JSON");
    assert_eq!(summary["files"][0]["first"], "2026-03-29T00:30:00+01:00");
    let ndjson = shown(&["--fields", "ts", "--ndjson", "--head", "1"]).1;
    assert_eq!(ndjson, "{\"ts\":\"2026-03-29T00:30:00+01:00\"}\n");
    for wrong in [&["--where", "n=1"][..], &["--count"]] {
        assert_eq!(shown(wrong).0, Some(2), "{wrong:?}");
    }
    assert_eq!(scan(dir.path(), &["--tz-out", "Nowhere", "a.json"]).0, Some(2));
}
