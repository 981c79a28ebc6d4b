//! The files that a report is written into.

use std::path::PathBuf;

use cutwater_lab::Csv;
use cutwater_shell::Failure;
use cutwater_shell::output_file::{Inputs, OutputFile};

use super::args::BenchArgs;
use super::report::Report;
use super::{cells, html};

/// They are begun before the measurement, so that one that cannot be written fails early, and get
/// their names when they are whole.
#[derive(Debug)]
pub(super) struct Exports {
    json: Option<OutputFile>,
    csv: Option<OutputFile>,
    html: Option<OutputFile>,
}

impl Exports {
    /// Begins the files that `args` name.
    pub(super) fn begin(args: &BenchArgs, inputs: &Inputs) -> Result<Self, Failure> {
        let begin = |path: &Option<PathBuf>| {
            path.as_deref().map(|path| OutputFile::create(path, inputs)).transpose()
        };
        Ok(Self {
            json: begin(&args.export_json)?,
            csv: begin(&args.export_csv)?,
            html: begin(&args.export_html)?,
        })
    }

    /// Writes `report` into all of them.
    pub(super) fn write(self, report: &Report) -> Result<(), Failure> {
        if let Some(file) = self.json {
            let json = serde_json::to_string_pretty(report)
                .map_err(|e| Failure::new("cannot write the report as JSON").because(e))?;
            file.write_whole(&(json + "\n"))?;
        }
        if let Some(file) = self.csv {
            file.write_whole(&Csv::sheet(&cells::sheet(report)))?;
        }
        self.html.map_or(Ok(()), |file| file.write_whole(&html::page(report)))
    }
}
