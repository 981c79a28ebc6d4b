//! From the text of `--where` to conditions.
//!
//! ```text
//! any       = all { "or" all }
//! all       = factor { "and" factor }
//! factor    = { "not" } ( "(" any ")" | condition )
//! condition = name operator value
//! ```
//!
//! `and`, `or` and `not` match in any case, and only where no name or value is expected:
//! fields may have these names. A name ends at a space or an operator, a value at a space; in
//! parentheses, a value also ends where they close.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use regex::bytes::Regex;

use super::Filter;
use super::compare::Compare;
use super::comparison::Comparison;
use super::condition::{Condition, Outcome, Place};
use super::fault::fault;
use super::node::Node;
use super::operators::{OPERATORS, ends_name, no_operator, operator};
use super::test::Test;
use super::untyped::Untyped;
use crate::{Error, Result};

const EXAMPLE: &str = "it should look like status>=500 or path~\"/api/\"";

/// Parses a text: its conditions, `None` if it is blank, and the comparisons among them.
pub(super) fn parse(
    text: &str,
    zone: &TimeZone,
    day: Timestamp,
) -> Result<(Option<Node<Condition>>, Vec<Comparison>)> {
    let shared = Arc::from(text);
    let comparisons = Vec::new();
    let mut parser =
        Parser { text, at: 0, depth: 0, conditions: 0, zone, day, shared, comparisons };
    parser.spaces();
    if parser.rest().is_empty() {
        return Ok((None, Vec::new()));
    }
    let node = parser.any()?;
    if !parser.rest().is_empty() {
        return Err(parser.not_joined());
    }
    Ok((Some(node), parser.comparisons))
}

/// The test of `operator` without its `!`, against `text`.
fn test(
    operator: &str,
    text: &str,
    place: &Place,
    (zone, day): (&TimeZone, Timestamp),
) -> std::result::Result<Test, regex::Error> {
    let compare = match operator {
        "~" | "!~" => return Ok(Test::contains(text)),
        "=~" | "!=~" => return Regex::new(text).map(Test::BytesMatch),
        "<" => Compare::Less,
        "<=" => Compare::LessOrEqual,
        ">" => Compare::Greater,
        ">=" => Compare::GreaterOrEqual,
        _ => Compare::Equal,
    };
    let with = match place {
        Place::Field(_) => Untyped::new(compare, text, zone, day),
        Place::Line | Place::Error => Untyped::bytes(text),
    };
    Ok(Test::Untyped(compare, with))
}

