//! The programs for kernel stacks in an operation: of waits, and of samples on the CPU.
//!
//! Only its end shows whether an operation is among the slowest. Until then its stacks are kept
//! with its thread; then they are added to those of all operations that took about as long.

use super::asm::Reg::{R0, R1, R2, R3, R4, R6, R7, R8, R9, R10};
use super::asm::{Code, Helper, If, Label, Op, Size};
use super::layout::Layout;
use super::programs::{
    FAULT_NS, FAULT_SEEN, ID, KEY, LEFT_NS, LEFT_STACK, Maps, READ_NS, READ_SEEN, THREAD, lookup,
    stack_address, thread,
};

/// An operation of a thread that has begun. A thread may have one of each, as a read can fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ongoing {
    Fault = 0,
    Read = 1,
}

impl Ongoing {
    /// The offsets in a thread's value of its start, and of whether it had stacks.
    fn fields(self) -> (i16, i16) {
        match self {
            Self::Fault => (FAULT_NS, FAULT_SEEN),
            Self::Read => (READ_NS, READ_SEEN),
        }
    }
}

/// Most different stacks of one operation; the last is for all that have no room.
const SLOTS: usize = 16;
/// A slot: the stack, samples, time off the CPU.
const SLOT_BYTES: usize = 16;
const SLOT_SAMPLES: i16 = 4;
const SLOT_OFF_NS: i16 = 8;
pub(super) const SEEN_KEY_BYTES: usize = 8;
pub(super) const SEEN_BYTES: usize = SLOTS * SLOT_BYTES;
/// Stacks are counted from one, as an empty slot is zero. This one stands for all without room.
pub(super) const NO_STACK: u32 = u32::MAX;
/// Samples, then time off the CPU.
pub(super) const TAIL_KEY_BYTES: usize = 16;
pub(super) const TAIL_BYTES: usize = 16;

/// Offsets on a program's stack, for these programs and for [`ended`], which is part of one that uses
/// more.
const STACK: i16 = -8;
const OFF_NS: i16 = -16;
const SAMPLES: i16 = -24;
const SEEN_KEY: i16 = -48;
const TAIL_KEY: i16 = THREAD;
const TAIL_VALUE: i16 = THREAD + TAIL_KEY_BYTES as i16;

/// A CPU switches from one thread to another.
pub(super) fn switches(maps: &Maps, at: &Layout) -> Code {
    /// The tracepoint's arguments: whether the first thread is preempted, that thread, and the next.
    const NEXT: i16 = 16;
    let mut code = Code::default();
    let (back, out) = (code.label(), code.label());
    code.copy(R6, R1).call(Helper::TimeNs).copy(R9, R0).call(Helper::PidTgid).copy(R7, R0);
    thread(&mut code, maps, back, false);
    only_in_operation(&mut code, back);
    // The first frame is this program, which has no name after it was unloaded.
    stack(&mut code, maps, 1);
    code.store(Size::Word, R8, LEFT_STACK, R0).store(Size::Double, R8, LEFT_NS, R9);
    code.place(back).load(Size::Double, R1, R6, NEXT).load(Size::Word, R7, R1, at.task_pid);
    thread(&mut code, maps, out, false);
    code.load(Size::Double, R1, R8, LEFT_NS).jump_if(If::Equal, R1, 0, out);
    code.subtract(R9, R1).store_value(Size::Double, R8, LEFT_NS, 0);
    code.store(Size::Double, R10, OFF_NS, R9).store_value(Size::Double, R10, SAMPLES, 0);
    code.load(Size::Word, R1, R8, LEFT_STACK).store(Size::Double, R10, STACK, R1);
    see(&mut code, maps);
    code.place(out).exit();
    code
}

/// A thread has used an interval of CPU time.
pub(super) fn samples(maps: &Maps) -> Code {
    let mut code = Code::default();
    let (out, kernel) = (code.label(), code.label());
    code.copy(R6, R1).call(Helper::PidTgid).copy(R7, R0);
    thread(&mut code, maps, out, false);
    only_in_operation(&mut code, out);
    stack(&mut code, maps, 0);
    // The start of an operation without an end, such as a fault that became a signal.
    code.jump_if(If::Other, R0, 0, kernel).jump(out).place(kernel);
    code.store(Size::Double, R10, STACK, R0).store_value(Size::Double, R10, OFF_NS, 0);
    code.store_value(Size::Double, R10, SAMPLES, 1);
    see(&mut code, maps);
    code.place(out).exit();
    code
}

fn only_in_operation(code: &mut Code, out: Label) {
    let within = code.label();
    code.load(Size::Double, R1, R8, FAULT_NS).jump_if(If::Other, R1, 0, within);
    code.load(Size::Double, R1, R8, READ_NS).jump_if(If::Equal, R1, 0, out);
    code.place(within);
}

/// `R0 =` the kernel's stack without its innermost frames as a slot has it, of the program's
/// context in `R6`; zero in user code.
fn stack(code: &mut Code, maps: &Maps, without: i32) {
    const NOT_IN_KERNEL: i32 = -libc::EFAULT;
    let (failed, user, known) = (code.label(), code.label(), code.label());
    code.copy(R1, R6).map(R2, maps.stacks).set(R3, without).call(Helper::StackId);
    code.jump_if(If::Less, R0, 0, failed).op(Op::Add, R0, 1).jump(known);
    code.place(failed).jump_if(If::Equal, R0, NOT_IN_KERNEL, user);
    code.set(R0, NO_STACK.cast_signed()).jump(known);
    code.place(user).set(R0, 0).place(known);
}

