//! Inputs, outputs and arguments that are not what one hopes for: none is answered wrongly,
//! lost, or overwritten.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cutwater_testing::ended;
use serde_json::Value;
use tempfile::TempDir;

use crate::cutwater_in;

fn run<S: AsRef<OsStr>>(dir: &Path, args: &[S]) -> (Option<i32>, String, String) {
    ended(&cutwater_in(dir, args).output().expect("the command starts"))
}

const LOG: &str = "{\"a\":1,\"b\":\"x,y\"}\n{\"a\":2,\"b\":\"x,y\"}\n{\"a\":3,\"b\":\"z\"}\n";

fn directory() -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("a.json"), LOG).expect("writes");
    dir
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(bytes).expect("compresses");
    gz.finish().expect("compresses")
}

#[test]
fn files_of_proc_and_sys_are_read_though_their_size_says_nothing() {
    let dir = directory();
    for file in ["/proc/filesystems", "/sys/kernel/mm/transparent_hugepage/enabled"] {
        let Ok(text) = fs::read_to_string(file) else {
            cutwater_testing::skip!("no {file} here");
            continue;
        };
        let (code, out, said) = run(dir.path(), &["scan", "--count", file]);
        assert_eq!((code, out), (Some(0), format!("{}\n", text.lines().count())), "{file}: {said}");
    }
    fs::write(dir.path().join("empty"), "").expect("writes");
    assert_eq!(run(dir.path(), &["scan", "--count", "empty"]).1, "0\n");
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_line() {
    let dir = directory();
    let marked = |text: &[u8]| [&b"\xef\xbb\xbf"[..], text].concat();
    fs::write(dir.path().join("m.json"), marked(LOG.as_bytes())).expect("writes");
    let fields = ["scan", "--strict", "--fields", "a", "--csv"];
    let (code, out, said) = run(dir.path(), &[&fields[..], &["m.json"]].concat());
    assert_eq!((code, out.as_str()), (Some(0), "a\n1\n2\n3\n"), "{said}");
    // A search for bytes, and lines that are not UTF-8, take other code paths.
    fs::write(dir.path().join("bad.json"), [&marked(LOG.as_bytes())[..], b"\xff\n"].concat())
        .expect("writes");
    let found = ["scan", "--fields", "a", "--csv", "--where", "b=z", "bad.json"];
    assert_eq!(run(dir.path(), &found).1, "a\n3\n");
    let all = ["scan", "--fields", "a", "--csv", "bad.json"];
    assert_eq!(run(dir.path(), &all).1, "a\n1\n2\n3\n");
    fs::write(dir.path().join("m.gz"), gzip(&marked(LOG.as_bytes()))).expect("writes");
    assert_eq!(run(dir.path(), &[&fields[..], &["m.gz"]].concat()).1, "a\n1\n2\n3\n");
    fs::write(dir.path().join("only"), b"\xef\xbb\xbf").expect("writes");
    let (code, out, said) = run(dir.path(), &["scan", "--json", "only"]);
    let summary: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &summary["files"][0]["lines"]), (Some(0), &1.into()), "{said}");
}

