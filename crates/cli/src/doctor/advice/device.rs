//! How the device under the path stands.

use cutwater_sys::Errno;
use cutwater_sys::probe::Answer;
use cutwater_sys::probe::block::BlockDevice;

use super::super::facts::Facts;
use super::super::finding::{Finding, Group, In, State};
use super::super::words;

const HERE: In = In(Group::Device);

pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    match &facts.device {
        None => vec![none(facts)],
        Some(device) => vec![
            name(device),
            blocks(device),
            read_ahead(device),
            scheduler(device),
            polling(facts, device),
        ],
    }
}

fn none(facts: &Facts) -> Finding {
    let (id, title) = ("device.name", "device");
    let fs = facts.mount.as_ref().map_or("this file system", |m| m.fs_type.as_str());
    let detail = match fs {
        "tmpfs" | "ramfs" => format!("none: {fs} lives in memory"),
        "overlay" => "none of its own: reads go to the layer that holds the file".into(),
        "nfs" | "nfs4" | "cifs" | "smb3" | "ceph" | "9p" | "virtiofs" => {
            format!("none here: {fs} is served by another host")
        }
        _ if fs.starts_with("fuse") => format!("none here: {fs} is served by a process"),
        _ => format!("/sys shows none under {fs}"),
    };
    HERE.is(State::Untried, id, title, detail)
}

fn name(device: &BlockDevice) -> Finding {
    let mut detail = device.name.clone();
    if let Some(bytes) = device.bytes {
        detail += &format!(", {}", words::bytes(bytes));
    }
    if let Some(disk) = &device.partition_of {
        detail += &format!(", partition of {disk}");
    }
    if let Some(file) = &device.backing_file {
        detail += &format!(", loop over {file}");
    }
    if !device.below.is_empty() {
        detail += &format!(", built on {}", device.below.join(", "));
    }
    if device.rotational == Some(true) {
        detail += ", reported as rotational";
    }
    HERE.ok("device.name", "device", detail)
}

fn blocks(device: &BlockDevice) -> Finding {
    let bytes = |n: Option<u64>| n.map_or("unknown".into(), words::bytes);
    let requests = device.nr_requests.map_or("an unknown number of".into(), |n| n.to_string());
    let detail = format!(
        "{} logical, {} physical; {requests} requests in its queue",
        bytes(device.logical_block_bytes),
        bytes(device.physical_block_bytes)
    );
    HERE.ok("device.blocks", "blocks", detail)
}

/// Below this the pass over a cold file in order waits for the device between windows.
const READ_AHEAD_KIB_MIN: u64 = 1024;

fn read_ahead(device: &BlockDevice) -> Finding {
    let (id, title) = ("device.read_ahead", "read-ahead");
    match device.read_ahead_kib {
        None => HERE.is(State::Untried, id, title, "not shown by the kernel"),
        Some(kib) if kib >= READ_AHEAD_KIB_MIN => HERE.ok(id, title, words::bytes(kib * 1024)),
        Some(kib) => HERE
            .limited(
                id,
                title,
                format!("{} is little for cold sequential passes", words::bytes(kib * 1024)),
            )
            .run(
                "speeds up cold sequential passes; applies to every reader of the device",
                format!("echo 8192 | sudo tee {}/read_ahead_kb", device.queue.display()),
            ),
    }
}

fn scheduler(device: &BlockDevice) -> Finding {
    let (id, title) = ("device.scheduler", "I/O scheduler");
    match device.scheduler.as_deref() {
        None => HERE.is(State::Untried, id, title, "not shown by the kernel"),
        Some(slow @ ("bfq" | "cfq")) => HERE
            .limited(id, title, format!("{slow} trades operations per second for fairness"))
            .run(
                "on flash, deep queues of small reads are faster without it",
                format!("echo none | sudo tee {}/scheduler", device.queue.display()),
            ),
        Some(name) => HERE.ok(id, title, name),
    }
}

fn polling(facts: &Facts, device: &BlockDevice) -> Finding {
    let (id, title) = ("device.polling", "polling (IOPOLL)");
    let got = facts.on_file("IOPOLL");
    match (got, device.io_poll) {
        (Answer::Works, Some(true)) => HERE.ok(id, title, "a read was polled; on request"),
        // Without poll queues some file systems answer all the same, by interrupt.
        (Answer::Works, _) => {
            HERE.limited(id, title, "accepted, but the driver has no poll queues")
        }
        (Answer::Untried(why), _) => HERE.is(State::Untried, id, title, why),
        _ if !facts.tried() => HERE.is(State::Untried, id, title, "no file could be opened"),
        _ if !facts.has_ring() => HERE.is(State::Untried, id, title, "io_uring is refused"),
        (got @ Answer::Refused(Errno::OPNOTSUPP), _) => {
            let detail = format!("no: the driver has no queues for it ({})", words::answer(got));
            with_parameter(device, HERE.missing(id, title, detail))
        }
        (got, _) => HERE.missing(id, title, format!("refused ({})", words::answer(got))),
    }
}

/// Drivers that make poll queues when asked at start-up.
fn with_parameter(device: &BlockDevice, finding: Finding) -> Finding {
    let disk = device.partition_of.as_ref().unwrap_or(&device.name);
    let why = "polling takes a CPU and is used only on request; set this on the kernel command \
               line and reboot";
    match () {
        () if disk.starts_with("nvme") => finding.run(why, "nvme.poll_queues=2"),
        () if disk.starts_with("vd") => finding.run(why, "virtio_blk.poll_queues=2"),
        () => finding,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{facts, one, set};
    use super::*;

    fn with(change: impl FnOnce(&mut BlockDevice)) -> Facts {
        let mut f = facts();
        change(f.device.as_mut().expect("the sample has one"));
        f
    }

    #[test]
    fn little_read_ahead_is_raised_on_the_disk_of_the_partition() {
        let f = with(|d| d.read_ahead_kib = Some(128));
        let command = "echo 8192 | sudo tee /sys/block/nvme0n1/queue/read_ahead_kb";
        assert_eq!(one(&f, "device.read_ahead"), (State::Limited, command.into()));
    }

    #[test]
    fn a_fair_scheduler_is_slow() {
        let f = with(|d| d.scheduler = Some("bfq".into()));
        let command = "echo none | sudo tee /sys/block/nvme0n1/queue/scheduler";
        assert_eq!(one(&f, "device.scheduler"), (State::Limited, command.into()));
    }

    #[test]
    fn polling_is_refused_where_the_driver_has_no_queues() {
        let mut f = with(|d| d.io_poll = Some(false));
        set(&mut f.file.checks, "IOPOLL", Answer::Refused(Errno::OPNOTSUPP));
        assert_eq!(one(&f, "device.polling"), (State::Missing, "nvme.poll_queues=2".into()));
    }

    #[test]
    fn memory_servers_and_processes_are_no_devices() {
        for (fs, word) in [("tmpfs", "memory"), ("nfs4", "host"), ("fuse.sshfs", "process")] {
            let mut f = facts();
            f.device = None;
            f.mount.as_mut().expect("the sample has one").fs_type = fs.into();
            let all = judge(&f);
            assert!(all.len() == 1 && all[0].detail.contains(word), "{all:?}");
        }
    }
}
