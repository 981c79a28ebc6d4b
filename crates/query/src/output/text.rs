//! CSV, TSV, JSON and NDJSON, by Arrow's own writers.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, RecordBatch, StringBuilder};
use arrow::csv;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::writer::{
    EncoderOptions, JsonArray, JsonFormat, LineDelimited, WriterBuilder, make_encoder,
};

use super::{Writer, refused};
use crate::Failure;

/// Keeps the error that the writer above makes words of.
struct Watched<W> {
    out: W,
    failed: Arc<Mutex<Option<io::Error>>>,
}

impl<W> Watched<W> {
    fn kept<T>(&self, done: io::Result<T>) -> io::Result<T> {
        done.map_err(|e| {
            let same = io::Error::from(e.kind());
            *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(e);
            same
        })
    }
}

impl<W: Write> Write for Watched<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let done = self.out.write(bytes);
        self.kept(done)
    }

    fn flush(&mut self) -> io::Result<()> {
        let done = self.out.flush();
        self.kept(done)
    }
}

/// Separated values with a header. What is nested is written as JSON.
pub(super) struct Separated<W: Write> {
    writer: Option<csv::Writer<Watched<W>>>,
    failed: Arc<Mutex<Option<io::Error>>>,
}

impl<W: Write> Separated<W> {
    pub(super) fn new(out: W, delimiter: u8, schema: &SchemaRef) -> Result<Self, Failure> {
        let builder = csv::WriterBuilder::new().with_delimiter(delimiter).with_header(true);
        let failed = Arc::default();
        let writer = Some(builder.build(Watched { out, failed: Arc::clone(&failed) }));
        let mut writer = Self { writer, failed };
        // An answer without rows has a header, too.
        writer.batch(&RecordBatch::new_empty(SchemaRef::clone(schema)))?;
        Ok(writer)
    }
}

impl<W: Write> Writer for Separated<W> {
    fn batch(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let written = flat(batch).and_then(|batch| writer.write(&batch));
        written.map_err(|e| {
            let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner).take();
            failed.map_or_else(|| refused(e), |e| Failure::output(&e))
        })
    }

    fn finish(&mut self) -> Result<(), Failure> {
        let flushed = self.writer.take().map_or(Ok(()), |writer| writer.into_inner().out.flush());
        flushed.map_err(|e| Failure::output(&e))
    }
}

/// The same rows, with JSON texts in place of nested values.
fn flat(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = batch.schema();
    if !schema.fields().iter().any(|f| f.data_type().is_nested()) {
        return Ok(batch.clone());
    }
    let (fields, columns): (Vec<Field>, Vec<ArrayRef>) = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| {
            if !field.data_type().is_nested() {
                return Ok((field.as_ref().clone(), Arc::clone(column)));
            }
            let text = Field::new(field.name(), DataType::Utf8, true);
            Ok((text, json_texts(field, column)?))
        })
        .collect::<Result<Vec<_>, ArrowError>>()?
        .into_iter()
        .unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

/// Each value as JSON.
fn json_texts(field: &FieldRef, column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let options = EncoderOptions::default().with_explicit_nulls(true);
    let mut encoder = make_encoder(field, column, &options)?;
    let (mut texts, mut bytes) = (StringBuilder::new(), Vec::new());
    for at in 0..column.len() {
        if encoder.is_null(at) {
            texts.append_null();
            continue;
        }
        bytes.clear();
        encoder.encode(at, &mut bytes);
        texts.append_value(String::from_utf8_lossy(&bytes));
    }
    Ok(Arc::new(texts.finish()))
}

/// JSON objects.
pub(super) struct Json<W: Write, F: JsonFormat>(arrow::json::Writer<W, F>);

impl<W: Write> Json<W, JsonArray> {
    pub(super) fn array(out: W) -> Self {
        Self(WriterBuilder::new().with_explicit_nulls(true).build(out))
    }
}

impl<W: Write> Json<W, LineDelimited> {
    pub(super) fn lines(out: W) -> Self {
        Self(WriterBuilder::new().with_explicit_nulls(true).build(out))
    }
}

impl<W: Write, F: JsonFormat> Writer for Json<W, F> {
    fn batch(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        self.0.write(batch).map_err(refused)
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.0.finish().map_err(refused)?;
        self.0.get_mut().flush().map_err(|e| Failure::output(&e))
    }
}
