//! The proof that comparisons hold: a side is compared with itself again and again, on an idle
//! machine or beside busy loops, and the intervals that are right are counted.

mod busy;
mod processes;
mod reads;
mod report;
mod servers;

use cutwater_lab::{Better, Series, compare};

use crate::args::{ProofArgs, Subject};
use crate::harness::command::CommandLine;
use crate::harness::publish::{keep, print};
pub(crate) use busy::spin_until_input_ends;
use report::{Compared, Proof, Report};

/// Something that is compared with itself.
trait Pair {
    /// Compares once; `index` counts the comparisons. The second side may be slowed down.
    fn measure(&mut self, index: usize) -> Result<Measured, String>;
}

/// The samples of one comparison.
struct Measured {
    cell: String,
    unit: &'static str,
    better: Better,
    /// Slices that did not find their part of the file in the state of the cell.
    spoiled: usize,
    /// The first side and the second.
    sides: [Series; 2],
}

/// Runs the proof of one kind or of all kinds; whether the promise holds.
pub(crate) fn run(args: &ProofArgs) -> Result<bool, String> {
    let kinds = args
        .kind
        .map_or_else(|| vec![Subject::Read, Subject::Server, Subject::Process], |kind| vec![kind]);
    // Before this process keeps to some cores, as children inherit that.
    let busy = if args.busy { Some(busy::Busy::start()?) } else { None };
    let mut report = Report::new();
    for kind in kinds {
        report.proofs.push(prove(args, kind)?);
    }
    drop(busy);
    print(args.json, &report)?;
    if let Some(parent) = &args.record {
        keep(parent, command(args), &report.host, &report.versions, &report)?;
    }
    Ok(report.proofs.iter().all(|proof| proof.promise_holds))
}

fn prove(args: &ProofArgs, kind: Subject) -> Result<Proof, String> {
    let (mut pair, default): (Box<dyn Pair>, usize) = match kind {
        Subject::Read => (Box::new(reads::Reads::new(args)?), 50),
        Subject::Server => (Box::new(servers::Servers::new(args)?), 30),
        Subject::Process => (Box::new(processes::Processes::new(args)?), 30),
    };
    let times = args.times.map_or(default, usize::from);
    let mut all = Vec::with_capacity(times);
    for index in 0..times {
        let compared = compare_sides(pair.measure(index)?)?;
        if !args.json {
            let (cell, interval) = (&compared.cell, compared.interval);
            eprintln!("{:>3}/{times} {cell}: {interval} {}", index + 1, compared.word);
        }
        all.push(compared);
    }
    Ok(Proof::new(kind, args, all))
}

/// The second side against the first: a slowed one is slower.
fn compare_sides(measured: Measured) -> Result<Compared, String> {
    let Measured { cell, unit, better, spoiled, sides: [first, second] } = measured;
    if let Some(why) = first.failed.as_ref().or(second.failed.as_ref()) {
        return Err(format!("{cell}: {why}"));
    }
    if !(first.right && second.right) {
        return Err(format!("{cell}: a wrong result"));
    }
    let compared = compare(&second, &first, better).ok_or("no rounds")?;
    Ok(Compared { spoiled, ..Compared::new(cell, unit, compared.ratio(), [&first, &second]) })
}

fn command(args: &ProofArgs) -> String {
    let kind = args.kind.map(|kind| match kind {
        Subject::Read => "read",
        Subject::Server => "server",
        Subject::Process => "process",
    });
    CommandLine::new("proof")
        .value("--kind", kind)
        .value("--times", args.times)
        .value("--slow", Some(args.slow).filter(|slow| *slow > 0.0))
        .flag("--busy", args.busy)
        .value("--cells", args.cells.as_ref())
        .value("--time", args.time)
        .value("--size", args.size)
        .value("--seed", Some(args.seed))
        .finish()
}
