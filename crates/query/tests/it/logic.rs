//! The table provider, by the files of sqllogictest in `slt/`.
//!
//! After a change that is meant, CUTWATER_UPDATE_SLT=1 writes the answers anew; what they then say
//! is to be checked by eye and by another program.

use std::path::{Path, PathBuf};

use crate::support::{rows, session};
use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use cutwater_query::{Failure, Session};
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType, Runner};

/// The logs that every file asks, in a session of its own.
struct Logs(Session);

impl Logs {
    async fn open() -> Result<Self, Failure> {
        let tables: [(&str, &[&str]); 3] =
            [("log", &["app.json"]), ("web", &["access.log"]), ("jobs", &["jobs.log"])];
        Ok(Self(session(&tables).await))
    }
}

fn column_type(data: &DataType) -> DefaultColumnType {
    match data {
        d if d.is_integer() => DefaultColumnType::Integer,
        d if d.is_floating() => DefaultColumnType::FloatingPoint,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DefaultColumnType::Text,
        _ => DefaultColumnType::Any,
    }
}

/// Values as sqllogictest prints them: it has a word for an empty text.
fn values(batch: &RecordBatch) -> Vec<Vec<String>> {
    let options = FormatOptions::default().with_null("NULL");
    let column = |array| ArrayFormatter::try_new(array, &options).expect("it can be shown");
    let columns: Vec<_> = batch.columns().iter().map(|c| column(c.as_ref())).collect();
    let value = |text: String| if text.is_empty() { "(empty)".to_owned() } else { text };
    let row = |at| columns.iter().map(|c| value(c.value(at).to_string())).collect();
    (0..batch.num_rows()).map(row).collect()
}

#[async_trait::async_trait]
impl AsyncDB for Logs {
    type Error = Failure;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Failure> {
        let batches = rows(&mut self.0, sql).await?;
        let Some(first) = batches.first() else {
            return Ok(DBOutput::Rows { types: Vec::new(), rows: Vec::new() });
        };
        let types = first.schema().fields().iter().map(|f| column_type(f.data_type())).collect();
        Ok(DBOutput::Rows { types, rows: batches.iter().flat_map(values).collect() })
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        "cutwater"
    }
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt");
    let all = std::fs::read_dir(folder).expect("the files are there");
    let mut files: Vec<_> = all.map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    files
}

/// Writes the answers that it has now into a file.
async fn update(file: &Path) {
    let (by, validator) = (" ", sqllogictest::default_validator);
    let normalizer = sqllogictest::default_normalizer;
    let types = sqllogictest::strict_column_validator;
    let mut runner = Runner::new(Logs::open);
    runner.update_test_file(file, by, validator, normalizer, types).await.expect("it runs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_answer_as_the_files_of_sqllogictest_say() {
    let files = files();
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        if std::env::var_os("CUTWATER_UPDATE_SLT").is_some() {
            update(&file).await;
        }
        let mut runner = Runner::new(Logs::open);
        runner.with_column_validator(sqllogictest::strict_column_validator);
        if let Err(e) = runner.run_file_async(&file).await {
            panic!("{}: {e}", file.display());
        }
    }
}
