//! Which data format a log is in: one automaton of all patterns whose texts are in the sample finds
//! those that a line matches.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use memchr::memmem::Finder;
use regex::bytes::{RegexSet, RegexSetBuilder};

use super::language::Expanded;
use super::{DataFormat, PATTERN_BYTES_MAX, Shape, catalog, whole_line};
use crate::record::without_return;

/// The largest automaton of all patterns together, bytes, and the room for its states.
const SET_BYTES_MAX: usize = 16 * PATTERN_BYTES_MAX;
const STATES_BYTES_MAX: usize = 32 << 20;

/// Longer lines are not matched, as that would take long.
const LINE_BYTES_MAX: usize = 16 << 10;

/// How much of a sample is searched for the texts that patterns must have.
const SEARCHED_BYTES: usize = 64 << 10;

/// The patterns of all formats.
struct All {
    formats: Vec<&'static Arc<DataFormat>>,
    patterns: Vec<Pattern>,
    /// The last automaton, with the indexes of its patterns: logs that are read together are mostly
    /// alike.
    last: Mutex<Option<(Vec<usize>, Arc<RegexSet>)>>,
}

/// A pattern with the index of its format.
struct Pattern {
    format: usize,
    regex: String,
    /// A text that every line of the pattern has.
    literal: Option<Finder<'static>>,
    /// Whether it continues a record: its lines count only after another line of the format.
    continues: bool,
}

fn all() -> &'static All {
    static ALL: OnceLock<All> = OnceLock::new();
    ALL.get_or_init(|| {
        let formats: Vec<_> = catalog::all().collect();
        let mut patterns = Vec::new();
        for (format, of) in formats.iter().enumerate() {
            if let Shape::Patterns { expanded, anchored, .. } = &of.shape {
                // What any line matches says nothing.
                let says_much =
                    |e: &Expanded| e.without_rest().is_none_or(|(before, _)| !before.is_empty());
                let says_much = expanded.iter().enumerate().filter(|(_, e)| says_much(e));
                patterns.extend(says_much.map(|(at, e)| Pattern {
                    format,
                    regex: whole_line(&e.regex, *anchored),
                    literal: e.literal().map(|text| Finder::new(&text).into_owned()),
                    continues: of.begins.is_some_and(|begins| at >= begins) && of.again != Some(at),
                }));
            }
        }
        All { formats, patterns, last: Mutex::new(None) }
    })
}

impl All {
    /// One automaton of the patterns that lines of `sample` may match, and their indexes. Building
    /// it takes longer than using it, so patterns whose texts are not there are left out.
    fn automaton(&self, sample: &[u8]) -> (Vec<usize>, Arc<RegexSet>) {
        let searched = &sample[..sample.len().min(SEARCHED_BYTES)];
        let may_match = |pattern: &&(usize, &Pattern)| {
            pattern.1.literal.as_ref().is_none_or(|text| text.find(searched).is_some())
        };
        let patterns: Vec<_> = self.patterns.iter().enumerate().collect();
        let mut wanted: Vec<usize> = patterns.iter().filter(may_match).map(|(at, _)| *at).collect();
        // What continues a record says nothing where none may begin.
        let begins: Vec<usize> =
            wanted.iter().copied().filter(|&at| !self.patterns[at].continues).collect();
        wanted.retain(|&at| {
            let Pattern { format, continues, .. } = self.patterns[at];
            !continues || begins.iter().any(|&begin| self.patterns[begin].format == format)
        });
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, set)) = &*last
            && *of == wanted
        {
            return (wanted, Arc::clone(set));
        }
        let texts: Vec<_> = wanted.iter().map(|&at| &self.patterns[at].regex).collect();
        let build = |unicode: bool| {
            let mut builder = RegexSetBuilder::new(&texts);
            builder.unicode(unicode).size_limit(SET_BYTES_MAX).dfa_size_limit(STATES_BYTES_MAX);
            builder.build()
        };
        // A user's pattern may need Unicode. If that fails, too, no data format is detected.
        let set = build(false).or_else(|_| build(true)).unwrap_or_else(|_| RegexSet::empty());
        let set = Arc::new(set);
        *last = Some((wanted.clone(), Arc::clone(&set)));
        (wanted, set)
    }
}

/// The data format that reads most of the sampled lines, and its share of those that are not blank;
/// the first one of several with the same count.
pub(in crate::format) fn detect(sample: &[u8]) -> Option<(&'static Arc<DataFormat>, f64)> {
    let all = all();
    let (wanted, automaton) = all.automaton(sample);
    let mut counts = vec![0usize; all.formats.len()];
    // The last line that each format has.
    let mut latest = vec![0usize; all.formats.len()];
    let mut lines = 0;
    for line in sample.split(|&b| b == b'\n').map(without_return) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        lines += 1;
        if line.len() > LINE_BYTES_MAX {
            continue;
        }
        let matches = automaton.matches(line);
        let mut last = None;
        // In order: the patterns of a format follow each other.
        for pattern in matches.iter() {
            let Pattern { format, continues, .. } = all.patterns[wanted[pattern]];
            let follows = latest[format] > 0 && latest[format] + 1 == lines;
            if last != Some(format) && (!continues || follows) {
                counts[format] += 1;
                latest[format] = lines;
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
