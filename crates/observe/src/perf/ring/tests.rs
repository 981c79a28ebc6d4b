//! A ring with a writer that behaves as the kernel does.

use super::*;

const DATA_BYTES: usize = 4096;
const DATA_AT: usize = size_of::<Header>();

/// Memory laid out as a ring, with a writer that behaves as the kernel does.
struct Fake {
    memory: NonNull<u64>,
    head: u64,
}

// SAFETY: the memory is reached through atomics and by the ring's rule (module level).
unsafe impl Send for Fake {}

impl Fake {
    fn new(start: u64) -> (Self, View) {
        let memory = vec![0u64; (DATA_AT + DATA_BYTES) / 8].leak();
        let memory = NonNull::from(memory).cast::<u64>();
        // SAFETY: the data area follows the header in the same allocation.
        let data = unsafe { memory.cast::<u8>().add(DATA_AT) };
        let view = View { header: memory.cast(), data, data_bytes: DATA_BYTES };
        let fake = Self { memory, head: start };
        fake.header().head.store(start, Ordering::Relaxed);
        fake.header().tail.store(start, Ordering::Relaxed);
        (fake, view)
    }

    fn header(&self) -> &Header {
        // SAFETY: the memory is leaked, zero is a valid header, and what is used is atomic.
        unsafe { self.memory.cast::<Header>().as_ref() }
    }

    /// Writes one record if there is room.
    fn write(&mut self, record: &[u8]) -> bool {
        let tail = self.header().tail.load(Ordering::Acquire);
        if self.head.wrapping_sub(tail) as usize + record.len() > DATA_BYTES {
            return false;
        }
        for (i, byte) in record.iter().enumerate() {
            let at = self.head.wrapping_add(i as u64) as usize % DATA_BYTES;
            // SAFETY: `at` is inside the data area after the header.
            let to = unsafe { self.memory.cast::<u8>().add(DATA_AT + at) };
            // SAFETY: the reader does not touch bytes past `head` (module level).
            unsafe { to.write(*byte) };
        }
        self.head = self.head.wrapping_add(record.len() as u64);
        self.header().head.store(self.head, Ordering::Release);
        true
    }
}

#[test]
fn unread_bytes_are_cut_where_the_ring_ends() {
    assert_eq!(pieces(0, 0, 64), Some([(0, 0), (0, 0)]));
    assert_eq!(pieces(8, 24, 64), Some([(8, 16), (0, 0)]));
    assert_eq!(pieces(48, 64 + 24, 64), Some([(48, 16), (0, 24)]));
    assert_eq!(pieces(64, 128, 64), Some([(0, 64), (0, 0)]));
    assert_eq!(pieces(u64::MAX - 7, 8, 64), Some([(56, 8), (0, 8)]));
    assert_eq!(pieces(0, 65, 64), None);
    assert_eq!(pieces(8, 0, 64), None);
}

#[test]
fn an_impossible_head_is_skipped_and_said() {
    let (fake, mut view) = Fake::new(0);
    fake.header().head.store(DATA_BYTES as u64 + 8, Ordering::Release);
    let mut out = Vec::new();
    assert!(!view.drain(&mut out) && out.is_empty());
    assert!(view.drain(&mut out) && out.is_empty(), "nothing is left unread");
}

/// Records of 8 to 512 bytes, every byte the low byte of its record's number, through a
/// ring of 4 KiB whose 64-bit count of bytes also wraps.
#[test]
fn every_record_arrives_once_and_in_order_however_often_the_ring_wraps() {
    const RECORDS: u32 = 2_000;
    let (mut fake, mut view) = Fake::new(u64::MAX - 10_000 * 8 + 1);
    let len = |n: u32| 8 * (1 + n.wrapping_mul(2_654_435_761) as usize % 64);
    let writer = std::thread::spawn(move || {
        for n in 0..RECORDS {
            while !fake.write(&vec![n as u8; len(n)]) {
                std::thread::yield_now();
            }
        }
    });
    let expected: Vec<u8> = (0..RECORDS).flat_map(|n| vec![n as u8; len(n)]).collect();
    let mut out = Vec::new();
    while out.len() < expected.len() {
        assert!(view.drain(&mut out));
        std::thread::yield_now();
    }
    writer.join().unwrap();
    assert!(out == expected);
}
