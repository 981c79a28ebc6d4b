//! The choices made for a file, for `File::explain`.

use std::collections::VecDeque;

use crate::ReadPath;
use crate::choose::facts::Plan;
use crate::pass::lane::Lane;
use crate::report::{Choice, Explanation};

/// The last choices and the sums over all of them; bounded.
#[derive(Debug, Default)]
pub(crate) struct ChoiceLog {
    last: VecDeque<(Plan, u64, u64)>,
    /// Ranges by path.
    by_path: [u64; ReadPath::ALL.len()],
}

impl ChoiceLog {
    /// Adds that `hits` and `misses` ranges and `bytes` were read under `plan`.
    pub(crate) fn add(&mut self, plan: &Plan, hits: u64, misses: u64, bytes: u64) {
        self.by_path[index(plan.hit)] += hits;
        self.by_path[index(plan.miss)] += misses;
        match self.last.back_mut().filter(|(last, ..)| last.reason == plan.reason) {
            Some(last) => *last = (*plan, last.1 + hits + misses, last.2 + bytes),
            None => {
                if self.last.len() == Explanation::KEPT {
                    self.last.pop_front();
                }
                self.last.push_back((*plan, hits + misses, bytes));
            }
        }
    }

    pub(crate) fn explanation(&self) -> Explanation {
        let choices = self.last.iter().map(|(plan, ranges, bytes)| Choice {
            path: if hits_only(plan) { plan.hit.path() } else { plan.miss.path() },
            reason: plan.reason.to_string(),
            ranges: *ranges,
            bytes: *bytes,
        });
        let by_path = ReadPath::ALL.into_iter().zip(self.by_path).filter(|(_, n)| *n > 0);
        Explanation { choices: choices.collect(), ranges_by_path: by_path.collect(), ring: None }
    }
}

fn hits_only(plan: &Plan) -> bool {
    plan.probe != crate::choose::facts::Probe::Each
}

fn index(lane: Lane) -> usize {
    ReadPath::ALL.iter().position(|&p| p == lane.path()).unwrap_or(0)
}
