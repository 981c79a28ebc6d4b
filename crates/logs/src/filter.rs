//! Which records are wanted: `status >= 500 and path ~ "/api/"`.

use std::cmp::Ordering;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use memchr::memmem;
use regex::bytes::Regex;

use crate::record::{FieldId, Fields, Record, Span, SpanKind};
use crate::time::{Clock, Nanos, Rules, parse_when};
use crate::value;
use crate::{Error, Result};

/// The name that stands for the whole line, as its raw bytes.
pub const LINE: &str = "_line";

/// A comparison of a field with a value.
#[derive(Debug, Clone)]
struct Condition {
    field: String,
    test: Test,
    /// Whether the records that fail the test are the ones wanted.
    negated: bool,
}

#[derive(Debug, Clone)]
enum Test {
    Equal(Vec<u8>, Option<f64>, Option<Nanos>),
    Order(fn(Ordering) -> bool, Vec<u8>, Option<f64>, Option<Nanos>),
    Contains(Box<memmem::Finder<'static>>),
    Matches(Regex),
}

/// Conditions, all of which must hold.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    conditions: Vec<Condition>,
    since: Option<Nanos>,
    until: Option<Nanos>,
}

/// The operators, the longer ones first.
const OPERATORS: [&str; 10] = ["!=~", "=~", "!~", "!=", "<=", ">=", "==", "=", "<", ">"];

impl Filter {
    /// Understands conditions joined by `and`: `FIELD OP VALUE`, where OP is `=`, `!=`, `<`,
    /// `<=`, `>`, `>=`, `~` (contains), `!~`, `=~` (matches a regular expression) or `!=~`,
    /// and VALUE is a word or quoted. [`LINE`] is the whole line.
    ///
    /// A record without the field fails each test, so it passes the negated ones. Numbers
    /// are compared as numbers where both sides are, times as times, all else as bytes.
    ///
    /// # Errors
    /// When a condition is not of this shape, or its regular expression is none.
    pub fn parse(text: &str, zone: &TimeZone) -> Result<Self> {
        let mut filter = Self::default();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (condition, after) = condition(rest, zone)?;
            filter.conditions.push(condition);
            rest = after.trim_start();
            if rest.is_empty() {
                break;
            }
            let (joint, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            if !joint.eq_ignore_ascii_case("and") || after.trim().is_empty() {
                return Err(not_joined(joint, rest, text));
            }
            rest = after.trim_start();
        }
        Ok(filter)
    }

    /// Adds another's conditions.
    pub fn and(&mut self, other: Self) {
        self.conditions.extend(other.conditions);
    }

    /// Keeps to records from `since` on and before `until`.
    pub fn between(&mut self, since: Option<Nanos>, until: Option<Nanos>) {
        self.since = since;
        self.until = until;
    }

    /// Whether every record passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty() && !self.needs_time()
    }

    /// Whether records are chosen by time.
    #[must_use]
    pub fn needs_time(&self) -> bool {
        self.since.is_some() || self.until.is_some()
    }

    /// Whether only raw lines are looked at, so that nothing need be parsed.
    #[must_use]
    pub fn is_raw(&self) -> bool {
        !self.needs_time() && self.conditions.iter().all(|c| c.field == LINE)
    }

    /// The fields that are looked at.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.conditions.iter().map(|c| c.field.as_str()).filter(|&f| f != LINE)
    }

    /// A literal without which a line cannot pass, unless it has a backslash: for a search
    /// over raw bytes before anything is parsed. Also whether it is all there is to test.
    #[must_use]
    pub fn literal(&self) -> Option<(&[u8], bool)> {
        let literals =
            self.conditions.iter().filter(|c| !c.negated).filter_map(|c| match &c.test {
                Test::Contains(finder) => Some((finder.needle(), c.field == LINE)),
                Test::Equal(text, None, None) if c.field != LINE => Some((text.as_slice(), false)),
                _ => None,
            });
        let longest = literals.filter(|(text, _)| !text.is_empty()).max_by_key(|(t, _)| t.len());
        longest.map(|(text, raw)| (text, raw && self.conditions.len() == 1 && !self.needs_time()))
    }

    /// Ready for the records of one file.
    #[must_use]
    pub fn bind(&self, fields: &mut Fields) -> Bound {
        let bind = |c: &Condition| {
            let field =
                if c.field == LINE { Place::Line } else { Place::Field(fields.add(&c.field)) };
            (field, c.clone())
        };
        let conditions = self.conditions.iter().map(bind).collect();
        Bound { conditions, since: self.since, until: self.until }
    }
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Line,
    Field(Option<FieldId>),
}

