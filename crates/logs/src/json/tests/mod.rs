//! The walk against `serde_json`, and the rules one by one.

mod learnt;

use cutwater_sys::simd::Level;
use proptest::prelude::*;
use serde_json::Value;

use super::{JsonParser, unescape};
use crate::bad::Reason;
use crate::record::{Fields, Record, Span, SpanKind};

/// Parses `text` line by line with every field; each line's value for `field`, or its fault.
fn parse_all(
    text: &[u8],
    fields: &mut Fields,
    level: Level,
) -> Vec<Result<Option<Record>, Reason>> {
    let mut parser = JsonParser::with_level(fields, level);
    parser.begin_block(text);
    let mut out = Vec::new();
    let mut record = Record::default();
    let mut at = 0;
    while at < text.len() {
        record.clear();
        let (end, parsed) = parser.parse(text, at, fields, &mut record);
        let feed = text[at..].iter().position(|&b| b == b'\n');
        assert_eq!(end, feed.map_or(text.len(), |n| at + n));
        out.push(match parsed {
            Ok(true) => Ok(Some(record.clone())),
            Ok(false) => Ok(None),
            Err(fault) => Err(fault.reason),
        });
        at = end + 1;
    }
    out
}

fn one(text: &[u8]) -> Result<Option<Record>, Reason> {
    parse_all(text, &mut Fields::all(), Level::best()).remove(0)
}

/// A span as the value that `serde_json` would make of it.
fn as_value(span: Span, block: &[u8]) -> Value {
    let bytes = span.bytes(block);
    match span.kind {
        SpanKind::Str => Value::String(String::from_utf8(bytes.to_vec()).unwrap()),
        SpanKind::Escaped => Value::String(String::from_utf8(unescape(bytes).to_vec()).unwrap()),
        _ => serde_json::from_slice(bytes).unwrap(),
    }
}

fn agree(line: &[u8], level: Level) {
    let mut fields = Fields::all();
    // Damage may leave nothing, which has no lines.
    let Some(ours) = parse_all(line, &mut fields, level).into_iter().next() else {
        assert!(line.is_empty());
        return;
    };
    let theirs: Result<Value, _> = serde_json::from_slice(line);
    match (&ours, &theirs) {
        (Ok(Some(record)), Ok(Value::Object(map))) => {
            for (key, value) in map {
                let id = fields.find(&super::shape_path(key)).unwrap();
                assert_eq!(&as_value(record.get(id), line), value, "{key} {level}");
            }
            let top = record.present().filter(|(id, _)| !has_dot(fields.name(*id))).count();
            assert_eq!(top, map.len());
        }
        (Err(Reason::NotObject), Ok(value)) => assert!(!value.is_object()),
        (Err(_), Err(_)) => {}
        (Ok(None), Err(_)) => assert!(line.iter().all(|b| b" \t\r".contains(b))),
        _ => panic!("{:?}: ours {ours:?}, theirs {theirs:?}", String::from_utf8_lossy(line)),
    }
}

/// Whether a path has more than one key.
fn has_dot(path: &str) -> bool {
    path.replace("\\\\", "").replace("\\.", "").contains('.')
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,80}".prop_map(Value::from),
        "[\\\\\"/\n\u{1}a\u{1F600}é]{0,70}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::hash_map("[a-c.\\\\\"é]{0,3}", inner, 0..5)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn valid_json_gives_the_same_as_serde_json(v in value(), k in "[a-z]{1,20}") {
        let line = serde_json::to_vec(&serde_json::json!({ k: v, "z": 1 })).unwrap();
        Level::available().into_iter().for_each(|level| agree(&line, level));
    }

    #[test]
    fn damaged_json_is_judged_as_serde_json_does(
        v in value(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), 0usize..12), 1..4),
    ) {
        let mut line = serde_json::to_vec(&serde_json::json!({ "a": v, "b": [1, {"c": "d"}] })).unwrap();
        for (at, kind) in damage {
            if line.is_empty() {
                break;
            }
            let at = at.index(line.len());
            match kind {
                0 => { line.remove(at); }
                1 => line.truncate(at.max(1)),
                k => line.insert(at, b"\"\\{}[],: \t"[k - 2]),
            }
        }
        Level::available().into_iter().for_each(|level| agree(&line, level));
    }

    #[test]
    fn any_bytes_are_judged_as_serde_json_does(
        line in proptest::collection::vec(
            prop::sample::select(&b"{}[],:\"\\ue0123.+- tfnrals\x01\x80\xc3\xa9"[..]), 1..30),
    ) {
        Level::available().into_iter().for_each(|level| agree(&line, level));
        let mut object = b"{\"a\":".to_vec();
        object.extend_from_slice(&line);
        object.push(b'}');
        Level::available().into_iter().for_each(|level| agree(&object, level));
    }
}

