//! What the fields of a log are: types, fill rates, examples, top values.

use std::net::IpAddr;

use crate::bad::excerpt;
use crate::groups::Top;
use crate::record::{Fields, Record, Span, SpanKind};
use crate::time::Clock;
use crate::value::{self, Unit};

/// How many of a field's texts are looked at to recognise times, addresses and durations.
const SAMPLED_MAX: u32 = 64;

/// What a field's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Never anything but null.
    Null,
    /// `true` and `false`.
    Bool,
    /// Whole numbers.
    Integer,
    /// Numbers.
    Float,
    /// Times.
    Timestamp,
    /// IPv4 or IPv6 addresses.
    Ip,
    /// Numbers with a unit of time, like `12ms`.
    Duration,
    /// Numbers with a unit of memory, like `10MB`.
    Size,
    /// Text.
    String,
    /// JSON arrays and objects.
    Json,
    /// Several of these.
    Mixed,
}

impl Type {
    /// The name used in exported data.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "bool",
            Self::Integer => "integer",
            Self::Float => "float",
            Self::Timestamp => "timestamp",
            Self::Ip => "ip",
            Self::Duration => "duration",
            Self::Size => "size",
            Self::String => "string",
            Self::Json => "json",
            Self::Mixed => "mixed",
        }
    }
}

/// What is known of one field.
#[derive(Debug, Clone, Default)]
pub struct FieldProfile {
    /// Its path.
    pub name: String,
    /// Records that have it, and not as null.
    pub filled: u64,
    /// The first value seen by the thread that read the earliest piece.
    pub example: Option<String>,
    /// Its most frequent values.
    pub top: Top,
    kinds: [u64; 6],
    sampled: u32,
    times: u32,
    addresses: u32,
    durations: u32,
    sizes: u32,
}

impl FieldProfile {
    fn add(&mut self, span: Span, block: &[u8], clock: &mut Clock) {
        let kind = match span.kind {
            SpanKind::Missing => return,
            SpanKind::Null => 0,
            SpanKind::Bool => 1,
            SpanKind::Int => 2,
            SpanKind::Float => 3,
            SpanKind::Str | SpanKind::Escaped | SpanKind::Quoted | SpanKind::Doubled => 4,
            SpanKind::Json => 5,
        };
        self.kinds[kind] += 1;
        if kind == 0 {
            return;
        }
        self.filled += 1;
        let Some(text) = value::text(span, block) else { return };
        if self.example.is_none() {
            self.example = Some(excerpt(&text));
        }
        if kind == 4 && self.sampled < SAMPLED_MAX {
            self.sampled += 1;
            self.sample(&text, clock);
        }
        self.top.add(&text);
    }

    fn sample(&mut self, text: &[u8], clock: &mut Clock) {
        let word = std::str::from_utf8(text).unwrap_or_default();
        // A number in quotes is an id rather than seconds since 1970. Records count unknown zones
        // when they get their times; the clone keeps them from being counted again here.
        let is_number = value::parse_number(text).is_some();
        self.times += u32::from(!is_number && clock.clone().parse(text).is_some());
        self.addresses += u32::from(word.parse::<IpAddr>().is_ok());
        match value::parse_quantity(text).map(|quantity| quantity.unit) {
            Some(Unit::Duration) => self.durations += 1,
            Some(Unit::Size) => self.sizes += 1,
            None => {}
        }
    }

    fn merge(&mut self, other: &Self) {
        self.filled += other.filled;
        if self.example.is_none() {
            self.example.clone_from(&other.example);
        }
        self.top.merge(&other.top);
        for (mine, theirs) in self.kinds.iter_mut().zip(other.kinds) {
            *mine += theirs;
        }
        self.sampled += other.sampled;
        self.times += other.times;
        self.addresses += other.addresses;
        self.durations += other.durations;
        self.sizes += other.sizes;
    }

    /// What its values are.
    #[must_use]
    pub fn kind(&self) -> Type {
        let [_, bools, ints, floats, texts, jsons] = self.kinds;
        match (bools > 0, ints + floats > 0, texts > 0, jsons > 0) {
            (false, false, false, false) => Type::Null,
            (true, false, false, false) => Type::Bool,
            (false, true, false, false) if floats == 0 => Type::Integer,
            (false, true, false, false) => Type::Float,
            (false, false, true, false) if self.times == self.sampled => Type::Timestamp,
            (false, false, true, false) if self.addresses == self.sampled => Type::Ip,
            (false, false, true, false) if self.durations == self.sampled => Type::Duration,
            (false, false, true, false) if self.sizes == self.sampled => Type::Size,
            (false, false, true, false) => Type::String,
            (false, false, false, true) => Type::Json,
            _ => Type::Mixed,
        }
    }
}

/// What is known of all fields.
#[derive(Debug, Clone, Default)]
pub struct Profile {
    fields: Vec<FieldProfile>,
}

impl Profile {
    /// Adds a record.
    pub fn add(&mut self, fields: &Fields, record: &Record, block: &[u8], clock: &mut Clock) {
        for (id, span) in record.present() {
            let at = usize::from(id.0);
            if at >= self.fields.len() {
                self.fields.resize_with(at + 1, FieldProfile::default);
            }
            self.fields[at].add(span, block, clock);
        }
        if self.fields.len() != fields.len()
            || self.fields.last().is_some_and(|f| f.name.is_empty())
        {
            self.name_all(fields);
        }
    }

    #[cold]
    fn name_all(&mut self, fields: &Fields) {
        self.fields.resize_with(fields.len(), FieldProfile::default);
        for (profile, name) in self.fields.iter_mut().zip(fields.names()) {
            profile.name.clone_from(name);
        }
    }

    /// Adds another's, by name.
    pub fn merge(&mut self, other: &Self) {
        for theirs in &other.fields {
            match self.fields.iter_mut().find(|mine| mine.name == theirs.name) {
                Some(mine) => mine.merge(theirs),
                None => self.fields.push(theirs.clone()),
            }
        }
    }

    /// The fields that occurred, in the order in which they were first seen.
    pub fn fields(&self) -> impl Iterator<Item = &FieldProfile> {
        self.fields.iter().filter(|f| f.kinds.iter().any(|&n| n > 0))
    }

    /// The field of the first of these names that occurred.
    #[must_use]
    pub fn find(&self, names: &[&str]) -> Option<&FieldProfile> {
        names.iter().find_map(|name| self.fields().find(|f| f.name.eq_ignore_ascii_case(name)))
    }
}
