//! `HotFiles`: what it holds, what it gives up, and that it is never stale.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cutwater_keep::hot_files::{Freshness, HotFiles};
use cutwater_testing::Dice;
use tempfile::TempDir;

/// Events only: `statx(2)` once an hour cannot help.
const EVENTS: Freshness = Freshness::Inotify { bound: Duration::ZERO };

fn cache(freshness: Freshness) -> HotFiles {
    let hour = Duration::from_secs(3600);
    HotFiles::options().freshness(freshness).recheck(hour).build().unwrap()
}

/// Asks until `n` entries are watched; false where this host has no events for the path.
fn wait_until_watched(files: &HotFiles, path: &Path, n: u64) -> bool {
    let deadline = Instant::now() + Duration::from_secs(30);
    while files.counts().watched < n {
        files.get(path).unwrap();
        if !files.is_watching() || files.counts().unwatched > 0 {
            cutwater_testing::skip!("no events for {} on this host", path.display());
            return false;
        }
        assert!(Instant::now() < deadline, "not watched: {:?}", files.counts());
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

struct Tree {
    _dir: TempDir,
    root: PathBuf,
    /// `root/link/file`, where `link` points to `root/real/sub`.
    path: PathBuf,
}

fn tree() -> Tree {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    for (name, text) in [("real", "old"), ("other", "new")] {
        fs::create_dir_all(root.join(name).join("sub")).unwrap();
        fs::write(root.join(name).join("sub/file"), text).unwrap();
    }
    symlink("real/sub", root.join("link")).unwrap();
    let path = root.join("link/file");
    Tree { _dir: dir, root, path }
}

/// After `change`, the file must read "new", in both kinds of freshness.
#[track_caller]
fn check_seen(change: impl Fn(&Tree)) {
    for freshness in [EVENTS, Freshness::Stat] {
        let tree = tree();
        let files = cache(freshness);
        assert_eq!(files.get(&tree.path).unwrap().bytes(), b"old");
        if freshness == EVENTS && !wait_until_watched(&files, &tree.path, 1) {
            continue;
        }
        assert_eq!(files.get(&tree.path).unwrap().bytes(), b"old");
        change(&tree);
        assert_eq!(files.get(&tree.path).unwrap().bytes(), b"new", "{freshness:?}");
        files.close().unwrap();
    }
}

#[test]
fn a_write_in_place_of_the_same_length_is_seen() {
    check_seen(|t| {
        let file = fs::OpenOptions::new().write(true).open(&t.path).unwrap();
        file.write_all_at(b"new", 0).unwrap();
    });
}

#[test]
fn truncation_and_rewrite_are_seen() {
    check_seen(|t| fs::write(&t.path, "new").unwrap());
}

#[test]
fn a_file_replaced_by_rename_is_seen() {
    check_seen(|t| {
        fs::rename(t.root.join("other/sub/file"), &t.path).unwrap();
    });
}

#[test]
fn a_write_through_another_hard_link_is_seen() {
    check_seen(|t| {
        fs::hard_link(&t.path, t.root.join("alias")).unwrap();
        fs::write(t.root.join("alias"), "new").unwrap();
    });
}

#[test]
fn a_renamed_directory_above_is_seen() {
    check_seen(|t| {
        fs::rename(t.root.join("real"), t.root.join("gone")).unwrap();
        fs::rename(t.root.join("other"), t.root.join("real")).unwrap();
    });
}

#[test]
fn a_symbolic_link_pointed_elsewhere_is_seen() {
    check_seen(|t| {
        symlink("other/sub", t.root.join("next")).unwrap();
        fs::rename(t.root.join("next"), t.root.join("link")).unwrap();
    });
}

#[test]
fn a_link_removed_and_made_again_is_seen() {
    check_seen(|t| {
        fs::remove_file(t.root.join("link")).unwrap();
        symlink("other/sub", t.root.join("link")).unwrap();
    });
}

#[test]
fn a_deleted_file_is_an_error_and_its_return_is_seen() {
    check_seen(|t| {
        fs::remove_file(&t.path).unwrap();
        let mut file = fs::File::create(&t.path).unwrap();
        file.write_all(b"new").unwrap();
    });
    for freshness in [EVENTS, Freshness::Stat] {
        let tree = tree();
        let files = cache(freshness);
        files.get(&tree.path).unwrap();
        fs::remove_file(&tree.path).unwrap();
        assert!(files.get(&tree.path).unwrap_err().is_not_found());
        assert_eq!(files.len(), 0, "a file that is gone is still held");
    }
}

#[test]
fn something_mounted_on_the_way_is_seen() {
    const INSIDE: &str = "CUTWATER_TEST_IN_NAMESPACE";
    if std::env::var_os(INSIDE).is_none() {
        let me = std::env::current_exe().unwrap();
        let name = "hot_files::something_mounted_on_the_way_is_seen";
        let run = std::process::Command::new("unshare")
            .args(["-r", "-m"])
            .arg(me)
            .args(["--exact", name, "--nocapture"])
            .env(INSIDE, "1")
            .output();
        let Ok(run) = run else { return cutwater_testing::skip!("no unshare(1)") };
        if String::from_utf8_lossy(&run.stderr).contains("unshare:") {
            return cutwater_testing::skip!("no user namespaces");
        }
        let printed = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success() && printed.contains("1 passed"), "{printed}");
        return;
    }
    check_seen(|t| {
        let (from, to) = (t.root.join("other"), t.root.join("real"));
        let done = std::process::Command::new("mount").arg("--bind").args([from, to]).status();
        assert!(done.unwrap().success());
    });
}

#[test]
fn what_is_asked_twice_is_one_copy_and_counted() {
    let tree = tree();
    let files = cache(Freshness::Inotify { bound: Duration::from_secs(3600) });
    let first = files.get(&tree.path).unwrap();
    assert!(files.get(&tree.path).unwrap().is_same_copy(&first));
    let counts = files.counts();
    assert_eq!((counts.misses, counts.hits, counts.refreshes), (1, 1, 0));
    files.forget(&tree.path);
    assert!(!files.get(&tree.path).unwrap().is_same_copy(&first));
    assert_eq!(first.bytes(), b"old", "a handle keeps its bytes");
}

#[test]
fn an_answer_is_never_older_than_the_bound() {
    let tree = tree();
    let files = cache(Freshness::Inotify { bound: Duration::from_millis(40) });
    if !wait_until_watched(&files, &tree.path, 1) {
        return;
    }
    fs::write(&tree.path, "new").unwrap();
    std::thread::sleep(Duration::from_millis(41));
    assert_eq!(files.get(&tree.path).unwrap().bytes(), b"new");
}

#[test]
fn a_queue_that_overflowed_ends_every_entry() {
    let tree = tree();
    let files = cache(EVENTS);
    let other = tree.root.join("other/sub/file");
    if !(wait_until_watched(&files, &tree.path, 1) && wait_until_watched(&files, &other, 2)) {
        return;
    }
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let limit: usize = limit.trim().parse().unwrap();
    if limit > 100_000 {
        return cutwater_testing::skip!("a queue of {limit} events takes long to fill");
    }
    let open = |path: &Path| fs::OpenOptions::new().write(true).open(path).unwrap();
    let (a, b) = (open(&tree.path), open(&other));
    // By turns, as equal events in a row count once.
    for _ in 0..limit / 2 + 10 {
        a.write_all_at(b"mid", 0).unwrap();
        b.write_all_at(b"mid", 0).unwrap();
    }
    a.write_all_at(b"new", 0).unwrap();
    assert_eq!(files.get(&tree.path).unwrap().bytes(), b"new");
    assert!(files.counts().overflows >= 1, "{:?}", files.counts());
    assert_eq!(files.get(&other).unwrap().bytes(), b"mid");
}

#[test]
fn what_is_no_small_file_is_an_error() {
    let tree = tree();
    let files = HotFiles::options().file_bytes_max(100).build().unwrap();
    assert!(files.get("link/file").unwrap_err().is_unsupported(), "relative");
    assert!(files.get(&tree.root).unwrap_err().is_not_a_file());
    assert!(files.get(tree.root.join("none")).unwrap_err().is_not_found());
    assert!(files.get("/dev/null").unwrap_err().is_not_a_file());
    fs::write(tree.root.join("large"), vec![0; 101]).unwrap();
    let error = files.get(tree.root.join("large")).unwrap_err();
    assert!(error.is_unsupported() && error.to_string().contains("101"), "{error}");
    fs::write(tree.root.join("empty"), "").unwrap();
    assert_eq!(files.get(tree.root.join("empty")).unwrap().bytes(), b"");
    let fifo = tree.root.join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    if made.is_ok_and(|s| s.success()) {
        assert!(files.get(&fifo).unwrap_err().is_not_a_file(), "and does not wait for a writer");
    }
    assert!(HotFiles::options().bytes_max(1000).file_bytes_max(1000).build().is_err());
}

/// Numbers from `CUTWATER_SEED`.
fn dice() -> Dice {
    Dice::from_env("CUTWATER_SEED", 20_031)
}

#[test]
fn bytes_and_entries_stay_within_their_bounds() {
    let dir = tempfile::tempdir().unwrap();
    let mut dice = dice();
    for i in 0..300 {
        fs::write(dir.path().join(i.to_string()), vec![1; dice.below(9000) as usize]).unwrap();
    }
    let options = HotFiles::options().bytes_max(300_000).entries_max(50).file_bytes_max(10_000);
    let files = options.build().unwrap();
    for _ in 0..3000 {
        files.get(dir.path().join(dice.below(300).to_string())).unwrap();
        assert!(files.len() <= 50 && files.bytes() <= 300_000, "{files:?}");
    }
    let counts = files.counts();
    assert!(files.len() > 10 && counts.evictions > 100, "{files:?}");
    assert_eq!(counts.hits + counts.misses + counts.refreshes, 3000);
    assert_eq!(counts.misses - counts.evictions, files.len() as u64);
}

#[test]
fn files_asked_for_once_do_not_displace_hot_ones() {
    let dir = tempfile::tempdir().unwrap();
    (0..2000).for_each(|i| fs::write(dir.path().join(i.to_string()), "x").unwrap());
    let path = |i: u64| dir.path().join(i.to_string());
    let files = HotFiles::options().entries_max(100).build().unwrap();
    for _ in 0..10 {
        (0..50).for_each(|i| drop(files.get(path(i)).unwrap()));
    }
    let (mut hot, mut asked) = (0, 0);
    for (i, once) in (100..2000).enumerate() {
        files.get(path(once)).unwrap();
        // Each hot file comes again after 150 others: by recency, none would still be here.
        if i % 3 == 0 {
            let before = files.counts().misses;
            files.get(path(asked % 50)).unwrap();
            hot += u64::from(files.counts().misses == before);
            asked += 1;
        }
    }
    assert!(hot * 10 > asked * 9, "{hot} of {asked} answers for hot files from memory");
}

/// One thread changes the file in every way, others ask: what they get is never older than
/// what was complete before they asked.
fn storm(freshness: Freshness, rounds: u64) {
    let mut dice = dice();
    let tree = tree();
    let files = cache(freshness);
    fs::write(&tree.path, 0u64.to_le_bytes()).unwrap();
    let complete = AtomicU64::new(0);
    let done = AtomicBool::new(false);
    let answers = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Ordering::Acquire) {
                    let least = complete.load(Ordering::Acquire);
                    // Gone for a moment, or in the middle of a change: not an answer.
                    let Ok(file) = files.get(&tree.path) else { continue };
                    let Ok(bytes) = file.bytes().try_into() else { continue };
                    let got = u64::from_le_bytes(bytes);
                    assert!(got >= least, "stale: {got}, but {least} was complete; {files:?}");
                    answers.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for version in 1..=rounds {
            change(&tree, version, dice.below(5));
            complete.store(version, Ordering::Release);
            if dice.below(20) == 0 {
                // Long enough to settle, so that it is watched.
                std::thread::sleep(Duration::from_millis(25));
            }
        }
        done.store(true, Ordering::Release);
    });
    let last = files.get(&tree.path).unwrap();
    assert_eq!(last.bytes(), rounds.to_le_bytes());
    println!("{freshness:?}: {rounds} changes, {answers:?} answers, {:?}", files.counts());
}

