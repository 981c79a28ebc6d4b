//! `perf_event_open(2)` and the ioctls on what it returns.
//!
//! # Safety
//! The kernel reads one struct of integers whose size is in its second field. Two of the
//! ioctls used here take a pointer: one writes a `u64`, one reads a string that ends in zero.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::ioctl::opcode;

use cutwater_sys::{Errno, Result, last_errno};

/// `struct perf_event_attr` as of `PERF_ATTR_SIZE_VER5` (Linux 4.8); newer kernels take
/// the fields they know beyond it as zero.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Attr {
    pub(super) kind: u32,
    size: u32,
    pub(super) config: u64,
    pub(super) sample_freq: u64,
    pub(super) sample_type: u64,
    read_format: u64,
    pub(super) flags: u64,
    wakeup_events: u32,
    bp_type: u32,
    config1: u64,
    config2: u64,
    branch_sample_type: u64,
    sample_regs_user: u64,
    sample_stack_user: u32,
    pub(super) clockid: i32,
    sample_regs_intr: u64,
    aux_watermark: u32,
    pub(super) sample_max_stack: u16,
    reserved: u16,
}

const _: () = assert!(size_of::<Attr>() == 112, "PERF_ATTR_SIZE_VER5");

impl Attr {
    pub(super) fn new(kind: u32, config: u64) -> Self {
        Self { kind, size: size_of::<Self>() as u32, config, ..Self::default() }
    }

    /// The same with `flags` set too.
    pub(super) fn with(self, flags: u64) -> Self {
        Self { flags: self.flags | flags, ..self }
    }
}

pub(super) const TYPE_SOFTWARE: u32 = 1;
pub(super) const TYPE_TRACEPOINT: u32 = 2;
pub(super) const SOFTWARE_CPU_CLOCK: u64 = 0;
/// An event when a thread leaves its CPU, with the stack that it waits in.
pub(super) const SOFTWARE_CONTEXT_SWITCHES: u64 = 3;
pub(super) const SOFTWARE_FAULTS_MINOR: u64 = 5;
pub(super) const SOFTWARE_FAULTS_MAJOR: u64 = 6;
pub(super) const SAMPLE_TID: u64 = 1 << 1;
pub(super) const SAMPLE_TIME: u64 = 1 << 2;
pub(super) const SAMPLE_ADDR: u64 = 1 << 3;
pub(super) const SAMPLE_CALLCHAIN: u64 = 1 << 5;

pub(super) const SAMPLE_RAW: u64 = 1 << 10;
/// The event's number first, so that samples of several events can share a ring.
pub(super) const SAMPLE_IDENTIFIER: u64 = 1 << 16;

/// Starts disabled.
pub(super) const DISABLED: u64 = bit(0);
/// Threads and processes created later are counted too.
pub(super) const INHERIT: u64 = bit(1);
pub(super) const EXCLUDE_KERNEL: u64 = bit(5);
pub(super) const EXCLUDE_HV: u64 = bit(6);
/// Starts when the task calls `execve(2)`.
pub(super) const ENABLE_ON_EXEC: u64 = bit(12);
/// Records other than samples have thread and time too.
pub(super) const SAMPLE_ID_ALL: u64 = bit(18);
/// Chains have no user frames.
pub(super) const EXCLUDE_CALLCHAIN_USER: u64 = bit(22);
/// A record when a thread leaves its CPU, and one when it is back on a CPU.
pub(super) const CONTEXT_SWITCH: u64 = bit(26);
/// Times are of `clockid`.
pub(super) const USE_CLOCKID: u64 = bit(25);
/// `sample_freq` is a frequency in Hz and not a period.
pub(super) const FREQ: u64 = bit(10);
/// Threads only: no other process (Linux 5.13).
pub(super) const INHERIT_THREAD: u64 = bit(35);

