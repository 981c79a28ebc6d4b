//! Asking in tests.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use cutwater_query::output::{Format, writer};
use cutwater_query::{Failure, Limits, Opener, Session, engine_failure};

/// The command under test, without standard input.
pub(crate) fn query() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cutwater-query"));
    command.stdin(Stdio::null());
    command
}

/// The path of the log that most tests of the command read.
pub(crate) fn app() -> String {
    data("app.json").display().to_string()
}

/// A file of `data/`.
pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// A script of `python/`, for the `python3` on the PATH.
pub(crate) fn python(script: &str) -> Command {
    let mut command = Command::new("python3");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(script));
    command
}

/// Whether that Python has a module.
pub(crate) fn has_module(module: &str) -> bool {
    let mut asked = Command::new("python3");
    asked.args(["-c", &format!("import {module}")]).stdout(Stdio::null()).stderr(Stdio::null());
    let has = asked.status().is_ok_and(|status| status.success());
    if !has {
        cutwater_testing::skip!("python3 has no {module}");
    }
    has
}

/// A session with two threads and these tables of files in `data/`.
pub(crate) async fn session(tables: &[(&str, &[&str])]) -> Session {
    let limits = Limits { threads: 2, memory_bytes: None, spill: None, seek: true };
    let mut session = Session::new(limits, Opener::default()).expect("a session begins");
    for (name, files) in tables {
        let files: Vec<_> = files.iter().map(|f| data(f).display().to_string()).collect();
        session.add(name, &files).await.expect("the logs open");
    }
    session
}

/// The rows that answer the last statement of a text.
pub(crate) async fn rows(session: &mut Session, sql: &str) -> Result<Vec<RecordBatch>, Failure> {
    let mut batches = Vec::new();
    for statement in session.parse(sql)? {
        let stream = session.answer(statement).await?;
        batches =
            datafusion::physical_plan::common::collect(stream).await.map_err(engine_failure)?;
    }
    Ok(batches)
}

/// Bytes that a writer wrote.
#[derive(Clone, Default)]
pub(crate) struct Written(pub(crate) Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panicked").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Batches in a format.
pub(crate) fn written(format: Format, batches: &[RecordBatch]) -> Vec<u8> {
    let out = Written::default();
    if let Some(first) = batches.first() {
        let mut writer = writer(format, &first.schema(), out.clone(), None).expect("it begins");
        batches.iter().for_each(|batch| writer.batch(batch).expect("rows are written"));
        writer.finish().expect("it ends");
    }
    let bytes = out.0.lock().expect("nobody panicked");
    bytes.clone()
}

/// An answer as a table, or the words of an error.
pub(crate) fn answer(sql: &str, tables: &[(&str, &[&str])]) -> String {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build();
    runtime.expect("threads start").block_on(async {
        let mut session = session(tables).await;
        match rows(&mut session, sql).await {
            Ok(batches) => {
                let text = String::from_utf8(written(Format::Table, &batches)).expect("text");
                text.replace(&data("").display().to_string(), "")
            }
            Err(failure) => format!("exit {}: {failure}\n", failure.exit_code()),
        }
    })
}
