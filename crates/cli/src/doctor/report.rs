//! The report for people.

use std::fmt::Write;

use super::choices::{self, Choice};
use super::facts::{Facts, Kind};
use super::finding::{Finding, Fix, Group, State};
use cutwater_shell::words::shown;

/// How to lay the report out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// Columns to wrap at; none where a program reads.
    pub(super) columns: Option<usize>,
    pub(super) colour: bool,
}

/// Columns of the mark and of the title, with the space after them.
const MARK: usize = 9;
const TITLE: usize = 20;
const INDENT: usize = 2;

/// Narrower than this, lines break at words of their own length.
const TEXT_COLUMNS_MIN: usize = 24;

/// Lays out the whole report.
pub(super) fn report(facts: &Facts, findings: &[Finding], style: Style) -> String {
    let mut page = Page { out: String::new(), style };
    page.head(facts);
    for group in Group::ALL {
        page.heading(group.heading());
        for finding in findings.iter().filter(|f| f.group == group) {
            page.row(finding.state.word(), Some(finding.state), finding.title, &finding.detail);
        }
    }
    page.choices(facts);
    page.fixes(findings);
    page.out
}

struct Page {
    out: String,
    style: Style,
}

impl Page {
    fn head(&mut self, facts: &Facts) {
        let version = env!("CARGO_PKG_VERSION");
        let title = format!("Cutwater {version} on Linux {} ({})", facts.kernel, facts.machine);
        self.line(&title, Some(BOLD));
        self.wrapped(0, 0, &place(facts));
    }

    fn heading(&mut self, text: &str) {
        self.out.push('\n');
        self.line(text, Some(BOLD));
    }

    fn line(&mut self, text: &str, code: Option<&str>) {
        let text = self.painted(text, code);
        self.out += text.trim_end();
        self.out.push('\n');
    }

    fn painted(&self, text: &str, code: Option<&str>) -> String {
        match code {
            Some(code) if self.style.colour && !text.is_empty() => {
                format!("\x1b[{code}m{text}\x1b[0m")
            }
            _ => text.to_owned(),
        }
    }

    /// Mark, title and text, which hangs under itself.
    fn row(&mut self, mark: &str, state: Option<State>, title: &str, text: &str) {
        let mark = self.painted(&format!("{mark:<MARK$}"), state.map(colour));
        let _ = write!(self.out, "{:INDENT$}{mark}{title:<TITLE$}", "");
        let used = INDENT + MARK + TITLE.max(title.chars().count());
        self.wrapped(used, INDENT + MARK + TITLE, text);
    }

    /// Breaks `text` at spaces; the first line has `used` columns already, later ones begin
    /// at `indent`.
    fn wrapped(&mut self, used: usize, indent: usize, text: &str) {
        let columns = self.style.columns.unwrap_or(usize::MAX);
        let columns = columns.max(indent.saturating_add(TEXT_COLUMNS_MIN));
        let mut at = used;
        let mut first = true;
        for word in text.split(' ') {
            let len = word.chars().count();
            if !first && at + 1 + len > columns {
                let _ = write!(self.out, "\n{:indent$}", "");
                at = indent;
            } else if !first {
                self.out.push(' ');
                at += 1;
            }
            self.out += word;
            at += len;
            first = false;
        }
        self.out.push('\n');
    }

    fn choices(&mut self, facts: &Facts) {
        self.heading("What Cutwater will use");
        let choices = choices::choices(facts);
        if choices.is_empty() {
            let why = match facts.works() {
                true => "  unknown: no file could be tried here",
                false => "  nothing: no path can read here",
            };
            self.wrapped(0, INDENT, why);
            return;
        }
        for Choice { title, path, reason, .. } in &choices {
            self.choice(title, path, reason);
        }
        let flags = choices::ring_flags(facts);
        let none = "no ring; reads use calls".to_owned();
        let flags = if facts.has_ring() { flags.join(" ") } else { none };
        self.choice("ring flags", "", &flags);
        let buffers = match choices::registered_buffers(facts) {
            true => "registered for direct reads of large blocks",
            false => "not registered: each read pins its pages again",
        };
        if facts.has_ring() {
            self.choice("ring buffers", "", buffers);
        }
    }

