//! A decoder on a thread of its own, so that it runs while the text before is parsed.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

/// How many bytes are handed over at a time, and how many buffers of that size there are.
const BUFFER_BYTES: usize = 256 << 10;
const BUFFERS: usize = 4;

/// A stream that another thread reads ahead, by at most [`BUFFERS`] buffers.
struct Beside {
    full: Receiver<io::Result<Filled>>,
    empty: Sender<Vec<u8>>,
    filled: Filled,
    /// How much of `filled` was handed over.
    start: usize,
    ended: bool,
}

/// A buffer, and how many bytes of it were read; none at the end of the stream.
#[derive(Default)]
struct Filled {
    buf: Vec<u8>,
    bytes: usize,
}

/// Reads `stream` on a thread of its own, or on this one if no thread can be started. The thread
/// ends with the stream, or with its next read after the returned stream was dropped. It is not
/// joined, as the writer of a pipe may not write for long.
pub(crate) fn beside(stream: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
    let (give_stream, take_stream) = channel();
    let (give_full, full) = sync_channel(BUFFERS);
    let (empty, take_empty) = channel();
    for _ in 0..BUFFERS {
        // The receiver is in scope.
        let _ = empty.send(vec![0; BUFFER_BYTES]);
    }
    let thread = thread::Builder::new().name("decoder".into()).spawn(move || {
        if let Ok(stream) = take_stream.recv() {
            read_ahead(stream, &take_empty, &give_full);
        }
    });
    if thread.is_err() {
        return stream;
    }
    match give_stream.send(stream) {
        Ok(()) => {
            Box::new(Beside { full, empty, filled: Filled::default(), start: 0, ended: false })
        }
        Err(unsent) => unsent.0,
    }
}

/// Reads until the end, an error, or the receiver is gone.
fn read_ahead(
    mut stream: Box<dyn Read + Send>,
    empty: &Receiver<Vec<u8>>,
    full: &SyncSender<io::Result<Filled>>,
) {
    while let Ok(mut buf) = empty.recv() {
        let read = loop {
            match stream.read(&mut buf) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        let is_last = !matches!(read, Ok(1..));
        if full.send(read.map(|bytes| Filled { buf, bytes })).is_err() || is_last {
            return;
        }
    }
}

impl Read for Beside {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.start == self.filled.bytes && !self.ended {
            let used = std::mem::take(&mut self.filled).buf;
            if !used.is_empty() {
                // If the thread has ended, the buffer is not needed.
                let _ = self.empty.send(used);
            }
            // A thread that ended without its last message has panicked: that is not the end of the file.
            let lost = || io::Error::other("the decoder thread ended early");
            let received = self.full.recv().unwrap_or_else(|_| Err(lost()));
            self.ended = !matches!(&received, Ok(filled) if filled.bytes > 0);
            self.start = 0;
            self.filled = received?;
        }
        let n = buf.len().min(self.filled.bytes - self.start);
        buf[..n].copy_from_slice(&self.filled.buf[self.start..self.start + n]);
        self.start += n;
        Ok(n)
    }
}
