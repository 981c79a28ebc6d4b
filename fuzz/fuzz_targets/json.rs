//! A line is valid JSON for us when it is for serde_json, and then the fields are the same, whatever
//! lines came before it.
#![no_main]

use cutwater_logs::format::{Definition, Format};
use cutwater_logs::{Fields, Record, SpanKind, value};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|block: &[u8]| {
    let mut fields = Fields::all();
    let mut parser = Definition::Known(Format::Json).parser(&mut fields, &cutwater_logs::time::Rules::default());
    let mut record = Record::default();
    parser.begin_block(block);
    let mut next = 0;
    // Lines come after one another, as what is learnt of one is used for the next.
    for line in block.split(|&b| b == b'\n') {
        let at = next;
        record.clear();
        // A hole in a file is no part of a line.
        let holes = line.iter().take_while(|&&b| b == 0).count();
        let (at, line) = (at + holes, &line[holes..]);
        if at < block.len() && !line.trim_ascii().is_empty() {
            let (end, ours) = parser.parse(block, at, &mut fields, &mut record);
            assert_eq!(end, at + line.len());
            judge(block, line, ours.is_ok(), &fields, &record);
        }
        next = at + line.len() + 1;
    }
});

fn judge(block: &[u8], line: &[u8], ours: bool, fields: &Fields, record: &Record) {
    let theirs: Result<Value, _> = serde_json::from_slice(line);
    let Ok(Value::Object(object)) = theirs else {
        // Theirs stops at a depth of 128 too; what is deeper is bad for both.
        assert!(!ours, "valid for us only");
        return;
    };
    assert!(ours, "valid for serde_json only");
    for (id, span) in record.present() {
        let name = fields.name(id);
        let Some(expected) = object.get(name).filter(|_| !name.contains(['.', '\\'])) else { continue };
        let text = value::text(span, block);
        match expected {
            Value::String(s) => assert_eq!(text.as_deref(), Some(s.as_bytes()), "{name}"),
            Value::Null => assert_eq!(span.kind, SpanKind::Null, "{name}"),
            Value::Bool(b) => assert_eq!(text.as_deref(), Some(b.to_string().as_bytes()), "{name}"),
            Value::Number(n) => assert_eq!(value::number(span, block), n.as_f64(), "{name}"),
            Value::Array(_) | Value::Object(_) => assert_eq!(span.kind, SpanKind::Json, "{name}"),
        }
    }
}
