//! A line is valid JSON for us when it is for serde_json, and then the fields are the same.
#![no_main]

use cutwater_logs::format::{Definition, Format};
use cutwater_logs::{Fields, Record, SpanKind, value};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|line: &[u8]| {
    if line.contains(&b'\n') || line.trim_ascii().is_empty() {
        return;
    }
    let mut fields = Fields::all();
    let mut parser = Definition::Known(Format::Json).parser(&mut fields);
    let mut record = Record::default();
    parser.begin_block(line);
    let ours = parser.parse(line, 0, line.len(), &mut fields, &mut record);
    let theirs: Result<Value, _> = serde_json::from_slice(line);
    let Ok(Value::Object(object)) = theirs else {
        // Theirs stops at a depth of 128 too; what is deeper is bad for both.
        assert!(ours.is_err(), "valid for us only");
        return;
    };
    assert!(ours.is_ok(), "valid for serde_json only: {ours:?}");
    for (id, span) in record.present() {
        let name = fields.name(id);
        let Some(expected) = object.get(name).filter(|_| !name.contains(['.', '\\'])) else { continue };
        let text = value::text(span, line);
        match expected {
            Value::String(s) => assert_eq!(text.as_deref(), Some(s.as_bytes()), "{name}"),
            Value::Null => assert_eq!(span.kind, SpanKind::Null, "{name}"),
            Value::Bool(b) => assert_eq!(text.as_deref(), Some(b.to_string().as_bytes()), "{name}"),
            Value::Number(n) => assert_eq!(value::number(span, line), n.as_f64(), "{name}"),
            Value::Array(_) | Value::Object(_) => assert_eq!(span.kind, SpanKind::Json, "{name}"),
        }
    }
});