/// A [`Filter`] with its fields found.
#[derive(Debug, Clone)]
pub struct Bound {
    conditions: Vec<(Place, Condition)>,
    since: Option<Nanos>,
    until: Option<Nanos>,
}

impl Bound {
    /// Whether a record passes; `time` where it has one, `clock` for the times of other fields.
    #[inline]
    #[must_use]
    pub fn passes(
        &self,
        block: &[u8],
        line: &[u8],
        record: &Record,
        time: Option<Nanos>,
        clock: &mut Clock,
    ) -> bool {
        let asks_nothing =
            self.conditions.is_empty() && self.since.is_none() && self.until.is_none();
        asks_nothing || self.passes_tests(block, line, record, time, clock)
    }

    fn passes_tests(
        &self,
        block: &[u8],
        line: &[u8],
        record: &Record,
        time: Option<Nanos>,
        clock: &mut Clock,
    ) -> bool {
        self.in_time(time)
            && self.conditions.iter().all(|(place, condition)| {
                let held = match place {
                    Place::Line => condition.test.holds_for(line, None, None),
                    Place::Field(field) => field.is_some_and(|id| {
                        let span = record.get(id);
                        value::text(span, block).is_some_and(|text| {
                            let asked = condition.test.number();
                            let number = asked.and_then(|_| number_of(span, block, &text));
                            let time = condition.test.time().and_then(|_| clock.parse(&text));
                            condition.test.holds_for(&text, number, time)
                        })
                    }),
                };
                held != condition.negated
            })
    }

    fn in_time(&self, time: Option<Nanos>) -> bool {
        if self.since.is_none() && self.until.is_none() {
            return true;
        }
        time.is_some_and(|t| self.since.is_none_or(|s| t >= s) && self.until.is_none_or(|u| t < u))
    }
}

/// The number that a value is, also one whose text has escapes.
#[inline]
fn number_of(span: Span, block: &[u8], text: &[u8]) -> Option<f64> {
    match span.kind {
        SpanKind::Escaped => value::parse_number(text),
        _ => value::number(span, block),
    }
}

impl Test {
    fn number(&self) -> Option<f64> {
        match self {
            Self::Equal(_, number, _) | Self::Order(_, _, number, _) => *number,
            Self::Contains(_) | Self::Matches(_) => None,
        }
    }

    fn time(&self) -> Option<Nanos> {
        match self {
            Self::Equal(_, _, time) | Self::Order(_, _, _, time) => *time,
            Self::Contains(_) | Self::Matches(_) => None,
        }
    }

    fn holds_for(&self, text: &[u8], number: Option<f64>, time: Option<Nanos>) -> bool {
        match self {
            Self::Equal(want, want_number, want_time) => {
                match (number, want_number, time, want_time) {
                    (Some(a), Some(b), ..) => value::order((a, text), (*b, want)).is_eq(),
                    (.., Some(a), Some(b)) => a == *b,
                    _ => text == want,
                }
            }
            Self::Order(accepts, want, want_number, want_time) => {
                let order = match (number, want_number, time, want_time) {
                    (Some(a), Some(b), ..) => Some(value::order((a, text), (*b, want))),
                    (.., Some(a), Some(b)) => Some(a.cmp(b)),
                    _ => Some(text.cmp(want.as_slice())),
                };
                order.is_some_and(accepts)
            }
            Self::Contains(finder) => finder.find(text).is_some(),
            Self::Matches(regex) => regex.is_match(text),
        }
    }
}

