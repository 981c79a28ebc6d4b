//! Files of formats: TOML.

use std::fmt::Write;

use toml_edit::{Document, Item, Table, TableLike};

use super::dialect::Dialect;
use super::language;
use super::sample::{Expected, Sample};
use super::setter::{Kind, Part};
use super::{DataFormat, Pairs, Shape};
use crate::record::Level;
use crate::{Error, Result};

/// The keys of a file.
const KEYS: [&str; 19] = [
    "name",
    "title",
    "link",
    "note",
    "pattern",
    "patterns",
    "columns",
    "begins",
    "again",
    "directives",
    "time",
    "level",
    "levels",
    "types",
    "alias",
    "parts",
    "null",
    "pairs",
    "sample",
];

/// Reads a file.
pub(super) fn parse(text: &str) -> Result<DataFormat> {
    let document = Document::parse(text).map_err(|e| Error::request(format!("not TOML: {e}")))?;
    let table = document.as_table();
    known_keys(table, &KEYS, "the file")?;
    let name = text_of(table, "name")?.ok_or_else(|| wrong("the file", "has no name"))?;
    read(table, name).map_err(|e| Error::request(format!("format {name:?}: {e}")))
}

fn read(table: &Table, name: &str) -> Result<DataFormat> {
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) || name.is_empty() {
        return Err(wrong("the name", "may have only letters, digits, -, _ and ."));
    }
    let mut format = DataFormat::new(name, shape(table)?);
    let text = |key| text_of(table, key).map(|text| text.unwrap_or_default().to_owned());
    (format.title, format.link, format.note) = (text("title")?, text("link")?, text("note")?);
    format.level = text_of(table, "level")?.unwrap_or("level").to_owned();
    format.nulls = strings(table, "null")?.into_iter().map(|s| s.as_bytes().into()).collect();
    format.begins = number(table, "begins", "is not a number of patterns")?;
    format.again = number(table, "again", "is not the number of a pattern")?.map(|n| n - 1);
    for text in strings(table, "directives")? {
        format.directives.push(language::expand(text)?.regex);
    }
    for (field, kind) in pairs_of(table, "types")? {
        let named = Kind::NAMED.iter().find(|(known, _)| *known == kind);
        let (_, kind) = named.ok_or_else(|| {
            let known = Kind::NAMED.map(|(name, _)| name).join(", ");
            wrong(&format!("the type {kind:?}"), &format!("is not known; the types are {known}"))
        })?;
        format.kinds.push((field, *kind));
    }
    format.aliases = pairs_of(table, "alias")?;
    format.levels = levels(table)?;
    format.parts = parts(table)?;
    format.pairs = pairs(table)?;
    format.samples = samples(table)?;
    let names = field_names(&format);
    format.time = match text_of(table, "time")? {
        Some(field) => Some(field.to_owned()),
        None => names.iter().any(|name| name == "time").then(|| "time".to_owned()),
    };
    check_names(&format, &names)?;
    Ok(format)
}

/// A whole number from 1 on.
fn number(table: &Table, key: &str, problem: &str) -> Result<Option<usize>> {
    match table.get(key).map(|item| item.as_integer()) {
        None => Ok(None),
        Some(Some(count @ 1..)) => Ok(usize::try_from(count).ok()),
        Some(_) => Err(wrong(key, problem)),
    }
}

