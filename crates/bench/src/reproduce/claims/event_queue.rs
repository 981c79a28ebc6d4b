//! Completions handed over through a lock or without one.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Instant;

use crossbeam_queue::ArrayQueue;

use super::passes::failed;
use crate::reproduce::claim::{Claim, Measured};

const EVENTS: u64 = 400_000;
const ROOM: usize = 1024;

pub(super) const CLAIM: Claim = Claim {
    id: "event-queue",
    text: "completions handed from thread to thread through a lock-free ring, against a locked queue",
    claimed_ratio: Some(2.4),
    measure: |bed| {
        let sides = bed.interleave(&["lock-free", "locked"], "ns an event", |side| {
            let (ring, locked) = (ArrayQueue::new(ROOM), Mutex::new(VecDeque::with_capacity(ROOM)));
            let give = |event: u64| {
                locked.lock().is_ok_and(|mut queue| {
                    let room = queue.len() < ROOM;
                    if room {
                        queue.push_back(event);
                    }
                    room
                })
            };
            let free = |event: u64| ring.push(event).is_ok();
            let started = Instant::now();
            let sum = std::thread::scope(|scope| {
                let giver = scope.spawn(|| {
                    for event in 0..EVENTS {
                        while !(if side == 0 { free(event) } else { give(event) }) {
                            std::thread::yield_now();
                        }
                    }
                });
                let (mut sum, mut taken) = (0u64, 0);
                while taken < EVENTS {
                    let event = if side == 0 {
                        ring.pop()
                    } else {
                        locked.lock().ok().and_then(|mut q| q.pop_front())
                    };
                    match event {
                        Some(event) => {
                            (sum, taken) = (sum.wrapping_mul(31).wrapping_add(event), taken + 1)
                        }
                        None => std::thread::yield_now(),
                    }
                }
                giver.join().map(|()| sum).map_err(|_| "a thread panicked")
            });
            Ok((started.elapsed().as_secs_f64() * 1e9 / EVENTS as f64, sum.map_err(failed)?))
        })?;
        Ok(Measured::less(sides, |s| {
            let (free, locked) = (s[0].median(), s[1].median());
            let (first, second) =
                if free < locked { ("dearer", "") } else { ("cheaper", " all the same") };
            format!(
                "one giver and one taker: an event through the lock, which is taken twice for it{second}, is {:.0} ns {first} than the {free:.0} without",
                (locked - free).abs()
            )
        }))
    },
};
