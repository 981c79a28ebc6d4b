//! The same programs over the ring, the pool and the fake: files behave the same on each.

use std::io;

use cutwater_rt::fs::{self, File};
use cutwater_rt::{Backend, Runtime};

use crate::support::runtime;

/// All backends that can run here, with their names.
fn runtimes() -> Vec<(String, Runtime)> {
    let first: u64 = std::env::var("CUTWATER_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    let mut backends = vec![Backend::Ring, Backend::Pool];
    backends.extend((first..first + 20).map(Backend::Fake));
    let built = backends
        .into_iter()
        .filter_map(|backend| Some((format!("{backend:?}"), runtime(backend)?)));
    built.collect()
}

/// Runs a program on each, in a directory of its own.
fn everywhere(program: impl AsyncFn(std::path::PathBuf) -> io::Result<()>) {
    for (name, runtime) in runtimes() {
        let dir = tempfile::tempdir().expect("a directory");
        let done = runtime.block_on(program(dir.path().to_path_buf()));
        assert!(done.is_ok(), "{name}: {done:?}");
    }
}

fn bytes(n: usize) -> Vec<u8> {
    (0..n).map(|i| (i * 7 + i / 251) as u8).collect()
}

#[test]
fn what_was_written_is_read_back() {
    everywhere(async |dir| {
        let path = dir.join("a");
        let file = File::create(&path).await?;
        let expected = bytes(100_000);
        let (written, given_back) = file.write_all_at(expected.clone(), 0).await;
        written?;
        assert_eq!(given_back, expected);
        for (offset, len) in [(0, 100_000), (1, 4096), (99_999, 1), (50_000, 0)] {
            let (read, buf) = file.read_exact_at(vec![0; len], offset as u64).await;
            read?;
            assert_eq!(buf, expected[offset..offset + len]);
        }
        assert_eq!(fs::read(&path).await?, expected);
        let (read, _) = file.read_at(vec![0; 10], 100_000).await;
        assert_eq!(read?, 0);
        let (read, _) = file.read_exact_at(vec![0; 10], 99_995).await;
        assert_eq!(read.map_err(|e| e.kind()), Err(io::ErrorKind::UnexpectedEof));
        file.sync_data().await?;
        file.sync_all().await
    });
}

#[test]
fn ranges_come_whole_each_once() {
    everywhere(async |dir| {
        let expected = bytes(300_000);
        let file = File::create(dir.join("a")).await?;
        file.write_all_at(expected.clone(), 0).await.0?;
        let ranges: Vec<_> = (0..200).map(|i| i * 1500..i * 1500 + 1000).collect();
        let mut seen = vec![false; ranges.len()];
        let mut stream = file.read_ranges(ranges.clone());
        while let Some((index, read)) = stream.next().await {
            let range = ranges[index].start as usize..ranges[index].end as usize;
            assert_eq!(read?, expected[range]);
            assert!(!std::mem::replace(&mut seen[index], true), "{index} came twice");
        }
        assert!(seen.iter().all(|s| *s));
        let past = file.read_ranges(vec![299_990..300_100, 400_000..400_001]).next().await;
        assert!(past.is_some_and(|(_, read)| read.is_ok_and(|b| b.len() <= 10)));
        Ok(())
    });
}

#[test]
fn appends_go_to_the_end() {
    everywhere(async |dir| {
        let path = dir.join("log");
        let options = File::options().append(true).create(true);
        let (a, b) = (options.open(&path).await?, options.open(&path).await?);
        for n in 0..20 {
            let file = if n % 2 == 0 { &a } else { &b };
            file.append(format!("line {n}\n").into_bytes()).await.0?;
        }
        let expected: String = (0..20).map(|n| format!("line {n}\n")).collect();
        assert_eq!(fs::read(&path).await?, expected.into_bytes());
        Ok(())
    });
}

#[test]
fn names_are_made_moved_and_removed() {
    everywhere(async |dir| {
        let kind = |r: io::Result<()>| r.map_err(|e| e.kind());
        fs::create_dir(dir.join("d")).await?;
        File::create(dir.join("d/x")).await?;
        fs::rename(dir.join("d/x"), dir.join("d/y")).await?;
        assert_eq!(fs::read_dir(dir.join("d")).await?, ["y"]);
        assert_eq!(
            kind(fs::remove_dir(dir.join("d")).await),
            Err(io::ErrorKind::DirectoryNotEmpty)
        );
        fs::remove_file(dir.join("d/y")).await?;
        fs::remove_dir(dir.join("d")).await?;
        assert_eq!(kind(fs::remove_file(dir.join("d/y")).await), Err(io::ErrorKind::NotFound));
        let opened = File::open(dir.join("none")).await;
        assert_eq!(opened.map(drop).map_err(|e| e.kind()), Err(io::ErrorKind::NotFound));
        let nul = fs::remove_file("a\0b").await;
        assert_eq!(kind(nul), Err(io::ErrorKind::InvalidInput));
        Ok(())
    });
}

#[test]
fn a_file_grows_shrinks_and_is_copied() {
    everywhere(async |dir| {
        let a = File::create(dir.join("a")).await?;
        a.allocate(0, 10_000).await?;
        assert_eq!(a.metadata()?.len(), 10_000);
        a.write_all_at(b"hello".to_vec(), 100).await.0?;
        a.set_len(105)?;
        let b = File::create(dir.join("b")).await?;
        assert_eq!(a.copy_to(&b, 1000).await?, 105);
        assert_eq!(&fs::read(dir.join("b")).await?[100..], b"hello");
        Ok(())
    });
}

#[test]
fn a_directory_confines_what_is_opened_below_it() {
    everywhere(async |dir| {
        std::fs::write(dir.join("secret"), "s")?;
        fs::create_dir(dir.join("jail")).await?;
        std::fs::write(dir.join("jail/x"), "x")?;
        std::os::unix::fs::symlink("../secret", dir.join("jail/out"))?;
        let jail = File::open(dir.join("jail")).await?;
        let below = File::options().resolve(rustix::fs::ResolveFlags::BENEATH);
        below.open_at(&jail, "x").await?;
        for outside in ["../secret", "out"] {
            let opened = below.open_at(&jail, outside).await;
            assert_eq!(opened.map(drop).map_err(|e| e.raw_os_error()), Err(Some(18)), "{outside}");
        }
        Ok(())
    });
}

/// Direct reads, on and off the grid, across the end, and into a buffer that was used before.
#[test]
fn direct_reads_give_the_bytes_of_any_range() {
    everywhere(async |dir| {
        let (path, expected) = (dir.join("a"), bytes(300_001));
        std::fs::write(&path, &expected)?;
        File::open(&path).await?.sync_all().await?;
        let direct = match File::options().direct(true).open(&path).await {
            Err(e) if e.raw_os_error() == Some(22) => {
                cutwater_testing::skip!("this file system refuses O_DIRECT");
                return Ok(());
            }
            opened => opened?,
        };
        let grid = direct.grid();
        assert!(grid.memory.is_power_of_two() && grid.offset.is_power_of_two(), "{grid:?}");
        let mut used = fs::DirectBuf::default();
        for file in [direct, File::open(&path).await?] {
            let whole = [(0, 300_001), (0, 0), (0, 4096), (4096, 8192), (1, 1), (511, 4098)];
            let at_the_end = [(299_999, 2), (299_999, 5000), (300_001, 1), (1 << 20, 4096)];
            for (offset, len) in whole.into_iter().chain(at_the_end) {
                let wanted = &expected[offset.min(300_001)..(offset + len).min(300_001)];
                let read = file.read_direct(offset as u64, len).await?;
                assert!(*read == *wanted, "{len} bytes from {offset}");
                let (read, back) = file.read_direct_into(used, offset as u64, len).await;
                read?;
                assert!(*back == *wanted, "{len} bytes from {offset}, again");
                used = back;
            }
        }
        let much = File::open(&path).await?.read_direct(0, usize::MAX).await;
        assert_eq!(much.map(drop).map_err(|e| e.kind()), Err(io::ErrorKind::InvalidInput));
        Ok(())
    });
}

#[test]
fn synced_writes_are_there_and_paths_have_metadata_and_are_truncated() {
    everywhere(async |dir| {
        let (path, expected) = (dir.join("a"), bytes(50_000));
        let file = File::create(&path).await?;
        let (written, given_back) = file.write_all_synced(expected.clone(), 100).await;
        written?;
        assert_eq!(given_back, expected);
        assert_eq!(fs::read(&path).await?[100..], expected);
        assert_eq!(fs::metadata(&path).await?.len(), 50_100);
        fs::truncate(&path, 77).await?;
        assert_eq!(fs::metadata(&path).await?.len(), 77);
        let kind = |e: io::Error| e.kind();
        let none = dir.join("none");
        assert_eq!(fs::truncate(&none, 1).await.map_err(kind), Err(io::ErrorKind::NotFound));
        assert_eq!(fs::metadata(&none).await.map(drop).map_err(kind), Err(io::ErrorKind::NotFound));
        Ok(())
    });
}
