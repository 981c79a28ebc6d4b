//! The host and the file, as far as figures depend on them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::report::{FileFacts, Host};
use super::subject::Subject;

/// This host.
pub(crate) fn host() -> Host {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|l| l.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let memory = field(&read("/proc/meminfo"), "MemTotal");
    let kib = memory.and_then(|m| m.trim_end_matches("kB").trim().parse::<u64>().ok());
    Host {
        kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        machine: std::env::consts::ARCH,
        cpu: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown".into()),
        cpus: std::thread::available_parallelism().map_or(1, usize::from),
        memory_bytes: kib.unwrap_or(0) << 10,
    }
}

/// The file that is read.
pub(super) fn file(subject: &Subject) -> FileFacts {
    let (file_system, device) =
        mount(&subject.path).unwrap_or(("unknown".into(), "unknown".into()));
    FileFacts {
        path: subject.path.display().to_string(),
        bytes: subject.size,
        file_system,
        device,
        made: subject.was_made(),
    }
}

/// Type and source of the mount that holds `path`; see `proc_pid_mountinfo(5)`.
fn mount(path: &Path) -> Option<(String, String)> {
    let path = path.canonicalize().ok()?;
    let dev = fs::metadata(&path).ok()?.dev();
    let (major, minor) = (rustix::fs::major(dev), rustix::fs::minor(dev));
    let device = format!("{major}:{minor}");
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let mut holding: Vec<Mount<'_>> =
        mounts.lines().filter_map(Mount::parse).filter(|m| path.starts_with(m.point)).collect();
    // btrfs and overlays have device numbers of their own; the longest mount point decides.
    holding.sort_by_key(|m| (m.device == device, m.point.len()));
    let mount = holding.last()?;
    Some((mount.kind.to_owned(), mount.source.to_owned()))
}

struct Mount<'a> {
    device: &'a str,
    point: &'a str,
    kind: &'a str,
    source: &'a str,
}

impl<'a> Mount<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (left, right) = line.split_once(" - ")?;
        let mut left = left.split(' ');
        let (device, point) = (left.nth(2)?, left.nth(1)?);
        let mut right = right.split(' ');
        Some(Self { device, point, kind: right.next()?, source: right.next()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_of_proc_is_proc() {
        let (kind, _) = mount(Path::new("/proc/self/status")).unwrap();
        assert_eq!(kind, "proc");
    }

    #[test]
    fn a_mount_line_has_its_parts_where_the_manual_says() {
        let line = "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw";
        let mount = Mount::parse(line).unwrap();
        assert_eq!((mount.device, mount.point), ("98:0", "/mnt2"));
        assert_eq!((mount.kind, mount.source), ("ext3", "/dev/root"));
    }
}
