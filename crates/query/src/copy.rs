//! COPY to one file. The engine would put what it has written so far in place of the old file when the
//! query fails. Here the rows are written as those of `--output` are: the file appears when it is whole.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use cutwater_shell::output_file::{Inputs, OutputFile};
use cutwater_shell::words::shown;
use datafusion::datasource::listing::ListingTableUrl;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::sql::parser::CopyToStatement;
use futures::StreamExt;

use crate::Failure;
use crate::engine_error::engine_failure;
use crate::output::{Format, Writer, writer};

/// The option that says whether the target is one file.
const SINGLE_FILE: &str = "single_file_output";

/// What the engine takes for a pattern or for an escape in the name of a directory.
const NOT_LITERAL: [char; 4] = ['*', '?', '[', '%'];

/// A target of COPY that is one local file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OneFile {
    path: PathBuf,
    format: Format,
}

impl OneFile {
    /// Takes the target, format and options of a statement. `None` for directories and remote
    /// places, which the engine writes.
    ///
    /// # Errors
    /// A usage error when the format is not known, an option is not supported, or the engine would take
    /// the name of a directory for a pattern.
    pub(crate) fn take(copy: &mut CopyToStatement) -> Result<Option<Self>, Failure> {
        let Some(path) = local(&copy.target) else { return Ok(None) };
        if is_directory(copy, &path) {
            return literal(&copy.target).map(|()| None);
        }
        if path.as_os_str().is_empty() {
            return Err(Failure::usage("COPY takes the name of a file after TO"));
        }
        let other = copy.options.iter().find(|(name, _)| !is_single_file(name));
        if let Some((name, _)) = other {
            return Err(Failure::usage(format!(
                "COPY to one file has no option {name}; leave it out, or copy to a directory, whose \
                 name ends in /"
            )));
        }
        let format = format(copy.stored_as.as_deref(), &path)?;
        copy.options.clear();
        // The engine plans no COPY without a format that it knows.
        copy.stored_as = Some("CSV".to_owned());
        Ok(Some(Self { path, format }))
    }

    /// Begins the file. The returned stream writes `rows` and yields their number.
    ///
    /// # Errors
    /// When the file is one of `inputs`, standard output or a terminal, or cannot be written.
    pub(crate) fn write(
        self,
        rows: SendableRecordBatchStream,
        inputs: &Inputs,
    ) -> Result<SendableRecordBatchStream, Failure> {
        let file = OutputFile::create(&self.path, inputs)?;
        if file.is_standard() || file.is_terminal() {
            return Err(Failure::usage(format!(
                "COPY writes files, and {} is none; ask the query itself, with -o for its format",
                shown(&self.path)
            )));
        }
        let writer = writer(self.format, &rows.schema(), file.writer()?, None)?;
        let schema = count_schema();
        let made = Arc::clone(&schema);
        let count = futures::stream::once(async move {
            let count = written(rows, writer, file).await;
            let count = count.map_err(|failure| DataFusionError::External(Box::new(failure)))?;
            Ok(RecordBatch::try_new(made, vec![Arc::new(UInt64Array::from(vec![count]))])?)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, count)))
    }
}

/// What COPY answers, as the engine names it.
fn count_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("count", DataType::UInt64, false)]))
}

/// Writes all rows and gives the file its name; their number.
async fn written(
    mut rows: SendableRecordBatchStream,
    mut writer: Box<dyn Writer + Send>,
    file: OutputFile,
) -> Result<u64, Failure> {
    let mut count = 0;
    while let Some(batch) = rows.next().await {
        let batch = batch.map_err(engine_failure)?;
        count += batch.num_rows() as u64;
        writer.batch(&batch)?;
    }
    writer.finish()?;
    drop(writer);
    file.publish()?;
    Ok(count)
}

/// The local path of a target; `None` for a URL of another scheme.
fn local(target: &str) -> Option<PathBuf> {
    if !target.contains("://") || Path::new(target).is_absolute() {
        return Some(PathBuf::from(target));
    }
    ListingTableUrl::parse(target).ok()?.get_url().to_file_path().ok()
}

