//! The JSON files of formats of lnav (<https://docs.lnav.org/en/latest/formats.html>).
//!
//! Their patterns are PCRE. What the crate `regex` lacks is rewritten where that does not change
//! which whole lines match; a format with anything else is reported with the reason.

use serde_json::{Map, Value};

use super::language::{self, class_length};
use super::{DataFormat, Shape};
use crate::record::Level;
use crate::{Error, Result};

/// A format that cannot be read, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsupported {
    /// Its name.
    pub name: String,
    /// Why.
    pub words: String,
}

/// The formats of a file of lnav, and those of them that are not supported.
///
/// # Errors
/// When it is not JSON, or not an object.
pub fn from_lnav(text: &str) -> Result<(Vec<DataFormat>, Vec<Unsupported>)> {
    let value: Value = serde_json::from_str(text)
        .map_err(|e| Error::request(format!("not a JSON file of formats: {e}")))?;
    let Value::Object(entries) = value else {
        return Err(Error::request("not a JSON file of formats: it is not an object"));
    };
    let (mut formats, mut unsupported) = (Vec::new(), Vec::new());
    for (name, entry) in entries.iter().filter(|(name, _)| !name.starts_with('$')) {
        let Value::Object(entry) = entry else { continue };
        match read(name, entry) {
            Ok(format) => formats.push(format),
            Err(error) => {
                unsupported.push(Unsupported { name: name.clone(), words: error.to_string() });
            }
        }
    }
    Ok((formats, unsupported))
}

fn read(name: &str, entry: &Map<String, Value>) -> Result<DataFormat> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    let json = entry.get("json").and_then(Value::as_bool) == Some(true)
        || text("file-type") == Some("json");
    if let Some(kind) = text("file-type").filter(|kind| !matches!(*kind, "text" | "json")) {
        return Err(Error::request(format!("files of the type {kind:?} are read in another way")));
    }
    let mut format =
        if json { DataFormat::new(name, Shape::Json) } else { by_patterns(name, entry)? };
    format.title = text("title").unwrap_or(name).into();
    format.link = text("url").unwrap_or_default().into();
    let time = text("timestamp-field").unwrap_or("timestamp");
    format.time = (json || has(&format, time)).then(|| time.to_owned());
    format.level = text("level-field").unwrap_or("level").into();
    if let Some(Value::Object(levels)) = entry.get("level") {
        format.levels =
            levels.iter().filter_map(|(level, text)| literal_level(level, text)).collect();
    }
    Ok(format)
}

fn by_patterns(name: &str, entry: &Map<String, Value>) -> Result<DataFormat> {
    let Some(Value::Object(patterns)) = entry.get("regex") else {
        return Err(Error::request("it has neither regex nor \"json\": true"));
    };
    let texts = patterns.values().filter_map(|pattern| pattern.get("pattern")?.as_str());
    let expanded: Result<Vec<_>> = texts.map(|text| language::expand(&from_pcre(text)?)).collect();
    DataFormat::of_patterns(name, expanded?, false)
}

fn has(format: &DataFormat, field: &str) -> bool {
    format.patterns().any(|(_, names)| names.contains(&field))
}

/// A level whose pattern is plain text; others are left as the line has them.
fn literal_level(level: &str, text: &Value) -> Option<(Box<[u8]>, Level)> {
    let text = match text {
        Value::String(text) => text.trim_start_matches('^').trim_end_matches('$').to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let level = match level {
        "trace" => Level::Trace,
        "debug" | "debug2" | "debug3" | "debug4" | "debug5" => Level::Debug,
        "info" | "stats" | "notice" => Level::Info,
        "warning" => Level::Warn,
        "error" => Level::Error,
        "critical" | "fatal" => Level::Fatal,
        _ => return None,
    };
    let is_code = text.len() <= 2 || text.bytes().all(|b| b.is_ascii_digit());
    // A name that the line spells itself stays.
    let plain = !text.is_empty() && is_code && text.bytes().all(|b| b.is_ascii_alphanumeric());
    plain.then(|| (text.into_bytes().into(), level))
}

/// A pattern of PCRE in the terms of the crate `regex`.
///
/// # Errors
/// When it has something that cannot be said there.
pub(super) fn from_pcre(pattern: &str) -> Result<String> {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let (written, length) = match first {
            '\\' => escape(rest)?,
            '[' => class(rest),
            '(' => group(rest)?,
            '+' if after_quantifier(&out) => (String::new(), 1),
            c => (c.to_string(), c.len_utf8()),
        };
        out.push_str(&written);
        rest = &rest[length..];
    }
    Ok(out)
}

