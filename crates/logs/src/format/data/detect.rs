//! Which of all data formats a log is in: one automaton finds the patterns that a line matches.

use std::sync::{Arc, OnceLock};

use regex::bytes::{RegexSet, RegexSetBuilder};

use super::{DataFormat, PATTERN_BYTES_MAX, Shape, catalog, whole_line};
use crate::record::without_return;

/// The largest automaton of all patterns together, bytes, and the room for its states.
const SET_BYTES_MAX: usize = 16 * PATTERN_BYTES_MAX;
const STATES_BYTES_MAX: usize = 32 << 20;

/// Longer lines say no more than their beginning, and would be looked at for long.
const LINE_BYTES_MAX: usize = 16 << 10;

/// The patterns of all formats.
struct All {
    formats: Vec<&'static Arc<DataFormat>>,
    patterns: RegexSet,
    /// The format of each pattern.
    of: Vec<usize>,
}

fn all() -> &'static All {
    static ALL: OnceLock<All> = OnceLock::new();
    ALL.get_or_init(|| {
        let formats: Vec<_> = catalog::all().collect();
        let (mut texts, mut of) = (Vec::new(), Vec::new());
        for (at, format) in formats.iter().enumerate() {
            if let Shape::Patterns { expanded, anchored, .. } = &format.shape {
                of.extend(expanded.iter().map(|_| at));
                texts.extend(expanded.iter().map(|e| whole_line(&e.regex, *anchored)));
            }
        }
        let build = |unicode: bool| {
            let mut builder = RegexSetBuilder::new(&texts);
            builder.unicode(unicode).size_limit(SET_BYTES_MAX).dfa_size_limit(STATES_BYTES_MAX);
            builder.build()
        };
        // A user's pattern may need Unicode; without any, no data format is recognised.
        let patterns = build(false).or_else(|_| build(true)).unwrap_or_else(|_| RegexSet::empty());
        All { formats, patterns, of }
    })
}

/// The data format that reads the most of the sampled lines, and how many it reads of those that are not
/// blank; the first one where several read as many.
pub(in crate::format) fn detect(sample: &[u8]) -> Option<(&'static Arc<DataFormat>, f64)> {
    let all = all();
    let mut counts = vec![0usize; all.formats.len()];
    let mut lines = 0;
    for line in sample.split(|&b| b == b'\n').map(without_return) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        lines += 1;
        if line.len() > LINE_BYTES_MAX {
            continue;
        }
        let matches = all.patterns.matches(line);
        let mut last = None;
        // In order: the patterns of a format follow each other.
        for pattern in matches.iter() {
            let format = all.of[pattern];
            if last != Some(format) {
                counts[format] += 1;
                last = Some(format);
            }
        }
    }
    for (format, count) in all.formats.iter().zip(&mut counts) {
        if let Shape::Columns(dialect) = &format.shape {
            *count = dialect.lines_in(sample);
        }
    }
    let most = counts.iter().copied().max().filter(|&most| most > 0)?;
    let at = counts.iter().position(|&count| count == most)?;
    Some((all.formats[at], most as f64 / lines as f64))
}
