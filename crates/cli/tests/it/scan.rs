//! `cutwater scan` as a user runs it.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

fn scan(dir: &Path, args: &[&str]) -> Output {
    let mut command = crate::cutwater();
    command.arg("scan").args(args).current_dir(dir).stdin(Stdio::null());
    command.output().expect("the command starts")
}

/// What it printed; it must have succeeded.
fn printed(dir: &Path, args: &[&str]) -> String {
    let out = scan(dir, args);
    let (text, said) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{args:?}: {text}{said}");
    text.into_owned()
}

/// Everything that it said, and its exit code.
fn all(dir: &Path, args: &[&str]) -> String {
    let out = scan(dir, args);
    let code = out.status.code().map_or_else(|| "a signal".into(), |c| c.to_string());
    let (text, said) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    format!("{text}-- said\n{said}-- exit {code}\n")
}

const LOG: &str = r#"{"ts":"2026-03-01T10:00:00Z","level":"info","status":200,"ms":1.5,"path":"/a","ua":"curl","ok":true}
{"ts":"2026-03-01T10:00:01Z","level":"info","status":200,"ms":2,"path":"/b,c","ua":"a \"b\"\tc","ok":false}
{"ts":"2026-03-01T10:00:02Z","level":"\u0065rror","status":500,"path":"/a","who":{"name":"bob","ip":"10.0.0.1"}}

not json at all [31m
{"ts":"2026-03-01T10:05:00Z","level":"warn","status":404,"ms":null,"path":"/d"}
{"ts":"2026-03-01T10:05:01Z","level":"info","status":200,"ms":4.25,"path":"/é"
"#;

fn directory() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("a.json"), LOG).expect("writes");
    dir
}

/// Times and rates differ from run to run.
fn without_times(text: &str) -> String {
    let keep = |line: &&str| {
        !line.contains(" bytes in ") && !line.contains("elapsed_s") && !line.contains("bytes_per_s")
    };
    text.lines().filter(keep).fold(String::new(), |all, line| all + line + "\n")
}

#[test]
fn a_summary_says_what_is_in_a_log() {
    let dir = directory();
    insta::assert_snapshot!("summary", without_times(&printed(dir.path(), &["a.json"])));
}

#[test]
fn pairs_after_a_time_are_fields_and_not_syslog() {
    let dir = directory();
    let lines = "2026-03-01T10:00:00Z level=error message=\"a b\"\n2026-03-01T10:00:01Z level=info message=c\n";
    fs::write(dir.path().join("pairs.log"), lines).expect("writes");
    let by_level = ["--where", "level=error", "--fields", "time,message", "--csv", "pairs.log"];
    assert_eq!(printed(dir.path(), &by_level), "time,message\n2026-03-01T10:00:00Z,a b\n");
    let by_time = ["--since", "2026-03-01T10:00:01Z", "--fields", "level", "--csv", "pairs.log"];
    assert_eq!(printed(dir.path(), &by_time), "level\ninfo\n");
}

#[test]
fn one_thing_is_said_in_the_singular() {
    let dir = directory();
    fs::write(dir.path().join("one.json"), "{\"a\":1}\n").expect("writes");
    let said = printed(dir.path(), &["one.json"]);
    assert!(said.contains(" (1 record, 8 bytes)\n"), "{said}");
    let lines = "{\"level\":\"x\"}\n{\"level\":\"y\"}\n{\n";
    fs::write(dir.path().join("bad.json"), lines).expect("writes");
    let said = all(dir.path(), &["bad.json", "--fields", "level"]);
    assert!(said.contains("cutwater: 1 line is not a record and was left out; "), "{said}");
}

#[test]
fn fields_of_several_logs_are_named_once_where_one_is_unknown() {
    let dir = directory();
    fs::write(dir.path().join("b.json"), "{\"ts\":\"2026-03-01T10:00:00Z\",\"more\":1}\n")
        .expect("writes");
    let said = all(dir.path(), &["--merge", "--fields", "lvl", "a.json", "b.json"]);
    let named = said.split("a field \"lvl\"; there are ").nth(1).and_then(|s| s.lines().next());
    let mut names: Vec<_> = named.unwrap_or_else(|| panic!("{said}")).split(", ").collect();
    assert!(names.contains(&"more"), "{said}");
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "{said}");
}

