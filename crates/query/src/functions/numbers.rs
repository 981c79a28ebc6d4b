//! How texts compare as numbers, durations and sizes.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Array};
use arrow::datatypes::DataType;
use cutwater_logs::misfits::Misfits;
use cutwater_logs::value::{Quantity, Unit, compare_numbers, parse_number, parse_quantity};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};

use super::{one_or_all, texts};
use crate::Counters;

/// The name of the function.
pub(crate) const NUMBER_ORDER: &str = "number_order";

const SECOND_NS: f64 = 1e9;

/// A function of two texts: -1, 0 or 1 as the number that the first one is, is less than, equal to, or
/// greater than the second; null where one of them is no number. Texts of `column`, the first one, that are
/// no numbers are counted.
pub(crate) fn number_order(column: &str, counters: &Arc<Counters>) -> ScalarUDF {
    let fits = |value: &[u8]| parse_number(value).is_some();
    order(NUMBER_ORDER, (column, "a number"), counters, compare_numbers, fits)
}

/// A function of two texts: -1, 0 or 1 as the first one is less than, equal to, or greater than the second,
/// which is the quantity `with`. Where the two have no order, it is null and counted; to ask whether they
/// are `equal` they need none.
pub(crate) fn quantity_order(
    column: &str,
    counters: &Arc<Counters>,
    with: Quantity,
    equal: bool,
) -> ScalarUDF {
    let name = if equal { "quantity_equality" } else { "quantity_order" };
    let wanted = match with.unit {
        Unit::Duration => "a duration",
        Unit::Size => "a size",
    };
    let unequal = equal.then_some(Ordering::Less);
    let compared = move |value: &[u8], _: &[u8]| beside(value, with).or(unequal);
    let fits = move |value: &[u8]| equal || beside(value, with).is_some();
    order(name, (column, wanted), counters, compared, fits)
}

/// The order of a value and a quantity, as in `scan`: a number beside a size is a number of bytes; beside a
/// duration only zero needs no unit.
fn beside(value: &[u8], with: Quantity) -> Option<Ordering> {
    let amount = match parse_quantity(value) {
        Some(value) => (value.unit == with.unit).then_some(value.amount)?,
        None => parse_number(value).filter(|n| with.unit == Unit::Size || *n == 0.0)?,
    };
    amount.partial_cmp(&with.amount)
}

/// The seconds or bytes that a text is; a number without a unit is itself.
pub(super) fn quantity(text: &str) -> Option<f64> {
    match parse_quantity(text.as_bytes()) {
        Some(Quantity { amount, unit: Unit::Duration }) => Some(amount / SECOND_NS),
        Some(Quantity { amount, unit: Unit::Size }) => Some(amount),
        None => parse_number(text.as_bytes()),
    }
}

/// A function of two texts, by their order. Texts of the column that do not fit are counted.
fn order(
    name: &str,
    (column, wanted): (&str, &'static str),
    counters: &Arc<Counters>,
    order: impl Fn(&[u8], &[u8]) -> Option<Ordering> + Send + Sync + 'static,
    fits: impl Fn(&[u8]) -> bool + Send + Sync + 'static,
) -> ScalarUDF {
    let (column, counters) = (column.to_owned(), Arc::clone(counters));
    let comparison = counters.next_comparison();
    let call = move |args: &[ColumnarValue]| -> Result<ColumnarValue> {
        let scalars = args.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
        let arrays = texts(args)?;
        let [values, with] = [arrays[0].as_string::<i32>(), arrays[1].as_string::<i32>()];
        let of_row = |(value, with): (Option<&str>, Option<&str>)| {
            order(value?.as_bytes(), with?.as_bytes()).map(|order| order as i64)
        };
        let made: Int64Array = values.iter().zip(with).map(of_row).collect();
        if made.null_count() > values.null_count() {
            let mut misfits = Misfits::default();
            for value in values.iter().flatten().map(str::as_bytes).filter(|value| !fits(value)) {
                misfits.add(&column, wanted, value);
            }
            counters.add_compared(comparison, &misfits);
        }
        one_or_all(Arc::new(made), scalars, &DataType::Int64)
    };
    let arguments = vec![DataType::Utf8, DataType::Utf8];
    create_udf(name, arguments, DataType::Int64, Volatility::Immutable, Arc::new(call))
}