/// What to say where something else than `and` follows a condition.
fn not_joined(joint: &str, rest: &str, text: &str) -> Error {
    if joint.eq_ignore_ascii_case("or") {
        return Error::request(format!(
            "conditions are joined by `and` only, and there is an `or` in {text:?}; for values of \
             one field use a pattern, as in level=~\"^(warn|error)$\", or ask in SQL: cutwater query"
        ));
    }
    Error::request(format!(
        "expected `and` before {rest:?} in the condition {text:?}; \
         a value with spaces needs quotes, as in message~\"timed out\""
    ))
}

/// The condition that `text` begins with, and what follows it.
fn condition<'a>(text: &'a str, zone: &TimeZone) -> Result<(Condition, &'a str)> {
    let shape = || {
        Error::request(format!(
            "{text:?} is no condition; it should look like status>=500 or path~\"/api/\""
        ))
    };
    let end = text.find(|c: char| c.is_whitespace() || "=!<>~".contains(c)).ok_or_else(shape)?;
    let (field, rest) = text.split_at(end);
    let rest = rest.trim_start();
    let found = OPERATORS.iter().copied().chain(["~"]).find(|op| rest.starts_with(op));
    let operator = found.filter(|_| !field.is_empty()).ok_or_else(shape)?;
    let (value, after) = word(rest[operator.len()..].trim_start()).ok_or_else(shape)?;
    let test = test(operator, &value, zone)?;
    let negated = operator.starts_with('!');
    Ok((Condition { field: field.into(), test, negated }, after))
}

fn test(operator: &str, text: &str, zone: &TimeZone) -> Result<Test> {
    let number = value::parse_number(text.as_bytes());
    let bytes = text.as_bytes().to_vec();
    let accepts: fn(Ordering) -> bool = match operator {
        "<" => Ordering::is_lt,
        "<=" => Ordering::is_le,
        ">" => Ordering::is_gt,
        ">=" => Ordering::is_ge,
        "~" | "!~" => {
            return Ok(Test::Contains(Box::new(memmem::Finder::new(&bytes).into_owned())));
        }
        "=~" | "!=~" => {
            return Regex::new(text)
                .map(Test::Matches)
                .map_err(|e| Error::request(format!("{text:?} is no regular expression: {e}")));
        }
        _ => {
            // A word that could be a time, like "now", is a word; a stamp is meant as one.
            let rules = Rules { zone: zone.clone(), reference_s: Timestamp::now().as_second() };
            let stamp = Clock::new(rules).parse(text.as_bytes()).filter(|_| number.is_none());
            return Ok(Test::Equal(bytes, number, stamp));
        }
    };
    let time = parse_when(text, zone, Timestamp::now()).ok().filter(|_| number.is_none());
    Ok(Test::Order(accepts, bytes, number, time))
}

