//! What was learnt of the lines before never changes what is made of a line.

use std::collections::BTreeMap;

use cutwater_sys::simd::Level;
use proptest::prelude::*;

use super::super::JsonParser;
use crate::bad::Reason;
use crate::record::{Fields, Record, SpanKind};

/// The fields of a line by name, with their kinds and bytes; or what is wrong with it, and where in
/// the line. Nothing for a blank line.
type Seen = Option<Result<BTreeMap<String, (SpanKind, Vec<u8>)>, (Reason, usize)>>;

/// What one parser makes of lines that come one after the other.
fn lines(text: &[u8], wanted: Option<&[&str]>, level: Level) -> Vec<Seen> {
    let mut fields = wanted.map_or_else(Fields::all, Fields::only);
    let mut parser = JsonParser::with_level(&fields, level);
    parser.begin_block(text);
    let mut record = Record::default();
    let mut seen = Vec::new();
    let mut at = 0;
    while at < text.len() {
        record.clear();
        let (end, parsed) = parser.parse(text, at, &mut fields, &mut record);
        seen.push(match parsed {
            Ok(true) => {
                let of = |(id, span): (_, crate::record::Span)| {
                    (fields.name(id).to_owned(), (span.kind, span.bytes(text).to_vec()))
                };
                Some(Ok(record.present().map(of).collect()))
            }
            Ok(false) => None,
            Err(fault) => Some(Err((fault.reason, fault.at - at))),
        });
        at = end + 1;
    }
    seen
}

/// Together and each by itself, lines must be the same.
fn agree(all: &[Vec<u8>]) {
    let text = all.join(&b'\n');
    for level in Level::available() {
        for wanted in [None, Some(&["a", "b.c", "d", "e"][..]), Some(&[])] {
            let together = lines(&text, wanted, level);
            let alone: Vec<_> = text
                .split(|&b| b == b'\n')
                .flat_map(|line| {
                    lines(line, wanted, level).into_iter().chain(
                        // An empty line has no lines of its own.
                        line.is_empty().then_some(None),
                    )
                })
                .take(together.len())
                .collect();
            assert_eq!(together, alone, "{level} {wanted:?} {}", String::from_utf8_lossy(&text));
        }
    }
}

/// A value as it stands in a line.
fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "\"[ -!#-\\[\\]-~]{0,80}\"",
        1 => "\"[a\\\\\"é\u{1}u0-9]{0,6}\"",
        1 => "\"(\\\\n|\\\\\"|\\\\u0041|é|x){0,5}\"",
        3 => "-?[0-9]{1,12}(\\.[0-9]{1,9})?",
        1 => "[-+.0-9eE]{1,9}",
        1 => prop::sample::select(vec!["true", "false", "null", "tru", "nul", "[]", "{}", "[1,2]"])
            .prop_map(str::to_owned),
    ]
}

/// Texts between values, `#` for a value.
const FORMS: [&str; 8] = [
    r##"{"a":#,"b":{"c":#,"x":#},"d":#}"##,
    r##"{"a": #, "d": #, "e": #}"##,
    r##"{"a":#,"other":#,"e":#,"a long key of more than sixteen bytes":#}"##,
    r##"{"a":#,"a":#}"##,
    r##"{"b":{"c":#},"b":{"x":#}}"##,
    r##"{"b":{"c":#},"b":#}"##,
    r##"{"l":[#,#,{"c":#}],"é":#}  "##,
    r##" {"d":#,"e":[#]}"##,
];