/// The outcome to want so that a condition holds exactly where it did not with `wanted`.
fn opposite(wanted: Outcome) -> Outcome {
    match wanted {
        Outcome::True => Outcome::NotTrue,
        // Nothing here wants `False`, which has no opposite.
        Outcome::NotTrue | Outcome::False => Outcome::True,
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    /// How many parentheses are open.
    depth: usize,
    conditions: usize,
    zone: &'a TimeZone,
    /// The day that times of day are on.
    day: Timestamp,
    /// The text, for the comparisons.
    shared: Arc<str>,
    comparisons: Vec<Comparison>,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn spaces(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn any(&mut self) -> Result<Node<Condition>> {
        let mut nodes = vec![self.all()?];
        while self.joint("or") {
            nodes.push(self.all()?);
        }
        Ok(Node::any(nodes))
    }

    fn all(&mut self) -> Result<Node<Condition>> {
        let mut nodes = vec![self.factor()?];
        while self.joint("and") {
            nodes.push(self.factor()?);
        }
        Ok(Node::all(nodes))
    }

    /// Goes past `word`, if it is the next word.
    fn joint(&mut self, word: &str) -> bool {
        let (is_it, length) = (self.word().eq_ignore_ascii_case(word), word.len());
        if is_it {
            self.at += length;
            self.spaces();
        }
        is_it
    }

    /// The letters that follow, where a space or a parenthesis ends them.
    fn word(&self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_whitespace() || "()".contains(c)).unwrap_or(rest.len());
        &rest[..end]
    }

    fn factor(&mut self) -> Result<Node<Condition>> {
        let mut negated = false;
        while self.is_not() {
            self.joint("not");
            negated = !negated;
        }
        let node = if self.rest().starts_with('(') { self.group()? } else { self.condition()? };
        let negate = |c: Condition| Condition { wanted: opposite(c.wanted), ..c };
        Ok(if negated { node.negated(&negate) } else { node })
    }

    /// Whether a `not` follows that is not a field's name.
    fn is_not(&self) -> bool {
        let word = self.word();
        let after = self.rest()[word.len()..].trim_start();
        word.eq_ignore_ascii_case("not") && !OPERATORS.iter().any(|op| after.starts_with(op))
    }

    fn group(&mut self) -> Result<Node<Condition>> {
        let open = self.at;
        if self.depth == Filter::DEPTH_MAX {
            let most = Filter::DEPTH_MAX;
            return Err(self.fault(open, &format!("more than {most} parentheses are open here")));
        }
        self.depth += 1;
        self.at += 1;
        self.spaces();
        let node = self.any()?;
        if self.rest().is_empty() {
            return Err(self.fault(open, "this parenthesis is not closed"));
        }
        if !self.rest().starts_with(')') {
            return Err(self.not_joined());
        }
        self.depth -= 1;
        self.at += 1;
        self.spaces();
        Ok(node)
    }

    fn condition(&mut self) -> Result<Node<Condition>> {
        let start = self.at;
        if self.conditions == Filter::CONDITIONS_MAX {
            let most = Filter::CONDITIONS_MAX;
            return Err(self.fault(start, &format!("there are more than {most} conditions")));
        }
        self.conditions += 1;
        let field = self.name()?;
        self.spaces();
        let operator = operator(self.rest()).map_err(|found| self.no_operator(start, found))?;
        self.at += operator.len();
        self.spaces();
        let value_at = self.at;
        let value = self.value(operator)?;
        let place = Place::named(field);
        let test = test(operator, &value, &place, (self.zone, self.day)).map_err(|error| {
            let fault = self.fault(value_at, &format!("{value:?} is not a regular expression"));
            Error::request(format!("{fault}\n{error}"))
        })?;
        if let (Place::Field(field), Test::Untyped(_, with)) = (&place, &test) {
            self.comparisons.push(Comparison {
                text: Arc::clone(&self.shared),
                at: value_at,
                field: field.clone(),
                operator,
                word: value,
                with: with.clone(),
            });
        }
        self.spaces();
        let negated = operator.starts_with('!');
        let wanted = if negated { Outcome::NotTrue } else { Outcome::True };
        Ok(Node::Test(Condition { place, test, wanted }))
    }

    fn name(&mut self) -> Result<String> {
        if let Some(quoted) = self.quoted()? {
            return Ok(quoted);
        }
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_whitespace() || ends_name(c));
        let name = &rest[..end.unwrap_or(rest.len())];
        if name.is_empty() || name.starts_with(')') {
            let words = format!("a condition is missing here; {EXAMPLE}");
            return Err(self.fault(self.at, &words));
        }
        self.at += name.len();
        Ok(name.into())
    }

    fn value(&mut self, operator: &str) -> Result<String> {
        if let Some(quoted) = self.quoted()? {
            return Ok(quoted);
        }
        let value = self.bare_value();
        if value.is_empty() {
            let words = format!("there is no value after {operator:?}; {EXAMPLE}");
            return Err(self.fault(self.at, &words));
        }
        self.at += value.len();
        Ok(value.into())
    }

    /// What ends at a space, or at a parenthesis that was opened before it.
    fn bare_value(&self) -> &'a str {
        let (rest, mut open, mut escaped) = (self.rest(), 0_usize, false);
        for (at, c) in rest.char_indices() {
            if c.is_whitespace() {
                return &rest[..at];
            }
            match c {
                _ if escaped => {}
                '(' => open += 1,
                ')' if open > 0 => open -= 1,
                ')' if self.depth > 0 => return &rest[..at],
                _ => {}
            }
            escaped = c == '\\' && !escaped;
        }
        rest
    }

    /// The text in quotes, with `\"` and `\\` in it resolved; `None` where no quotes begin.
    fn quoted(&mut self) -> Result<Option<String>> {
        let start = self.at;
        let Some(quote) = self.rest().chars().next().filter(|c| matches!(c, '"' | '\'')) else {
            return Ok(None);
        };
        let mut out = String::new();
        let mut chars = self.rest()[1..].char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            match (c, chars.peek()) {
                ('\\', Some(&(_, next))) if next == quote || next == '\\' => {
                    out.push(next);
                    chars.next();
                }
                (c, _) if c == quote => {
                    self.at = start + 1 + at + 1;
                    return Ok(Some(out));
                }
                (c, _) => out.push(c),
            }
        }
        Err(self.fault(start, "this quotation mark has no second one"))
    }

    /// The message if `found` stands where an operator should.
    fn no_operator(&self, start: usize, found: &str) -> Error {
        let condition = self.text.get(start..self.at).unwrap_or_default().trim_end();
        let words = match (self.rest().is_empty(), found) {
            (true, _) => format!("{condition:?} is not a condition; {EXAMPLE}"),
            (_, "") => format!("expected an operator after {condition:?}; {EXAMPLE}"),
            (_, found) => no_operator(found, condition),
        };
        self.fault(self.at, &words)
    }

    /// The message if something other than `and` or `or` follows a condition.
    fn not_joined(&self) -> Error {
        let hint = match self.rest().chars().next() {
            Some(')') => "this parenthesis was not opened; a value with one needs quotes",
            Some('&') => "expected `and` or `or`; conditions are joined by the word `and`",
            Some('|' | ',') => "expected `and` or `or`; conditions are joined by the word `or`",
            _ => {
                "expected `and` or `or`; a value with spaces needs quotes, as in \
                 message~\"timed out\""
            }
        };
        self.fault(self.at, hint)
    }

    /// A fault at byte `at`.
    fn fault(&self, at: usize, words: &str) -> Error {
        fault(self.text, at, words)
    }
}
