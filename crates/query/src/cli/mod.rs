//! The command: what it reads from its arguments, and what it does.

pub(crate) mod args;
mod ask;
mod interrupt;
mod memory;
mod prompt;
mod threads;
mod writing;

use std::io::{IsTerminal, Read};
use std::path::Path;
use std::process::ExitCode;

use cutwater_query::{Limits, Session, Spill, check_thread};
use cutwater_shell::formats;
use cutwater_shell::logs::prepare_process;
use cutwater_shell::metrics::{Exporter, Outlets};
use cutwater_shell::words::shown;
use cutwater_shell::workdir::usual_places;
use cutwater_shell::{Failure, Outcome};

use args::Args;
use interrupt::Interrupt;
use memory::Memory;

/// The table of the files given without a name.
const LOG: &str = "log";

/// How a query ended.
pub(crate) enum End {
    /// All of the answer was written.
    Done,
    /// Ctrl-C ended it.
    Interrupted,
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Outcome {
    if args.memory.is_some() {
        // Before there are threads with heaps. Where the allocator has no such setting, freed
        // memory may stay resident.
        let _ = cutwater_sys::heap::return_large_blocks(memory::LARGE_BLOCK_BYTES);
    }
    prepare_process();
    let _exporter = Exporter::start(Outlets { serve: args.metrics.clone(), ..Outlets::default() })?;
    let (sql, files) = question(&args)?;
    let temp = Temporary(spill(args.temp.as_deref())?);
    let interrupt = Interrupt::listen()?;
    let (runtime, threads) = threads::runtime(args.logs.threads())?;
    let end = runtime.block_on(async {
        let limits = Limits {
            threads,
            memory_bytes: args.memory.map(Memory::for_queries),
            // The engine spills in threads of their own.
            spill: check_thread("spilling").is_ok().then(|| temp.0.clone()),
            seek: !args.no_seek,
        };
        let mut session = Session::new(limits, args.logs.opener()?)?;
        session.reads(&args.file);
        session.reads(formats::files(args.logs.format.as_deref()));
        add_tables(&mut session, &args, &files).await?;
        match sql {
            Some(sql) => ask::all(&mut session, &args, &interrupt, &sql).await,
            None => prompt::prompt(&mut session, &mut args.clone(), &interrupt).await,
        }
    });
    // A thread that still reads a stream (standard input, say) is not waited for.
    runtime.shutdown_background();
    Ok(match end? {
        End::Done => ExitCode::SUCCESS,
        End::Interrupted => interrupt.exit_code(),
    })
}

/// Temporary files, which go when the command ends.
struct Temporary(Spill);

impl Drop for Temporary {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Where what does not fit in memory goes.
fn spill(directory: Option<&Path>) -> Result<Spill, Failure> {
    let Some(directory) = directory else { return Ok(Spill::new(usual_places())) };
    if !directory.is_dir() {
        let words = format!("--temp {}: there is no such directory", shown(directory));
        return Err(Failure::usage(words));
    }
    Ok(Spill::new(vec![directory.to_owned()]))
}

/// The query, if there is one, and the files.
fn question(args: &Args) -> Result<(Option<String>, Vec<String>), Failure> {
    if let Some(path) = &args.file {
        return read_query(path).map(|sql| (Some(sql), args.words.clone()));
    }
    match args.words.split_first() {
        Some((first, _)) if names_a_file(first) => Ok((piped()?, args.words.clone())),
        Some((sql, files)) => Ok((Some(sql.clone()), files.to_vec())),
        None => Ok((piped()?, Vec::new())),
    }
}

/// Whether the first word is a file rather than a query.
fn names_a_file(word: &str) -> bool {
    Path::new(word).exists() || (!word.contains(char::is_whitespace) && !word.contains(';'))
}

/// A query on standard input, where that is not a terminal.
fn piped() -> Result<Option<String>, Failure> {
    if std::io::stdin().is_terminal() {
        return Ok(None);
    }
    let mut sql = String::new();
    std::io::stdin()
        .read_to_string(&mut sql)
        .map_err(|e| Failure::new("cannot read a query from standard input").because(e))?;
    Ok(Some(sql))
}

fn read_query(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|e| Failure::new(format!("cannot read the query in {}", shown(path))).because(e))
}

async fn add_tables(session: &mut Session, args: &Args, files: &[String]) -> Result<(), Failure> {
    if !files.is_empty() {
        session.add(LOG, files).await?;
    }
    for table in &args.tables {
        let (name, glob) = table.split_once('=').ok_or_else(|| {
            Failure::usage(format!("--table takes NAME=GLOB, and {table:?} has no ="))
        })?;
        session.add(name, &[glob.to_owned()]).await?;
    }
    Ok(())
}
