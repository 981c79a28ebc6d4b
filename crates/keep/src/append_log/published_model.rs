//! Every interleaving of a small writer with a small reader.
//!
//! The writer is the list of stores that the real publisher makes, with their orders. A
//! Release store becomes visible after all stores before it; a Relaxed one whenever it likes.
//! The reader copies the line in halves of words, so it sees torn words, and then hands the
//! copy to the real decoder. The writer may stop (be killed) after any store.

use std::cell::RefCell;
use std::sync::atomic::Ordering;

use super::*;
use crate::append_log::length::HEADER_BYTES;

const ID: u64 = 0x1234_5678_9abc_def0;
const PUBLICATIONS: u64 = 3;
const HALVES: usize = 4 * SLOTS;

/// A store to a word of the line, or the bytes of record `n`.
#[derive(Debug, Clone, Copy)]
struct Store {
    to: To,
    order: Ordering,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum To {
    Line(usize, u64),
    Record(u64),
}

#[derive(Default)]
struct Recorder(RefCell<Vec<Store>>);

impl Words for Recorder {
    fn store(&self, index: usize, value: u64, order: Ordering) {
        self.0.borrow_mut().push(Store { to: To::Line(index, value), order });
    }
}

/// The log's length with `n` records; halves of these differ from each other.
fn len_with(n: u64) -> u64 {
    HEADER_BYTES + n * 0x0001_0000_0008
}

fn program(weaken: bool) -> Vec<Store> {
    let recorder = Recorder::default();
    let line = Line::new(ID, HEADER_BYTES);
    let mut publisher = Publisher { id: ID, next_slot: 0, sequence: line.sequence() };
    for n in 1..=PUBLICATIONS {
        recorder.0.borrow_mut().push(Store { to: To::Record(n), order: Ordering::Relaxed });
        publisher.publish(&recorder, len_with(n));
    }
    let mut stores = recorder.0.into_inner();
    stores.retain(|s| !matches!(s.to, To::Line(SEQUENCE, _)));
    if weaken {
        stores.iter_mut().for_each(|s| s.order = Ordering::Relaxed);
    }
    stores
}

struct Model {
    stores: Vec<Store>,
    backwards: bool,
    copies: u64,
    found_none: u64,
    wrong: Option<String>,
}

impl Model {
    fn explore(weaken: bool, backwards: bool) -> Self {
        let stores = program(weaken);
        let mut model = Self { stores, backwards, copies: 0, found_none: 0, wrong: None };
        model.writer_first(0, Line::new(ID, HEADER_BYTES));
        model
    }

    fn deliverable(&self, done: u32) -> Vec<usize> {
        let early = |j: usize| (0..j).all(|i| done & 1 << i != 0);
        let same_word = |a: To, b: To| match (a, b) {
            (To::Line(a, _), To::Line(b, _)) => a == b,
            _ => false,
        };
        (0..self.stores.len())
            .filter(|&j| done & 1 << j == 0)
            .filter(|&j| self.stores[j].order == Ordering::Relaxed || early(j))
            .filter(|&j| {
                let overtaken = |i: usize| same_word(self.stores[i].to, self.stores[j].to);
                (0..j).all(|i| done & 1 << i != 0 || !overtaken(i))
            })
            .collect()
    }

    fn deliver(&self, j: usize, line: Line) -> Line {
        let mut line = line;
        if let To::Line(index, value) = self.stores[j].to {
            line.words[index] = value;
        }
        line
    }

    fn record_is_there(&self, done: u32, n: u64) -> bool {
        let at = self.stores.iter().position(|s| s.to == To::Record(n));
        at.is_some_and(|at| done & 1 << at != 0)
    }

    /// The reader begins after any number of stores.
    fn writer_first(&mut self, done: u32, line: Line) {
        if self.wrong.is_some() {
            return;
        }
        self.killed_here(done, line);
        let least = (0..=PUBLICATIONS).filter(|&n| self.is_complete(done, n)).max();
        self.read(done, line, 0, Line::default(), least.unwrap_or(0));
        for j in self.deliverable(done) {
            self.writer_first(done | 1 << j, self.deliver(j, line));
        }
    }

