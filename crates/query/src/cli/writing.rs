//! Where an answer goes: standard output, or a file that appears when it is whole.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, IsTerminal};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use arrow::datatypes::SchemaRef;
use cutwater_query::output::{Format, Writer, writer};
use cutwater_shell::Failure;
use cutwater_shell::words::shown;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, open};
use tempfile::NamedTempFile;

use super::args::Args;

/// Bytes that wait to be written.
const BUFFER_BYTES: usize = 1 << 18;

/// The prefix of a file's name before it gets its own.
const PREFIX: &str = ".cutwater-query-";

/// An answer that is being written.
pub(super) struct Writing {
    pub(super) writer: Box<dyn Writer>,
    file: Option<(Held, PathBuf)>,
}

/// A file that is being written.
enum Held {
    /// It has no name at all, and is gone with the program, even if that is killed (`O_TMPFILE`).
    Nameless(File),
    /// For file systems without such files; a killed program leaves it behind.
    Named(NamedTempFile),
}

impl Held {
    /// A file in the directory of `path`, to which a name can be given.
    fn beside(path: &Path, rights: u32) -> io::Result<Self> {
        let parent = directory(path);
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        match open(parent, flags, Mode::from_raw_mode(rights)) {
            Ok(file) if Path::new(&place(&file)).exists() => Ok(Self::Nameless(file.into())),
            _ => {
                let rights = Permissions::from_mode(rights);
                let mut builder = tempfile::Builder::new();
                Ok(Self::Named(builder.prefix(PREFIX).permissions(rights).tempfile_in(parent)?))
            }
        }
    }

    fn file(&self) -> &File {
        match self {
            Self::Nameless(file) => file,
            Self::Named(named) => named.as_file(),
        }
    }

    /// Gives it the name `path`, in place of what has it now.
    fn persist(self, path: &Path) -> io::Result<()> {
        let file = match self {
            Self::Named(named) => return named.persist(path).map(drop).map_err(|e| e.error),
            Self::Nameless(file) => file,
        };
        // A link takes no other's name, so it gets one of its own first.
        let from = place(&file);
        let link = |name: &Path| {
            linkat(CWD, &from, CWD, name, AtFlags::SYMLINK_FOLLOW).map_err(io::Error::from)
        };
        let named = tempfile::Builder::new().prefix(PREFIX).make_in(directory(path), link)?;
        named.persist(path).map(drop).map_err(|e| e.error)
    }
}

fn directory(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Where a descriptor can be found (`proc_pid_fd(5)`).
fn place(file: &impl AsRawFd) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
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
        let (file, out) = target(path).map_err(|e| cannot_write(path, e))?;
        let out = BufWriter::with_capacity(BUFFER_BYTES, out);
        Ok(Self { writer: writer(format, schema, out, None)?, file })
    }

    /// Writes what is held back; a file gets its name.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        self.writer.finish()?;
        let Some((file, path)) = self.file else { return Ok(()) };
        file.persist(&path).map_err(|e| cannot_write(&path, e))
    }
}

fn cannot_write(path: &Path, e: io::Error) -> Failure {
    Failure::new(format!("cannot write {}", shown(path))).because(e)
}

/// Where to write what `path` is to hold: a file that gets its name at the end. A device or a pipe
/// is written to; the name of one (`/dev/null`!) must never become that of a file.
fn target(path: &Path) -> io::Result<(Option<(Held, PathBuf)>, File)> {
    let there = match fs::metadata(path) {
        Ok(there) => there,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            // As programs make files: what the umask leaves of it.
            let file = Held::beside(path, 0o666)?;
            let out = file.file().try_clone()?;
            return Ok((Some((file, path.to_owned())), out));
        }
        Err(e) => return Err(e),
    };
    if !there.is_file() {
        return Ok((None, File::options().write(true).open(path)?));
    }
    // A link stays one, and a file keeps its rights.
    let path = fs::canonicalize(path)?;
    let file = Held::beside(&path, 0o600)?;
    file.file().set_permissions(there.permissions())?;
    let out = file.file().try_clone()?;
    Ok((Some((file, path)), out))
}

/// The terminal's columns.
fn width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}
