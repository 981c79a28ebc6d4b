//! What has the name of an output now. It is opened for writing, so it is refused where other
//! programs could not write it either.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::fs::{Mode, OFlags, fcntl_setfl, open};
use rustix::io::Errno;

use crate::note;
use crate::stop::Stop;
use crate::words::shown;

/// Time between two looks for a reader.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What has a name.
#[derive(Debug)]
pub(super) enum There {
    Nothing,
    /// A regular file; nothing in it has changed.
    File(Metadata),
    /// A pipe with a reader; it does not block.
    Pipe(File),
    /// A device.
    Device(File),
}

impl There {
    /// Opens `path`, and waits until a pipe has a reader.
    ///
    /// # Errors
    /// When this user may not write it, or a signal ends the wait ([`stopped_by`]).
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        // Opening a pipe without a reader, or a file with a lease, would block despite Ctrl-C
        // (`fifo(7)`).
        let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let mut wait: Option<Stop> = None;
        loop {
            match open(path, flags, Mode::empty()) {
                Ok(descriptor) => return Self::of(descriptor.into()),
                Err(Errno::NOENT) => return Ok(Self::Nothing),
                Err(Errno::INTR) => continue,
                Err(Errno::NXIO) if is_pipe(path) => {}
                Err(Errno::AGAIN) => {}
                Err(e) => return Err(e.into()),
            }
            match &wait {
                Some(stop) if stop.is_set() => return Err(stopped()),
                Some(_) => thread::sleep(LOOK_EVERY),
                None => {
                    note(&format!("{} is waited for, as nothing reads it yet", shown(path)));
                    wait = Some(Stop::on_signals()?);
                }
            }
        }
    }

    fn of(file: File) -> io::Result<Self> {
        let there = file.metadata()?;
        if there.is_file() {
            return Ok(Self::File(there));
        }
        if there.file_type().is_fifo() {
            return Ok(Self::Pipe(file));
        }
        // Writes to it block, as usual.
        fcntl_setfl(&file, OFlags::empty())?;
        Ok(Self::Device(file))
    }
}

fn is_pipe(path: &Path) -> bool {
    path.metadata().is_ok_and(|there| there.file_type().is_fifo())
}

/// The wait was ended by a signal.
fn stopped() -> io::Error {
    io::Error::new(io::ErrorKind::Interrupted, "a signal came before it could be opened")
}

/// The exit code of the signal that ended a wait.
pub(super) fn stopped_by(e: &io::Error) -> Option<u8> {
    let by_signal = e.kind() == io::ErrorKind::Interrupted;
    by_signal.then(Stop::on_signals)?.ok()?.code()
}
