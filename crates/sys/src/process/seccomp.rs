//! Refuses system calls to this process, as a container's profile would: `seccomp(2)`.
//!
//! For tests of fallbacks, and for users who want to see what happens on a host that refuses calls.
//! It is not a sandbox: calls made under another ABI (32 bit) pass.
//!
//! # Safety
//! The one call takes a program that the kernel copies and checks before it returns.
#![allow(unsafe_code)]

use core::ptr;
use std::str::FromStr;

use rustix::thread::set_no_new_privs;

use crate::{Errno, Result, last_errno};

/// A system call that can be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SysCall {
    /// `io_uring_setup(2)`.
    IoUringSetup,
    /// `io_uring_enter(2)`.
    IoUringEnter,
    /// `io_uring_register(2)`.
    IoUringRegister,
    /// `cachestat(2)`.
    Cachestat,
    /// `mincore(2)`.
    Mincore,
    /// `preadv2(2)`.
    Preadv2,
    /// `statx(2)`.
    Statx,
    /// `copy_file_range(2)`.
    CopyFileRange,
    /// `sendfile(2)`.
    Sendfile,
    /// `splice(2)`.
    Splice,
    /// `memfd_create(2)`.
    MemfdCreate,
    /// `perf_event_open(2)`.
    PerfEventOpen,
    /// `bpf(2)`.
    Bpf,
}

impl SysCall {
    /// Every call of `io_uring(7)`.
    pub const IO_URING: [Self; 3] = [Self::IoUringSetup, Self::IoUringEnter, Self::IoUringRegister];

    /// Names for users, and the calls that each stands for: `io_uring` stands for three.
    pub const NAMES: [(&str, &[Self]); 14] = [
        ("io_uring", &Self::IO_URING),
        ("io_uring_setup", &[Self::IoUringSetup]),
        ("io_uring_enter", &[Self::IoUringEnter]),
        ("io_uring_register", &[Self::IoUringRegister]),
        ("cachestat", &[Self::Cachestat]),
        ("mincore", &[Self::Mincore]),
        ("preadv2", &[Self::Preadv2]),
        ("statx", &[Self::Statx]),
        ("copy_file_range", &[Self::CopyFileRange]),
        ("sendfile", &[Self::Sendfile]),
        ("splice", &[Self::Splice]),
        ("memfd_create", &[Self::MemfdCreate]),
        ("perf_event_open", &[Self::PerfEventOpen]),
        ("bpf", &[Self::Bpf]),
    ];

    fn number(self) -> libc::c_long {
        match self {
            Self::IoUringSetup => libc::SYS_io_uring_setup,
            Self::IoUringEnter => libc::SYS_io_uring_enter,
            Self::IoUringRegister => libc::SYS_io_uring_register,
            // The same number on every architecture; the C library's headers lag behind.
            Self::Cachestat => 451,
            Self::Mincore => libc::SYS_mincore,
            Self::Preadv2 => libc::SYS_preadv2,
            Self::Statx => libc::SYS_statx,
            Self::CopyFileRange => libc::SYS_copy_file_range,
            Self::Sendfile => libc::SYS_sendfile,
            Self::Splice => libc::SYS_splice,
            Self::MemfdCreate => libc::SYS_memfd_create,
            Self::PerfEventOpen => libc::SYS_perf_event_open,
            Self::Bpf => libc::SYS_bpf,
        }
    }
}

/// The error of a refused call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Refusal {
    /// `ENOSYS`: a kernel without the call; Docker's profile for unknown calls.
    #[default]
    NoSys,
    /// `EPERM`: `kernel.io_uring_disabled` and most container profiles.
    Perm,
    /// `ENOMEM`: RLIMIT_MEMLOCK is used up, on older kernels.
    NoMem,
}

impl Refusal {
    /// The error number.
    #[must_use]
    pub fn errno(self) -> Errno {
        match self {
            Self::NoSys => Errno::NOSYS,
            Self::Perm => Errno::PERM,
            Self::NoMem => Errno::NOMEM,
        }
    }
}

impl FromStr for Refusal {
    type Err = ();

    fn from_str(name: &str) -> core::result::Result<Self, ()> {
        match name {
            "ENOSYS" => Ok(Self::NoSys),
            "EPERM" => Ok(Self::Perm),
            "ENOMEM" => Ok(Self::NoMem),
            _ => Err(()),
        }
    }
}

