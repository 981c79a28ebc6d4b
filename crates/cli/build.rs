//! Tells the command which compiler built it, for its reports.

use std::env;
use std::process::Command;

fn main() {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let told = Command::new(rustc).arg("--version").output();
    let told = told.ok().and_then(|out| String::from_utf8(out.stdout).ok());
    let version = told.as_deref().and_then(|text| text.lines().next());
    println!(
        "cargo::rustc-env=CUTWATER_RUSTC={}",
        version.unwrap_or("rustc of an unknown version")
    );
    println!("cargo::rerun-if-changed=build.rs");
}
