//! Files that somebody changes while a query reads them, after its first rows and before its last.
//!
//! With one thread, pieces are read when rows are asked for, so that a change after the first batch
//! is one in the middle of the scan.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use cutwater_query::{Failure, Limits, Opener, Session, engine_failure};
use cutwater_testing::Dice;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use tempfile::TempDir;

/// Some 3 MiB, which is three pieces.
const LINES: i64 = 20_000;

/// No query here takes a second: one that takes this long hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Lines numbered from `first` on, with text that does not compress well.
fn lines(first: i64, count: i64) -> String {
    let mut text = String::new();
    let mut dice = Dice::new(first.unsigned_abs());
    for n in first..first + count {
        let mut padding = String::new();
        for _ in 0..8 {
            write!(padding, "{:016x}", dice.roll()).expect("a string takes text");
        }
        writeln!(text, "{{\"n\":{n},\"pad\":\"{padding}\"}}").expect("a string takes text");
    }
    text
}

/// A log of [`LINES`] lines from 0 on.
fn log(dir: &TempDir, name: &str) -> PathBuf {
    let path = dir.path().join(name);
    std::fs::write(&path, lines(0, LINES)).expect("the log is written");
    path
}

async fn session(paths: &[&Path], threads: usize) -> Session {
    let limits = Limits { threads, memory_bytes: None, spill: None, seek: true };
    let mut session = Session::new(limits, Opener::default()).expect("a session begins");
    let paths: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
    session.add("log", &paths).await.expect("the logs open");
    session
}

async fn begin(session: &mut Session, sql: &str) -> SendableRecordBatchStream {
    let statement = session.parse(sql).expect("SQL").remove(0);
    session.answer(statement).await.expect("it begins")
}

/// Numbers of the rows of the next batch, from column 0; nothing at the end.
async fn next(stream: &mut SendableRecordBatchStream) -> Option<Result<Vec<i64>, Failure>> {
    let batch = tokio::time::timeout(PATIENCE, stream.next()).await.expect("it hangs")?;
    let numbers =
        |b: arrow::array::RecordBatch| b.column(0).as_primitive::<Int64Type>().values().to_vec();
    Some(batch.map(numbers).map_err(engine_failure))
}

/// All other rows, or those until a failure.
async fn rest(stream: &mut SendableRecordBatchStream) -> (Vec<i64>, Option<Failure>) {
    let mut rows = Vec::new();
    while let Some(batch) = next(stream).await {
        match batch {
            Ok(numbers) => rows.extend(numbers),
            Err(failure) => return (rows, Some(failure)),
        }
    }
    (rows, None)
}

/// Takes a batch of `SELECT n`, lets the files change, and takes the rest.
async fn changed(
    paths: &[&Path],
    threads: usize,
    change: impl FnOnce(),
) -> (Vec<i64>, Option<Failure>) {
    let mut session = session(paths, threads).await;
    let mut stream = begin(&mut session, "SELECT n FROM log").await;
    let mut rows = next(&mut stream).await.expect("rows").expect("rows");
    assert!(!rows.is_empty() && (rows.len() as i64) < LINES / 2, "{}", rows.len());
    change();
    let (more, failure) = rest(&mut stream).await;
    rows.extend(more);
    (rows, failure)
}

fn set_length(path: &Path, bytes: u64) {
    let file = File::options().write(true).open(path).expect("it opens");
    file.set_len(bytes).expect("its length is set");
}

