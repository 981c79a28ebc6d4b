//! File systems to read from: the temporary directory's, tmpfs, and xfs on a loop device.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A directory on some file system; a mount is removed with it.
pub(crate) struct Place {
    pub(crate) name: &'static str,
    dir: tempfile::TempDir,
    mounted: Option<PathBuf>,
}

impl Place {
    pub(crate) fn path(&self) -> &Path {
        self.mounted.as_deref().unwrap_or_else(|| self.dir.path())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(at) = &self.mounted {
            // With its mount goes the loop device, which `mount -o loop` set up to be cleared.
            let done = run("umount", &[at.as_os_str()]);
            if done.is_err() {
                let _ = run("umount", &["--lazy".as_ref(), at.as_os_str()]);
            }
        }
    }
}

/// The places of this host; what is missing is printed.
pub(crate) fn places() -> Vec<Place> {
    let mut found = Vec::new();
    let dir = tempfile::tempdir().unwrap();
    found.push(Place { name: "the temporary directory", dir, mounted: None });
    match tempfile::tempdir_in("/dev/shm") {
        Ok(dir) => found.push(Place { name: "tmpfs", dir, mounted: None }),
        Err(e) => cutwater_testing::skip!("tmpfs: {e}"),
    }
    match xfs() {
        Ok(place) => found.push(place),
        Err(why) => cutwater_testing::skip!("xfs on a loop device: {why}"),
    }
    found
}

/// The smallest image that `mkfs.xfs` takes.
const XFS_BYTES: u64 = 320 << 20;

fn xfs() -> Result<Place, String> {
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    if !rustix::process::geteuid().is_root() {
        return Err("only root mounts".into());
    }
    let (image, at) = (dir.path().join("image"), dir.path().join("mounted"));
    let file = std::fs::File::create(&image).map_err(|e| e.to_string())?;
    file.set_len(XFS_BYTES).map_err(|e| e.to_string())?;
    std::fs::create_dir(&at).map_err(|e| e.to_string())?;
    run("mkfs.xfs", &["-q".as_ref(), image.as_os_str()])?;
    let options = ["-t", "xfs", "-o", "loop"].map(AsRef::as_ref);
    run("mount", &[&options[..], &[image.as_os_str(), at.as_os_str()]].concat())?;
    Ok(Place { name: "xfs on a loop device", dir, mounted: Some(at) })
}

fn run(program: &str, args: &[&std::ffi::OsStr]) -> Result<(), String> {
    let done = Command::new(program).args(args).output().map_err(|e| format!("{program}: {e}"))?;
    if done.status.success() {
        return Ok(());
    }
    Err(format!("{program}: {}", String::from_utf8_lossy(&done.stderr).trim()))
}
