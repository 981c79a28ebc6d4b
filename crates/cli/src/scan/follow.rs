//! Records as they are written.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use cutwater_logs::follow::{Event, Follow};
use cutwater_logs::render::{Rendering, Style};
use cutwater_logs::scan::{Feed, Lines, Part, Rows, Sink, Tally};
use cutwater_logs::watch::Watcher;

use cutwater_shell::stop::Watch;
use cutwater_shell::words::shown;
use cutwater_shell::{Failure, note};

use super::bad::BadLines;
use super::done::Done;
use super::pass::Emit;
use super::plan::{Plan, RecordForm, Records};
use super::rows::Writer;

/// Lines of each log that are shown before new ones, unless `--tail` says how many.
const TAIL_LINES: usize = 10;

/// How long a log is quiet before its last record, which may still grow, is printed.
const QUIET: Duration = Duration::from_millis(400);

/// Prints records as they are written, until a signal ends it.
pub(super) fn follow(plan: &Plan, records: &Records, watch: &Watch) -> Result<Done, Failure> {
    let follows = open(plan, records.tail.unwrap_or(TAIL_LINES))?;
    match &records.form {
        RecordForm::Lines => {
            let mut writer = Writer::lines(records).without_end();
            print(plan, watch, follows, Lines::default(), &mut writer, titled(plan))
        }
        // Columns are as wide as their names: the width of what follows is not known.
        RecordForm::Table(names) | RecordForm::Arrow(names, _) => {
            fields(plan, watch, follows, records, names, Style::Tsv)
        }
        RecordForm::Fields(names, style) => fields(plan, watch, follows, records, names, *style),
    }
}

fn fields(
    plan: &Plan,
    watch: &Watch,
    follows: Vec<Follow>,
    records: &Records,
    names: &[String],
    style: Style,
) -> Result<Done, Failure> {
    let mut writer = Writer::fields(records, names, style).without_end();
    print(plan, watch, follows, Rendering::new(names, style), &mut writer, false)
}

/// Whether lines of several logs are titled. Titles are for people: another program gets only lines.
fn titled(plan: &Plan) -> bool {
    plan.logs.len() > 1 && std::io::stdout().is_terminal()
}

fn print<S: Sink<Out = Rows>>(
    plan: &Plan,
    watch: &Watch,
    mut follows: Vec<Follow>,
    sink: S,
    writer: &mut Writer,
    titled: bool,
) -> Result<Done, Failure> {
    let watcher = Watcher::new(follows.iter().map(Follow::path));
    if let Some(why) = &watcher.refused {
        note(&format!("changes are looked for 4 times a second, as inotify said: {why}"));
    }
    let tallies = vec![Tally::default(); plan.logs.len()];
    let mut feed = Feed::new(&plan.logs, &plan.request, sink);
    for (log, follow) in follows.iter_mut().enumerate() {
        let failed = |e| Failure::new(format!("cannot read {}", plan.name(log))).because(e);
        follow.back_to_record(|line| feed.begins_record(log, line)).map_err(failed)?;
    }
    let bad = BadLines::new(plan)?;
    let lines_at = vec![Instant::now(); plan.logs.len()];
    let mut printing =
        Printing { plan, feed, bad, tallies, writer, titled, last_log: None, lines_at };
    // The last error of each log.
    let mut troubles = vec![None; plan.logs.len()];
    while !watch.is_interrupted() {
        for (log, follow) in follows.iter_mut().enumerate() {
            let polled = follow.poll(|event| match watch.is_interrupted() {
                true => ControlFlow::Break(()),
                false => printing.event(log, event),
            });
            let trouble = polled.err().map(|e| e.to_string());
            if let Some(why) = trouble.as_ref().filter(|_| trouble != troubles[log]) {
                let name = plan.name(log);
                note(&format!("cannot read on in {name}: {why}; it is tried again"));
            }
            troubles[log] = trouble;
        }
        if printing.writer.has_failed() || printing.flush(QUIET).is_break() {
            break;
        }
        watcher.wait();
    }
    let _ = printing.flush(Duration::ZERO);
    let bad = printing.bad.finish()?;
    printing.writer.finish()?;
    Ok(Done { tallies: printing.tallies, bad, ..Done::default() })
}

