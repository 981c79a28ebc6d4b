//! Builds one column.

use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Float64Builder, Int64Builder, TimestampNanosecondBuilder,
};
use arrow_array::{ArrayRef, BinaryArray, StringArray};

use super::ColumnType;
use crate::json::unescape_into;
use crate::record::{Span, SpanKind};
use crate::time::Clock;
use crate::value;

/// Builds the array of one column.
#[derive(Debug)]
pub struct ColumnBuilder(Values);

#[derive(Debug)]
enum Values {
    Bool(BooleanBuilder),
    Integer(Int64Builder),
    Float(Float64Builder),
    Timestamp(TimestampNanosecondBuilder),
    /// Bytes; whether they are UTF-8 is checked for a whole array at once.
    Text(BinaryBuilder),
}

impl ColumnBuilder {
    /// A builder with room for `rows` values, so that it never moves; texts grow.
    #[must_use]
    pub fn new(kind: ColumnType, rows: usize) -> Self {
        Self(match kind {
            ColumnType::Bool => Values::Bool(BooleanBuilder::with_capacity(rows)),
            ColumnType::Integer => Values::Integer(Int64Builder::with_capacity(rows)),
            ColumnType::Float => Values::Float(Float64Builder::with_capacity(rows)),
            ColumnType::Timestamp => {
                let times = TimestampNanosecondBuilder::with_capacity(rows);
                Values::Timestamp(times.with_timezone("UTC"))
            }
            ColumnType::String => Values::Text(BinaryBuilder::new()),
        })
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
        let fits = match &mut self.0 {
            Values::Bool(builder) => {
                let value = value::boolean(span, block);
                builder.append_option(value);
                value.is_some()
            }
            Values::Integer(builder) => {
                let value = value::integer(span, block);
                builder.append_option(value);
                value.is_some()
            }
            Values::Float(builder) => {
                let value = value::number(span, block);
                builder.append_option(value);
                value.is_some()
            }
            Values::Timestamp(builder) => {
                let value = value::time(span, block, clock);
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
        if let Values::Text(builder) = &mut self.0 {
            builder.append_option(text);
        }
    }

    /// Appends a number to a column of whole numbers.
    pub fn push_integer(&mut self, value: u64) {
        if let Values::Integer(builder) = &mut self.0 {
            builder.append_value(i64::try_from(value).unwrap_or(i64::MAX));
        }
    }

    /// The array of all values.
    #[must_use]
    pub fn finish(self) -> ArrayRef {
        match self.0 {
            Values::Bool(mut builder) => Arc::new(builder.finish()),
            Values::Integer(mut builder) => Arc::new(builder.finish()),
            Values::Float(mut builder) => Arc::new(builder.finish()),
            Values::Timestamp(mut builder) => Arc::new(builder.finish()),
            Values::Text(mut builder) => Arc::new(texts(builder.finish())),
        }
    }
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
        SpanKind::Quoted => builder.append_option(value::text(span, block)),
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
