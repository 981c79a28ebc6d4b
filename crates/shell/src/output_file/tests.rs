//! Outputs under every name that an input can have.

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{PermissionsExt, symlink};

use cutwater_testing::disk::{Call, Disk, Errno};

use super::*;

fn write(file: &OutputFile, text: &str) {
    let mut out = file.writer().unwrap();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).unwrap();
}

#[test]
fn an_input_is_refused_under_every_name() {
    let dir = tempfile::tempdir().unwrap();
    let place = |name: &str| dir.path().join(name);
    let input = place("in.log");
    fs::write(&input, "kept").unwrap();
    symlink("in.log", place("link")).unwrap();
    symlink("link", place("link-to-link")).unwrap();
    fs::hard_link(&input, place("hard")).unwrap();
    fs::create_dir_all(place("d/e")).unwrap();
    fs::hard_link(&input, place("d/e/deep")).unwrap();
    let open = File::options().append(true).open(&input).unwrap();
    let number = open.as_raw_fd();
    symlink(format!("/dev/fd/{number}"), place("to-descriptor")).unwrap();
    let names = [
        input.clone(),
        place("d/../in.log"),
        place("link"),
        place("link-to-link"),
        place("hard"),
        place("d/e/deep"),
        place("to-descriptor"),
        format!("/dev/fd/{number}").into(),
        format!("/proc/self/fd/{number}").into(),
        format!("/proc/{}/fd/{number}", std::process::id()).into(),
    ];
    for read in &names {
        let mut inputs = Inputs::new();
        inputs.add(read);
        for output in &names {
            let refused = OutputFile::create(output, &inputs).unwrap_err();
            assert!(refused.is_usage(), "{}", output.display());
            assert!(refused.to_string().contains("which is read"), "{refused}");
        }
    }
    let mut inputs = Inputs::new();
    inputs.add(&place("d"));
    assert!(inputs.check(&input).is_err(), "a file of a directory, by its other name");
    assert!(inputs.check(&place("d/new")).is_ok());
    assert_eq!(fs::read_to_string(&input).unwrap(), "kept");
}

#[test]
fn a_file_has_no_name_until_it_is_published() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out");
    let entries = || fs::read_dir(dir.path()).unwrap().count();
    let file = OutputFile::create(&path, &Inputs::new()).unwrap();
    write(&file, "new");
    assert!(!path.exists());
    drop(file);
    assert_eq!(entries(), 0, "what is not published is gone");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let link = dir.path().join("link");
    symlink("out", &link).unwrap();
    let file = OutputFile::create(&link, &Inputs::new()).unwrap();
    write(&file, "new");
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    file.publish().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink() && entries() == 2);
}

#[test]
fn a_link_to_nothing_stays_a_link() {
    let dir = tempfile::tempdir().unwrap();
    let (link, target) = (dir.path().join("link"), dir.path().join("target"));
    symlink("target", &link).unwrap();
    let file = OutputFile::create(&link, &Inputs::new()).unwrap();
    write(&file, "new");
    file.publish().unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&target).unwrap(), "new");
    let looped = dir.path().join("loop");
    symlink("loop", &looped).unwrap();
    assert!(OutputFile::create(&looped, &Inputs::new()).is_err());
}

#[test]
fn a_descriptor_is_written_to_where_it_stands() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out");
    fs::write(&path, "before ").unwrap();
    let mut open = File::options().append(true).open(&path).unwrap();
    let name = PathBuf::from(format!("/dev/fd/{}", open.as_raw_fd()));
    let file = OutputFile::create(&name, &Inputs::new()).unwrap();
    write(&file, "middle ");
    file.publish().unwrap();
    open.write_all(b"after").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "before middle after");
}

#[test]
fn standard_output_has_several_names() {
    let dir = tempfile::tempdir().unwrap();
    let link = dir.path().join("link");
    symlink("/dev/stdout", &link).unwrap();
    let names = ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/proc/thread-self/fd/1"];
    for name in names.map(Path::new).into_iter().chain([link.as_path()]) {
        assert_eq!(Name::resolve(name).unwrap(), Name::Descriptor(name::STDOUT), "{name:?}");
    }
    for name in ["./-", "/dev/null", "1", "/dev/fd/x"] {
        assert!(matches!(Name::resolve(Path::new(name)), Ok(Name::Path(_))), "{name}");
    }
}

#[test]
fn a_disk_that_fails_leaves_what_was_there_under_its_name() {
    let disk = match Disk::mount(1) {
        Ok(disk) => disk,
        Err(e) => return cutwater_testing::skip!("no FUSE file system can be mounted here: {e}"),
    };
    let path = disk.path().join("out");
    let text = "new".repeat(200_000);
    let write = || OutputFile::create(&path, &Inputs::new()).and_then(|out| out.write_whole(&text));
    for there in [None, Some("old")] {
        let put = || match there {
            Some(old) => fs::write(&path, old).unwrap(),
            None => drop(fs::remove_file(&path)),
        };
        for call in [Call::Create, Call::Write, Call::Sync, Call::Rename] {
            put();
            disk.fail(call, Errno::EIO, 1);
            assert!(write().is_err(), "{call:?}, {there:?}");
            disk.heal();
            assert_eq!(fs::read_to_string(&path).ok().as_deref(), there, "{call:?}");
            let names = fs::read_dir(disk.path()).unwrap().count();
            assert_eq!(names, usize::from(there.is_some()), "{call:?}: a file is left");
        }
        put();
        disk.set_room(300_000);
        let full = write().unwrap_err().to_string();
        assert!(full.contains("No space"), "{full}");
        disk.heal();
        assert_eq!(fs::read_to_string(&path).ok().as_deref(), there, "without room");
        // What is written in parts is whole in the end.
        put();
        disk.set_short(true);
        write().unwrap();
        disk.set_short(false);
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}
