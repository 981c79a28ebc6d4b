//! Scans of logs that have many pieces: every row once, in its place, and no more read than needed.

use std::fmt::Write as _;
use std::path::Path;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type};
use cutwater_query::output::Format;
use cutwater_query::{Limits, Opener, Session};
use futures::StreamExt;

use crate::support::{rows, written};

const LINES: u64 = 30_000;

/// A log of [`LINES`] records, one every 100 ms, and how many bytes it has.
fn log(path: &Path) -> u64 {
    let mut text = String::new();
    for at in 0..LINES {
        let (minute, second, milli) = (at / 600, at / 10 % 60, at % 10 * 100);
        let padding = "x".repeat(usize::try_from(at % 97).unwrap_or(0) + 60);
        writeln!(
            text,
            "{{\"ts\":\"2026-03-01T10:{minute:02}:{second:02}.{milli:03}Z\",\"n\":{at},\
             \"kind\":\"k{}\",\"pad\":\"{padding}\"}}",
            at % 7
        )
        .expect("a string takes text");
    }
    std::fs::write(path, &text).expect("the log is written");
    text.len() as u64
}

async fn session(path: &Path, threads: usize, seek: bool) -> Session {
    let limits = Limits { threads, memory_bytes: None, spill: None, seek };
    let mut session = Session::new(limits, Opener::default()).expect("a session begins");
    session.add("log", &[path.display().to_string()]).await.expect("the log opens");
    session
}

