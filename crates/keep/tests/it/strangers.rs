//! Another user locks what it may read, connects, idles and floods.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use cutwater_keep::append_log::{AppendLog, LogReader};
use cutwater_keep::shared_config::{Publisher, Shared, SharedConfig, SubscribeOptions};
use cutwater_testing::child::{STRANGER, TestChild, role};
use rustix::fs::{FlockOperation, fcntl_lock, flock};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

/// The words of a stranger that locks a file in every way that it may.
const LOCKS: &str = "strangers::stranger_locks_what_it_may_read";
/// The words of a stranger that connects as often as it may.
const FLOODS: &str = "strangers::stranger_floods_a_socket";

/// The child: locks the file in its role and keeps the locks.
#[test]
fn stranger_locks_what_it_may_read() {
    let Some(role) = role() else { return };
    let file = match File::open(&role[0]) {
        Ok(file) => file,
        Err(e) => return println!("refused {:?}", e.kind()),
    };
    let all = flock(&file, FlockOperation::NonBlockingLockExclusive);
    let read = fcntl_lock(&file, FlockOperation::NonBlockingLockShared);
    println!("locked {} {}", all.is_ok(), read.is_ok());
    let _ = std::io::read_to_string(std::io::stdin());
}

/// The child: connects until that fails, and keeps all connections.
#[test]
fn stranger_floods_a_socket() {
    let Some(role) = role() else { return };
    let address = SocketAddrUnix::new(role[0].as_str()).unwrap();
    let mut open = Vec::new();
    let mut failed = 0;
    while open.len() < 1100 && failed < 200 {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None);
        let connected = socket.and_then(|socket| connect(&socket, &address).map(|()| socket));
        match connected {
            Ok(socket) => open.push(socket),
            Err(_) => {
                failed += 1;
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
    println!("flooded {}", open.len());
    let _ = std::io::read_to_string(std::io::stdin());
}

/// A stranger in a role; `None` if there can be no other user.
fn stranger(test: &str, path: &Path) -> Option<TestChild> {
    let child = TestChild::start_as(STRANGER, test, &[path.to_str()?]);
    if child.is_none() {
        cutwater_testing::skip!(
            "this process may not become another user, or that one may not run it"
        );
    }
    child
}

/// A directory that others may enter, and may not write to.
fn public() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    dir
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn a_stranger_that_locks_a_readable_log_does_not_keep_its_writer_out() {
    let dir = public();
    let path = dir.path().join("log");
    let mut log = AppendLog::open(&path).unwrap();
    log.append(b"first").unwrap();
    log.close().unwrap();
    set_mode(&path, 0o644);
    let Some(mut child) = stranger(LOCKS, &path) else { return };
    assert_eq!(child.line("locked ").unwrap(), "true true");
    let mut log = AppendLog::open(&path).unwrap();
    log.append(b"second").unwrap();
    log.publish();
    assert!(AppendLog::open(&path).unwrap_err().is_locked(), "there is one writer all the same");
    child.end_input();
    child.finish();
    assert!(AppendLog::open(&path).unwrap_err().is_locked(), "also when the stranger has gone");
    log.close().unwrap();
    let mut reader = LogReader::open(&path).unwrap();
    assert_eq!(reader.read_next().unwrap().unwrap().payload, b"first");
    assert_eq!(reader.read_next().unwrap().unwrap().payload, b"second");
}

#[test]
fn a_stranger_cannot_open_the_file_with_the_writers_lock() {
    let dir = public();
    let path = dir.path().join("log");
    AppendLog::open(&path).unwrap().close().unwrap();
    let lock = dir.path().join("log.lock");
    for (log, expected) in [(0o644, 0o600), (0o600, 0o600), (0o664, 0o660), (0o666, 0o666)] {
        set_mode(&path, log);
        AppendLog::open(&path).unwrap().close().unwrap();
        assert_eq!(mode(&lock), expected, "of a log with {log:o}");
    }
    set_mode(&path, 0o644);
    AppendLog::open(&path).unwrap().close().unwrap();
    let Some(mut child) = stranger(LOCKS, &lock) else { return };
    assert_eq!(child.line("refused ").unwrap(), "PermissionDenied");
    child.finish();
}

#[test]
fn a_log_has_one_writer_by_all_its_names_and_a_renamed_log_is_another() {
    let dir = tempfile::tempdir().unwrap();
    let [path, link, old] = ["log", "other-name", "log.1"].map(|name| dir.path().join(name));
    let log = AppendLog::open(&path).unwrap();
    fs::hard_link(&path, &link).unwrap();
    assert!(AppendLog::open(&link).unwrap_err().is_locked());
    fs::remove_file(&link).unwrap();
    fs::rename(&path, &old).unwrap();
    let new = AppendLog::open(&path).unwrap();
    assert!(AppendLog::open(&old).unwrap_err().is_locked());
    assert!(AppendLog::open(&path).unwrap_err().is_locked());
    log.close().unwrap();
    AppendLog::open(&old).unwrap().close().unwrap();
    new.close().unwrap();
}

#[test]
fn where_no_lock_file_can_be_made_a_lock_to_read_is_an_error_that_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    fs::create_dir(dir.path().join("log.lock")).unwrap();
    let log = AppendLog::open(&path).unwrap();
    assert!(AppendLog::open(&path).unwrap_err().is_locked());
    log.close().unwrap();
    let reader = File::open(&path).unwrap();
    fcntl_lock(&reader, FlockOperation::NonBlockingLockShared).unwrap();
    let error = AppendLog::open(&path).unwrap_err();
    assert!(!error.is_locked() && error.to_string().contains(".lock file"), "{error}");
    drop(reader);
    AppendLog::open(&path).unwrap();
}

#[derive(
    zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout, Clone,
)]
#[repr(C)]
struct Limit(u64);

