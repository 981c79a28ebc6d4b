//! How the calls on files of this file system stand.

use cutwater_sys::Errno;
use cutwater_sys::probe::file::Ground;
use cutwater_sys::probe::{Answer, NO_DESCRIPTOR};

use super::super::facts::{Facts, Kind};
use super::super::finding::{Finding, Group, In, State};
use super::super::words;
use super::{blame, descriptors_fix};

const HERE: In = In(Group::Files);

pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    if let Ground::Nothing(errno) = facts.file.ground {
        return vec![nothing(facts, errno)];
    }
    vec![
        paths(facts),
        residency(facts),
        nowait(facts),
        dontcache(facts),
        direct(facts),
        lease(facts),
        fallocate(facts),
    ]
}

fn nothing(facts: &Facts, errno: Errno) -> Finding {
    let (id, title) = ("files.open", "open");
    if matches!(errno, Errno::MFILE | Errno::NFILE) {
        let mut finding = HERE.is(State::Untried, id, title, NO_DESCRIPTOR);
        finding.fix = Some(descriptors_fix(facts));
        return finding;
    }
    let errno = words::errno(errno);
    if facts.kind == Kind::Directory {
        let detail = format!("cannot create a file here ({errno}), and none is readable");
        return HERE
            .is(State::Untried, id, title, detail)
            .hint("name a file that you may read, or a directory that you may write to");
    }
    HERE.missing(id, title, format!("cannot be opened for reading ({errno})"))
        .hint("you need permission to read it: check ls -l, or run as its owner")
}

fn paths(facts: &Facts) -> Finding {
    let (id, title) = ("files.paths", "read calls");
    let names = ["pread", "preadv2", "mmap"];
    let (works, lacks): (Vec<_>, Vec<_>) = names.iter().partition(|n| facts.on_file(n).works());
    let list =
        |names: &[&&str]| names.iter().map(|n| (**n).to_owned()).collect::<Vec<_>>().join(", ");
    match (works.is_empty(), lacks.is_empty()) {
        (_, true) => HERE.ok(id, title, format!("{} work", list(&works))),
        (true, _) => HERE.missing(id, title, format!("none of {} work", list(&lacks))),
        _ => HERE.limited(id, title, format!("{} work, {} do not", list(&works), list(&lacks))),
    }
}

fn residency(facts: &Facts) -> Finding {
    let (id, title) = ("files.residency", "residency");
    match [facts.on_file("cachestat"), facts.on_file("mincore")] {
        [Answer::Works, _] => HERE.ok(id, title, "through cachestat"),
        [got, Answer::Works] => {
            let detail = format!(
                "through mincore, which is slower; cachestat was refused ({})",
                words::answer(got)
            );
            let finding = HERE.limited(id, title, detail).hint("cachestat came with Linux 6.5");
            blame(facts, got, "cachestat", finding)
        }
        [got, other] => {
            let [said, other] = [got, other].map(words::answer);
            let detail = format!("unknown: cachestat {said}, mincore {other}");
            let why = "without it, all ranges are read the same way; the kernel reports residency only \
                       to a file's owner or to users who may write it";
            blame(facts, got, "cachestat and mincore", HERE.missing(id, title, detail).hint(why))
        }
    }
}

fn nowait(facts: &Facts) -> Finding {
    let (id, title) = ("files.nowait", "RWF_NOWAIT");
    match facts.on_file(title) {
        Answer::Works => HERE.ok(id, title, "reads only what is resident, on request"),
        got => {
            let detail = format!("not on {} ({})", fs(facts), words::answer(got));
            let why = "not needed if residency is known; ext4, xfs and btrfs support it";
            blame(facts, got, "preadv2", HERE.limited(id, title, detail).hint(why))
        }
    }
}

fn dontcache(facts: &Facts) -> Finding {
    let (id, title) = ("files.dontcache", "RWF_DONTCACHE");
    match facts.on_file(title) {
        Answer::Works => HERE.ok(id, title, "reads once without filling the page cache"),
        got => {
            let detail = format!("not on {} ({})", fs(facts), words::answer(got));
            let why = "needs Linux 6.14 and ext4, xfs or btrfs; O_DIRECT is used instead";
            blame(facts, got, "preadv2", HERE.missing(id, title, detail).hint(why))
        }
    }
}

