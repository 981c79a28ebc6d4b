//! Facts in, findings out: how each thing stands, and what to do about it. Pure.

mod device;
mod files;
mod memory;
mod rights;
mod ring;

use cutwater_sys::Errno;
use cutwater_sys::probe::{Answer, NO_DESCRIPTOR};

use super::facts::Facts;
use super::finding::{Finding, Fix, State};

/// Judges everything, in the order of the report.
pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut all = ring::judge(facts);
    all.extend(files::judge(facts));
    all.extend(device::judge(facts));
    all.extend(memory::judge(facts));
    all.extend(rights::judge(facts));
    all
}

/// What lifts a refusal by a seccomp filter.
fn seccomp_fix(calls: &str) -> Fix {
    let why = format!(
        "this process has a seccomp filter (container profile, service manager, or --without): allow \
         {calls} in its profile; with Docker or Podman, name the changed profile"
    );
    Fix { why, command: Some("docker run --security-opt seccomp=PROFILE.json ...".into()) }
}

/// Blames a filter for a refusal that a filter may well have made, and the limit on descriptors
/// for what it kept from being tried, whatever was advised.
fn blame(facts: &Facts, got: Answer, calls: &str, mut finding: Finding) -> Finding {
    let by_filter = matches!(got, Answer::Refused(Errno::PERM | Errno::NOSYS | Errno::NOMEM));
    if by_filter && filtered(facts) {
        finding.fix = Some(seccomp_fix(calls));
    }
    if got == Answer::Untried(NO_DESCRIPTOR) {
        finding.fix = Some(descriptors_fix(facts));
        if finding.state == State::Missing {
            (finding.state, finding.detail) = (State::Untried, NO_DESCRIPTOR.into());
        }
    }
    finding
}

/// What lifts the limit on descriptors.
fn descriptors_fix(facts: &Facts) -> Fix {
    let why = format!("{NO_DESCRIPTOR}: raise it and run doctor again");
    Fix { why, command: Some(rights::raise_files(facts)) }
}

fn filtered(facts: &Facts) -> bool {
    facts.limits.seccomp_filters.is_some_and(|n| n > 0)
}

#[cfg(test)]
pub(super) mod sample {
    //! A host that has everything.

    use cutwater_sys::probe::block::BlockDevice;
    use cutwater_sys::probe::cpu::CpuFacts;
    use cutwater_sys::probe::file::{Alignment, FileFacts, Ground};
    use cutwater_sys::probe::limits::{Limit, LimitFacts};
    use cutwater_sys::probe::memory::MemoryFacts;
    use cutwater_sys::probe::mount::Mount;
    use cutwater_sys::probe::ring::{REGISTERED_BYTES_MAX, RingFacts};
    use cutwater_sys::probe::{Answer, Check};

    use super::super::facts::{Facts, Kind};
    use super::super::finding::{Finding, State};

    fn works(names: &[&'static str]) -> Vec<Check> {
        names.iter().map(|&name| Check { name, answer: Answer::Works }).collect()
    }

    fn ring() -> RingFacts {
        RingFacts {
            setup: Answer::Works,
            flags: works(&["SINGLE_ISSUER", "DEFER_TASKRUN", "NO_SQARRAY", "SUBMIT_ALL", "SQPOLL"]),
            features: works(&["NODROP", "EXT_ARG"]),
            listed: works(&["READ", "READ_FIXED", "FTRUNCATE"]),
            operations: works(&["READ", "READ_FIXED", "FTRUNCATE"]),
            registrations: works(&[
                "FILES_SPARSE",
                "FILES_UPDATE",
                "BUFFERS",
                "PBUF_RING",
                "PBUF_RING_INC",
                "RING_FDS",
                "IOWQ_MAX_WORKERS",
            ]),
            registered_bytes_max: REGISTERED_BYTES_MAX,
            workers: Some([8, 100]),
            disabled: Some(0),
            group: Some(-1),
        }
    }

    fn file() -> FileFacts {
        let checks = [
            "mmap",
            "preadv2",
            "RWF_NOWAIT",
            "RWF_DONTCACHE",
            "pread",
            "cachestat",
            "mincore",
            "O_DIRECT",
            "IOPOLL",
            "F_SETLEASE",
            "fallocate",
        ];
        let direct = Alignment { memory_bytes: 4, offset_bytes: 512, by: "statx" };
        FileFacts { ground: Ground::Temporary, checks: works(&checks), direct: Some(direct) }
    }

    fn device() -> BlockDevice {
        BlockDevice {
            name: "nvme0n1p1".into(),
            partition_of: Some("nvme0n1".into()),
            read_ahead_kib: Some(8192),
            scheduler: Some("none".into()),
            io_poll: Some(true),
            rotational: Some(false),
            logical_block_bytes: Some(512),
            physical_block_bytes: Some(4096),
            nr_requests: Some(1023),
            bytes: Some(1 << 40),
            queue: "/sys/block/nvme0n1/queue".into(),
            ..BlockDevice::default()
        }
    }

    fn memory() -> MemoryFacts {
        MemoryFacts {
            total_bytes: Some(16 << 30),
            available_bytes: Some(8 << 30),
            huge_total: Some(64),
            huge_free: Some(64),
            huge_bytes: Some(2 << 20),
            thp: Some("madvise".into()),
            checks: works(&["MAP_HUGETLB", "MADV_HUGEPAGE", "MADV_POPULATE_READ"]),
        }
    }

    pub(in crate::doctor) fn facts() -> Facts {
        let unlimited = Limit::default();
        Facts {
            path: "/data".into(),
            kind: Kind::Directory,
            kernel: "6.18.0".into(),
            machine: "x86_64".into(),
            ring: ring(),
            file: file(),
            mount: Some(Mount {
                id: 1,
                device: (259, 1),
                at: "/data".into(),
                options: "rw,relatime".into(),
                fs_type: "ext4".into(),
                source: "/dev/nvme0n1p1".into(),
            }),
            device: Some(device()),
            memory: memory(),
            limits: LimitFacts {
                memlock_bytes: unlimited,
                files: Limit { soft: Some(65536), hard: Some(65536) },
                cap_perfmon: true,
                perf_event_paranoid: Some(1),
                kptr_restrict: Some(0),
                seccomp_filters: Some(0),
                ..LimitFacts::default()
            },
            cpu: CpuFacts { cpus: 8, cgroup_cpus: None, cgroup_memory_bytes: None },
        }
    }

    /// Sets the answer to `name` in `checks`.
    pub(in crate::doctor) fn set(checks: &mut [Check], name: &str, answer: Answer) {
        let check = checks.iter_mut().find(|c| c.name == name);
        check.expect("the sample has it").answer = answer;
    }

    /// The finding with `id`, its state and the command that it advises.
    pub(in crate::doctor) fn one(facts: &Facts, id: &str) -> (State, String) {
        let all = super::findings(facts);
        let found: Vec<&Finding> = all.iter().filter(|f| f.id == id).collect();
        assert_eq!(found.len(), 1, "{id}: {all:#?}");
        let fix = found[0].fix.clone();
        (found[0].state, fix.and_then(|f| f.command).unwrap_or_default())
    }

    #[test]
    fn a_host_that_has_everything_is_all_ok_and_needs_nothing() {
        for finding in super::findings(&facts()) {
            assert_eq!(finding.state, State::Ok, "{finding:?}");
            assert_eq!(finding.fix, None, "{finding:?}");
        }
    }
}