#[test]
fn a_log_in_utf_16_is_read_and_noted() {
    let dir = directory();
    let text: Vec<u8> =
        format!("\u{feff}{LOG}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(dir.path().join("w.json"), text).expect("writes");
    let (code, out, said) = run(dir.path(), &["scan", "--count", "w.json"]);
    assert!(said.contains("is UTF-16; it is read as UTF-8"), "{said}");
    assert_eq!((code, out.trim()), (Some(0), "3"));
}

#[test]
fn what_cannot_be_opened_does_not_hide_the_rest() {
    let dir = directory();
    fs::create_dir(dir.path().join("d")).expect("a directory");
    let files = ["no.json", "a.json", "d"];
    let (code, out, said) = run(dir.path(), &[&["scan", "--by", "b"][..], &files].concat());
    assert_eq!(code, Some(1), "{said}");
    assert!(out.contains("x,y") && out.contains('z'), "{out}");
    assert!(said.contains("no.json") && said.contains("d is a directory"), "{said}");
    assert_eq!(run(dir.path(), &["scan", "--count", "no.json", "a.json"]).1, "a.json:3\n");
    let (code, out, said) = run(dir.path(), &["scan", "--json", "no.json", "d"]);
    assert_eq!((code, out.as_str()), (Some(1), ""), "{said}");
    assert!(said.contains("none of the 2 files"), "{said}");
}

#[test]
fn names_need_not_be_text() {
    let dir = directory();
    let name = OsStr::from_bytes(b"n\xff[1].json");
    if fs::write(dir.path().join(name), LOG).is_err() {
        cutwater_testing::skip!("this file system takes names in UTF-8 only");
        return;
    }
    let args = [OsStr::new("scan"), OsStr::new("--count"), name];
    let (code, out, said) = run(dir.path(), &args);
    assert_eq!((code, out.as_str()), (Some(0), "3\n"), "{said}");
}

#[test]
fn a_compressed_log_on_standard_input_has_its_format_found() {
    let dir = directory();
    fs::write(dir.path().join("a.gz"), gzip(LOG.as_bytes())).expect("writes");
    let file = fs::File::open(dir.path().join("a.gz")).expect("opens");
    let args = ["scan", "--fields", "a", "--csv", "-"];
    let out = cutwater_in(dir.path(), &args).stdin(file).output().expect("starts");
    assert_eq!(ended(&out), (Some(0), "a\n1\n2\n3\n".into(), String::new()));
}

#[test]
fn damaged_compression_is_told_with_its_file_its_cause_and_a_check() {
    let dir = directory();
    let gz = gzip(LOG.repeat(1000).as_bytes());
    fs::write(dir.path().join("cut.gz"), &gz[..gz.len() / 2]).expect("writes");
    fs::write(dir.path().join("head.gz"), &gz[..2]).expect("writes");
    fs::write(dir.path().join("cut.zst"), b"\x28\xb5\x2f\xfd").expect("writes");
    for (file, check) in [("cut.gz", "gzip -t"), ("head.gz", "gzip -t"), ("cut.zst", "zstd -t")] {
        let (code, _, said) = run(dir.path(), &["scan", "--count", file]);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(&format!("cannot decompress {file}: ")), "{said}");
        assert!(said.contains(&format!("damaged; see: {check} {file}")), "{said}");
        let error = said.lines().next().unwrap_or_default();
        assert!(!error.contains('{'), "the words of a decoder: {said}");
    }
}

#[test]
fn frames_without_data_are_passed_over_in_zstandard() {
    let dir = directory();
    // One block as it stands: `x=1`.
    let data = b"\x28\xb5\x2f\xfd\x20\x04\x21\0\0x=1\n";
    let (none, cut) = (b"\x5f\x2a\x4d\x18\x02\0\0\0ab", b"\x50\x2a\x4d\x18\x02\0\0\0a");
    for (parts, lines) in [
        (&[&data[..]][..], "1\n"),
        (&[none, data], "1\n"),
        (&[data, none, none, data, none], "2\n"),
        (&[none], "0\n"),
    ] {
        fs::write(dir.path().join("f.zst"), parts.concat()).expect("writes");
        let (code, out, said) = run(dir.path(), &["scan", "--count", "f.zst"]);
        assert_eq!((code, out.as_str()), (Some(0), lines), "{said}");
        let file = fs::File::open(dir.path().join("f.zst")).expect("opens");
        let piped = cutwater_in(dir.path(), &["scan", "--count", "-"]).stdin(file).output();
        assert_eq!(ended(&piped.expect("starts")).1, lines);
    }
    fs::write(dir.path().join("f.zst"), [&data[..], cut].concat()).expect("writes");
    let (code, out, said) = run(dir.path(), &["scan", "--count", "f.zst"]);
    assert_eq!((code, out.as_str()), (Some(1), "1\n"), "{said}");
    assert!(said.contains("unexpected end of file"), "{said}");
}

