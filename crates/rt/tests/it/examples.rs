//! The examples do what they claim.

use std::process::Command;

use cutwater_testing::child::example;

#[test]
fn cat_prints_files_one_after_the_other() {
    let dir = tempfile::tempdir().expect("a directory");
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    std::fs::write(&a, vec![b'a'; 300_000]).expect("writes");
    std::fs::write(&b, "b\n").expect("writes");
    let cat = || Command::new(example("cat").expect("cargo test builds examples"));
    let out = cat().args([&a, &b]).output().expect("it starts");
    assert!(out.status.success());
    assert_eq!((out.stdout.len(), &out.stdout[299_999..]), (300_002, &b"ab\n"[..]));
    assert!(!cat().arg(dir.path().join("none")).output().expect("it starts").status.success());
}

#[cfg(feature = "tokio")]
#[test]
fn hash_tree_prints_a_checksum_of_each_file() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(dir.path().join("d")).expect("a directory");
    std::fs::write(dir.path().join("d/x"), "hello").expect("writes");
    std::fs::write(dir.path().join("y"), "").expect("writes");
    let mut tree = Command::new(example("hash_tree").expect("cargo test builds examples"));
    let out = tree.arg(dir.path()).output().expect("it starts");
    let text =
        String::from_utf8_lossy(&out.stdout).replace(&format!("{}/", dir.path().display()), "");
    // The published values of FNV-1a for these.
    assert_eq!(text, "a430d84680aabd0b  d/x\ncbf29ce484222325  y\n");
}
