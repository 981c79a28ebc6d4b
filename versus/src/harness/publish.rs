//! Printing a report and keeping a run.

use std::collections::BTreeMap;
use std::path::Path;

use cutwater_lab::{Export, Host, Json, Recorded, Table, record};
use serde::Serialize;

use super::raw::RawCell;
use super::report::Report;
use crate::args::Common;

/// Everything that is kept of a run of a suite.
#[derive(Debug, Serialize)]
struct Raw<'a> {
    report: &'a Report,
    cells: &'a [RawCell],
}

/// Prints the report of a suite, keeps the run where `--record` asks for it, and returns whether
/// every result was right.
pub(crate) fn publish(
    common: &Common,
    command: String,
    report: &Report,
    cells: &[RawCell],
) -> Result<bool, String> {
    print(common.json, report)?;
    if let Some(parent) = &common.record {
        keep(parent, command, &report.host, &report.versions, &Raw { report, cells })?;
    }
    Ok(report.rows.iter().all(|row| row.hash_ok))
}

/// Prints a report as JSON or as tables.
pub(crate) fn print(json: bool, report: &impl cutwater_lab::Report) -> Result<(), String> {
    let text = if json { Json.export(report) } else { Table.export(report) };
    println!("{}", text.map_err(|e| format!("cannot write the report: {e}"))?.trim_end());
    Ok(())
}

/// Writes the folder of a run below `parent` and prints where it is.
pub(crate) fn keep(
    parent: &Path,
    command: String,
    host: &Host,
    versions: &BTreeMap<String, String>,
    raw: &impl Serialize,
) -> Result<(), String> {
    let run = Recorded { command, host: host.clone(), versions: versions.clone() };
    let dir = record(parent, &run, raw)
        .map_err(|e| format!("cannot record in {}: {e}", parent.display()))?;
    eprintln!("recorded in {}", dir.display());
    Ok(())
}
