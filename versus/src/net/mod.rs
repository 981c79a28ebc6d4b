//! The suite `net`: echo over loopback, the server on one core and the requests on the other.

mod cells;
mod load;
mod process;
mod servers;

use std::collections::BTreeMap;
use std::path::Path;

use cutwater_rt::Runtime;
use cutwater_rt::tls::Connector;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::args::{NetArgs, NetServeArgs};
use crate::harness::host::Host;
use crate::harness::record::{self, RawCell};
use crate::harness::report::{Better, Missing, Report, Row};
use crate::harness::run::{Sample, Series, interleave};
use crate::harness::{cells as names, json, table, versions};
use cells::{Cell, Kind};
use process::Server;

/// Serves, as the suite has asked in another process.
pub(crate) fn serve(args: &NetServeArgs) -> Result<bool, String> {
    pin(0)?;
    let many = rustix::process::Rlimit { current: Some(20_000), maximum: Some(20_000) };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Nofile, many);
    let kind = match (&args.tls, args.udp) {
        (Some(_), _) => Kind::Tls,
        (None, true) => Kind::Udp,
        (None, false) => Kind::Plain,
    };
    servers::serve(&args.peer, kind, args.tls.as_deref()).map(|()| true)
}

/// Keeps this process to the first of its cores or to the last.
fn pin(from_end: usize) -> Result<(), String> {
    let say = |e| format!("cannot keep to one core: {e}");
    let all = sched_getaffinity(None).map_err(say)?;
    let usable: Vec<_> = (0..CpuSet::MAX_CPU).filter(|cpu| all.is_set(*cpu)).collect();
    let at = if from_end == 0 { usable.first() } else { usable.last() };
    let mut one = CpuSet::new();
    one.set(at.copied().unwrap_or(0));
    sched_setaffinity(None, &one).map_err(say)
}

/// Runs the suite and prints the report; whether all answers were right.
pub(crate) fn run(args: &NetArgs) -> Result<bool, String> {
    let tls = tempfile::tempdir().map_err(|e| format!("cannot make a directory: {e}"))?;
    certify(tls.path())?;
    let connector = load::connector(tls.path())?;
    let mut cells = cells::all(args.quick);
    cells.retain(|cell| names::selected(&cell.name(), args.cells.as_deref()));
    if cells.is_empty() && !names::selected(IDLE, args.cells.as_deref()) {
        return Err("--cells names no cell; run without it to see them".to_owned());
    }
    let versions: BTreeMap<_, _> =
        ["cutwater-rt", "tokio", "tokio-rustls", "monoio", "compio", "glommio", "rustls"]
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), versions::of(name)?)))
            .collect();
    let host = Host::of_this_machine();
    let mut report = Report { suite: "net", host, versions, rows: Vec::new(), missing: Vec::new() };
    let mut raw = Vec::new();
    let mut servers: Vec<(Kind, Vec<Server>)> = Vec::new();
    for kind in [Kind::Plain, Kind::Tls, Kind::Udp] {
        let idle = kind == Kind::Plain && names::selected(IDLE, args.cells.as_deref());
        if idle || cells.iter().any(|cell| cell.kind == kind) {
            servers.push((kind, start(kind, args, tls.path(), &mut report)));
        }
    }
    // Only now: the servers have the first core, and inherit no mask.
    pin(1)?;
    let runtime = Runtime::new().map_err(|e| format!("cannot start the load: {e}"))?;
    for (index, cell) in cells.iter().enumerate() {
        if !args.json {
            eprintln!("{:>3}/{} {}", index + 1, cells.len(), cell.name());
        }
        let of_kind = servers.iter().find(|(kind, _)| *kind == cell.kind);
        let of_kind = of_kind.map_or(&[][..], |(_, servers)| servers);
        measure(args, &runtime, cell, of_kind, &connector, &mut report, &mut raw);
    }
    let plain = servers.iter().find(|(kind, _)| *kind == Kind::Plain);
    if let Some((_, servers)) = plain.filter(|_| names::selected(IDLE, args.cells.as_deref())) {
        idle(args, &runtime, servers, &mut report, &mut raw);
    }
    let text = if args.json {
        json::export(&report).map_err(|e| format!("cannot write JSON: {e}"))?
    } else {
        table::text(&report)
    };
    println!("{}", text.trim_end());
    if let Some(parent) = &args.record {
        let dir = record::write(parent, &command(args), &report, &raw)
            .map_err(|e| format!("cannot record in {}: {e}", parent.display()))?;
        eprintln!("recorded in {}", dir.display());
    }
    Ok(report.rows.iter().all(|row| row.hash_ok))
}