#[test]
fn fields_in_every_form() {
    let dir = directory();
    let fields = ["--fields", "ts,status,ms,path,ua,who.name", "a.json", "--quiet"];
    for form in ["table", "csv", "tsv", "ndjson", "json"] {
        let flag = format!("--{form}");
        let mut args = fields.to_vec();
        if form != "table" {
            args.push(&flag);
        }
        insta::assert_snapshot!(format!("fields_{form}"), printed(dir.path(), &args));
    }
}

#[test]
fn groups_counts_and_lines() {
    let dir = directory();
    let mut said = String::new();
    for args in [
        &["--by", "status", "--agg", "count,avg(ms),max(ms)"][..],
        &["--by", "status,level", "--json"],
        &["--top", "2", "path"],
        &["--count"],
        &["--count-lines"],
        &["--count", "--where", "status>=400"],
        &["--where", "level=error"],
        &["--where", "level~err and path=\"/a\""],
        &["--where", "level=~'^(warn|error)$'", "--fields", "level,status", "--csv"],
        &["--head", "1"],
        &["--tail", "1"],
        &["--since", "2026-03-01T10:04:00Z", "--fields", "ts"],
        &["--last", "2s", "--fields", "ts"],
        &["--count", "--json"],
    ] {
        let mut args = args.to_vec();
        args.push("a.json");
        said.push_str(&format!(
            "$ scan {}\n{}\n",
            args.join(" "),
            without_times(&printed(dir.path(), &args))
        ));
    }
    insta::assert_snapshot!("groups_counts_lines", said);
}

#[test]
fn errors_say_what_is_wrong_and_what_to_try() {
    let dir = directory();
    let mut said = String::new();
    for args in [
        &["no-such-file"][..],
        &["*.none"],
        &["."],
        &["--where", "status>", "a.json"],
        &["--where", "ua=a b", "a.json"],
        &["--where", "path=~(", "a.json"],
        &["--since", "sometime", "a.json"],
        &["--format", "excel", "a.json"],
        &["--by", "status", "--agg", "median(ms)", "a.json"],
        &["--top", "many", "path", "a.json"],
        &["--fields", "stat", "a.json"],
        &["--regex", "(?<a>", "a.json"],
        &["--log-format", "nothing", "a.json"],
        &["--strict", "--count", "a.json"],
        &["--bench", "a.json", "a.json"],
        &["--merge", "--format", "raw", "a.json"],
    ] {
        said.push_str(&format!("$ scan {}\n{}\n", args.join(" "), all(dir.path(), args)));
    }
    insta::assert_snapshot!("errors", said);
}

#[test]
fn help() {
    let dir = directory();
    insta::assert_snapshot!("help", printed(dir.path(), &["--help"]));
}

#[test]
fn bad_lines_are_listed_with_their_places() {
    let dir = directory();
    let out = printed(dir.path(), &["--count", "--errors", "bad.tsv", "a.json"]);
    assert_eq!(out, "4\n");
    let listed = fs::read_to_string(dir.path().join("bad.tsv")).expect("it was written");
    let rows: Vec<Vec<&str>> = listed.lines().map(|l| l.split('\t').collect()).collect();
    let short: Vec<_> = rows.iter().map(|r| (r[0], r[1], r[2], r[4])).collect();
    let first = LOG.find("not json").expect("it is there").to_string();
    let second = LOG.rfind("{\"ts\"").expect("it is there").to_string();
    assert_eq!(
        short,
        [("a.json", "5", &*first, "unexpected_byte"), ("a.json", "7", &*second, "ends_early")]
    );
    assert!(!listed.contains('\u{1b}'), "control characters are escaped");
    assert_eq!(scan(dir.path(), &["--strict", "--count", "a.json"]).status.code(), Some(1));
}

