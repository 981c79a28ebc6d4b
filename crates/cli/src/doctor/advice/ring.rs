//! How io_uring stands.

use cutwater_sys::Errno;
use cutwater_sys::probe::ring::REGISTERED_BYTES_MAX;
use cutwater_sys::probe::{Answer, Check, NO_DESCRIPTOR, answer};

use super::super::facts::Facts;
use super::super::finding::{Finding, Fix, Group, In, State};
use super::super::words;
use super::{blame, filtered, seccomp_fix};
use cutwater_shell::words::counted;

const HERE: In = In(Group::IoUring);

pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    if let Some((call, got)) = facts.ring_refusal() {
        return vec![refused(facts, call, got)];
    }
    let mut all = vec![setup(facts), flags(facts), sqpoll(facts)];
    all.push(features(facts));
    all.push(operations(facts));
    all.push(files(facts));
    all.push(buffers(facts));
    all.push(buffer_rings(facts));
    all.push(workers(facts));
    all
}

fn setup(facts: &Facts) -> Finding {
    let title = "set-up";
    match facts.ring.disabled {
        Some(n) => {
            HERE.ok("io_uring.setup", title, format!("allowed (kernel.io_uring_disabled is {n})"))
        }
        None => HERE.ok("io_uring.setup", title, "allowed"),
    }
}

fn refused(facts: &Facts, call: &str, got: Answer) -> Finding {
    let answer = words::answer(got);
    let detail = format!("{call} was refused ({answer}); reads use calls instead");
    let mut finding = HERE.missing("io_uring.setup", "set-up", detail);
    finding.fix = Some(refusal_fix(facts, got));
    match got {
        // The causes of a refusal were weighed above, the filter among them.
        Answer::Refused(_) => finding,
        _ => blame(facts, got, CALLS, finding),
    }
}

const CALLS: &str = "io_uring_setup, io_uring_enter and io_uring_register";

/// The likely cause, the most specific first.
fn refusal_fix(facts: &Facts, got: Answer) -> Fix {
    let run = |why: &str, command: &str| Fix { why: why.into(), command: Some(command.into()) };
    let hint = |why: &str| Fix { why: why.into(), command: None };
    match (got, facts.ring.disabled) {
        (Answer::Refused(Errno::PERM), Some(2..)) => {
            run("io_uring is disabled for everybody", "sudo sysctl -w kernel.io_uring_disabled=0")
        }
        (Answer::Refused(Errno::PERM), Some(1)) => run(
            "only the group in kernel.io_uring_group and CAP_SYS_ADMIN may use io_uring",
            "sudo sysctl -w kernel.io_uring_disabled=0",
        ),
        _ if filtered(facts) => seccomp_fix(CALLS),
        (Answer::Refused(Errno::NOMEM), _) => run(
            "before Linux 5.12 rings count as locked memory: raise the limit",
            raise_memlock(facts),
        ),
        (Answer::Refused(Errno::NOSYS), _) => hint(
            "the kernel has no io_uring: it needs Linux 5.1 or newer, built with CONFIG_IO_URING",
        ),
        _ => hint("a security module (SELinux, AppArmor) may refuse it: check the audit log"),
    }
}

/// Flags that Cutwater asks for by default, or falls back to.
fn flags(facts: &Facts) -> Finding {
    let asked: Vec<Check> = facts
        .ring
        .flags
        .iter()
        .filter(|c| !["SQPOLL", "IOPOLL"].contains(&c.name))
        .copied()
        .collect();
    of_many(facts, "io_uring.flags", "set-up flags", &asked, "used once each")
}

/// Their names say little to most readers, so they are named only if one is missing.
fn features(facts: &Facts) -> Finding {
    let finding = of_many(facts, "io_uring.features", "features", &facts.ring.features, "reported");
    let detail = match finding.state {
        State::Ok => format!("all {} reported", facts.ring.features.len()),
        _ => finding.detail,
    };
    Finding { detail, ..finding }
}

fn sqpoll(facts: &Facts) -> Finding {
    let (id, title) = ("io_uring.sqpoll", "SQPOLL");
    let got = answer(&facts.ring.flags, "SQPOLL");
    match got {
        Answer::Works if facts.cpu.cpus > 2 => {
            HERE.ok(id, title, "works; on request only, as its thread takes a CPU")
        }
        Answer::Works => {
            let cpus = counted(facts.cpu.cpus.into(), "CPU");
            HERE.limited(
                id,
                title,
                format!("works, but its thread would take one of {cpus}: slower here"),
            )
        }
        got => HERE.missing(id, title, format!("refused ({})", words::answer(got))),
    }
}

