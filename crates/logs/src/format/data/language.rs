//! The language of patterns: regular expressions with named groups `(?<name>...)`, in which
//! `%{BLOCK}`, `%{BLOCK:field}` and `%{BLOCK:field:type}` stand for patterns of the library, as in grok.

use super::grok;
use super::setter::Kind;
use crate::{Error, Result};

/// How deeply patterns of the library may be nested.
const DEPTH_MAX: usize = 16;

/// The longest pattern once it is expanded, bytes.
const EXPANDED_BYTES_MAX: usize = 256 << 10;

/// A pattern as the crate `regex` takes it. Its groups have names that are allowed there.
#[derive(Debug, Clone)]
pub(in crate::format) struct Expanded {
    pub(super) regex: String,
    pub(super) groups: Vec<Group>,
    /// Whether its classes are those of Unicode.
    pub(super) is_unicode: bool,
}

/// A group: its name in the regular expression, the field, and the kind if the pattern names one.
#[derive(Debug, Clone)]
pub(super) struct Group {
    id: String,
    pub(super) name: String,
    pub(super) kind: Option<Kind>,
}

impl Expanded {
    /// A regular expression as it stands.
    pub(super) fn verbatim<'a>(regex: &str, names: impl Iterator<Item = &'a str>) -> Self {
        let group = |name: &str| Group { id: name.into(), name: name.into(), kind: None };
        Self { regex: regex.into(), groups: names.map(group).collect(), is_unicode: true }
    }

    /// The group of this name in the regular expression.
    pub(super) fn group(&self, id: &str) -> Option<usize> {
        self.groups.iter().position(|group| group.id == id)
    }

    /// The longest text outside of groups that every line of the pattern has; `None` if there is no
    /// such text, or it is not obvious.
    pub(super) fn literal(&self) -> Option<Vec<u8>> {
        if has_branches(&self.regex) || self.regex.contains("(?i)") {
            return None;
        }
        let longest = literals(&self.regex).into_iter().max_by_key(Vec::len)?;
        longest.iter().any(|b| *b != b' ').then_some(longest)
    }

    /// The pattern without a last group that takes the rest of the line, and that group. The rest
    /// begins where the match ends, so the automaton need not step through a message.
    pub(super) fn without_rest(&self) -> Option<(&str, usize)> {
        let index = self.groups.len().checked_sub(1)?;
        let rest = format!("(?P<{}>.*)", self.groups[index].id);
        let before = self.regex.strip_suffix(&rest)?;
        (!has_branches(before)).then_some((before, index))
    }

    /// The same, where only the `wanted` groups are captured.
    pub(super) fn only(&self, wanted: &[bool]) -> Self {
        let mut regex = self.regex.clone();
        for (group, _) in self.groups.iter().zip(wanted).filter(|(_, wanted)| !**wanted) {
            regex = regex.replace(&format!("(?P<{}>", group.id), "(?:");
        }
        Self { regex, ..self.clone() }
    }
}

/// The texts of a pattern that are not in a group, cut where anything else stands.
fn literals(pattern: &str) -> Vec<Vec<u8>> {
    let (mut rest, mut depth) = (pattern, 0usize);
    let mut runs: Vec<Vec<u8>> = vec![Vec::new()];
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\\' => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            '[' => class_length(rest),
            '{' => rest.find('}').map_or(1, |end| end + 1),
            _ => first.len_utf8(),
        };
        let text = match first {
            '\\' => rest[1..length].chars().next().filter(char::is_ascii_punctuation),
            '(' | ')' | '[' | '{' | '?' | '*' | '+' | '.' | '^' | '$' => None,
            other => Some(other),
        };
        match (first, runs.last_mut()) {
            ('(', _) => depth += 1,
            (')', _) => depth = depth.saturating_sub(1),
            // What is repeated may not be there at all.
            ('?' | '*' | '{', Some(run)) if depth == 0 => drop_last(run),
            _ => {}
        }
        match (text, runs.last_mut()) {
            (Some(text), Some(run)) if depth == 0 => {
                run.extend_from_slice(text.encode_utf8(&mut [0; 4]).as_bytes());
            }
            _ => runs.push(Vec::new()),
        }
        rest = &rest[length..];
    }
    runs
}

/// Drops the last character; where it has several bytes, all of the text.
fn drop_last(text: &mut Vec<u8>) {
    if text.pop().is_some_and(|byte| !byte.is_ascii()) {
        text.clear();
    }
}

/// Whether a pattern has alternatives outside of groups.
fn has_branches(pattern: &str) -> bool {
    let (mut rest, mut depth) = (pattern, 0usize);
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\\' => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            '[' => class_length(rest),
            _ => first.len_utf8(),
        };
        match first {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '|' if depth == 0 => return true,
            _ => {}
        }
        rest = &rest[length..];
    }
    false
}