#[test]
fn json_follows_its_schema() {
    let dir = directory();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let schema = fs::read_to_string(root.join("docs/scan.schema.json")).expect("a schema");
    let schema: Value = serde_json::from_str(&schema).expect("JSON");
    let summary: Value =
        serde_json::from_str(&printed(dir.path(), &["--json", "a.json"])).expect("JSON");
    cutwater_testing::check_schema(&schema, &summary);
    let file = &summary["files"][0];
    assert_eq!(
        (&file["lines"], &file["records"], &file["bad_lines"]),
        (&7.into(), &4.into(), &2.into())
    );
    assert_eq!(file["bytes"], LOG.len());
    assert_eq!(
        (&file["first"], &file["last"]),
        (&"2026-03-01T10:00:00Z".into(), &"2026-03-01T10:05:00Z".into())
    );
}

#[test]
fn arrow_is_read_back_with_its_types() {
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Float64Type, Int64Type, TimestampNanosecondType};
    use arrow_ipc::reader::{FileReader, StreamReader};
    let dir = directory();
    let fields = ["--fields", "ts,status,ms,ok,path,_line", "a.json"];
    let with = |flag| [&fields[..], &[flag]].concat();
    let file = scan(dir.path(), &with("--arrow-file")).stdout;
    let stream = scan(dir.path(), &with("--arrow")).stdout;
    let mut from_file = FileReader::try_new(io::Cursor::new(file), None).expect("a file");
    let mut from_stream = StreamReader::try_new(io::Cursor::new(stream), None).expect("a stream");
    let batch = from_file.next().expect("a batch").expect("it is whole");
    assert_eq!(from_stream.next().expect("a batch").expect("it is whole"), batch);
    assert_eq!(batch.num_rows(), 4);
    let column = |name| batch.column_by_name(name).unwrap_or_else(|| panic!("a column {name}"));
    assert_eq!(
        column("ts").as_primitive::<TimestampNanosecondType>().value(1),
        1_772_359_201_000_000_000
    );
    assert_eq!(column("status").as_primitive::<Int64Type>().values(), &[200, 200, 500, 404]);
    let ms: Vec<_> = column("ms").as_primitive::<Float64Type>().iter().collect();
    assert_eq!(ms, [Some(1.5), Some(2.0), None, None]);
    assert_eq!(
        column("ok").as_boolean().iter().collect::<Vec<_>>(),
        [Some(true), Some(false), None, None]
    );
    assert_eq!(column("_line").as_string::<i32>().value(0), LOG.lines().next().expect("a line"));
    // A value that does not fit becomes null and is reported.
    let args = ["--fields", "level:integer", "--arrow", "a.json"];
    let said = String::from_utf8_lossy(&scan(dir.path(), &args).stderr).into_owned();
    assert!(said.contains("4 values of level are not of type integer"), "{said}");
}

#[test]
fn compressed_logs_streams_and_globs_are_read_alike() {
    let dir = directory();
    let expected = printed(dir.path(), &["--by", "status", "a.json"]);
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(LOG.as_bytes()).expect("compresses");
    fs::write(dir.path().join("b.log"), gz.finish().expect("compresses")).expect("writes");
    let zst = zstd::encode_all(LOG.as_bytes(), 1).expect("compresses");
    fs::write(dir.path().join("c.json"), &zst).expect("writes");
    for name in ["b.log", "c.json", "b*"] {
        assert_eq!(printed(dir.path(), &["--by", "status", name]), expected, "{name}");
    }
    let mut child = start(dir.path(), &["--by", "status", "-"], Stdio::piped());
    child.stdin.take().expect("a pipe").write_all(LOG.as_bytes()).expect("writes");
    let out = child.wait_with_output().expect("ends");
    assert_eq!(String::from_utf8_lossy(&out.stdout), expected);
    // Two frames in one file, as appending makes them.
    fs::write(dir.path().join("two.zst"), [&zst[..], &zst].concat()).expect("writes");
    assert_eq!(printed(dir.path(), &["--count", "two.zst"]), "8\n");
    // A damaged file is reported by name.
    fs::write(dir.path().join("cut.zst"), &zst[..zst.len() / 2]).expect("writes");
    let out = all(dir.path(), &["--count", "cut.zst"]);
    assert!(out.contains("cut.zst") && out.contains("-- exit 1"), "{out}");
}

