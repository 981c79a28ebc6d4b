//! The user's own format: a regular expression with named groups.

use regex::bytes::{CaptureLocations, Regex};

use super::LineParser;
use super::cursor::{Slot, classify};
use crate::bad::Reason;
use crate::record::{Fields, Record, Span, SpanKind};
use crate::{Error, Result};

pub(super) fn compile(pattern: &str) -> Result<Regex> {
    let regex = Regex::new(pattern)
        .map_err(|e| Error::request(format!("the pattern is not a regular expression: {e}")))?;
    if regex.capture_names().flatten().next().is_none() {
        return Err(Error::request(
            "the pattern names no group, so there are no fields; name them like (?P<status>\\d+)",
        ));
    }
    Ok(regex)
}

#[derive(Debug)]
pub(super) struct Pattern {
    regex: Regex,
    locations: CaptureLocations,
    slots: Vec<(usize, Slot)>,
}

impl Pattern {
    pub(super) fn new(regex: Regex, fields: &mut Fields) -> Self {
        let names = regex.capture_names().enumerate();
        let slots = names
            .filter_map(|(group, name)| name.map(|name| (group, Slot::new(fields, name))))
            .collect();
        Self { locations: regex.capture_locations(), regex, slots }
    }
}

impl LineParser for Pattern {
    fn parse(
        &mut self,
        block: &[u8],
        start: usize,
        end: usize,
        _: &mut Fields,
        record: &mut Record,
    ) -> std::result::Result<(), Reason> {
        let line = &block[start..end];
        if self.regex.captures_read(&mut self.locations, line).is_none() {
            return Err(Reason::NoMatch);
        }
        for &(group, slot) in &self.slots {
            if let Some((from, to)) = self.locations.get(group) {
                let span = Span::new(SpanKind::Str, start + from, start + to);
                slot.set(record, classify(span, block));
            }
        }
        Ok(())
    }
}
