//! Reads lines by patterns.

use std::sync::Arc;

use regex::bytes::CaptureLocations;

use super::Shape;
use super::language::{Expanded, Group};
use super::matcher::{Answer, Matcher};
use super::pairs::PairReader;
use super::setter::Setter;
use super::{DataFormat, Narrow};
use crate::bad::Reason;
use crate::format::begin::Joining;
use crate::format::cursor::Slot;
use crate::format::plain::{self, Plain};
use crate::format::{LineParser, feed, line_before};
use crate::record::{Fields, Record, Span, SpanKind, without_return};
use crate::time::Rules;

#[derive(Debug)]
pub(super) struct PatternParser {
    format: Arc<DataFormat>,
    patterns: Vec<Bound>,
    /// Reads lines of other programs in between: text with a time in front.
    text: Option<Box<Plain>>,
    /// The message of a record whose first line has none goes to the end of its last one.
    message: Slot,
}

/// A pattern with the fields that its groups set.
#[derive(Debug)]
struct Bound {
    /// Reads nearly all lines; a few are left to the regular expression.
    matcher: Option<Matcher>,
    narrow: Arc<Narrow>,
    /// Whether the regular expression read the last line.
    by_regex: bool,
    locations: Option<CaptureLocations>,
    groups: Vec<(usize, Setter)>,
    /// The group that is the message, where the line goes on after it.
    message: Option<usize>,
    pairs: Option<(usize, PairReader)>,
    /// Whether the regular expression ends before the rest of the line, and what the rest sets.
    ends_early: bool,
    rest: Option<Setter>,
    rest_pairs: Option<PairReader>,
}

impl PatternParser {
    pub(super) fn new(format: Arc<DataFormat>, fields: &mut Fields, rules: &Rules) -> Self {
        let expanded = match &format.shape {
            Shape::Patterns { expanded, .. } => expanded.as_slice(),
            Shape::Columns(_) | Shape::Json => &[],
        };
        let bound = expanded.iter().enumerate();
        let patterns = bound.filter_map(|(at, of)| Bound::new(&format, at, of, fields)).collect();
        let takes_text = format.joining() == Joining::Loose && format.time() == Some(plain::TIME);
        let text = takes_text.then(|| Box::new(Plain::new(fields, rules, plain::TIME)));
        let with_message = format.begins.is_some() && format.may_continue();
        let message = if with_message { Slot::new(fields, "message") } else { Slot::default() };
        Self { format, patterns, text, message }
    }
}

impl PatternParser {
    /// Extends a message to `end`, without blanks around it.
    fn extend_message(&self, block: &[u8], end: usize, record: &mut Record) {
        let Some(id) = self.message.id() else { return };
        let message = record.get(id);
        let text = &block[message.start as usize..end];
        let end = message.start as usize + text.trim_ascii_end().len();
        let start = end - text.trim_ascii().len();
        record.set(id, Span::new(message.kind, start, end));
    }

    /// Ends a message of several lines that began before where the line at `at` says that it ends.
    fn end_message(&self, read: Option<usize>, at: usize, record: &mut Record) {
        let group = read.and_then(|index| {
            let pattern = &self.patterns[index];
            pattern.group(pattern.message?)
        });
        if let (Some(id), Some((_, to))) = (self.message.id(), group) {
            let message = record.get(id);
            record.set(id, Span::new(message.kind, message.start as usize, at + to));
        }
    }

    /// Adds the fields of the last line that begins a record, before the one at `at`: a further record
    /// that has no such line shares it.
    fn add_begin(&mut self, block: &[u8], at: usize, fields: &mut Fields, record: &mut Record) {
        let mut before = at;
        while let Some(line) = line_before(block, before) {
            before -= line.len() + 1;
            let end = before + without_return(line).len();
            let begin = self.patterns.first_mut();
            if begin.is_some_and(|begin| {
                begin.read(&self.format, block, before, end, (&mut *fields, &mut *record), true)
            }) {
                return;
            }
        }
    }
}

impl Bound {
    fn new(
        format: &DataFormat,
        index: usize,
        pattern: &Expanded,
        fields: &mut Fields,
    ) -> Option<Self> {
        let taken = |name: &str| pattern.groups.iter().any(|group| group.name == name);
        let of_pairs =
            |group: &Group| format.pairs.as_ref().filter(|pairs| pairs.field == group.name);
        let mut setter = |group: &Group| {
            let is_field = of_pairs(group).is_none_or(|pairs| pairs.keeps);
            let setter = || Setter::new(format, &group.name, group.kind, &taken, fields);
            is_field.then(setter).filter(Setter::is_wanted)
        };
        let mut setters: Vec<_> = pattern.groups.iter().map(&mut setter).collect();
        let wanted = pattern.groups.iter().zip(&setters);
        let mut wanted: Vec<_> =
            wanted.map(|(group, setter)| setter.is_some() || of_pairs(group).is_some()).collect();
        let rest_group =
            pattern.without_rest().map(|(_, group)| group).filter(|_| format.is_anchored());
        let (mut rest, mut rest_pairs) = (None, None);
        if let Some(group) = rest_group {
            wanted[group] = true;
            rest = setters[group].take();
            rest_pairs = of_pairs(&pattern.groups[group]).map(PairReader::new);
        }
        let narrow = format.narrowed(index, &wanted)?;
        let (mut groups, mut pairs, mut message) = (Vec::new(), None, None);
        for (at, id) in narrow.names() {
            let Some(group) = pattern.group(id) else { continue };
            if let Some(setter) = setters[group].take() {
                if pattern.groups[group].name == "message" {
                    message = Some(at);
                }
                groups.push((at, setter));
            }
            if let Some(of) = of_pairs(&pattern.groups[group]) {
                pairs = Some((at, PairReader::new(of)));
            }
        }
        let (matcher, ends_early) = (narrow.matcher.clone(), rest_group.is_some());
        let (by_regex, locations) = (false, None);
        Some(Self {
            matcher,
            narrow,
            by_regex,
            locations,
            groups,
            message,
            pairs,
            ends_early,
            rest,
            rest_pairs,
        })
    }

