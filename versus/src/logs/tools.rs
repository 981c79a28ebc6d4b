//! Programs as contenders: run, timed, and their answers understood.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// A count, and a mean in thousandths where one was asked for.
pub(super) type Group = (u64, Option<i64>);

/// What a program answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Count(u64),
    /// What each group holds.
    Groups(BTreeMap<String, Group>),
    /// It was only timed.
    None,
}

/// How to understand what a program prints.
#[derive(Debug, Clone, Copy)]
pub(super) enum Understand {
    /// The first number.
    Count,
    /// A row for each group: its name, its count, its mean.
    Groups,
    /// `{"groups": [{"status": , "count": , "avg(latency_ms)": }]}`, as ours has it.
    Json,
    /// Nothing.
    Ignore,
}

/// A program with its arguments.
#[derive(Debug, Clone)]
pub(super) struct Tool {
    pub name: &'static str,
    pub program: PathBuf,
    pub args: Vec<String>,
    pub understand: Understand,
    /// Whether its last line on standard error is the time that counts, seconds: for those that
    /// measure their own work without their start.
    pub own_time: bool,
}

impl Tool {
    /// Runs it once: seconds and answer.
    pub(super) fn run(&self) -> Result<(f64, Answer), String> {
        let mut command = Command::new(&self.program);
        command.args(&self.args).stdin(Stdio::null());
        let started = Instant::now();
        let out = command
            .output()
            .map_err(|e| format!("cannot start {}: {e}", self.program.display()))?;
        let mut seconds = started.elapsed().as_secs_f64();
        let said = String::from_utf8_lossy(&out.stderr);
        if !out.status.success() {
            let last = said.lines().last().unwrap_or_default();
            return Err(format!("{} ended with {}: {last}", self.name, out.status));
        }
        if self.own_time {
            let last = said.lines().last().and_then(|l| l.trim().parse().ok());
            seconds = last.ok_or_else(|| format!("{} did not say how long it took", self.name))?;
        }
        let text = String::from_utf8_lossy(&out.stdout);
        Ok((seconds, understood(self.understand, &text)?))
    }
}

fn understood(how: Understand, text: &str) -> Result<Answer, String> {
    let strange = || format!("an answer that is not understood: {:.80}", text.trim());
    match how {
        Understand::Ignore => Ok(Answer::None),
        Understand::Count => {
            let number = text.split_whitespace().find_map(|word| word.parse().ok());
            number.map(Answer::Count).ok_or_else(strange)
        }
        Understand::Groups => {
            let row = |line: &str| {
                let mut words = line.split([',', '\t', ' ']).filter(|w| !w.is_empty());
                let (name, count) = (words.next()?.to_owned(), words.next()?.parse().ok()?);
                let mean = words.next().and_then(|w| w.parse::<f64>().ok());
                Some((name, (count, mean.map(|m| (m * 1000.0).round() as i64))))
            };
            Ok(Answer::Groups(text.lines().filter_map(row).collect()))
        }
        Understand::Json => {
            let value: serde_json::Value = serde_json::from_str(text).map_err(|_| strange())?;
            let group = |g: &serde_json::Value| {
                let name = g["status"].as_str()?.to_owned();
                let mean = g["avg(latency_ms)"].as_f64();
                Some((name, (g["count"].as_u64()?, mean.map(|m| (m * 1000.0).round() as i64))))
            };
            let groups = value["groups"].as_array().ok_or_else(strange)?;
            Ok(Answer::Groups(groups.iter().filter_map(group).collect()))
        }
    }
}

/// A program on `PATH`, or at the path given.
pub(super) fn found(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|p| p.exists());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|p| p.is_file())
}

/// The `cutwater` of this build.
pub(super) fn ours() -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|e| format!("cannot find this program: {e}"))?;
    let beside = own.parent().map(|dir| dir.join("cutwater")).filter(|p| p.exists());
    beside.ok_or_else(|| {
        "there is no cutwater beside this program; build it: cargo build --release".to_owned()
    })
}

/// What a program calls itself with `--version`.
pub(super) fn version(program: &Path) -> Option<String> {
    let out = Command::new(program).arg("--version").output().ok()?;
    String::from_utf8_lossy(&out.stdout).lines().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_understood_in_every_form() {
        assert_eq!(understood(Understand::Count, "12 x\n"), Ok(Answer::Count(12)));
        let rows =
            understood(Understand::Groups, "status count\n200 5 1.5\n404,2\n").expect("rows");
        let expected = [("200".to_owned(), (5, Some(1500))), ("404".to_owned(), (2, None))];
        assert_eq!(rows, Answer::Groups(expected.into()));
        let json = r#"{"groups":[{"status":"200","count":5,"avg(latency_ms)":1.5}]}"#;
        let expected = [("200".to_owned(), (5, Some(1500)))];
        assert_eq!(understood(Understand::Json, json), Ok(Answer::Groups(expected.into())));
        assert!(understood(Understand::Count, "none").is_err());
    }
}
