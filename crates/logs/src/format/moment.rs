//! A time in two fields, one with the date and one with the time of day.
//!
//! The field `DATE+TIME` of a format with names has both: `date+time` where the fields are called so. It
//! is there only where it is asked for, as what stands in the log from the first of them to the end
//! of the other; [`crate::time::Clock::parse`] reads that.

use super::Format;
use super::cursor::Slot;
use crate::record::{Fields, Record, Span, SpanKind};

/// What joins the names of both fields.
const MARK: char = '+';

/// The most that may stand from the beginning of the one to the end of the other.
const BYTES_MAX: u32 = 4096;

#[derive(Debug)]
pub(super) struct Moment {
    date: Slot,
    time: Slot,
    both: Slot,
    /// The offset further on in a line of FortiGate; the field then goes to its end.
    offset: Option<Slot>,
}

impl Moment {
    /// The field that is asked for, with the fields that it consists of.
    pub(super) fn wanted(format: Format, fields: &mut Fields) -> Option<Self> {
        if !matches!(format, Format::Json | Format::Logfmt | Format::Csv) {
            return None;
        }
        let name = fields.names().iter().find(|name| parts(name).is_some())?.clone();
        let (date, time) = parts(&name)?;
        let open = std::mem::replace(&mut fields.open, true);
        let mut slot = |name: &str| Slot::new(fields, name);
        let has_offset = format == Format::Logfmt && name == "date+time";
        let offset = has_offset.then(|| slot("tz"));
        let moment = Self { date: slot(date), time: slot(time), both: slot(&name), offset };
        fields.open = open;
        Some(moment)
    }

    /// Sets it, where the record has both and no field that is called so.
    #[inline]
    pub(super) fn set(&self, record: &mut Record) {
        let (date, time) = (self.date.get(record), self.time.get(record));
        let is_text = |span: Span| {
            !matches!(span.kind, SpanKind::Missing | SpanKind::Null | SpanKind::Json)
                && span.is_in_block()
        };
        if !is_text(date) || !is_text(time) || self.both.get(record).is_present() {
            return;
        }
        let (start, mut end) = (date.start.min(time.start), date.end.max(time.end));
        let offset = self.offset.filter(|_| date.start < time.start).map(|slot| slot.get(record));
        let offset = offset.filter(|span| is_text(*span));
        if let Some(offset) =
            offset.filter(|span| span.start > end && span.end - start <= BYTES_MAX)
        {
            end = offset.end;
        }
        if end - start <= BYTES_MAX {
            self.both.set(record, Span { start, end, kind: SpanKind::Str });
        }
    }
}

/// Whether a field is two others, a date and a time of day. Its text is what stands between them, too.
#[must_use]
pub fn is_of_two_fields(name: &str) -> bool {
    parts(name).is_some()
}

/// The two names that a name consists of.
fn parts(name: &str) -> Option<(&str, &str)> {
    let (date, time) = name.split_once(MARK)?;
    (!date.is_empty() && !time.is_empty() && !time.contains(MARK)).then_some((date, time))
}

/// The fields among `names` that may be a date and a time of day: `date` and `time`, `log_date` and
/// `log_time`.
pub(super) fn candidates(names: &[String]) -> impl Iterator<Item = String> {
    names.iter().filter_map(|date| {
        let of_date = date.to_ascii_lowercase();
        let time = names.iter().find(|time| {
            of_date.contains("date") && time.to_ascii_lowercase() == of_date.replace("date", "time")
        })?;
        Some(format!("{date}{MARK}{time}"))
    })
}
