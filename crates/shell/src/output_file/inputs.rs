//! What a command reads, by identity.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Stat, fstat, stat};

use super::name::{Name, STDOUT};
use crate::Failure;
use crate::words::shown;

/// The name of standard input on the command line.
const STANDARD: &str = "-";

/// What a file is, whatever it is called (`inode(7)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Identity {
    /// The device that it is on, and its number there.
    File(u64, u64),
    /// A block device. It may have several nodes.
    Device(u64),
}

impl Identity {
    /// Nothing for pipes, terminals and the like: to write to them takes nothing from a reader.
    fn of(stat: &Stat) -> Option<Self> {
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Some(Self::File(stat.st_dev, stat.st_ino)),
            FileType::BlockDevice => Some(Self::Device(stat.st_rdev)),
            _ => None,
        }
    }

    /// Of the file that a path leads to. `stat(2)` follows links, also those of descriptors.
    fn at(path: &Path) -> Option<Self> {
        Self::of(&stat(path).ok()?)
    }
}

/// What a command reads.
#[derive(Debug, Clone)]
pub struct Inputs(HashMap<Identity, PathBuf>);

impl Default for Inputs {
    fn default() -> Self {
        Self::new()
    }
}

impl Inputs {
    /// Standard input alone. It belongs to them even if the command does not read it: the shell's
    /// loop around the command may.
    #[must_use]
    pub fn new() -> Self {
        let mut inputs = Self(HashMap::new());
        if let Some(own) = fstat(io::stdin()).ok().and_then(|stat| Identity::of(&stat)) {
            inputs.0.insert(own, STANDARD.into());
        }
        inputs
    }

    /// Adds a file, or all files in a directory and below it. What is not there is no input.
    pub fn add(&mut self, path: &Path) {
        if path.as_os_str() == STANDARD {
            return;
        }
        let mut directories = Vec::new();
        let mut add = |path: PathBuf, directories: &mut Vec<PathBuf>| {
            if let Some(identity) = Identity::at(&path) {
                self.0.entry(identity).or_insert(path);
            } else if path.is_dir() {
                directories.push(path);
            }
        };
        add(path.to_owned(), &mut directories);
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
                // A link to a directory may lead back up.
                let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
                if !is_link || entry.path().is_file() {
                    add(entry.path(), &mut directories);
                }
            }
        }
    }

    /// Adds several.
    pub fn add_all<P: AsRef<Path>>(&mut self, paths: impl IntoIterator<Item = P>) {
        paths.into_iter().for_each(|path| self.add(path.as_ref()));
    }

    /// Checks that `output` is none of them. For outputs that [`super::OutputFile`] does not make,
    /// and to refuse before the work begins.
    ///
    /// # Errors
    /// A usage error that names both.
    pub fn check(&self, output: &Path) -> Result<(), Failure> {
        let is_standard = matches!(Name::resolve(output), Ok(Name::Descriptor(STDOUT)));
        let identity = if is_standard {
            fstat(io::stdout()).ok().and_then(|stat| Identity::of(&stat))
        } else {
            Identity::at(output)
        };
        let Some(input) = identity.and_then(|identity| self.0.get(&identity)) else {
            return Ok(());
        };
        let read =
            if input.as_os_str() == STANDARD { "standard input".into() } else { shown(input) };
        let written = if is_standard { "standard output".into() } else { shown(output) };
        Err(Failure::usage(format!(
            "{written} would be written over {read}, which is read; name another file"
        )))
    }
}
