//! Records as they are written.

use std::io::IsTerminal;
use std::ops::ControlFlow;

use cutwater_logs::follow::{Event, Follow};
use cutwater_logs::render::Rendering;
use cutwater_logs::scan::{Feed, Lines, Rows, Sink, Tally};
use cutwater_logs::split::InputKind;
use cutwater_logs::watch::Watcher;

use super::plan::{Mode, Plan};
use super::watch::Watch;
use super::{Done, Emit, bad, report, rows};
use crate::failure::Failure;
use crate::words::shown;

/// Lines of each log that are shown before new ones, unless `--tail` says how many.
const TAIL_LINES: usize = 10;

/// Prints records until it is told to stop.
pub(super) fn follow(plan: &Plan, watch: &Watch) -> Result<Done, Failure> {
    match &plan.mode {
        Mode::Fields(names) => {
            let style = rows::style(&plan.args);
            let writer = rows::Writer::following(plan, names, style);
            run(plan, watch, Rendering::new(names, style), writer)
        }
        _ => run(plan, watch, Lines::default(), rows::Writer::following_lines(plan)),
    }
}

fn run<S: Sink<Out = Rows>>(
    plan: &Plan,
    watch: &Watch,
    sink: S,
    mut writer: rows::Writer,
) -> Result<Done, Failure> {
    let mut follows = open(plan)?;
    let watcher = Watcher::new(follows.iter().map(Follow::path));
    if let Some(why) = &watcher.refused {
        report::note(&format!("changes are looked for 4 times a second, as inotify said: {why}"));
    }
    let mut feed = Feed::new(&plan.logs, &plan.request, sink);
    let mut bad = bad::BadLines::new(plan)?;
    let mut tallies = vec![Tally::default(); plan.logs.len()];
    let mut shown = None;
    while !watch.is_interrupted() {
        for (log, follow) in follows.iter_mut().enumerate() {
            let each = |event: Event<'_>| {
                let mut part = match event {
                    Event::Lines { offset, bytes } => feed.lines(log, offset, bytes),
                    Event::LongLine { offset, length, start } => {
                        feed.long_line(log, offset, length, start)
                    }
                    told => {
                        tell(plan, log, &told);
                        return ControlFlow::Continue(());
                    }
                };
                let before = tallies[log].lines;
                part.bad_lines.iter_mut().for_each(|bad| bad.line += before);
                tallies[log].merge(&part.tally);
                bad.add(plan, log, &mut part.bad_lines)?;
                if part.out.ends.is_empty() {
                    return ControlFlow::Continue(());
                }
                if follows_many(plan) && shown.replace(log) != Some(log) {
                    writer.title(&plan.name(log));
                }
                writer.part(log, &mut part.out)?;
                writer.flush()
            };
            let name = plan.name(log);
            let failed = |e| Failure::new(format!("cannot go on following {name}")).because(e);
            follow.poll(each).map_err(failed)?;
        }
        if writer.has_failed() {
            break;
        }
        watcher.wait();
    }
    let bad = bad.finish()?;
    writer.finish()?;
    Ok(Done { tallies, bad, ..Done::default() })
}

/// Titles are for people: what a program reads has lines only.
fn follows_many(plan: &Plan) -> bool {
    plan.logs.len() > 1 && matches!(plan.mode, Mode::Lines) && std::io::stdout().is_terminal()
}

fn open(plan: &Plan) -> Result<Vec<Follow>, Failure> {
    let lines = plan.args.tail.unwrap_or(TAIL_LINES);
    let mut follows = Vec::new();
    for log in &plan.logs {
        let path = &log.input.path;
        if log.input.kind != InputKind::Plain {
            let name = shown(path);
            return Err(Failure::usage(format!(
                "{name} cannot be followed: only plain files grow by lines; \
                 a stream is printed as it comes without --follow"
            )));
        }
        let failed = |e| Failure::new(format!("cannot open {}", shown(path))).because(e);
        let max = plan.request.limits.line_bytes_max;
        follows.push(Follow::open(path, lines, max).map_err(failed)?);
    }
    Ok(follows)
}

fn tell(plan: &Plan, log: usize, event: &Event<'_>) {
    let what = match event {
        Event::Replaced => "was replaced; the new file is followed",
        Event::Truncated => "was truncated; it is followed from its start",
        Event::Lines { .. } | Event::LongLine { .. } => return,
    };
    report::note(&format!("{} {what}", plan.name(log)));
}