fn line() -> impl Strategy<Value = Vec<u8>> {
    let damage = proptest::option::weighted(0.15, (any::<prop::sample::Index>(), 0usize..11));
    (0..FORMS.len(), proptest::collection::vec(scalar(), 4), damage).prop_map(
        |(form, values, damage)| {
            let mut values = values.into_iter();
            let filled =
                FORMS[form].split_inclusive('#').map(|text| match text.strip_suffix('#') {
                    Some(text) => format!("{text}{}", values.next().unwrap()),
                    None => text.to_owned(),
                });
            let mut line = filled.collect::<String>().into_bytes();
            if let Some((at, kind)) = damage {
                let at = at.index(line.len());
                match kind {
                    0 => drop(line.remove(at)),
                    1 => line.truncate(at),
                    k => line.insert(at, b"\"\\{}[],: \xff"[k - 2]),
                }
            }
            line.retain(|&b| b != b'\n');
            line
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn lines_are_the_same_alone_and_behind_others(all in proptest::collection::vec(line(), 1..24)) {
        agree(&all);
    }

    #[test]
    fn lines_of_few_forms_are_the_same_alone_and_behind_others(
        first in line(),
        values in proptest::collection::vec(proptest::collection::vec(scalar(), 4), 1..40),
        form in 0..FORMS.len(),
    ) {
        let filled = values.into_iter().map(|values| {
            let mut values = values.into_iter();
            let texts = FORMS[form].split('#').map(str::to_owned);
            let joined: Vec<String> =
                texts.flat_map(|text| [text, values.next().unwrap_or_default()]).collect();
            let count = FORMS[form].matches('#').count();
            joined[..2 * count + 1].concat().into_bytes()
        });
        agree(&[first].into_iter().chain(filled).collect::<Vec<_>>());
    }
}

#[test]
fn a_line_like_one_before_has_its_own_values() {
    let text = b"{\"a\":1,\"b\":{\"c\":\"x\"},\"d\":true}\n{\"a\":22.5,\"b\":{\"c\":\"y\\n\"},\"d\":null}\n";
    let seen = lines(text, Some(&["a", "b.c", "d"]), Level::best());
    let of = |name: &str| seen[1].as_ref().unwrap().as_ref().unwrap()[name].clone();
    assert_eq!(of("a"), (SpanKind::Float, b"22.5".to_vec()));
    assert_eq!(of("b.c"), (SpanKind::Escaped, b"y\\n".to_vec()));
    assert_eq!(of("d"), (SpanKind::Null, b"null".to_vec()));
}

#[test]
fn a_bad_value_in_a_line_like_one_before_is_found() {
    let good = r#"{"a":17,"t":"x","z":1.5}"#;
    for bad in [
        r#"{"a":017,"t":"x","z":1.5}"#,
        r#"{"a":1.7.1,"t":"x","z":1.5}"#,
        r#"{"a":.7,"t":"x","z":1.5}"#,
        r#"{"a":7.,"t":"x","z":1.5}"#,
        r#"{"a":,"t":"x","z":1.5}"#,
        r#"{"a":1 7,"t":"x","z":1.5}"#,
        r#"{"a":1e999,"t":"x","z":1.5}"#,
        r#"{"a":17,"t":"\q","z":1.5}"#,
        "{\"a\":17,\"t\":\"\x01\",\"z\":1.5}",
        r#"{"a":17,"t":"x","z":1.5}}"#,
        r#"{"a":17,"t":"x","z":00}"#,
        r#"{"a":17,"t":"x","z":1.5"#,
    ] {
        let text = [good, good, bad, good].join("\n");
        let seen = lines(text.as_bytes(), Some(&["a"]), Level::best());
        let good_ones: Vec<_> = seen.iter().map(|s| matches!(s, Some(Ok(_)))).collect();
        assert_eq!(good_ones, [true, true, false, true], "{bad}");
    }
}

#[test]
fn lines_of_ever_new_forms_are_parsed_and_what_is_learnt_stays_small() {
    let line = |n: usize| format!("{{\"k{n}\":{n},\"a\":{}}}\n", n % 7);
    let text: String = (0..3000).map(line).collect();
    let seen = lines(text.as_bytes(), Some(&["a"]), Level::best());
    assert_eq!(seen.len(), 3000);
    for (n, seen) in seen.iter().enumerate() {
        let value = &seen.as_ref().unwrap().as_ref().unwrap()["a"];
        assert_eq!(value.1, (n % 7).to_string().into_bytes());
    }
}

#[test]
fn a_block_that_is_no_utf_8_is_judged_line_by_line() {
    let text = b"{\"a\":\"\xc3\xa9\"}\n{\"a\":\"\xff\"}\n{\"a\":\"\xc3\xa9\"}\n";
    let seen = lines(text, Some(&["a"]), Level::best());
    assert!(matches!(&seen[0], Some(Ok(_))) && matches!(&seen[2], Some(Ok(_))));
    assert_eq!(seen[1], Some(Err((Reason::Utf8, 6))));
}