/// Prints what happens to the logs.
struct Printing<'a, S: Sink<Out = Rows>> {
    plan: &'a Plan,
    feed: Feed<'a, S>,
    bad: BadLines,
    tallies: Vec<Tally>,
    writer: &'a mut Writer,
    titled: bool,
    /// The log of the last row.
    last_log: Option<usize>,
    /// When each log last had lines.
    lines_at: Vec<Instant>,
}

impl<S: Sink<Out = Rows>> Printing<'_, S> {
    fn event(&mut self, log: usize, event: Event<'_>) -> ControlFlow<()> {
        let part = match event {
            Event::Lines { offset, bytes } => {
                self.lines_at[log] = Instant::now();
                self.feed.lines(log, offset, bytes)
            }
            Event::LongLine { offset, length, is_ended, start } => {
                self.feed.long_line(log, offset, length + u64::from(is_ended), start)
            }
            other => {
                note(&change(&self.plan.name(log), &other));
                self.feed.flush(log)
            }
        };
        self.part(log, part)
    }

    /// Prints the last records of logs that have been quiet for `quiet`.
    fn flush(&mut self, quiet: Duration) -> ControlFlow<()> {
        for log in 0..self.lines_at.len() {
            if self.feed.holds(log) && self.lines_at[log].elapsed() >= quiet {
                let part = self.feed.flush(log);
                self.part(log, part)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn part(&mut self, log: usize, mut part: Part<Rows>) -> ControlFlow<()> {
        let before = self.tallies[log].lines;
        part.bad_lines.iter_mut().for_each(|bad| bad.line += before);
        self.tallies[log].merge(&part.tally);
        self.bad.add(self.plan, log, &mut part.bad_lines)?;
        if part.out.ends.is_empty() {
            return ControlFlow::Continue(());
        }
        if self.titled && self.last_log.replace(log) != Some(log) {
            self.writer.title(&self.plan.name(log));
        }
        self.writer.part(log, &mut part.out)?;
        self.writer.flush()
    }
}

/// What happened to the log `name`, for people.
fn change(name: &str, event: &Event<'_>) -> String {
    match event {
        Event::Replaced => format!("{name} was replaced; the new file is followed"),
        Event::Truncated => format!("{name} was truncated; it is followed from its start"),
        Event::Unusable { why } => format!(
            "{name} cannot be followed now: {why}; the file before is read on, and the path is tried again"
        ),
        Event::Usable => format!("{name} leads to the followed file again"),
        Event::Unread { why } => {
            format!("{name} led to a file that is not read: {why}; it is tried again")
        }
        Event::Lost { why } => format!("lines that were written to {name} are missing: {why}"),
        Event::Lines { .. } | Event::LongLine { .. } => format!("{name} has more lines"),
    }
}

/// Why something that is not a plain file is not followed.
pub(super) fn not_plain(path: &Path) -> Failure {
    Failure::usage(format!(
        "{} cannot be followed: only plain files grow by lines; \
         a stream is printed as it comes without --follow",
        shown(path)
    ))
}

/// Opens the logs at their last `lines` lines.
fn open(plan: &Plan, lines: usize) -> Result<Vec<Follow>, Failure> {
    let mut follows = Vec::new();
    for log in &plan.logs {
        let path = &log.input.path;
        if log.input.plain().is_none() {
            return Err(not_plain(path));
        }
        let failed = |e| Failure::new(format!("cannot open {}", shown(path))).because(e);
        let max = plan.request.limits.line_bytes_max;
        follows.push(Follow::open(path, lines, max).map_err(failed)?);
    }
    Ok(follows)
}