impl Shared for Limit {
    const FORMAT: u64 = 0x51;

    fn validate(&self) -> Result<(), String> {
        Ok(())
    }
}

#[test]
fn a_stranger_cannot_open_the_generation_file() {
    let dir = public();
    let path = dir.path().join("socket");
    let generation = dir.path().join("socket.generation");
    // As an earlier version left it.
    fs::write(&generation, 7u64.to_le_bytes()).unwrap();
    set_mode(&generation, 0o644);
    let publisher = Publisher::<Limit>::bind(&path).unwrap();
    assert_eq!((publisher.publish(&Limit(1)).unwrap(), mode(&generation)), (8, 0o600));
    publisher.close().unwrap();
    let Some(mut child) = stranger(LOCKS, &generation) else { return };
    assert_eq!(child.line("refused ").unwrap(), "PermissionDenied");
    child.finish();
    let publisher = Publisher::<Limit>::bind(&path).unwrap();
    assert_eq!(publisher.publish(&Limit(2)).unwrap(), 9);
}

#[test]
fn a_lock_from_before_is_not_blamed_on_a_publisher() {
    let dir = public();
    let path = dir.path().join("socket");
    let generation = dir.path().join("socket.generation");
    fs::write(&generation, 7u64.to_le_bytes()).unwrap();
    set_mode(&generation, 0o644);
    let Some(mut child) = stranger(LOCKS, &generation) else { return };
    assert_eq!(child.line("locked ").unwrap(), "true true");
    let error = Publisher::<Limit>::bind(&path).unwrap_err();
    let text = error.to_string();
    assert!(error.is_taken() && text.contains("no publisher answers there"), "{text}");
    assert!(!text.contains("another publisher is running"), "{text}");
    child.end_input();
    child.finish();
    let publisher = Publisher::<Limit>::bind(&path).unwrap();
    let text = Publisher::<Limit>::bind(&path).unwrap_err().to_string();
    let pid = format!("as process {}", std::process::id());
    assert!(text.contains("another publisher is running there") && text.contains(&pid), "{text}");
    publisher.close().unwrap();
}

#[test]
fn a_stranger_that_takes_all_places_leaves_room_for_others() {
    let dir = public();
    let path = dir.path().join("socket");
    let publisher = Publisher::<Limit>::bind(&path).unwrap();
    publisher.publish(&Limit(1)).unwrap();
    // Its user lets everybody read the configuration.
    set_mode(&path, 0o777);
    let Some(mut child) = stranger(FLOODS, &path) else { return };
    println!("{} connections", child.line("flooded ").unwrap());
    let options = SubscribeOptions::default().timeout(Duration::from_secs(60));
    let readers: Vec<SharedConfig<Limit>> =
        (0..8).map(|_| options.clone().subscribe(&path).unwrap()).collect();
    let generation = publisher.publish(&Limit(2)).unwrap();
    for reader in &readers {
        assert!(reader.wait_for(generation, Duration::from_secs(60)), "{reader:?}");
        assert_eq!(reader.load().0, 2);
    }
    child.end_input();
    child.finish();
}