/// Keeps `STACK` with each operation that the thread `R7`, known by `R8`, has begun.
fn see(code: &mut Code, maps: &Maps) {
    for ongoing in [Ongoing::Fault, Ongoing::Read] {
        let (begun, _) = ongoing.fields();
        let next = code.label();
        code.load(Size::Double, R1, R8, begun).jump_if(If::Equal, R1, 0, next);
        slots(code, maps, ongoing, next);
        slot(code);
        for (field, size, by) in
            [(SLOT_SAMPLES, Size::Word, SAMPLES), (SLOT_OFF_NS, Size::Double, OFF_NS)]
        {
            code.load(size, R1, R0, field).load(Size::Double, R2, R10, by);
            code.add(R1, R2).store(size, R0, field, R1);
        }
        code.place(next);
    }
}

/// `R0 =` the slots of the operation, empty if it had no stack yet, or goes to `out`.
fn slots(code: &mut Code, maps: &Maps, ongoing: Ongoing, out: Label) {
    let (old, fresh, used) = (code.label(), code.label(), code.label());
    let (_, seen) = ongoing.fields();
    code.store(Size::Word, R10, SEEN_KEY, R7);
    code.store_value(Size::Word, R10, SEEN_KEY + 4, ongoing as i32);
    lookup(code, maps.seen, SEEN_KEY);
    code.jump_if(If::Other, R0, 0, old).store_value(Size::Word, R10, ID, 0);
    lookup(code, maps.zero, ID);
    code.jump_if(If::Equal, R0, 0, out).copy(R3, R0).map(R1, maps.seen);
    stack_address(code, R2, SEEN_KEY);
    code.set(R4, 0).call(Helper::MapUpdate);
    lookup(code, maps.seen, SEEN_KEY);
    code.jump_if(If::Equal, R0, 0, out).jump(fresh);
    code.place(old).load(Size::Word, R1, R8, seen).jump_if(If::Other, R1, 0, used);
    for at in (0..SEEN_BYTES as i16).step_by(8) {
        code.store_value(Size::Double, R0, at, 0);
    }
    code.place(fresh).store_value(Size::Word, R8, seen, 1).place(used);
}

/// `R0 =` the slot of `STACK` among the slots at `R0`: the one that has it, an empty one, or the
/// last.
fn slot(code: &mut Code) {
    let (take, found) = (code.label(), code.label());
    code.load(Size::Word, R1, R10, STACK);
    for _ in 1..SLOTS {
        code.load(Size::Word, R2, R0, 0).jump_if(If::Equal, R2, 0, take);
        code.subtract(R2, R1).jump_if(If::Equal, R2, 0, found);
        code.op(Op::Add, R0, SLOT_BYTES as i32);
    }
    code.set(R1, NO_STACK.cast_signed());
    code.place(take).store(Size::Word, R0, 0, R1).place(found);
}

/// The operation of the thread `R8` that has ended took `R9` nanoseconds, which is bucket `R6`,
/// and is of the kind in `KEY`.
pub(super) fn ended(code: &mut Code, maps: &Maps, ongoing: Ongoing, out: Label) {
    let (_, seen) = ongoing.fields();
    lookup(code, maps.spans, KEY);
    code.jump_if(If::Equal, R0, 0, out).copy(R1, R6).op(Op::Left, R1, 4).add(R0, R1);
    code.set(R1, 1).atomic_add(R0, 0, R1).atomic_add(R0, 8, R9);
    // Most had no stack.
    code.load(Size::Word, R1, R8, seen).jump_if(If::Equal, R1, 0, out);
    code.store_value(Size::Word, R8, seen, 0);
    code.call(Helper::PidTgid).store(Size::Word, R10, SEEN_KEY, R0);
    code.store_value(Size::Word, R10, SEEN_KEY + 4, ongoing as i32);
    lookup(code, maps.seen, SEEN_KEY);
    code.jump_if(If::Equal, R0, 0, out).copy(R8, R0);
    code.load(Size::Word, R1, R10, KEY).store(Size::Word, R10, TAIL_KEY, R1);
    code.store(Size::Word, R10, TAIL_KEY + 4, R6);
    code.store_value(Size::Word, R10, TAIL_KEY + 12, 0);
    code.store_value(Size::Double, R10, TAIL_VALUE, 0);
    code.store_value(Size::Double, R10, TAIL_VALUE + 8, 0);
    for slot in 0..SLOTS {
        add_slot(code, maps, (slot * SLOT_BYTES) as i16, out);
    }
}

/// Adds the slot at `slot` to the tail; goes to `out` when it is empty, as are those after it.
fn add_slot(code: &mut Code, maps: &Maps, slot: i16, out: Label) {
    const ONLY_NEW: i32 = 1;
    let (found, next) = (code.label(), code.label());
    code.load(Size::Word, R1, R8, slot).jump_if(If::Equal, R1, 0, out);
    code.store(Size::Word, R10, TAIL_KEY + 8, R1);
    lookup(code, maps.tails, TAIL_KEY);
    code.jump_if(If::Other, R0, 0, found).map(R1, maps.tails);
    stack_address(code, R2, TAIL_KEY);
    stack_address(code, R3, TAIL_VALUE);
    code.set(R4, ONLY_NEW).call(Helper::MapUpdate);
    lookup(code, maps.tails, TAIL_KEY);
    code.jump_if(If::Other, R0, 0, found).store_value(Size::Word, R10, ID, 0);
    lookup(code, maps.dropped, ID);
    code.jump_if(If::Equal, R0, 0, next).set(R1, 1).atomic_add(R0, 0, R1).jump(next);
    code.place(found).load(Size::Word, R1, R8, slot + SLOT_SAMPLES).atomic_add(R0, 0, R1);
    code.load(Size::Double, R1, R8, slot + SLOT_OFF_NS).atomic_add(R0, 8, R1);
    code.place(next);
}
