//! What each decoder gives.

use std::io::Read;

use super::bytes::Bytes;

/// A part while it is decoded: its text, and 0 bytes at its end.
pub(super) trait Part: Read + Send {
    /// The bytes after it.
    fn into_bytes(self: Box<Self>) -> Bytes;
}
