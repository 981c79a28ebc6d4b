//! Arrow IPC and Parquet.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::MetadataVersion;
use arrow::ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::{Writer, refused};
use crate::Failure;

/// Bytes to which buffers are aligned, so that a reader that maps the file needs no copy.
const ALIGNMENT: usize = 64;

fn options() -> Result<IpcWriteOptions, Failure> {
    IpcWriteOptions::try_new(ALIGNMENT, false, MetadataVersion::V5).map_err(refused)
}

/// An IPC file.
pub(super) struct File<W: Write>(FileWriter<W>);

impl<W: Write> File<W> {
    pub(super) fn new(out: W, schema: &SchemaRef) -> Result<Self, Failure> {
        FileWriter::try_new_with_options(out, schema, options()?).map(Self).map_err(refused)
    }
}

impl<W: Write> Writer for File<W> {
    fn batch(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        self.0.write(batch).map_err(refused)
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.0.finish().map_err(refused)?;
        self.0.get_mut().flush().map_err(|e| Failure::output(&e))
    }
}

/// An IPC stream.
pub(super) struct Stream<W: Write>(StreamWriter<W>);

impl<W: Write> Stream<W> {
    pub(super) fn new(out: W, schema: &SchemaRef) -> Result<Self, Failure> {
        StreamWriter::try_new_with_options(out, schema, options()?).map(Self).map_err(refused)
    }
}

impl<W: Write> Writer for Stream<W> {
    fn batch(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        self.0.write(batch).map_err(refused)
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.0.finish().map_err(refused)?;
        self.0.get_mut().flush().map_err(|e| Failure::output(&e))
    }
}

/// A Parquet file.
pub(super) struct Parquet<W: Write + Send>(ArrowWriter<W>);

impl<W: Write + Send> Parquet<W> {
    pub(super) fn new(out: W, schema: &SchemaRef) -> Result<Self, Failure> {
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let writer = ArrowWriter::try_new(out, SchemaRef::clone(schema), Some(properties));
        writer.map(Self).map_err(refused_parquet)
    }
}

impl<W: Write + Send> Writer for Parquet<W> {
    fn batch(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        self.0.write(batch).map_err(refused_parquet)
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.0.finish().map_err(refused_parquet)?;
        self.0.inner_mut().flush().map_err(|e| Failure::output(&e))
    }
}

fn refused_parquet(error: ParquetError) -> Failure {
    match error {
        ParquetError::External(e) => match e.downcast_ref::<std::io::Error>() {
            Some(e) => Failure::output(e),
            None => Failure::new(format!("cannot write the answer as Parquet: {e}")),
        },
        other => Failure::new(format!("cannot write the answer as Parquet: {other}")),
    }
}
