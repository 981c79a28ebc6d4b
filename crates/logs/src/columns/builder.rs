//! Builds one column.

use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Decimal128Builder, Decimal256Builder, Float64Builder,
    Int64Builder, TimestampNanosecondBuilder,
};
use arrow_array::types::{ArrowPrimitiveType, Decimal256Type};
use arrow_array::{ArrayRef, BinaryArray, StringArray};

use super::{ColumnType, Digits};
use crate::json::unescape_into;
use crate::record::{Span, SpanKind};
use crate::time::Clock;
use crate::value::{self, Decimal};

/// Builds the array of one column.
#[derive(Debug)]
pub struct ColumnBuilder {
    values: Values,
    /// [`super::ColumnSpec::exact`].
    exact: bool,
}

#[derive(Debug)]
enum Values {
    Bool(BooleanBuilder),
    Integer(Int64Builder),
    Float(Float64Builder),
    Decimal(Decimal128Builder, Digits),
    WideDecimal(Decimal256Builder, Digits),
    Timestamp(TimestampNanosecondBuilder),
    /// Bytes; whether they are UTF-8 is checked for a whole array at once.
    Text(BinaryBuilder),
}

impl ColumnBuilder {
    /// A builder with room for `rows` values, so that it never moves; texts grow. With `exact`,
    /// text becomes a number only if the number prints as that text.
    #[must_use]
    pub fn new(kind: ColumnType, exact: bool, rows: usize) -> Self {
        let values = match kind {
            ColumnType::Bool => Values::Bool(BooleanBuilder::with_capacity(rows)),
            ColumnType::Integer => Values::Integer(Int64Builder::with_capacity(rows)),
            ColumnType::Float => Values::Float(Float64Builder::with_capacity(rows)),
            ColumnType::Decimal(digits @ Digits { wide: false, .. }) => {
                let numbers = Decimal128Builder::with_capacity(rows);
                Values::Decimal(numbers.with_data_type(kind.arrow()), digits)
            }
            ColumnType::Decimal(digits) => {
                let numbers = Decimal256Builder::with_capacity(rows);
                Values::WideDecimal(numbers.with_data_type(kind.arrow()), digits)
            }
            ColumnType::Timestamp => {
                let times = TimestampNanosecondBuilder::with_capacity(rows);
                Values::Timestamp(times.with_timezone("UTC"))
            }
            ColumnType::String => Values::Text(BinaryBuilder::new()),
        };
        Self { values, exact }
    }

    /// Appends the value of a field, or null; false where there is a value that does not fit.
    /// `scratch` is used to resolve escapes.
    #[inline(always)]
    pub fn push(
        &mut self,
        span: Span,
        block: &[u8],
        clock: &mut Clock,
        scratch: &mut Vec<u8>,
    ) -> bool {
        let exact = self.exact;
        let fits = match &mut self.values {
            Values::Bool(builder) => {
                let value = value::boolean(span, block);
                builder.append_option(value);
                value.is_some()
            }
            Values::Integer(builder) => {
                let value = integer(span, block, exact);
                builder.append_option(value);
                value.is_some()
            }
            Values::Float(builder) => {
                let value = number(span, block, exact);
                builder.append_option(value);
                value.is_some()
            }
            Values::Decimal(builder, digits) => {
                let value = scaled(span, block, *digits).and_then(|text| text.parse().ok());
                builder.append_option(value);
                value.is_some()
            }
            Values::WideDecimal(builder, digits) => {
                let value = scaled(span, block, *digits).and_then(|text| I256::from_string(&text));
                builder.append_option(value);
                value.is_some()
            }
            Values::Timestamp(builder) => {
                let value = value::known_time(span, block, clock);
                builder.append_option(value);
                value.is_some()
            }
            Values::Text(builder) => {
                push_text(builder, span, block, scratch);
                true
            }
        };
        fits || value::is_null(span)
    }

    /// Appends a text, or null, to a column of texts.
    pub fn push_text(&mut self, text: Option<&[u8]>) {
        if let Values::Text(builder) = &mut self.values {
            builder.append_option(text);
        }
    }

    /// Appends a number to a column of whole numbers.
    pub fn push_integer(&mut self, value: u64) {
        if let Values::Integer(builder) = &mut self.values {
            builder.append_value(i64::try_from(value).unwrap_or(i64::MAX));
        }
    }

    /// The array of all values.
    #[must_use]
    pub fn finish(self) -> ArrayRef {
        match self.values {
            Values::Bool(mut builder) => Arc::new(builder.finish()),
            Values::Integer(mut builder) => Arc::new(builder.finish()),
            Values::Float(mut builder) => Arc::new(builder.finish()),
            Values::Decimal(mut builder, _) => Arc::new(builder.finish()),
            Values::WideDecimal(mut builder, _) => Arc::new(builder.finish()),
            Values::Timestamp(mut builder) => Arc::new(builder.finish()),
            Values::Text(mut builder) => Arc::new(texts(builder.finish())),
        }
    }
}

/// A whole number of 256 bits.
type I256 = <Decimal256Type as ArrowPrimitiveType>::Native;

/// Whole numbers with fewer bytes fit in a double.
const DOUBLE_WHOLE_BYTES: u32 = 16;

/// A whole number. With `exact`, `01234` stays text, as the number prints as `1234`.
#[inline(always)]
fn integer(span: Span, block: &[u8], exact: bool) -> Option<i64> {
    let value = value::integer(span, block);
    if span.kind == SpanKind::Int || !exact {
        value
    } else {
        value.filter(|v| is_written(v, span, block))
    }
}

/// A double. With `exact`, text and long whole numbers count only if the double prints the same.
#[inline(always)]
fn number(span: Span, block: &[u8], exact: bool) -> Option<f64> {
    let value = value::number(span, block);
    let is_same = match span.kind {
        SpanKind::Float => true,
        SpanKind::Int => span.end - span.start < DOUBLE_WHOLE_BYTES,
        _ => false,
    };
    if is_same || !exact { value } else { value.filter(|v| is_written(v, span, block)) }
}

#[cold]
fn is_written(value: &impl std::fmt::Display, span: Span, block: &[u8]) -> bool {
    value::text(span, block).is_some_and(|text| *text == *value.to_string().as_bytes())
}

/// The number in units of the scale; `None` if it needs more digits than `digits` has.
fn scaled(span: Span, block: &[u8], digits: Digits) -> Option<String> {
    value::number(span, block)?;
    if !matches!(span.kind, SpanKind::Int | SpanKind::Float) {
        return None;
    }
    Decimal::new(span.bytes(block))?.scaled(digits.scale, digits.most())
}

#[inline(always)]
fn push_text(builder: &mut BinaryBuilder, span: Span, block: &[u8], scratch: &mut Vec<u8>) {
    match span.kind {
        SpanKind::Missing | SpanKind::Null => builder.append_null(),
        SpanKind::Escaped => {
            scratch.clear();
            unescape_into(span.bytes(block), scratch);
            builder.append_value(&*scratch);
        }
        SpanKind::Quoted | SpanKind::Doubled => builder.append_option(value::text(span, block)),
        _ => builder.append_value(span.bytes(block)),
    }
}

/// Bytes as texts; bytes that are not UTF-8 become U+FFFD.
fn texts(bytes: BinaryArray) -> StringArray {
    StringArray::try_from_binary(bytes.clone()).unwrap_or_else(|_| {
        let text = |b: Option<&[u8]>| b.map(|b| String::from_utf8_lossy(b).into_owned());
        bytes.iter().map(text).collect()
    })
}
