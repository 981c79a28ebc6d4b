//! Formats that are data: a file has the patterns of the lines, the names of the fields, and sample
//! lines with their values. The samples are the format's tests.
//!
//! The formats of this crate are in its folder `formats`; users write theirs in the same way
//! ([`DataFormat::from_toml`]), as grok patterns ([`DataFormat::from_grok`]), or as the JSON files
//! of lnav ([`from_lnav`]). All become a [`DataFormat`].

mod catalog;
mod columns;
mod detect;
mod dialect;
mod file;
mod grok;
mod headers;
pub(super) mod language;
mod lnav;
mod matcher;
mod pairs;
mod parser;
mod sample;
mod setter;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

pub(super) use catalog::find;
pub use catalog::{all, install};
pub(super) use detect::detect;
pub(super) use headers::ReadBytes;
pub use lnav::{Unsupported, from_lnav};
pub use sample::{Expected, Problem, Sample};

use crate::record::{Fields, Level};
use crate::time::Rules;
use crate::{Error, Result};
use headers::Headers;
use language::Expanded;
use matcher::Matcher;
use setter::{Kind, Part};

use super::begin::Joining;
use super::{LineParser, Parser};

/// The largest automaton that a pattern may become, bytes.
const PATTERN_BYTES_MAX: usize = 16 << 20;

/// A format that is data.
#[derive(Debug)]
pub struct DataFormat {
    name: &'static str,
    title: String,
    link: String,
    note: String,
    shape: Shape,
    /// The field that holds the time, where the format names one.
    time: Option<String>,
    /// The field that holds the level, and the names that its letters or numbers stand for.
    level: String,
    levels: Vec<(Box<[u8]>, Level)>,
    kinds: Vec<(String, Kind)>,
    /// Further names of fields: each with the field that it means.
    aliases: Vec<(String, String)>,
    parts: Vec<(String, Part)>,
    nulls: Vec<Box<[u8]>>,
    pairs: Option<Pairs>,
    /// Patterns of lines that are not records by design.
    directives: Vec<String>,
    /// How many of the patterns, from the first on, begin a record, where the others continue one.
    begins: Option<usize>,
    /// The pattern that begins a further record, unless it follows a line that begins one.
    again: Option<usize>,
    directive_set: OnceLock<RegexSet>,
    narrowed: Narrowed,
    samples: Vec<Sample>,
}

/// How lines are read.
#[derive(Debug)]
enum Shape {
    /// By the first pattern that the whole line matches.
    Patterns { expanded: Vec<Expanded>, anchored: bool, compiled: OnceLock<Vec<Regex>> },
    /// As columns, which lines of the log itself name.
    Columns(dialect::Dialect),
    /// As JSON objects.
    Json,
}

/// A field that holds `key=value` pairs.
#[derive(Debug, Clone)]
struct Pairs {
    field: String,
    /// Whether the text of all pairs is a field, too.
    keeps: bool,
    /// Whether blanks belong to a value, which then ends before the next key.
    blanks: bool,
    /// What ends a value, where nothing else does.
    separator: Option<u8>,
    /// What stands between a key and its value.
    assign: u8,
}

impl DataFormat {
    /// A format without fields of its own, to be filled in.
    fn new(name: &str, shape: Shape) -> Self {
        Self {
            // A process reads each format once, and a format's name lives as long as its logs are open.
            name: Box::leak(name.into()),
            title: String::new(),
            link: String::new(),
            note: String::new(),
            shape,
            time: None,
            level: "level".into(),
            levels: Vec::new(),
            kinds: Vec::new(),
            aliases: Vec::new(),
            parts: Vec::new(),
            nulls: Vec::new(),
            pairs: None,
            directives: Vec::new(),
            begins: None,
            again: None,
            directive_set: OnceLock::new(),
            narrowed: Narrowed::default(),
            samples: Vec::new(),
        }
    }

