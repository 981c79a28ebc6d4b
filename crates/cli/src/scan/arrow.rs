//! Chosen fields as Arrow IPC, a file or a stream, on standard output.

use std::io::{self, BufWriter, IsTerminal, Stdout};
use std::ops::ControlFlow;

use arrow_array::RecordBatch;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use arrow_schema::{ArrowError, Schema};
use cutwater_logs::columns::{ColumnSpec, ColumnType, Columns, infer, schema};
use cutwater_logs::split::Stop;

use super::done::Done;
use super::pass::{Emit, pass};
use super::plan::{ArrowForm, Plan};
use cutwater_shell::words::{are, counted};
use cutwater_shell::{Failure, note};

/// Bytes to which buffers are aligned, so that a program that maps the file needs no copy.
const ALIGNMENT: usize = 64;

/// Writes the fields `names` of the first `head` records, or of all. A name may end with a colon and
/// the type of the column.
pub(super) fn write(
    plan: &Plan,
    stop: &Stop,
    names: &[String],
    form: ArrowForm,
    head: Option<usize>,
) -> Result<Done, Failure> {
    if io::stdout().is_terminal() {
        let what = "Arrow IPC is not for a terminal; send it to a file or a program";
        return Err(Failure::usage(what));
    }
    let specs = columns(plan, names);
    let writer = Writer::new(form, head, &schema(&specs))?;
    let (done, sinks) = pass(plan, stop, || Columns::new(&specs), writer)?;
    let mut misfits = vec![0; specs.len()];
    for mut sink in sinks {
        if let Some(e) = sink.failed.take() {
            return Err(refused(e));
        }
        misfits.iter_mut().zip(&sink.misfits).for_each(|(sum, n)| *sum += n);
    }
    for (spec, count) in specs.iter().zip(misfits).filter(|(_, count)| *count > 0) {
        let (name, kind) = (&spec.name, spec.kind.name());
        note(&format!(
            "{} of {name} {} not of type {kind} and {} written as null; --fields {name}:string keeps {}",
            counted(count, "value"),
            are(count),
            if count == 1 { "was" } else { "were" },
            if count == 1 { "it" } else { "them" }
        ));
    }
    Ok(done)
}

/// The columns, of the types that are named, otherwise of those that sampled lines have.
fn columns(plan: &Plan, names: &[String]) -> Vec<ColumnSpec> {
    let typed = |name: &String| -> (String, Option<ColumnType>) {
        let parts = name.rsplit_once(':').and_then(|(n, t)| Some((n, t.parse().ok()?)));
        parts.map_or_else(|| (name.clone(), None), |(n, t)| (n.to_owned(), Some(t)))
    };
    let (names, kinds): (Vec<_>, Vec<_>) = names.iter().map(typed).unzip();
    let mut specs = infer(&plan.logs, &names);
    for (spec, kind) in specs.iter_mut().zip(kinds) {
        if let Some(kind) = kind {
            (spec.kind, spec.exact) = (kind, false);
        }
    }
    specs
}

/// Arrow's own failures. Those of standard output keep their kind: a closed pipe is not a failure.
fn refused(error: ArrowError) -> Failure {
    match error {
        ArrowError::IoError(_, e) => Failure::output(e),
        other => Failure::new("cannot make Arrow columns of these fields").because(other),
    }
}

enum Writer {
    File(Box<FileWriter<BufWriter<Stdout>>>, Left),
    Stream(Box<StreamWriter<BufWriter<Stdout>>>, Left),
}

/// What is left to be written, and what went wrong.
struct Left {
    rows: usize,
    failed: Option<ArrowError>,
}

impl Writer {
    fn new(form: ArrowForm, head: Option<usize>, schema: &Schema) -> Result<Self, Failure> {
        let out = BufWriter::with_capacity(1 << 18, io::stdout());
        let left = Left { rows: head.unwrap_or(usize::MAX), failed: None };
        let options = IpcWriteOptions::try_new(ALIGNMENT, false, arrow_ipc::MetadataVersion::V5)
            .map_err(refused)?;
        Ok(if form == ArrowForm::File {
            let writer = FileWriter::try_new_with_options(out, schema, options).map_err(refused)?;
            Self::File(Box::new(writer), left)
        } else {
            let writer =
                StreamWriter::try_new_with_options(out, schema, options).map_err(refused)?;
            Self::Stream(Box::new(writer), left)
        })
    }
}

impl Emit<Option<RecordBatch>> for Writer {
    fn part(&mut self, _: usize, batch: &mut Option<RecordBatch>) -> ControlFlow<()> {
        let Some(batch) = batch.take() else { return ControlFlow::Continue(()) };
        let (Self::File(_, left) | Self::Stream(_, left)) = self;
        let batch = batch.slice(0, batch.num_rows().min(left.rows));
        left.rows -= batch.num_rows();
        let written = match self {
            Self::File(writer, _) => writer.write(&batch),
            Self::Stream(writer, _) => writer.write(&batch),
        };
        let (Self::File(_, left) | Self::Stream(_, left)) = self;
        left.failed = written.err();
        if left.rows == 0 || left.failed.is_some() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn finish(&mut self) -> Result<(), Failure> {
        let (Self::File(_, left) | Self::Stream(_, left)) = self;
        if let Some(e) = left.failed.take() {
            return Err(refused(e));
        }
        // Finishing writes the footer and flushes.
        match self {
            Self::File(writer, _) => writer.finish(),
            Self::Stream(writer, _) => writer.finish(),
        }
        .map_err(refused)
    }
}
