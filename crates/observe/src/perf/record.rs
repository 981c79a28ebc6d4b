//! Records as the kernel lays them out in the ring.

/// One record of a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Record<'a> {
    /// A sample: process, thread, and the chain of addresses with the kernel's context marks in it.
    Sample { pid: u32, tid: u32, chain: &'a [u8] },
    /// A sample whose number comes first and whose layout the caller knows: its body.
    Numbered(&'a [u8]),
    /// A sample with its time.
    Timed { pid: u32, tid: u32, time_ns: u64, chain: &'a [u8] },
    /// A thread is back on a CPU.
    Back { pid: u32, tid: u32, time_ns: u64 },
    /// The number of records that found no room.
    Lost(u64),
    /// The kernel throttled samples because they took too much time.
    Throttled,
    /// A record that is not used here.
    Other,
    /// Not a record; the rest cannot be read either.
    Garbled,
}

const LOST: u32 = 2;
const THROTTLE: u32 = 5;
const SAMPLE: u32 = 9;
const SWITCH: u32 = 14;
/// In a header's second field: the thread leaves its CPU.
const SWITCH_OUT: u16 = 1 << 13;
const HEADER_BYTES: usize = 8;

/// The records in bytes of [`super::ring::Ring::drain`].
#[derive(Debug)]
pub(super) struct Records<'a> {
    bytes: &'a [u8],
    parse: Parse,
}

/// How the body of a sample is read.
type Parse = fn(&[u8]) -> Option<Record<'_>>;

impl<'a> Records<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, parse: stack }
    }

    /// The same for samples with a time: `PERF_SAMPLE_TID | TIME | CALLCHAIN`.
    pub(super) fn timed(bytes: &'a [u8]) -> Self {
        Self { bytes, parse: timed_stack }
    }

    /// The same for events that differ by their number.
    pub(super) fn numbered(bytes: &'a [u8]) -> Self {
        Self { bytes, parse: |body| Some(Record::Numbered(body)) }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        if self.bytes.is_empty() {
            return None;
        }
        let record = split_record(self.bytes, self.parse);
        self.bytes = record.map_or(&[], |(_, rest)| rest);
        Some(record.map_or(Record::Garbled, |(record, _)| record))
    }
}

fn split_record(bytes: &[u8], sample: Parse) -> Option<(Record<'_>, &[u8])> {
    let size = usize::from(u16::from_ne_bytes(bytes.get(6..8)?.try_into().ok()?));
    if size < HEADER_BYTES {
        return None;
    }
    let (record, rest) = bytes.split_at_checked(size)?;
    let kind = u32_at(record, 0)?;
    let misc = u16::from_ne_bytes(record.get(4..6)?.try_into().ok()?);
    let body = &record[HEADER_BYTES..];
    Some((parse(kind, misc, body, sample)?, rest))
}

fn parse(kind: u32, misc: u16, body: &[u8], sample: Parse) -> Option<Record<'_>> {
    Some(match kind {
        SAMPLE => sample(body)?,
        // The sample of the same event, which has the stack, shows that it leaves.
        SWITCH if misc & SWITCH_OUT == 0 => back(body)?,
        LOST => Record::Lost(u64_at(body, 8)?),
        THROTTLE => Record::Throttled,
        _ => Record::Other,
    })
}

/// A sample of process, thread and stack.
fn stack(body: &[u8]) -> Option<Record<'_>> {
    Some(Record::Sample { pid: u32_at(body, 0)?, tid: u32_at(body, 4)?, chain: chain_at(body, 8)? })
}

/// A sample of process, thread, time and stack.
fn timed_stack(body: &[u8]) -> Option<Record<'_>> {
    let (pid, tid, time_ns) = (u32_at(body, 0)?, u32_at(body, 4)?, u64_at(body, 8)?);
    Some(Record::Timed { pid, tid, time_ns, chain: chain_at(body, 16)? })
}

