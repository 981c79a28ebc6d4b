//! Sets up a ring step by step: what the kernel refuses is dropped and reported.
//!
//! # Safety
//! The one entry that is queued here refers to no memory.
#![allow(unsafe_code)]

use io_uring::register::Restriction;
use io_uring::{Builder, IoUring, opcode};

use super::config::{Feature, Refused, RingConfig, Setup, UNWATCHED, done};
use crate::{Errno, Result, errno_of};

/// Flags in the order in which they are given up: the newest first, since an older kernel is
/// the most likely reason for a refusal.
const GIVEN_UP: [Feature; 7] = [
    Feature::IoPoll,
    Feature::SqPoll,
    Feature::NoSqArray,
    Feature::DeferTaskrun,
    Feature::SingleIssuer,
    Feature::CoopTaskrun,
    Feature::SubmitAll,
];

/// A ring with as many of the wanted flags as the kernel grants.
///
/// # Errors
/// When even a plain ring is refused: `ENOSYS`, `EPERM`, `ENOMEM`, `EMFILE`.
pub(super) fn set_up(config: &RingConfig) -> Result<(IoUring, Setup)> {
    let mut wanted = wanted(config);
    let mut setup = Setup::default();
    let ring = loop {
        let errno = match build(config, &wanted) {
            Ok(ring) => break ring,
            Err(errno) => errno,
        };
        // Only these errors blame a flag; the others would refuse any ring.
        let flag_refused = matches!(errno, Errno::INVAL | Errno::OPNOTSUPP)
            || (errno == Errno::PERM && wanted.contains(&Feature::SqPoll));
        let dropped = flag_refused.then(|| GIVEN_UP.into_iter().find(|f| wanted.contains(f)));
        let Some(feature) = dropped.flatten() else { return Err(errno) };
        give_up(&mut wanted, feature);
        setup.refused.push(Refused { feature, errno });
    };
    setup.granted = wanted;
    if ring.params().is_feature_no_iowait() {
        setup.granted.push(Feature::NoIowait);
    }
    if config.refuse_messages {
        refuse_messages(&ring).map_err(errno_of)?;
    }
    Ok((ring, setup))
}

/// Numbers of operations up to the last that [`super::Op`] has, and of registrations.
const OPERATIONS: u8 = opcode::SendZc::CODE + 1;
/// See above (`IORING_REGISTER_PBUF_RING` and what came before it).
const REGISTRATIONS: u8 = 24;

/// Permits every operation except messages to rings, and then enables the ring.
fn refuse_messages(ring: &IoUring) -> std::io::Result<()> {
    let operations = (0..OPERATIONS).filter(|code| *code != opcode::MsgRingData::CODE);
    let mut all: Vec<_> = operations.map(Restriction::sqe_op).collect();
    all.extend((0..REGISTRATIONS).map(Restriction::register_op));
    all.push(Restriction::sqe_flags_allowed(u8::MAX));
    ring.submitter().register_restrictions(&mut all)?;
    ring.submitter().register_enable_rings()
}

/// Completes one operation: a filter may permit making rings and refuse to enter them, and then
/// nothing that was pushed would ever end.
pub(super) fn try_out(ring: &mut IoUring) -> Result<()> {
    let entry = opcode::Nop::new().build().user_data(UNWATCHED);
    // SAFETY: this operation refers to no memory.
    unsafe { ring.submission().push(&entry) }.map_err(|_| Errno::BUSY)?;
    while ring.completion().next().is_none() {
        done(ring.submit_and_wait(1))?;
    }
    Ok(())
}

fn wanted(config: &RingConfig) -> Vec<Feature> {
    let mut wanted = vec![Feature::SingleIssuer, Feature::NoSqArray, Feature::SubmitAll];
    // If a kernel thread submits, there is no task work of ours to defer.
    match config.sqpoll {
        Some(_) => wanted.push(Feature::SqPoll),
        None => wanted.push(Feature::DeferTaskrun),
    }
    if config.iopoll {
        wanted.push(Feature::IoPoll);
    }
    wanted
}

/// Takes `feature` out, and puts in what replaces it on older kernels.
fn give_up(wanted: &mut Vec<Feature>, feature: Feature) {
    wanted.retain(|&f| f != feature);
    match feature {
        Feature::DeferTaskrun => wanted.push(Feature::CoopTaskrun),
        Feature::SqPoll => wanted.push(Feature::DeferTaskrun),
        _ => {}
    }
}

fn build(config: &RingConfig, wanted: &[Feature]) -> Result<IoUring> {
    let mut b = IoUring::builder();
    for feature in wanted {
        apply(&mut b, *feature, config);
    }
    if config.completions > 0 {
        b.setup_cqsize(config.completions);
    }
    if config.refuse_messages {
        b.setup_r_disabled();
    }
    b.dontfork().build(config.entries).map_err(errno_of)
}

fn apply(b: &mut Builder, feature: Feature, config: &RingConfig) {
    match feature {
        Feature::SingleIssuer => b.setup_single_issuer(),
        // The flag in the ring shows that work waits, so that an enter that only submits
        // need not ask for it.
        Feature::DeferTaskrun => b.setup_defer_taskrun().setup_taskrun_flag(),
        Feature::CoopTaskrun => b.setup_coop_taskrun(),
        Feature::NoSqArray => b.setup_no_sqarray(),
        Feature::SubmitAll => b.setup_submit_all(),
        Feature::IoPoll => b.setup_iopoll(),
        Feature::SqPoll => {
            let Some(sqpoll) = config.sqpoll else { return };
            if let Some(cpu) = sqpoll.cpu {
                b.setup_sqpoll_cpu(cpu);
            }
            b.setup_sqpoll(sqpoll.idle_ms)
        }
        _ => return,
    };
}
