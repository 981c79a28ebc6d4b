//! The prompt, which takes one query after the other.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::env;
use std::path::PathBuf;
use std::time::Instant;

use cutwater_query::output::Format;
use cutwater_query::{FUNCTIONS, Session};
use cutwater_shell::words::{is_steering, shown};
use cutwater_shell::{Failure, print_error};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, Editor, Helper};

use super::args::Args;
use super::interrupt::Interrupt;
use super::{End, ask};

/// Lines of history that are kept.
const HISTORY_MAX: usize = 1000;

const HELP: &str = "\
  \\d           the tables          \\d NAME      the columns of one
  \\o FORMAT    how answers are written         \\h            functions for logs
  \\t           how long answers take, or not   \\q            the end
A query ends with ; and may have several lines. Ctrl-C ends a query, Ctrl-D the prompt.
";

/// Words that a query may have, for completion.
const WORDS: [&str; 30] = [
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "ORDER BY",
    "LIMIT",
    "HAVING",
    "JOIN",
    "ON",
    "AND",
    "OR",
    "NOT",
    "IN",
    "LIKE",
    "BETWEEN",
    "IS NULL",
    "IS NOT NULL",
    "DESC",
    "DISTINCT",
    "COUNT(*)",
    "AVG(",
    "SUM(",
    "MIN(",
    "MAX(",
    "CASE WHEN",
    "EXPLAIN ANALYZE",
    "DESCRIBE",
    "SHOW TABLES",
    "date_bin(",
    "approx_percentile_cont(",
];

/// Completes names of tables, columns, functions and words of SQL.
struct Names(BTreeSet<String>);

impl Names {
    fn in_session(session: &Session) -> Self {
        let columns = session.logs().values().flat_map(|t| t.columns()).map(|c| &c.name);
        let tables = session.logs().keys();
        let functions =
            FUNCTIONS.iter().map(|(name, _)| name.split_once('(').map_or(*name, |n| n.0));
        let words = WORDS.iter().copied().chain(functions).map(str::to_owned);
        let on_demand = cutwater_query::ON_DEMAND.iter().map(|(name, _)| (*name).to_owned());
        // A name that a terminal would obey is not listed; it can be typed.
        let is_plain = |name: &String| !name.contains(is_steering);
        let all = columns.chain(tables).cloned().chain(words).chain(on_demand);
        Self(all.filter(is_plain).collect())
    }
}

impl Completer for Names {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let is_name = |c: char| c.is_alphanumeric() || "_.\\@-".contains(c);
        let before = &line[..at];
        let start = before
            .rfind(|c| !is_name(c))
            .map_or(0, |i| i + before[i..].chars().next().map_or(1, char::len_utf8));
        let begun = before[start..].to_lowercase();
        let fits = |name: &&String| name.to_lowercase().starts_with(&begun);
        Ok((start, self.0.iter().filter(fits).cloned().collect()))
    }
}

impl Hinter for Names {
    type Hint = String;
}

impl Highlighter for Names {}

impl Validator for Names {
    /// A line ends where a query does, or is a command.
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let text = context.input().trim();
        let whole = text.is_empty() || text.starts_with('\\') || text.ends_with(';');
        Ok(if whole { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

impl Helper for Names {}

/// What is asked at the prompt.
#[derive(Debug, PartialEq, Eq)]
enum Asked<'a> {
    Nothing,
    Query(Cow<'a, str>),
    Format(&'a str),
    Functions,
    /// Whether it was asked for; else a command is not known.
    Help(bool),
    Timing,
    End,
}

fn asked(line: &str) -> Asked<'_> {
    let line = line.trim();
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim().trim_end_matches(';');
    match word.trim_end_matches(';') {
        "" => Asked::Nothing,
        "\\d" if rest.is_empty() => Asked::Query("SHOW TABLES".into()),
        "\\d" => Asked::Query(format!("DESCRIBE {rest}").into()),
        "\\o" => Asked::Format(rest),
        "\\h" => Asked::Functions,
        "\\t" => Asked::Timing,
        "\\q" | "quit" | "exit" => Asked::End,
        "\\?" => Asked::Help(true),
        command if command.starts_with('\\') => Asked::Help(false),
        _ => Asked::Query(line.into()),
    }
}

/// The file that keeps the history.
fn history() -> Option<PathBuf> {
    let state = env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let state = state.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".local/state")))?;
    let directory = state.join("cutwater");
    std::fs::create_dir_all(&directory).ok()?;
    Some(directory.join("query_history"))
}

fn editor(session: &Session) -> rustyline::Result<Editor<Names, FileHistory>> {
    let config = Config::builder()
        .max_history_size(HISTORY_MAX)?
        .completion_type(CompletionType::List)
        .auto_add_history(true)
        .build();
    let mut editor = Editor::with_config(config)?;
    editor.set_helper(Some(Names::in_session(session)));
    Ok(editor)
}

/// Asks and answers until the input ends.
pub(super) async fn prompt(
    session: &mut Session,
    args: &mut Args,
    interrupt: &Interrupt,
) -> Result<End, Failure> {
    let failed = |e: ReadlineError| Failure::new("cannot read from the terminal").because(e);
    let mut editor = editor(session).map_err(failed)?;
    let history = history();
    if let Some(path) = &history {
        // The first time there is no history.
        let _ = editor.load_history(path);
    }
    print_error("SQL on logs; \\d shows the tables, \\? what else there is.\n");
    let mut timing = false;
    interrupt.at_prompt();
    loop {
        let line = match editor.readline("cutwater> ") {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => break,
            Err(e) => return Err(failed(e)),
        };
        match asked(&line) {
            Asked::Nothing => {}
            Asked::End => break,
            Asked::Help(known) => {
                if !known {
                    print_error(&format!("there is no command {}; there are\n", line.trim()));
                }
                print_error(HELP);
            }
            Asked::Functions => {
                FUNCTIONS.iter().for_each(|(n, what)| print_error(&format!("  {n:22} {what}\n")))
            }
            Asked::Timing => timing = !timing,
            Asked::Format(name) => match name.parse::<Format>() {
                Ok(format) => args.out = Some(format),
                Err(words) => print_error(&format!("{words}\n")),
            },
            Asked::Query(sql) => {
                interrupt.query_ended();
                let started = Instant::now();
                match ask::all(session, args, interrupt, &sql).await {
                    Ok(End::Done) => {}
                    Ok(End::Interrupted) => print_error("ended\n"),
                    Err(failure) => print_error(&format!("{failure}\n")),
                }
                if timing {
                    print_error(&format!("{:.3} s\n", started.elapsed().as_secs_f64()));
                }
            }
        }
    }
    if let Some(path) = &history {
        editor.save_history(path).map_err(|e| {
            Failure::new(format!("cannot keep the history in {}", shown(path))).because(e)
        })?;
    }
    Ok(End::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_begin_with_a_backslash_and_the_rest_are_queries() {
        assert_eq!(asked("\\d"), Asked::Query("SHOW TABLES".into()));
        assert_eq!(asked("\\d log;"), Asked::Query("DESCRIBE log".into()));
        assert_eq!(asked("\\o csv"), Asked::Format("csv"));
        assert_eq!(
            (asked("\\q"), asked("exit;"), asked("  ")),
            (Asked::End, Asked::End, Asked::Nothing)
        );
        assert_eq!((asked("\\?"), asked("\\x")), (Asked::Help(true), Asked::Help(false)));
        assert_eq!(asked("SELECT 1;"), Asked::Query("SELECT 1;".into()));
    }
}
