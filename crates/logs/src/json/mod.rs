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
//! - the last of duplicate keys counts, and takes the place of all below the earlier one.
//!
//! # How lines are parsed
//! [`cutwater_sys::simd::JsonStops`] lists where quotation marks are and what needs a look inside
//! strings. A line that is like one before but for its values is only compared with it (see
//! `template`); any other is walked over from key to key. The order of keys is learnt too: the key
//! that followed last time is compared first, bytes against bytes, and only when it differs is a
//! key looked up. So a wrong guess costs time, never an answer.

mod learnt;
mod number;
mod shape;
mod string;
mod template;
mod walk;

pub use string::{unescape, unescape_into};

use cutwater_sys::simd::{JsonStops, Level};

use crate::bad::Reason;
use crate::record::{Fields, Record};
use learnt::Learnt;
use shape::Shape;
use template::{Template, Value};

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

/// Parses the lines of one file; what it learns of them is kept from line to line.
#[derive(Debug, Clone)]
pub struct JsonParser {
    level: Level,
    stops: JsonStops,
    /// Whether bytes above 0x7F are stops, as they may not be UTF-8.
    high: bool,
    /// The first stop at or after the next line, as long as lines come in order.
    next: usize,
    shape: Shape,
    learnt: Learnt,
    /// The values of the line that is walked over.
    values: Vec<Value>,
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
        Self {
            level,
            stops: JsonStops::default(),
            high: false,
            next: 0,
            shape: Shape::new(fields),
            learnt: Learnt::default(),
            values: Vec::new(),
        }
    }

    /// Indexes a block of whole lines; the lines parsed next must be in it.
    pub fn begin_block(&mut self, block: &[u8]) {
        let any_high = self.stops.fill(self.level, block, false);
        // All of it at once costs less than each string by itself.
        let high = any_high && std::str::from_utf8(block).is_err();
        if high {
            self.stops.fill(self.level, block, true);
        }
        if high != self.high {
            // How many stops a text has is part of a template.
            self.learnt = Learnt::default();
            self.high = high;
        }
        self.next = 0;
    }

    /// Parses the line that begins at `start`: where it ends, at its line feed or the end of the
    /// block, and whether it is a record (a blank line is not) or what is wrong with it; the record is
    /// then not to be used.
    #[inline]
    pub fn parse(
        &mut self,
        block: &[u8],
        start: usize,
        fields: &mut Fields,
        record: &mut Record,
    ) -> (usize, Result<bool, Fault>) {
        let stop = self.first_stop(start);
        if let Some(ended) = self.learnt.line(block, self.stops.offsets(), start, stop, record) {
            self.next = ended.stop;
            return (ended.at, Ok(true));
        }
        self.walk(block, start, stop, fields, record)
    }

    /// Walks over a line that is not like one before.
    #[inline(never)]
    fn walk(
        &mut self,
        block: &[u8],
        start: usize,
        stop: usize,
        fields: &mut Fields,
        record: &mut Record,
    ) -> (usize, Result<bool, Fault>) {
        self.shape.next_line();
        self.values.clear();
        let learning = self.learnt.wants_more();
        let mut walk = walk::Walk {
            block,
            stops: self.stops.offsets(),
            stop,
            shape: &mut self.shape,
            fields,
            record,
            values: learning.then_some(&mut self.values),
        };
        let walked = walk.line(start);
        let learning = walk.values.is_some();
        self.next = walk.stop;
        match walked {
            Ok((end, is_record)) => {
                if learning && is_record {
                    self.learn(block, start, end);
                }
                (end, Ok(is_record))
            }
            Err(fault) => {
                let rest = block.get(start..).unwrap_or_default();
                let end = memchr::memchr(b'\n', rest).map_or(block.len(), |at| start + at);
                (end, Err(fault))
            }
        }
    }

    fn learn(&mut self, block: &[u8], start: usize, end: usize) {
        let high = self.high;
        let is_stop = move |b| match b {
            b'"' | b'\\' | 0..0x20 => true,
            0x80.. => high,
            _ => false,
        };
        if let Some(template) = Template::new(block, (start, end), &self.values, is_stop) {
            self.learnt.keep(template);
        }
    }

    /// The index of the first stop at or after `start`.
    #[inline]
    fn first_stop(&self, start: usize) -> usize {
        let stops = self.stops.offsets();
        let is_before = |at: usize| stops.get(at).is_some_and(|&stop| (stop as usize) < start);
        let next = self.next;
        if next > 0 && !is_before(next - 1) {
            return stops.partition_point(|&stop| (stop as usize) < start);
        }
        // Most often the next one, or the one after the line feed that ended the line before.
        (next..).find(|&at| !is_before(at)).unwrap_or(next)
    }
}

#[cfg(test)]
mod tests;

/// A key as it stands in a path.
#[cfg(test)]
fn shape_path(key: &str) -> String {
    shape::escape_path(key)
}