    /// The format that a file of it describes; `docs/formats.md` explains the file.
    ///
    /// # Errors
    /// When the file is not TOML, or has an unknown key or an invalid pattern; the message says
    /// what and where.
    pub fn from_toml(text: &str) -> Result<Self> {
        file::parse(text)
    }

    /// The format of a grok pattern like `%{COMBINEDAPACHELOG}`; it may match anywhere in a line.
    ///
    /// # Errors
    /// When it names an unknown pattern, is not a pattern, or names no field.
    pub fn from_grok(pattern: &str) -> Result<Self> {
        Self::of_pattern("grok", pattern)
    }

    /// The format of a regular expression whose named groups are the fields; it may match anywhere in a
    /// line.
    ///
    /// # Errors
    /// When it is not one, or names no group.
    pub(super) fn from_regex(pattern: &str) -> Result<Self> {
        let regex = Regex::new(pattern)
            .map_err(|e| Error::request(format!("the pattern is not a regular expression: {e}")))?;
        let names = regex.capture_names().flatten();
        let expanded = Expanded::verbatim(pattern, names);
        Self::of_patterns("regex", vec![expanded], false)
    }

    fn of_pattern(name: &str, pattern: &str) -> Result<Self> {
        Self::of_patterns(name, vec![language::expand(pattern)?], false)
    }

    /// A format of patterns that were expanded.
    pub(super) fn of_patterns(name: &str, expanded: Vec<Expanded>, anchored: bool) -> Result<Self> {
        if expanded.iter().any(|pattern| pattern.groups.is_empty()) {
            return Err(Error::request(
                "the pattern names no group, so there are no fields; name them like (?P<status>\\d+) \
                 or %{NUMBER:status}",
            ));
        }
        let shape = Shape::Patterns { expanded, anchored, compiled: OnceLock::new() };
        let format = Self::new(name, shape);
        format.compile()?;
        Ok(format)
    }

    /// Adds that the field holds a request line, which gives `method`, `path` and `protocol`.
    pub(super) fn with_request(mut self, field: &str) -> Self {
        self.parts.push((field.into(), Part::Request));
        self
    }

    /// Adds that the field holds the time.
    pub(super) fn with_time(mut self, field: Option<&str>) -> Self {
        self.time = field.map(Into::into);
        self
    }

    /// Adds that a backslash escapes in the texts of these fields.
    pub(super) fn with_escapes(mut self, fields: impl Iterator<Item = String>) -> Self {
        self.kinds.extend(fields.map(|field| (field, Kind::AutoEscaped)));
        self
    }

    /// The name used on the command line and in exported data.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The program that writes the format, in a few words.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Where the format is specified; empty where nothing is.
    #[must_use]
    pub fn link(&self) -> &str {
        &self.link
    }

    /// What a user should know of it; often empty.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }

    /// Its sample lines.
    #[must_use]
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// The field that holds the time, where the format says so.
    #[must_use]
    pub fn time(&self) -> Option<&str> {
        self.time.as_deref()
    }

    /// Its patterns as regular expressions, with the names of their groups in order; none where lines
    /// are read in another way.
    pub fn patterns(&self) -> impl Iterator<Item = (&str, Vec<&str>)> {
        let expanded = match &self.shape {
            Shape::Patterns { expanded, .. } => expanded.as_slice(),
            Shape::Columns(_) | Shape::Json => &[],
        };
        expanded
            .iter()
            .map(|e| (e.regex.as_str(), e.groups.iter().map(|group| group.name.as_str()).collect()))
    }

    /// Whether it says more of a field than its name.
    fn says_of(&self, field: &str) -> bool {
        self.aliases.iter().any(|(_, of)| of == field)
            || self.parts.iter().any(|(of, _)| of == field)
            || self.kinds.iter().any(|(of, _)| of == field)
            || self.time() == Some(field)
            || (self.level == field && !self.levels.is_empty())
    }

    /// Whether a record may have further lines, as where a stack trace follows a message.
    #[must_use]
    pub fn may_continue(&self) -> bool {
        self.patterns().any(|(_, names)| names.contains(&"message"))
    }

