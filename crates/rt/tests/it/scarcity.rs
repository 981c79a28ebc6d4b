//! The suites of this program again, with the least of everything: see `support::options`.

use std::process::Command;

/// What is run again.
const SUITES: [&str; 7] =
    ["executor::", "cores::", "net::", "segments::", "sockets::", "starving::", "conformance::"];

#[test]
fn the_suites_pass_with_a_ring_of_two_entries_one_buffer_and_one_thread() {
    let this = std::env::current_exe().expect("this test is a program");
    let mut again = Command::new(this);
    let output = again.args(SUITES).env("CUTWATER_SCARCE", "1").output().expect("it starts");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    let passed = printed.lines().filter(|line| line.ends_with("... ok")).count();
    assert!(passed > 40, "only {passed} tests were run again: {printed}");
}
