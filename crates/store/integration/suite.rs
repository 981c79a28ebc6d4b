//! `object_store`'s integration suite on [`Files`](cutwater_store::Files):
//! `cargo test --manifest-path crates/store/integration/Cargo.toml`.
#![cfg(test)]
#![forbid(unsafe_code)]

use cutwater_store::Files;
use object_store::integration as suite;

fn store() -> (tempfile::TempDir, Files) {
    let dir = tempfile::tempdir().expect("a directory");
    let files = Files::below(dir.path()).expect("a store");
    (dir, files)
}

/// A test for each of the suite's functions; each begins with an empty store.
macro_rules! holds {
    ($($name:ident $(, $argument:expr)?;)*) => { $(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let (_dir, files) = store();
            suite::$name(&files $(, $argument)?).await;
        }
    )* };
}

holds! {
    put_get_delete_list;
    get_opts;
    // Files have no conditional update: it is refused.
    put_opts, false;
    stream_get;
    list_uses_directories_correctly;
    list_with_delimiter;
    list_with_offset_exclusivity;
    rename_and_copy;
    copy_if_not_exists;
    copy_rename_nonexistent_object;
    multipart_out_of_order;
    multipart_race_condition, true;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn get_nonexistent_object() {
    let (_dir, files) = store();
    let error = suite::get_nonexistent_object(&files, None).await.expect_err("no such object");
    assert!(matches!(error, object_store::Error::NotFound { .. }), "{error}");
}