    /// Publication `n` was made: both of its words were stored.
    fn is_complete(&self, done: u32, n: u64) -> bool {
        n == 0 || {
            let check = check_of(ID, len_with(n));
            let is_check = |s: &Store| matches!(s.to, To::Line(_, value) if value == check);
            self.stores.iter().position(is_check).is_some_and(|at| done & 1 << at != 0)
        }
    }

    fn killed_here(&mut self, done: u32, line: Line) {
        let least = (0..=PUBLICATIONS).filter(|&n| self.is_complete(done, n)).max().unwrap_or(0);
        if line.published(ID).is_none_or(|len| len < len_with(least)) {
            self.wrong = Some(format!("after {done:b} the writer dies and {least} is lost"));
        }
    }

    fn read(&mut self, done: u32, line: Line, half: usize, copy: Line, least: u64) {
        if self.wrong.is_some() {
            return;
        }
        if half == HALVES {
            return self.judge(done, copy, least);
        }
        let at = if self.backwards { HALVES - 1 - half } else { half };
        let mask = 0xffff_ffff_u64 << (32 * (at % 2));
        let mut copied = copy;
        copied.words[at / 2] |= line.words[at / 2] & mask;
        self.read(done, line, half + 1, copied, least);
        if half > 0 {
            for j in self.deliverable(done) {
                self.read(done | 1 << j, self.deliver(j, line), half, copy, least);
            }
        }
    }

    fn judge(&mut self, done: u32, copy: Line, least: u64) {
        self.copies += 1;
        let Some(len) = copy.published(ID) else {
            self.found_none += 1;
            return;
        };
        let Some(n) = (0..=PUBLICATIONS).find(|&n| len_with(n) == len) else {
            self.wrong = Some(format!("a length that nobody published: {len:x}"));
            return;
        };
        // A copy with a torn slot may be late; the reader looks again.
        if n < least && copy.is_whole(ID) {
            self.wrong = Some(format!("{n} seen after {least} was published"));
        }
        if let Some(n) = (1..=n).find(|&n| !self.record_is_there(done, n)) {
            self.wrong = Some(format!("record {n} published and not there"));
        }
    }
}

#[test]
fn no_interleaving_shows_a_record_that_is_not_there() {
    for backwards in [false, true] {
        let model = Model::explore(false, backwards);
        println!("{} copies, {} half written", model.copies, model.found_none);
        assert_eq!(model.wrong, None);
        assert!(model.copies > 10_000);
    }
}

#[test]
fn the_model_finds_what_relaxed_stores_would_break() {
    assert!(Model::explore(true, false).wrong.is_some());
}

#[test]
fn a_new_writer_never_hides_what_was_published() {
    // The line as every kind of death leaves it: any prefix of a publication.
    let recorder = Recorder::default();
    let whole = Line::new(ID, HEADER_BYTES);
    let mut publisher = Publisher { id: ID, next_slot: 0, sequence: 0 };
    publisher.publish(&recorder, len_with(1));
    let stores = recorder.0.into_inner();
    for kept in 0..=stores.len() {
        let mut line = whole;
        apply(&mut line, &stores[..kept]);
        let before = line.published(ID).unwrap();
        let recorder = Recorder::default();
        Publisher::start(&recorder, &line, ID, before);
        let restart = recorder.0.into_inner();
        for done in 0..=restart.len() {
            let mut line = line;
            apply(&mut line, &restart[..done]);
            assert_eq!(line.published(ID), Some(before), "{kept} then {done}");
            assert!(line.is_whole(ID) || done < restart.len());
        }
    }
}

fn apply(line: &mut Line, stores: &[Store]) {
    for store in stores {
        if let To::Line(index, value) = store.to {
            line.words[index] = value;
        }
    }
}
