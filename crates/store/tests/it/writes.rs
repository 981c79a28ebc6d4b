//! What writers do while others read, how an upload begins and ends, and which names there may be.

use std::path::Path as FilePath;

use bytes::Bytes;
use cutwater_store::Files;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{
    Error, GetOptions, GetRange, MultipartUpload, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
    PutPayload, UpdateVersion,
};

fn store() -> (tempfile::TempDir, Files) {
    let dir = tempfile::tempdir().expect("a directory");
    let files = Files::below(dir.path()).expect("a store");
    (dir, files)
}

/// Names of all files on disk, those of unfinished uploads too.
fn on_disk(dir: &FilePath) -> Vec<String> {
    let entries = std::fs::read_dir(dir).expect("a directory");
    let name = |e: std::io::Result<std::fs::DirEntry>| e.expect("an entry").file_name();
    let mut names: Vec<_> = entries.map(|e| name(e).to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

async fn get(files: &Files, path: &Path) -> Bytes {
    files.get(path).await.expect("a file").bytes().await.expect("bytes")
}

async fn names(files: &Files, prefix: Option<&str>) -> Vec<String> {
    let prefix = prefix.map(Path::from);
    let all: Vec<_> = files.list(prefix.as_ref()).try_collect().await.expect("a list");
    let mut names: Vec<_> = all.into_iter().map(|m| m.location.to_string()).collect();
    names.sort();
    names
}

/// Every read is of one generation if its bytes are all the same and as many as that one has.
const GENERATIONS: u8 = 120;

/// Past what a task copies by itself, and past a chunk of a stream.
fn length(generation: u8) -> usize {
    (1 << 20) + 4096 * usize::from(generation) + 17
}

async fn write(files: &Files, path: &Path, generation: u8) {
    let bytes = Bytes::from(vec![generation; length(generation)]);
    if generation.is_multiple_of(2) {
        files.put(path, bytes.into()).await.expect("it is put");
        return;
    }
    let mut upload = files.put_multipart(path).await.expect("it begins");
    let second = bytes.slice(bytes.len() / 2..);
    upload.put_part(bytes.slice(..bytes.len() / 2).into()).await.expect("a part");
    upload.put_part(second.into()).await.expect("a part");
    upload.complete().await.expect("it ends");
}

fn generation(parts: &[Bytes]) -> u8 {
    let first = parts[0][0];
    assert!(parts.iter().all(|p| p.iter().all(|b| *b == first)), "a mix with {first}");
    first
}

/// Reads in one of four ways; the generation that it saw.
async fn read(files: &Files, path: &Path, way: u8) -> u8 {
    match way % 4 {
        0 => {
            let whole = get(files, path).await;
            let seen = generation(std::slice::from_ref(&whole));
            assert_eq!(whole.len(), length(seen), "a part of {seen}");
            seen
        }
        1 => generation(&[files.get_range(path, 0..length(0) as u64).await.expect("bytes")]),
        2 => {
            let ranges = [0..100, 500_000..700_000, length(0) as u64 - 9..length(0) as u64];
            generation(&files.get_ranges(path, &ranges).await.expect("bytes"))
        }
        _ => {
            let range = Some(GetRange::Offset(3));
            let options = GetOptions { range, ..GetOptions::default() };
            let found = files.get_opts(path, options).await.expect("a file");
            let size = found.meta.size;
            let bytes = found.bytes().await.expect("bytes");
            let seen = generation(std::slice::from_ref(&bytes));
            let whole = length(seen);
            assert_eq!((size, bytes.len()), (whole as u64, whole - 3), "of {seen}");
            seen
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn readers_see_the_bytes_of_one_writer_and_never_go_back() {
    let (dir, files) = store();
    let path = Path::from("table/part");
    write(&files, &path, 0).await;
    let readers: Vec<_> = (0..2)
        .map(|reader| {
            let (files, path) = (files.clone(), path.clone());
            tokio::spawn(async move {
                let (mut last, mut way) = (0, reader);
                while last < GENERATIONS {
                    let seen = read(&files, &path, way).await;
                    assert!(seen >= last, "{seen} after {last}");
                    (last, way) = (seen, way.wrapping_add(1));
                }
            })
        })
        .collect();
    for generation in 1..=GENERATIONS {
        write(&files, &path, generation).await;
    }
    for reader in readers {
        reader.await.expect("a reader ends");
    }
    assert_eq!(on_disk(&dir.path().join("table")), ["part"], "and nothing else is left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_was_begun_is_of_the_file_that_it_was_begun_on() {
    let (_dir, files) = store();
    let path = Path::from("part");
    for (range, from) in [
        (Some(GetRange::Suffix(3 << 20)), 1 << 20),
        (Some(GetRange::Offset(5)), 5),
        (Some(GetRange::Bounded(7..12)), 7),
        (None, 0),
    ] {
        let old: Vec<u8> = (0..4_usize << 20).map(|at| (at % 251) as u8).collect();
        let to = if matches!(range, Some(GetRange::Bounded(_))) { 12 } else { old.len() };
        files.put(&path, old.clone().into()).await.expect("it is put");
        let options = GetOptions { range, ..GetOptions::default() };
        let found = files.get_opts(&path, options).await.expect("a file");
        files.put(&path, vec![255; 5 << 20].into()).await.expect("it is put");
        let bytes = found.bytes().await.expect("bytes");
        assert!(bytes == old[from..to], "bytes from {from} on are not the old ones");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_are_of_the_file_that_was_listed_where_that_is_asked_for() {
    let (_dir, files) = store();
    let steady = files.clone().steady();
    let path = Path::from("a/part");
    let put = async |bytes: &'static str| {
        files.put(&path, PutPayload::from_static(bytes.as_bytes())).await.expect("it is put")
    };
    put("old").await;
    // Nobody has planned anything yet.
    let parts = [0..1, 2..3];
    assert_eq!(steady.get_ranges(&path, &parts).await.expect("bytes"), ["o", "d"]);
    for listed in 0..3 {
        match listed {
            0 => assert_eq!(names(&steady, None).await, ["a/part"]),
            1 => drop(steady.head(&path).await.expect("metadata")),
            _ => drop(steady.list_with_delimiter(Some(&Path::from("a"))).await.expect("a list")),
        }
        assert_eq!(steady.get_ranges(&path, &parts).await.expect("bytes").len(), 2);
        put(["new", "newer", "newest"][listed]).await;
        let changed = steady.get_ranges(&path, &parts).await.expect_err("it is another");
        assert!(matches!(changed, Error::Precondition { .. }), "{changed}");
        assert!(changed.to_string().contains("replaced or written"), "{changed}");
        assert_eq!(files.get_ranges(&path, &parts).await.expect("bytes"), ["n", "w"]);
    }
    files.delete(&path).await.expect("it is deleted");
    let missing = steady.get_ranges(&path, &parts).await.expect_err("it is not there");
    assert!(matches!(missing, Error::NotFound { .. }), "{missing}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_shows_when_it_is_complete_and_not_otherwise() {
    let (dir, files) = store();
    let path = Path::from("part");
    let mut upload = files.put_multipart(&path).await.expect("it begins");
    for part in ["ab", "cde", "f"] {
        upload.put_part(PutPayload::from_static(part.as_bytes())).await.expect("a part");
        let early = files.get(&path).await.expect_err("it is not there yet");
        assert!(matches!(early, Error::NotFound { .. }), "{early}");
        assert_eq!(names(&files, None).await, [""; 0]);
    }
    upload.complete().await.expect("it ends");
    assert_eq!(get(&files, &path).await, "abcdef");
    // One that is given up leaves what was there.
    let mut upload = files.put_multipart(&path).await.expect("it begins");
    upload.put_part(PutPayload::from_static(b"other")).await.expect("a part");
    upload.abort().await.expect("it is given up");
    drop(upload);
    assert_eq!(
        (get(&files, &path).await.as_ref(), on_disk(dir.path())),
        (&b"abcdef"[..], vec!["part".to_owned()])
    );
    // Parts may come in any order, and be of any size.
    let mut upload = files.put_multipart(&path).await.expect("it begins");
    let first = upload.put_part(PutPayload::from_static(b"1"));
    let second = upload.put_part(vec![b'2'; 100_000].into());
    second.await.expect("a part");
    first.await.expect("a part");
    upload.complete().await.expect("it ends");
    let bytes = get(&files, &path).await;
    assert!(bytes.len() == 100_001 && bytes[0] == b'1' && bytes[1..].iter().all(|b| *b == b'2'));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_put_creates_overwrites_or_is_refused_as_it_was_asked_to() {
    let (dir, files) = store();
    let path = Path::from("part");
    let put = async |bytes: &'static str, mode: PutMode| {
        let payload = PutPayload::from_static(bytes.as_bytes());
        files.put_opts(&path, payload, PutOptions::from(mode)).await
    };
    let created = put("old", PutMode::Create).await.expect("there was none");
    let again = put("new", PutMode::Create).await.expect_err("there is one");
    assert!(matches!(again, Error::AlreadyExists { .. }), "{again}");
    assert_eq!(get(&files, &path).await, "old");
    let replaced = put("newer", PutMode::Overwrite).await.expect("it may be there");
    assert_eq!(get(&files, &path).await, "newer");
    assert!(created.e_tag.is_some() && created.e_tag != replaced.e_tag);
    // Nothing on Linux replaces a file only if it is still the one that was seen.
    let seen = UpdateVersion { e_tag: replaced.e_tag.clone(), version: None };
    let update = put("newest", PutMode::Update(seen)).await.expect_err("not by files");
    assert!(matches!(update, Error::NotImplemented { .. }), "{update}");
    assert_eq!(
        (get(&files, &path).await.as_ref(), on_disk(dir.path())),
        (&b"newer"[..], vec!["part".to_owned()])
    );
    // A reader can ask for the file that it knows.
    for (if_match, is_there) in [(replaced.e_tag, true), (created.e_tag, false)] {
        let range = Some(GetRange::Bounded(1..3));
        let options = GetOptions { if_match, range, ..GetOptions::default() };
        let found = files.get_opts(&path, options).await;
        match found {
            Ok(found) => assert_eq!(
                (found.bytes().await.expect("bytes").as_ref(), is_there),
                (&b"ew"[..], true)
            ),
            Err(e) => assert!(matches!(e, Error::Precondition { .. }) && !is_there, "{e}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_of_whole_segments_and_begin_behind_their_offset() {
    let (_dir, files) = store();
    for name in ["a/b/1", "a/b/2", "a/b/c/3", "a/bc/4", "a/b.txt", "d"] {
        files.put(&Path::from(name), PutPayload::from_static(b"x")).await.expect("it is put");
    }
    assert_eq!(names(&files, Some("a/b")).await, ["a/b/1", "a/b/2", "a/b/c/3"]);
    assert_eq!(names(&files, Some("a/b/")).await, ["a/b/1", "a/b/2", "a/b/c/3"]);
    assert_eq!(names(&files, Some("nothing")).await, [""; 0]);
    assert_eq!(names(&files, None).await.len(), 6);
    let behind = files.list_with_offset(Some(&Path::from("a")), &Path::from("a/b/1"));
    let behind: Vec<_> = behind.try_collect().await.expect("a list");
    let mut behind: Vec<_> = behind.iter().map(|m| m.location.as_ref()).collect();
    behind.sort_unstable();
    assert_eq!(behind, ["a/b/2", "a/b/c/3", "a/bc/4"]);
    let level = files.list_with_delimiter(Some(&Path::from("a/b"))).await.expect("a list");
    let mut objects: Vec<_> = level.objects.iter().map(|m| m.location.as_ref()).collect();
    objects.sort_unstable();
    assert_eq!(
        (objects, level.common_prefixes),
        (vec!["a/b/1", "a/b/2"], vec![Path::from("a/b/c")])
    );
}

/// Names that others gave their files.
const ODD: [&str; 7] = ["with space", "50% off", "%2F", "ünï茶🍵", "a=b,c&d", "[x]*?", "quote'\"`"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_with_odd_names_are_listed_and_read_by_these_names() {
    let (dir, files) = store();
    let bytes = vec![7; 1 << 21];
    for name in ODD {
        std::fs::write(dir.path().join(name), &bytes).expect("a file");
    }
    let all: Vec<_> = files.list(None).try_collect().await.expect("a list");
    let mut found: Vec<_> = all.iter().map(|m| m.location.to_string()).collect();
    found.sort();
    let mut expected = ODD.map(str::to_owned).to_vec();
    expected.sort();
    assert_eq!(found, expected);
    for meta in &all {
        assert_eq!(get(&files, &meta.location).await, bytes);
        for range in [5..10, 0..bytes.len() as u64] {
            let given = files.get_range(&meta.location, range.clone()).await.expect("bytes");
            assert_eq!(given.len() as u64, range.end - range.start, "{}", meta.location);
        }
        let given = files.get_ranges(&meta.location, &[0..3, 9..10]).await.expect("bytes");
        assert_eq!(given, ["\x07\x07\x07", "\x07"], "{}", meta.location);
    }
    // A control character has no place in the trait's paths: it is said, and nothing is left out.
    std::fs::write(dir.path().join("tab\tin it"), b"x").expect("a file");
    let failed: Result<Vec<_>, _> = files.list(None).try_collect().await;
    let failed = failed.expect_err("a name that cannot be said").to_string();
    assert!(failed.contains("tab"), "{failed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_are_written_are_read_and_none_leads_out_of_the_store() {
    let (dir, files) = store();
    for name in ODD.into_iter().chain(["tab\tand\nline"]) {
        let path = Path::from_iter(["deep", name]);
        files.put(&path, PutPayload::from_static(b"xyz")).await.expect("it is put");
        assert_eq!(files.get_range(&path, 1..2).await.expect("bytes"), "y", "{name}");
        assert_eq!(names(&files, Some("deep")).await, [path.to_string()], "{name}");
        files.delete(&path).await.expect("it is deleted");
    }
    assert!(Path::parse("../outside").is_err());
    let inside = Path::from("../inside");
    files.put(&inside, PutPayload::from_static(b"x")).await.expect("it is put");
    assert_eq!(names(&files, None).await, [inside.to_string()]);
    let beside = dir.path().parent().expect("a parent").join("inside");
    assert!(!beside.exists());
}