    /// Which of its patterns reads a line: its index in [`Self::patterns`].
    #[must_use]
    pub fn pattern_of(&self, line: &[u8]) -> Option<usize> {
        self.regexes().iter().position(|regex| regex.is_match(line))
    }

    /// Whether a line begins a record of this format, rather than continuing the one before.
    #[must_use]
    pub fn begins(&self, line: &[u8]) -> bool {
        match &self.shape {
            Shape::Patterns { .. } => {
                let regexes = self.regexes();
                let beginning = &regexes[..self.begins.unwrap_or(regexes.len()).min(regexes.len())];
                beginning.iter().any(|regex| regex.is_match(line)) || self.is_directive(line)
            }
            Shape::Columns(_) | Shape::Json => true,
        }
    }

    /// Whether a line begins a record where it does not follow a line that begins one.
    pub(super) fn begins_again(&self, line: &[u8]) -> bool {
        self.again.and_then(|at| self.regexes().get(at)).is_some_and(|regex| regex.is_match(line))
    }

    /// Whether a pattern reads a whole line.
    pub(super) fn is_anchored(&self) -> bool {
        matches!(self.shape, Shape::Patterns { anchored: true, .. })
    }

    /// How its lines become records: where a message ends a line, it may go on in further lines.
    pub(super) fn joining(&self) -> Joining {
        match &self.shape {
            Shape::Columns(_) => Joining::Never,
            Shape::Json => Joining::Strict,
            Shape::Patterns { .. } if self.begins.is_some() => Joining::Loose,
            Shape::Patterns { anchored, .. } if *anchored && self.may_continue() => Joining::Loose,
            Shape::Patterns { .. } => Joining::Strict,
        }
    }

    pub(super) fn needs_all_lines<'a>(&self, mut fields: impl Iterator<Item = &'a str>) -> bool {
        let mut names_levels = || !self.levels.is_empty() && fields.any(|name| name == self.level);
        matches!(self.shape, Shape::Columns(_)) || names_levels()
    }

    /// Whether a line is not a record by design: the head of a table, the start of a log.
    fn is_directive(&self, line: &[u8]) -> bool {
        let build = || {
            let texts = self.directives.iter().map(|text| whole_line(text, true));
            let set = RegexSetBuilder::new(texts).unicode(false).build();
            set.unwrap_or_else(|_| RegexSet::empty())
        };
        !self.directives.is_empty() && self.directive_set.get_or_init(build).is_match(line)
    }

    /// Compiles the patterns, which [`Self::regexes`] otherwise does on first use.
    fn compile(&self) -> Result<()> {
        let Shape::Patterns { expanded, anchored, compiled } = &self.shape else { return Ok(()) };
        let regexes: Result<Vec<_>> = expanded.iter().map(|e| regex(e, *anchored)).collect();
        let _ = compiled.set(regexes?);
        Ok(())
    }

    fn regexes(&self) -> &[Regex] {
        let Shape::Patterns { expanded, anchored, compiled } = &self.shape else { return &[] };
        // Those of this crate are compiled by its tests, those of users when they are read.
        compiled.get_or_init(|| expanded.iter().filter_map(|e| regex(e, *anchored).ok()).collect())
    }
}

/// Patterns that capture only the wanted groups, by the pattern's index and those groups.
type Narrowed = Mutex<HashMap<(usize, Vec<bool>), Arc<Narrow>>>;

/// The most of them that are kept.
const NARROWED_MAX: usize = 256;

/// A pattern that captures only some of its groups.
#[derive(Debug)]
struct Narrow {
    pattern: Expanded,
    anchored: bool,
    /// Nothing where only a regular expression can match it.
    matcher: Option<Matcher>,
    compiled: OnceLock<Option<Regex>>,
}

impl Narrow {
    fn new(pattern: Expanded, anchored: bool) -> Self {
        let matcher =
            (anchored && !pattern.is_unicode).then(|| Matcher::new(&text_of(&pattern, anchored)));
        Self { pattern, anchored, matcher: matcher.flatten(), compiled: OnceLock::new() }
    }