fn operations(facts: &Facts) -> Finding {
    let mut all: Vec<Check> = facts.ring.operations.clone();
    // What was not done is at least asked for.
    let new = |c: &&Check| !facts.ring.operations.iter().any(|done| done.name == c.name);
    all.extend(facts.ring.listed.iter().filter(new));
    of_many(facts, "io_uring.operations", "operations", &all, "done or listed")
}

/// One line for many checks: names what is missing, or counts what is there.
fn of_many(
    facts: &Facts,
    id: &'static str,
    title: &'static str,
    checks: &[Check],
    verb: &str,
) -> Finding {
    let lacking: Vec<String> = checks
        .iter()
        .filter(|c| !c.answer.works())
        .map(|c| format!("{} ({})", c.name, words::answer(c.answer)))
        .collect();
    let names: Vec<_> = checks.iter().filter(|c| c.answer.works()).map(|c| c.name).collect();
    if lacking.is_empty() {
        let all = checks.len();
        return HERE.ok(id, title, format!("all {all} {verb}: {}", names.join(" ")));
    }
    let state = if names.is_empty() { State::Missing } else { State::Limited };
    let detail = match names.is_empty() {
        true => format!("none: {}", lacking.join(", ")),
        false => format!("without {}; the rest work: {}", lacking.join(", "), names.join(" ")),
    };
    let finding =
        HERE.is(state, id, title, detail).hint("a newer kernel has more; Cutwater does without");
    let refused = |a: &Answer| matches!(a, Answer::Refused(_) | Answer::Untried(NO_DESCRIPTOR));
    let refused = checks.iter().map(|c| c.answer).find(refused);
    blame(facts, refused.unwrap_or(Answer::Absent), CALLS, finding)
}

fn files(facts: &Facts) -> Finding {
    let (id, title) = ("io_uring.files", "registered files");
    let both = ["FILES_SPARSE", "FILES_UPDATE"].map(|n| answer(&facts.ring.registrations, n));
    match both {
        [Answer::Works, Answer::Works] => {
            HERE.ok(id, title, "a sparse table, changed in place and read through")
        }
        [table, update] => {
            let why = if table.works() { update } else { table };
            let detail = format!("refused ({})", words::answer(why));
            blame(facts, why, CALLS, HERE.missing(id, title, detail))
        }
    }
}

fn buffers(facts: &Facts) -> Finding {
    let (id, title) = ("io_uring.buffers", "registered buffers");
    let limits = &facts.limits;
    let counted = match limits.memlock_bytes.soft {
        _ if limits.cap_ipc_lock => "CAP_IPC_LOCK lifts the limit on locked memory".into(),
        None => "locked memory is not limited".into(),
        Some(soft) => format!("RLIMIT_MEMLOCK is {}", words::bytes(soft)),
    };
    let most = words::bytes(facts.ring.registered_bytes_max as u64);
    let wanted = words::bytes(REGISTERED_BYTES_MAX as u64);
    let finding = match answer(&facts.ring.registrations, "BUFFERS") {
        Answer::Works if facts.ring.registered_bytes_max >= REGISTERED_BYTES_MAX => {
            return HERE.ok(id, title, format!("{most} at once; {counted}"));
        }
        Answer::Works => HERE.limited(id, title, format!("{most} of {wanted} at once; {counted}")),
        got => HERE.missing(id, title, format!("refused ({}); {counted}", words::answer(got))),
    };
    let finding = finding.run(
        "registered memory makes large direct reads cheaper: raise the limit on locked memory, which \
         also counts the ring (permanently: LimitMEMLOCK= of the service, or limits.conf)",
        raise_memlock(facts),
    );
    blame(facts, answer(&facts.ring.registrations, "BUFFERS"), CALLS, finding)
}

/// The shell raises a limit up to the hard one; beyond, root does it for the shell.
fn raise_memlock(facts: &Facts) -> &'static str {
    match facts.limits.memlock_bytes.hard {
        Some(hard) if hard < 64 << 20 => "sudo prlimit --pid $$ --memlock=67108864",
        _ => "ulimit -l 65536",
    }
}

fn buffer_rings(facts: &Facts) -> Finding {
    let (id, title) = ("io_uring.buffer_rings", "buffer rings");
    let finding = match ["PBUF_RING", "PBUF_RING_INC"].map(|n| answer(&facts.ring.registrations, n))
    {
        [Answer::Works, Answer::Works] => HERE.ok(id, title, "provided buffers, also incremental"),
        [Answer::Works, got] => HERE
            .limited(id, title, format!("provided, but not incremental ({})", words::answer(got)))
            .hint("incremental buffers came with Linux 6.12"),
        [got, _] => HERE
            .missing(id, title, format!("refused ({})", words::answer(got)))
            .hint("buffer rings came with Linux 5.19"),
    };
    blame(facts, answer(&facts.ring.registrations, "PBUF_RING"), CALLS, finding)
}

