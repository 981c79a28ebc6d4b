//! The programs: start and end of faults and reads, and which processes are followed.
//!
//! The time is taken last at a start and first at an end, so that it does not include the
//! programs.

use super::asm::Reg::{R0, R1, R2, R3, R4, R6, R7, R8, R9, R10};
use super::asm::{Code, Helper, If, Label, Op, Reg, Size};
use super::frames::{self, Ongoing};
use super::layout::Layout;
use super::rows::{
    BUCKETS, OTHERS_DEV, Operation, RING_DEV, ROW_BUCKETS, SUB_BITS, VALUE_BITS_MAX,
};

/// Descriptors of the maps that programs use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Maps {
    /// Process: whether it is traced (1), or will be when it calls `execve(2)` (0).
    pub(super) followed: i32,
    /// Thread: its operations that have begun.
    pub(super) threads: i32,
    /// Kind of operation and file: a histogram.
    pub(super) rows: i32,
    /// A histogram of zeros.
    pub(super) zero: i32,
    /// Kernel stacks, by number.
    pub(super) stacks: i32,
    /// Thread and operation: the stacks that it had so far.
    pub(super) seen: i32,
    /// Kind of operation: the number of each duration, and their time.
    pub(super) spans: i32,
    /// Kind of operation, duration and stack: the time off the CPU and the samples on it.
    pub(super) tails: i32,
    /// How often there was no room in `tails`.
    pub(super) dropped: i32,
}

/// Bytes of a thread's value: a fault and a read, each with its start, the device and
/// inode of its file, and whether it had stacks; when the thread left its CPU, and in
/// which stack.
pub(super) const THREAD_BYTES: usize = 72;
pub(super) const FAULT_NS: i16 = 0;
const FAULT_DEV: i16 = 8;
const FAULT_INO: i16 = 16;
pub(super) const READ_NS: i16 = 24;
const READ_DEV: i16 = 32;
const READ_INO: i16 = 40;
pub(super) const FAULT_SEEN: i16 = 48;
pub(super) const READ_SEEN: i16 = 52;
pub(super) const LEFT_NS: i16 = 56;
pub(super) const LEFT_STACK: i16 = 64;

/// Offsets on a program's stack.
pub(super) const ID: i16 = -4;
const OTHER_ID: i16 = -8;
const STATE: i16 = -12;
pub(super) const KEY: i16 = -32;
const KEY_DEV: i16 = KEY + 4;
const KEY_INO: i16 = KEY + 8;
const RESULT: i16 = -40;
const FILE: i16 = -48;
const INO: i16 = -56;
pub(super) const THREAD: i16 = INO - THREAD_BYTES as i16;

/// The calls that read.
const READS: [i32; 5] = [
    libc::SYS_read as i32,
    libc::SYS_pread64 as i32,
    libc::SYS_readv as i32,
    libc::SYS_preadv as i32,
    libc::SYS_preadv2 as i32,
];
const RING: i32 = libc::SYS_io_uring_enter as i32;
/// The same for programs of 32 bits, whose calls have other numbers: `read`, `readv`, `pread64`,
/// `preadv`, `preadv2`.
const READS_32: [i32; 5] = [3, 145, 180, 333, 378];

/// A fault begins; its file, if any, is found later.
pub(super) fn fault_begins(maps: &Maps) -> Code {
    let mut code = Code::default();
    let out = code.label();
    code.copy(R6, R1);
    only_followed(&mut code, maps, out);
    thread(&mut code, maps, out, true);
    code.store_value(Size::Double, R8, FAULT_DEV, 0).store_value(Size::Double, R8, FAULT_INO, 0);
    code.store_value(Size::Word, R8, FAULT_SEEN, 0);
    code.call(Helper::TimeNs).store(Size::Double, R8, FAULT_NS, R0);
    code.place(out).exit();
    code
}

/// The fault belongs to the file that the first argument, a `struct address_space`, belongs to.
pub(super) fn fault_of_file(maps: &Maps, at: &Layout) -> Code {
    let mut code = Code::default();
    let out = code.label();
    code.copy(R6, R1);
    only_followed(&mut code, maps, out);
    thread(&mut code, maps, out, false);
    code.load(Size::Double, R1, R8, FAULT_NS).jump_if(If::Equal, R1, 0, out);
    code.load(Size::Double, R1, R6, 0).load(Size::Double, R1, R1, at.mapping_host);
    code.load(Size::Double, R3, R1, at.inode_ino).load(Size::Double, R1, R1, at.inode_sb);
    code.load(Size::Word, R2, R1, at.sb_dev);
    code.store(Size::Double, R8, FAULT_DEV, R2).store(Size::Double, R8, FAULT_INO, R3);
    code.place(out).exit();
    code
}

