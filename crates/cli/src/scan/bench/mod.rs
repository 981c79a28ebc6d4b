//! `cutwater bench --scan FILE`: the parse of a log by each read path, compared with the classic
//! ways, one process per pass, in balanced rounds.

mod figures;
mod way;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use cutwater_lab::Order;
use cutwater_shell::Failure;
use cutwater_shell::output_file::OutputFile;
use cutwater_shell::progress::Progress;
use cutwater_shell::stop::Stop;
use cutwater_shell::words::shown;
use cutwater_shell::{Outcome, note, output};

use super::plan::{Bench, Plan};
use figures::Figures;
use way::{Cost, Way, measure};

/// Runs one pass in this process, and prints what it cost, for the parent process.
fn run_way(plan: &Plan, options: &Bench, way: &str) -> Outcome {
    let way = way.parse().map_err(|e: String| Failure::usage(e))?;
    let flame = options.flamegraph.as_deref().filter(|_| options.draw);
    output::json(&measure(plan, way, flame)?)?;
    Ok(ExitCode::SUCCESS)
}

/// Rewrites `bench --scan` as `scan --bench`, the former spelling, which has all options about
/// logs. A `bench` that is not the command stays.
pub(crate) fn bench_of_scan(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut all: Vec<_> = arguments.collect();
    let options = all.iter().position(|word| word == "--").unwrap_or(all.len());
    let is_option = |word: &OsString| word.as_encoded_bytes().starts_with(b"-");
    // A word after an option may be its value.
    let is_word = |i: &usize| !is_option(&all[*i]) && (*i == 1 || !is_option(&all[i - 1]));
    let command = (1..options).find(is_word);
    if let Some(command) = command.filter(|i| all[*i] == "bench")
        && let Some(flag) = (command..options).find(|i| all[*i] == SCAN)
    {
        all[command] = "scan".into();
        all[flag] = "--bench".into();
    }
    all
}

const SCAN: &str = "--scan";

/// Runs all ways round by round and prints what they cost.
pub(super) fn compare_ways(plan: &Plan, options: &Bench) -> Outcome {
    if let Some(way) = &options.way {
        return run_way(plan, options, way);
    }
    if !env::args_os().any(|word| word == SCAN) {
        note("`scan --bench` is `bench --scan` now; the old spelling goes with the next release");
    }
    let [log] = &plan.logs[..] else {
        return Err(Failure::usage("bench --scan takes one FILE"));
    };
    if log.input.plain().is_none() {
        return Err(Failure::usage(format!(
            "{} has no bytes at offsets to compare paths on: bench --scan takes a plain file",
            plan.name(0)
        )));
    }
    let failed = |e| Failure::new("cannot watch for Ctrl-C").because(e);
    let stop = Stop::on_signals().map_err(failed)?;
    let ways = Way::all(plan.request.threads);
    let mut figures = Figures::new(&ways);
    let table = options.export_csv.as_deref();
    let table = table.map(|file| OutputFile::create(file, &plan.inputs)).transpose()?;
    rounds(plan, options, &ways, &stop, &mut figures)?;
    if let Some(table) = table {
        table.write_whole(&figures.csv())?;
    }
    if options.json {
        output::json(&figures.json(plan))?
    } else {
        output::text(&figures.text(plan))?
    }
    if let Some(code) = stop.exit_code() {
        return Ok(code);
    }
    Ok(if figures.agree() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The files that flame graphs of all ways are drawn into, in the directory `dir`.
pub(super) fn pictures(dir: &Path, threads: usize) -> Vec<PathBuf> {
    let of_way = |way: Way| {
        let file = way::picture(dir, way);
        [cutwater_flame::beside(&file), file]
    };
    Way::all(threads).into_iter().flat_map(of_way).collect()
}

/// Repeats the order of the ways.
const SEED: u64 = 1;

fn rounds(
    plan: &Plan,
    options: &Bench,
    ways: &[Way],
    stop: &Stop,
    figures: &mut Figures,
) -> Result<(), Failure> {
    let flames = options.flamegraph.as_deref();
    if let Some(dir) = flames {
        fs::create_dir_all(dir).map_err(|e| {
            Failure::new(format!("cannot make the directory {}", shown(dir))).because(e)
        })?;
    }
    let rounds = options.rounds;
    let passes = (2 * rounds + 1 + usize::from(flames.is_some())) * ways.len();
    let progress = (!plan.quiet).then(|| Progress::passes(passes as u64));
    // The first pass of each way fills the page cache, and is not counted.
    let uncounted = (0..ways.len()).map(|index| (index, false));
    let order = Order::new(ways.len(), SEED).take(rounds).flatten().map(|index| (index, true));
    for (index, counted) in uncounted.chain(order) {
        if stop.is_set() {
            return Ok(());
        }
        if let Some(progress) = &progress {
            progress.doing(&ways[index].to_string());
        }
        if !figures.is_refused(index) {
            match in_child(ways[index], None) {
                Ok(cost) if counted => figures.add(index, cost),
                Ok(_) => {}
                // Ctrl-C reaches the child too.
                Err(_) if stop.is_set() => return Ok(()),
                Err(why) => figures.refuse(index, why),
            }
        }
        if let Some(progress) = &progress {
            progress.one_more();
        }
    }
    draw_all(ways, flames, stop, figures);
    Ok(())
}

/// Draws a flame graph of each way, where they are wanted.
fn draw_all(ways: &[Way], flames: Option<&Path>, stop: &Stop, figures: &mut Figures) {
    for &way in ways.iter().filter(|_| flames.is_some()) {
        if !stop.is_set()
            && let Err(why) = in_child(way, flames)
        {
            figures.refuse_flames(why);
        }
    }
}

/// Runs one pass in a child; the error is what the child printed.
fn in_child(way: Way, flame: Option<&Path>) -> Result<Cost, String> {
    let program =
        cutwater_shell::own_path().map_err(|e| format!("cannot find this program: {e}"))?;
    let mut command = Command::new(program);
    command.args(env::args_os().skip(1)).arg(format!("--bench-way={way}"));
    if flame.is_some() {
        command.arg("--bench-flame");
    }
    let out = command
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("cannot start a process of its own: {e}"))?;
    if !out.status.success() {
        let said = String::from_utf8_lossy(&out.stderr);
        let said = said.trim().trim_start_matches("cutwater: ");
        return Err(if said.is_empty() { out.status.to_string() } else { said.to_owned() });
    }
    serde_json::from_slice(&out.stdout).map_err(|e| format!("its answer is not understood: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bench_of_a_scan_is_a_scan_and_nothing_else_is() {
        for (given, expected) in [
            ("cutwater bench --scan a.log --by x", "cutwater scan --bench a.log --by x"),
            ("cutwater bench a.log --scan", "cutwater scan a.log --bench"),
            ("cutwater --metrics 9464 bench --scan a", "cutwater --metrics 9464 scan --bench a"),
            ("cutwater bench a.log", "cutwater bench a.log"),
            ("cutwater scan bench --scan", "cutwater scan bench --scan"),
            ("cutwater bench -- --scan", "cutwater bench -- --scan"),
            ("cutwater", "cutwater"),
        ] {
            let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
            assert_eq!(bench_of_scan(words(given).into_iter()), words(expected), "{given}");
        }
    }
}
