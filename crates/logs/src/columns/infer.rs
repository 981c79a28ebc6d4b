//! Finds types of columns that hold the sampled values without changing any.

use super::{ColumnSpec, ColumnType, Digits};
use crate::format::{Format, for_each_record};
use crate::profile::{Profile, Type};
use crate::record::{Fields, Span, SpanKind};
use crate::scan::Log;
use crate::time::Clock;
use crate::value::{self, Decimal};

/// A double holds all whole numbers up to 2^53.
const DOUBLE_WHOLE_MAX: i64 = 1 << 53;

/// Columns for the fields `names`, with types that hold the values of the sampled lines of `logs`.
///
/// - Fields of several types, or of none, are text. Text that is all times is a time, except
///   numbers in quotes.
/// - The field that is the time of all logs that have it is a time, also where it is a number of
///   seconds since 1970 or has a few other values.
/// - Fractions that a double would print with fewer zeros are decimals if all have the same number
///   of digits, and text otherwise: `1.10` would become 1.1. In JSON, `1.10` is a number.
/// - Whole numbers that do not fit in 64 bits, or stand beside fractions and do not fit in a double, are
///   decimals with all their digits; with more digits than those have, they are text.
#[must_use]
pub fn infer(logs: &[Log], names: &[String]) -> Vec<ColumnSpec> {
    let mut profile = Profile::default();
    let mut sampled: Vec<Sampled> = names.iter().map(|_| Sampled::default()).collect();
    for log in logs {
        let mut fields = Fields::only(names);
        fields.dotted = true;
        let mut clock = Clock::new(log.rules.clone());
        let mut of_log = Profile::default();
        let is_json = log.definition.format() == Format::Json;
        for_each_record(
            &log.definition,
            &log.sample,
            &log.rules,
            &mut fields,
            |fields, record, block| {
                of_log.add(fields, record, block, &mut clock);
                for (id, span) in record.present() {
                    let is_time = log.time.as_deref() == Some(fields.name(id));
                    if let Some(sampled) = sampled.get_mut(usize::from(id.0)) {
                        sampled.add(span, block, is_time.then_some(&mut clock), is_json);
                    }
                }
            },
        );
        profile.merge(&of_log);
    }
    let spec = |(name, sampled): (&String, &Sampled)| {
        let field = profile.fields().find(|field| field.name == *name);
        let kind = field.map_or(ColumnType::String, |field| sampled.column(field.kind()));
        ColumnSpec { name: name.clone(), kind, exact: true }
    };
    names.iter().zip(&sampled).map(spec).collect()
}

/// What the sampled values of a field are, beyond their types.
#[derive(Debug, Default, Clone, Copy)]
struct Sampled {
    /// A value is the time of its log.
    times: bool,
    /// A value is of a log whose time is another field.
    others: bool,
    /// A whole number needs more than 64 bits.
    large: bool,
    /// A whole number would change as a double.
    long: bool,
    whole_numbers: bool,
    /// The most digits before and after a point.
    whole: i64,
    fraction: i64,
    /// A fraction that is not in JSON ends in a zero that a double does not print.
    zeros: bool,
    /// The fewest and the most digits after the point of those, zeros included.
    written: Option<(usize, usize)>,
}

impl Sampled {
    fn add(&mut self, span: Span, block: &[u8], clock: Option<&mut Clock>, is_json: bool) {
        if value::is_null(span) {
            return;
        }
        match clock {
            Some(clock) => self.times |= value::known_time(span, block, clock).is_some(),
            None => self.others = true,
        }
        if !matches!(span.kind, SpanKind::Int | SpanKind::Float) {
            return;
        }
        let Some(number) = Decimal::new(span.bytes(block)) else { return };
        self.whole = self.whole.max(number.whole_digits());
        self.fraction = self.fraction.max(number.fraction_digits());
        if span.kind == SpanKind::Float && !is_json {
            let text = span.bytes(block);
            let digits = text.iter().rev().take_while(|&&b| b != b'.').count();
            let (least, most) = self.written.unwrap_or((digits, digits));
            self.written = Some((least.min(digits), most.max(digits)));
            self.zeros |= digits > 1 && text.ends_with(b"0");
        }
        if span.kind == SpanKind::Int {
            self.whole_numbers = true;
            let exact = value::integer(span, block);
            self.large |= exact.is_none();
            self.long |= exact.is_none_or(|n| n.unsigned_abs() > DOUBLE_WHOLE_MAX.unsigned_abs());
        }
    }

    fn column(&self, kind: Type) -> ColumnType {
        if self.times && !self.others {
            return ColumnType::Timestamp;
        }
        match kind {
            Type::Bool => ColumnType::Bool,
            Type::Integer if self.large => self.decimal(),
            Type::Integer => ColumnType::Integer,
            Type::Float if self.zeros => self.as_written(),
            Type::Float if self.long => self.decimal(),
            Type::Float => ColumnType::Float,
            Type::Timestamp => ColumnType::Timestamp,
            _ => ColumnType::String,
        }
    }

    /// Prices all have the same number of digits after the point, and a decimal keeps them.
    /// Versions like 1.9 and 1.10 do not, and stay text.
    fn as_written(&self) -> ColumnType {
        match self.written {
            Some((least, most)) if least == most && !self.whole_numbers => {
                Self { fraction: most as i64, ..*self }.decimal()
            }
            _ => ColumnType::String,
        }
    }

    fn decimal(&self) -> ColumnType {
        let fitting = [false, true].into_iter().find_map(|wide| {
            let digits = Digits { wide, scale: u8::try_from(self.fraction).ok()? };
            (self.whole + self.fraction <= i64::from(digits.most())).then_some(digits)
        });
        fitting.map_or(ColumnType::String, ColumnType::Decimal)
    }
}
