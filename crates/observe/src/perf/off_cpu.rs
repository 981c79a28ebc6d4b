//! The stacks in which threads wait, and for how long.
//!
//! The software event for context switches is a sample when a thread leaves its CPU, with its
//! stack; the record of the switch back has the time at which it continues. Neither needs
//! tracefs and thus root, as the tracepoint `sched:sched_switch` would.

use std::collections::HashMap;
use std::os::fd::OwnedFd;

use super::chains::Chains;
use super::error::PerfError;
use super::now_ns;
use super::open::{self, Attr};
use super::record::{Record, Records};
use super::session::{self, Events};
use super::stacks::{FRAMES_MAX, Stack};

/// A record arrives in its ring at most this long after its time, nanoseconds.
const LATE_NS: u64 = 1_000_000;
/// Most switches that are held until they can be sorted.
const PENDING_MAX: usize = 1 << 18;
/// Most threads that wait at a time; the wait of one more is lost.
const THREADS_MAX: usize = 65_536;

/// Waits of the threads of a process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OffCpu {
    /// Different stacks and the nanoseconds spent off the CPU in each, longest first.
    pub stacks: Vec<(Stack, u64)>,
    /// How often a thread left its CPU: to wait, or because another thread got it.
    pub waits: u64,
    /// Records that found no room; the wait of each is missing.
    pub lost: u64,
    /// Waits whose stack was not kept, as there were too many different ones (16,384).
    pub unkept: u64,
    /// Why waits are missing.
    pub why_not: Option<String>,
}

impl OffCpu {
    pub(super) fn refused(why_not: String) -> Self {
        Self { why_not: Some(why_not), ..Self::default() }
    }

    /// Nanoseconds in `stacks`.
    #[must_use]
    pub fn total_ns(&self) -> u64 {
        self.stacks.iter().map(|(_, ns)| ns).sum()
    }
}

/// Records of waits as they come.
#[derive(Debug)]
pub(super) struct Recorder {
    events: Events,
    bytes: Vec<u8>,
    pid: u32,
    waits: Waits,
}

impl Recorder {
    /// Opens the events on all threads of `pid`, not yet enabled.
    pub(super) fn open(pid: u32) -> Result<Self, PerfError> {
        let events = Events::open(pid, &session::accepted(attr())?)?;
        Ok(Self { events, bytes: Vec::new(), pid, waits: Waits::default() })
    }

    /// The events, for the caller to enable and disable.
    pub(super) fn take_events(&mut self) -> Vec<OwnedFd> {
        std::mem::take(&mut self.events.events)
    }

    /// Takes what was recorded, without the waits of thread `skip_tid`.
    pub(super) fn drain(&mut self, skip_tid: u32) {
        for ring in &mut self.events.rings {
            self.bytes.clear();
            if !ring.drain(&mut self.bytes) {
                self.waits.lost += 1;
            }
            self.waits.take(&self.bytes, self.pid, skip_tid);
        }
        self.waits.settle(now_ns().saturating_sub(LATE_NS));
    }

    /// All waits; those that have not ended end now.
    pub(super) fn finish(self) -> OffCpu {
        self.waits.finish(now_ns())
    }
}

fn attr() -> Attr {
    let mut attr = Attr::new(open::TYPE_SOFTWARE, open::SOFTWARE_CONTEXT_SWITCHES);
    // A period: every switch.
    attr.sample_freq = 1;
    attr.sample_type = open::SAMPLE_TID | open::SAMPLE_TIME | open::SAMPLE_CALLCHAIN;
    attr.sample_max_stack = FRAMES_MAX as u16;
    attr.clockid = libc::CLOCK_MONOTONIC;
    let records = open::CONTEXT_SWITCH | open::SAMPLE_ID_ALL | open::USE_CLOCKID;
    attr.with(open::DISABLED | open::INHERIT | open::EXCLUDE_HV | records)
}

/// A thread leaves its CPU, with its chain, or is back.
#[derive(Debug, Clone, Copy)]
struct Switch {
    time_ns: u64,
    tid: u32,
    leaves_in: Option<u32>,
}

/// Waits added up by their stacks.
#[derive(Debug, Default)]
struct Waits {
    chains: Chains,
    /// By the number of the chain.
    ns: Vec<u64>,
    pending: Vec<Switch>,
    away: HashMap<u32, (u64, u32)>,
    waits: u64,
    lost: u64,
    unkept: u64,
}

impl Waits {
    fn take(&mut self, bytes: &[u8], of_pid: u32, skip_tid: u32) {
        let is_ours = |pid, tid| pid == of_pid && tid != skip_tid;
        for record in Records::timed(bytes) {
            match record {
                Record::Timed { pid, tid, time_ns, chain } if is_ours(pid, tid) => {
                    match self.chains.number(chain) {
                        Some(number) => self.push(time_ns, tid, Some(number)),
                        None => self.unkept += 1,
                    }
                }
                Record::Back { pid, tid, time_ns } if is_ours(pid, tid) => {
                    self.push(time_ns, tid, None);
                }
                Record::Lost(n) => self.lost += n,
                Record::Garbled => self.lost += 1,
                _ => {}
            }
        }
    }

    fn push(&mut self, time_ns: u64, tid: u32, leaves_in: Option<u32>) {
        if self.pending.len() < PENDING_MAX {
            self.pending.push(Switch { time_ns, tid, leaves_in });
        } else {
            self.lost += 1;
        }
    }

    /// Takes the switches until `until_ns` in order of time: those of a thread that moves from
    /// CPU to CPU are in several rings.
    fn settle(&mut self, until_ns: u64) {
        self.pending.sort_by_key(|switch| switch.time_ns);
        let ready = self.pending.partition_point(|switch| switch.time_ns <= until_ns);
        for switch in self.pending.drain(..ready) {
            // Any record ends a wait: a lost one must not make it longer.
            let before = self.away.remove(&switch.tid);
            match (switch.leaves_in, before) {
                (Some(chain), _) if self.away.len() < THREADS_MAX => {
                    self.away.insert(switch.tid, (switch.time_ns, chain));
                }
                (Some(_), _) => self.lost += 1,
                (None, Some((since, chain))) => {
                    self.waits += 1;
                    add(&mut self.ns, chain, switch.time_ns.saturating_sub(since));
                }
                (None, None) => {}
            }
        }
    }

    fn finish(mut self, now_ns: u64) -> OffCpu {
        self.settle(u64::MAX);
        for (since, chain) in self.away.values() {
            self.waits += 1;
            add(&mut self.ns, *chain, now_ns.saturating_sub(*since));
        }
        let ns = |number: u32| self.ns.get(number as usize).copied().unwrap_or(0);
        let stacks = self.chains.into_stacks().map(|(number, stack)| (stack, ns(number)));
        let mut stacks: Vec<_> = stacks.filter(|(_, ns)| *ns > 0).collect();
        stacks.sort_by_key(|(_, ns)| std::cmp::Reverse(*ns));
        let Self { waits, lost, unkept, .. } = self;
        OffCpu { stacks, waits, lost, unkept, why_not: None }
    }
}

fn add(sums: &mut Vec<u64>, chain: u32, ns: u64) {
    let at = chain as usize;
    if sums.len() <= at {
        sums.resize(at + 1, 0);
    }
    sums[at] += ns;
}

#[cfg(test)]
mod tests;