#[test]
fn a_line_without_end_is_given_up_when_told() {
    let dir = directory();
    let mut child = cutwater_in(dir.path(), &["scan", "--count", "/dev/zero"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let pid = rustix::process::Pid::from_child(&child);
    let started = Instant::now();
    // Before its handler stands, the signal would end it at once, which shows nothing.
    let status = format!("/proc/{}/status", child.id());
    let catches = || {
        let status = fs::read_to_string(&status).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        caught.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or(0) & 2 != 0
    };
    while !catches() && started.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(5));
    }
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("sent");
    while started.elapsed() < Duration::from_secs(60) {
        if child.try_wait().expect("a state").is_some() {
            let out = child.wait_with_output().expect("ends");
            assert_eq!(out.status.code(), Some(130));
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
    panic!("it reads on");
}

#[test]
fn what_is_read_is_never_written_over() {
    let dir = directory();
    std::os::unix::fs::symlink("a.json", dir.path().join("link")).expect("links");
    for args in [
        &["scan", "--errors", "a.json", "a.json"][..],
        &["scan", "--errors", "link", "a.json"],
        &["scan", "--bench", "--rounds", "1", "--export-csv", "a.json", "a.json"],
        &["scan", "--flamegraph", "a.json", "a.json"],
        &["bench", "--quick", "--block", "8", "--export-json", "link", "a.json"],
    ] {
        let (code, _, said) = run(dir.path(), args);
        assert_eq!(code, Some(2), "{args:?}: {said}");
        assert!(said.contains("name another file"), "{args:?}: {said}");
        assert_eq!(fs::read_to_string(dir.path().join("a.json")).expect("reads"), LOG, "{args:?}");
    }
}

#[test]
fn groups_are_written_in_every_form() {
    let dir = directory();
    let grouped = |form| run(dir.path(), &["scan", "--by", "b", form, "a.json"]);
    assert_eq!(grouped("--csv").1, "b,count\n\"x,y\",2\nz,1\n");
    assert_eq!(grouped("--tsv").1, "b\tcount\nx,y\t2\nz\t1\n");
    assert_eq!(grouped("--ndjson").1, "{\"b\":\"x,y\",\"count\":2}\n{\"b\":\"z\",\"count\":1}\n");
    let (code, out, said) = grouped("--arrow");
    assert_eq!((code, out.as_str()), (Some(2), ""), "{said}");
}

#[test]
fn options_that_would_be_ignored_are_refused() {
    let dir = directory();
    for args in [
        &["--head", "1", "--count"][..],
        &["--tail", "1", "--by", "a"],
        &["--head", "1", "--top", "2", "a"],
        &["--count", "--csv"],
        &["--last", "0"],
    ] {
        let (code, out, said) = run(dir.path(), &[&["scan", "a.json"], args].concat());
        assert_eq!((code, out.as_str()), (Some(2), ""), "{args:?}: {said}");
        assert!(!said.is_empty());
    }
    let typed = ["scan", "--fields", "a:integer", "--csv", "a.json"];
    assert!(run(dir.path(), &typed).2.contains("no sampled record has a field \"a:integer\""));
}

#[test]
fn keys_with_dots_are_found_by_their_names() {
    let dir = directory();
    let line = "{\"log.level\":\"info\",\"http\":{\"status.code\":200,\"x\":{\"y\":1}}}\n";
    fs::write(dir.path().join("e.json"), line).expect("writes");
    let fields = ["scan", "--fields", "log.level,http.status.code,http.x.y", "--csv", "e.json"];
    let (code, out, said) = run(dir.path(), &fields);
    let expected = "log.level,http.status.code,http.x.y\ninfo,200,1\n";
    assert_eq!((code, out.as_str(), said.as_str()), (Some(0), expected, ""));
    let whole = ["scan", "--json", "--where", "log.level=info", "e.json"];
    let none = ["scan", "--count", "--where", "log.level=warn", "e.json"];
    assert_eq!(run(dir.path(), &none).1, "0\n");
    let summary: Value = serde_json::from_str(&run(dir.path(), &whole).1).expect("JSON");
    assert_eq!(summary["files"][0]["records"], 1, "{summary}");
}

#[test]
fn the_carriage_return_of_a_line_end_is_no_part_of_the_line() {
    let dir = directory();
    fs::write(dir.path().join("w.log"), "abc\r\nabd\r\nabc").expect("writes");
    let scan =
        |args: &[&str]| run(dir.path(), &[&["scan", "--format", "raw", "w.log"], args].concat());
    for condition in ["_line=abc", "_line=~c$"] {
        assert_eq!(scan(&["--count", "--where", condition]).1, "2\n", "{condition}");
        // As they stand, so that they can be compared with the log.
        assert_eq!(scan(&["--where", condition]).1, "abc\r\nabc\n", "{condition}");
    }
    assert_eq!(scan(&["--count", "--where", "_line~'\r'"]).1, "0\n");
    assert_eq!(scan(&["--fields", "_line", "--csv"]).1, "_line\nabc\nabd\nabc\n");
    assert_eq!(scan(&["--fields", "_line", "--ndjson", "--head", "1"]).1, "{\"_line\":\"abc\"}\n");
}

#[test]
fn conditions_on_the_line_find_lines_that_are_no_records() {
    let dir = directory();
    fs::write(dir.path().join("b.json"), format!("{LOG}bad x\n \n{{\"a\":\n")).expect("writes");
    for (condition, expected) in [
        ("_line~x", &LOG.lines().take(2).chain(["bad x"]).collect::<Vec<_>>()[..]),
        ("_line!~a", &[]),
        ("_line=~^b or _line=~:$", &["bad x", "{\"a\":"]),
        ("_line~\" \"", &["bad x"]),
        ("_line~\"x\n\"", &[]),
    ] {
        for strict in [&[][..], &["--errors", "bad.tsv"]] {
            let args = [&["scan", "--where", condition, "b.json"][..], strict].concat();
            let out = run(dir.path(), &args).1;
            assert_eq!(out.lines().collect::<Vec<_>>(), expected, "{condition}");
            let count = run(dir.path(), &[&args[..], &["--count"]].concat()).1;
            assert_eq!(count, format!("{}\n", expected.len()), "{condition} {strict:?}");
        }
        let bad = fs::read_to_string(dir.path().join("bad.tsv")).expect("reads");
        assert_eq!(bad.lines().count(), 2, "{condition}: {bad}");
    }
}

#[test]
fn groups_are_told_apart_and_in_the_order_of_their_keys() {
    let dir = directory();
    fs::write(dir.path().join("g.log"), b"a=\xff c=1\nb=1 c=2\na=bb c=3\na=b c=4\na=abc c=5\n")
        .expect("writes");
    let by_a = ["scan", "--format", "logfmt", "--by", "a", "--csv", "g.log"];
    let (_, out, said) = run(dir.path(), &by_a);
    assert_eq!(out, "a,count\n,1\nabc,1\nb,1\nbb,1\n\u{fffd},1\n", "{said}");
    fs::write(dir.path().join("c.json"), "{\"count\":5}\n{\"count\":5}\n").expect("writes");
    let groups = run(dir.path(), &["scan", "--by", "count", "--ndjson", "c.json"]).1;
    assert_eq!(groups, "{\"count\":\"5\",\"count(*)\":2}\n");
}

#[test]
fn times_that_mean_no_record_or_are_not_known_are_told() {
    let dir = directory();
    let log = "2026-03-01T10:00:00Z INFO a\n2026-03-01T10:00:01Z INFO b\n";
    fs::write(dir.path().join("t.log"), log).expect("writes");
    fs::write(dir.path().join("t.gz"), gzip(log.as_bytes())).expect("writes");
    let turned = ["scan", "--since", "2026-03-01T11:00", "--until", "2026-03-01T10:00", "t.log"];
    let (code, out, said) = run(dir.path(), &turned);
    assert_eq!((code, out.as_str()), (Some(2), ""), "{said}");
    assert!(said.contains("--until is not after --since"), "{said}");
    let last =
        |file| run(dir.path(), &["scan", "--last", "1s", "--fields", "message", "--csv", file]);
    assert_eq!(last("t.log"), (Some(0), "message\na\nb\n".into(), String::new()));
    assert!(last("t.gz").2.contains("t.gz is known only when all is read"));
}

#[test]
fn an_archive_is_refused_with_how_to_unpack_it_and_other_files_are_read() {
    let dir = directory();
    for (start, command) in [
        (&b"PK\x03\x04"[..], "unzip"),
        (b"7z\xbc\xaf\x27\x1c", "7z x"),
        (b"Rar!\x1a\x07", "unrar x"),
    ] {
        fs::write(dir.path().join("z"), [start, b"\n\0"].concat()).expect("writes");
        let (code, out, said) = run(dir.path(), &["scan", "--count", "z", "a.json"]);
        assert_eq!((code, out.as_str()), (Some(1), "a.json:3\n"), "{said}");
        assert!(said.contains(&format!("unpack it with: {command} z")), "{said}");
    }
}

#[test]
fn bytes_after_gzip_are_ignored_with_a_remark_and_padding_without() {
    let dir = directory();
    let gz = gzip(LOG.as_bytes());
    fs::write(dir.path().join("g.gz"), [&gz[..], b"junk"].concat()).expect("writes");
    let (code, out, said) = run(dir.path(), &["scan", "--count", "g.gz"]);
    assert_eq!((code, out.as_str()), (Some(0), "3\n"), "{said}");
    assert!(said.contains("g.gz: 4 bytes after its compressed data were ignored"), "{said}");
    fs::write(dir.path().join("g.gz"), [&gz[..], &[0; 512]].concat()).expect("writes");
    let (code, out, said) = run(dir.path(), &["scan", "--count", "g.gz"]);
    assert_eq!((code, out.as_str(), said.as_str()), (Some(0), "3\n", ""));
}

#[test]
fn a_list_of_claims_is_json_where_json_is_asked_for() {
    let dir = directory();
    let (code, out, _) = run(dir.path(), &["reproduce", "--list", "--json"]);
    let claims: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(code, Some(0));
    assert!(claims.as_array().is_some_and(|all| all.iter().all(|c| c["id"].is_string())));
}

#[test]
fn a_limit_of_file_sizes_is_told_and_leaves_nothing_behind() {
    let dir = directory();
    let words = format!("ulimit -f 16; exec {} bench --quick", crate::CUTWATER);
    let out = Command::new("sh").args(["-c", &words]).current_dir(dir.path()).output();
    let (code, _, said) = ended(&out.expect("a shell starts"));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("ulimit -f"), "{said}");
    let left = fs::read_dir(dir.path()).expect("lists").count();
    assert_eq!(left, 1, "only a.json");
}
