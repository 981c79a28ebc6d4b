//! Received bytes, in a shared buffer or one of their own.

use std::fmt;
use std::ops::{Deref, DerefMut};

use cutwater_sys::ring::GroupBuf;

/// Received bytes. Dropping it gives a shared buffer back.
pub struct Chunk(Bytes);

enum Bytes {
    Group(GroupBuf),
    Own { buf: Vec<u8>, from: usize, to: usize },
}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunk").field("len", &self.len()).finish()
    }
}

impl Chunk {
    pub(super) fn from_group(buf: GroupBuf) -> Self {
        Self(Bytes::Group(buf))
    }

    pub(super) fn from_vec(buf: Vec<u8>, len: usize) -> Self {
        let to = len.min(buf.len());
        Self(Bytes::Own { buf, from: 0, to })
    }

    /// The bytes in a buffer of their own. Bytes in a shared buffer are copied to `spare`, which frees the
    /// shared one; others are not copied.
    #[must_use]
    pub fn into_vec(self, mut spare: Vec<u8>) -> Vec<u8> {
        match self.0 {
            Bytes::Own { mut buf, from: 0, to } => {
                buf.truncate(to);
                buf
            }
            other => {
                spare.clear();
                spare.extend_from_slice(&Self(other));
                spare
            }
        }
    }

    /// The buffer, where it is not a shared one.
    pub(super) fn into_own(self) -> Option<Vec<u8>> {
        match self.0 {
            Bytes::Own { buf, .. } => Some(buf),
            Bytes::Group(_) => None,
        }
    }

    /// Takes the buffer and the number of its bytes, where it is not a shared one and no byte was dropped.
    pub(super) fn take_whole(&mut self) -> Option<(Vec<u8>, usize)> {
        match &mut self.0 {
            Bytes::Own { buf, from: 0, to } => Some((std::mem::take(buf), *to)),
            _ => None,
        }
    }

    /// Drops the first `n` bytes, or all where there are fewer.
    pub fn advance(&mut self, n: usize) {
        match &mut self.0 {
            Bytes::Group(buf) => buf.advance(n),
            Bytes::Own { from, to, .. } => *from = from.saturating_add(n).min(*to),
        }
    }
}

impl Deref for Chunk {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Bytes::Group(buf) => buf,
            Bytes::Own { buf, from, to } => &buf[*from..*to],
        }
    }
}

impl DerefMut for Chunk {
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Bytes::Group(buf) => buf,
            Bytes::Own { buf, from, to } => &mut buf[*from..*to],
        }
    }
}

impl Chunk {
    /// These bytes and then `more`, in a buffer of our own.
    pub(super) fn with(self, more: &[u8]) -> Self {
        let mut buf = match self.0 {
            Bytes::Own { mut buf, from, to } => {
                buf.truncate(to);
                buf.drain(..from);
                buf
            }
            Bytes::Group(group) => group.to_vec(),
        };
        buf.extend_from_slice(more);
        let to = buf.len();
        Self(Bytes::Own { buf, from: 0, to })
    }
}
