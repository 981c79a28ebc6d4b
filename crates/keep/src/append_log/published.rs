//! The published length: up to where other processes may read the log.
//!
//! The line holds two slots of a length and its check, and a sequence number. Publication
//! `n` goes into slot `n mod 2`: first the length, then (Release) the check that completes
//! it. The other slot stays whole meanwhile, so a writer killed between two stores leaves the
//! publication before; and a reader that copies the line byte by byte, by a system call or
//! from a map, sees which slot is whole. A reader takes the longest whole slot; what it reads
//! of the log below that length after an Acquire fence is what was written before. A copy
//! that raced with two publications may have a torn slot and an old one: a reader then looks
//! again, until the line is whole or does not change.
//! `sync` and `close` store the same length in both slots, so that what is on the device is announced twice.
//! Last the sequence number changes: a reader that saw the old one may sleep on it.

use std::sync::atomic::Ordering;

use crate::append_log::length::{check_of, is_length, length_of};

/// Bytes of the line; it has its own cache lines.
pub(super) const LINE_BYTES: usize = 40;
const SLOTS: usize = 2;
const SEQUENCE: usize = 2 * SLOTS;

/// Where the words of the line are stored: the map, or a model of memory.
pub(super) trait Words {
    /// Stores word `index` of the line.
    fn store(&self, index: usize, value: u64, order: Ordering);
}

/// A slot that no writer left in this state: a bit was flipped, or something else wrote there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    /// The other slot says at least as much.
    Harmless,
    /// It may have announced more than the other slot: up to here, if one of its words is readable.
    Hides(Option<u64>),
}

/// A copy of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Line {
    words: [u64; LINE_BYTES / 8],
}

impl Line {
    /// Both slots whole.
    pub(super) fn new(id: u64, len: u64) -> Self {
        let check = check_of(id, len);
        Self { words: [len, check, len, check, 0] }
    }

    pub(super) fn decode(bytes: &[u8; LINE_BYTES]) -> Self {
        let mut line = Self::default();
        for (word, bytes) in line.words.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        line
    }

    pub(super) fn encode(&self) -> [u8; LINE_BYTES] {
        let mut bytes = [0; LINE_BYTES];
        for (bytes, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(self.words) {
            *bytes = word.to_le_bytes();
        }
        bytes
    }

    /// The longest whole slot; none when the copy caught both half written, or both are
    /// spoiled.
    pub(super) fn published(&self, id: u64) -> Option<u64> {
        (0..SLOTS).filter_map(|slot| self.slot(id, slot)).max()
    }

    /// Both slots are whole: no writer was stopped between two stores, no byte is spoiled.
    pub(super) fn is_whole(&self, id: u64) -> bool {
        (0..SLOTS).all(|slot| self.slot(id, slot).is_some())
    }

    /// The damage of a line with one whole slot. `None` if both are whole, or a writer was stopped
    /// between its two stores. The file is `file_len` bytes long.
    pub(super) fn damage(&self, id: u64, file_len: u64) -> Option<Damage> {
        let slot = (0..SLOTS).find(|&slot| self.slot(id, slot).is_none())?;
        let whole = self.slot(id, 1 - slot)?;
        let (len, before) = (self.words[2 * slot], length_of(id, self.words[2 * slot + 1]));
        let possible = |len: &u64| is_length(*len) && *len <= file_len;
        // The new length, and the check of the one that was there before.
        if possible(&len) && possible(&before) && before <= whole && whole <= len {
            return None;
        }
        match [len, before].into_iter().filter(possible).max() {
            Some(most) if most <= whole => Some(Damage::Harmless),
            most => Some(Damage::Hides(most)),
        }
    }

    /// What a reader sleeps on.
    pub(super) fn sequence(&self) -> u32 {
        self.words[SEQUENCE] as u32
    }

    fn slot(&self, id: u64, slot: usize) -> Option<u64> {
        let (len, check) = (self.words[2 * slot], self.words[2 * slot + 1]);
        (check == check_of(id, len) && is_length(len)).then_some(len)
    }
}

/// The writer's side.
#[derive(Debug)]
pub(super) struct Publisher {
    id: u64,
    next_slot: usize,
    sequence: u32,
}

impl Publisher {
    /// Makes both slots whole with `len`, whatever they were, the shorter one first: a reader
    /// never sees less than `len` meanwhile if it saw it before.
    pub(super) fn start(words: &impl Words, line: &Line, id: u64, len: u64) -> Self {
        let longest = usize::from(line.slot(id, 1) == line.published(id));
        let mut publisher =
            Self { id, next_slot: 1 - longest, sequence: line.sequence().wrapping_add(1) };
        publisher.publish(words, len);
        publisher.publish(words, len);
        publisher
    }

    /// Makes everything stored before visible below `len`.
    pub(super) fn publish(&mut self, words: &impl Words, len: u64) {
        let slot = 2 * self.next_slot;
        // Release: not before the check of the other slot, or a reader could find none whole
        // when the writer dies here.
        words.store(slot, len.to_le(), Ordering::Release);
        words.store(slot + 1, check_of(self.id, len).to_le(), Ordering::Release);
        self.sequence = self.sequence.wrapping_add(1);
        words.store(SEQUENCE, u64::from(self.sequence).to_le(), Ordering::Release);
        self.next_slot = 1 - self.next_slot;
    }
}

#[cfg(test)]
#[path = "published_model.rs"]
mod model;
