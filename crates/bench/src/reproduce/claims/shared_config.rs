//! One configuration in many processes.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use cutwater_sys::memfd;
use cutwater_sys::sealed::SealedMap;

use super::passes::failed;
use crate::reproduce::child::{Child, Role};
use crate::reproduce::claim::{Claim, Measured};

const PROCESSES: usize = 8;

pub(super) const CLAIM: Claim = Claim {
    id: "shared-config",
    text: "8 processes with one configuration: one read-only mapping takes an 8th of the memory of private copies",
    claimed_ratio: Some(PROCESSES as f64),
    measure: |bed| {
        let mib = bed.sized(64, 16);
        let bytes = std::fs::read(bed.file(mib)?).map_err(failed)?;
        let fd = memfd::sealed("configuration", &[&bytes]).map_err(failed)?;
        drop(bytes);
        let without = together("config-none", &fd)?.0;
        let sides = bed.interleave(&["one mapping", "private copies"], "MiB", |side| {
            let role = ["config-shared", "config-private"][side];
            let (total, hash) = together(role, &fd)?;
            Ok((total.saturating_sub(without).max(1) as f64 / 1024.0, hash))
        })?;
        Ok(Measured::less(sides, |s| {
            format!(
                "a configuration of {mib} MiB costs {PROCESSES} processes {:.1} MiB mapped and {:.1} copied, by their proportional set sizes, besides the {:.1} that they have without it",
                s[0].median(),
                s[1].median(),
                without as f64 / 1024.0
            )
        }))
    },
};

pub(super) const ROLES: [(&str, Role); 3] = [
    ("config-none", |_, say| say("0")),
    ("config-shared", |path, say| {
        let map = SealedMap::new(open(path)?.as_fd(), None).map_err(failed)?;
        say(&sum(map.bytes()))
    }),
    ("config-private", |path, say| {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut open(path)?, &mut bytes).map_err(failed)?;
        say(&sum(&bytes))
    }),
];

fn open(path: &Path) -> Result<std::fs::File, String> {
    std::fs::File::open(path).map_err(|e| format!("cannot open {}: {e}", path.display()))
}

fn sum(bytes: &[u8]) -> String {
    let mut sum = cutwater_meter::Checksum::new();
    sum.add(0, bytes);
    sum.value().to_string()
}

/// KiB that processes in `role` have, each page shared out among those that map it; and the hash
/// that all of them saw.
fn together(role: &str, fd: &OwnedFd) -> Result<(u64, u64), String> {
    let path = PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), fd.as_raw_fd()));
    let mut children = Vec::new();
    for _ in 0..PROCESSES {
        children.push(Child::playing(role, &path)?);
    }
    let mut hashes = Vec::new();
    for child in &mut children {
        hashes.push(child.said()?.parse::<u64>().map_err(failed)?);
    }
    if hashes.iter().any(|hash| *hash != hashes[0]) {
        return Err("the processes saw different configurations".into());
    }
    let mut total = 0;
    for child in &children {
        total += proportional_kib(child.id())?;
    }
    Ok((total, hashes[0]))
}

/// `Pss` of `/proc/PID/smaps_rollup`; see `proc_pid_smaps(5)`.
fn proportional_kib(pid: u32) -> Result<u64, String> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = std::fs::read_to_string(&path)
        .map_err(|e| format!("cannot read how much memory a process has, {path}: {e}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse().ok());
    kib.ok_or_else(|| format!("{path} has no Pss"))
}
