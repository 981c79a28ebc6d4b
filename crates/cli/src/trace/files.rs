//! The path of a device and inode, looked up in `/proc` of the processes that use them.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

use super::paths::{GONE, short};

/// A device and an inode.
pub(super) type Id = (u64, u64);

/// Look-ups of a file before it is given up: it was closed before the first.
const TRIES_MAX: u32 = 3;
/// Descriptors of one process to check.
const DESCRIPTORS_MAX: usize = 4_096;
/// Processes to check at a time.
const PROCESSES_MAX: usize = 64;
/// Files that are remembered.
const FILES_MAX: usize = 4_096;

/// Names of files, remembered from when they were in use.
#[derive(Debug, Default)]
pub(super) struct Files {
    names: HashMap<Id, String>,
    tries: HashMap<Id, u32>,
}

impl Files {
    /// Looks for the names of `files` that have none, in what `processes` have open and mapped.
    pub(super) fn look(
        &mut self,
        files: impl Iterator<Item = Id>,
        processes: impl Fn() -> Vec<u32>,
    ) {
        let mut wanted = Vec::new();
        for id in files.filter(|id| !self.names.contains_key(id)) {
            if self.tries.len() < FILES_MAX || self.tries.contains_key(&id) {
                let tries = self.tries.entry(id).or_insert(0);
                if *tries < TRIES_MAX {
                    *tries += 1;
                    wanted.push(id);
                }
            }
        }
        for pid in processes().into_iter().take(PROCESSES_MAX) {
            if wanted.iter().all(|id| self.names.contains_key(id)) {
                return;
            }
            for (id, name) in opened(pid).chain(mapped(pid)) {
                if wanted.contains(&id) {
                    self.names.entry(id).or_insert(name);
                }
            }
        }
    }

    /// The name of a file.
    pub(super) fn name(&self, id: Id) -> &str {
        self.names.get(&id).map_or(GONE, String::as_str)
    }
}

fn opened(pid: u32) -> impl Iterator<Item = (Id, String)> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten();
    entries.take(DESCRIPTORS_MAX).filter_map(|entry| {
        let path = entry.ok()?.path();
        let meta = fs::metadata(&path).ok()?;
        let name = fs::read_link(&path).ok()?;
        Some(((meta.dev(), meta.ino()), short(&name.to_string_lossy())))
    })
}

fn mapped(pid: u32) -> impl Iterator<Item = (Id, String)> {
    let text = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    text.lines().filter_map(map).collect::<Vec<_>>().into_iter()
}

/// `7f00-7f10 r--p 00000000 fe:00 123 /usr/lib/x.so`
fn map(line: &str) -> Option<(Id, String)> {
    let mut fields = line.splitn(6, ' ');
    let (major, minor) = fields.nth(3)?.split_once(':')?;
    let number = |hex| u32::from_str_radix(hex, 16).ok();
    let inode = fields.next()?.parse().ok().filter(|inode| *inode != 0)?;
    let name = fields.next()?.trim_start();
    Some(((rustix::fs::makedev(number(major)?, number(minor)?), inode), short(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_have_device_inode_and_path() {
        let line = "7f0-7f1 r--p 00000000 fe:01 12                         /usr/lib/a b.so";
        assert_eq!(
            map(line),
            Some(((rustix::fs::makedev(0xfe, 1), 12), "/usr/lib/a b.so".to_owned()))
        );
        assert_eq!(map("7f0-7f1 rw-p 00000000 00:00 0 "), None);
        assert_eq!(map(""), None);
    }

    #[test]
    fn files_that_we_have_open_are_found_and_others_are_given_up() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let meta = file.as_file().metadata().unwrap();
        let (ours, other) = ((meta.dev(), meta.ino()), (u64::MAX, 7));
        let mut files = Files::default();
        for _ in 0..TRIES_MAX + 2 {
            files.look([ours, other].into_iter(), || vec![std::process::id()]);
        }
        assert_eq!(files.name(ours), file.path().to_str().unwrap());
        assert_eq!((files.name(other), files.tries[&other]), (GONE, TRIES_MAX));
    }
}