fn shape(table: &Table) -> Result<Shape> {
    if table.get("columns").is_some_and(Item::is_array) {
        // A process reads each format once, and its names live as long as its logs are open.
        let names = strings(table, "columns")?.into_iter().map(|name| &*name.to_owned().leak());
        return Ok(Shape::Columns(Dialect::Named(Vec::leak(names.collect()))));
    }
    if let Some(columns) = text_of(table, "columns")? {
        let dialect = Dialect::named(columns);
        return dialect.map(Shape::Columns).ok_or_else(|| {
            wrong("columns", &format!("is {columns:?}; it may be {}", Dialect::NAMES.join(" or ")))
        });
    }
    let mut patterns = strings(table, "patterns")?;
    patterns.extend(text_of(table, "pattern")?);
    if patterns.is_empty() {
        return Err(wrong("the file", "has neither pattern, nor patterns, nor columns"));
    }
    let expanded: Result<Vec<_>> = patterns.iter().map(|p| language::expand(p)).collect();
    let expanded = expanded?;
    if expanded.iter().any(|pattern| pattern.groups.is_empty()) {
        return Err(wrong("a pattern", "names no group, as in (?<status>[0-9]+)"));
    }
    Ok(Shape::Patterns { expanded, anchored: true, compiled: Default::default() })
}

/// The fields that patterns set; none where lines are read in another way.
fn field_names(format: &DataFormat) -> Vec<String> {
    format.patterns().flat_map(|(_, names)| names).map(str::to_owned).collect()
}

/// Checks that the fields the file names exist.
fn check_names(format: &DataFormat, names: &[String]) -> Result<()> {
    // Pairs may have any key.
    if names.is_empty() || format.pairs.is_some() {
        return Ok(());
    }
    let said = format.time.iter().chain(format.kinds.iter().map(|(field, _)| field));
    let said = said.chain(format.aliases.iter().map(|(_, field)| field));
    let said = said.chain(format.parts.iter().map(|(field, _)| field));
    let mut said = said.chain(format.pairs.iter().map(|pairs| &pairs.field));
    match said.find(|field| !names.contains(field)) {
        Some(field) => Err(wrong(
            "the file",
            &format!("says something of {field:?}, but no group is called so"),
        )),
        None => Ok(()),
    }
}

fn levels(table: &Table) -> Result<Vec<(Box<[u8]>, Level)>> {
    let level = |(text, name): (String, String)| {
        let level = Level::ALL.into_iter().find(|level| level.name() == name).ok_or_else(|| {
            let known = Level::ALL.map(Level::name).join(", ");
            wrong(&format!("the level {name:?}"), &format!("is not known; the levels are {known}"))
        })?;
        Ok((text.into_bytes().into(), level))
    };
    pairs_of(table, "levels")?.into_iter().map(level).collect()
}

fn parts(table: &Table) -> Result<Vec<(String, Part)>> {
    let Some(parts) = table.get("parts") else { return Ok(Vec::new()) };
    let parts = parts.as_table_like().ok_or_else(|| wrong("parts", "is not a table"))?;
    let part = |(field, item): (&str, &Item)| {
        let names: Option<Vec<_>> =
            item.as_array().map(|array| array.iter().filter_map(|v| v.as_str()).collect());
        match (item.as_str(), names.as_deref()) {
            (Some("request"), _) => Ok((field.to_owned(), Part::Request)),
            (_, Some(&[host, port])) => {
                Ok((field.to_owned(), Part::Address(host.into(), port.into())))
            }
            _ => Err(wrong(
                &format!("parts.{field}"),
                "is neither \"request\" nor the names of an address and its port: [\"client\", \"client_port\"]",
            )),
        }
    };
    parts.iter().map(part).collect()
}

/// `pairs = "field"`, or `pairs = { field = "field", blanks = true }`, or with `separator` and `assign`.
fn pairs(table: &Table) -> Result<Option<Pairs>> {
    let Some(item) = table.get("pairs") else { return Ok(None) };
    if let Some(field) = item.as_str() {
        let (blanks, separator, assign) = (false, None, b'=');
        return Ok(Some(Pairs { field: field.into(), keeps: true, blanks, separator, assign }));
    }
    let inside =
        item.as_table_like().ok_or_else(|| wrong("pairs", "is not the name of a field"))?;
    known_keys(inside, &["field", "keep", "blanks", "separator", "assign"], "pairs")?;
    let field = inside.get("field").and_then(Item::as_str);
    let field = field.ok_or_else(|| wrong("pairs", "has no field"))?.to_owned();
    let is =
        |key: &str, otherwise: bool| inside.get(key).and_then(Item::as_bool).unwrap_or(otherwise);
    let byte = |key: &str| match inside.get(key).map(|item| item.as_str().map(str::as_bytes)) {
        None => Ok(None),
        Some(Some(&[byte])) => Ok(Some(byte)),
        Some(_) => Err(wrong(&format!("pairs.{key}"), "is not a text of one byte")),
    };
    let (separator, assign) = (byte("separator")?, byte("assign")?.unwrap_or(b'='));
    Ok(Some(Pairs {
        field,
        keeps: is("keep", true),
        blanks: is("blanks", false),
        separator,
        assign,
    }))
}

