//! Enough of JSON Schema to check our own: types, enumerations, properties, items.

use serde_json::{Map, Value};

/// Checks that `value` follows `schema`.
///
/// # Panics
/// When it does not; the message names the place.
pub fn check_schema(schema: &Value, value: &Value) {
    at("$", schema, value);
}

fn at(place: &str, schema: &Value, value: &Value) {
    let types = match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        other => panic!("{place}: the schema has no type but {other}"),
    };
    assert!(types.iter().any(|t| is(t, value)), "{place}: {value} is none of {types:?}");
    if let Some(allowed) = schema["enum"].as_array() {
        assert!(allowed.contains(value), "{place}: {value} is none of {allowed:?}");
    }
    match value {
        Value::Object(object) => properties(place, schema, object),
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                at(&format!("{place}[{i}]"), &schema["items"], item);
            }
        }
        _ => {}
    }
}

fn is(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        other => panic!("the schema knows a type {other:?}"),
    }
}

fn properties(place: &str, schema: &Value, object: &Map<String, Value>) {
    let empty = Map::new();
    let documented = schema["properties"].as_object().unwrap_or(&empty);
    for key in documented.keys() {
        assert!(object.contains_key(key), "{place}: {key} is documented and absent");
    }
    for (key, value) in object {
        let rest = &schema["additionalProperties"];
        let schema = documented.get(key).or(rest.is_object().then_some(rest));
        let schema = schema.unwrap_or_else(|| panic!("{place}: {key} is not documented"));
        at(&format!("{place}.{key}"), schema, value);
    }
}