#[test]
fn each_rule_has_its_reason() {
    let cases: &[(&[u8], Reason)] = &[
        (b"{\"a\":1", Reason::EndsEarly),
        (b"{\"a\":\"x", Reason::EndsEarly),
        (b"{\"a\":tr", Reason::EndsEarly),
        (b"{\"a\"", Reason::EndsEarly),
        (b"{\"a\":}", Reason::Unexpected),
        (b"{\"a\":1,}", Reason::Unexpected),
        (b"{'a':1}", Reason::Unexpected),
        (b"{\"a\" 1}", Reason::Unexpected),
        (b"{\"a\":1}}", Reason::Trailing),
        (b"{\"a\":1} {}", Reason::Trailing),
        (b"[1,2]", Reason::NotObject),
        (b"17", Reason::NotObject),
        (b"{\"a\":\"\x01\"}", Reason::Control),
        (b"{\"a\":\"\\q\"}", Reason::Escape),
        (b"{\"a\":\"\\u12\"}", Reason::Escape),
        (b"{\"a\":\"\\ud800\"}", Reason::Escape),
        (b"{\"a\":\"\\udc00\"}", Reason::Escape),
        (b"{\"a\":\"\\ud800\\u0041\"}", Reason::Escape),
        (b"{\"a\":\"\xff\"}", Reason::Utf8),
        (b"{\"a\":01}", Reason::Number),
        (b"{\"a\":-}", Reason::Number),
        (b"{\"a\":1.}", Reason::Number),
        (b"{\"a\":1e}", Reason::Number),
        (b"{\"a\":1e999}", Reason::Number),
        (b"{\"a\":.5}", Reason::Unexpected),
        (b"{\"a\":+1}", Reason::Unexpected),
        (b"{\"a\":NaN}", Reason::Unexpected),
        (b"{\"a\":\0}", Reason::Unexpected),
    ];
    for (line, reason) in cases {
        let text = String::from_utf8_lossy(line);
        assert_eq!(one(line).err(), Some(*reason), "{text}");
        assert!(serde_json::from_slice::<Value>(line).is_err() || *reason == Reason::NotObject);
        // The same with a good line before and after, which stay good.
        let three = [b"{\"a\":2}\n", *line, b"\n{\"a\":3}\n"].concat();
        let all = parse_all(&three, &mut Fields::all(), Level::best());
        assert_eq!(
            all.iter().map(Result::is_ok).collect::<Vec<_>>(),
            [true, false, true],
            "{text}"
        );
    }
}

#[test]
fn depth_is_bounded_as_in_serde_json() {
    for depth in [126, 127, 128, 129, 100_000] {
        let line = [b"{\"a\":".as_slice(), &b"[".repeat(depth - 1), &b"]".repeat(depth - 1), b"}"]
            .concat();
        let theirs = serde_json::from_slice::<Value>(&line);
        assert_eq!(one(&line).is_ok(), theirs.is_ok(), "{depth}");
    }
}

#[test]
fn only_the_fields_wanted_are_kept_and_the_whole_line_is_checked() {
    let text = b"{\"x\":[1,{\"y\":2}],\"a\":{\"b\":\"v\",\"c\":0},\"l\":[5,6]}\n{\"a\":{\"b\":1},\"x\":tru}\n";
    let mut fields = Fields::only(&["a.b", "l.1"]);
    let all = parse_all(text, &mut fields, Level::best());
    let record = all[0].as_ref().unwrap().as_ref().unwrap();
    let of = |name| record.get(fields.find(name).unwrap()).bytes(text);
    assert_eq!((of("a.b"), of("l.1")), (&b"v"[..], &b"6"[..]));
    assert_eq!(record.present().count(), 2);
    assert_eq!(all[1].as_ref().err(), Some(&Reason::Unexpected));
}

#[test]
fn keys_with_dots_are_reached_by_path_and_named_ones_first() {
    let text = b"{\"a.b.c\":1}\n{\"a\":{\"b.c\":2}}\n{\"a.b\":{\"c\":3}}\n{\"a\":{\"b\":{\"c\":4}}}\n{\"x.y\":5,\"x\":{\"y\":6}}\n";
    let mut fields = Fields::only(&["a.b.c", "x.y", "x\\.y"]);
    fields.dotted = true;
    let all = parse_all(text, &mut fields, Level::best());
    let of = |line: usize, name| {
        let record = all[line].as_ref().unwrap().as_ref().unwrap();
        record.get(fields.find(name).unwrap()).bytes(text)
    };
    for line in 0..4 {
        assert_eq!(of(line, "a.b.c"), (line + 1).to_string().as_bytes());
    }
    assert_eq!((of(4, "x\\.y"), of(4, "x.y")), (&b"5"[..], &b"6"[..]));
}

#[test]
fn the_last_of_duplicate_keys_counts_with_all_below_it() {
    let text = br#"{"a":{"b":1,"c":2},"d":1,"a":{"c":3},"d":"x"}"#;
    let mut fields = Fields::only(&["a.b", "a.c", "d"]);
    let all = parse_all(text, &mut fields, Level::best());
    let record = all[0].as_ref().unwrap().as_ref().unwrap();
    let of = |name| record.get(fields.find(name).unwrap());
    assert!(!of("a.b").is_present());
    assert_eq!((of("a.c").bytes(text), of("d").bytes(text)), (&b"3"[..], &b"x"[..]));
}

#[test]
fn keys_in_another_order_missing_escaped_or_new_are_found() {
    let text = b"{\"ts\":1,\"status\":200,\"ua\":\"x\"}\n{\"ua\":\"y\",\"status\":201}\n{\"new\":0, \"\\u0073tatus\" : 202 }\n{\"status2\":9,\"statu\":8,\"status\":203}\n";
    let mut fields = Fields::only(&["status"]);
    let id = fields.find("status").unwrap();
    let all = parse_all(text, &mut fields, Level::best());
    let got: Vec<_> =
        all.iter().map(|r| r.as_ref().unwrap().as_ref().unwrap().get(id).bytes(text)).collect();
    assert_eq!(got, [b"200", b"201", b"202", b"203"]);
}

#[test]
fn a_blank_line_is_no_record_and_not_bad() {
    assert!(matches!(one(b" \t\r"), Ok(None)));
}
