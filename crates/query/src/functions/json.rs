//! Members of JSON objects, by path: with the parser that reads the logs.

use std::sync::Arc;

use arrow::array::{AsArray, StringArray, StringBuilder};
use arrow::datatypes::DataType;
use cutwater_logs::json::JsonParser;
use cutwater_logs::record::{Fields, Record};
use cutwater_logs::value;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};

use super::{one_or_all, texts};

/// `json_get(json, path)`.
pub(super) fn function() -> ScalarUDF {
    let taken = vec![DataType::Utf8; 2];
    create_udf("json_get", taken, DataType::Utf8, Volatility::Immutable, Arc::new(call))
}

fn call(args: &[ColumnarValue]) -> Result<ColumnarValue> {
    let scalars = args.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
    let arrays = texts(args)?;
    let [objects, paths] = &arrays[..] else {
        return datafusion::common::plan_err!("json_get takes a JSON object and a path");
    };
    let (objects, paths) = (objects.as_string::<i32>(), paths.as_string::<i32>());
    one_or_all(Arc::new(members(objects, paths)), scalars, &DataType::Utf8)
}

/// A parser for the member of one path.
struct Getter {
    path: String,
    fields: Fields,
    parser: JsonParser,
    record: Record,
}

impl Getter {
    fn new(path: &str) -> Self {
        let fields = Fields::only(&[path]);
        let parser = JsonParser::new(&fields);
        Self { path: path.to_owned(), fields, parser, record: Record::default() }
    }

    /// Appends a member of an object; null where it has no such member, or is not an object.
    fn get(&mut self, object: &[u8], out: &mut StringBuilder) {
        self.record.clear();
        self.parser.begin_block(object);
        let (fields, record) = (&mut self.fields, &mut self.record);
        let (end, parsed) = self.parser.parse(object, 0, fields, record);
        let whole = end == object.len() && matches!(parsed, Ok(true));
        let id = self.fields.find(&self.path).filter(|_| whole);
        match id.and_then(|id| value::text(self.record.get(id), object)) {
            Some(text) => out.append_value(String::from_utf8_lossy(&text)),
            None => out.append_null(),
        }
    }
}

fn members(objects: &StringArray, paths: &StringArray) -> StringArray {
    let mut getter: Option<Getter> = None;
    let mut out = StringBuilder::new();
    for (object, path) in objects.iter().zip(paths) {
        let (Some(object), Some(path)) = (object, path) else {
            out.append_null();
            continue;
        };
        // The path is a constant in nearly every query.
        let known = getter.take().filter(|g| g.path == path);
        let getter = getter.insert(known.unwrap_or_else(|| Getter::new(path)));
        getter.get(object.as_bytes(), &mut out);
    }
    out.finish()
}

#[cfg(test)]
mod tests {
    use arrow::array::Array as _;

    use super::*;

    #[test]
    fn members_are_found_by_path() {
        let objects = [
            Some(r#"{"a":{"b":"x\ty"},"n":1.50,"l":[7,8]}"#),
            Some(r#"{"a":null}"#),
            Some("no object"),
            None,
        ];
        let get = |path: &str| {
            let objects = StringArray::from(objects.to_vec());
            let paths = StringArray::from(vec![path; objects.len()]);
            let found = members(&objects, &paths);
            found.iter().map(|t| t.map(str::to_owned)).collect::<Vec<_>>()
        };
        assert_eq!(get("a.b"), [Some("x\ty".to_owned()), None, None, None]);
        assert_eq!(get("n")[0].as_deref(), Some("1.50"));
        assert_eq!(get("l.1")[0].as_deref(), Some("8"));
        assert_eq!(get("a")[0].as_deref(), Some(r#"{"b":"x\ty"}"#));
    }
}
