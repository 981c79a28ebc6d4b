//! Set-up flags, features and listed operations.

use std::time::Duration;

use io_uring::{Builder, IoUring, Probe, opcode};

use super::queue::nop;
use crate::probe::{Answer, Check};
use crate::{Result, errno_of};

/// Entries of a probe's ring.
const ENTRIES: u32 = 8;

/// A ring without any flag.
pub(super) fn plain() -> Result<IoUring> {
    with(|b| b)
}

fn with(set: impl FnOnce(&mut Builder) -> &mut Builder) -> Result<IoUring> {
    let mut builder = IoUring::builder();
    set(&mut builder);
    builder.dontfork().build(ENTRIES).map_err(errno_of)
}

type Setter = fn(&mut Builder) -> &mut Builder;

/// Each flag alone, or with the one that it requires.
const FLAGS: [(&str, Setter); 10] = [
    ("SINGLE_ISSUER", |b| b.setup_single_issuer()),
    ("DEFER_TASKRUN", |b| b.setup_single_issuer().setup_defer_taskrun()),
    ("COOP_TASKRUN", |b| b.setup_coop_taskrun()),
    ("TASKRUN_FLAG", |b| b.setup_coop_taskrun().setup_taskrun_flag()),
    ("SUBMIT_ALL", |b| b.setup_submit_all()),
    ("NO_SQARRAY", |b| b.setup_no_sqarray()),
    ("CLAMP", |b| b.setup_clamp()),
    ("CQSIZE", |b| b.setup_cqsize(4 * ENTRIES)),
    ("IOPOLL", |b| b.setup_iopoll()),
    ("SQPOLL", |b| b.setup_sqpoll(1)),
];

/// Builds a ring with each flag and completes one no-op on it.
pub(super) fn flags() -> Vec<Check> {
    let used = |set: &Setter| with(set).and_then(|mut ring| nop(&mut ring));
    let checks = FLAGS.iter().map(|(name, set)| Check::new(name, used(set))).collect();
    wait_for_poller();
    checks
}

/// How long the kernel's submission thread may take to end after its ring was closed.
const POLLER_MS_MAX: u64 = 200;

/// Waits until our submission thread is gone, so that the probe leaves none behind: a kernel worker
/// takes a closed ring apart later.
fn wait_for_poller() {
    for _ in 0..POLLER_MS_MAX {
        if !has_poller() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Whether this process has a submission thread for the calling thread, by its name
/// (`iou-sqp-TID`).
fn has_poller() -> bool {
    let ours = format!("iou-sqp-{}", rustix::thread::gettid().as_raw_nonzero());
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return false };
    tasks.filter_map(std::result::Result::ok).any(|task| {
        std::fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim() == ours)
    })
}

/// What the kernel reported in the parameters of `ring`.
pub(super) fn features(ring: &IoUring) -> Vec<Check> {
    let p = ring.params();
    let listed =
        |name, has| Check { name, answer: if has { Answer::Works } else { Answer::Absent } };
    vec![
        listed("SINGLE_MMAP", p.is_feature_single_mmap()),
        listed("NODROP", p.is_feature_nodrop()),
        listed("SUBMIT_STABLE", p.is_feature_submit_stable()),
        listed("RW_CUR_POS", p.is_feature_rw_cur_pos()),
        listed("CUR_PERSONALITY", p.is_feature_cur_personality()),
        listed("FAST_POLL", p.is_feature_fast_poll()),
        listed("POLL_32BITS", p.is_feature_poll_32bits()),
        listed("SQPOLL_NONFIXED", p.is_feature_sqpoll_nonfixed()),
        listed("EXT_ARG", p.is_feature_ext_arg()),
        listed("NATIVE_WORKERS", p.is_feature_native_workers()),
        listed("RSRC_TAGS", p.is_feature_resource_tagging()),
        listed("CQE_SKIP", p.is_feature_skip_cqe_on_success()),
        listed("LINKED_FILE", p.is_feature_linked_file()),
        listed("RECVSEND_BUNDLE", p.is_feature_recvsend_bundle()),
        listed("MIN_TIMEOUT", p.is_feature_min_timeout()),
        listed("NO_IOWAIT", p.is_feature_no_iowait()),
    ]
}

/// The operations that the probe reports.
const OPERATIONS: [(&str, u8); 18] = [
    ("NOP", opcode::Nop::CODE),
    ("READ", opcode::Read::CODE),
    ("READV", opcode::Readv::CODE),
    ("READ_FIXED", opcode::ReadFixed::CODE),
    ("READV_FIXED", opcode::ReadvFixed::CODE),
    ("READ_MULTISHOT", opcode::ReadMulti::CODE),
    ("WRITE", opcode::Write::CODE),
    ("OPENAT2", opcode::OpenAt2::CODE),
    ("STATX", opcode::Statx::CODE),
    ("SPLICE", opcode::Splice::CODE),
    ("MSG_RING", opcode::MsgRingData::CODE),
    ("SEND_ZC", opcode::SendZc::CODE),
    ("RECV", opcode::Recv::CODE),
    ("RECV_ZC", opcode::RecvZc::CODE),
    ("WAITID", opcode::WaitId::CODE),
    ("FUTEX_WAKE", opcode::FutexWake::CODE),
    ("FTRUNCATE", opcode::Ftruncate::CODE),
    ("URING_CMD", opcode::UringCmd16::CODE),
];

/// Asks the kernel which operations it has.
pub(super) fn listed(ring: &IoUring) -> Vec<Check> {
    let mut probe = Probe::new();
    let asked = ring.submitter().register_probe(&mut probe);
    let answer = |code| match &asked {
        Err(e) => Answer::Refused(errno_of(e)),
        Ok(()) if probe.is_supported(code) => Answer::Works,
        Ok(()) => Answer::Absent,
    };
    OPERATIONS.iter().map(|&(name, code)| Check { name, answer: answer(code) }).collect()
}
