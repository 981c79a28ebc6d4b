//! How memory and huge pages stand.

use cutwater_sys::probe::answer;

use super::super::facts::Facts;
use super::super::finding::{Finding, Group, In, State};
use super::super::words;

const HERE: In = In(Group::Memory);

pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    vec![size(facts), huge(facts), thp(facts)]
}

fn size(facts: &Facts) -> Finding {
    let (id, title) = ("memory.size", "memory");
    let (Some(total), Some(available)) = (facts.memory.total_bytes, facts.memory.available_bytes)
    else {
        return HERE.is(State::Untried, id, title, "/proc/meminfo cannot be read");
    };
    let mut detail = format!("{}, {} available", words::bytes(total), words::bytes(available));
    if let Some(most) = facts.cpu.cgroup_memory_bytes.filter(|&most| most < total) {
        detail +=
            &format!("; the control group grants {}, page cache included", words::bytes(most));
        return HERE.limited(id, title, detail).hint(
            "a file larger than that cannot stay resident: raise memory.max of the group \
             (docker run --memory, MemoryMax= of the service)",
        );
    }
    HERE.ok(id, title, detail)
}

fn huge(facts: &Facts) -> Finding {
    let (id, title) = ("memory.huge_pages", "huge pages");
    let (free, total) = (facts.memory.huge_free.unwrap_or(0), facts.memory.huge_total.unwrap_or(0));
    let each = facts.memory.huge_bytes.map_or("unknown size".into(), words::bytes);
    if answer(&facts.memory.checks, "MAP_HUGETLB").works() {
        return HERE.ok(id, title, format!("{free} of {total} free, {each} each"));
    }
    let detail = format!("{free} of {total} free, {each} each; transparent ones are used instead");
    HERE.limited(id, title, detail).run(
        "reserved pages cannot be refused later, and make registered buffers cheaper to set up",
        "sudo sysctl -w vm.nr_hugepages=64",
    )
}

fn thp(facts: &Facts) -> Finding {
    let (id, title) = ("memory.thp", "transparent");
    match facts.memory.thp.as_deref() {
        None => HERE
            .missing(id, title, "the kernel has none")
            .hint("needs a kernel with CONFIG_TRANSPARENT_HUGEPAGE"),
        Some("never") => HERE.missing(id, title, "turned off").run(
            "large buffers then need fewer TLB entries",
            "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled",
        ),
        Some("madvise") => HERE.ok(id, title, "on request (madvise)"),
        Some(mode) => HERE.ok(id, title, mode),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{facts, one, set};
    use super::*;
    use cutwater_sys::Errno;
    use cutwater_sys::probe::Answer;

    #[test]
    fn huge_pages_that_are_not_there_are_reserved_by_a_command() {
        let mut f = facts();
        set(&mut f.memory.checks, "MAP_HUGETLB", Answer::Refused(Errno::NOMEM));
        let command = "sudo sysctl -w vm.nr_hugepages=64";
        assert_eq!(one(&f, "memory.huge_pages"), (State::Limited, command.into()));
        f.memory.thp = Some("never".into());
        assert_eq!(one(&f, "memory.thp").0, State::Missing);
    }

    #[test]
    fn a_control_group_limits_only_below_what_there_is() {
        let mut f = facts();
        f.cpu.cgroup_memory_bytes = Some(1 << 30);
        assert_eq!(one(&f, "memory.size").0, State::Limited);
        f.cpu.cgroup_memory_bytes = Some(1 << 50);
        assert_eq!(one(&f, "memory.size").0, State::Ok);
    }
}
