//! The file that is read: the caller's, or one that is made and removed again.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use cutwater_lab::SplitMix;
use rustix::fs::FallocateFlags;

use super::units;
use cutwater_shell::Failure;
use cutwater_shell::stop::Stop;
use cutwater_shell::words::shown;
use cutwater_shell::workdir::Workdir;

/// Largest file that is made unasked.
const SIZE_MAX: u64 = 1 << 30;
/// Smallest file that shows anything.
const SIZE_MIN: u64 = 16 << 20;
/// Size with `--quick`.
const SIZE_QUICK: u64 = 16 << 20;
/// How directories of made files are called.
const PREFIX: &str = "cutwater-bench-";
/// Bytes written by one call.
const CHUNK: usize = 4 << 20;

/// The file and, where we made it, what removes it.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) path: PathBuf,
    pub(super) size: u64,
    /// Where it is; removed with it when dropped.
    made: Option<Workdir>,
}

impl Subject {
    /// The caller's file.
    pub(super) fn given(path: &Path) -> Result<Self, Failure> {
        let cannot = |e: io::Error| {
            Failure::usage(format!("cannot open {}: {}", shown(path), open_advice(path, &e)))
                .because(e)
        };
        let meta = fs::metadata(path).map_err(cannot)?;
        if meta.is_dir() {
            return Err(Failure::usage(format!(
                "{0} is a directory; name a file, or have one made in it: --dir {0}",
                shown(path)
            )));
        }
        if !meta.is_file() {
            return Err(Failure::usage(format!(
                "{} is not a regular file; bench drops and fills the page cache of what it \
                 reads, so name a file on the device",
                shown(path)
            )));
        }
        // Whether it may be read is known only by opening it.
        fs::File::open(path).map_err(cannot)?;
        if meta.len() == 0 {
            return Err(Failure::usage(format!(
                "{} is empty; name a file with something to read",
                shown(path)
            )));
        }
        Ok(Self { path: path.to_path_buf(), size: meta.len(), made: None })
    }

    /// A file made in `dir` from `seed`, hard to compress and the same each time; `None` when
    /// stopped. `wrote` is called after every chunk.
    pub(super) fn make(
        dir: &Path,
        size: u64,
        seed: u64,
        stop: &Stop,
        mut wrote: impl FnMut(u64),
    ) -> Result<Option<Self>, Failure> {
        let cannot = |e: io::Error| {
            let place = shown(dir);
            Failure::new(format!(
                "cannot make a file of {} in {place}; {}",
                units::size(size),
                make_advice(&e)
            ))
            .because(e)
        };
        let made = Workdir::new(dir, PREFIX).map_err(cannot)?;
        let path = made.path().join("data");
        let mut file = fs::File::create_new(&path).map_err(cannot)?;
        reserve(&file, size).map_err(cannot)?;
        let mut random = SplitMix(seed);
        let mut chunk = vec![0; CHUNK];
        let mut done = 0;
        while done < size {
            if stop.is_set() {
                return Ok(None);
            }
            random.fill(&mut chunk);
            let now = (size - done).min(CHUNK as u64) as usize;
            file.write_all(&chunk[..now]).map_err(cannot)?;
            done += now as u64;
            wrote(done);
        }
        file.sync_data().map_err(cannot)?;
        Ok(Some(Self { path, size, made: Some(made) }))
    }

    pub(super) fn was_made(&self) -> bool {
        self.made.is_some()
    }

    /// Removes the file, if it is ours.
    pub(super) fn close(self) -> Result<(), Failure> {
        match self.made {
            None => Ok(()),
            Some(made) => made.close().map_err(|e| {
                Failure::new(format!("cannot remove {}", shown(&self.path))).because(e)
            }),
        }
    }
}

/// The size of a file that disturbs neither memory nor disk: a quarter of what is free of
/// each, 1 GiB at most.
pub(super) fn fitting_size(dir: &Path, asked: Option<u64>, quick: bool) -> Result<u64, Failure> {
    if let Some(size) = asked {
        return Ok(size);
    }
    let disk = rustix::fs::statvfs(dir).map_err(|e| {
        Failure::usage(format!("cannot make a file in {}", shown(dir))).because(io::Error::from(e))
    })?;
    let disk = disk.f_bavail.saturating_mul(disk.f_frsize);
    let memory = memory_available().unwrap_or(u64::MAX);
    let fits = (disk / 4).min(memory / 4) >> 20 << 20;
    let size = fits.min(if quick { SIZE_QUICK } else { SIZE_MAX });
    if size < SIZE_MIN {
        return Err(Failure::new(format!(
            "{} are free on the disk of {} and {} of memory, too little for a file of {}; \
             try --dir on another disk, or --size",
            units::size(disk),
            shown(dir),
            units::size(memory),
            units::size(SIZE_MIN)
        )));
    }
    Ok(size)
}

/// `MemAvailable` of `/proc/meminfo`, bytes.
pub(crate) fn memory_available() -> Option<u64> {
    let info = fs::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

/// Reserves the blocks: a full disk shows now, and the file lies in few pieces.
fn reserve(file: &fs::File, size: u64) -> io::Result<()> {
    match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, size) {
        // What cannot reserve can still be written.
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) | Ok(()) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

fn open_advice(path: &Path, e: &io::Error) -> &'static str {
    match e.kind() {
        io::ErrorKind::NotFound if path.is_symlink() => {
            "the link is there, and what it points to is not; see: namei -l"
        }
        io::ErrorKind::NotFound => "likely cause: a misspelt name; without a name, a file is made",
        io::ErrorKind::PermissionDenied => "likely cause: you may not read it; see: namei -l",
        _ => "the kernel refused",
    }
}

fn make_advice(e: &io::Error) -> &'static str {
    match e.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "likely cause: the disk or your quota is full; try --size 64M, or --dir on another disk"
        }
        io::ErrorKind::FileTooLarge => "likely cause: a limit; see: ulimit -f",
        io::ErrorKind::NotFound => "likely cause: a misspelt name in --dir",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "likely cause: you may not write there; try --dir /var/tmp"
        }
        _ => "try --dir on another disk",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_file_is_the_same_for_the_same_seed_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let make = |seed| {
            let made = Subject::make(dir.path(), 5_000_001, seed, &Stop::default(), |_| {});
            let made = made.unwrap().unwrap();
            let bytes = fs::read(&made.path).unwrap();
            assert_eq!(bytes.len(), 5_000_001);
            made.close().unwrap();
            bytes
        };
        let first = make(1);
        assert!(first == make(1));
        assert!(first != make(2));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let empty = dir.path().join("empty");
        fs::write(&empty, "").unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("gone", &link).unwrap();
        let cases = [
            (dir.path().to_path_buf(), "is a directory"),
            (dir.path().join("absent"), "misspelt"),
            (link, "the link is there, and what it points to is not"),
            (empty, "is empty"),
            ("/dev/null".into(), "not a regular file"),
        ];
        for (path, expected) in cases {
            let said = Subject::given(&path).unwrap_err().to_string();
            assert!(said.contains(expected), "{said}");
        }
    }
}
