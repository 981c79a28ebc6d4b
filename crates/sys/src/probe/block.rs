//! The block device under a file system and its queue: `/sys/dev/block`, see `sysfs(5)`.

use std::path::{Path, PathBuf};

use super::{small_number, small_text};

/// A block device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BlockDevice {
    /// The kernel's name, such as `nvme0n1p2`.
    pub name: String,
    /// The disk that it is a partition of.
    pub partition_of: Option<String>,
    /// Devices that it is built from: device mapper, software RAID.
    pub below: Vec<String>,
    /// The file behind a loop device.
    pub backing_file: Option<String>,
    /// `queue/read_ahead_kb`.
    pub read_ahead_kib: Option<u64>,
    /// The active I/O scheduler.
    pub scheduler: Option<String>,
    /// Whether the driver has queues that can be polled (`queue/io_poll`).
    pub io_poll: Option<bool>,
    /// Whether it is a spinning disk, as far as the kernel knows.
    pub rotational: Option<bool>,
    /// `queue/logical_block_size`, bytes.
    pub logical_block_bytes: Option<u64>,
    /// `queue/physical_block_size`, bytes.
    pub physical_block_bytes: Option<u64>,
    /// `queue/nr_requests`: requests that its queue holds.
    pub nr_requests: Option<u64>,
    /// Size in bytes.
    pub bytes: Option<u64>,
    /// The folder of its settings, for commands that change them.
    pub queue: PathBuf,
}

/// Most levels of devices built on devices that are searched.
const DEPTH_MAX: usize = 8;

/// Looks up the device with this number; none without `/sys` or where there is no such device.
#[must_use]
pub fn device(number: (u32, u32)) -> Option<BlockDevice> {
    at(Path::new("/sys"), number)
}

fn at(sys: &Path, (major, minor): (u32, u32)) -> Option<BlockDevice> {
    let dir = sys.join(format!("dev/block/{major}:{minor}")).canonicalize().ok()?;
    // A partition has no queue of its own: its folder is inside the disk's.
    let partition = dir.join("partition").exists();
    let disk = if partition { dir.parent()?.to_path_buf() } else { dir.clone() };
    let queue = disk.join("queue");
    Some(BlockDevice {
        name: name(&dir)?,
        partition_of: if partition { name(&disk) } else { None },
        below: below(&disk),
        backing_file: small_text(disk.join("loop/backing_file")),
        read_ahead_kib: small_number(queue.join("read_ahead_kb")),
        scheduler: small_text(queue.join("scheduler")).and_then(|s| chosen(&s)),
        io_poll: small_number::<u8>(queue.join("io_poll")).map(|v| v != 0),
        rotational: small_number::<u8>(queue.join("rotational")).map(|v| v != 0),
        logical_block_bytes: small_number(queue.join("logical_block_size")),
        physical_block_bytes: small_number(queue.join("physical_block_size")),
        nr_requests: small_number(queue.join("nr_requests")),
        bytes: small_number::<u64>(dir.join("size")).map(|sectors| sectors * 512),
        queue: Path::new("/sys/block").join(name(&disk)?).join("queue"),
    })
}

fn name(dir: &Path) -> Option<String> {
    Some(dir.file_name()?.to_string_lossy().into_owned())
}

/// The names of the lowest devices under `disk`.
fn below(disk: &Path) -> Vec<String> {
    let mut level = slaves(disk);
    for _ in 0..DEPTH_MAX {
        if level.iter().all(|d| slaves(d).is_empty()) {
            break;
        }
        level = level
            .into_iter()
            .flat_map(|d| match slaves(&d) {
                s if s.is_empty() => vec![d],
                s => s,
            })
            .collect();
    }
    let mut names: Vec<_> = level.iter().filter_map(|d| name(d)).collect();
    names.sort();
    names.dedup();
    names
}

fn slaves(disk: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(disk.join("slaves")) else { return Vec::new() };
    entries.filter_map(|e| e.ok()?.path().canonicalize().ok()).collect()
}

/// The word in brackets: `none [mq-deadline] kyber`; a lone word is the choice as well.
pub(super) fn chosen(list: &str) -> Option<String> {
    let marked = list.split_whitespace().find_map(|w| w.strip_prefix('[')?.strip_suffix(']'));
    marked.or((!list.contains(' ')).then_some(list)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn sys() -> tempfile::TempDir {
        let sys = tempfile::tempdir().unwrap();
        let devices = sys.path().join("devices");
        for dir in ["sda/queue", "sda/sda1", "dm-0/slaves", "dm-0/queue", "dm-1/slaves"] {
            fs::create_dir_all(devices.join(dir)).unwrap();
        }
        fs::create_dir_all(sys.path().join("dev/block")).unwrap();
        let link = |to: &str, number: &str| {
            symlink(devices.join(to), sys.path().join("dev/block").join(number)).unwrap();
        };
        link("sda/sda1", "8:1");
        link("dm-0", "252:0");
        link("dm-1", "252:1");
        symlink(devices.join("sda/sda1"), devices.join("dm-0/slaves/sda1")).unwrap();
        symlink(devices.join("dm-0"), devices.join("dm-1/slaves/dm-0")).unwrap();
        fs::write(devices.join("sda/sda1/partition"), "1\n").unwrap();
        fs::write(devices.join("sda/queue/read_ahead_kb"), "128\n").unwrap();
        fs::write(devices.join("sda/queue/scheduler"), "none [mq-deadline] bfq\n").unwrap();
        fs::write(devices.join("sda/queue/rotational"), "0\n").unwrap();
        sys
    }

    #[test]
    fn a_partition_has_the_queue_of_its_disk() {
        let sys = sys();
        let d = at(sys.path(), (8, 1)).unwrap();
        assert_eq!((d.name.as_str(), d.partition_of.as_deref()), ("sda1", Some("sda")));
        assert_eq!((d.read_ahead_kib, d.rotational), (Some(128), Some(false)));
        assert_eq!(d.scheduler.as_deref(), Some("mq-deadline"));
        assert_eq!(d.queue, Path::new("/sys/block/sda/queue"));
        assert_eq!(d.io_poll, None);
    }

    #[test]
    fn devices_are_looked_through_to_the_lowest() {
        let sys = sys();
        assert_eq!(at(sys.path(), (252, 1)).unwrap().below, ["sda1"]);
        assert_eq!(at(sys.path(), (9, 9)), None);
    }
}