fn is_shorter(failure: Option<&Failure>, path: &Path) {
    let failure = failure.expect("rows are missing, and nobody says so");
    let words = failure.to_string();
    assert!(words.contains("became shorter") && words.contains("truncated"), "{words}");
    assert!(words.contains(&path.display().to_string()), "{words}");
    assert_eq!(failure.exit_code(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_truncated_after_its_first_rows_is_a_failure_that_names_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let size = std::fs::metadata(log(&dir, "a.json")).expect("it is there").len();
    let last = lines(LINES - 1, 1).len() as u64;
    for threads in [1, 2] {
        // To nothing, into what was read, into a line, to the end of a line.
        for length in [0, 1000, size / 2, size - last] {
            let path = log(&dir, "a.json");
            let (rows, failure) = changed(&[&path], threads, || set_length(&path, length)).await;
            // Two threads may have read all of it by then; one has not.
            if threads == 1 || (rows.len() as i64) < LINES || failure.is_some() {
                is_shorter(failure.as_ref(), &path);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_logs_the_one_that_is_truncated_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let [a, b, c] = ["a.json", "b.json", "c.json"].map(|name| log(&dir, name));
    let paths = [a.as_path(), &b, &c];
    let (rows, failure) = changed(&paths, 1, || set_length(&b, 10)).await;
    is_shorter(failure.as_ref(), &b);
    assert_eq!(rows, (0..rows.len() as i64).collect::<Vec<_>>(), "rows of the first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_rotated_or_removed_is_read_to_the_end_that_it_had() {
    let dir = tempfile::tempdir().expect("a directory");
    let expected: Vec<_> = (0..LINES).collect();
    let rotate = |path: &Path| {
        std::fs::rename(path, path.with_extension("json.1")).expect("it is renamed");
        std::fs::write(path, lines(1_000_000, 5)).expect("a new one is made");
    };
    let remove = |path: &Path| std::fs::remove_file(path).expect("it is removed");
    let changes: [&dyn Fn(&Path); 2] = [&rotate, &remove];
    for change in changes {
        for threads in [1, 2] {
            let path = log(&dir, "a.json");
            let (mut rows, failure) = changed(&[&path], threads, || change(&path)).await;
            assert!(failure.is_none(), "{failure:?}");
            rows.sort_unstable();
            assert!(rows == expected, "{} rows with {threads} threads", rows.len());
        }
    }
    // Opened now, it is the new file.
    let path = log(&dir, "a.json");
    rotate(&path);
    let mut session = session(&[&path], 1).await;
    let mut stream = begin(&mut session, "SELECT n FROM log").await;
    assert_eq!(rest(&mut stream).await.0, (1_000_000..1_000_005).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_grows_is_read_as_it_was_but_for_the_end_of_its_last_line() {
    let dir = tempfile::tempdir().expect("a directory");
    for threads in [1, 2] {
        let path = log(&dir, "a.json");
        let grow = |text: &str| {
            let mut file = File::options().append(true).open(&path).expect("it opens");
            file.write_all(text.as_bytes()).expect("it grows");
        };
        // Half of a line: it is read to the end that it gets, and the next line is not.
        grow("{\"n\":20");
        let more = format!("000}}\n{}", lines(20_001, 9));
        let (mut rows, failure) = changed(&[&path], threads, || grow(&more)).await;
        assert!(failure.is_none(), "{failure:?}");
        rows.sort_unstable();
        // Two threads may have read the half before the other half came.
        let all = |count: i64| rows == (0..count).collect::<Vec<_>>();
        assert!(all(LINES + 1) || threads == 2 && all(LINES), "{} rows", rows.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compressed_log_that_is_truncated_is_a_failure_that_names_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("a.json.gz");
    // More than waits between the thread that decompresses and the one that asks.
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(lines(0, 10 * LINES).as_bytes()).expect("compresses");
    let bytes = gz.finish().expect("compresses");
    std::fs::write(&path, &bytes).expect("the log is written");
    let mut session = session(&[&path], 1).await;
    let mut stream = begin(&mut session, "SELECT n FROM log").await;
    assert!(next(&mut stream).await.expect("rows").is_ok());
    set_length(&path, bytes.len() as u64 - 1000);
    let (rows, failure) = rest(&mut stream).await;
    let words = failure.expect("rows are missing, and nobody says so").to_string();
    assert!(words.contains("a.json.gz") && words.contains("decompress"), "{words}");
    assert!((rows.len() as i64) < 10 * LINES);
}

/// Parquet with a group for each thousand rows.
fn parquet(path: &Path, first: i64) {
    use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
    let numbers: Int64Array = (first..first + LINES).collect();
    let texts: StringArray = (0..LINES).map(|n| Some(format!("{:0>100}", n * 7919))).collect();
    let columns: [(&str, ArrayRef); 2] =
        [("n", std::sync::Arc::new(numbers)), ("text", std::sync::Arc::new(texts))];
    let batch = RecordBatch::try_from_iter(columns).expect("a batch");
    let properties = parquet::file::properties::WriterProperties::builder()
        .set_max_row_group_row_count(Some(1000))
        .set_dictionary_enabled(false)
        .build();
    let file = File::create(path).expect("it is made");
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), Some(properties))
        .expect("begins");
    writer.write(&batch).expect("rows are written");
    writer.close().expect("it ends");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parquet_that_is_truncated_after_its_first_rows_is_a_failure() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("a.parquet");
    parquet(&path, 0);
    let size = std::fs::metadata(&path).expect("it is there").len();
    for length in [size / 2, 0] {
        parquet(&path, 0);
        let mut session = session(&[&path], 1).await;
        let mut stream = begin(&mut session, "SELECT n, text FROM log").await;
        assert!(next(&mut stream).await.expect("rows").is_ok());
        set_length(&path, length);
        let (rows, failure) = rest(&mut stream).await;
        let words = failure.expect("rows are missing, and nobody says so").to_string();
        assert!(words.contains("a.parquet") && words.contains("replaced or written"), "{words}");
        assert!((rows.len() as i64) < LINES);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parquet_that_is_replaced_after_its_first_rows_is_a_failure_and_then_the_new_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let (path, new) = (dir.path().join("a.parquet"), dir.path().join("new"));
    parquet(&path, 0);
    parquet(&new, 1_000_000);
    let mut session = session(&[&path], 1).await;
    let mut stream = begin(&mut session, "SELECT n, text FROM log").await;
    let mut rows = next(&mut stream).await.expect("rows").expect("rows");
    std::fs::rename(&new, &path).expect("it is replaced");
    let (more, failure) = rest(&mut stream).await;
    rows.extend(more);
    let words = failure.expect("rows of both, and nobody says so").to_string();
    assert!(words.contains("a.parquet") && words.contains("replaced or written"), "{words}");
    assert!(rows == (0..rows.len() as i64).collect::<Vec<_>>(), "{:?}", rows.last());
    let mut stream = begin(&mut session, "SELECT n, text FROM log").await;
    let (rows, failure) = rest(&mut stream).await;
    assert!(failure.is_none(), "{failure:?}");
    assert!(rows == (1_000_000..1_000_000 + LINES).collect::<Vec<_>>(), "{} rows", rows.len());
}