fn integer(batches: &[RecordBatch], column: usize) -> i64 {
    batches
        .iter()
        .find(|b| b.num_rows() > 0)
        .expect("a row")
        .column(column)
        .as_primitive::<Int64Type>()
        .value(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn every_row_comes_once_whatever_the_threads() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("app.json");
    log(&path);
    for threads in [1, 2, 3, 7] {
        let mut session = session(&path, threads, true).await;
        let sql = "SELECT count(*), sum(n), count(DISTINCT n), max(_line), \
                   count(*) FILTER (WHERE _line = n + 1) FROM log";
        let answer = rows(&mut session, sql).await.expect("an answer");
        let lines = LINES as i64;
        let expected = [lines, lines * (lines - 1) / 2, lines, lines, lines];
        let given: Vec<_> = (0..5).map(|at| integer(&answer, at)).collect();
        assert_eq!(given, expected, "{threads} threads");
        let answer = rows(&mut session, "SELECT count(*) FROM log WHERE kind = 'k3' AND n > 20000");
        assert_eq!(integer(&answer.await.expect("an answer"), 0), 1429, "{threads} threads");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compressed_logs_are_decoded_and_archives_are_refused() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../logs/tests/data/compressed");
    for name in ["a.bz2", "a.xz", "a.lz4", "double.gz"] {
        for threads in [1, 2] {
            let mut session = session(&data.join(name), threads, true).await;
            let answer = rows(&mut session, "SELECT count(*) FROM log").await.expect("an answer");
            assert_eq!(integer(&answer, 0), 1000, "{name}, {threads} threads");
        }
    }
    let limits = Limits { threads: 1, memory_bytes: None, spill: None, seek: true };
    let mut session = Session::new(limits, Opener::default()).expect("a session begins");
    let zip = data.join("a.zip").display().to_string();
    let refused = session.add("log", &[zip]).await.expect_err("it is refused").to_string();
    assert!(refused.contains("unpack it with: unzip"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offsets_are_where_the_lines_are() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("app.json");
    log(&path);
    let text = std::fs::read_to_string(&path).expect("the log is there");
    let mut session = session(&path, 2, true).await;
    let sql = "SELECT _offset, _raw FROM log WHERE n % 1000 = 7 OR n = 29999 ORDER BY n";
    let answer = rows(&mut session, sql).await.expect("an answer");
    let mut seen = 0;
    for batch in &answer {
        let offsets = batch.column(0).as_primitive::<Int64Type>();
        let lines = batch.column(1).as_string::<i32>();
        for (offset, line) in offsets.iter().zip(lines) {
            let offset = usize::try_from(offset.expect("an offset")).expect("not negative");
            assert!(text[offset..].starts_with(line.expect("a line")));
            seen += 1;
        }
    }
    assert_eq!(seen, 31);
}

/// Bytes that a query reads.
async fn bytes_read(session: &mut Session, sql: &str) -> u64 {
    let _ = session.counters().take();
    rows(session, sql).await.expect("an answer");
    session.counters().take().bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_range_of_a_sorted_log_reads_only_that_part() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("app.json");
    let size = log(&path);
    let sql = "SELECT count(*), min(n), max(n) FROM log \
               WHERE ts >= '2026-03-01T10:25:00Z' AND ts < '2026-03-01T10:26:00Z'";
    let mut sought = session(&path, 2, true).await;
    let mut whole = session(&path, 2, false).await;
    for session in [&mut sought, &mut whole] {
        let answer = rows(session, sql).await.expect("an answer");
        assert_eq!([0, 1, 2].map(|at| integer(&answer, at)), [600, 15_000, 15_599]);
    }
    assert!(bytes_read(&mut sought, sql).await < size / 10);
    assert!(bytes_read(&mut whole, sql).await >= size);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bounds_of_time_and_the_first_rows_read_hardly_anything() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("app.json");
    let size = log(&path);
    let mut session = session(&path, 2, true).await;
    let sql = "SELECT min(ts) AS first, max(ts) AS last FROM log";
    let answer = rows(&mut session, sql).await.expect("an answer");
    let text = String::from_utf8(written(Format::Csv, &answer)).expect("text");
    assert_eq!(text, "first,last\n2026-03-01T10:00:00Z,2026-03-01T10:49:59.900Z\n");
    assert_eq!(bytes_read(&mut session, sql).await, 0);
    let sql = "SELECT n FROM log LIMIT 10";
    let answer = rows(&mut session, sql).await.expect("an answer");
    let given: Vec<_> = answer
        .iter()
        .flat_map(|b| {
            b.column(0).as_primitive::<Int64Type>().values().iter().copied().collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(given, (0..10).collect::<Vec<_>>());
    assert!(bytes_read(&mut session, sql).await < size / 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bounds_of_a_log_that_is_not_sorted_are_found_by_reading_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("app.json");
    log(&path);
    let mut text = std::fs::read_to_string(&path).expect("the log is there");
    let middle = text.len() / 2;
    let middle = middle + text[middle..].find('\n').expect("a line ends") + 1;
    text.rotate(middle);
    std::fs::write(&path, text).expect("the log is written");
    let mut session = session(&path, 2, true).await;
    let sql = "SELECT min(ts) AS first, max(ts) AS last FROM log";
    let answer = rows(&mut session, sql).await.expect("an answer");
    let text = String::from_utf8(written(Format::Csv, &answer)).expect("text");
    assert_eq!(text, "first,last\n2026-03-01T10:00:00Z,2026-03-01T10:49:59.900Z\n");
}

/// Text whose lines change places.
trait Rotate {
    fn rotate(&mut self, at: usize);
}

impl Rotate for String {
    fn rotate(&mut self, at: usize) {
        let head = self.split_off(at);
        self.insert_str(0, &head);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_that_does_not_fit_is_null_and_counted() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("app.json");
    log(&path);
    let mut text = std::fs::read_to_string(&path).expect("the log is there");
    // Between the places that are sampled.
    let at = text.find("\"n\":7000,").expect("the record is there");
    text.replace_range(at..at + 9, "\"n\":\"no\",");
    std::fs::write(&path, text).expect("the log is written");
    let mut session = session(&path, 2, true).await;
    let answer = rows(&mut session, "SELECT count(*), count(n) FROM log").await.expect("an answer");
    assert_eq!((integer(&answer, 0), integer(&answer, 1)), (LINES as i64, LINES as i64 - 1));
    assert_eq!(session.counters().take().misfits, [("n".to_owned(), 1)].into());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_carriage_return_before_the_line_feed_is_no_part_of_the_line() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("app.json");
    std::fs::write(&path, "{\"n\":1}\r\n{\"n\":2}\r\n{\"n\"\r\n").expect("the log is written");
    let mut session = session(&path, 2, true).await;
    let sql = "SELECT _raw, _raw LIKE '%}' AS ended FROM log WHERE _raw LIKE '%}' OR _error <> ''";
    let answer = rows(&mut session, sql).await.expect("an answer");
    let text = String::from_utf8(written(Format::Tsv, &answer)).expect("text");
    assert_eq!(
        text,
        "_raw\tended\n\"{\"\"n\"\":1}\"\ttrue\n\"{\"\"n\"\":2}\"\ttrue\n\"{\"\"n\"\"\"\tfalse\n"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn zero_has_no_sign() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("app.json");
    std::fs::write(&path, "{\"x\":-0.0}\n{\"x\":0.0}\n{\"x\":0.5}\n").expect("the log is written");
    let mut session = session(&path, 2, true).await;
    for condition in ["x = 0", "x = -0.0", "x + 0.0 = 0", "x >= 0.0 AND x <= -0.0"] {
        let sql = format!("SELECT count(*), count(DISTINCT x) FROM log WHERE {condition}");
        let answer = rows(&mut session, &sql).await.expect("an answer");
        assert_eq!((integer(&answer, 0), integer(&answer, 1)), (2, 1), "{condition}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_becomes_shorter_is_a_failure_and_one_that_grows_is_read_as_it_was() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("app.json");
    let size = log(&path);
    let mut session = session(&path, 2, true).await;
    let file = std::fs::OpenOptions::new().append(true).open(&path).expect("it opens");
    std::io::Write::write_all(&mut &file, b"{\"n\":1}\n").expect("it grows");
    let answer = rows(&mut session, "SELECT count(*) FROM log").await.expect("an answer");
    assert_eq!(integer(&answer, 0), LINES as i64);
    file.set_len(size / 2).expect("it shrinks");
    let failure = rows(&mut session, "SELECT count(*) FROM log").await.expect_err("a failure");
    assert!(failure.to_string().contains("became shorter"), "{failure}");
    assert_eq!(failure.exit_code(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_drops_the_rows_ends_the_query() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("app.json");
    let size = log(&path);
    let mut session = session(&path, 2, true).await;
    // 900,000,000 rows.
    let sql = "SELECT a.n, b.n FROM log a CROSS JOIN log b";
    let statement = session.parse(sql).expect("SQL").remove(0);
    let mut stream = session.answer(statement).await.expect("it begins");
    assert!(stream.next().await.expect("rows").expect("rows").num_rows() > 0);
    drop(stream);
    // Each side is read at most once, and a new query is answered.
    assert!(session.counters().take().bytes <= 2 * size);
    let answer = rows(&mut session, "SELECT avg(n) FROM log").await.expect("an answer");
    let mean = answer[0].column(0).as_primitive::<Float64Type>().value(0);
    assert!((mean - (LINES - 1) as f64 / 2.0).abs() < 1e-9);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_sorted_in_memory_is_sorted_on_disk() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("app.json");
    log(&path);
    let spill = dir.path().join("spill");
    std::fs::create_dir(&spill).expect("a directory");
    let limits =
        Limits { threads: 2, memory_bytes: Some(32 << 20), spill: Some(spill.clone()), seek: true };
    let mut session = Session::new(limits, Opener::default()).expect("a session begins");
    session.add("log", &[path.display().to_string()]).await.expect("the log opens");
    let sql = "SELECT n, repeat(_raw, 8) AS wide FROM log ORDER BY wide DESC";
    let statement = session.parse(sql).expect("SQL").remove(0);
    let mut stream = session.answer(statement).await.expect("it begins");
    let (mut seen, mut spilled) = (0, false);
    while let Some(batch) = stream.next().await {
        seen += batch.expect("rows").num_rows();
        let entries = std::fs::read_dir(&spill).expect("it is there");
        spilled |= entries.flatten().any(|e| e.path().is_dir());
    }
    assert_eq!((seen, spilled), (30_000, true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_join_that_does_not_fit_in_memory_is_sorted_on_disk() {
    const IDS: u64 = 300_000;
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("ids.json");
    let mut text = String::new();
    for n in 0..IDS {
        writeln!(text, "{{\"n\":{n},\"id\":\"{:024x}\"}}", n * 7919 % IDS).expect("text");
    }
    std::fs::write(&path, &text).expect("the log is written");
    let join = "SELECT count(*), sum(a.n) FROM log a LEFT JOIN log b ON a.id = b.id";
    for (threads, memory_mib, is_sorted) in [(2, 512, false), (2, 16, true), (1, 16, true)] {
        let limits = Limits {
            threads,
            memory_bytes: Some(memory_mib << 20),
            spill: Some(dir.path().to_owned()),
            seek: true,
        };
        let mut session = Session::new(limits, Opener::default()).expect("a session begins");
        session.add("log", &[path.display().to_string()]).await.expect("the log opens");
        let answer = rows(&mut session, join).await.expect("an answer");
        let (ids, sum) = (IDS as i64, (IDS * (IDS - 1) / 2) as i64);
        assert_eq!((integer(&answer, 0), integer(&answer, 1)), (ids, sum), "{memory_mib} MiB");
        let sums = session.counters().take();
        assert_eq!(sums.sorted_joins, is_sorted, "{memory_mib} MiB, {threads} threads");
        assert_eq!(sums.lines, 2 * IDS, "what the first try read does not count");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn rows_that_were_counted_are_known_until_somebody_writes() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("app.json");
    log(&path);
    let mut session = session(&path, 2, true).await;
    let count = "SELECT count(*) FROM log";
    // A part of the rows teaches nothing.
    for sql in ["SELECT n FROM log LIMIT 3", "SELECT count(*) FROM log WHERE n > 7"] {
        rows(&mut session, sql).await.expect("rows");
    }
    let _ = session.counters().take();
    assert_eq!(integer(&rows(&mut session, count).await.expect("a count"), 0), LINES as i64);
    assert!(session.counters().take().bytes > 0);
    assert_eq!(integer(&rows(&mut session, count).await.expect("a count"), 0), LINES as i64);
    assert_eq!(session.counters().take().bytes, 0, "they are known");
    let some = rows(&mut session, "SELECT count(*) FROM log WHERE n < 10").await.expect("a count");
    assert_eq!(integer(&some, 0), 10);
    // In place, and of the same size: half of the lines are no longer records.
    let mut bytes = std::fs::read(&path).expect("the log");
    let half = bytes.len() / 2;
    bytes[half..].iter_mut().filter(|b| **b == b'{').for_each(|b| *b = b'!');
    let written = std::fs::OpenOptions::new().write(true).open(&path);
    std::io::Write::write_all(&mut written.expect("the log opens"), &bytes).expect("it is written");
    let _ = session.counters().take();
    let fewer = integer(&rows(&mut session, count).await.expect("a count"), 0);
    assert!(fewer < LINES as i64, "{fewer}");
    assert!(session.counters().take().bytes > 0, "they are counted again");
}
