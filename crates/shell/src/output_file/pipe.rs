//! A named pipe as an output: Ctrl-C ends a program that waits for its reader.

use std::fs::File;
use std::io::{self, Write};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::stop::Stop;

/// Time between two looks at the signal.
const LOOK_EVERY: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };

/// Writes to a pipe that does not block.
#[derive(Debug)]
pub(super) struct PipeWriter {
    pipe: File,
    stop: Stop,
}

impl PipeWriter {
    pub(super) fn new(pipe: File, stop: Stop) -> Self {
        Self { pipe, stop }
    }
}

impl Write for PipeWriter {
    /// Waits while the pipe is full. After a signal, only what has room is written.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.pipe.write(bytes) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                written => return written,
            }
            if self.stop.is_set() {
                // Not `Interrupted`: the caller would try again.
                return Err(io::Error::other("a signal came while the pipe was full"));
            }
            // A failure, as of a signal, only makes the next look come sooner.
            let _ = poll(&mut [PollFd::new(&self.pipe, PollFlags::OUT)], Some(&LOOK_EVERY));
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
