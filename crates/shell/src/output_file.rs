//! Files that a command writes: never over what it reads, and without a name until they are whole.
//!
//! [`Inputs`] holds what is read, by identity: a link, a hard link, a descriptor and standard input
//! are the file behind them. [`OutputFile::create`] checks an output against all of it before a byte
//! is written. [`OutputFile::publish`] gives the file its name at the end; without it the file is
//! gone, and what had the name before keeps it.
//!
//! `-`, `/dev/stdout`, `/dev/fd/N` and links to them are descriptors that are open already. They
//! are written to as they are: to open them again would cut a file, or write at its beginning.

mod held;
mod inputs;
mod name;
mod pipe;
mod there;

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use crate::Failure;
use crate::stop::Stop;
use crate::words::shown;
use held::Held;
use name::Name;
use pipe::PipeWriter;
use there::There;

pub use inputs::Inputs;

/// Bytes that wait to be written.
const BUFFER_BYTES: usize = 1 << 18;

/// An output of a command.
#[derive(Debug)]
pub struct OutputFile {
    to: Target,
    /// What the user calls it.
    name: PathBuf,
}

#[derive(Debug)]
enum Target {
    /// Standard output.
    Standard,
    /// A device, or a descriptor that was open before the command began.
    Open(File),
    /// A named pipe.
    Pipe(File, Stop),
    /// A file that gets the name `path` when it is published.
    Held { file: Held, path: PathBuf },
}

impl OutputFile {
    /// Begins the output `name`, unless it is one of `inputs`. A file is made in the directory of
    /// `name`, without that name. It keeps the owner and permissions of the file that it replaces,
    /// and a link stays a link. A named pipe is opened when it has a reader.
    ///
    /// # Errors
    /// When it is an input under any name (a usage error), or cannot be written; also when a signal ends
    /// the wait for a reader of a pipe.
    pub fn create(name: &Path, inputs: &Inputs) -> Result<Self, Failure> {
        inputs.check(name)?;
        let to = Name::resolve(name).and_then(Target::begin).map_err(|e| cannot_write(name, e))?;
        Ok(Self { to, name: name.to_owned() })
    }

    /// Standard output, unless it is one of `inputs`: a command that appends to what it reads may
    /// read what it wrote.
    ///
    /// # Errors
    /// When it is an input.
    pub fn standard(inputs: &Inputs) -> Result<Self, Failure> {
        Self::create(Path::new(name::STANDARD), inputs)
    }

    /// Whether it is a terminal.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        match &self.to {
            Target::Standard => io::stdout().is_terminal(),
            Target::Open(file) => file.is_terminal(),
            Target::Pipe(..) | Target::Held { .. } => false,
        }
    }

    /// Whether it is standard output.
    #[must_use]
    pub fn is_standard(&self) -> bool {
        matches!(self.to, Target::Standard)
    }

    /// A buffered writer to it. It must be flushed before the output is published.
    ///
    /// # Errors
    /// When there is no descriptor left.
    pub fn writer(&self) -> Result<Box<dyn Write + Send>, Failure> {
        let again = |file: &File| file.try_clone().map_err(|e| cannot_write(&self.name, e));
        Ok(match &self.to {
            Target::Standard => buffered(io::stdout()),
            Target::Open(file) => buffered(again(file)?),
            Target::Pipe(file, stop) => buffered(PipeWriter::new(again(file)?, stop.clone())),
            Target::Held { file, .. } => buffered(again(file.file())?),
        })
    }

    /// Writes `text` as all of it, and publishes it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_whole(self, text: &str) -> Result<(), Failure> {
        let mut out = self.writer()?;
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        written.map_err(|e| cannot_write(&self.name, e))?;
        drop(out);
        self.publish()
    }

    /// Gives a file its name, in place of what has it now.
    ///
    /// # Errors
    /// When the name cannot be given.
    pub fn publish(self) -> Result<(), Failure> {
        match self.to {
            Target::Standard | Target::Open(_) | Target::Pipe(..) => Ok(()),
            Target::Held { file, path } => {
                file.persist(&path).map_err(|e| cannot_write(&self.name, e))
            }
        }
    }
}

impl Target {
    /// The name of a device (`/dev/null`!) must never become that of a file, so only files are held
    /// back.
    fn begin(name: Name) -> io::Result<Self> {
        let path = match name {
            Name::Descriptor(name::STDOUT) => return Ok(Self::Standard),
            Name::Descriptor(number) => return name::duplicate(number).map(Self::Open),
            Name::Path(path) => path,
        };
        let file = match There::open(&path)? {
            There::File(there) => Held::in_place_of(&path, &there)?,
            There::Nothing => Held::new(&path)?,
            There::Pipe(file) => return Ok(Self::Pipe(file, Stop::on_signals()?)),
            There::Device(file) => return Ok(Self::Open(file)),
        };
        Ok(Self::Held { file, path })
    }
}

fn buffered(file: impl Write + Send + 'static) -> Box<dyn Write + Send> {
    Box::new(BufWriter::with_capacity(BUFFER_BYTES, file))
}

fn cannot_write(name: &Path, e: io::Error) -> Failure {
    let by_signal = there::stopped_by(&e);
    let failure = Failure::new(format!("cannot write {}", shown(name))).because(e);
    match by_signal {
        Some(code) => failure.stopped(code),
        None => failure,
    }
}

#[cfg(test)]
mod tests;
