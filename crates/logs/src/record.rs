//! A line as typed spans of its bytes.

use std::collections::HashMap;

/// Index of a field in [`Fields`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldId(pub u16);

/// The names of the fields, in the order in which they were asked for or first seen.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    names: Vec<String>,
    ids: HashMap<String, FieldId>,
    /// Whether fields that were not asked for are added as they are seen.
    pub open: bool,
    /// Whether a path also means keys with dots in them: `a.b` the key `"a.b"`, where there is
    /// no field for that key itself.
    pub dotted: bool,
    /// Whether a field was left out because there were too many.
    pub overflowed: bool,
}

impl Fields {
    /// The most fields that are kept; a line's further fields are checked but not kept.
    pub const MAX: usize = 1024;

    /// Exactly these fields.
    #[must_use]
    pub fn only<S: AsRef<str>>(names: &[S]) -> Self {
        let mut fields = Self { open: true, ..Self::default() };
        for name in names {
            fields.add(name.as_ref());
        }
        fields.open = false;
        fields
    }

    /// Every field there is, as they are seen.
    #[must_use]
    pub fn all() -> Self {
        Self { open: true, ..Self::default() }
    }

    /// The field of this name, added where fields are open and not too many.
    pub fn add(&mut self, name: &str) -> Option<FieldId> {
        if let Some(id) = self.ids.get(name) {
            return Some(*id);
        }
        if !self.open || self.names.len() == Self::MAX {
            self.overflowed |= self.open;
            return None;
        }
        let id = FieldId(self.names.len() as u16);
        self.names.push(name.into());
        self.ids.insert(name.into(), id);
        Some(id)
    }

    /// The field of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<FieldId> {
        self.ids.get(name).copied()
    }

    /// The name of a field.
    #[must_use]
    pub fn name(&self, id: FieldId) -> &str {
        self.names.get(usize::from(id.0)).map_or("", String::as_str)
    }

    /// All names, by index.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether it has no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

/// What the bytes of a span are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SpanKind {
    /// The line has no such field.
    #[default]
    Missing,
    /// JSON's `null`, or the `-` of an access log.
    Null,
    /// `true` or `false`.
    Bool,
    /// Digits with an optional minus.
    Int,
    /// A number with a fraction or an exponent.
    Float,
    /// Text, as it stands.
    Str,
    /// Text with escapes to be resolved.
    Escaped,
    /// Text in which a backslash escapes `"`, `\` and `]`, and otherwise stands for itself, as in
    /// RFC 5424.
    Quoted,
    /// Text in which two quotation marks stand for one, as in CSV.
    Doubled,
    /// A JSON array or object.
    Json,
}

/// How serious a line of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Finest.
    Trace,
    /// For the developers of the program.
    Debug,
    /// What went well.
    Info,
    /// What may go wrong.
    Warn,
    /// What went wrong.
    Error,
    /// What ended the program, or needs someone at once.
    Fatal,
}

/// The names of the levels, each padded to [`LEVEL_BYTES`].
const LEVELS: &str = "TRACEDEBUGINFO WARN ERRORFATAL";
const LEVEL_BYTES: usize = 5;

/// Where spans of levels begin: past the end of every block.
const LEVELS_AT: u32 = u32::MAX - LEVELS.len() as u32;

impl Level {
    /// All of them, from the least serious on.
    pub const ALL: [Self; 6] =
        [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal];

    /// Its name in capitals.
    #[must_use]
    pub fn name(self) -> &'static str {
        let at = self as usize * LEVEL_BYTES;
        LEVELS[at..at + LEVEL_BYTES].trim_ascii_end()
    }
}

/// Where in a block a field's value is, and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// What the bytes are.
    pub kind: SpanKind,
}

impl Span {
    /// A span of `block[start..end]`.
    #[must_use]
    pub fn new(kind: SpanKind, start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32, kind }
    }

    /// The name of a level, which is not in any block: a line may have another word for it.
    #[must_use]
    pub fn of_level(level: Level) -> Self {
        let (at, name) = (level as usize * LEVEL_BYTES, level.name());
        let start = LEVELS_AT as usize + at;
        Self::new(SpanKind::Str, start, start + name.len())
    }

    /// Whether its bytes are in a block, and not the name of a level.
    #[must_use]
    pub fn is_in_block(&self) -> bool {
        self.start < LEVELS_AT
    }

    /// Its bytes in `block`; nothing where it is missing.
    #[must_use]
    pub fn bytes<'a>(&self, block: &'a [u8]) -> &'a [u8] {
        match block.get(self.start as usize..self.end as usize) {
            Some(bytes) => bytes,
            None => self.bytes_of_level(),
        }
    }

    #[cold]
    fn bytes_of_level(&self) -> &'static [u8] {
        let start = (self.start as usize).wrapping_sub(LEVELS_AT as usize);
        let end = (self.end as usize).wrapping_sub(LEVELS_AT as usize);
        LEVELS.as_bytes().get(start..end).unwrap_or_default()
    }

    /// Whether the line has the field.
    #[must_use]
    pub fn is_present(&self) -> bool {
        self.kind != SpanKind::Missing
    }
}

/// A line without the carriage return that belongs to its end.
#[inline]
#[must_use]
pub fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// How long the byte order mark is with which some programs begin a file of UTF-8, if `start`, the first
/// bytes of a file, has one. It is not part of the first line.
#[inline]
pub(crate) fn mark_length(start: &[u8]) -> usize {
    if start.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 }
}

/// The fields of one line. Used again for each line: nothing is allocated in the steady state.
#[derive(Debug, Clone, Default)]
pub struct Record {
    spans: Vec<Span>,
    set: Vec<FieldId>,
}

impl Record {
    /// Forgets the line before.
    pub fn clear(&mut self) {
        for id in self.set.drain(..) {
            self.spans[usize::from(id.0)].kind = SpanKind::Missing;
        }
    }

    /// Sets a field; the last value given is the one that counts.
    #[inline(always)]
    pub fn set(&mut self, id: FieldId, span: Span) {
        let at = usize::from(id.0);
        if at >= self.spans.len() {
            self.spans.resize(at + 1, Span::default());
        }
        if self.spans[at].kind == SpanKind::Missing {
            self.set.push(id);
        }
        self.spans[at] = span;
    }

    /// Takes a field back.
    pub fn unset(&mut self, id: FieldId) {
        if let Some(span) = self.spans.get_mut(usize::from(id.0)) {
            span.kind = SpanKind::Missing;
            self.set.retain(|&other| other != id);
        }
    }

    /// The value of a field.
    #[inline]
    #[must_use]
    pub fn get(&self, id: FieldId) -> Span {
        self.spans.get(usize::from(id.0)).copied().unwrap_or_default()
    }

    /// The fields that the line has, in no stated order.
    pub fn present(&self) -> impl Iterator<Item = (FieldId, Span)> + '_ {
        self.set.iter().map(|&id| (id, self.get(id)))
    }
}
