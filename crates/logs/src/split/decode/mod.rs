//! Compressed files as streams of their text.
//!
//! A file is recognized by its first bytes ([`signature`]) and decoded part by part ([`parts`]); what
//! comes out is looked at again, so that a file that was compressed twice is read. The text is
//! always one stream, so a further change is one more [`Read`] around it.

mod beside;
mod bytes;
mod damage;
mod lz4;
mod members;
mod part;
mod parts;
pub(super) mod signature;
mod xz;
mod zstd;

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

pub(super) use beside::beside;
pub(super) use damage::is_advice;
use damage::{Checked, unsupported};
use signature::Archive;

/// How often a file may be compressed: each layer takes memory, and a file can be made with any
/// number of layers.
const LAYERS_MAX: usize = 3;

/// The text of compressed `bytes`. `ignored` gets the number of bytes after the compressed data.
pub(super) fn text(
    mut bytes: Box<dyn Read + Send>,
    ignored: &Arc<AtomicU64>,
) -> io::Result<Box<dyn Read + Send>> {
    for layers in 0..=LAYERS_MAX {
        let (head, all) = with_head(bytes);
        if let Some(archive) = signature::archive(&head) {
            return Err(refused(archive, layers));
        }
        if signature::format(&head).is_none() {
            return Ok(Box::new(Checked::new(all)));
        }
        bytes = Box::new(parts::Parts::new(all, Arc::clone(ignored)));
    }
    let times = format!("it is compressed more than {LAYERS_MAX} times");
    Err(unsupported(format!("{times}; decompress it until it is text:")))
}

/// The error for what is not read, in `layers` of compression.
pub(super) fn refused(archive: Archive, layers: usize) -> io::Error {
    let Archive { what, unpack, is_unpacked_compressed } = archive;
    unsupported(match layers {
        0 => format!("it is {what}; unpack it with: {unpack}"),
        _ if is_unpacked_compressed => format!("{what} is in it; unpack it with: {unpack}"),
        _ => format!("{what} is in it; decompress it, then unpack what comes out with {unpack}:"),
    })
}

/// The first bytes of `bytes`, and all of them. Waits for no more than a line of a slow writer.
fn with_head(mut bytes: Box<dyn Read + Send>) -> (Vec<u8>, Box<dyn Read + Send>) {
    let mut head = vec![0; signature::HEAD_BYTES];
    let (mut n, mut failed) = (0, None);
    while n < head.len() && !head[..n].contains(&b'\n') {
        match bytes.read(&mut head[n..]) {
            Ok(0) => break,
            Ok(more) => n += more,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => {
                failed = Some(e);
                break;
            }
        }
    }
    head.truncate(n);
    let rest = io::Cursor::new(head.clone()).chain(Failed(failed)).chain(bytes);
    (head, Box::new(rest))
}

/// An error that is due at this place of a stream.
struct Failed(Option<io::Error>);

impl Read for Failed {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

#[cfg(test)]
mod tests;
