//! Why a query could not be answered, in words for people.

use std::error::Error;
use std::fmt;
use std::io;

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;

/// Why a query could not be answered.
#[derive(Debug)]
pub struct Failure {
    kind: Kind,
    words: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The work failed.
    Work,
    /// The query, or an argument, is wrong.
    Usage,
    /// The reader of the output went away: not an error.
    Closed,
}

/// How many names are listed where one is not known.
const NAMES_SHOWN: usize = 20;

impl Failure {
    /// The work failed for a reason that `words` say.
    pub fn new(words: impl Into<String>) -> Self {
        Self { kind: Kind::Work, words: words.into() }
    }

    /// The query, or an argument, makes no sense here.
    pub fn usage(words: impl Into<String>) -> Self {
        Self { kind: Kind::Usage, words: words.into() }
    }

    /// The output could not be written.
    #[must_use]
    pub fn output(error: &io::Error) -> Self {
        let closed = error.kind() == io::ErrorKind::BrokenPipe;
        let kind = if closed { Kind::Closed } else { Kind::Work };
        Self { kind, words: format!("cannot write the output: {error}") }
    }

    /// What the engine says when it plans: except for what lies below it, the query is wrong.
    #[must_use]
    pub fn planning(error: DataFusionError) -> Self {
        let below = matches!(
            error.find_root(),
            DataFusionError::External(_)
                | DataFusionError::IoError(_)
                | DataFusionError::ObjectStore(_)
                | DataFusionError::ResourcesExhausted(_)
                | DataFusionError::Internal(_)
        );
        let failure = Self::from(error);
        if below { failure } else { Self { kind: Kind::Usage, ..failure } }
    }

    /// Whether the output's reader went away, which is no failure.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.kind == Kind::Closed
    }

    /// The code to exit with.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.kind {
            Kind::Closed => 0,
            Kind::Work => 1,
            Kind::Usage => 2,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl Error for Failure {}

impl From<cutwater_logs::Error> for Failure {
    fn from(error: cutwater_logs::Error) -> Self {
        let words = error.to_string();
        if error.is_request() { Self::usage(words) } else { Self::new(words) }
    }
}

impl From<DataFusionError> for Failure {
    fn from(error: DataFusionError) -> Self {
        match error.find_root() {
            DataFusionError::SchemaError(schema, _) => Self::usage(of_schema(schema)),
            DataFusionError::SQL(e, _) => Self::usage(format!("this is not SQL: {}", bare(e))),
            DataFusionError::Plan(words) => Self::usage(of_plan(words)),
            DataFusionError::NotImplemented(words) => {
                Self::usage(format!("this is not supported: {words}"))
            }
            DataFusionError::ResourcesExhausted(words) => Self::new(format!(
                "the query needs more memory than --memory allows, and cannot put more of it on \
                 disk: {words}; allow more, or let it hold less (fewer columns, a LIMIT)"
            )),
            DataFusionError::External(cause) => of_cause(&**cause),
            DataFusionError::ArrowError(cause, _) => {
                let words = cause.to_string();
                let words = words.strip_prefix("Parser error: ").unwrap_or(&words);
                Self::new(format!("the query failed: {words}"))
            }
            other => Self::new(other.strip_backtrace()),
        }
    }
}

fn bare(e: &impl fmt::Display) -> String {
    let words = e.to_string();
    words.strip_prefix("sql parser error: ").map_or(words.clone(), str::to_owned)
}

/// What somebody below the engine said; output that nobody reads keeps its meaning.
fn of_cause(cause: &(dyn Error + Send + Sync + 'static)) -> Failure {
    if let Some(failure) = cause.downcast_ref::<Failure>() {
        return Failure { kind: failure.kind, words: failure.words.clone() };
    }
    match cause.downcast_ref::<io::Error>() {
        Some(e) if e.kind() == io::ErrorKind::BrokenPipe => Failure::output(e),
        _ => Failure::new(cause.to_string()),
    }
}

fn of_plan(words: &str) -> String {
    let unknown = words.strip_prefix("table '").and_then(|w| w.strip_suffix("' not found"));
    match unknown {
        Some(name) => {
            let name = name.rsplit('.').next().unwrap_or(name);
            format!(
                "there is no table {name:?}; SHOW TABLES lists them: files given are the table \
                 log, and --table NAME=GLOB names others"
            )
        }
        None => of_call(words).unwrap_or_else(|| format!("the query makes no sense: {words}")),
    }
}

/// A call with arguments that the function does not take: the engine lists what it tried, and asks
/// for a report of a fault of its own where there is none.
fn of_call(words: &str) -> Option<String> {
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

fn of_schema(error: &SchemaError) -> String {
    let SchemaError::FieldNotFound { field, valid_fields } = error else {
        return format!("the query makes no sense: {error}");
    };
    // Where it sorts, the engine names what is selected and what the table has.
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

/// How many characters must be changed, added or taken away to make one name of the other.
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
