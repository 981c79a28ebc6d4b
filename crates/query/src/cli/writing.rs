//! Where an answer goes: standard output, or a file that appears when it is whole.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal};
use std::path::{Path, PathBuf};

use arrow::datatypes::SchemaRef;
use cutwater_query::Failure;
use cutwater_query::output::{Format, Writer, writer};
use tempfile::NamedTempFile;

use super::args::Args;

/// Bytes that wait to be written.
const BUFFER_BYTES: usize = 1 << 18;

/// An answer on its way.
pub(super) struct Writing {
    pub(super) writer: Box<dyn Writer>,
    file: Option<(NamedTempFile, PathBuf)>,
}

impl Writing {
    /// Begins an answer of this schema.
    pub(super) fn new(args: &Args, schema: &SchemaRef) -> Result<Self, Failure> {
        let by_name = args.output.as_deref().and_then(Format::of_path);
        let format = args.out.or(by_name).unwrap_or(Format::Table);
        let Some(path) = &args.output else {
            let terminal = io::stdout().is_terminal();
            if format.is_binary() && terminal {
                let words = "this format is not for a terminal; send it to a file with --output";
                return Err(Failure::usage(words));
            }
            let out = BufWriter::with_capacity(BUFFER_BYTES, io::stdout());
            let writer = writer(format, schema, out, width().filter(|_| terminal))?;
            return Ok(Self { writer, file: None });
        };
        let (file, out) = beside(path)
            .map_err(|e| Failure::new(format!("cannot write {}: {e}", path.display())))?;
        let out = BufWriter::with_capacity(BUFFER_BYTES, out);
        Ok(Self { writer: writer(format, schema, out, None)?, file: Some((file, path.clone())) })
    }

    /// Writes what is held back; a file gets its name.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        self.writer.finish()?;
        let Some((file, path)) = self.file else { return Ok(()) };
        file.persist(&path)
            .map(drop)
            .map_err(|e| Failure::new(format!("cannot write {}: {}", path.display(), e.error)))
    }
}

/// A file without its name yet, in the directory where it will be.
fn beside(path: &Path) -> io::Result<(NamedTempFile, File)> {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = tempfile::Builder::new().prefix(".cutwater-query-").tempfile_in(parent)?;
    let out = file.reopen()?;
    Ok((file, out))
}

/// The terminal's columns.
fn width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}
