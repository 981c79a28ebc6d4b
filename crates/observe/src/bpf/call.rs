//! `bpf(2)`.
//!
//! # Safety
//! The kernel reads a struct of integers whose size is passed with it; each struct here is at
//! least as long as what its command reads. Addresses in them are of memory that is borrowed for
//! the call: keys and values of the size that the map was made with, which [`Map`] keeps and
//! checks, and buffers whose length is in the same struct.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::asm::Instruction;
use cutwater_sys::{Errno, Result, last_errno};

const MAP_CREATE: i32 = 0;
const MAP_LOOKUP: i32 = 1;
const MAP_UPDATE: i32 = 2;
const MAP_NEXT_KEY: i32 = 4;
const PROGRAM_LOAD: i32 = 5;
const RAW_TRACEPOINT_OPEN: i32 = 17;

/// The kind of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MapKind {
    Hash = 1,
    PerCpuHash = 5,
    PerCpuArray = 6,
    /// Addresses of a stack by its number, innermost first, followed by zeros.
    Stacks = 7,
    /// When it is full, the entry that was unused for the longest time is dropped.
    LruHash = 9,
}

/// The events that run a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attach {
    /// A tracepoint, by its type.
    Tracepoint(u32),
    /// Events of perf.
    PerfEvent,
}

impl Attach {
    /// Kind of program, place and type.
    fn numbers(self) -> (u32, u32, u32) {
        const TRACING: u32 = 26;
        const PERF_EVENT: u32 = 7;
        const RAW_TRACEPOINT: u32 = 23;
        match self {
            Self::Tracepoint(of) => (TRACING, RAW_TRACEPOINT, of),
            Self::PerfEvent => (PERF_EVENT, 0, 0),
        }
    }
}

/// A map in the kernel.
#[derive(Debug)]
pub(super) struct Map {
    fd: OwnedFd,
    key_bytes: usize,
    /// Bytes of a value, or of the values of all CPUs.
    value_bytes: usize,
}

#[repr(C)]
#[derive(Default)]
struct CreateAttr {
    kind: u32,
    key_bytes: u32,
    value_bytes: u32,
    entries_max: u32,
    flags: u32,
}

#[repr(C)]
#[derive(Default)]
struct ElementAttr {
    map: u32,
    pad: u32,
    key: u64,
    /// The value, or the next key.
    value: u64,
    flags: u64,
}

#[repr(C)]
#[derive(Default)]
struct LoadAttr {
    kind: u32,
    instructions_len: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_bytes: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
    interface: u32,
    attach: u32,
    unused: [u32; 9],
    attach_type: u32,
    attach_program: u32,
}

const _: () = assert!(std::mem::offset_of!(LoadAttr, attach) == 68);
const _: () = assert!(std::mem::offset_of!(LoadAttr, attach_type) == 108);

#[repr(C)]
#[derive(Default)]
struct TracepointAttr {
    name: u64,
    program: u32,
    pad: u32,
}

impl Map {
    /// Makes a map; reading a per-CPU map returns `cpus` values for a key.
    pub(super) fn new(
        kind: MapKind,
        key_bytes: usize,
        value_bytes: usize,
        entries_max: u32,
        cpus: usize,
    ) -> Result<Self> {
        let size = |bytes: usize| u32::try_from(bytes).map_err(|_| Errno::INVAL);
        let attr = CreateAttr {
            kind: kind as u32,
            key_bytes: size(key_bytes)?,
            value_bytes: size(value_bytes)?,
            entries_max,
            ..CreateAttr::default()
        };
        let fd = open(MAP_CREATE, &attr)?;
        let per_cpu = matches!(kind, MapKind::PerCpuHash | MapKind::PerCpuArray);
        let copies = if per_cpu { cpus } else { 1 };
        Ok(Self { fd, key_bytes, value_bytes: value_bytes * copies })
    }