#[test]
fn logs_are_merged_by_time() {
    let dir = directory();
    let line = |second: u32, who: &str| format!("2026-03-01T10:00:{second:02}Z {who}\n");
    let (mut a, mut b) = (String::new(), String::new());
    for second in 0..50 {
        if second % 3 == 0 {
            a.push_str(&line(second, "a"))
        } else {
            b.push_str(&line(second, "b"))
        }
    }
    fs::write(dir.path().join("a.log"), &a).expect("writes");
    fs::write(dir.path().join("b.log"), &b).expect("writes");
    let merged = printed(dir.path(), &["--merge", "--format", "plain", "a.log", "b.log"]);
    let mut expected: Vec<&str> = a.lines().chain(b.lines()).collect();
    expected.sort_unstable();
    assert_eq!(merged.lines().collect::<Vec<_>>(), expected);
    let first =
        printed(dir.path(), &["--merge", "--head", "3", "--format", "plain", "a.log", "b.log"]);
    assert_eq!(first.lines().collect::<Vec<_>>(), expected[..3]);
}

fn start(dir: &Path, args: &[&str], stdin: Stdio) -> Child {
    crate::cutwater()
        .arg("scan")
        .args(args)
        .current_dir(dir)
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts")
}

fn interrupt(child: &Child) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("the signal is sent");
}

/// The lines that a child prints, as they come.
fn lines_of(child: &mut Child) -> std::sync::mpsc::Receiver<String> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let out = io::BufReader::new(child.stdout.take().expect("a pipe"));
    std::thread::spawn(move || {
        for line in io::BufRead::lines(out).map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Far more than it takes on any machine; a test that fails waits this long.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn following_prints_what_is_added_through_rotation_until_ctrl_c() {
    let dir = directory();
    let path = dir.path().join("app.log");
    fs::write(&path, "level=info n=1\nlevel=warn n=2\n").expect("writes");
    let args = ["--follow", "--where", "level=warn", "app.log"];
    let mut child = start(dir.path(), &args, Stdio::null());
    let lines = lines_of(&mut child);
    let next = || lines.recv_timeout(PATIENCE).expect("a line comes");
    assert_eq!(next(), "level=warn n=2");
    let mut log = fs::OpenOptions::new().append(true).open(&path).expect("opens");
    log.write_all(b"level=info n=3\nlevel=warn n=4\n").expect("writes");
    assert_eq!(next(), "level=warn n=4");
    fs::rename(&path, dir.path().join("app.log.1")).expect("renames");
    fs::write(&path, "level=warn n=5\n").expect("writes");
    assert_eq!(next(), "level=warn n=5");
    fs::write(&path, "level=warn n=6\n").expect("writes anew");
    assert_eq!(next(), "level=warn n=6");
    interrupt(&child);
    assert_eq!(child.wait().expect("ends").code(), Some(130));
}

/// Through a pipe that never ends, so that there is something to interrupt.
#[test]
fn ctrl_c_prints_what_was_found_so_far() {
    let dir = directory();
    let mut child = start(dir.path(), &["--by", "status", "-"], Stdio::piped());
    let mut pipe = child.stdin.take().expect("a pipe");
    // Enough lines that the command has read some of them once all are written.
    for _ in 0..4000 {
        pipe.write_all(LOG.as_bytes()).expect("writes");
    }
    let started = Instant::now();
    interrupt(&child);
    // What it is reading ends when more comes.
    while child.try_wait().expect("a state").is_none() && started.elapsed() < PATIENCE {
        let _ = pipe.write_all(LOG.as_bytes());
    }
    let out = child.wait_with_output().expect("ends");
    assert_eq!(out.status.code(), Some(130));
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(text.starts_with("status") && text.lines().count() == 4, "{text}");
}

#[test]
fn both_spellings_compare_ways_and_the_old_one_says_so() {
    let dir = directory();
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cutwater"));
        command.args(args).args(["--rounds", "1", "--quiet", "a.json"]).current_dir(dir.path());
        let out = command.output().expect("it starts");
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.success(), "{args:?}: {said}");
        (String::from_utf8_lossy(&out.stdout).contains("line-reader"), said)
    };
    assert_eq!(run(&["bench", "--scan"]), (true, String::new()));
    let (compared, said) = run(&["scan", "--bench"]);
    assert!(compared && said.contains("bench --scan"), "{said}");
}

