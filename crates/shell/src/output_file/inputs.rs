//! What a command reads, by identity.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Stat, fstat, stat};

use super::name::{Name, STDOUT, directory};
use crate::Failure;
use crate::words::shown;

/// The name of standard input on the command line.
const STANDARD: &str = "-";

/// The identity of a file, under any name (`inode(7)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Identity {
    /// The device that it is on, and its number there.
    File(u64, u64),
    /// A block device. It may have several nodes.
    Device(u64),
}

impl Identity {
    /// `None` for pipes, terminals and the like: writing to them destroys no input.
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

/// Where an output goes: two in one place would destroy one another.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Place {
    /// A file that is there.
    There(Identity),
    /// A name that is free, in the directory that it really is in.
    Free(PathBuf),
}

impl Place {
    /// The place of an output, and whether it is a descriptor. `None` for devices and pipes.
    fn of(output: &Path) -> Option<(Self, bool)> {
        let name = Name::resolve(output).ok()?;
        if let Some(identity) = of_output(output, &name) {
            return Some((Self::There(identity), matches!(name, Name::Descriptor(_))));
        }
        let Name::Path(path) = name else { return None };
        // Without a file name, or where something is, no file can be made.
        let file = path.file_name().filter(|_| !path.exists())?;
        let parent = fs::canonicalize(directory(&path)).unwrap_or_else(|_| directory(&path).into());
        Some((Self::Free(parent.join(file)), false))
    }
}

/// The file that an output of this name would change.
fn of_output(output: &Path, name: &Name) -> Option<Identity> {
    // Without /proc, the name of standard output leads nowhere.
    match name {
        Name::Descriptor(STDOUT) => Identity::of(&fstat(io::stdout()).ok()?),
        Name::Descriptor(STDERR) => Identity::of(&fstat(io::stderr()).ok()?),
        _ => Identity::at(output),
    }
}

/// The number of standard error (`stderr(3)`).
const STDERR: i32 = 2;

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
        let name = Name::resolve(output).ok();
        let identity = name.as_ref().and_then(|name| of_output(output, name));
        let Some(input) = identity.and_then(|identity| self.0.get(&identity)) else {
            return Ok(());
        };
        let read =
            if input.as_os_str() == STANDARD { "standard input".into() } else { shown(input) };
        let is_standard = name == Some(Name::Descriptor(STDOUT));
        let written = if is_standard { "standard output".into() } else { shown(output) };
        Err(Failure::usage(format!(
            "{written} would be written over {read}, which is read; name another file"
        )))
    }

    /// Checks that none of `outputs`, which are all of a command, is an input, and that no two are
    /// one file. Standard output and standard error count, too: publishing a file would replace the
    /// one that they write to.
    ///
    /// # Errors
    /// A usage error that names both.
    pub fn check_all<P: AsRef<Path>>(
        &self,
        outputs: impl IntoIterator<Item = P>,
    ) -> Result<(), Failure> {
        let mut places = HashMap::new();
        for (path, name) in [("/dev/stdout", "standard output"), ("/dev/stderr", "standard error")]
        {
            if let Some((place, _)) = Place::of(Path::new(path)) {
                places.entry(place).or_insert((name.to_owned(), true));
            }
        }
        for output in outputs {
            let output = output.as_ref();
            self.check(output)?;
            let Some((place, is_open)) = Place::of(output) else { continue };
            let Some((other, other_is_open)) = places.insert(place, (shown(output), is_open))
            else {
                continue;
            };
            // Open descriptors write one after the other.
            if !is_open || !other_is_open {
                return Err(Failure::usage(format!(
                    "{other} and {} are one file, and two outputs; name another file for one of them",
                    shown(output)
                )));
            }
        }
        Ok(())
    }
}
