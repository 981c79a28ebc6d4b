//! Operations, each done once where it does no harm.
//!
//! # Safety
//! An entry points at a local (or a static) of the function that builds it, which stays
//! until `complete` returns, which is after the last completion. Every operation here ends
//! by itself: reads of regular files, calls that do not block, sockets with data or an end.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::Write;
use std::mem::MaybeUninit;
use std::net::UdpSocket;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::AtomicU32;

use io_uring::{IoUring, opcode, squeue, types};
use rustix::fs::{MemfdFlags, memfd_create};

use super::queue::{complete, nop};
use super::setup;
use crate::buffer::{Buffer, PAGE_BYTES};
use crate::probe::{Answer, Check};
use crate::{Errno, Result, errno_of};

type Operation = fn(&mut IoUring) -> Result<()>;

/// Does each operation on a ring of its own, so that a failure does not affect the next.
pub(super) fn try_operations() -> Vec<Check> {
    let all: [(&str, Operation); 12] = [
        ("NOP", nop),
        ("READ", read),
        ("READV", readv),
        ("READ_FIXED", read_fixed),
        ("OPENAT2", openat2),
        ("STATX", statx),
        ("MSG_RING", msg_ring),
        ("SEND_ZC", send_zc),
        ("RECV_MULTISHOT", recv_multishot),
        ("WAITID", waitid),
        ("FUTEX_WAKE", futex_wake),
        ("FTRUNCATE", ftruncate),
    ];
    let answer = |f: Operation| match setup::plain() {
        Ok(mut ring) => f(&mut ring).into(),
        Err(_) => Answer::Untried("no further ring could be set up"),
    };
    all.into_iter().map(|(name, f)| Check { name, answer: answer(f) }).collect()
}

/// A file that is always there and begins with known bytes.
fn program() -> Result<File> {
    File::open("/proc/self/exe").map_err(errno_of)
}

const PROGRAM_START: &[u8] = b"\x7fELF";

fn expect(right: bool) -> Result<()> {
    if right { Ok(()) } else { Err(Errno::IO) }
}

fn read(ring: &mut IoUring) -> Result<()> {
    let file = program()?;
    let mut buf = [0u8; 4];
    let entry = opcode::Read::new(types::Fd(file.as_raw_fd()), buf.as_mut_ptr(), 4).build();
    // SAFETY: `buf` has the four bytes and outlives the call.
    let n = unsafe { complete(ring, &entry) }?;
    expect(n == 4 && buf == PROGRAM_START)
}

fn readv(ring: &mut IoUring) -> Result<()> {
    let file = program()?;
    let mut buf = [0u8; 4];
    let vector = [libc::iovec { iov_base: buf.as_mut_ptr().cast(), iov_len: buf.len() }];
    let entry = opcode::Readv::new(types::Fd(file.as_raw_fd()), vector.as_ptr(), 1).build();
    // SAFETY: `vector` and the `buf` that it names outlive the call.
    let n = unsafe { complete(ring, &entry) }?;
    expect(n == 4 && buf == PROGRAM_START)
}

fn read_fixed(ring: &mut IoUring) -> Result<()> {
    let file = program()?;
    let buffer = Buffer::new(PAGE_BYTES)?;
    let vector = libc::iovec { iov_base: buffer.address(0).cast(), iov_len: buffer.len() };
    // SAFETY: `buffer` lives until after the registration is taken back below.
    unsafe { ring.submitter().register_buffers(&[vector]) }.map_err(errno_of)?;
    let fd = types::Fd(file.as_raw_fd());
    let entry = opcode::ReadFixed::new(fd, buffer.address(0), 4, 0).build();
    // SAFETY: the four bytes are in `buffer`, and no slice of it is lent during the call.
    let n = unsafe { complete(ring, &entry) };
    ring.submitter().unregister_buffers().map_err(errno_of)?;
    expect(n? == 4 && buffer.as_slice().starts_with(PROGRAM_START))
}

fn openat2(ring: &mut IoUring) -> Result<()> {
    let flags = libc::O_DIRECTORY | libc::O_CLOEXEC;
    let how = types::OpenHow::new().flags(u64::from(flags.unsigned_abs()));
    let at = types::Fd(libc::AT_FDCWD);
    let entry = opcode::OpenAt2::new(at, c"/".as_ptr(), &raw const how).build();
    // SAFETY: the path is static and `how` outlives the call.
    let fd = unsafe { complete(ring, &entry) }?;
    // SAFETY: the completion's result is a descriptor that the kernel has just made for us.
    drop(unsafe { OwnedFd::from_raw_fd(fd.cast_signed()) });
    Ok(())
}

fn statx(ring: &mut IoUring) -> Result<()> {
    let mut out = MaybeUninit::<libc::statx>::zeroed();
    let at = types::Fd(libc::AT_FDCWD);
    let entry = opcode::Statx::new(at, c"/".as_ptr(), out.as_mut_ptr().cast())
        .mask(libc::STATX_TYPE)
        .build();
    // SAFETY: the path is static, and `out` has the size of the struct and outlives the call.
    unsafe { complete(ring, &entry) }?;
    // SAFETY: zeroed above; all-zero bits are a valid `statx`, which is integers only.
    let mode = u32::from(unsafe { out.assume_init() }.stx_mode);
    expect(mode & libc::S_IFMT == libc::S_IFDIR)
}

