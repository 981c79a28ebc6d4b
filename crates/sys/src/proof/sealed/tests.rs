//! What is refused, and that what is accepted reads as it was written.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{MemfdFlags, SealFlags};

use super::*;

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn refusal(fd: &impl AsFd) -> Option<Refused> {
    SealedMap::new(fd.as_fd(), None).err()
}

fn filled(bytes: &[u8]) -> crate::Result<OwnedFd> {
    let fd = memfd::create("test")?;
    memfd::write_all_at(fd.as_fd(), bytes, 0)?;
    Ok(fd)
}

#[test]
fn a_sealed_file_reads_as_written_after_its_descriptor_is_closed() -> Outcome {
    let bytes: Vec<u8> = (0..10_000u32).map(|i| (i % 251) as u8).collect();
    let fd = memfd::sealed("test", &[&bytes])?;
    let map = SealedMap::new(fd.as_fd(), Some(10_000))?;
    drop(fd);
    map.populate()?;
    assert_eq!(map.bytes(), bytes);
    map.close()?;
    Ok(())
}

#[test]
fn an_empty_file_is_an_empty_slice() -> Outcome {
    let fd = memfd::sealed("test", &[])?;
    let map = SealedMap::new(fd.as_fd(), Some(0))?;
    assert!(map.is_empty());
    assert_eq!(map.bytes(), b"");
    map.populate()?;
    map.close()?;
    Ok(())
}

#[test]
fn each_missing_seal_is_refused_by_name() -> Outcome {
    let seals = [
        (SealFlags::SHRINK, "F_SEAL_SHRINK"),
        (SealFlags::GROW, "F_SEAL_GROW"),
        (SealFlags::WRITE, "F_SEAL_WRITE"),
        (SealFlags::SEAL, "F_SEAL_SEAL"),
    ];
    for (missing, name) in seals {
        let fd = filled(b"bytes")?;
        rustix::fs::fcntl_add_seals(&fd, FROZEN.difference(missing))?;
        let refused = refusal(&fd).ok_or("mapped without a seal")?;
        assert_eq!(refused.to_string(), format!("it lacks the seals {name}"));
    }
    Ok(())
}

#[test]
fn what_cannot_be_sealed_is_refused() -> Outcome {
    let file = tempfile::tempfile()?;
    assert!(matches!(refusal(&file), Some(Refused::NotSealable | Refused::Unsealed { .. })));
    let (pipe, _other) = rustix::pipe::pipe()?;
    assert_eq!(refusal(&pipe), Some(Refused::NotSealable));
    let directory = std::fs::File::open("/")?;
    assert_eq!(refusal(&directory), Some(Refused::NotSealable));
    Ok(())
}

#[test]
fn another_length_than_announced_is_refused() -> Outcome {
    let fd = memfd::sealed("test", &[b"bytes"])?;
    for expected in [0, 4, 6, u64::MAX] {
        let refused = SealedMap::new(fd.as_fd(), Some(expected)).err();
        assert_eq!(refused, Some(Refused::WrongLength { expected, actual: 5 }));
    }
    Ok(())
}

#[test]
fn a_hole_is_refused() -> Outcome {
    let fd = filled(&[7; 4096])?;
    rustix::fs::ftruncate(&fd, 1 << 30)?;
    memfd::seal(fd.as_fd())?;
    assert_eq!(refusal(&fd), Some(Refused::Sparse { hole: Some(4096) }));
    Ok(())
}

#[test]
fn huge_pages_that_are_not_there_are_refused_and_never_a_signal() -> Outcome {
    let flags = MemfdFlags::ALLOW_SEALING | MemfdFlags::HUGETLB;
    let Ok(fd) = rustix::fs::memfd_create("huge", flags) else {
        cutwater_testing::skip!("this host has no huge pages for memfd_create");
        return Ok(());
    };
    // More than any host reserves.
    rustix::fs::ftruncate(&fd, 1 << 40)?;
    memfd::seal(fd.as_fd())?;
    assert!(matches!(refusal(&fd), Some(Refused::Sparse { .. } | Refused::Os(_))));
    Ok(())
}

#[test]
fn a_file_with_a_writable_map_cannot_be_sealed() -> Outcome {
    let fd = filled(&[1; 4096])?;
    let prot = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a null hint lets the kernel pick unused addresses; no memory of ours is replaced.
    let base = unsafe { rustix::mm::mmap(ptr::null_mut(), 4096, prot, MapFlags::SHARED, &fd, 0) }?;
    assert_eq!(memfd::seal(fd.as_fd()), Err(Errno::BUSY));
    // SAFETY: the range mapped two lines above, to which nothing else refers.
    unsafe { rustix::mm::munmap(base, 4096) }?;
    memfd::seal(fd.as_fd())?;
    assert_eq!(refusal(&fd), None);
    Ok(())
}