/// Every state on the way that reads as 8 bytes is one of the old or of the new version.
fn change(tree: &Tree, version: u64, how: u64) {
    let bytes = version.to_le_bytes();
    let at = |name: &str| tree.root.join(name);
    match how {
        0 => {
            let file = fs::OpenOptions::new().write(true).open(&tree.path).unwrap();
            file.write_all_at(&bytes, 0).unwrap();
        }
        1 => fs::write(&tree.path, bytes).unwrap(),
        2 => {
            fs::write(at("next"), bytes).unwrap();
            fs::rename(at("next"), &tree.path).unwrap();
        }
        3 => {
            fs::write(at("other/sub/file"), bytes).unwrap();
            let target = fs::read_link(at("link")).unwrap();
            let next = if target == Path::new("real/sub") { "other/sub" } else { "real/sub" };
            fs::write(at(next).join("file"), bytes).unwrap();
            let _ = fs::remove_file(at("next-link"));
            symlink(next, at("next-link")).unwrap();
            fs::rename(at("next-link"), at("link")).unwrap();
        }
        _ => {
            for name in ["real/sub/file", "other/sub/file"] {
                fs::write(at(name), bytes).unwrap();
            }
            fs::rename(at("real"), at("aside")).unwrap();
            fs::rename(at("other"), at("real")).unwrap();
            fs::rename(at("aside"), at("other")).unwrap();
        }
    }
}

fn rounds() -> u64 {
    std::env::var("CUTWATER_STORM").ok().and_then(|s| s.parse().ok()).unwrap_or(300)
}

#[test]
fn a_storm_of_changes_gives_no_stale_answer_by_events() {
    storm(EVENTS, rounds());
}

#[test]
fn a_storm_of_changes_gives_no_stale_answer_by_stat() {
    storm(Freshness::Stat, rounds());
}

#[test]
fn a_cache_has_metrics_under_its_name() {
    use cutwater_meter::expose::{Format, Registry};
    let (registry, tree) = (Registry::new(), tree());
    // Within the bound the file is not looked at again, however slow the host is.
    let files = cache(Freshness::Inotify { bound: Duration::from_secs(3600) });
    assert!(registry.add(files.metrics("assets")));
    for _ in 0..3 {
        files.get(&tree.path).unwrap();
    }
    let text = registry.render(Format::Prometheus);
    for sample in ["hits_total{cache=\"assets\"} 2", "misses_total{cache=\"assets\"} 1"] {
        assert!(text.contains(&format!("cutwater_hot_files_{sample}\n")), "{text}");
    }
}
