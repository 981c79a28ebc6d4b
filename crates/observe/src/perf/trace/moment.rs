//! Samples of a trace as the kernel lays them out.

use super::super::chains::Chains;
use super::super::record::{chain_at, u32_at, u64_at};

/// An event of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A page fault of user code begins.
    FaultBegins,
    /// A page fault was served; a major one waited for the device.
    Fault {
        /// The address that was missing.
        address: u64,
        /// Whether the page had to be read.
        major: bool,
    },
    /// A system call begins.
    Call {
        /// Its number, `SYS_*`.
        number: i64,
        /// Its first argument: the descriptor, for reads.
        first: u64,
    },
    /// The system call returns.
    Return {
        /// Its number.
        number: i64,
        /// What it returned: bytes, or an error as a negative number.
        value: i64,
    },
    /// A timer found the thread on its CPU.
    OnCpu(Chain),
    /// The thread leaves its CPU.
    Leaves(Chain),
    /// The thread is back on a CPU.
    IsBack,
}

/// The number of the chain of kernel functions that the thread is in, for [`super::Trace::chains`];
/// none when there were too many different ones.
pub type Chain = Option<u32>;

/// An event of a thread with its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// `CLOCK_MONOTONIC`, nanoseconds.
    pub time_ns: u64,
    /// The process.
    pub pid: u32,
    /// The thread.
    pub tid: u32,
    /// The event.
    pub what: What,
}

/// The kernel events that a trace opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TracedEvent {
    Minor,
    Major,
    FaultBegins,
    Call,
    Return,
    OnCpu,
    Leaves,
}

/// The number of the event that a sample's body begins with.
pub(super) fn number(body: &[u8]) -> Option<u64> {
    u64_at(body, 0)
}

/// Parses a sample of `event`. After the number come thread and time, then the address that was missing
/// or the tracepoint's own bytes, preceded by their length.
pub(super) fn parse(event: TracedEvent, body: &[u8], chains: &mut Chains) -> Option<Moment> {
    // A length and the header that all tracepoints have.
    const RAW: usize = 24 + 4 + 8;
    let what = match event {
        TracedEvent::FaultBegins => What::FaultBegins,
        TracedEvent::OnCpu => What::OnCpu(chains.number(chain_at(body, 24)?)),
        TracedEvent::Leaves => What::Leaves(chains.number(chain_at(body, 24)?)),
        TracedEvent::Minor => What::Fault { address: u64_at(body, 24)?, major: false },
        TracedEvent::Major => What::Fault { address: u64_at(body, 24)?, major: true },
        TracedEvent::Call => {
            let number = u64_at(body, RAW)?.cast_signed();
            What::Call { number, first: u64_at(body, RAW + 8)? }
        }
        TracedEvent::Return => {
            let (number, value) = (u64_at(body, RAW)?, u64_at(body, RAW + 8)?);
            What::Return { number: number.cast_signed(), value: value.cast_signed() }
        }
    };
    Some(Moment { pid: u32_at(body, 8)?, tid: u32_at(body, 12)?, time_ns: u64_at(body, 16)?, what })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(rest: &[u8]) -> Vec<u8> {
        let mut body = 77u64.to_ne_bytes().to_vec();
        body.extend(5u32.to_ne_bytes());
        body.extend(6u32.to_ne_bytes());
        body.extend(1000u64.to_ne_bytes());
        body.extend(rest);
        body
    }

    fn raw(number: u64, first: u64) -> Vec<u8> {
        let mut raw = 68u32.to_ne_bytes().to_vec();
        raw.extend([0; 8]);
        raw.extend(number.to_ne_bytes());
        raw.extend(first.to_ne_bytes());
        body(&raw)
    }

    #[test]
    fn each_kind_of_sample_is_read_as_the_kernel_lays_it_out() {
        let fault = body(&4096u64.to_ne_bytes());
        let chain = body(&[2u64, -128i64 as u64, 77].map(u64::to_ne_bytes).concat());
        for (kind, body, what) in [
            (TracedEvent::FaultBegins, body(&[]), What::FaultBegins),
            (TracedEvent::Minor, fault.clone(), What::Fault { address: 4096, major: false }),
            (TracedEvent::Major, fault, What::Fault { address: 4096, major: true }),
            (TracedEvent::Call, raw(17, 3), What::Call { number: 17, first: 3 }),
            (TracedEvent::Return, raw(17, u64::MAX), What::Return { number: 17, value: -1 }),
            (TracedEvent::OnCpu, chain.clone(), What::OnCpu(Some(0))),
            (TracedEvent::Leaves, chain, What::Leaves(Some(0))),
        ] {
            assert_eq!(number(&body), Some(77));
            let expected = Moment { time_ns: 1000, pid: 5, tid: 6, what };
            assert_eq!(parse(kind, &body, &mut Chains::default()), Some(expected));
        }
    }

    #[test]
    fn a_sample_that_is_cut_short_is_none() {
        let chains = &mut Chains::default();
        for kind in [
            TracedEvent::Minor,
            TracedEvent::Major,
            TracedEvent::Call,
            TracedEvent::Return,
            TracedEvent::OnCpu,
            TracedEvent::Leaves,
        ] {
            assert_eq!(parse(kind, &body(&[0; 7]), chains), None, "{kind:?}");
        }
        assert_eq!(parse(TracedEvent::Leaves, &body(&[9u8, 0, 0, 0, 0, 0, 0, 0]), chains), None);
        assert_eq!(
            (parse(TracedEvent::FaultBegins, &[0; 20], chains), number(&[0; 7])),
            (None, None)
        );
    }
}