/// Makes `calls` answer with `refusal` in every thread of this process and in its children,
/// for good: `seccomp(2)` with `SECCOMP_SET_MODE_FILTER` and `SECCOMP_FILTER_FLAG_TSYNC`.
///
/// Sets "no new privileges" (`PR_SET_NO_NEW_PRIVS`), so that no privilege is needed. Programs
/// that this process starts then gain nothing by set-user-ID.
///
/// # Errors
/// `ENOSYS` on an unknown architecture or a kernel without filters, `EINVAL`
/// for more calls than [`CALLS_MAX`], `ESRCH` when another thread has a filter of its own.
pub fn refuse(calls: &[SysCall], refusal: Refusal) -> Result<()> {
    let mut program = program(calls, refusal)?;
    let len = u16::try_from(program.len()).map_err(|_| Errno::INVAL)?;
    set_no_new_privs(true)?;
    let prog = libc::sock_fprog { len, filter: program.as_mut_ptr() };
    // SAFETY: `prog` and the `len` instructions after it live past the call; the kernel copies
    // and verifies them.
    let r = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_TSYNC,
            ptr::from_ref(&prog),
        )
    };
    match r {
        0 => Ok(()),
        // A positive result is the thread that could not take the filter.
        1.. => Err(Errno::SRCH),
        _ => Err(last_errno()),
    }
}

/// Most calls of one [`refuse`]; the kernel takes 4096 instructions.
pub const CALLS_MAX: usize = 64;

#[cfg(target_arch = "x86_64")]
const AUDIT_ARCH: Option<u32> = Some(0xc000_003e);
#[cfg(target_arch = "aarch64")]
const AUDIT_ARCH: Option<u32> = Some(0xc000_00b7);
#[cfg(target_arch = "riscv64")]
const AUDIT_ARCH: Option<u32> = Some(0xc000_00f3);
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
const AUDIT_ARCH: Option<u32> = None;

/// Offsets in `struct seccomp_data`.
const OFFSET_NR: u32 = core::mem::offset_of!(libc::seccomp_data, nr) as u32;
const OFFSET_ARCH: u32 = core::mem::offset_of!(libc::seccomp_data, arch) as u32;

fn program(calls: &[SysCall], refusal: Refusal) -> Result<Vec<libc::sock_filter>> {
    if calls.len() > CALLS_MAX {
        return Err(Errno::INVAL);
    }
    let arch = AUDIT_ARCH.ok_or(Errno::NOSYS)?;
    let answer = libc::SECCOMP_RET_ERRNO | refusal.errno().raw_os_error().unsigned_abs();
    let mut program =
        vec![load(OFFSET_ARCH), skip_unless(arch, 1, 0), give(libc::SECCOMP_RET_ALLOW)];
    program.push(load(OFFSET_NR));
    for call in calls {
        let number = u32::try_from(call.number()).map_err(|_| Errno::INVAL)?;
        program.push(skip_unless(number, 0, 1));
        program.push(give(answer));
    }
    program.push(give(libc::SECCOMP_RET_ALLOW));
    Ok(program)
}

fn load(offset: u32) -> libc::sock_filter {
    instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset, 0, 0)
}

/// Skips `same` instructions when the loaded word is `value` and `other` when it is not.
fn skip_unless(value: u32, same: u8, other: u8) -> libc::sock_filter {
    instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, value, same, other)
}

fn give(action: u32) -> libc::sock_filter {
    instruction(libc::BPF_RET | libc::BPF_K, action, 0, 0)
}

fn instruction(code: u32, k: u32, jt: u8, jf: u8) -> libc::sock_filter {
    // Every BPF opcode fits 8 bits; the field has 16.
    libc::sock_filter { code: (code & 0xff) as u16, jt, jf, k }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The program's answer for `nr` on `arch`, by a small model of the kernel's machine.
    fn answer(program: &[libc::sock_filter], arch: u32, nr: u32) -> u32 {
        let (mut at, mut word) = (0usize, 0u32);
        loop {
            let i = program[at];
            at += 1;
            match (u32::from(i.code), i.k) {
                (0x20, OFFSET_ARCH) => word = arch,
                (0x20, OFFSET_NR) => word = nr,
                (0x15, k) => at += usize::from(if word == k { i.jt } else { i.jf }),
                (0x06, k) => return k,
                other => panic!("instruction {other:?}"),
            }
        }
    }

    #[test]
    fn only_the_named_calls_of_our_abi_are_refused() {
        let Some(arch) = AUDIT_ARCH else { return cutwater_testing::skip!("unknown architecture") };
        let program = program(&[SysCall::Cachestat, SysCall::Mincore], Refusal::Perm).unwrap();
        let refused = libc::SECCOMP_RET_ERRNO | 1;
        let mincore = libc::SYS_mincore as u32;
        assert_eq!(answer(&program, arch, 451), refused);
        assert_eq!(answer(&program, arch, mincore), refused);
        assert_eq!(answer(&program, arch, mincore + 1), libc::SECCOMP_RET_ALLOW);
        assert_eq!(answer(&program, arch ^ 1, mincore), libc::SECCOMP_RET_ALLOW);
    }

    #[test]
    fn too_many_calls_are_refused_here() {
        let calls = [SysCall::Mincore; CALLS_MAX + 1];
        assert_eq!(refuse(&calls, Refusal::NoSys), Err(Errno::INVAL));
    }
}