fn samples(table: &Table) -> Result<Vec<Sample>> {
    let Some(item) = table.get("sample") else { return Ok(Vec::new()) };
    let tables = item.as_array_of_tables().ok_or_else(|| wrong("sample", "is not [[sample]]"))?;
    tables.iter().map(sample).collect()
}

fn sample(table: &Table) -> Result<Sample> {
    known_keys(table, &["line", "at", "fields"], "a sample")?;
    let line = text_of(table, "line")?.ok_or_else(|| wrong("a sample", "has no line"))?;
    let mut fields = Vec::new();
    if let Some(item) = table.get("fields") {
        let inside = item.as_table_like().ok_or_else(|| wrong("fields", "is not a table"))?;
        for (name, item) in inside.iter() {
            fields.push((name.to_owned(), expected(item, name)?));
        }
    }
    let at = text_of(table, "at")?.map(Into::into);
    Ok(Sample { line: line.trim_end_matches('\n').into(), at, fields })
}

fn expected(item: &Item, name: &str) -> Result<Expected> {
    let text = item.as_str().map(|text| Expected::Text(text.into()));
    text.or_else(|| item.as_integer().map(Expected::Int))
        .or_else(|| item.as_float().map(Expected::Float))
        .or_else(|| item.as_bool().map(Expected::Bool))
        .ok_or_else(|| wrong(&format!("the sample's field {name:?}"), "is of an unsupported type"))
}

fn known_keys(table: &dyn TableLike, known: &[&str], what: &str) -> Result<()> {
    match table.iter().find(|(key, _)| !known.contains(key)) {
        Some((key, _)) => {
            let mut words = format!("has a key {key:?}, which is not known; the keys are ");
            let _ = write!(words, "{}", known.join(", "));
            Err(wrong(what, &words))
        }
        None => Ok(()),
    }
}

fn text_of<'a>(table: &'a Table, key: &str) -> Result<Option<&'a str>> {
    match table.get(key) {
        None => Ok(None),
        Some(item) => item.as_str().map(Some).ok_or_else(|| wrong(key, "is not a text")),
    }
}

fn strings<'a>(table: &'a Table, key: &str) -> Result<Vec<&'a str>> {
    let Some(item) = table.get(key) else { return Ok(Vec::new()) };
    let array = item.as_array().ok_or_else(|| wrong(key, "is not a list of texts"))?;
    let texts = array.iter().map(|value| value.as_str());
    texts.collect::<Option<_>>().ok_or_else(|| wrong(key, "is not a list of texts"))
}

/// The table `key` of texts.
fn pairs_of(table: &Table, key: &str) -> Result<Vec<(String, String)>> {
    let Some(item) = table.get(key) else { return Ok(Vec::new()) };
    let inside = item.as_table_like().ok_or_else(|| wrong(key, "is not a table"))?;
    let pair = |(name, item): (&str, &Item)| {
        let value =
            item.as_str().ok_or_else(|| wrong(&format!("{key}.{name}"), "is not a text"))?;
        Ok((name.to_owned(), value.to_owned()))
    };
    inside.iter().map(pair).collect()
}

fn wrong(what: &str, how: &str) -> Error {
    Error::request(format!("{what} {how}"))
}