/// A fault of `kind` was served: run by the event of a process that is followed.
pub(super) fn fault_ends(maps: &Maps, kind: Operation) -> Code {
    let mut code = Code::default();
    let out = code.label();
    code.copy(R6, R1).call(Helper::TimeNs).copy(R9, R0).call(Helper::PidTgid).copy(R7, R0);
    thread(&mut code, maps, out, false);
    code.load(Size::Double, R1, R8, FAULT_NS).jump_if(If::Equal, R1, 0, out);
    code.subtract(R9, R1).store_value(Size::Double, R8, FAULT_NS, 0);
    code.store_value(Size::Word, R10, KEY, kind as i32);
    code.load(Size::Double, R1, R8, FAULT_DEV).store(Size::Word, R10, KEY_DEV, R1);
    code.load(Size::Double, R1, R8, FAULT_INO).store(Size::Double, R10, KEY_INO, R1);
    code.store_value(Size::Double, R10, RESULT, 0);
    record(&mut code, maps, Ongoing::Fault, out);
    code.place(out).exit();
    code
}

/// A system call begins: its arguments are the registers and its number.
pub(super) fn call_begins(maps: &Maps, at: &Layout) -> Code {
    let mut code = Code::default();
    let (out, ring, known) = (code.label(), code.label(), code.label());
    code.copy(R6, R1).load(Size::Double, R1, R6, 8);
    only_numbers(&mut code, &[READS, READS_32].concat(), out);
    only_followed(&mut code, maps, out);
    only_reads(&mut code, at, out);
    thread(&mut code, maps, out, true);
    code.load(Size::Double, R1, R6, 8).jump_if(If::Equal, R1, RING, ring);
    file_of_descriptor(&mut code, at);
    code.jump(known);
    code.place(ring).set(R2, RING_DEV.cast_signed()).set(R3, 0).place(known);
    code.store(Size::Double, R8, READ_DEV, R2).store(Size::Double, R8, READ_INO, R3);
    code.store_value(Size::Word, R8, READ_SEEN, 0);
    code.call(Helper::TimeNs).store(Size::Double, R8, READ_NS, R0);
    code.place(out).exit();
    code
}

/// A system call returns: its arguments are the registers and what it returns.
pub(super) fn call_ends(maps: &Maps, at: &Layout) -> Code {
    let mut code = Code::default();
    let out = code.label();
    code.copy(R6, R1).load(Size::Double, R1, R6, 0).load(Size::Double, R1, R1, at.regs_number);
    // The start of the call found out which of the two it is.
    only_numbers(&mut code, &[READS, READS_32].concat(), out);
    code.call(Helper::TimeNs).copy(R9, R0);
    only_followed(&mut code, maps, out);
    thread(&mut code, maps, out, false);
    code.load(Size::Double, R1, R8, READ_NS).jump_if(If::Equal, R1, 0, out);
    code.subtract(R9, R1).store_value(Size::Double, R8, READ_NS, 0);
    code.store_value(Size::Word, R10, KEY, Operation::Read as i32);
    code.load(Size::Double, R3, R8, READ_INO).store(Size::Double, R10, KEY_INO, R3);
    code.load(Size::Double, R2, R8, READ_DEV).store(Size::Word, R10, KEY_DEV, R2);
    let bytes = code.label();
    // A call of a ring returns entries and not bytes.
    code.load(Size::Double, R1, R6, 8).jump_if(If::Other, R2, RING_DEV.cast_signed(), bytes);
    code.jump_if(If::Less, R1, 0, bytes).set(R1, 0);
    code.place(bytes).store(Size::Double, R10, RESULT, R1);
    record(&mut code, maps, Ongoing::Read, out);
    code.place(out).exit();
    code
}

/// `R9 =` the first argument of the call, or goes to `out` when it does not read.
fn only_reads(code: &mut Code, at: &Layout, out: Label) {
    /// `TS_COMPAT`
    const IS_32_BIT: i32 = 2;
    let (wide, known) = (code.label(), code.label());
    code.call(Helper::CurrentTask).load(Size::Word, R2, R0, at.task_status);
    code.load(Size::Double, R1, R6, 8).load(Size::Double, R3, R6, 0);
    code.op(Op::And, R2, IS_32_BIT).jump_if(If::Equal, R2, 0, wide);
    only_numbers(code, &READS_32, out);
    code.load(Size::Word, R9, R3, at.regs_first_32).jump(known).place(wide);
    only_numbers(code, &READS, out);
    code.load(Size::Word, R9, R3, at.regs_first).place(known);
}