fn workers(facts: &Facts) -> Finding {
    let (id, title) = ("io_uring.workers", "io-wq workers");
    match (answer(&facts.ring.registrations, "IOWQ_MAX_WORKERS"), facts.ring.workers) {
        (Answer::Works, Some([files, _])) => {
            let workers = counted(files.into(), "worker");
            HERE.ok(id, title, format!("{workers} may block on files; can be capped"))
        }
        (got, _) => {
            let detail = format!("their number cannot be capped ({})", words::answer(got));
            let finding = HERE.limited(id, title, detail).hint("the cap came with Linux 5.15");
            blame(facts, got, CALLS, finding)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{facts, one, set};
    use super::*;

    /// The command that is advised when set-up is refused.
    fn check(errno: Errno, disabled: Option<u32>, filters: u64, command: &str) {
        let mut f = facts();
        f.ring.setup = Answer::Refused(errno);
        f.ring.disabled = disabled;
        f.limits.seccomp_filters = Some(filters);
        assert_eq!(one(&f, "io_uring.setup"), (State::Missing, command.to_owned()));
        let all = super::super::findings(&f);
        assert_eq!(all.iter().filter(|f| f.group == Group::IoUring).count(), 1);
    }

    #[test]
    fn a_refusal_is_traced_to_its_likely_cause() {
        let profile = "docker run --security-opt seccomp=PROFILE.json ...";
        check(Errno::PERM, Some(2), 0, "sudo sysctl -w kernel.io_uring_disabled=0");
        check(Errno::PERM, Some(1), 1, "sudo sysctl -w kernel.io_uring_disabled=0");
        check(Errno::PERM, Some(0), 1, profile);
        check(Errno::NOSYS, None, 2, profile);
        check(Errno::NOMEM, None, 1, profile);
        check(Errno::NOMEM, None, 0, "ulimit -l 65536");
        check(Errno::NOSYS, None, 0, "");
        check(Errno::PERM, Some(0), 0, "");
    }

    #[test]
    fn no_shell_is_told_to_pass_a_hard_limit() {
        let mut f = facts();
        f.ring.setup = Answer::Refused(Errno::NOMEM);
        f.limits.memlock_bytes.hard = Some(0);
        assert_eq!(one(&f, "io_uring.setup").1, "sudo prlimit --pid $$ --memlock=67108864");
    }

    #[test]
    fn what_found_no_descriptor_is_untried_and_has_the_cure_of_the_limit() {
        let mut f = facts();
        f.limits.files.soft = Some(4);
        f.limits.files.hard = Some(4);
        let (_, cure) = one(&f, "rights.files");
        let none: Answer = Err::<(), _>(Errno::MFILE).into();
        set(&mut f.ring.registrations, "FILES_UPDATE", none);
        assert_eq!(one(&f, "io_uring.files"), (State::Untried, cure.clone()));
        set(&mut f.ring.operations, "FTRUNCATE", none);
        assert_eq!(one(&f, "io_uring.operations"), (State::Limited, cure.clone()));
        f.ring.setup = none;
        assert_eq!(one(&f, "io_uring.setup"), (State::Untried, cure));
    }

    #[test]
    fn a_flag_that_lacks_limits_and_is_named() {
        let mut f = facts();
        set(&mut f.ring.flags, "NO_SQARRAY", Answer::Refused(Errno::INVAL));
        let line = flags(&f);
        assert_eq!(line.state, State::Limited);
        assert!(line.detail.starts_with("without NO_SQARRAY (EINVAL)"), "{}", line.detail);
    }

    #[test]
    fn little_locked_memory_limits_registered_buffers() {
        let mut f = facts();
        f.ring.registered_bytes_max = 65536;
        f.limits.memlock_bytes.soft = Some(65536);
        assert_eq!(one(&f, "io_uring.buffers"), (State::Limited, "ulimit -l 65536".into()));
        set(&mut f.ring.registrations, "BUFFERS", Answer::Refused(Errno::NOMEM));
        assert_eq!(one(&f, "io_uring.buffers").0, State::Missing);
    }

    #[test]
    fn a_poller_is_no_gain_on_two_cpus() {
        let mut f = facts();
        f.cpu.cpus = 2;
        assert_eq!(one(&f, "io_uring.sqpoll").0, State::Limited);
    }
}
