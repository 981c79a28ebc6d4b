//! One line of the report: what was looked at, how it stands, what to do.

use serde::Serialize;

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// Works.
    Ok,
    /// Works in part, or at a price.
    Limited,
    /// Does not work.
    Missing,
    /// Could not be tried.
    Untried,
}

impl State {
    /// The mark in the report.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Limited => "limited",
            Self::Missing => "missing",
            Self::Untried => "untried",
        }
    }
}

/// How to enable what is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Fix {
    /// What it brings, or when it is the right thing.
    pub(super) why: String,
    /// The command, where a command does it.
    pub(super) command: Option<String>,
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// Stable name, for programs.
    pub(super) id: &'static str,
    /// Heading that it stands under.
    pub(super) group: Group,
    /// Name for people.
    pub(super) title: &'static str,
    pub(super) state: State,
    pub(super) detail: String,
    pub(super) fix: Option<Fix>,
}

/// Headings, in the order of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Group {
    IoUring,
    Files,
    Device,
    Memory,
    Rights,
}

impl Group {
    pub(super) const ALL: [Self; 5] =
        [Self::IoUring, Self::Files, Self::Device, Self::Memory, Self::Rights];

    /// The heading.
    pub(super) fn heading(self) -> &'static str {
        match self {
            Self::IoUring => "io_uring",
            Self::Files => "Files here",
            Self::Device => "Device",
            Self::Memory => "Memory",
            Self::Rights => "Limits and rights",
        }
    }
}

/// Makes findings of one group.
#[derive(Debug, Clone, Copy)]
pub(super) struct In(pub(super) Group);

impl In {
    pub(super) fn ok(
        self,
        id: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Finding {
        self.is(State::Ok, id, title, detail)
    }

    pub(super) fn limited(
        self,
        id: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Finding {
        self.is(State::Limited, id, title, detail)
    }

    pub(super) fn missing(
        self,
        id: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Finding {
        self.is(State::Missing, id, title, detail)
    }

    pub(super) fn is(
        self,
        state: State,
        id: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Finding {
        Finding { id, group: self.0, title, state, detail: detail.into(), fix: None }
    }
}

impl Finding {
    /// Adds a command that helps.
    pub(super) fn run(mut self, why: impl Into<String>, command: impl Into<String>) -> Self {
        self.fix = Some(Fix { why: why.into(), command: Some(command.into()) });
        self
    }

    /// Adds advice for which there is no command.
    pub(super) fn hint(mut self, why: impl Into<String>) -> Self {
        self.fix = Some(Fix { why: why.into(), command: None });
        self
    }
}