fn start(kind: Kind, args: &NetArgs, tls: &Path, report: &mut Report) -> Vec<Server> {
    let wanted = |peer: &&str| {
        peer.starts_with("cutwater")
            || args.peers.is_empty()
            || args.peers.iter().any(|p| p == peer)
    };
    let mut started = Vec::new();
    for peer in servers::peers(kind).iter().copied().filter(wanted) {
        match Server::start(peer, kind, tls) {
            Ok(server) => started.push(server),
            Err(why) => report.miss(Missing::new(peer, &why)),
        }
    }
    started
}

/// One cell: three rows, as one run gives three figures.
fn measure(
    args: &NetArgs,
    runtime: &Runtime,
    cell: &Cell,
    servers: &[Server],
    tls: &Connector,
    report: &mut Report,
    raw: &mut Vec<RawCell>,
) {
    let rounds = args.runs.map_or(if args.quick { 3 } else { 5 }, usize::from);
    let seconds = args.time.unwrap_or(if args.quick { 0.2 } else { 0.5 });
    let peers: Vec<_> = servers.iter().map(|server| server.peer).collect();
    let mut rates: Vec<_> = peers.iter().map(|peer| Series::new(peer)).collect();
    let mut tails = rates.clone();
    let costs = interleave(&peers, rounds, None, |index| {
        let load = load::run(runtime, &servers[index], cell, seconds, tls)?;
        rates[index].values.push(load.rate);
        tails[index].values.push(load.p99_us);
        Ok(Sample { value: load.cpu_ns / 1e3, hash_ok: load.right })
    });
    for (series, failed) in rates.iter_mut().chain(&mut tails).zip(costs.iter().cycle()) {
        (series.failed, series.hash_ok) = (failed.failed.clone(), failed.hash_ok);
    }
    for series in costs.iter().filter(|s| s.failed.is_some()) {
        report.miss(Missing::new(&series.name, series.failed.as_deref().unwrap_or_default()));
    }
    for (what, unit, better, all) in [
        ("cpu", "us/req", Better::Lower, &costs),
        ("rate", "req/s", Better::Higher, &rates),
        ("p99", "us", Better::Lower, &tails),
    ] {
        let name = format!("{}-{what}", cell.name());
        report.rows.push(Row::of(&name, unit, better, "cutwater-rt", all));
        let samples = all.iter().map(Into::into).collect();
        raw.push(RawCell { cell: name, unit, operations: 1, samples });
    }
}

/// The name of the cell of connections that say nothing.
const IDLE: &str = "idle-rss";

/// What connections cost that say nothing; once, as memory that a server has had stays with it.
fn idle(
    args: &NetArgs,
    runtime: &Runtime,
    servers: &[Server],
    report: &mut Report,
    raw: &mut Vec<RawCell>,
) {
    let connections = if args.quick { 500 } else { 10_000 };
    let need = rustix::process::Rlimit { current: Some(20_000), maximum: Some(20_000) };
    // With fewer descriptors the servers say so themselves.
    let _ = rustix::process::setrlimit(rustix::process::Resource::Nofile, need);
    let peers: Vec<_> = servers.iter().map(|server| server.peer).collect();
    let all = interleave(&peers, 1, None, |index| {
        let value = load::idle(runtime, &servers[index], connections)?;
        Ok(Sample { value, hash_ok: true })
    });
    for series in all.iter().filter(|s| s.failed.is_some()) {
        report.miss(Missing::new(&series.name, series.failed.as_deref().unwrap_or_default()));
    }
    report.rows.push(Row::of(IDLE, "B/conn", Better::Lower, "cutwater-rt", &all));
    let samples = all.iter().map(Into::into).collect();
    raw.push(RawCell { cell: IDLE.to_owned(), unit: "B/conn", operations: 1, samples });
}

/// A certificate for this run.
fn certify(dir: &Path) -> Result<(), String> {
    let say = |e: &dyn std::fmt::Display| format!("cannot make a certificate: {e}");
    let signed = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
    let signed = signed.map_err(|e| say(&e))?;
    std::fs::write(dir.join("cert.der"), signed.cert.der()).map_err(|e| say(&e))?;
    std::fs::write(dir.join("key.der"), signed.signing_key.serialize_der()).map_err(|e| say(&e))
}

/// The command that does this again.
fn command(args: &NetArgs) -> String {
    let mut line = "cargo run --release -p versus -- net".to_owned();
    if args.quick {
        line.push_str(" --quick");
    }
    if let Some(cells) = &args.cells {
        line.push_str(&format!(" --cells '{cells}'"));
    }
    if let Some(runs) = args.runs {
        line.push_str(&format!(" --runs {runs}"));
    }
    if let Some(time) = args.time {
        line.push_str(&format!(" --time {time}"));
    }
    line
}
