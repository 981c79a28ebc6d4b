//! The suite `net`: echo over loopback, the server on one core and the requests on the other.

mod brake;
mod cells;
mod load;
mod process;
mod servers;

use std::collections::BTreeMap;

use cutwater_lab::{Better, Sample, Series, interleave};
use cutwater_rt::Runtime;
use cutwater_rt::tls::Connector;
use rustix::process::{Resource, Rlimit, setrlimit};
use tempfile::TempDir;

use crate::args::{NetArgs, NetServeArgs};
use crate::harness::command::CommandLine;
use crate::harness::pin::Pinned;
use crate::harness::publish::publish;
use crate::harness::raw::RawCell;
use crate::harness::report::Report;
use crate::harness::row::Row;
use crate::harness::{cells as names, pin, versions};
pub(crate) use cells::{Cell, Transport};
pub(crate) use load::Load;
use process::{Server, Setup};

/// The library whose servers are compared with the others'.
pub(crate) const OURS: &str = "cutwater-rt";
/// The name of the cell of connections that send nothing.
const IDLE: &str = "idle-rss";
/// The rounds of a cell.
const ROUNDS: usize = 6;

/// Serves, as the suite has asked in another process.
pub(crate) fn serve(args: &NetServeArgs) -> Result<bool, String> {
    let _kept = pin::keep_to(args.cpu)?;
    allow_descriptors();
    let transport = match (&args.tls, args.udp) {
        (Some(_), _) => Transport::Tls,
        (None, true) => Transport::Udp,
        (None, false) => Transport::Plain,
    };
    servers::serve(&args.peer, transport, args.tls.as_deref(), args.slow).map(|()| true)
}

/// Allows 20,000 descriptors. Where that is refused, opening too many fails with its own message.
fn allow_descriptors() {
    let many = Rlimit { current: Some(20_000), maximum: Some(20_000) };
    let _ = setrlimit(Resource::Nofile, many);
}

/// The load generator, and what servers are started with.
pub(crate) struct Bench {
    runtime: Runtime,
    certificate: TempDir,
    connector: Connector,
    server_cpu: usize,
    _kept: Pinned,
}

impl Bench {
    /// Keeps this process to the last core while it lives: servers get the first.
    pub(crate) fn new() -> Result<Self, String> {
        let certificate =
            tempfile::tempdir().map_err(|e| format!("cannot make a directory: {e}"))?;
        certify(certificate.path())?;
        let connector = load::connector(certificate.path())?;
        let (server_cpu, own_cpu) = pin::first_and_last()?;
        let kept = pin::keep_to(own_cpu)?;
        let runtime = Runtime::new().map_err(|e| format!("cannot start the load: {e}"))?;
        Ok(Self { runtime, certificate, connector, server_cpu, _kept: kept })
    }

    /// A second or less of requests to a server that is started for them: so the luck of one
    /// process (where its memory lies) is part of the noise and not of the figure.
    pub(crate) fn slice(
        &self,
        peer: &'static str,
        cell: &Cell,
        seconds: f64,
        slow: f64,
    ) -> Result<Load, String> {
        let server = Server::start(&self.setup(peer, cell.transport, slow))?;
        load::measure(&self.runtime, &server, cell, seconds, &self.connector)
    }

    fn setup(&self, peer: &'static str, transport: Transport, slow: f64) -> Setup<'_> {
        Setup { peer, transport, tls: self.certificate.path(), cpu: self.server_cpu, slow }
    }
}

/// Runs the suite and prints the report; whether all answers were right.
pub(crate) fn run(args: &NetArgs) -> Result<bool, String> {
    let common = &args.common;
    let mut cells = cells::all(common.quick);
    cells.retain(|cell| names::selected(&cell.name(), common.cells.as_deref()));
    let idle = names::selected(IDLE, common.cells.as_deref());
    if cells.is_empty() && !idle {
        return Err("--cells names no cell; run without it to see them".to_owned());
    }
    // The bench keeps this process to one core, which is not all that the host has.
    let mut report = Report::new("net", versions_of_packages());
    let bench = Bench::new()?;
    let mut raw = Vec::new();
    for (index, cell) in cells.iter().enumerate() {
        if !common.json {
            eprintln!("{:>3}/{} {}", index + 1, cells.len(), cell.name());
        }
        measure(args, &bench, cell, &mut report, &mut raw);
    }
    if idle {
        measure_idle(args, &bench, &mut report, &mut raw);
    }
    publish(common, command(args), &report, &raw)
}

/// The peers that serve by `transport` and that the arguments name.
fn peers(args: &NetArgs, transport: Transport) -> Vec<&'static str> {
    let wanted = |peer: &&str| {
        *peer == OURS || args.peers.is_empty() || args.peers.iter().any(|p| p == peer)
    };
    servers::peers(transport).iter().copied().filter(wanted).collect()
}

