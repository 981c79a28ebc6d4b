//! Bad lines on their way to the report and to `--errors FILE`.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;

use cutwater_logs::bad::BadLine;
use cutwater_shell::Failure;
use cutwater_shell::output_file::OutputFile;

use super::plan::Plan;

/// The most bad lines that are shown.
const SHOWN_MAX: usize = 10;

pub(super) struct BadLines {
    shown: Vec<(usize, BadLine)>,
    list: Option<List>,
    failed: Option<io::Error>,
}

/// The file that lists all bad lines.
struct List {
    out: Box<dyn Write + Send>,
    /// It gets its name when it is whole.
    unpublished: Option<OutputFile>,
    /// Whether somebody reads it while it is written.
    is_live: bool,
}

impl List {
    fn create(path: &Path, plan: &Plan) -> Result<Self, Failure> {
        let file = OutputFile::create(path, &plan.inputs)?;
        let (out, is_live) = (file.writer()?, plan.output.is_endless());
        // A list that has no end is never whole.
        let unpublished = if is_live { file.publish().map(|()| None)? } else { Some(file) };
        Ok(Self { out, unpublished, is_live })
    }

    fn add(&mut self, name: &str, line: &BadLine) -> io::Result<()> {
        let BadLine { line: number, offset, column, reason, excerpt } = line;
        let row = format!("{name}\t{number}\t{offset}\t{column}\t{reason}\t{excerpt}\n");
        self.out.write_all(row.as_bytes())?;
        if self.is_live { self.out.flush() } else { Ok(()) }
    }
}

impl BadLines {
    pub(super) fn new(plan: &Plan) -> Result<Self, Failure> {
        let list = plan.errors.as_deref().map(|path| List::create(path, plan)).transpose()?;
        Ok(Self { shown: Vec::new(), list, failed: None })
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
            if let Some(Err(e)) = self.list.as_mut().map(|list| list.add(&name, &line)) {
                self.failed = Some(e);
                return ControlFlow::Break(());
            }
            if self.shown.len() < SHOWN_MAX {
                self.shown.push((log, line));
            }
        }
        ControlFlow::Continue(())
    }

    pub(super) fn finish(mut self) -> Result<Vec<(usize, BadLine)>, Failure> {
        let failed = |e: io::Error| match e.kind() {
            // The reader of standard output has gone.
            io::ErrorKind::BrokenPipe => Failure::output(e),
            _ => Failure::new("cannot write the bad lines").because(e),
        };
        if let Some(e) = self.failed {
            return Err(failed(e));
        }
        if let Some(list) = &mut self.list {
            list.out.flush().map_err(failed)?;
            list.unpublished.take().map_or(Ok(()), OutputFile::publish)?;
        }
        Ok(self.shown)
    }
}
