//! Programs as sides: found, started and timed as whole processes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// The rounds of suites of programs; with `--quick`.
pub(crate) const ROUNDS: (usize, usize) = (8, 6);

/// Runs a program once: the seconds it took and its output. With `own_time` the seconds are those
/// on its last line of standard error, for programs that measure their work without their start.
pub(crate) fn timed(
    command: &mut Command,
    name: &str,
    own_time: bool,
) -> Result<(f64, String), String> {
    let started = Instant::now();
    let out = command
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("cannot start {}: {e}", Path::new(command.get_program()).display()))?;
    let mut seconds = started.elapsed().as_secs_f64();
    let errors = String::from_utf8_lossy(&out.stderr);
    let last = errors.lines().last().unwrap_or_default().trim();
    if !out.status.success() {
        return Err(format!("{name} ended with {}: {last}", out.status));
    }
    if own_time {
        seconds = last.parse().map_err(|_| format!("{name} did not say how long it took"))?;
    }
    Ok((seconds, String::from_utf8_lossy(&out.stdout).into_owned()))
}

/// A program on `PATH`, or at the path given.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|p| p.exists());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|p| p.is_file())
}

/// A program that was built beside this one.
pub(crate) fn find_beside(name: &str) -> Option<PathBuf> {
    let own = std::env::current_exe().ok()?;
    Some(own.parent()?.join(name)).filter(|p| p.exists())
}

/// The `cutwater` of this build.
pub(crate) fn find_cutwater() -> Result<PathBuf, String> {
    find_beside("cutwater").ok_or_else(|| {
        "there is no cutwater beside this program; build it: cargo build --release".to_owned()
    })
}

/// The first line that a program prints for `--version`.
pub(crate) fn version(program: &Path) -> Option<String> {
    let out = Command::new(program).arg("--version").output().ok()?;
    String::from_utf8_lossy(&out.stdout).lines().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_timed_by_the_clock_or_by_its_own_word() {
        let script =
            |text: &str, own_time| timed(Command::new("sh").args(["-c", text]), "sh", own_time);
        let (seconds, out) = script("echo hello", false).unwrap();
        assert!(seconds > 0.0 && out == "hello\n");
        assert_eq!(script("echo 1.5 >&2", true).unwrap().0, 1.5);
        assert!(script("echo soon >&2", true).unwrap_err().contains("did not say"));
        let why = script("echo bad >&2; exit 3", false).unwrap_err();
        assert!(why.contains("exit status: 3") && why.contains("bad"), "{why}");
    }
}