/// A word, or what stands in quotes, with `\"` and `\\` in it resolved; and what follows.
fn word(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''));
    let Some(quote) = quote else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_owned(), &text[end..]));
    };
    let mut out = String::new();
    let mut chars = text[1..].char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(&(_, next))) if next == quote || next == '\\' => {
                out.push(next);
                chars.next();
            }
            (c, _) if c == quote => return Some((out, &text[1 + at + 1..])),
            (c, _) => out.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::Filter;
    use crate::json::JsonParser;
    use crate::record::{Fields, Record};
    use crate::time::{Clock, Rules};

    fn passes(condition: &str, line: &str) -> bool {
        let filter = Filter::parse(condition, &TimeZone::UTC).unwrap();
        let mut fields = Fields::only(&filter.fields().collect::<Vec<_>>());
        let bound = filter.bind(&mut fields);
        let mut parser = JsonParser::new(&fields);
        let mut record = Record::default();
        parser.begin_block(line.as_bytes());
        parser.parse(line.as_bytes(), 0, &mut fields, &mut record).1.unwrap();
        let mut clock = Clock::new(Rules { zone: TimeZone::UTC, reference_s: 1_773_100_800 });
        bound.passes(line.as_bytes(), line.as_bytes(), &record, None, &mut clock)
    }

    #[test]
    fn each_operator_does_what_it_says() {
        let line = r#"{"status":503,"path":"/api/\u0065rror","lat":1.50,"s":"9","n":null}"#;
        for yes in [
            "status=503",
            "status==503",
            "status>=500",
            "status>499",
            "status<504",
            "status<=503",
            "status!=200",
            "path~error",
            "path ~ 'api/e'",
            "path=/api/error",
            "path!~xyz",
            "path=~^/api/e.*r$",
            "path!=~^x",
            "lat=1.5",
            "s>8",
            "s<10",
            "missing!=1",
            "missing!~x",
            "status=503 and path~\"error\"",
            "_line~u0065",
            "_line!~nothing",
        ] {
            assert!(passes(yes, line), "{yes}");
        }
        for no in [
            "status=200",
            "status>503",
            "status<503",
            "path~xyz",
            "path=/api/",
            "path=~^api",
            "missing=1",
            "missing~x",
            "missing>0",
            "n=null",
            "status=503 and path~xyz",
            "_line~error\"",
        ] {
            assert!(!passes(no, line), "{no}");
        }
    }

    /// Whether just these conditions hold for a line.
    fn told_apart(line: &str, hold: &[&str], do_not: &[&str]) {
        for condition in hold {
            assert!(passes(condition, line), "{condition}");
        }
        for condition in do_not {
            assert!(!passes(condition, line), "not {condition}");
        }
    }

    #[test]
    fn integers_past_what_a_double_holds_are_told_apart() {
        let line = r#"{"id":9007199254740993,"big":18446744073709551616,"t":"\u0031"}"#;
        let hold = [
            "id=9007199254740993",
            "id=9007199254740993.0",
            "id!=9007199254740992",
            "id>9007199254740992",
            "id<9007199254740994",
            "id>=90071992547409929e-1",
            "big>18446744073709551615",
            "big=18446744073709551616",
            "t=1.0",
            "t=1 AND id>0",
        ];
        let do_not = ["id=9007199254740992", "id<=9007199254740992", "big<=18446744073709551615"];
        told_apart(line, &hold, &do_not);
    }

    #[test]
    fn times_compare_as_times_whatever_their_zone_and_their_field() {
        let line =
            r#"{"ts":"2024-03-01T05:00:00+05:30","made":"2024-02-29T23:59:59.5-08:00","n":"x"}"#;
        let hold = [
            "ts<2024-03-01",
            "ts>=2024-02-29T23:30:00Z",
            "ts=2024-02-29T23:30:00Z",
            "ts!=2024-03-01T05:00:00Z",
            "made>2024-03-01T07:59:59Z",
            "made<2024-03-01T08:00:00Z",
            "made=2024-03-01T07:59:59.500Z",
            "n=x",
            "n!=2024-03-01",
        ];
        let do_not = ["ts>=2024-03-01", "ts=2024-03-01T05:00:00Z", "made<2024-03-01"];
        told_apart(line, &hold, &do_not);
    }

    #[test]
    fn an_or_is_refused_with_what_to_do_instead() {
        let error = Filter::parse("a=1 or a=2", &TimeZone::UTC).unwrap_err().to_string();
        assert!(error.contains("cutwater query"), "{error}");
        assert!(Filter::parse("a=1 and", &TimeZone::UTC).is_err());
    }

    #[test]
    fn what_is_no_condition_is_refused_with_an_example() {
        for bad in ["status", "=5", "status=", "status=1 or x=2", "a=~[", "a=\"x"] {
            let error = Filter::parse(bad, &TimeZone::UTC).unwrap_err();
            assert!(error.is_request(), "{bad}: {error}");
        }
    }

    #[test]
    fn a_literal_is_only_taken_from_a_condition_that_needs_it() {
        let literal = |text: &str| {
            let filter = Filter::parse(text, &TimeZone::UTC).unwrap();
            filter.literal().map(|(l, raw)| (String::from_utf8(l.to_vec()).unwrap(), raw))
        };
        assert_eq!(literal("level=error"), Some(("error".into(), false)));
        assert_eq!(literal("_line~error"), Some(("error".into(), true)));
        assert_eq!(literal("_line~error and a=bc"), Some(("error".into(), false)));
        assert_eq!(literal("level!=error"), None);
        assert_eq!(literal("status=200"), None);
        assert_eq!(literal("path!~x"), None);
    }
}
