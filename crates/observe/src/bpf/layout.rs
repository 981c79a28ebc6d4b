//! The layout of the kernel structs that the programs read.

use super::btf::{Btf, TypeClass};
use super::error::{BpfError, Doing};
use cutwater_sys::Errno;

/// Offsets in the kernel's structs, bytes.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) mapping_host: i16,
    pub(super) file_inode: i16,
    pub(super) inode_ino: i16,
    pub(super) inode_sb: i16,
    pub(super) sb_dev: i16,
    pub(super) task_tgid: i16,
    pub(super) task_pid: i16,
    /// Whether a call is of 32 bits, among other bits.
    pub(super) task_status: i16,
    pub(super) task_files: i16,
    pub(super) files_table: i16,
    pub(super) table_len: i16,
    pub(super) table_files: i16,
    /// A call's first argument, and that of a call of 32 bits.
    pub(super) regs_first: i16,
    pub(super) regs_first_32: i16,
    /// A call's number.
    pub(super) regs_number: i16,
}

/// The registers of x86-64. Elsewhere they are not found, nor is the tracepoint for faults.
const FIRST: &str = "di";
const FIRST_32: &str = "bx";
const NUMBER: &str = "orig_ax";

impl Layout {
    pub(super) fn from_btf(btf: &Btf) -> Result<Self, BpfError> {
        let offset = |of: &'static str, field: &str| {
            let offset = btf.offset(of, field);
            offset.ok_or_else(|| BpfError::new(Doing::Find(of), Errno::NOENT))
        };
        Ok(Self {
            mapping_host: offset("address_space", "host")?,
            file_inode: offset("file", "f_inode")?,
            inode_ino: offset("inode", "i_ino")?,
            inode_sb: offset("inode", "i_sb")?,
            sb_dev: offset("super_block", "s_dev")?,
            task_tgid: offset("task_struct", "tgid")?,
            task_pid: offset("task_struct", "pid")?,
            task_status: offset("task_struct", "thread_info")? + offset("thread_info", "status")?,
            task_files: offset("task_struct", "files")?,
            files_table: offset("files_struct", "fdt")?,
            table_len: offset("fdtable", "max_fds")?,
            table_files: offset("fdtable", "fd")?,
            regs_first: offset("pt_regs", FIRST)?,
            regs_first_32: offset("pt_regs", FIRST_32)?,
            regs_number: offset("pt_regs", NUMBER)?,
        })
    }
}

/// The type of a tracepoint.
pub(super) fn tracepoint(btf: &Btf, name: &'static str) -> Result<u32, BpfError> {
    let found = btf.find(TypeClass::Typedef, name);
    found.ok_or_else(|| BpfError::new(Doing::Find(name), Errno::NOENT))
}