    /// A case, in the columns of the rows above.
    fn choice(&mut self, title: &str, path: &str, reason: &str) {
        const CASE: usize = 19;
        const PATH: usize = MARK + TITLE - CASE - 1;
        let path = match path {
            "" => String::new(),
            path => format!("{path:<w$} ", w = PATH.max(12)),
        };
        let _ = write!(self.out, "{:INDENT$}{title:<CASE$}", "");
        let used = INDENT + CASE + path.chars().count();
        let path = self.painted(&path, Some(BOLD));
        self.out += &path;
        self.wrapped(used, used, reason);
    }

    fn fixes(&mut self, findings: &[Finding]) {
        let fixes = by_fix(findings);
        if !fixes.is_empty() {
            self.heading("To enable the rest");
        }
        for (fix, titles) in fixes {
            self.line(&format!("  {}", titles.join(", ")), Some(BOLD));
            let _ = write!(self.out, "{:4}", "");
            self.wrapped(4, 4, &fix.why);
            if let Some(command) = &fix.command {
                // Never wrapped: it is there to be copied.
                let _ = writeln!(self.out, "      {command}");
            }
        }
    }
}

/// Each fix once, with the titles of all that it helps, in the order of the report.
fn by_fix(findings: &[Finding]) -> Vec<(&Fix, Vec<&'static str>)> {
    let mut fixes: Vec<(&Fix, Vec<&'static str>)> = Vec::new();
    for finding in findings {
        let Some(fix) = &finding.fix else { continue };
        match fixes.iter_mut().find(|(known, _)| *known == fix) {
            Some((_, titles)) => titles.push(finding.title),
            None => fixes.push((fix, vec![finding.title])),
        }
    }
    fixes
}

fn place(facts: &Facts) -> String {
    let path = shown(&facts.path);
    match (&facts.mount, facts.kind) {
        (_, Kind::BlockDevice) => format!("{path}: a block device"),
        (None, _) => format!("{path}: file system unknown without /proc"),
        (Some(mount), _) => format!(
            "{path}: {} from {}, mounted on {} ({})",
            mount.fs_type,
            shown(&mount.source),
            shown(&mount.at),
            mount.options.replace(',', ", ")
        ),
    }
}

const BOLD: &str = "1";

fn colour(state: State) -> &'static str {
    match state {
        State::Ok => "32",
        State::Limited => "33",
        State::Missing => "31",
        State::Untried => "2",
    }
}

#[cfg(test)]
mod tests {
    use super::super::advice::{findings, sample::facts};
    use super::*;

    fn page(columns: Option<usize>, colour: bool) -> String {
        let mut facts = facts();
        facts.ring.registered_bytes_max = 4096;
        report(&facts, &findings(&facts), Style { columns, colour })
    }

    #[test]
    fn lines_fit_the_terminal_but_commands_are_never_broken() {
        for columns in [60, 80, 120] {
            for line in page(Some(columns), false).lines() {
                let command = line.starts_with("      ");
                assert!(command || line.chars().count() <= columns, "{columns}: {line:?}");
                assert_eq!(line, line.trim_end());
            }
        }
    }

    #[test]
    fn for_programs_each_finding_is_one_line() {
        let text = page(None, false);
        for finding in findings(&facts()) {
            let lines = text.lines().filter(|l| l.contains(finding.title));
            assert!(lines.count() >= 1, "{}", finding.title);
        }
        assert!(text.lines().any(|l| l.starts_with("  ok       operations          all 3")));
    }

    #[test]
    fn without_colour_there_is_no_escape_and_the_words_are_the_same() {
        let plain = page(Some(80), false);
        assert!(!plain.contains('\x1b'));
        let mut coloured = page(Some(80), true);
        for code in ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m"] {
            coloured = coloured.replace(code, "");
        }
        let trimmed = |s: &str| s.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        assert_eq!(trimmed(&plain), trimmed(&coloured));
    }
}
