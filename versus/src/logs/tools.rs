//! Programs that answer questions about logs, and how to parse their answers.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use crate::programs::timed;

/// A count, and a mean in thousandths where one was asked for.
pub(super) type Group = (u64, Option<i64>);

/// A program's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Count(u64),
    /// The count and mean of each group.
    Groups(BTreeMap<String, Group>),
    /// None: the program was only timed.
    None,
}

/// The form of a program's answer.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// The first number.
    Count,
    /// A row for each group: its name, its count, its mean.
    Groups,
    /// JSON of ours: `{"groups": [{"status": , "count": , "avg(latency_ms)": }]}`.
    Json,
    /// Any: it is not read.
    Ignore,
}

/// A program with its arguments.
#[derive(Debug, Clone)]
pub(super) struct Tool {
    pub name: &'static str,
    pub program: PathBuf,
    pub args: Vec<String>,
    pub form: Form,
    /// Whether its last line on standard error is the time that counts, seconds.
    pub own_time: bool,
}

impl Tool {
    /// Runs it once: seconds and answer.
    pub(super) fn ask(&self) -> Result<(f64, Answer), String> {
        let mut command = Command::new(&self.program);
        let (seconds, text) = timed(command.args(&self.args), self.name, self.own_time)?;
        Ok((seconds, parse_answer(self.form, &text)?))
    }
}

fn parse_answer(form: Form, text: &str) -> Result<Answer, String> {
    let strange = || format!("cannot parse the answer: {:.80}", text.trim());
    match form {
        Form::Ignore => Ok(Answer::None),
        Form::Count => {
            let number = text.split_whitespace().find_map(|word| word.parse().ok());
            number.map(Answer::Count).ok_or_else(strange)
        }
        Form::Groups => {
            let row = |line: &str| {
                let mut words = line.split([',', '\t', ' ']).filter(|w| !w.is_empty());
                let (name, count) = (words.next()?.to_owned(), words.next()?.parse().ok()?);
                let mean = words.next().and_then(|w| w.parse::<f64>().ok());
                Some((name, (count, mean.map(|m| (m * 1000.0).round() as i64))))
            };
            Ok(Answer::Groups(text.lines().filter_map(row).collect()))
        }
        Form::Json => {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_parsed_in_every_form() {
        assert_eq!(parse_answer(Form::Count, "12 x\n"), Ok(Answer::Count(12)));
        let rows = parse_answer(Form::Groups, "status count\n200 5 1.5\n404,2\n").expect("rows");
        let expected = [("200".to_owned(), (5, Some(1500))), ("404".to_owned(), (2, None))];
        assert_eq!(rows, Answer::Groups(expected.into()));
        let json = r#"{"groups":[{"status":"200","count":5,"avg(latency_ms)":1.5}]}"#;
        let expected = [("200".to_owned(), (5, Some(1500)))];
        assert_eq!(parse_answer(Form::Json, json), Ok(Answer::Groups(expected.into())));
        assert!(parse_answer(Form::Count, "none").is_err());
    }
}