/// Expands `pattern`.
///
/// # Errors
/// When a block is not in the library, or a name does not end.
pub(in crate::format) fn expand(pattern: &str) -> Result<Expanded> {
    let mut expander = Expander { out: String::new(), groups: Vec::new() };
    expander.pattern(pattern, 0)?;
    Ok(Expanded { regex: expander.out, groups: expander.groups, is_unicode: false })
}

struct Expander {
    out: String,
    groups: Vec<Group>,
}

impl Expander {
    fn pattern(&mut self, pattern: &str, depth: usize) -> Result<()> {
        let mut rest = pattern;
        while let Some(first) = rest.chars().next() {
            rest = if let Some(after) = rest.strip_prefix("%{") {
                let (reference, after) =
                    after.split_once('}').ok_or_else(|| unended("%{", rest))?;
                self.block(reference, depth)?;
                after
            } else if let Some(after) = named_group(rest) {
                let (name, after) = after.split_once('>').ok_or_else(|| unended("(?<", rest))?;
                self.open(name, None);
                after
            } else {
                let length = match first {
                    '\\' => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
                    '[' => class_length(rest),
                    _ => first.len_utf8(),
                };
                self.out.push_str(&rest[..length]);
                &rest[length..]
            };
            if self.out.len() > EXPANDED_BYTES_MAX {
                return Err(Error::request("the pattern is too long once its blocks are expanded"));
            }
        }
        Ok(())
    }

    /// Opens a group that sets `field`.
    fn open(&mut self, field: &str, kind: Option<Kind>) {
        // Two branches of a pattern may set the same field, which the crate would not allow.
        let id = format!("g{}", self.groups.len());
        self.out.push_str(&format!("(?P<{id}>"));
        self.groups.push(Group { id, name: field_name(field), kind });
    }

    /// Writes the block that `%{reference}` stands for.
    fn block(&mut self, reference: &str, depth: usize) -> Result<()> {
        let mut words = reference.split(':');
        let block = words.next().unwrap_or_default();
        let (field, kind) = (words.next(), words.next());
        let pattern = grok::find(block).ok_or_else(|| {
            Error::request(format!(
                "no pattern is called %{{{block}}}; there are {}, and others",
                grok::names().take(8).collect::<Vec<_>>().join(", ")
            ))
        })?;
        if depth == DEPTH_MAX {
            return Err(Error::request(format!("the pattern %{{{block}}} contains itself")));
        }
        match field.filter(|field| !field.is_empty()) {
            Some(field) => self.open(field, kind.and_then(kind_of)),
            None => self.out.push_str("(?:"),
        }
        self.pattern(pattern, depth + 1)?;
        self.out.push(')');
        Ok(())
    }
}

/// The type at the end of `%{BLOCK:field:type}`; one that is not known leaves the value as it looks.
fn kind_of(name: &str) -> Option<Kind> {
    match name {
        "string" => Some(Kind::Text),
        "long" | "double" | "boolean" => Some(Kind::Auto),
        name => Kind::NAMED.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind),
    }
}

/// `[http][status]`, as Logstash writes nested fields, is `http.status`.
fn field_name(name: &str) -> String {
    match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(inside) => inside.replace("][", "."),
        None => name.to_owned(),
    }
}

/// What follows the opening of a named group, unless it is a look-behind.
fn named_group(text: &str) -> Option<&str> {
    let after = text.strip_prefix("(?P<").or_else(|| text.strip_prefix("(?<"))?;
    (!after.starts_with(['=', '!'])).then_some(after)
}

/// The length of the class in brackets that `text` begins with.
pub(super) fn class_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1 + usize::from(bytes.get(1) == Some(&b'^'));
    // A bracket that comes first stands for itself.
    at += usize::from(bytes.get(at) == Some(&b']'));
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b']' => return at + 1,
            b'\\' => at += 2,
            b'[' if bytes.get(at + 1) == Some(&b':') => {
                at += text[at..].find(":]").map_or(1, |length| length + 2);
            }
            _ => at += 1,
        }
    }
    text.len()
}

fn unended(what: &str, text: &str) -> Error {
    let start: String = text.chars().take(24).collect();
    Error::request(format!("the pattern has a {what} without its end: {start}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_that_each_line_has_is_outside_of_groups_and_not_repeated() {
        for (pattern, expected) in [
            (r"\[(?<time>%{rfc3339})\] (?<channel>x)\.(?<level>a|b): (?<message>.*)", Some(": ")),
            (r"audit\((?<n>[0-9]+)\): ", Some("audit(")),
            (r"ab?c* (?<a>x)d{2}e+f", Some("f")),
            (r"(?<a>x)|long", None),
            (r"(?i)long", None),
            (r"(?<a>[a-z]) +(?<b>.)", None),
            (r"\d+ms\b(?<a>x)", Some("ms")),
            (r"é?(?<a>x)", None),
        ] {
            let literal = expand(pattern).expect("a pattern").literal();
            assert_eq!(literal.as_deref(), expected.map(str::as_bytes), "{pattern}");
        }
    }
}