fn is_single_file(option: &str) -> bool {
    option.eq_ignore_ascii_case(SINGLE_FILE)
}

/// Whether COPY makes files in a directory, with names of its own.
fn is_directory(copy: &CopyToStatement, path: &Path) -> bool {
    let single = copy.options.iter().find(|(name, _)| is_single_file(name));
    let single = single.map(|(_, value)| value.to_string());
    let single = single.as_deref().map(|value| value.trim_matches('\'').trim());
    let wanted = match single {
        Some("true") => false,
        Some("false") => true,
        _ => copy.target.ends_with('/') || path.is_dir(),
    };
    wanted || !copy.partitioned_by.is_empty()
}

/// Checks that the engine takes the name of a directory as it is.
fn literal(target: &str) -> Result<(), Failure> {
    let is_url = target.contains("://");
    if !is_url && target.contains(NOT_LITERAL) {
        return Err(Failure::usage(format!(
            "COPY cannot write the directory {}: *, ?, [ and % have a meaning of their own there; \
             name another one",
            shown(Path::new(target))
        )));
    }
    let path = local(target).unwrap_or_default();
    if ["/dev", "/proc", "/sys"].iter().any(|tree| path.starts_with(tree)) {
        return Err(Failure::usage(format!(
            "COPY cannot write a directory in {}; name another one",
            shown(&path)
        )));
    }
    Ok(())
}

/// The format that STORED AS names, or else the end of the file's name. As with the engine, JSON is one
/// object a line.
fn format(stored_as: Option<&str>, path: &Path) -> Result<Format, Failure> {
    let found = match stored_as {
        Some(name) => name.to_ascii_lowercase().parse().map_err(Failure::usage)?,
        None => Format::of_path(path).ok_or_else(|| {
            Failure::usage(format!(
                "the name {} does not say in which format COPY should write it; add STORED AS CSV, \
                 JSON, PARQUET or ARROW",
                shown(path)
            ))
        })?,
    };
    Ok(if found == Format::Json { Format::Ndjson } else { found })
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::sql::parser::{DFParser, Statement};

    fn taken(sql: &str) -> Result<Option<OneFile>, Failure> {
        match DFParser::parse_sql(sql).unwrap().pop_front() {
            Some(Statement::CopyTo(mut copy)) => OneFile::take(&mut copy),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_name_without_a_slash_at_its_end_is_one_file_and_is_taken_literally() {
        for (to, path, format) in [
            ("'x.csv'", "x.csv", Format::Csv),
            ("'x.json'", "x.json", Format::Ndjson),
            ("'x' STORED AS PARQUET", "x", Format::Parquet),
            ("'F*' STORED AS csv", "F*", Format::Csv),
            ("'%46.arrow'", "%46.arrow", Format::Arrow),
            ("'file:///x%20y.csv'", "/x y.csv", Format::Csv),
            ("'x' STORED AS CSV OPTIONS (single_file_output true)", "x", Format::Csv),
        ] {
            let expected = OneFile { path: path.into(), format };
            assert_eq!(taken(&format!("COPY t TO {to}")).unwrap(), Some(expected), "{to}");
        }
    }

    #[test]
    fn directories_are_left_to_the_engine_unless_it_would_take_them_for_something_else() {
        for to in ["'d/' STORED AS CSV", "'/' STORED AS CSV", "'s3://b/x.csv'"] {
            assert_eq!(taken(&format!("COPY t TO {to}")).unwrap(), None, "{to}");
        }
        for to in [
            "'x'",
            "'x.xyz'",
            "'x' STORED AS XYZ",
            "'' STORED AS CSV",
            "'d*/' STORED AS CSV",
            "'%46/' STORED AS CSV",
            "'/dev/shm/x/' STORED AS CSV",
            "'x.csv' OPTIONS (format.delimiter ';')",
        ] {
            let refused = taken(&format!("COPY t TO {to}")).unwrap_err();
            assert!(refused.is_usage(), "{to}: {refused}");
        }
    }
}
