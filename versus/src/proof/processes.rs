//! Processes: `cutwater scan --count` against itself, by the code of the suite `logs`.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use cutwater_lab::{Better, ROUNDS_MIN, Sample, interleave, rounds_within};
use tempfile::TempDir;

use super::{Measured, Pair};
use crate::args::ProofArgs;
use crate::{logs, programs};

/// Bytes of a line of the log, about.
const LINE_BYTES: u64 = 260;
/// How long the rounds of a comparison take, and their number at most.
const TIME: Duration = Duration::from_secs(12);
const ROUNDS_MAX: usize = 200;

/// A log and the program that counts its lines.
pub(super) struct Processes {
    program: PathBuf,
    log: PathBuf,
    lines: u64,
    seed: u64,
    slow: f64,
    _dir: TempDir,
}

impl Processes {
    pub(super) fn new(args: &ProofArgs) -> Result<Self, String> {
        let program = programs::find_cutwater()?;
        let parent = args.dir.clone().unwrap_or_else(std::env::temp_dir);
        let failed = |e| format!("cannot make a log in {}: {e}", parent.display());
        let dir = TempDir::with_prefix_in("versus-proof-", &parent).map_err(failed)?;
        let log = dir.path().join("log.ndjson");
        let lines = (args.size.unwrap_or(200) << 20) / LINE_BYTES;
        logs::write_ndjson(&log, lines, args.seed).map_err(failed)?;
        Ok(Self { program, log, lines, seed: args.seed, slow: args.slow, _dir: dir })
    }

    /// Counts the lines once, and spins for `slow` percent of the time that it took.
    fn count(&self, slow: f64) -> Result<Sample, String> {
        let mut command = Command::new(&self.program);
        command.args(["scan", "--count"]).arg(&self.log);
        let (seconds, text) = programs::timed(&mut command, "cutwater", false)?;
        let right = text.split_whitespace().next().and_then(|n| n.parse().ok()) == Some(self.lines);
        let spin = Instant::now();
        while spin.elapsed().as_secs_f64() < seconds * slow / 100.0 {
            std::hint::spin_loop();
        }
        let spun = if slow > 0.0 { spin.elapsed().as_secs_f64() } else { 0.0 };
        Ok(Sample { value: (seconds + spun) * 1e3, right })
    }
}

impl Pair for Processes {
    fn measure(&mut self, index: usize) -> Result<Measured, String> {
        let seed = self.seed.wrapping_add(index as u64);
        let one = |side| self.count(if side == 1 { self.slow } else { 0.0 });
        let begun = Instant::now();
        interleave(&["first", "second"], 1, seed, one);
        let rounds = rounds_within(TIME, begun.elapsed(), ROUNDS_MIN, ROUNDS_MAX);
        let sides = interleave(&["first", "second"], rounds, seed, one);
        Ok(Measured {
            cell: "scan --count".to_owned(),
            unit: "ms",
            better: Better::Lower,
            spoiled: 0,
            sides: sides.try_into().map_err(|_| "a side is missing")?,
        })
    }
}
