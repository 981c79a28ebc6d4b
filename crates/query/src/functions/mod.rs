//! Functions for logs, besides those of the engine.

mod ip;
mod json;
mod numbers;
mod url;

pub(crate) use numbers::{NUMBER_ORDER, number_order, quantity_order};

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, StringArray, new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};
use datafusion::prelude::SessionContext;

/// Each function's call and purpose, for `\h`.
pub const HELP: [(&str, &str); 11] = [
    ("ip_in(ip, network)", "whether an address is in a network like 10.0.0.0/8"),
    ("ip_version(ip)", "4 or 6"),
    ("ip_is_private(ip)", "whether an address is of a private network or of this host"),
    ("ip_network(ip, bits)", "the network of an address, with a prefix of that many bits"),
    ("url_host(url)", "the host of a URL"),
    ("url_path(url)", "the path of a URL, without its query"),
    ("url_query(url)", "what follows the ? of a URL"),
    ("url_param(url, name)", "a parameter of a URL's query, decoded"),
    ("url_decode(text)", "%41 as A"),
    ("json_get(json, path)", "a member of a JSON object, as text: json_get(_raw, 'http.method')"),
    (
        "quantity(text)",
        "the seconds of a duration (1.5s, 2m3.5s), or the bytes of a size (10MB, 2KiB)",
    ),
];

/// Registers the functions.
pub(crate) fn register(context: &SessionContext) {
    for function in [
        truth("ip_in", 2, |args| ip::is_in(args[0], args[1])),
        number("ip_version", 1, |args| ip::version(args[0])),
        truth("ip_is_private", 1, |args| ip::is_private(args[0])),
        text("ip_network", 2, |args| ip::network(args[0], args[1])),
        text("url_host", 1, |args| url::host(args[0]).map(str::to_owned)),
        text("url_path", 1, |args| url::path(args[0]).map(str::to_owned)),
        text("url_query", 1, |args| url::query(args[0]).map(str::to_owned)),
        text("url_param", 2, |args| url::param(args[0], args[1])),
        text("url_decode", 1, |args| Some(url::decode(args[0], false))),
        json::function(),
        double("quantity", 1, |args| numbers::quantity(args[0])),
    ] {
        context.register_udf(function);
    }
}

type Of<T> = fn(&[&str]) -> Option<T>;

/// A function of texts that is null where one of them is.
fn text(name: &'static str, arity: usize, of: Of<String>) -> ScalarUDF {
    function(name, arity, DataType::Utf8, move |rows| {
        Arc::new(rows.map(|row| row.and_then(|r| of(&r))).collect::<StringArray>())
    })
}

fn truth(name: &'static str, arity: usize, of: Of<bool>) -> ScalarUDF {
    function(name, arity, DataType::Boolean, move |rows| {
        Arc::new(rows.map(|row| row.and_then(|r| of(&r))).collect::<BooleanArray>())
    })
}

fn number(name: &'static str, arity: usize, of: Of<i64>) -> ScalarUDF {
    function(name, arity, DataType::Int64, move |rows| {
        Arc::new(rows.map(|row| row.and_then(|r| of(&r))).collect::<Int64Array>())
    })
}

fn double(name: &'static str, arity: usize, of: Of<f64>) -> ScalarUDF {
    function(name, arity, DataType::Float64, move |rows| {
        Arc::new(rows.map(|row| row.and_then(|r| of(&r))).collect::<Float64Array>())
    })
}

/// The texts of each row; `None` where one is null.
type Rows<'a> = &'a mut dyn Iterator<Item = Option<Vec<&'a str>>>;

fn function(
    name: &'static str,
    arity: usize,
    returns: DataType,
    of: impl Fn(Rows<'_>) -> ArrayRef + Send + Sync + 'static,
) -> ScalarUDF {
    let given = returns.clone();
    let call = move |args: &[ColumnarValue]| -> Result<ColumnarValue> {
        let scalars = args.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
        let arrays = texts(args)?;
        let columns: Vec<&StringArray> = arrays.iter().map(|a| a.as_string::<i32>()).collect();
        let length = columns.first().map_or(0, |c| c.len());
        let row = |at: usize| -> Option<Vec<&str>> {
            columns.iter().map(|c| (!c.is_null(at)).then(|| c.value(at))).collect()
        };
        let made = of(&mut (0..length).map(row));
        one_or_all(made, scalars, &given)
    };
    create_udf(name, vec![DataType::Utf8; arity], returns, Volatility::Immutable, Arc::new(call))
}

/// Arguments as arrays of texts.
fn texts(args: &[ColumnarValue]) -> Result<Vec<ArrayRef>> {
    let arrays = ColumnarValue::values_to_arrays(args)?;
    Ok(arrays.iter().map(|a| cast(a, &DataType::Utf8)).collect::<std::result::Result<_, _>>()?)
}

/// A scalar, where all arguments are scalars.
fn one_or_all(made: ArrayRef, scalars: bool, kind: &DataType) -> Result<ColumnarValue> {
    if !scalars {
        return Ok(ColumnarValue::Array(made));
    }
    let made = if made.is_empty() { new_null_array(kind, 1) } else { made };
    let one = datafusion::common::ScalarValue::try_from_array(&made, 0)?;
    Ok(ColumnarValue::Scalar(one))
}
