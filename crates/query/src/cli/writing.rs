//! Where an answer goes: standard output, or a file that appears when it is whole.

use std::io;

use arrow::datatypes::SchemaRef;
use cutwater_query::output::{Format, Writer, for_terminal, writer};
use cutwater_shell::Failure;
use cutwater_shell::output_file::{Inputs, OutputFile};

use super::args::Args;

/// An answer that is being written.
pub(super) struct Writing {
    pub(super) writer: Box<dyn Writer>,
    file: OutputFile,
}

impl Writing {
    /// Begins an answer of this schema; its output must be none of `inputs`.
    pub(super) fn new(args: &Args, inputs: &Inputs, schema: &SchemaRef) -> Result<Self, Failure> {
        let by_name = args.output.as_deref().and_then(Format::of_path);
        let format = args.out.or(by_name).unwrap_or(Format::Table);
        let file = match &args.output {
            Some(path) => OutputFile::create(path, inputs)?,
            None => OutputFile::standard(inputs)?,
        };
        let out = file.writer()?;
        if !file.is_terminal() {
            return Ok(Self { writer: writer(format, schema, out, None)?, file });
        }
        if format.is_binary() {
            let words = "this format is not for a terminal; send it to a file with --output";
            return Err(Failure::usage(words));
        }
        let out = for_terminal(format, out);
        Ok(Self { writer: writer(format, schema, out, width())?, file })
    }

    /// Writes what is held back; a file gets its name.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        self.writer.finish()?;
        self.file.publish()
    }
}

/// The terminal's columns.
fn width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}
