//! Conditions joined in all ways give the lines that a plain evaluator over `serde_json` gives,
//! whatever is searched for in raw bytes before.

use std::fs;
use std::ops::ControlFlow;

use cutwater::ReadPath;
use cutwater_logs::filter::{Filter, LINE};
use cutwater_logs::format::{Definition, Format};
use cutwater_logs::scan::{Lines, Part, Request, Rows, count_literals, open, scan};
use cutwater_logs::split::Stop;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde_json::Value;

#[derive(Debug, Clone)]
enum Tree {
    Test {
        field: &'static str,
        operator: &'static str,
        value: &'static str,
        quoted: bool,
    },
    Not(Box<Self>),
    All(Vec<Self>),
    Any(Vec<Self>),
    /// Parentheses that change nothing.
    Inside(Box<Self>),
}

const FIELDS: [&str; 5] = ["a", "b", "not", "o.x", LINE];
const OPERATORS: [&str; 11] = ["=", "==", "!=", "<", "<=", ">", ">=", "~", "!~", "=~", "!=~"];
const VALUES: [&str; 10] = ["err", "error", "rr", "e", "7", "1.50", "-3", "f(x)", "x y", "\"q\""];

/// Values of records, as JSON.
const JSON: [&str; 14] = [
    "\"err\"",
    "\"error\"",
    "\"\\u0065rror\"",
    "\"terror f(x)\"",
    "\"x y\"",
    "\"\\\"q\\\"\"",
    "\"7\"",
    "7",
    "7.0",
    "1.5",
    "-3",
    "true",
    "null",
    "\"\"",
];

fn tree() -> impl Strategy<Value = Tree> {
    let one_of = |all: &'static [&'static str]| proptest::sample::select(all);
    let leaf = (one_of(&FIELDS), one_of(&OPERATORS), one_of(&VALUES), any::<bool>());
    let leaf = leaf.prop_map(|(field, operator, value, quoted)| Tree::Test {
        field,
        operator,
        value,
        quoted,
    });
    leaf.prop_recursive(4, 24, 4, |inner| {
        let some = proptest::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            inner.clone().prop_map(|t| Tree::Not(Box::new(t))),
            inner.prop_map(|t| Tree::Inside(Box::new(t))),
            some.clone().prop_map(Tree::All),
            some.prop_map(Tree::Any),
        ]
    })
}

impl Tree {
    /// As text with no more parentheses than needed; `level` is how close what is outside binds.
    fn text(&self, level: u8) -> String {
        let joined = |trees: &[Self], word: &str, own: u8| {
            let parts: Vec<_> = trees.iter().map(|t| t.text(own + 1)).collect();
            if level > own && parts.len() > 1 {
                format!("({})", parts.join(word))
            } else if parts.len() > 1 {
                parts.join(word)
            } else {
                trees[0].text(level)
            }
        };
        match self {
            Self::Any(trees) => joined(trees, " or ", 0),
            Self::All(trees) => joined(trees, " AND ", 1),
            Self::Not(tree) => format!("not {}", tree.text(2)),
            Self::Inside(tree) => format!("( {})", tree.text(0)),
            Self::Test { field, operator, value, quoted } => {
                let bare = !quoted && !value.contains([' ', '"']);
                let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
                let value = if bare { (*value).to_owned() } else { format!("\"{escaped}\"") };
                format!("{field} {operator}{value}")
            }
        }
    }

    fn holds(&self, line: &str, record: &Value) -> bool {
        match self {
            Self::Any(trees) => trees.iter().any(|t| t.holds(line, record)),
            Self::All(trees) => trees.iter().all(|t| t.holds(line, record)),
            Self::Not(tree) => !tree.holds(line, record),
            Self::Inside(tree) => tree.holds(line, record),
            Self::Test { field, operator, value, .. } => {
                let held = found(field, line, record).is_some_and(|text| {
                    test(&text, operator.trim_start_matches('!'), value, *field == LINE)
                });
                held != operator.starts_with('!')
            }
        }
    }
}

fn found(field: &str, line: &str, record: &Value) -> Option<String> {
    let value = match field {
        LINE => return Some(line.into()),
        "o.x" => record.get("o")?.get("x")?,
        _ => record.get(field)?,
    };
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn test(text: &str, operator: &str, value: &str, whole_line: bool) -> bool {
    let number = |text: &str| text.parse::<f64>().ok().filter(|_| !whole_line);
    let order = match (number(text), number(value)) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        // A text has no order with a number.
        (None, Some(_)) if operator.starts_with(['<', '>']) => return false,
        _ => text.as_bytes().cmp(value.as_bytes()),
    };
    match operator {
        "=" | "==" => order.is_eq(),
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        ">=" => order.is_ge(),
        "~" => text.contains(value),
        _ => regex::Regex::new(value).expect("a pattern").is_match(text),
    }
}

fn line() -> impl Strategy<Value = String> {
    let value = || proptest::option::of(proptest::sample::select(&JSON[..]));
    (value(), value(), value(), value()).prop_map(|(a, b, not, x)| {
        let mut members: Vec<String> = [("a", a), ("b", b), ("not", not)]
            .into_iter()
            .filter_map(|(name, value)| Some(format!("\"{name}\":{}", value?)))
            .collect();
        members.extend(x.map(|x| format!("\"o\":{{\"x\":{x}}}")));
        format!("{{{}}}", members.join(","))
    })
}

proptest! {
    #[test]
    fn the_lines_that_pass_are_those_of_a_plain_evaluator(
        tree in tree(),
        lines in proptest::collection::vec(line(), 0..24),
        threads in 1usize..3,
    ) {
        let text = tree.text(0);
        let is_wanted = |line: &&String| {
            tree.holds(line, &serde_json::from_str::<Value>(line).unwrap())
        };
        let wanted: Vec<&String> = lines.iter().filter(is_wanted).collect();

        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), lines.iter().map(|l| format!("{l}\n")).collect::<String>()).unwrap();
        let given = Definition::Known(Format::Json);
        let logs = [open(file.path(), ReadPath::Preadv, Some(&given), &TimeZone::UTC).unwrap()];
        let mut request = Request::new(threads);
        (request.limits.piece_bytes, request.limits.block_bytes) = (90, 256);
        request.examine_all = false;
        request.filter = Filter::parse(&text, &TimeZone::UTC).unwrap();
        let mut got = Vec::new();
        let each = |_: usize, part: &mut Part<Rows>| {
            got.extend_from_slice(&part.out.text);
            ControlFlow::Continue(())
        };
        scan(&logs, &request, &Stop::default(), Lines::default, each);
        let got = String::from_utf8(got).unwrap();
        prop_assert_eq!(got.lines().collect::<Vec<_>>(), wanted.clone(), "{}", &text);

        // Where raw bytes decide, counting them is enough.
        let literals = request.filter.literals().filter(|found| found.decide);
        if let Some(literals) = literals {
            let stop = Stop::default();
            let (counted, _) = count_literals(&logs, &request, &stop, &literals.texts);
            prop_assert_eq!(counted[0].matched, wanted.len() as u64, "{}", &text);
        }
    }
}
