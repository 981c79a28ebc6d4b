//! Gives the crate the version of the compiler that built it, for the reports of `reproduce`.

use std::env;
use std::process::Command;

fn main() {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let printed = Command::new(rustc).arg("--version").output();
    let printed = printed.ok().and_then(|out| String::from_utf8(out.stdout).ok());
    let version = printed.as_deref().and_then(|text| text.lines().next());
    println!(
        "cargo::rustc-env=CUTWATER_RUSTC={}",
        version.unwrap_or("rustc of an unknown version")
    );
    println!("cargo::rerun-if-changed=build.rs");
}
