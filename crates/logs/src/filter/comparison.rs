//! Checks that words are compared with values of their kind, as far as samples show.
//!
//! `status>=5OO` would hold for no record, or for the wrong ones: all values are numbers, and the
//! word is not. The condition is wrong, so it is refused and not answered.

use std::sync::Arc;

use super::fault::fault;
use super::untyped::Untyped;
use crate::format::for_each_record;
use crate::record::{FieldId, Fields, Span, SpanKind};
use crate::scan::Log;
use crate::time::Clock;
use crate::value::{self, Quantity, Unit};
use crate::{Error, Result, bad};

/// A comparison of a field with a word, as it was written.
#[derive(Debug, Clone)]
pub(super) struct Comparison {
    /// The whole text of the condition, and where in it the word begins.
    pub(super) text: Arc<str>,
    pub(super) at: usize,
    pub(super) field: String,
    pub(super) operator: &'static str,
    pub(super) word: String,
    pub(super) with: Untyped,
}

/// What sampled records have in a field.
#[derive(Debug, Default)]
struct Sampled {
    /// Records that have it, and not as null.
    values: u64,
    /// Numbers that are not in quotes, those of them that can be times, and those that are zero.
    numbers: u64,
    epochs: u64,
    zeros: u64,
    durations: u64,
    sizes: u64,
    /// Times that are not numbers.
    stamps: u64,
    /// The first value with a unit, or else the first one.
    example: String,
}

/// Checks that each word is of the kind that the values of its field have, where all sampled values of
/// that field have one kind.
///
/// # Errors
/// When one is not; the words point at it.
pub(super) fn check(comparisons: &[Comparison], logs: &[Log]) -> Result<()> {
    let mut names: Vec<&str> = comparisons.iter().map(|c| c.field.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        return Ok(());
    }
    let mut sampled: Vec<Sampled> = names.iter().map(|_| Sampled::default()).collect();
    for log in logs {
        let mut fields = Fields::only(&names);
        fields.dotted = true;
        let mut clock = Clock::new(log.rules.clone());
        for_each_record(
            &log.definition,
            &log.sample,
            &log.rules,
            &mut fields,
            |_, record, block| {
                for (id, sampled) in sampled.iter_mut().enumerate() {
                    sampled.add(record.get(FieldId(id as u16)), block, &mut clock);
                }
            },
        );
    }
    let clash = |comparison: &Comparison| {
        let id = names.iter().position(|name| *name == comparison.field)?;
        comparison.clash(&sampled[id])
    };
    comparisons.iter().find_map(clash).map_or(Ok(()), Err)
}

impl Sampled {
    fn add(&mut self, span: Span, block: &[u8], clock: &mut Clock) {
        let Some(text) = value::text(span, block) else { return };
        let quantity = value::parse_quantity(&text);
        if self.values == 0 || (self.durations + self.sizes == 0 && quantity.is_some()) {
            self.example = bad::excerpt(&text);
        }
        self.values += 1;
        let is_time = value::time(span, block, clock).is_some();
        match (span.kind, quantity) {
            (SpanKind::Int | SpanKind::Float, _) => {
                self.numbers += 1;
                self.epochs += u64::from(is_time);
                self.zeros += u64::from(value::number(span, block) == Some(0.0));
            }
            (_, Some(Quantity { unit: Unit::Duration, .. })) => self.durations += 1,
            (_, Some(Quantity { unit: Unit::Size, .. })) => self.sizes += 1,
            _ => self.stamps += u64::from(is_time),
        }
    }
}

impl Comparison {
    /// Why no value of this kind can be compared with the word.
    fn clash(&self, sampled: &Sampled) -> Option<Error> {
        let Sampled { values, numbers, durations, sizes, stamps, example, .. } = sampled;
        let (field, word) = (&self.field, &self.word);
        let words = if *values == 0 {
            return None;
        } else if numbers == values {
            self.clash_with_numbers(sampled)?
        } else if durations + sampled.zeros == *values {
            let fits = self.is_of(Unit::Duration) || self.with.number == Some(0.0);
            let hint = if self.with.number.is_some() {
                format!("has no unit; name one, as in {field}{}{word}ms", self.operator)
            } else {
                format!(
                    "is not one; durations look like 1.5s, 850us or PT2M, and {}",
                    self.search()
                )
            };
            (!fits).then(|| {
                format!("{field} holds durations such as {example}, and {word:?} {hint}")
            })?
        } else if *sizes > 0 && sizes + numbers == *values {
            let fits = self.is_of(Unit::Size) || self.with.number.is_some();
            let hint = format!("is not one; sizes look like 10MB or 2KiB, and {}", self.search());
            (!fits)
                .then(|| format!("{field} holds sizes such as {example}, and {word:?} {hint}"))?
        } else if stamps == values && self.with.time.is_none() {
            format!(
                "{field} holds times such as {example}, and {word:?} is not one; times look like \
                 2026-03-01T10:00:00Z, 2026-03-01 or 15m (ago)"
            )
        } else {
            return None;
        };
        Some(fault(&self.text, self.at, &words))
    }

    fn clash_with_numbers(&self, sampled: &Sampled) -> Option<String> {
        let are_times = sampled.epochs == sampled.values;
        let is_word = self.with.is_word();
        let fits = self.with.number.is_some()
            || self.is_of(Unit::Size)
            || (self.with.time.is_some() && are_times);
        if fits {
            return None;
        }
        let (field, word, example) = (&self.field, &self.word, &sampled.example);
        let hint = if is_word || self.with.quantity.is_none() {
            format!("is not one; compare it with a number: {}", self.search())
        } else {
            "has a unit, which they have not; compare them with a number".to_owned()
        };
        Some(format!("{field} holds numbers such as {example}, and {word:?} {hint}"))
    }

    fn is_of(&self, unit: Unit) -> bool {
        self.with.quantity.is_some_and(|quantity| quantity.unit == unit)
    }

    /// How to look for the word as a text.
    fn search(&self) -> String {
        format!("{}~{:?} finds the text", self.field, self.word)
    }
}
