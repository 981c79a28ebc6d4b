//! From the names on the command line to files.

use std::ffi::OsStr;
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::Failure;
use crate::words::shown;

/// The most files that a name may mean: all of them are open at once.
const FILES_MAX: usize = 100_000;

/// The deepest nesting of directories.
const DEPTH_MAX: usize = 64;

/// The files that `name` means. It is a glob if it looks like one and is not the name of a file.
/// Files whose names are not UTF-8 are found, too: the pattern takes each invalid byte for one
/// character.
///
/// # Errors
/// When no file matches the glob, or too many do.
pub fn expand(name: impl AsRef<Path>) -> Result<Vec<PathBuf>, Failure> {
    let path = name.as_ref();
    // A dangling link is a name, too. A name that is not UTF-8 is not a pattern.
    let own = fs::symlink_metadata(path).is_ok();
    let Some(pattern) = path.to_str().filter(|name| is_pattern(name) && !own) else {
        return Ok(vec![path.to_owned()]);
    };
    // A broken pattern is taken for a name: the error then says that there is no such file.
    let Some(parts) = parts(path) else { return Ok(vec![path.to_owned()]) };
    let mut found = Vec::new();
    matching(PathBuf::new(), &parts, 0, &mut found)?;
    if found.is_empty() {
        return Err(Failure::new(format!("no file matches {pattern:?}")));
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// The files in the directory `path` and below it, in the order of their names. Links are not followed, as they
/// may lead back up.
///
/// # Errors
/// When a directory cannot be read, there are too many files, or directories lie too deep.
pub fn files_below(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    below(path, 0, &mut found)?;
    Ok(found)
}

fn below(directory: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    if depth == DEPTH_MAX {
        let what = format!("{} lies below {DEPTH_MAX} directories", shown(directory));
        return Err(Failure::new(format!("{what}; name the directories to be read")));
    }
    let failed =
        |e| Failure::new(format!("cannot read the directory {}", shown(directory))).because(e);
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        entries.push(entry.map_err(failed)?);
    }
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() {
            below(&entry.path(), depth + 1, found)?;
        } else if kind.is_file() {
            keep(entry.path(), found)?;
        }
    }
    Ok(())
}

fn keep(path: PathBuf, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    if found.len() == FILES_MAX {
        let what = format!("there are more than {FILES_MAX} files, and all would be open at once");
        return Err(Failure::new(format!("{what}; name fewer")));
    }
    found.push(path);
    Ok(())
}

fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?', '['])
}

/// A part of a path.
enum Part {
    /// As it stands.
    Name(PathBuf),
    /// A pattern for one name.
    Pattern(glob::Pattern),
    /// `**`: any number of directories.
    Directories,
}

/// The parts of a pattern; `None` if one is not a pattern.
fn parts(path: &Path) -> Option<Vec<Part>> {
    let part = |component: Component<'_>| {
        let text = component.as_os_str().to_str()?;
        Some(match text {
            "**" => Part::Directories,
            text if is_pattern(text) => Part::Pattern(glob::Pattern::new(text).ok()?),
            text => Part::Name(text.into()),
        })
    };
    path.components().map(part).collect()
}

/// Adds the files below `base` that match `parts`.
fn matching(
    base: PathBuf,
    parts: &[Part],
    depth: usize,
    found: &mut Vec<PathBuf>,
) -> Result<(), Failure> {
    let Some((part, rest)) = parts.split_first() else {
        return if base.is_file() { keep(base, found) } else { Ok(()) };
    };
    match part {
        Part::Name(name) => matching(base.join(name), rest, depth, found),
        Part::Pattern(pattern) => {
            for name in names_in(&base) {
                if pattern.matches(&name.to_string_lossy()) {
                    matching(base.join(name), rest, depth, found)?;
                }
            }
            Ok(())
        }
        Part::Directories => {
            matching(base.clone(), rest, depth, found)?;
            for name in names_in(&base) {
                let inner = base.join(name);
                let is_directory = fs::symlink_metadata(&inner).is_ok_and(|meta| meta.is_dir());
                if is_directory && depth < DEPTH_MAX {
                    matching(inner, parts, depth + 1, found)?;
                }
            }
            Ok(())
        }
    }
}

/// The names in a directory; empty if it cannot be read, as in a shell.
fn names_in(directory: &Path) -> Vec<std::ffi::OsString> {
    let here = directory.as_os_str() == OsStr::new("");
    let entries = fs::read_dir(if here { Path::new(".") } else { directory });
    entries.into_iter().flatten().flatten().map(|entry| entry.file_name()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_glob_means_its_files_and_everything_else_is_a_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        for name in ["a.log", "b.log", "c[1].log", "c1.log"] {
            File::create(path(name)).unwrap();
        }
        fs::create_dir_all(path("d.log/e/f")).unwrap();
        File::create(path("d.log/e/f/a.log")).unwrap();
        symlink("nowhere", path("link*")).unwrap();
        let expanded = |name: &str| expand(path(name));
        assert_eq!(expanded("?.log").unwrap(), [path("a.log"), path("b.log")]);
        for name in ["c[1].log", "none.log", "broken[.log", "link*"] {
            assert_eq!(expanded(name).unwrap(), [path(name)], "{name}");
        }
        assert_eq!(expanded("c[[]1].log").unwrap(), [path("c[1].log")]);
        assert_eq!(expanded("d*/e/?/*.log").unwrap(), [path("d.log/e/f/a.log")]);
        assert_eq!(expanded("**/a.log").unwrap(), [path("a.log"), path("d.log/e/f/a.log")]);
        let none = expanded("*.none").unwrap_err();
        assert!(none.to_string().contains("no file matches"), "{none}");
        let bytes = OsStr::from_bytes(b"\xff*");
        assert_eq!(expand(bytes).unwrap(), [PathBuf::from(bytes)]);
    }

    #[test]
    fn a_glob_finds_names_that_are_not_utf_8() {
        let dir = tempfile::tempdir().unwrap();
        let name = dir.path().join(OsStr::from_bytes(b"a\xff.log"));
        if File::create(&name).is_ok() {
            for pattern in ["*.log", "a?.log"] {
                assert_eq!(
                    expand(dir.path().join(pattern)).unwrap(),
                    std::slice::from_ref(&name),
                    "{pattern}"
                );
            }
        }
    }

    #[test]
    fn the_files_below_a_directory_come_in_order_and_links_are_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::create_dir_all(path("b/c")).unwrap();
        for name in ["z.log", "b/c/x.log", "b/y.log", "a.log"] {
            File::create(path(name)).unwrap();
        }
        symlink("..", path("b/up")).unwrap();
        symlink("z.log", path("b/link")).unwrap();
        let expected = ["a.log", "b/c/x.log", "b/y.log", "z.log"].map(path);
        assert_eq!(files_below(dir.path()).unwrap(), expected);
        assert!(files_below(&path("none")).is_err());
    }
}
