//! Records as the kernel lays them out in the ring.

/// One record of a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Record<'a> {
    /// A sample: who ran, and the chain of addresses with the kernel's context marks in it.
    Sample { pid: u32, tid: u32, chain: &'a [u8] },
    /// A sample whose number comes first and whose layout the caller knows: its body.
    Numbered(&'a [u8]),
    /// So many records found no room.
    Lost(u64),
    /// The kernel held samples back, because they took too much time.
    Throttled,
    /// A record of no interest here.
    Other,
    /// Not a record: what follows it cannot be read either.
    Garbled,
}

const LOST: u32 = 2;
const THROTTLE: u32 = 5;
const SAMPLE: u32 = 9;
const HEADER_BYTES: usize = 8;

/// The records in what [`super::ring::Ring::drain`] gave.
#[derive(Debug)]
pub(super) struct Records<'a> {
    bytes: &'a [u8],
    parse: Parse,
}

/// What becomes of a sample's body.
type Parse = fn(&[u8]) -> Option<Record<'_>>;

impl<'a> Records<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, parse: stack }
    }

    /// The same of events that are told apart by their number.
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
    let body = &record[HEADER_BYTES..];
    Some((parse(kind, body, sample)?, rest))
}

fn parse(kind: u32, body: &[u8], sample: Parse) -> Option<Record<'_>> {
    Some(match kind {
        SAMPLE => sample(body)?,
        LOST => Record::Lost(u64_at(body, 8)?),
        THROTTLE => Record::Throttled,
        _ => Record::Other,
    })
}

/// A sample of who ran and where.
fn stack(body: &[u8]) -> Option<Record<'_>> {
    let frames = usize::try_from(u64_at(body, 8)?).ok()?;
    let chain = body.get(16..16usize.checked_add(frames.checked_mul(8)?)?)?;
    Some(Record::Sample { pid: u32_at(body, 0)?, tid: u32_at(body, 4)?, chain })
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
        let mut bytes = Vec::new();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(0u16.to_ne_bytes());
        bytes.extend(((HEADER_BYTES + body.len() * 8) as u16).to_ne_bytes());
        bytes.extend(body.iter().flat_map(|v| v.to_ne_bytes()));
        bytes
    }

    /// A sample record.
    pub(in super::super) fn sample(pid: u32, tid: u32, chain: &[u64]) -> Vec<u8> {
        let mut ids = [0; 8];
        ids[..4].copy_from_slice(&pid.to_ne_bytes());
        ids[4..].copy_from_slice(&tid.to_ne_bytes());
        let mut body = vec![u64::from_ne_bytes(ids), chain.len() as u64];
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
