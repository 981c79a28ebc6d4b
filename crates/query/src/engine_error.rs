//! What the engine's errors mean, in words for people.

use std::error::Error;
use std::fmt;
use std::io;

use cutwater_shell::Failure;
use cutwater_shell::words::shown;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;

/// How many names are listed where one is not known.
const NAMES_SHOWN: usize = 20;

/// A failure of the engine while it plans. The query is wrong, unless the failure comes from below
/// the engine.
pub(crate) fn planning_failure(error: DataFusionError) -> Failure {
    let below = matches!(
        error.find_root(),
        DataFusionError::External(_)
            | DataFusionError::IoError(_)
            | DataFusionError::ObjectStore(_)
            | DataFusionError::ResourcesExhausted(_)
            | DataFusionError::Internal(_)
    );
    let failure = engine_failure(error);
    if below { failure } else { failure.into_usage() }
}

/// A failure of the engine, in words that name the cause and what to do.
pub fn engine_failure(error: DataFusionError) -> Failure {
    match error.find_root() {
        DataFusionError::SchemaError(schema, _) => Failure::usage(schema_words(schema)),
        DataFusionError::SQL(e, _) => Failure::usage(format!("this is not SQL: {}", bare(e))),
        DataFusionError::Plan(words) => Failure::usage(plan_words(words)),
        DataFusionError::NotImplemented(words) => {
            Failure::usage(format!("this is not supported: {words}"))
        }
        DataFusionError::ResourcesExhausted(words) => Failure::new(format!(
            "the query needs more memory than --memory allows, and cannot put more of it on \
             disk: {words}; allow more, or let it hold less (fewer columns, a LIMIT)"
        )),
        DataFusionError::External(cause) => cause_failure(&**cause),
        DataFusionError::ArrowError(cause, _) => {
            let words = cause.to_string();
            let words = words.strip_prefix("Parser error: ").unwrap_or(&words);
            Failure::new(format!("the query failed: {words}"))
        }
        other => Failure::new(other.strip_backtrace()),
    }
}

fn bare(e: &impl fmt::Display) -> String {
    let words = e.to_string();
    words.strip_prefix("sql parser error: ").map_or(words.clone(), str::to_owned)
}

/// A failure from below the engine. One of ours stays as it is, and so does output that nobody reads.
fn cause_failure(cause: &(dyn Error + Send + Sync + 'static)) -> Failure {
    if let Some(failure) = cause.downcast_ref::<Failure>() {
        return failure.clone();
    }
    if let Some(cutwater_logs::Error::Truncated { path, at }) = cause.downcast_ref() {
        return Failure::new(format!(
            "{} became shorter while it was read, and now ends at byte {at}: it was truncated or \
             rotated by copying, so there is no whole answer; ask again, of the rotated copy, too",
            shown(path)
        ));
    }
    match cause.downcast_ref::<io::Error>() {
        Some(e) if e.kind() == io::ErrorKind::BrokenPipe => Failure::output(e),
        _ => Failure::new(cause.to_string()),
    }
}

fn plan_words(words: &str) -> String {
    let unknown = words.strip_prefix("table '").and_then(|w| w.strip_suffix("' not found"));
    match unknown {
        Some(name) => {
            let name = name.rsplit('.').next().unwrap_or(name);
            format!(
                "there is no table {name:?}; SHOW TABLES lists them: files given are the table \
                 log, and --table NAME=GLOB names others"
            )
        }
        None => call_words(words).unwrap_or_else(|| format!("the query makes no sense: {words}")),
    }
}

/// A call with arguments that the function does not take. The engine lists what it tried, and asks
/// to report a bug, though it is not one.
fn call_words(words: &str) -> Option<String> {
    let (_, call) = words.split_once("No function matches the given name and argument types '")?;
    let (call, rest) = call.split_once('\'')?;
    let (_, candidates) = rest.split_once("Candidate functions:")?;
    let known: Vec<&str> = candidates
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .take(NAMES_SHOWN)
        .collect();
    Some(format!(
        "there is no function {call}; there are {}. CAST(x AS DOUBLE) makes one type of another",
        known.join(", ")
    ))
}

fn schema_words(error: &SchemaError) -> String {
    let SchemaError::FieldNotFound { field, valid_fields } = error else {
        return format!("the query makes no sense: {error}");
    };
    // Where it sorts, the engine names the selected columns and then those of the table.
    let mut names: Vec<&str> = Vec::new();
    for name in valid_fields.iter().map(|c| c.name.as_str()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let near = names
        .iter()
        .map(|known| (distance(known, &field.name), known))
        .filter(|(distance, _)| *distance <= (field.name.len() / 3).max(1))
        .min();
    let hint = near.map_or(".".to_owned(), |(_, known)| format!("; did you mean \"{known}\"?"));
    let mut shown = names.iter().take(NAMES_SHOWN).copied().collect::<Vec<_>>().join(", ");
    if names.len() > NAMES_SHOWN {
        shown.push_str(&format!(" and {} more", names.len() - NAMES_SHOWN));
    }
    format!("there is no column \"{}\"{hint} The columns are {shown}", field.name)
}

/// How many characters must be changed, added or removed to turn one name into the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (at, c) in a.to_lowercase().chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, d) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(c != *d);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn distances_count_changed_characters() {
        for (a, b, expected) in
            [("status", "statu", 1), ("status", "Status", 0), ("path", "pahts", 2), ("", "ab", 2)]
        {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }
}
