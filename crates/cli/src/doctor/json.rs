//! The report for programs. The schema is in `docs/doctor.schema.json`; names in it are kept.

use std::collections::BTreeMap;

use cutwater_sys::probe::file::Ground;
use cutwater_sys::probe::limits::Limit;
use cutwater_sys::probe::{Answer, Check};
use serde::Serialize;
use serde_json::{Value, json};

use super::choices;
use super::facts::{Facts, Kind};
use super::finding::Finding;
use super::words;

/// Answers by the kernel's names: `ok`, an error's name, `absent`, or `untried: why`.
type Answers = BTreeMap<&'static str, String>;

/// The whole object.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    cutwater: &'static str,
    path: String,
    kind: &'static str,
    works: bool,
    host: Value,
    io_uring: IoUring,
    file: Value,
    device: Value,
    memory: Value,
    limits: Value,
    findings: &'a [Finding],
    choices: Vec<choices::Choice>,
    ring_flags: Vec<&'static str>,
    registered_buffers: bool,
}

#[derive(Debug, Serialize)]
struct IoUring {
    setup: String,
    disabled: Option<u32>,
    group: Option<i64>,
    flags: Answers,
    features: Answers,
    listed: Answers,
    operations: Answers,
    registrations: Answers,
    registered_bytes_max: usize,
    workers_max: Option<u32>,
}

/// Puts the facts and what follows from them into one object.
pub(super) fn report<'a>(facts: &Facts, findings: &'a [Finding]) -> Report<'a> {
    Report {
        cutwater: env!("CARGO_PKG_VERSION"),
        path: facts.path.display().to_string(),
        kind: match facts.kind {
            Kind::File => "file",
            Kind::Directory => "directory",
            Kind::BlockDevice => "block-device",
        },
        works: facts.works(),
        host: host(facts),
        io_uring: io_uring(facts),
        file: file(facts),
        device: device(facts),
        memory: memory(facts),
        limits: limits(facts),
        findings,
        choices: choices::choices(facts),
        ring_flags: choices::ring_flags(facts),
        registered_buffers: choices::registered_buffers(facts),
    }
}

fn answers(checks: &[Check]) -> Answers {
    checks.iter().map(|c| (c.name, words::answer(c.answer))).collect()
}

fn host(facts: &Facts) -> Value {
    json!({
        "kernel": facts.kernel,
        "machine": facts.machine,
        "cpus": facts.cpu.cpus,
        "cgroup_cpus": facts.cpu.cgroup_cpus,
        "cgroup_memory_bytes": facts.cpu.cgroup_memory_bytes,
    })
}

fn io_uring(facts: &Facts) -> IoUring {
    let ring = &facts.ring;
    IoUring {
        setup: words::answer(ring.setup),
        disabled: ring.disabled,
        group: ring.group,
        flags: answers(&ring.flags),
        features: answers(&ring.features),
        listed: answers(&ring.listed),
        operations: answers(&ring.operations),
        registrations: answers(&ring.registrations),
        registered_bytes_max: ring.registered_bytes_max,
        workers_max: ring.workers.map(|[files, _]| files),
    }
}

fn file(facts: &Facts) -> Value {
    let tried_on = match facts.file.ground {
        Ground::Given => "given".into(),
        Ground::Temporary => "temporary".into(),
        Ground::Found => "found".into(),
        Ground::Nothing(e) => words::answer(Answer::Refused(e)),
    };
    let direct = facts.file.direct.map(
        |a| json!({ "memory_bytes": a.memory_bytes, "offset_bytes": a.offset_bytes, "by": a.by }),
    );
    let mount = facts.mount.as_ref().map(|m| {
        json!({
            "type": m.fs_type,
            "source": m.source.display().to_string(),
            "at": m.at.display().to_string(),
            "options": m.options,
        })
    });
    json!({
        "tried_on": tried_on,
        "checks": answers(&facts.file.checks),
        "direct_alignment": direct,
        "mount": mount,
    })
}

fn device(facts: &Facts) -> Value {
    let Some(d) = &facts.device else { return Value::Null };
    json!({
        "name": d.name,
        "partition_of": d.partition_of,
        "below": d.below,
        "backing_file": d.backing_file,
        "bytes": d.bytes,
        "read_ahead_kib": d.read_ahead_kib,
        "scheduler": d.scheduler,
        "io_poll": d.io_poll,
        "rotational": d.rotational,
        "logical_block_bytes": d.logical_block_bytes,
        "physical_block_bytes": d.physical_block_bytes,
        "nr_requests": d.nr_requests,
    })
}

fn memory(facts: &Facts) -> Value {
    let m = &facts.memory;
    json!({
        "total_bytes": m.total_bytes,
        "available_bytes": m.available_bytes,
        "huge_pages_total": m.huge_total,
        "huge_pages_free": m.huge_free,
        "huge_page_bytes": m.huge_bytes,
        "thp": m.thp,
        "checks": answers(&m.checks),
    })
}

fn limits(facts: &Facts) -> Value {
    let l = &facts.limits;
    let limit = |l: Limit| json!({ "soft": l.soft, "hard": l.hard });
    json!({
        "memlock_bytes": limit(l.memlock_bytes),
        "files": limit(l.files),
        "root": l.root,
        "cap_sys_admin": l.cap_sys_admin,
        "cap_perfmon": l.cap_perfmon,
        "cap_ipc_lock": l.cap_ipc_lock,
        "cap_lease": l.cap_lease,
        "perf_event_paranoid": l.perf_event_paranoid,
        "kptr_restrict": l.kptr_restrict,
        "seccomp_filters": l.seccomp_filters,
    })
}
