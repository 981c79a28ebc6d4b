//! Where this program is.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The path of this program. Without `/proc`, where the kernel names it, it is found as the shell found it: by
/// the name by which it was called, on the `PATH` if that has no slash.
///
/// # Errors
/// As [`env::current_exe`], where it is not found in the other way either.
pub fn own_path() -> io::Result<PathBuf> {
    let called = || by_name(&env::args_os().next()?, &env::var_os("PATH").unwrap_or_default());
    env::current_exe().or_else(|e| called().ok_or(e))
}

fn by_name(called: &OsStr, path: &OsStr) -> Option<PathBuf> {
    let found = if called.as_bytes().contains(&b'/') {
        PathBuf::from(called)
    } else {
        let is_there = |directory: PathBuf| Some(directory.join(called)).filter(|p| is_program(p));
        env::split_paths(path).find_map(is_there)?
    };
    // The kernel resolves links, too.
    found.canonicalize().ok().filter(|p| is_program(p))
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_program_is_found_as_it_was_called() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        let (program, link) = (dir.join("bin/name"), dir.join("links/name"));
        for directory in ["bin", "links", "other"] {
            fs::create_dir(dir.join(directory)).unwrap();
        }
        for file in [&program, &dir.join("other/name")] {
            fs::write(file, "").unwrap();
        }
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        symlink(&program, &link).unwrap();
        let path = env::join_paths(["other", "links", "bin"].map(|d| dir.join(d))).unwrap();
        let found = |called: &OsStr| by_name(called, &path);
        assert_eq!(found("name".as_ref()), Some(program.clone()));
        assert_eq!(found(link.as_ref()), Some(program));
        assert_eq!(found("none".as_ref()), None);
        assert_eq!(found(dir.join("other/name").as_ref()), None, "it cannot be run");
        assert_eq!(by_name(&OsString::new(), &path), None);
    }
}