/// Goes to `out` when the call's number `R1` is neither one of `numbers` nor that of the ring,
/// which is the same for all.
fn only_numbers(code: &mut Code, numbers: &[i32], out: Label) {
    let found = code.label();
    for number in numbers {
        code.jump_if(If::Equal, R1, *number, found);
    }
    code.jump_if(If::Other, R1, RING, out).place(found);
}

/// `R2`, `R3` = device and inode of the file that `R9` is a descriptor of; zeros for none. The table of descriptors is an array, which types do not lead through.
fn file_of_descriptor(code: &mut Code, at: &Layout) {
    let (none, open, known) = (code.label(), code.label(), code.label());
    code.call(Helper::CurrentTask).load(Size::Double, R1, R0, at.task_files);
    code.load(Size::Double, R1, R1, at.files_table);
    code.load(Size::Word, R2, R1, at.table_len).copy(R3, R9).subtract(R3, R2);
    code.jump_if(If::Less, R3, 0, open).jump(none);
    code.place(open).load(Size::Double, R3, R1, at.table_files).op(Op::Left, R9, 3).add(R3, R9);
    peek(code, 0, FILE);
    code.jump_if(If::Equal, R3, 0, none);
    peek(code, at.file_inode, FILE);
    code.copy(R9, R3);
    peek(code, at.inode_ino, INO);
    code.copy(R3, R9);
    peek(code, at.inode_sb, FILE);
    peek(code, at.sb_dev, FILE);
    code.load(Size::Word, R2, R10, FILE).load(Size::Double, R3, R10, INO).jump(known);
    code.place(none).set(R2, 0).set(R3, 0).place(known);
}

/// `R3 =` the eight bytes at `R3 + offset` in the kernel's memory, by way of the stack.
fn peek(code: &mut Code, offset: i16, by: i16) {
    code.op(Op::Add, R3, i32::from(offset));
    stack_address(code, R1, by);
    code.set(R2, 8).call(Helper::ReadKernel).load(Size::Double, R3, R10, by);
}

/// A process has a child, which is followed if its parent is. Its number may have been that of a
/// process that was followed and has ended.
pub(super) fn forks(maps: &Maps, at: &Layout) -> Code {
    const CHILD: i16 = 8;
    let mut code = Code::default();
    let (out, stranger) = (code.label(), code.label());
    code.copy(R6, R1);
    code.load(Size::Double, R1, R6, CHILD).load(Size::Word, R2, R1, at.task_tgid);
    code.store(Size::Word, R10, OTHER_ID, R2).load(Size::Word, R1, R1, at.task_pid);
    code.store(Size::Word, R10, ID, R1);
    forget(&mut code, maps.threads, ID);
    process(&mut code, maps, stranger);
    code.load(Size::Word, R1, R0, 0).store(Size::Word, R10, STATE, R1);
    // A thread belongs to its process, which is followed already.
    code.load(Size::Word, R1, R10, OTHER_ID).load(Size::Word, R2, R10, ID);
    code.subtract(R1, R2).jump_if(If::Equal, R1, 0, out);
    code.map(R1, maps.followed);
    stack_address(&mut code, R2, OTHER_ID);
    stack_address(&mut code, R3, STATE);
    code.set(R4, 0).call(Helper::MapUpdate).jump(out).place(stranger);
    forget(&mut code, maps.followed, OTHER_ID);
    code.place(out).exit();
    code
}

/// Removes the key at `key` on the stack, if it is there.
fn forget(code: &mut Code, map: i32, key: i16) {
    code.map(R1, map);
    stack_address(code, R2, key);
    code.call(Helper::MapDelete);
}

/// A process becomes another program: from here on it is traced.
pub(super) fn execs(maps: &Maps) -> Code {
    let mut code = Code::default();
    let out = code.label();
    process(&mut code, maps, out);
    code.store_value(Size::Word, R0, 0, 1);
    code.place(out).exit();
    code
}

/// `R0 =` the value of the process, or goes to `out`; `R7` is process and thread.
fn process(code: &mut Code, maps: &Maps, out: Label) {
    code.call(Helper::PidTgid).copy(R7, R0).op(Op::Right, R0, 32).store(Size::Word, R10, ID, R0);
    lookup(code, maps.followed, ID);
    code.jump_if(If::Equal, R0, 0, out);
}

fn only_followed(code: &mut Code, maps: &Maps, out: Label) {
    process(code, maps, out);
    code.load(Size::Word, R1, R0, 0).jump_if(If::Equal, R1, 0, out);
}