/// The flags are bit-fields of a `u64`, which C lays out in reverse on big-endian machines.
const fn bit(n: u32) -> u64 {
    if cfg!(target_endian = "big") { 1 << (63 - n) } else { 1 << n }
}

/// Which task an event looks at, and on which CPU.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    /// Thread id; 0 is the calling thread.
    pub(super) tid: i32,
    /// CPU number; none stands for any CPU.
    pub(super) cpu: Option<u32>,
}

/// Opens an event. See `perf_event_open(2)`.
pub(super) fn open(attr: &Attr, target: Target) -> Result<OwnedFd> {
    const NO_GROUP: i32 = -1;
    const CLOEXEC: libc::c_ulong = 1 << 3;
    let cpu = match target.cpu {
        Some(cpu) => i32::try_from(cpu).map_err(|_| Errno::INVAL)?,
        None => -1,
    };
    // A copy, because on E2BIG the kernel writes the size it knows into the struct.
    let mut attr = *attr;
    let at = std::ptr::from_mut(&mut attr);
    // SAFETY: `at` points to a struct of ours of `attr.size` bytes (set by `new`, asserted
    // above): the kernel reads no more, and writes only to the `size` field.
    let fd =
        unsafe { libc::syscall(libc::SYS_perf_event_open, at, target.tid, cpu, NO_GROUP, CLOEXEC) };
    let fd = i32::try_from(fd).map_err(|_| Errno::BADF)?;
    if fd < 0 {
        return Err(last_errno());
    }
    // SAFETY: the kernel has just made `fd` for this call, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Starts counting, in inherited events too.
pub(super) fn enable(fd: BorrowedFd<'_>) -> Result<()> {
    ioctl(fd, opcode::none(b'$', 0), 0)
}

/// Stops counting, in inherited events too.
pub(super) fn disable(fd: BorrowedFd<'_>) -> Result<()> {
    ioctl(fd, opcode::none(b'$', 1), 0)
}

/// Sends the samples of `fd` to the ring of `ring`, which must be on the same CPU.
pub(super) fn set_output(fd: BorrowedFd<'_>, ring: BorrowedFd<'_>) -> Result<()> {
    ioctl(fd, opcode::none(b'$', 5), ring.as_raw_fd())
}

/// Runs an eBPF program at each sample of `fd`, and of the events that inherit from it.
#[cfg(feature = "ebpf")]
pub(super) fn set_program(fd: BorrowedFd<'_>, program: BorrowedFd<'_>) -> Result<()> {
    ioctl(fd, opcode::write::<u32>(b'$', 8), program.as_raw_fd())
}

/// The number of an event in samples: `PERF_EVENT_IOC_ID`.
pub(super) fn number(fd: BorrowedFd<'_>) -> Result<u64> {
    let mut number = 0u64;
    let code = opcode::read::<u64>(b'$', 7);
    // SAFETY: the code writes one u64, which `number` has room for.
    let status = unsafe { libc::ioctl(fd.as_raw_fd(), code as _, &raw mut number) };
    if status < 0 { Err(last_errno()) } else { Ok(number) }
}

/// Lets only those events of a tracepoint pass that `filter` names.
pub(super) fn set_filter(fd: BorrowedFd<'_>, filter: &CStr) -> Result<()> {
    let code = opcode::write::<*mut libc::c_char>(b'$', 6);
    // SAFETY: the code reads a string up to its zero, which a `CStr` has.
    let status = unsafe { libc::ioctl(fd.as_raw_fd(), code as _, filter.as_ptr()) };
    if status < 0 { Err(last_errno()) } else { Ok(()) }
}

fn ioctl(fd: BorrowedFd<'_>, code: rustix::ioctl::Opcode, arg: i32) -> Result<()> {
    // SAFETY: the four codes that callers pass take an integer and no pointer.
    let status = unsafe { libc::ioctl(fd.as_raw_fd(), code as _, arg) };
    if status < 0 { Err(last_errno()) } else { Ok(()) }
}
