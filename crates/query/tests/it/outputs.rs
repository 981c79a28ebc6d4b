//! Answers in every format, read back where the format is not for eyes.

use std::io::Cursor;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::ipc::reader::{FileReader, StreamReader};
use bytes::Bytes;
use cutwater_query::output::Format;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::support::{rows, session, written};

const SQL: &str = "SELECT ts, path, status, latency_ms, ok FROM log \
                   WHERE _line IN (1, 4, 8) ORDER BY ts";

async fn answer(sql: &str) -> Vec<RecordBatch> {
    let mut session = session(&[("log", &["app.json"])]).await;
    rows(&mut session, sql).await.expect("an answer")
}

#[tokio::test(flavor = "multi_thread")]
async fn text_is_written_in_every_format() {
    let batches = answer(SQL).await;
    let mut all = String::new();
    for (name, format) in Format::NAMED.into_iter().filter(|(_, f)| !f.is_binary()) {
        let text = String::from_utf8(written(format, &batches)).expect("text");
        all.push_str(&format!("{name}\n----\n{text}\n"));
    }
    insta::assert_snapshot!(all);
}

#[tokio::test(flavor = "multi_thread")]
async fn arrow_and_parquet_read_back_are_the_same_rows() {
    let batches = answer(SQL).await;
    let expected = concat_batches(&batches[0].schema(), &batches).expect("one schema");
    let read = |format: Format| -> Vec<RecordBatch> {
        let bytes = written(format, &batches);
        let read: Result<Vec<_>, _> = match format {
            Format::Arrow => {
                FileReader::try_new(Cursor::new(bytes), None).expect("a file").collect()
            }
            Format::ArrowStream => {
                StreamReader::try_new(Cursor::new(bytes), None).expect("a stream").collect()
            }
            _ => ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes))
                .and_then(|builder| builder.build())
                .expect("a file")
                .collect(),
        };
        read.expect("rows")
    };
    for format in [Format::Arrow, Format::ArrowStream, Format::Parquet] {
        let given = read(format);
        let given = concat_batches(&given[0].schema(), &given).expect("one schema");
        assert_eq!(given, expected, "{format:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_rows_is_whole_in_every_format() {
    let some = answer("SELECT status, path FROM log LIMIT 1").await;
    let none = [RecordBatch::new_empty(some[0].schema())];
    for (format, expected) in [
        (Format::Table, "status  path\n"),
        (Format::Csv, "status,path\n"),
        (Format::Json, "[]"),
        (Format::Ndjson, ""),
        (Format::Markdown, "| status | path |\n| ---: | --- |\n"),
    ] {
        let text = String::from_utf8(written(format, &none)).expect("text");
        assert_eq!(text, expected, "{format:?}");
    }
    let file = FileReader::try_new(Cursor::new(written(Format::Arrow, &none)), None);
    assert_eq!(file.expect("a file").count(), 1);
}