/// `R8 =` the value of the thread `R7`, or goes to `out`.
pub(super) fn thread(code: &mut Code, maps: &Maps, out: Label, create: bool) {
    let found = code.label();
    code.store(Size::Word, R10, ID, R7);
    lookup(code, maps.threads, ID);
    code.jump_if(If::Other, R0, 0, found);
    if create {
        for at in (0..THREAD_BYTES as i16).step_by(8) {
            code.store_value(Size::Double, R10, THREAD + at, 0);
        }
        code.map(R1, maps.threads);
        stack_address(code, R2, ID);
        stack_address(code, R3, THREAD);
        code.set(R4, 0).call(Helper::MapUpdate);
        lookup(code, maps.threads, ID);
        code.jump_if(If::Other, R0, 0, found);
    }
    code.jump(out);
    code.place(found).copy(R8, R0);
}

/// Adds an operation that took `R9` nanoseconds and returned `RESULT` to the row of `KEY`, and its stacks
/// to the tail.
fn record(code: &mut Code, maps: &Maps, ongoing: Ongoing, out: Label) {
    row(code, maps, out);
    code.set(R1, 1).atomic_add(R7, 0, R1);
    let (failed, counted) = (code.label(), code.label());
    code.load(Size::Double, R1, R10, RESULT).jump_if(If::Less, R1, 0, failed);
    code.atomic_add(R7, 8, R1).jump(counted);
    code.place(failed).set(R1, 1).atomic_add(R7, 16, R1).place(counted);
    let no_more = code.label();
    code.load(Size::Double, R1, R7, 24).copy(R2, R9).subtract(R2, R1);
    code.jump_if(If::Less, R2, 1, no_more).store(Size::Double, R7, 24, R9).place(no_more);
    bucket(code);
    // For the verifier: the offset is within the row.
    code.copy(R6, R1).jump_if(If::Above, R6, BUCKETS as i32 - 1, out);
    code.copy(R1, R6).op(Op::Left, R1, 3).add(R7, R1);
    code.set(R2, 1).atomic_add(R7, ROW_BUCKETS as i16, R2);
    frames::ended(code, maps, ongoing, out);
}

/// `R7 =` the row of `KEY`, which is made if it is missing; the row for all others when there is no
/// room for one more.
fn row(code: &mut Code, maps: &Maps, out: Label) {
    let found = code.label();
    lookup(code, maps.rows, KEY);
    code.jump_if(If::Other, R0, 0, found);
    code.store_value(Size::Word, R10, ID, 0);
    lookup(code, maps.zero, ID);
    code.jump_if(If::Equal, R0, 0, out).copy(R3, R0).map(R1, maps.rows);
    stack_address(code, R2, KEY);
    const ONLY_NEW: i32 = 1;
    code.set(R4, ONLY_NEW).call(Helper::MapUpdate);
    lookup(code, maps.rows, KEY);
    code.jump_if(If::Other, R0, 0, found);
    code.store_value(Size::Word, R10, KEY_DEV, OTHERS_DEV.cast_signed());
    code.store_value(Size::Double, R10, KEY_INO, 0);
    lookup(code, maps.rows, KEY);
    code.jump_if(If::Equal, R0, 0, out);
    code.place(found).copy(R7, R0);
}

/// `R1 =` the number of the bucket for `R9`: the number of bits by which the value was shifted, then
/// its highest bits.
fn bucket(code: &mut Code) {
    let fits = code.label();
    code.copy(R1, R9).copy(R2, R9).op(Op::Right, R2, VALUE_BITS_MAX);
    code.jump_if(If::Equal, R2, 0, fits).set(R1, -1).op(Op::Right, R1, 64 - VALUE_BITS_MAX);
    code.place(fits).set(R3, 0);
    for shift in [32, 16, 8, 4, 2, 1] {
        let small = code.label();
        code.copy(R2, R1).op(Op::Right, R2, shift).jump_if(If::Below, R2, 1 << SUB_BITS, small);
        code.copy(R1, R2).op(Op::Add, R3, shift).place(small);
    }
    code.op(Op::Left, R3, SUB_BITS).add(R1, R3);
}

/// `R0 = ` the address of the value of the key at `key` on the stack, or zero.
pub(super) fn lookup(code: &mut Code, map: i32, key: i16) {
    code.map(R1, map);
    stack_address(code, R2, key);
    code.call(Helper::MapLookup);
}

pub(super) fn stack_address(code: &mut Code, to: Reg, at: i16) {
    code.copy(to, R10).op(Op::Add, to, i32::from(at));
}
