//! The command: what it reads from its arguments, and what it does.

pub(crate) mod args;
mod ask;
mod interrupt;
mod memory;
mod progress;
mod prompt;
mod spill;
mod writing;

use std::io::{IsTerminal, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use cutwater::Metrics;
use cutwater::metrics::Endpoint;
use cutwater_query::{Failure, HowToOpen, Limits, Session};

use args::Args;
use memory::Memory;
use spill::Spill;

/// The table of the files given without a name.
const LOG: &str = "log";

/// The most threads that may be asked for.
const THREADS_MAX: usize = 1024;

/// Exit code of a command that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

/// How a query ended.
pub(crate) enum End {
    /// All of the answer was written.
    Done,
    /// Somebody pressed Ctrl-C.
    Interrupted,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    if args.memory.is_some() {
        // Before there are threads with heaps. Where the allocator has no such setting, what is
        // freed may stay resident.
        let _ = cutwater_sys::heap::return_large_blocks(memory::LARGE_BLOCK_BYTES);
    }
    // Each log of a table is open while it is asked.
    cutwater_sys::probe::limits::raise_files();
    // Maps are read through it; without, they are read by pread.
    let _ = cutwater::sigbus::install();
    let _serving = args.metrics.as_deref().map(serve).transpose()?;
    let (sql, files) = question(args)?;
    let spill = Spill::new(args.temp.as_deref())?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = args.threads.unwrap_or(cores).clamp(1, THREADS_MAX);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .map_err(|e| Failure::new(format!("cannot start {threads} threads: {e}")))?;
    let interrupt = interrupt::Interrupt::listen()?;
    let end = runtime.block_on(async {
        let limits = Limits {
            threads,
            memory_bytes: args.memory.map(Memory::for_queries),
            spill: Some(spill.path().to_owned()),
            seek: !args.no_seek,
        };
        let mut session = Session::new(limits, how(args)?)?;
        add_tables(&mut session, args, &files).await?;
        match sql {
            Some(sql) => ask::all(&mut session, args, &interrupt, &sql).await,
            None => prompt::prompt(&mut session, &mut args.clone(), &interrupt).await,
        }
    });
    // A thread that still reads a stream (standard input, say) is not waited for.
    runtime.shutdown_background();
    Ok(match end? {
        End::Done => ExitCode::SUCCESS,
        End::Interrupted => ExitCode::from(INTERRUPTED),
    })
}

/// Serves what this process reads, until it is dropped, and says where.
fn serve(address: &str) -> Result<(Endpoint, Metrics), Failure> {
    let metrics = Metrics::start()
        .map_err(|e| Failure::new(format!("cannot start a thread for metrics: {e}")))?;
    let endpoint = metrics.serve(address).map_err(|e| {
        Failure::new(format!(
            "cannot serve metrics at {address}: {e}; an address is HOST:PORT of this host, \
             with a port that nobody else has"
        ))
    })?;
    // With standard error closed there is nobody left to tell.
    let address = endpoint.address();
    let _ = writeln!(std::io::stderr().lock(), "cutwater: metrics at http://{address}/metrics");
    Ok((endpoint, metrics))
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

/// A query on standard input, where that is no terminal.
fn piped() -> Result<Option<String>, Failure> {
    if std::io::stdin().is_terminal() {
        return Ok(None);
    }
    let mut sql = String::new();
    std::io::stdin()
        .read_to_string(&mut sql)
        .map_err(|e| Failure::new(format!("cannot read a query from standard input: {e}")))?;
    Ok(Some(sql))
}

fn read_query(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|e| Failure::new(format!("cannot read the query in {}: {e}", path.display())))
}

fn how(args: &Args) -> Result<HowToOpen, Failure> {
    let time_field = args.time_field.clone();
    let how = HowToOpen { time_field, path: args.path, ..HowToOpen::default() };
    let how = how.with_zone(&args.tz)?;
    match &args.format {
        Some(name) => how.with_format(name),
        None => Ok(how),
    }
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
