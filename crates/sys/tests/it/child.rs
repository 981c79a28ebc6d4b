//! Tests in processes of their own.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

const CHILD: &str = "CUTWATER_TEST_CHILD";

/// The name of the test that `body` is a closure of, with its module.
pub(crate) fn test_name<F>(_body: &F) -> &'static str {
    let path = std::any::type_name::<F>();
    let (_crate, path) = path.split_once("::").unwrap();
    path.strip_suffix("::{{closure}}").unwrap()
}

/// Runs `body`, a closure of a test, in a new process of this program that runs this test only.
fn in_child(body: impl FnOnce()) -> Option<Output> {
    if std::env::var_os(CHILD).is_some() {
        body();
        return None;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    let name = test_name(&body);
    command.args(["--exact", name, "--nocapture", "--test-threads=1"]).env(CHILD, "1");
    Some(command.output().unwrap())
}

/// Runs `body` in a process of its own and passes where it passes there.
pub(crate) fn assert_passes(body: impl FnOnce()) {
    let Some(output) = in_child(body) else { return };
    let (text, printed) = texts(&output);
    printed.lines().filter(|line| line.contains("skipped: ")).for_each(|line| println!("{line}"));
    assert!(output.status.success(), "{}: {text}", output.status);
    assert!(printed.contains("1 passed"), "it did not run: {printed}");
}

/// Runs `body` in a process of its own and passes where `signal` ends that; returns what it wrote as
/// errors.
pub(crate) fn assert_dies(signal: i32, body: impl FnOnce()) -> String {
    let Some(output) = in_child(body) else { unreachable!("it outlived its signal") };
    let (text, _) = texts(&output);
    assert_eq!(output.status.signal(), Some(signal), "{}: {text}", output.status);
    text
}

/// Errors and output.
fn texts(output: &Output) -> (String, String) {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stderr), text(&output.stdout))
}
