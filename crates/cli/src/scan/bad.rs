//! Bad lines on their way to the report and to `--errors FILE`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;

use cutwater_logs::bad::BadLine;

use super::plan::Plan;
use cutwater_shell::Failure;
use cutwater_shell::words::shown;

/// The most bad lines that are shown.
const SHOWN_MAX: usize = 10;

pub(super) struct BadLines {
    shown: Vec<(usize, BadLine)>,
    file: Option<BufWriter<File>>,
    failed: Option<std::io::Error>,
}

impl BadLines {
    pub(super) fn new(plan: &Plan) -> Result<Self, Failure> {
        let create = |path: &PathBuf| {
            let failed = |e| Failure::new(format!("cannot create {}", shown(path))).because(e);
            File::create(path).map(BufWriter::new).map_err(failed)
        };
        let file = plan.errors.as_ref().map(create).transpose()?;
        Ok(Self { shown: Vec::new(), file, failed: None })
    }

    pub(super) fn add(
        &mut self,
        plan: &Plan,
        log: usize,
        bad: &mut Vec<BadLine>,
    ) -> ControlFlow<()> {
        if bad.is_empty() {
            return ControlFlow::Continue(());
        }
        let name = plan.name(log);
        for line in bad.drain(..) {
            if let Some(file) = &mut self.file {
                let BadLine { line: number, offset, column, reason, excerpt } = &line;
                let row = format!("{name}\t{number}\t{offset}\t{column}\t{reason}\t{excerpt}\n");
                if let Err(e) = file.write_all(row.as_bytes()) {
                    self.failed = Some(e);
                    return ControlFlow::Break(());
                }
            }
            if self.shown.len() < SHOWN_MAX {
                self.shown.push((log, line));
            }
        }
        ControlFlow::Continue(())
    }

    pub(super) fn finish(mut self) -> Result<Vec<(usize, BadLine)>, Failure> {
        let flushed = self.file.as_mut().map_or(Ok(()), Write::flush);
        match self.failed.map_or(flushed, Err) {
            Ok(()) => Ok(self.shown),
            Err(e) => Err(Failure::new("cannot write the bad lines").because(e)),
        }
    }
}
