//! Files as an object store: the same bytes as those of the store that it stands in for.

use cutwater_store::Files;
use futures::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutPayload};

/// Bytes that differ by their place.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 % 251) as u8 ^ (at >> 12) as u8).collect()
}

#[tokio::test]
async fn ranges_are_those_of_the_local_file_system() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("data"), bytes(3_000_000)).expect("a file");
    let ours = Files::below(dir.path()).expect("a store");
    let theirs = LocalFileSystem::new_with_prefix(dir.path()).expect("a store");
    let path = Path::from("data");
    let ranges = [0..1, 5..5000, 4096..8192, 1_000_000..2_500_000, 2_999_999..3_000_000];
    let given = ours.get_ranges(&path, &ranges).await.expect("bytes");
    assert_eq!(given, theirs.get_ranges(&path, &ranges).await.expect("bytes"));
    for range in ranges {
        let given = ours.get_range(&path, range.clone()).await.expect("bytes");
        assert_eq!(given, theirs.get_range(&path, range).await.expect("bytes"));
    }
    let whole = ours.get(&path).await.expect("a file").bytes().await.expect("bytes");
    assert_eq!(whole, bytes(3_000_000));
    let last = GetOptions { range: Some(GetRange::Suffix(7)), ..GetOptions::default() };
    let last = ours.get_opts(&path, last).await.expect("a file").bytes().await.expect("bytes");
    assert_eq!(last, bytes(3_000_000)[2_999_993..]);
}

#[tokio::test]
async fn what_is_not_there_is_an_error() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("data"), bytes(100)).expect("a file");
    let store = Files::below(dir.path()).expect("a store");
    let missing = store.get(&Path::from("other")).await.expect_err("no such file");
    assert!(matches!(missing, object_store::Error::NotFound { .. }), "{missing}");
    let missing = store.get_ranges(&Path::from("other"), &[0..1, 5..6]).await;
    assert!(matches!(missing, Err(object_store::Error::NotFound { .. })), "{missing:?}");
    let past =
        store.get_ranges(&Path::from("data"), &[0..10, 50..101]).await.expect_err("past the end");
    assert!(past.to_string().contains("50..101"), "{past}");
}

#[tokio::test]
async fn what_is_put_is_listed_copied_and_deleted() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Files::below(dir.path()).expect("a store");
    store.put(&Path::from("a/b"), PutPayload::from_static(b"xyz")).await.expect("it is put");
    store.copy(&Path::from("a/b"), &Path::from("c")).await.expect("it is copied");
    store.delete(&Path::from("a/b")).await.expect("it is deleted");
    let all: Vec<_> = store.list(None).try_collect().await.expect("a list");
    assert_eq!(all.iter().map(|m| m.location.as_ref()).collect::<Vec<_>>(), ["c"]);
    assert_eq!(store.get_range(&Path::from("c"), 1..3).await.expect("bytes").as_ref(), b"yz");
}
