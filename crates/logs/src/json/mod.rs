//! JSON lines, walked by an index of their quotes to the fields wanted.
//!
//! # What is checked
//! Every line is checked whole, whatever fields are wanted: it must be one JSON object by
//! RFC 8259 and the rules below, with nothing but white space around it. What is valid here is
//! what `serde_json` reads into a `Value`, and what is not is a bad line:
//! - strings are UTF-8, without raw control characters; escapes are known, and surrogates
//!   come in pairs;
//! - numbers keep to the grammar and to the range of a double;
//! - at most [`DEPTH_MAX`] levels of arrays and objects;
//! - of duplicate keys the last one counts, and takes the place of all below the earlier one.
//!
//! # How
//! [`cutwater_sys::simd::json_masks`] marks quotes, and what needs a look inside strings, 64
//! bytes at a time. The walk then steps from key to key. The order of keys is learnt: the key
//! that followed last time is compared first, bytes against bytes, on every line, and only
//! when it differs is a key looked up. So a wrong guess costs time, never an answer.

mod number;
mod shape;
mod string;
mod walk;

pub use string::{unescape, unescape_into};

use cutwater_sys::simd::{JsonMasks, Level, json_masks};

use crate::bad::Reason;
use crate::record::{Fields, Record};
use shape::Shape;

/// The most levels of arrays and objects, as in `serde_json`.
pub const DEPTH_MAX: u32 = 127;

/// What is wrong with a line, and where in its block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// What.
    pub reason: Reason,
    /// Offset in the block.
    pub at: usize,
}

impl Fault {
    pub(crate) fn new(reason: Reason, at: usize) -> Self {
        Self { reason, at }
    }
}

/// Parses the lines of one file; what it learns of their shape is kept from line to line.
#[derive(Debug, Clone)]
pub struct JsonParser {
    level: Level,
    masks: Vec<JsonMasks>,
    shape: Shape,
}

impl JsonParser {
    /// A parser for `fields`, whose names are paths: `a.b`, `list.0`, and `a\.b` for a key
    /// with a dot in it.
    #[must_use]
    pub fn new(fields: &Fields) -> Self {
        Self::with_level(fields, Level::best())
    }

    /// A parser that uses the kernels of `level`.
    #[must_use]
    pub fn with_level(fields: &Fields, level: Level) -> Self {
        Self { level, masks: Vec::new(), shape: Shape::new(fields) }
    }

    /// Indexes a block of lines; the lines parsed next must be in it.
    pub fn begin_block(&mut self, block: &[u8]) {
        json_masks(self.level, block, &mut self.masks);
    }

    /// The offset in the block of the line feed at or after `from`, or of the block's end.
    #[inline]
    #[must_use]
    pub fn line_end(&self, block: &[u8], from: usize) -> usize {
        let mut word = from / 64;
        let mut mask = !0u64 << (from % 64);
        while let Some(masks) = self.masks.get(word) {
            let found = masks.newline & mask;
            if found != 0 {
                return word * 64 + found.trailing_zeros() as usize;
            }
            word += 1;
            mask = !0;
        }
        block.len()
    }

    /// Parses the line `block[start..end]`. False for a blank line.
    ///
    /// # Errors
    /// What is wrong with the line; the record then holds nothing to be used.
    #[inline]
    pub fn parse(
        &mut self,
        block: &[u8],
        start: usize,
        end: usize,
        fields: &mut Fields,
        record: &mut Record,
    ) -> Result<bool, Fault> {
        self.shape.next_line();
        walk::Walk { block, end, masks: &self.masks, shape: &mut self.shape, fields, record }
            .line(start)
    }
}

#[cfg(test)]
mod tests;

/// A key as it stands in a path.
#[cfg(test)]
fn shape_path(key: &str) -> String {
    shape::escape_path(key)
}
