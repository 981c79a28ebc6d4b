//! One configuration of 64 MiB in eight processes, and what it costs each of them.
//!
//! `cargo run --release -p cutwater-keep --example shared_config [MIB]`
#![allow(clippy::print_stdout, reason = "an example prints what it sees")]

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cutwater_keep::shared_config::{Publisher, Shared, SharedConfig};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const READERS: usize = 8;
const GENERATIONS: u64 = 50;

/// A table of any length, all of one version.
#[derive(FromBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Table {
    version: u64,
    words: [u64],
}

impl Shared for Table {
    const FORMAT: u64 = 1;

    fn validate(&self) -> Result<(), String> {
        let version = self.version;
        let is_whole = self.words.iter().all(|word| *word == version);
        if is_whole { Ok(()) } else { Err(format!("not all of it is of version {version}")) }
    }

    /// The publisher has checked all of it, and the seals say that it is what was checked. To
    /// check 64 MiB again in each of eight processes takes 40 ms on two cores.
    fn accept(&self) -> Result<(), String> {
        let last = self.words.last().unwrap_or(&self.version);
        if *last == self.version { Ok(()) } else { Err("its ends do not fit".into()) }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    if let [_, role, path] = &args[..]
        && role == "reader"
    {
        return read(Path::new(path));
    }
    let mib = args.get(1).map_or(Ok(64), |mib| mib.parse::<usize>())?;
    publish(mib.clamp(1, 1024) << 20)
}

/// A reader: touches every page of its first generation, so that all of it is in its page
/// tables, and then says when each one came.
fn read(path: &Path) -> Result<(), Box<dyn Error>> {
    let config = SharedConfig::<Table>::subscribe(path)?;
    let mut reader = config.reader();
    let mut out = std::io::stdout();
    let mut next = config.generation();
    let sum = reader.get().words.iter().fold(0u64, |sum, word| sum.wrapping_add(*word));
    writeln!(out, "{} {sum}", reader.generation())?;
    loop {
        next += 1;
        if !config.wait_for(next, Duration::from_secs(10)) {
            return Err("no generation came within 10 s".into());
        }
        let version = reader.get().version;
        next = reader.generation();
        if writeln!(out, "{next} {version}").is_err() {
            // The publisher has gone: all is said.
            return Ok(());
        }
    }
}

fn publish(bytes: usize) -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("table.sock");
    let publisher = Publisher::<Table>::bind(&path)?;
    let mut words = vec![1u64; bytes / 8];
    publisher.hand_over(publisher.prepare(&[words.as_bytes()])?)?;
    let me = std::env::current_exe()?;
    let mut readers = Vec::new();
    for _ in 0..READERS {
        let mut reader = Command::new(&me);
        reader.arg("reader").arg(&path).stdout(Stdio::piped());
        readers.push(Reader::new(reader.spawn()?)?);
    }
    for reader in &mut readers {
        reader.wait_for(1)?;
    }
    show_memory(&readers, bytes)?;
    show_times(&publisher, &mut words, &mut readers)?;
    for reader in &mut readers {
        reader.child.kill()?;
        reader.child.wait()?;
    }
    Ok(())
}

struct Reader {
    child: Child,
    said: BufReader<std::process::ChildStdout>,
}

impl Reader {
    fn new(mut child: Child) -> Result<Self, Box<dyn Error>> {
        let said = child.stdout.take().ok_or("no pipe from the reader")?;
        Ok(Self { child, said: BufReader::new(said) })
    }

    fn wait_for(&mut self, generation: u64) -> Result<(), Box<dyn Error>> {
        let mut line = String::new();
        loop {
            line.clear();
            if self.said.read_line(&mut line)? == 0 {
                return Err("a reader ended early".into());
            }
            if line.split(' ').next().and_then(|n| n.parse().ok()) >= Some(generation) {
                return Ok(());
            }
        }
    }
}

/// Sums `Rss` and `Pss` of the shared file's maps in `/proc/PID/smaps`; see `proc_pid_smaps(5)`.
fn show_memory(readers: &[Reader], bytes: usize) -> Result<(), Box<dyn Error>> {
    println!("| process | RSS of the configuration, MiB | PSS, MiB |\n|---|---:|---:|");
    let mut total = 0;
    let ids = readers.iter().map(|r| (r.child.id(), "reader"));
    for (id, what) in ids.chain([(std::process::id(), "publisher")]) {
        let (rss, pss) = memory(id)?;
        println!("| {what} | {:.1} | {:.1} |", rss as f64 / 1024.0, pss as f64 / 1024.0);
        total += pss;
    }
    let one = bytes as f64 / 1024.0;
    println!("| total | | {:.1}, {:.3} of one copy |\n", total as f64 / 1024.0, total as f64 / one);
    Ok(())
}

/// KiB.
fn memory(pid: u32) -> Result<(u64, u64), Box<dyn Error>> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps"))?;
    let (mut is_ours, mut rss, mut pss) = (false, 0, 0);
    for line in text.lines() {
        let kib = |name| line.strip_prefix(name).and_then(|rest| rest.trim().strip_suffix(" kB"));
        if line.split(' ').next().is_some_and(|word| word.contains('-')) {
            is_ours = line.contains("/memfd:");
        } else if is_ours && let Some(n) = kib("Rss:") {
            rss += n.parse::<u64>()?;
        } else if is_ours && let Some(n) = kib("Pss:") {
            pss += n.parse::<u64>()?;
        }
    }
    Ok((rss, pss))
}

/// How long after publishing (the copy into the sealed file is not counted) all have read it.
fn show_times(
    publisher: &Publisher<Table>,
    words: &mut [u64],
    readers: &mut [Reader],
) -> Result<(), Box<dyn Error>> {
    let mut times = Vec::new();
    for version in 2..2 + GENERATIONS {
        words.fill(version);
        let prepared = publisher.prepare(&[words.as_bytes()])?;
        let start = Instant::now();
        let generation = publisher.hand_over(prepared)?;
        let seen = publisher.wait_for_answers(generation, Duration::from_secs(10));
        times.push(start.elapsed());
        if seen.accepted != READERS {
            return Err(format!("only {} readers saw it", seen.accepted).into());
        }
        for reader in &mut *readers {
            reader.wait_for(generation)?;
        }
    }
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100];
    println!(
        "seen by all {READERS}: median {:?}, p90 {:?}, longest {:?}, of {GENERATIONS} generations",
        at(50),
        at(90),
        at(100)
    );
    Ok(())
}