    fn regex(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| regex(&self.pattern, self.anchored).ok()).as_ref()
    }

    /// Its groups that have names, each with its index.
    fn names(&self) -> Vec<(usize, &str)> {
        if let Some(matcher) = &self.matcher {
            return matcher.names().collect();
        }
        let names = self.regex().map(|regex| regex.capture_names().enumerate());
        names.into_iter().flatten().filter_map(|(index, name)| Some((index, name?))).collect()
    }
}

impl DataFormat {
    /// The pattern at `index`, in which only the `wanted` groups are captured.
    fn narrowed(&self, index: usize, wanted: &[bool]) -> Option<Arc<Narrow>> {
        let Shape::Patterns { expanded, anchored, .. } = &self.shape else { return None };
        let pattern = expanded.get(index)?;
        let mut known = self.narrowed.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (index, wanted.to_vec());
        if let Some(found) = known.get(&key) {
            return Some(Arc::clone(found));
        }
        let all = pattern.is_unicode || wanted.iter().all(|wanted| *wanted);
        let pattern = if all { pattern.clone() } else { pattern.only(wanted) };
        let built = Arc::new(Narrow::new(pattern, *anchored));
        if known.len() < NARROWED_MAX {
            known.insert(key, Arc::clone(&built));
        }
        Some(built)
    }
}

/// The regular expression of a pattern.
fn text_of(expanded: &Expanded, anchored: bool) -> String {
    match expanded.without_rest().filter(|_| anchored) {
        Some((before, _)) => format!("^(?:{before})"),
        None => whole_line(&expanded.regex, anchored),
    }
}

/// Compiles a pattern: by bytes where it can be, since logs need not be UTF-8.
fn regex(expanded: &Expanded, anchored: bool) -> Result<Regex> {
    let text = text_of(expanded, anchored);
    let build = |unicode: bool| {
        RegexBuilder::new(&text).unicode(unicode).size_limit(PATTERN_BYTES_MAX).build()
    };
    if expanded.is_unicode {
        return build(true).map_err(|e| not_a_pattern(&e));
    }
    build(false).or_else(|_| build(true)).map_err(|e| not_a_pattern(&e))
}

/// A pattern as one that the whole line must match.
fn whole_line(pattern: &str, anchored: bool) -> String {
    if anchored { format!("^(?:{pattern})$") } else { pattern.to_owned() }
}

fn not_a_pattern(error: &regex::Error) -> Error {
    Error::request(format!("the pattern is not a regular expression: {error}"))
}

/// A data format for one log.
#[derive(Debug, Clone)]
pub struct Data {
    format: Arc<DataFormat>,
    headers: Arc<Headers>,
}

impl Data {
    /// The format for a log whose sampled lines are `sample`.
    #[must_use]
    pub fn new(format: Arc<DataFormat>, sample: &[u8]) -> Self {
        let headers = match &format.shape {
            Shape::Columns(dialect) => Headers::new(*dialect, sample),
            Shape::Patterns { .. } | Shape::Json => Headers::default(),
        };
        Self { format, headers: Arc::new(headers) }
    }

    /// The same format for another log.
    #[must_use]
    pub fn for_log(&self, sample: &[u8]) -> Self {
        Self::new(Arc::clone(&self.format), sample)
    }

    /// The format.
    #[must_use]
    pub fn format(&self) -> &Arc<DataFormat> {
        &self.format
    }

    pub(super) fn parser(&self, fields: &mut Fields, rules: &Rules) -> Parser {
        let format = Arc::clone(&self.format);
        let line: Box<dyn LineParser> = match &self.format.shape {
            Shape::Patterns { .. } => Box::new(parser::PatternParser::new(format, fields, rules)),
            Shape::Columns(_) => {
                let headers = Arc::clone(&self.headers);
                Box::new(columns::ColumnsParser::new(format, headers, fields))
            }
            Shape::Json => return Parser::json(fields),
        };
        Parser::of_lines(line)
    }
}