#[test]
fn bench_compares_ways_that_find_the_same() {
    let dir = directory();
    fs::write(dir.path().join("big.json"), LOG.repeat(500)).expect("writes");
    let args = [
        "--bench",
        "--rounds",
        "1",
        "--threads",
        "2",
        "--json",
        "--export-csv",
        "t.csv",
        "--by",
        "status",
        "big.json",
    ];
    let report: Value = serde_json::from_str(&printed(dir.path(), &args)).expect("JSON");
    assert_eq!((&report["agree"], &report["found"]["lines"]), (&true.into(), &3500.into()));
    let ways = report["ways"].as_array().expect("ways");
    let names: Vec<_> = ways.iter().filter_map(|w| w["way"].as_str()).collect();
    for name in ["line-reader", "whole-file", "preadv/1", "preadv/2", "auto/2"] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    // One round has a pass out and one back, and no interval.
    let lines = &ways[0];
    assert_eq!((&lines["way"], &lines["runs"]), (&"line-reader".into(), &2.into()));
    assert_eq!(
        (&lines["times_line_reader"], &lines["interval"]["rounds"]),
        (&1.0.into(), &1.into())
    );
    assert!(lines["interval"]["high"].is_null(), "{lines}");
    let csv = fs::read_to_string(dir.path().join("t.csv")).expect("it was written");
    assert_eq!(csv.lines().count(), ways.len() + 1);
    assert!(csv.starts_with("way,runs,elapsed_s,"), "{csv}");
}

#[test]
fn records_without_a_readable_time_are_reported() {
    let dir = directory();
    let lines = "{\"ts\":\"2026-01-02T03:04:05Z\",\"n\":1}\n{\"ts\":\"xxx\",\"n\":2}\n\
                 {\"ts\":\"2026-01-02T03:04:07Z\",\"n\":3}\n";
    fs::write(dir.path().join("b.json"), lines).expect("writes");
    let said = all(dir.path(), &["b.json"]);
    assert!(said.contains("3 records") && said.contains("bad      none"), "{said}");
    assert!(
        said.contains("1 record has no time that can be read; --time-field names another"),
        "{said}"
    );
    let grouped = printed(dir.path(), &["--by", "n", "b.json"]);
    assert_eq!(grouped.lines().count(), 4, "{grouped}");
}

#[test]
fn a_zone_that_is_not_known_is_reported_and_now_sets_the_year() {
    let dir = directory();
    let zones = "2026-01-02 03:04:05 XYZT [1] LOG:  a\n2026-01-02 03:04:06 XYZT [1] LOG:  b\n";
    fs::write(dir.path().join("z.log"), zones).expect("writes");
    let said = all(dir.path(), &["z.log"]);
    assert!(said.contains("the zone of 2 times is not known: XYZT;"), "{said}");
    fs::write(dir.path().join("k.log"), "I0102 03:04:05.123456    1 f.go:12] m\n").expect("writes");
    let summary = |now| printed(dir.path(), &["--now", now, "k.log"]);
    assert!(summary("2026-11-28").contains("2026-01-02T03:04:05.123456Z"));
    assert!(summary("2020-11-28").contains("2020-01-02T03:04:05.123456Z"));
    let refused = scan(dir.path(), &["--now", "never", "k.log"]);
    assert_eq!(refused.status.code(), Some(2));
}