/// One cell: three rows, as one slice gives three figures.
fn measure(
    args: &NetArgs,
    bench: &Bench,
    cell: &Cell,
    report: &mut Report,
    raw: &mut Vec<RawCell>,
) {
    let rounds = args.common.runs.map_or(ROUNDS, usize::from);
    let seconds = args.time.unwrap_or(if args.common.quick { 0.2 } else { 1.0 });
    let peers = peers(args, cell.transport);
    let mut rates: Vec<_> = peers.iter().map(|peer| Series::new(peer)).collect();
    let mut tails = rates.clone();
    let costs = interleave(&peers, rounds, 1, |index| {
        let load = bench.slice(peers[index], cell, seconds, 0.0)?;
        rates[index].add(Ok(Sample { value: load.rate, right: load.right }));
        tails[index].add(Ok(Sample { value: load.p99_us, right: load.right }));
        Ok(Sample { value: load.cpu_ns / 1e3, right: load.right })
    });
    for (series, cost) in rates.iter_mut().chain(&mut tails).zip(costs.iter().cycle()) {
        series.failed.clone_from(&cost.failed);
    }
    report.miss_failed(&costs);
    for (what, unit, better, all) in [
        ("cpu", "us/req", Better::Lower, &costs),
        ("rate", "req/s", Better::Higher, &rates),
        ("p99", "us", Better::Lower, &tails),
    ] {
        let name = format!("{}-{what}", cell.name());
        report.add(Row::compare(&name, unit, better, OURS, all));
        raw.push(RawCell::new(&name, unit, all));
    }
}

/// The memory of a server for each connection that sends nothing.
fn measure_idle(args: &NetArgs, bench: &Bench, report: &mut Report, raw: &mut Vec<RawCell>) {
    let connections = if args.common.quick { 500 } else { 10_000 };
    allow_descriptors();
    let peers = peers(args, Transport::Plain);
    let rounds = args.common.runs.map_or(ROUNDS, usize::from);
    let all = interleave(&peers, rounds, 1, |index| {
        let server = Server::start(&bench.setup(peers[index], Transport::Plain, 0.0))?;
        let value = load::idle(&bench.runtime, &server, connections)?;
        Ok(Sample { value, right: true })
    });
    report.miss_failed(&all);
    report.add(Row::compare(IDLE, "B/conn", Better::Lower, OURS, &all));
    raw.push(RawCell::new(IDLE, "B/conn", &all));
}

/// A certificate for this run.
fn certify(dir: &std::path::Path) -> Result<(), String> {
    let say = |e: &dyn std::fmt::Display| format!("cannot make a certificate: {e}");
    let signed = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
    let signed = signed.map_err(|e| say(&e))?;
    std::fs::write(dir.join("cert.der"), signed.cert.der()).map_err(|e| say(&e))?;
    std::fs::write(dir.join("key.der"), signed.signing_key.serialize_der()).map_err(|e| say(&e))
}

/// Versions of ours and of the peers.
fn versions_of_packages() -> BTreeMap<String, String> {
    ["cutwater-rt", "tokio", "tokio-rustls", "monoio", "compio", "glommio", "rustls"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), versions::locked(name)?)))
        .collect()
}

fn command(args: &NetArgs) -> String {
    CommandLine::for_suite("net", &args.common)
        .value("--peers", Some(args.peers.join(",")).filter(|peers| !peers.is_empty()))
        .value("--time", args.time)
        .finish()
}