    /// Whether `line` matches; then [`Self::group`] has its groups.
    fn matches(&mut self, line: &[u8]) -> bool {
        let answer = self.matcher.as_mut().map_or(Answer::Unknown, |m| m.matches(line));
        self.by_regex = answer == Answer::Unknown;
        if !self.by_regex {
            return answer == Answer::Yes;
        }
        let Some(regex) = self.narrow.regex() else { return false };
        let wants_rest = self.rest.is_some() || self.rest_pairs.is_some();
        if self.groups.is_empty() && self.pairs.is_none() && !wants_rest {
            // The automaton that finds no groups is the faster one.
            return regex.is_match(line);
        }
        let locations = self.locations.get_or_insert_with(|| regex.capture_locations());
        regex.captures_read(locations, line).is_some()
    }

    /// Where a group is in the line that matched.
    fn group(&self, index: usize) -> Option<(usize, usize)> {
        if self.by_regex {
            return self.locations.as_ref()?.get(index);
        }
        self.matcher.as_ref()?.group(index)
    }

    /// Sets the fields of the line `block[start..end]`; with `more`, only those that no line of the
    /// record has set before. Whether the line is of this pattern.
    fn read(
        &mut self,
        format: &DataFormat,
        block: &[u8],
        start: usize,
        end: usize,
        (fields, record): (&mut Fields, &mut Record),
        more: bool,
    ) -> bool {
        if !self.matches(&block[start..end]) {
            return false;
        }
        let at = |index: usize| {
            let (from, to) = self.group(index)?;
            Some(Span::new(SpanKind::Str, start + from, start + to))
        };
        for (group, setter) in &self.groups {
            if let Some(span) = at(*group)
                && !(more && setter.is_set(record))
            {
                setter.set(format, span, block, record);
            }
        }
        let pairs = self.pairs.as_ref().and_then(|(group, _)| at(*group));
        if self.ends_early {
            let from = self.group(0).map_or(end, |(_, to)| start + to);
            let span = Span::new(SpanKind::Str, from, end);
            if let Some(rest) = self.rest.as_ref().filter(|rest| !(more && rest.is_set(record))) {
                rest.set(format, span, block, record);
            }
            if let Some(pairs) = &mut self.rest_pairs {
                pairs.read(format, span, block, fields, record);
            }
        }
        if let Some((_, reader)) = &mut self.pairs
            && let Some(span) = pairs
        {
            reader.read(format, span, block, fields, record);
        }
        true
    }
}

impl LineParser for PatternParser {
    fn parse(
        &mut self,
        block: &[u8],
        start: usize,
        end: usize,
        fields: &mut Fields,
        record: &mut Record,
    ) -> Result<(), Reason> {
        // Always in the order of the file: which pattern reads a line depends on the line alone.
        for at in 0..self.patterns.len() {
            let pattern = &mut self.patterns[at];
            if pattern.read(&self.format, block, start, end, (&mut *fields, &mut *record), false) {
                if self.format.again == Some(at) {
                    self.add_begin(block, start, fields, record);
                }
                return Ok(());
            }
        }
        let Some(text) = &mut self.text else { return Err(Reason::NoMatch) };
        if text.fits(&block[start..end]) {
            return text.parse(block, start, end, fields, record);
        }
        Err(Reason::NoMatch)
    }

    fn parse_more(
        &mut self,
        block: &[u8],
        start: usize,
        end: usize,
        fields: &mut Fields,
        record: &mut Record,
    ) {
        let Some(begins) = self.format.begins else { return };
        let (mut at, mut of_message, mut message_end) = (start, None, end);
        while at < end {
            let line_end = feed(block, at).min(end);
            let trimmed = at + without_return(&block[at..line_end]).len();
            let had_message = self.message.get(record).is_present();
            let read = (begins..self.patterns.len()).find(|&index| {
                let into = (&mut *fields, &mut *record);
                self.patterns[index].read(&self.format, block, at, trimmed, into, true)
            });
            if had_message && of_message.is_none() {
                self.end_message(read, at, record);
            }
            if !had_message && self.message.get(record).is_present() {
                of_message = read;
            } else if of_message.is_some() && read.is_some() && read != of_message {
                // Another field follows the message.
                message_end = message_end.min(at - 1);
            }
            at = line_end + 1;
        }
        if of_message.is_some() {
            self.extend_message(block, message_end, record);
        }
    }

    fn is_directive(&self, line: &[u8]) -> bool {
        self.format.is_directive(line)
    }
}