fn direct(facts: &Facts) -> Finding {
    let (id, title) = ("files.direct", "O_DIRECT");
    match (facts.on_file(title), facts.file.direct) {
        (Answer::Works, Some(a)) => {
            let by = if a.by == "statx" { "reported by the kernel" } else { "found by trying" };
            let detail = format!(
                "aligns offsets to {} bytes, memory to {} ({by})",
                a.offset_bytes, a.memory_bytes
            );
            match copies(facts) {
                true => {
                    HERE.limited(id, title, format!("accepted, but {} lives in memory", fs(facts)))
                }
                false => HERE.ok(id, title, detail),
            }
        }
        (got, _) => {
            let detail = format!("not on {} ({})", fs(facts), words::answer(got));
            let why =
                "cold reads go through the page cache; ext4, xfs and btrfs allow direct reads";
            blame(facts, got, "openat and preadv2", HERE.missing(id, title, detail).hint(why))
        }
    }
}

/// File systems that have nothing below the page cache to read directly from.
fn copies(facts: &Facts) -> bool {
    facts.mount.as_ref().is_some_and(|m| matches!(m.fs_type.as_str(), "tmpfs" | "ramfs"))
}

fn lease(facts: &Facts) -> Finding {
    let (id, title) = ("files.lease", "F_SETLEASE");
    match facts.on_file(title) {
        Answer::Works => {
            HERE.ok(id, title, "slices of files that cannot change while they are lent")
        }
        Answer::Untried(why) => HERE.is(State::Untried, id, title, why),
        got => HERE
            .missing(id, title, format!("not on {} ({})", fs(facts), words::answer(got)))
            .hint("a Frozen map then needs a sealed memfd; reads are not affected"),
    }
}

fn fallocate(facts: &Facts) -> Finding {
    let (id, title) = ("files.fallocate", "fallocate");
    match facts.on_file(title) {
        Answer::Works => HERE.ok(id, title, "reserves space for what is written"),
        Answer::Untried(why) => HERE.is(State::Untried, id, title, why),
        got => HERE.missing(id, title, format!("not on {} ({})", fs(facts), words::answer(got))),
    }
}

/// What to call what is under the path.
fn fs(facts: &Facts) -> &str {
    facts.mount.as_ref().map_or("this device", |m| &m.fs_type)
}

#[cfg(test)]
mod tests {
    use super::super::sample::{facts, one, set};
    use super::*;

    #[test]
    fn without_cachestat_mincore_stands_in() {
        let mut f = facts();
        set(&mut f.file.checks, "cachestat", Answer::Refused(Errno::NOSYS));
        assert_eq!(one(&f, "files.residency").0, State::Limited);
        assert_eq!(f.residency(), Some("mincore"));
        set(&mut f.file.checks, "mincore", Answer::Refused(Errno::NOSYS));
        assert_eq!(one(&f, "files.residency").0, State::Missing);
        assert_eq!(f.residency(), None);
    }

    #[test]
    fn a_file_that_cannot_be_opened_has_no_path_and_a_directory_may() {
        let mut f = facts();
        f.file.ground = Ground::Nothing(Errno::ACCESS);
        assert_eq!((one(&f, "files.open").0, f.works()), (State::Untried, true));
        f.kind = Kind::File;
        assert_eq!((one(&f, "files.open").0, f.works()), (State::Missing, false));
    }

    #[test]
    fn one_path_is_enough_to_work() {
        let mut f = facts();
        let no = Answer::Refused(Errno::NOSYS);
        set(&mut f.file.checks, "preadv2", no);
        set(&mut f.file.checks, "mmap", no);
        assert_eq!((one(&f, "files.paths").0, f.works()), (State::Limited, true));
        set(&mut f.file.checks, "pread", no);
        assert_eq!((one(&f, "files.paths").0, f.works()), (State::Missing, false));
    }

    #[test]
    fn what_found_no_descriptor_is_no_lack_of_the_file_system() {
        let mut f = facts();
        f.limits.files.hard = Some(4);
        let cure = "sudo prlimit --pid $$ --nofile=65536".to_owned();
        set(&mut f.file.checks, "O_DIRECT", Err::<(), _>(Errno::NFILE).into());
        assert_eq!(one(&f, "files.direct"), (State::Untried, cure.clone()));
        f.file.ground = Ground::Nothing(Errno::MFILE);
        assert_eq!(one(&f, "files.open"), (State::Untried, cure));
    }

    #[test]
    fn direct_reads_of_memory_are_not_direct() {
        let mut f = facts();
        f.mount.as_mut().expect("the sample has one").fs_type = "tmpfs".into();
        assert_eq!(one(&f, "files.direct").0, State::Limited);
    }
}
