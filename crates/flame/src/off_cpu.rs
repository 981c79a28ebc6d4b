//! The time that threads are off the CPU, by what they wait in.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use cutwater_observe::perf::OffCpu;
use serde::Serialize;

use super::error::FlameError;
use super::fold::{self, Folded};
use super::shares::{self, Share};
use super::symbols::Names;
use super::{SHARE_MIN, SHARES_SHOWN};
use cutwater_shell::words::{are, counted, shown};

/// The waits of a picture.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// Nanoseconds by stack.
    folded: Folded,
    waits: u64,
    lost: u64,
    why_not: Option<String>,
}

/// What the waits showed, besides the picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OffCpuReport {
    /// How often a thread left its CPU.
    pub waits: u64,
    /// Time off the CPU, all threads together.
    pub microseconds: u64,
    /// Waits that are not in it: no room in a ring, or too many different stacks.
    pub lost: u64,
    /// What is missing, why, and how to get it.
    pub notes: Vec<String>,
    /// The share of that time under entry points of interest, largest first.
    pub shares: Vec<OffCpuShare>,
}

/// How much of the time off the CPU was in one thing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OffCpuShare {
    name: &'static str,
    microseconds: u64,
    share: f64,
}

impl Waiting {
    pub(crate) fn add(&mut self, off_cpu: &OffCpu, names: &Names, label: Option<&str>) {
        for (line, ns) in fold::fold(&off_cpu.stacks, names, label) {
            *self.folded.entry(line).or_insert(0) += ns;
        }
        self.waits += off_cpu.waits;
        self.lost += off_cpu.lost + off_cpu.unkept;
        self.why_not = self.why_not.take().or_else(|| off_cpu.why_not.clone());
    }

    /// Microseconds by stack, and their report.
    pub(crate) fn report(&self) -> Result<(Folded, OffCpuReport), FlameError> {
        let folded: Folded = self
            .folded
            .iter()
            .map(|(line, ns)| (line.clone(), (ns + 500) / 1000))
            .filter(|(_, us)| *us > 0)
            .collect();
        if folded.is_empty() {
            return Err(FlameError::NoWaits(self.why_not.clone()));
        }
        let lost = (self.lost > 0)
            .then(|| format!("{} {} missing", counted(self.lost, "wait"), are(self.lost)));
        let notes: BTreeSet<_> = self.why_not.iter().cloned().chain(lost).collect();
        let report = OffCpuReport {
            waits: self.waits,
            microseconds: folded.values().sum(),
            lost: self.lost,
            notes: notes.into_iter().collect(),
            shares: shares::off_cpu(&folded).into_iter().map(OffCpuShare::from).collect(),
        };
        Ok((folded, report))
    }
}

impl From<Share> for OffCpuShare {
    fn from(Share { name, samples, share }: Share) -> Self {
        Self { name, microseconds: samples, share }
    }
}

impl OffCpuReport {
    /// A line with the file of the graph, the time in it, and the largest shares.
    pub fn line(&self, file: &Path) -> String {
        format!("{}: {}", shown(file), self.summary())
    }

    /// The time and the largest shares.
    pub fn summary(&self) -> String {
        let ms = self.microseconds as f64 / 1e3;
        let mut line = format!("{ms:.1} ms off CPU in {}", counted(self.waits, "wait"));
        for share in self.shares.iter().filter(|s| s.share >= SHARE_MIN).take(SHARES_SHOWN) {
            let _ = write!(line, ", {} {:.0} %", share.name, share.share * 100.0);
        }
        line
    }
}

/// The file for the graph of the time off the CPU: `hot.offcpu.svg` next to `hot.svg`.
pub fn beside(path: &Path) -> PathBuf {
    path.with_extension("offcpu.svg")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(lines: &[(&str, u64)]) -> Waiting {
        let folded = lines.iter().map(|(line, ns)| ((*line).to_owned(), *ns)).collect();
        Waiting { folded, waits: 3, ..Waiting::default() }
    }

    #[test]
    fn time_is_in_microseconds_and_shares_are_of_time() {
        let (read, poll) = ("all;main;__x64_sys_read_[k];schedule_[k]", "all;do_sys_poll_[k]");
        let (folded, report) =
            waiting(&[(read, 3_000_400), (poll, 1_000_000), ("all", 499)]).report().unwrap();
        assert_eq!((folded.len(), folded[read], report.microseconds), (2, 3_000, 4_000));
        let text = report.line(Path::new("x.offcpu.svg"));
        assert_eq!(text, "x.offcpu.svg: 4.0 ms off CPU in 3 waits, read 75 %, poll 25 %");
    }

    #[test]
    fn without_waits_the_reason_is_said() {
        let refused = Waiting { why_not: Some("paranoid".to_owned()), ..Waiting::default() };
        assert!(refused.report().unwrap_err().to_string().contains("paranoid"));
        assert!(Waiting::default().report().unwrap_err().to_string().contains("no thread"));
    }

    #[test]
    fn the_second_graph_is_beside_the_first() {
        assert_eq!(beside(Path::new("a/hot.svg")), Path::new("a/hot.offcpu.svg"));
        assert_eq!(beside(Path::new("hot")), Path::new("hot.offcpu.svg"));
    }
}