/// A switch record has only the fields of `SAMPLE_ID_ALL`: thread, time.
fn back(body: &[u8]) -> Option<Record<'_>> {
    Some(Record::Back { pid: u32_at(body, 0)?, tid: u32_at(body, 4)?, time_ns: u64_at(body, 8)? })
}

/// The addresses, which follow their number.
pub(super) fn chain_at(body: &[u8], at: usize) -> Option<&[u8]> {
    let frames = usize::try_from(u64_at(body, at)?).ok()?;
    let start = at + 8;
    body.get(start..start.checked_add(frames.checked_mul(8)?)?)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A record of `kind` with `body`, as the kernel writes it.
    pub(in super::super) fn record(kind: u32, body: &[u64]) -> Vec<u8> {
        record_with(kind, 0, body)
    }

    fn record_with(kind: u32, misc: u16, body: &[u64]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(misc.to_ne_bytes());
        bytes.extend(((HEADER_BYTES + body.len() * 8) as u16).to_ne_bytes());
        bytes.extend(body.iter().flat_map(|v| v.to_ne_bytes()));
        bytes
    }

    /// A sample record.
    pub(in super::super) fn sample(pid: u32, tid: u32, chain: &[u64]) -> Vec<u8> {
        let mut body = vec![ids(pid, tid), chain.len() as u64];
        body.extend(chain);
        record(SAMPLE, &body)
    }

    #[test]
    fn samples_losses_and_the_rest_are_told_apart() {
        let mut bytes = sample(7, 9, &[1, 2]);
        bytes.extend(record(LOST, &[77, 5]));
        bytes.extend(record(THROTTLE, &[0, 0, 0]));
        bytes.extend(record(1, &[0]));
        let chain: Vec<u8> = [1u64, 2].iter().flat_map(|v| v.to_ne_bytes()).collect();
        let expected = [
            Record::Sample { pid: 7, tid: 9, chain: &chain },
            Record::Lost(5),
            Record::Throttled,
            Record::Other,
        ];
        assert_eq!(Records::new(&bytes).collect::<Vec<_>>(), expected);
    }

    fn ids(pid: u32, tid: u32) -> u64 {
        let mut ids = [0; 8];
        ids[..4].copy_from_slice(&pid.to_ne_bytes());
        ids[4..].copy_from_slice(&tid.to_ne_bytes());
        u64::from_ne_bytes(ids)
    }

    /// A sample with a time, and the record of a thread's return.
    pub(in super::super) fn timed(tid: u32, time_ns: u64, chain: &[u64]) -> Vec<u8> {
        let mut body = vec![ids(1, tid), time_ns, chain.len() as u64];
        body.extend(chain);
        record(SAMPLE, &body)
    }

    pub(in super::super) fn back(tid: u32, time_ns: u64) -> Vec<u8> {
        record(SWITCH, &[ids(1, tid), time_ns])
    }

    #[test]
    fn a_thread_that_comes_back_is_told_from_one_that_leaves() {
        let mut bytes = timed(9, 100, &[5]);
        bytes.extend(record_with(SWITCH, SWITCH_OUT, &[ids(1, 9), 100]));
        bytes.extend(back(9, 150));
        let expected = [
            Record::Timed { pid: 1, tid: 9, time_ns: 100, chain: &5u64.to_ne_bytes() },
            Record::Other,
            Record::Back { pid: 1, tid: 9, time_ns: 150 },
        ];
        assert_eq!(Records::timed(&bytes).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_not_a_record_ends_the_walk() {
        for bytes in [
            vec![0; 5],
            vec![0; 64],
            sample(1, 1, &[1, 2, 3])[..20].to_vec(),
            record(SAMPLE, &[0, u64::MAX]),
            record(SAMPLE, &[0, 2, 1]),
            record(LOST, &[1]),
        ] {
            assert_eq!(Records::new(&bytes).collect::<Vec<_>>(), [Record::Garbled]);
        }
    }
}