/// Whether a `+` after `out` makes a quantifier possessive. It is dropped: it only forbids
/// backtracking, which matters to a pattern of a whole line only if the line is meant not to match.
fn after_quantifier(out: &str) -> bool {
    let mut chars = out.chars().rev();
    let last = chars.next();
    let escaped = chars.take_while(|&c| c == '\\').count() % 2 == 1;
    matches!(last, Some('+' | '*' | '?' | '}')) && !escaped
}

fn escape(text: &str) -> Result<(String, usize)> {
    let Some(c) = text[1..].chars().next() else {
        return Err(Error::request("the pattern ends in a backslash"));
    };
    let length = 1 + c.len_utf8();
    let written = match c {
        'h' => r"[ \t]".into(),
        'H' => r"[^ \t]".into(),
        'R' => r"(?:\r\n|\n|\r)".into(),
        'Z' => r"\z".into(),
        '1'..='9' | 'k' | 'g' => return Err(unsupported("a back-reference", text)),
        'K' | 'G' | 'X' | 'C' => return Err(unsupported("an escape of PCRE alone", text)),
        // Some characters may be escaped in PCRE only.
        c if !c.is_ascii() || c == '<' || c == '>' => c.to_string(),
        c => format!("\\{c}"),
    };
    Ok((written, length))
}

/// A class, in which a bracket stands for itself.
fn class(text: &str) -> (String, usize) {
    let length = class_length(text);
    let inside = &text[1..length];
    let mut out = String::from("[");
    let mut rest = inside;
    while let Some(c) = rest.chars().next() {
        let mut taken = c.len_utf8();
        match c {
            '[' if rest.starts_with("[:") => {
                taken = rest.find(":]").map_or(rest.len(), |at| at + 2);
                out.push_str(&rest[..taken]);
            }
            '[' => out.push_str("\\["),
            '\\' => {
                taken += rest[1..].chars().next().map_or(0, char::len_utf8);
                out.push_str(&rest[..taken]);
            }
            // Two of them are operations on sets in the crate `regex`.
            '&' | '~' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
        rest = &rest[taken..];
    }
    (out, length)
}

fn group(text: &str) -> Result<(String, usize)> {
    for (start, what) in [
        ("(?=", "a look-ahead"),
        ("(?!", "a look-ahead"),
        ("(?<=", "a look-behind"),
        ("(?<!", "a look-behind"),
        ("(?(", "a condition"),
        ("(?R", "a recursion"),
        ("(?&", "a recursion"),
        ("(?|", "a branch reset"),
        ("(*", "a verb of PCRE"),
    ] {
        if text.starts_with(start) {
            return Err(unsupported(what, text));
        }
    }
    if let Some(name) = text.strip_prefix("(?'")
        && let Some((name, _)) = name.split_once('\'')
    {
        return Ok((format!("(?<{name}>"), name.len() + 4));
    }
    if text.starts_with("(?>") {
        return Ok(("(?:".into(), 3));
    }
    Ok(("(".into(), 1))
}

fn unsupported(what: &str, text: &str) -> Error {
    let start: String = text.chars().take(20).collect();
    Error::request(format!("its pattern has {what}, which is not supported: {start}"))
}
