//! `cutwater reproduce`: the claims that Cutwater starts from, put to the test on this host.

mod bed;
#[cfg(test)]
mod bed_tests;
mod child;
mod claim;
mod claims;
mod effort;
mod flames;
mod host;
mod html;
mod report;
mod verdict;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use bed::Bed;
use claim::Claim;
use cutwater_shell::Failure;
use cutwater_shell::Outcome;
use cutwater_shell::output;
use cutwater_shell::output_file::{Inputs, OutputFile};
use cutwater_shell::progress::Progress;
use cutwater_shell::stop::Stop;
use effort::Effort;
use host::Host;
use report::Report;

/// Test published claims about I/O on Linux on this host.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Each claim compares two or more sides, which read the same bytes. A round takes every side out and
back (A B B A). The number of rounds is fixed before the first one. A verdict is about the ratio of
the first two sides: the median over the rounds, with its 95 % interval.
  holds       the median is at least 0.8 of the claimed ratio
  partly      the whole interval lies above 1
  refuted     neither
A verdict is undecided where another one lies within the interval, or where there are fewer than 6
rounds."
)]
pub struct ReproduceArgs {
    /// Only these claims; all unless named (see --list)
    #[arg(value_name = "CLAIM")]
    claims: Vec<String>,

    /// List the claims and what they say
    #[arg(long)]
    list: bool,

    /// Smaller files and fewer rounds: under 2 minutes
    #[arg(long)]
    quick: bool,

    /// The least number of rounds per claim; more if time permits [default: 6, fewer if time is
    /// short]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(2..=40))]
    rounds: Option<u32>,

    /// Seconds for all claims together; they set the rounds of each, up to 40 (with --quick up to
    /// 12). 0 makes the fewest rounds [default: 600, with --quick 120]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(..=86_400))]
    time: Option<u32>,

    /// Write the results to FILE as JSON
    #[arg(long, value_name = "FILE")]
    export_json: Option<PathBuf>,

    /// Write the results to FILE as a page that opens offline; one more pass of each side, which is
    /// not measured, is sampled for its flame graphs
    #[arg(long, value_name = "FILE")]
    export_html: Option<PathBuf>,

    /// Print JSON
    #[arg(long)]
    json: bool,

    /// Where to make files, 2 GiB [default: the directory for temporary files]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    /// The part of a child: its role, and the file that this is about.
    #[arg(long, hide = true, num_args = 2, value_names = ["ROLE", "FILE"])]
    play: Vec<PathBuf>,
}

impl ReproduceArgs {
    /// The files that the results are written to.
    pub fn exports(&self) -> impl Iterator<Item = &Path> {
        [&self.export_json, &self.export_html].into_iter().flatten().map(PathBuf::as_path)
    }
}

/// Runs `cutwater reproduce` and prints its report.
///
/// # Errors
/// [`Failure`] for an unknown claim, a directory that cannot hold the files, or an export that cannot
/// be written. A claim that cannot be measured is in the report instead.
pub fn run_reproduce(args: &ReproduceArgs) -> Outcome {
    if let [role, file] = &args.play[..] {
        let known =
            claims::ROLES.iter().copied().flatten().find(|(name, _)| role.as_os_str() == *name);
        let known = known.ok_or_else(|| Failure::usage("no such role"))?;
        return child::play(known.1, file);
    }
    let chosen = choose(&args.claims)?;
    if args.list && args.json {
        return output::json(&report::listed(&chosen)).map(|()| ExitCode::SUCCESS);
    }
    if args.list {
        return output::text(&report::list(&chosen)).map(|()| ExitCode::SUCCESS);
    }
    let inputs = Inputs::new();
    let begin = |path: &Option<PathBuf>| {
        path.as_deref().map(|path| OutputFile::create(path, &inputs)).transpose()
    };
    let exports = (begin(&args.export_json)?, begin(&args.export_html)?);
    // Copies from maps are read through it.
    let _ = cutwater::sigbus::install();
    let failed = |e: std::io::Error| Failure::new("cannot watch for Ctrl-C").because(e);
    let stop = Stop::on_signals().map_err(failed)?;
    let dir = args.dir.clone().unwrap_or_else(std::env::temp_dir);
    let time = args.time.map(|seconds| Duration::from_secs(seconds.into()));
    let effort = Effort::new(args.quick, args.rounds.map(|rounds| rounds as usize), time);
    let mut bed = Bed::new(&dir, args.quick, effort, stop.clone())?;
    if args.export_html.is_some() {
        bed.sample();
    }
    let mut report = Report::new(Host::with_files_in(&dir, args.quick));
    measure(&chosen, &mut bed, &stop, &mut report);
    export(exports, &report, bed.flames())?;
    drop(bed);
    if args.json {
        output::json(&report)?
    } else {
        output::text(&report.text())?
    }
    Ok(stop.exit_code().unwrap_or(ExitCode::SUCCESS))
}

/// Measures one after the other; what was done by the time of Ctrl-C stays.
fn measure(chosen: &[&'static Claim], bed: &mut Bed, stop: &Stop, report: &mut Report) {
    let progress = Progress::passes(chosen.len() as u64);
    for (done, claim) in chosen.iter().enumerate() {
        if stop.is_set() {
            break;
        }
        progress.doing(claim.id);
        bed.begin(claim, chosen.len() - done - 1);
        let measured = (claim.measure)(bed);
        // What was cut short is not a measurement; what was complete by then is.
        if stop.is_set() && measured.is_err() {
            break;
        }
        report.add(claim, measured);
        progress.one_more();
    }
}

/// Writes the files that were asked for: JSON and a page.
fn export(
    (json, page): (Option<OutputFile>, Option<OutputFile>),
    report: &Report,
    flames: Option<flames::Flames>,
) -> Result<(), Failure> {
    if let Some(file) = json {
        let text = serde_json::to_string_pretty(report)
            .map_err(|e| Failure::new("cannot write the results as JSON").because(e))?;
        file.write_whole(&(text + "\n"))?;
    }
    let flames = flames.map(flames::Flames::drawn).unwrap_or_default();
    page.map_or(Ok(()), |file| file.write_whole(&html::page(report, &flames)))
}

fn choose(names: &[String]) -> Result<Vec<&'static Claim>, Failure> {
    if names.is_empty() {
        return Ok(claims::ALL.iter().collect());
    }
    let find = |name: &String| {
        claims::ALL.iter().find(|claim| claim.id == name).ok_or_else(|| {
            let near = |claim: &&Claim| {
                claim.id.contains(name.as_str())
                    || name.split('-').any(|part| part.len() > 2 && claim.id.contains(part))
            };
            let near: Vec<_> = claims::ALL.iter().filter(near).map(|claim| claim.id).collect();
            let hint = if near.is_empty() {
                "--list shows them all".into()
            } else {
                format!("near it: {}", near.join(", "))
            };
            Failure::usage(format!("no claim is called {name:?}; {hint}"))
        })
    };
    names.iter().map(find).collect()
}
