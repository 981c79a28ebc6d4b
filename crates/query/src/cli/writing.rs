//! Where an answer goes: standard output, or a file that appears when it is whole.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, IsTerminal};
use std::os::unix::fs::PermissionsExt;
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
        let (file, out) = target(path)
            .map_err(|e| Failure::new(format!("cannot write {}: {e}", path.display())))?;
        let out = BufWriter::with_capacity(BUFFER_BYTES, out);
        Ok(Self { writer: writer(format, schema, out, None)?, file })
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

/// Where to write what `path` is to hold: a file that gets its name at the end. A device or a pipe
/// is written to; the name of one (`/dev/null`!) must never become that of a file.
fn target(path: &Path) -> io::Result<(Option<(NamedTempFile, PathBuf)>, File)> {
    let there = match fs::metadata(path) {
        Ok(there) => there,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            // As programs make files: what the umask leaves of it.
            let (file, out) = beside(path, Permissions::from_mode(0o666))?;
            return Ok((Some((file, path.to_owned())), out));
        }
        Err(e) => return Err(e),
    };
    if !there.is_file() {
        return Ok((None, File::options().write(true).open(path)?));
    }
    // A link stays one, and a file keeps its rights.
    let path = fs::canonicalize(path)?;
    let (file, out) = beside(&path, Permissions::from_mode(0o600))?;
    file.as_file().set_permissions(there.permissions())?;
    Ok((Some((file, path)), out))
}

/// A file without its name yet, in the directory where it will be.
fn beside(path: &Path, rights: Permissions) -> io::Result<(NamedTempFile, File)> {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    let file = builder.prefix(".cutwater-query-").permissions(rights).tempfile_in(parent)?;
    let out = file.reopen()?;
    Ok((file, out))
}

/// The terminal's columns.
fn width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}
