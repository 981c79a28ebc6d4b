//! `cutwater doctor`: what this host can do.

use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;

use crate::failure::Failure;
use crate::{Outcome, output};

/// What clap read.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A file, directory or block device whose file system and disk to look at.
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    kernel: String,
    machine: String,
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Outcome {
    std::fs::metadata(&args.path).map_err(|e| {
        Failure::usage(format!("cannot inspect {}", args.path.display())).because(e)
    })?;
    let report = Report { kernel: kernel("osrelease")?, machine: std::env::consts::ARCH.into() };
    if args.json {
        output::json(&report)?;
    } else {
        output::text(&format!("Linux {} on {}\n", report.kernel, report.machine))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn kernel(name: &str) -> Result<String, Failure> {
    let path = format!("/proc/sys/kernel/{name}");
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(e) => Err(Failure::new(format!("cannot read {path}")).because(e)),
    }
}