/// Sends a message to a second ring, where it has to arrive.
fn msg_ring(ring: &mut IoUring) -> Result<()> {
    let mut to = setup::plain()?;
    let entry = opcode::MsgRingData::new(types::Fd(to.as_raw_fd()), 7, 42, None).build();
    // SAFETY: points at no memory; both rings outlive the call.
    unsafe { complete(ring, &entry) }?;
    let arrived = to.completion().next();
    expect(arrived.is_some_and(|m| (m.result(), m.user_data()) == (7, 42)))
}

/// Sends to ourselves over loopback UDP; unix sockets have no such send.
fn send_zc(ring: &mut IoUring) -> Result<()> {
    static MESSAGE: [u8; 4] = *b"ping";
    let socket = UdpSocket::bind(("127.0.0.1", 0)).map_err(errno_of)?;
    let address = socket.local_addr().map_err(errno_of)?;
    socket.connect(address).map_err(errno_of)?;
    let fd = types::Fd(socket.as_raw_fd());
    let entry = opcode::SendZc::new(fd, MESSAGE.as_ptr(), 4).build();
    // SAFETY: the message is static, so the notification may come at any time. It comes by
    // itself: loopback copies what it queues for the receiver and releases the original.
    expect(unsafe { complete(ring, &entry) }? == 4)
}

const GROUP: u16 = 1;
const BUFFER_LEN: u32 = 64;

/// Receives with one entry and provided buffers until the sender is gone.
fn recv_multishot(ring: &mut IoUring) -> Result<()> {
    let mut buffer = Buffer::new(2 * PAGE_BYTES)?;
    provide(&mut buffer);
    let (reader, mut writer) = UnixStream::pair().map_err(errno_of)?;
    writer.write_all(b"ping").map_err(errno_of)?;
    drop(writer);
    let base = buffer.address(0) as u64;
    // SAFETY: the page at `base` holds the 8 entries and lives until they are taken back below.
    unsafe { ring.submitter().register_buf_ring_with_flags(base, 8, GROUP, 0) }
        .map_err(errno_of)?;
    let entry: squeue::Entry = opcode::RecvMulti::new(types::Fd(reader.as_raw_fd()), GROUP).build();
    // SAFETY: the buffers are in `buffer`, and no slice of it is lent during the call; the
    // closed sender ends the operation.
    let n = unsafe { complete(ring, &entry) };
    ring.submitter().unregister_buf_ring(GROUP).map_err(errno_of)?;
    expect(n? == 4 && buffer.as_slice()[PAGE_BYTES..].starts_with(b"ping"))
}

/// Writes two entries of `struct io_uring_buf` to the first page; their memory is the second.
fn provide(buffer: &mut Buffer) {
    let base = buffer.address(PAGE_BYTES) as u64;
    let page = buffer.as_mut_slice();
    for id in 0..2u16 {
        let entry = &mut page[usize::from(id) * 16..][..16];
        let address = base + u64::from(id) * u64::from(BUFFER_LEN);
        entry[0..8].copy_from_slice(&address.to_ne_bytes());
        entry[8..12].copy_from_slice(&BUFFER_LEN.to_ne_bytes());
        entry[12..14].copy_from_slice(&id.to_ne_bytes());
    }
    // The ring's tail overlays the last field of the first entry.
    page[14..16].copy_from_slice(&2u16.to_ne_bytes());
}

/// Asks for any child that has ended, reaps none (`WNOWAIT`) and does not wait (`WNOHANG`).
fn waitid(ring: &mut IoUring) -> Result<()> {
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    let entry = opcode::WaitId::new(libc::P_ALL, 0, options).build();
    // SAFETY: points at nothing: without a place for it the kernel writes no answer.
    match unsafe { complete(ring, &entry) } {
        // The answer of a working call when there are no children.
        Ok(_) | Err(Errno::CHILD) => Ok(()),
        Err(e) => Err(e),
    }
}

fn futex_wake(ring: &mut IoUring) -> Result<()> {
    static WORD: AtomicU32 = AtomicU32::new(0);
    const SIZE_U32_PRIVATE: u32 = 0x02 | 0x80;
    let (one, any) = (1, u64::from(u32::MAX));
    let entry =
        opcode::FutexWake::new(WORD.as_ptr().cast_const(), one, any, SIZE_U32_PRIVATE).build();
    // SAFETY: the word is static, and waking only uses its address.
    unsafe { complete(ring, &entry) }.map(drop)
}

fn ftruncate(ring: &mut IoUring) -> Result<()> {
    let file = memfd_create(c"cutwater-probe", MemfdFlags::CLOEXEC)?;
    let entry = opcode::Ftruncate::new(types::Fd(file.as_raw_fd()), 9).build();
    // SAFETY: points at no memory; `file` outlives the call.
    unsafe { complete(ring, &entry) }?;
    expect(rustix::fs::fstat(&file)?.st_size == 9)
}
