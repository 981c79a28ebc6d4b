//! Waiting for room.

use super::*;

#[test]
fn an_operation_that_waits_for_room_has_one_waker_however_often_it_is_polled() {
    let (mut slots, waker) = (Slots::new(1), Waker::noop());
    let first = slots.reserve(&Op::Nop, waker, &mut None).expect("there is room");
    let mut tickets = [None; 3];
    for _ in 0..1000 {
        for ticket in &mut tickets {
            assert_eq!(slots.reserve(&Op::Nop, waker, ticket), None);
        }
    }
    assert_eq!((slots.held_back(), slots.held_back_total()), (3, 3));
    slots.leave_queue(tickets[0].expect("it waits"));
    assert_eq!(slots.held_back(), 2);
    slots.submitted(first, Holder::Fake);
    slots.complete(first, Outcome::plain(Op::Nop, Ok(0)));
    assert!(slots.room_is_wanted());
    slots.offer_room();
    assert!(slots.reserve(&Op::Nop, waker, &mut tickets[1]).is_some());
    // It was not woken, as there was room for one, and waits on.
    assert_eq!(slots.reserve(&Op::Nop, waker, &mut tickets[2]), None);
    assert_eq!((tickets[1], slots.held_back(), slots.held_back_total()), (None, 1, 3));
}
