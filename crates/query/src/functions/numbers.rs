//! How texts compare as numbers.

use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Array};
use arrow::datatypes::DataType;
use cutwater_logs::misfits::Misfits;
use cutwater_logs::value::{compare_numbers, parse_number};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};

use super::{one_or_all, texts};
use crate::Counters;

/// The name of the function.
pub(crate) const NUMBER_ORDER: &str = "number_order";

/// A function of two texts: -1, 0 or 1 as the number that the first one is, is less than, equal to, or
/// greater than the second; null where one of them is no number. Texts of `column`, the first one, that are
/// no numbers are counted.
pub(crate) fn number_order(column: &str, counters: &Arc<Counters>) -> ScalarUDF {
    let (column, counters) = (column.to_owned(), Arc::clone(counters));
    let comparison = counters.next_comparison();
    let call = move |args: &[ColumnarValue]| -> Result<ColumnarValue> {
        let scalars = args.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
        let arrays = texts(args)?;
        let [values, with] = [arrays[0].as_string::<i32>(), arrays[1].as_string::<i32>()];
        let order = |(value, with): (Option<&str>, Option<&str>)| {
            compare_numbers(value?.as_bytes(), with?.as_bytes()).map(|order| order as i64)
        };
        let made: Int64Array = values.iter().zip(with).map(order).collect();
        if made.null_count() > values.null_count() {
            let mut misfits = Misfits::default();
            for value in values.iter().flatten().map(str::as_bytes) {
                if parse_number(value).is_none() {
                    misfits.add(&column, "a number", value);
                }
            }
            counters.add_compared(comparison, &misfits);
        }
        one_or_all(Arc::new(made), scalars, &DataType::Int64)
    };
    let arguments = vec![DataType::Utf8, DataType::Utf8];
    create_udf(NUMBER_ORDER, arguments, DataType::Int64, Volatility::Immutable, Arc::new(call))
}