    /// The descriptor by which programs name it.
    pub(super) fn descriptor(&self) -> i32 {
        self.fd.as_raw_fd()
    }

    /// Sets a key's value.
    pub(super) fn set(&self, key: &[u8], value: &[u8]) -> Result<()> {
        if key.len() != self.key_bytes || value.len() != self.value_bytes {
            return Err(Errno::INVAL);
        }
        self.element(MAP_UPDATE, key.as_ptr() as u64, value.as_ptr() as u64)
    }

    /// A key's value, or those of all CPUs one after the other.
    pub(super) fn get(&self, key: &[u8]) -> Result<Vec<u8>> {
        if key.len() != self.key_bytes {
            return Err(Errno::INVAL);
        }
        let mut value = vec![0u8; self.value_bytes];
        self.element(MAP_LOOKUP, key.as_ptr() as u64, value.as_mut_ptr() as u64)?;
        Ok(value)
    }

    /// All keys, at most `keys_max`.
    pub(super) fn keys(&self, keys_max: usize) -> Vec<Vec<u8>> {
        let mut keys: Vec<Vec<u8>> = Vec::new();
        while keys.len() < keys_max {
            let mut next = vec![0u8; self.key_bytes];
            let before = keys.last().map_or(0, |key| key.as_ptr() as u64);
            if self.element(MAP_NEXT_KEY, before, next.as_mut_ptr() as u64).is_err() {
                break;
            }
            keys.push(next);
        }
        keys
    }

    /// `key` and `value` are addresses of live memory of the map's sizes (module level), or
    /// null for the key before the first.
    fn element(&self, command: i32, key: u64, value: u64) -> Result<()> {
        let map = self.fd.as_raw_fd().unsigned_abs();
        call(command, &ElementAttr { map, key, value, ..ElementAttr::default() }).map(drop)
    }
}

/// Loads a program. The verifier's messages go to `log`, if it is not empty.
pub(super) fn load(
    instructions: &[Instruction],
    name: &str,
    attach: Attach,
    log: &mut [u8],
) -> Result<OwnedFd> {
    const LICENSE: &CStr = c"Dual MIT/GPL";
    let (kind, attach, attach_type) = attach.numbers();
    let mut attr = LoadAttr {
        kind,
        instructions_len: u32::try_from(instructions.len()).map_err(|_| Errno::TOOBIG)?,
        instructions: instructions.as_ptr() as u64,
        license: LICENSE.as_ptr() as u64,
        attach,
        attach_type,
        ..LoadAttr::default()
    };
    // The last byte stays zero.
    let len = name.len().min(attr.name.len() - 1);
    attr.name[..len].copy_from_slice(&name.as_bytes()[..len]);
    if !log.is_empty() {
        attr.log_level = 1;
        attr.log_bytes = u32::try_from(log.len()).map_err(|_| Errno::INVAL)?;
        attr.log = log.as_mut_ptr() as u64;
    }
    open(PROGRAM_LOAD, &attr)
}

/// Runs `program` at the events that it was loaded for, until the result is closed.
pub(super) fn attach(program: BorrowedFd<'_>) -> Result<OwnedFd> {
    let program = program.as_raw_fd().unsigned_abs();
    open(RAW_TRACEPOINT_OPEN, &TracepointAttr { program, ..TracepointAttr::default() })
}

/// A command that returns a descriptor.
fn open<T>(command: i32, attr: &T) -> Result<OwnedFd> {
    let fd = call(command, attr)?;
    // SAFETY: the commands of the callers return a descriptor that the kernel has just made for
    // this call, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn call<T>(command: i32, attr: &T) -> Result<i32> {
    // SAFETY: the kernel reads `size_of::<T>()` bytes of the integers in `attr`, and follows the
    // addresses in it only within the sizes that go with them (module level).
    let r =
        unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(attr), size_of::<T>()) };
    if r < 0 { Err(last_errno()) } else { i32::try_from(r).map_err(|_| Errno::BADF) }
}
