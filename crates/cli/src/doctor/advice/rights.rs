//! How limits, rights and processors stand.

use super::super::facts::Facts;
use super::super::finding::{Finding, Group, In, State};
use super::super::words;
use cutwater_shell::words::counted;

const HERE: In = In(Group::Rights);

pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    vec![cpus(facts), locked(facts), files(facts), profiling(facts), symbols(facts), rights(facts)]
}

fn cpus(facts: &Facts) -> Finding {
    let (id, title) = ("rights.cpus", "CPUs");
    let usable = counted(facts.cpu.cpus.into(), "CPU");
    match facts.cpu.cgroup_cpus {
        Some(share) if share < f64::from(facts.cpu.cpus) => HERE
            .limited(
                id,
                title,
                format!("{usable}; the control group grants the time of {share:.1}"),
            )
            .hint("more threads than that are throttled: use --threads"),
        _ => HERE.ok(id, title, format!("{usable} usable")),
    }
}

/// The arena of one ring.
const LOCKED_BYTES_MIN: u64 = 8 << 20;

fn locked(facts: &Facts) -> Finding {
    let (id, title) = ("rights.memlock", "locked memory");
    match facts.limits.memlock_bytes.soft {
        _ if facts.limits.cap_ipc_lock => {
            HERE.ok(id, title, "unlimited for this process (CAP_IPC_LOCK)")
        }
        None => HERE.ok(id, title, "not limited"),
        Some(soft) if soft > LOCKED_BYTES_MIN => HERE.ok(id, title, words::bytes(soft)),
        Some(soft) => {
            let detail =
                format!("{}: too little to register the buffers of a ring", words::bytes(soft));
            // What to do is said where it matters: with the registered buffers.
            HERE.limited(id, title, detail)
        }
    }
}

/// Sockets, files and rings of a busy process.
const FILES_MIN: u64 = 4096;
const FILES_WANTED: u64 = 65_536;

fn files(facts: &Facts) -> Finding {
    let (id, title) = ("rights.files", "descriptors");
    match facts.limits.files.soft {
        None => HERE.ok(id, title, "not limited"),
        Some(soft) if soft >= FILES_MIN => HERE.ok(id, title, format!("{soft}")),
        Some(soft) => HERE
            .limited(id, title, format!("{soft} is low for many files or sockets"))
            .run("permanently: LimitNOFILE= of the service, or limits.conf", raise_files(facts)),
    }
}

/// The shell raises a limit up to the hard one; beyond, root does it for the shell.
pub(super) fn raise_files(facts: &Facts) -> String {
    match facts.limits.files.hard.unwrap_or(FILES_WANTED) {
        hard @ FILES_MIN.. => format!("ulimit -n {}", hard.min(FILES_WANTED)),
        _ => format!("sudo prlimit --pid $$ --nofile={FILES_WANTED}"),
    }
}

fn profiling(facts: &Facts) -> Finding {
    let (id, title) = ("rights.perf", "profiling");
    let may = facts.limits.cap_perfmon || facts.limits.cap_sys_admin;
    match facts.limits.perf_event_paranoid {
        None => HERE.missing(id, title, "the kernel has no perf events"),
        Some(level) if may || level <= 1 => {
            HERE.ok(id, title, format!("user and kernel (kernel.perf_event_paranoid is {level})"))
        }
        Some(level) => {
            let scope = if level >= 3 { "nothing" } else { "user code only" };
            HERE.limited(id, title, format!("{scope} (kernel.perf_event_paranoid is {level})")).run(
                "flame graphs and counters then include the kernel",
                "sudo sysctl -w kernel.perf_event_paranoid=1",
            )
        }
    }
}

fn symbols(facts: &Facts) -> Finding {
    let (id, title) = ("rights.symbols", "kernel symbols");
    let limits = &facts.limits;
    match limits.kptr_restrict {
        None => HERE.is(State::Untried, id, title, "kernel.kptr_restrict is not shown"),
        Some(0) => HERE.ok(id, title, "shown (kernel.kptr_restrict is 0)"),
        // 1 shows them to CAP_SYSLOG, which root has; 2 to nobody.
        Some(1) if limits.root => HERE.ok(id, title, "shown to root (kernel.kptr_restrict is 1)"),
        Some(level) => {
            HERE.limited(id, title, format!("hidden (kernel.kptr_restrict is {level})")).run(
                "flame graphs then name kernel functions",
                "sudo sysctl -w kernel.kptr_restrict=0",
            )
        }
    }
}

fn rights(facts: &Facts) -> Finding {
    let limits = &facts.limits;
    let held: Vec<&str> = [
        ("CAP_SYS_ADMIN", limits.cap_sys_admin),
        ("CAP_PERFMON", limits.cap_perfmon),
        ("CAP_IPC_LOCK", limits.cap_ipc_lock),
        ("CAP_LEASE", limits.cap_lease),
    ]
    .into_iter()
    .filter_map(|(name, held)| held.then_some(name))
    .collect();
    let who = if limits.root { "root" } else { "not root" };
    let what = if held.is_empty() { "no useful capability".into() } else { held.join(", ") };
    let mut detail = format!("{who}, with {what}");
    if let Some(filters @ 1..) = limits.seccomp_filters {
        detail += &format!("; {} on this process", counted(filters, "seccomp filter"));
    }
    HERE.ok("rights.user", "user", detail)
}

#[cfg(test)]
mod tests {
    use super::super::sample::{facts, one};
    use super::*;

    #[test]
    fn a_small_limit_is_raised_by_a_command() {
        let mut f = facts();
        f.limits.memlock_bytes.soft = Some(65536);
        assert_eq!(one(&f, "rights.memlock"), (State::Limited, String::new()));
        f.limits.cap_ipc_lock = true;
        assert_eq!(one(&f, "rights.memlock").0, State::Ok);
        f.limits.files.soft = Some(1024);
        f.limits.files.hard = Some(4096);
        assert_eq!(one(&f, "rights.files"), (State::Limited, "ulimit -n 4096".into()));
        f.limits.files.hard = Some(1024);
        assert_eq!(one(&f, "rights.files").1, "sudo prlimit --pid $$ --nofile=65536");
    }

    #[test]
    fn paranoia_does_not_bind_those_with_the_capability() {
        let mut f = facts();
        f.limits.perf_event_paranoid = Some(2);
        assert_eq!(one(&f, "rights.perf").0, State::Ok);
        f.limits.cap_perfmon = false;
        let command = "sudo sysctl -w kernel.perf_event_paranoid=1";
        assert_eq!(one(&f, "rights.perf"), (State::Limited, command.into()));
    }

    #[test]
    fn part_of_the_processors_is_said() {
        let mut f = facts();
        f.cpu.cgroup_cpus = Some(1.5);
        assert_eq!(one(&f, "rights.cpus").0, State::Limited);
    }
}
