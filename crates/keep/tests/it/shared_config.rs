//! `SharedConfig`: what is refused and where, and that readers keep the last good one.

use std::io::{BufRead, BufReader, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cutwater_keep::shared_config::{
    FileConfig, Promise, Publisher, Shared, SharedConfig, SubscribeOptions, publish_file, zerocopy,
};
use cutwater_testing::child::KillOnDrop;
use cutwater_testing::{Dice, wait_until};
use rustix::fs::{MemfdFlags, SealFlags, memfd_create};
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix,
    SocketFlags, SocketType, sendmsg, socket_with,
};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const LONG: Duration = Duration::from_secs(30);
const WORDS: usize = 1500;
const REFUSED: u64 = 0xbad << 48;

/// Every word is the same: two different ones are a torn read.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Clone)]
#[repr(C)]
struct Words([u64; WORDS]);

impl Shared for Words {
    const FORMAT: u64 = 0x17;

    fn validate(&self) -> Result<(), String> {
        match self.0.iter().all(|w| *w == self.0[0]) && self.0[0] != REFUSED {
            true => Ok(()),
            false => Err(format!("the first word is {:#x}", self.0[0])),
        }
    }

    fn accept(&self) -> Result<(), String> {
        if self.0[0] == REFUSED { Err("the word is refused".into()) } else { Ok(()) }
    }
}

impl Words {
    fn new(word: u64) -> Self {
        Self([word; WORDS])
    }

    #[track_caller]
    fn whole(&self) -> u64 {
        assert!(self.0.iter().all(|w| *w == self.0[0]), "torn: {:?}", &self.0[..4]);
        self.0[0]
    }
}

struct Place {
    _dir: tempfile::TempDir,
    path: PathBuf,
}

fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.sock");
    Place { _dir: dir, path }
}

/// Runs this test once more, as another process with a role.
fn role(test: &str, name: &str, path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let test = format!("shared_config::{test}");
    command.args(["--exact", &test, "--nocapture", "--test-threads=1"]);
    command.env("CUTWATER_TEST_ROLE", name).env("CUTWATER_TEST_PATH", path);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

fn my_role() -> Option<(String, PathBuf)> {
    let name = std::env::var("CUTWATER_TEST_ROLE").ok()?;
    Some((name, std::env::var_os("CUTWATER_TEST_PATH")?.into()))
}

#[test]
fn a_new_generation_is_read_by_all_who_subscribed() {
    let at = place();
    let publisher = Publisher::<Words>::bind(&at.path).unwrap();
    let first = publisher.publish(&Words::new(7)).unwrap();
    let configs: Vec<_> =
        (0..3).map(|_| SharedConfig::<Words>::subscribe(&at.path).unwrap()).collect();
    let mut reader = configs[0].reader();
    assert_eq!((reader.get().whole(), reader.generation()), (7, first));
    let held = configs[1].load();
    let second = publisher.publish(&Words::new(8)).unwrap();
    let seen = publisher.wait_for_answers(second, LONG);
    assert_eq!((seen.accepted, seen.refused, seen.waiting), (3, 0, 0));
    assert!(configs.iter().all(|c| c.generation() == second && c.load().whole() == 8));
    assert_eq!((reader.get().whole(), reader.generation()), (8, second));
    assert_eq!((held.whole(), held.number()), (7, first), "what is held stays");
    configs.into_iter().for_each(|c| c.close().unwrap());
    assert_eq!(reader.get().whole(), 8, "a reader outlives the subscription");
}

#[test]
fn a_bad_configuration_is_refused_at_the_publisher() {
    let at = place();
    let publisher = Publisher::<Words>::bind(&at.path).unwrap();
    let first = publisher.publish(&Words::new(1)).unwrap();
    let config = SharedConfig::<Words>::subscribe(&at.path).unwrap();
    let error = publisher.publish(&Words::new(REFUSED)).unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("0xbad"), "{error}");
    assert!(publisher.prepare(&[b"too short"]).unwrap_err().is_invalid());
    assert_eq!((publisher.generation(), config.counts().accepted), (first, 1));
    assert_eq!(config.load().whole(), 1);
}

#[test]
fn a_path_has_one_publisher_and_a_dead_ones_socket_is_replaced() {
    let at = place();
    let publisher = Publisher::<Words>::bind(&at.path).unwrap();
    publisher.publish(&Words::new(1)).unwrap();
    assert!(Publisher::<Words>::bind(&at.path).unwrap_err().is_taken());
    publisher.close().unwrap();
    // What a killed publisher leaves.
    drop(std::os::unix::net::UnixListener::bind(&at.path).unwrap());
    // A child that another test starts has what we had open, until its exec.
    let free = || {
        let mut bound = Publisher::<Words>::bind(&at.path);
        for _ in 0..2000 {
            if !bound.as_ref().is_err_and(|e| e.is_taken()) {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
            bound = Publisher::<Words>::bind(&at.path);
        }
        bound
    };
    let next = free().unwrap();
    assert_eq!(next.publish(&Words::new(2)).unwrap(), 2, "generations go on");
    drop(next);
    std::fs::write(&at.path, "a file").unwrap();
    let error = free().unwrap_err();
    assert!(error.to_string().contains("something other than a socket"), "{error}");
    assert_eq!(std::fs::read(&at.path).unwrap(), b"a file");
    let long = at.path.with_file_name("x".repeat(200));
    assert!(Publisher::<Words>::bind(long).unwrap_err().to_string().contains("107"));
}

#[test]
fn without_a_publisher_subscribing_is_an_error_in_time() {
    let at = place();
    let options = SubscribeOptions::default().timeout(Duration::from_millis(20));
    let error = options.clone().subscribe::<Words>(&at.path).unwrap_err();
    assert!(error.is_gone(), "{error}");
    let _publisher = Publisher::<Words>::bind(&at.path).unwrap();
    let error = options.subscribe::<Words>(&at.path).unwrap_err();
    assert!(error.to_string().contains("did it publish"), "{error}");
}

/// A publisher that does as it likes.
struct Rogue {
    listener: OwnedFd,
}

fn socket() -> OwnedFd {
    socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap()
}

impl Rogue {
    fn new(path: &Path) -> Self {
        let listener = socket();
        rustix::net::bind(&listener, &SocketAddrUnix::new(path).unwrap()).unwrap();
        rustix::net::listen(&listener, 8).unwrap();
        Self { listener }
    }

    fn accept(&self) -> OwnedFd {
        rustix::net::accept(&self.listener).unwrap()
    }
}

#[test]
fn a_publisher_with_too_many_readers_waiting_is_asked_again_until_the_time_is_over() {
    let at = place();
    let _rogue = Rogue::new(&at.path);
    let mut waiting = Vec::new();
    let full = loop {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let kind = SocketType::SEQPACKET;
        waiting.push(socket_with(AddressFamily::UNIX, kind, flags, None).unwrap());
        let address = SocketAddrUnix::new(&at.path).unwrap();
        match rustix::net::connect(waiting.last().unwrap(), &address) {
            Ok(()) => assert!(waiting.len() < 1000),
            Err(e) => break e,
        }
    };
    assert_eq!(full, rustix::io::Errno::AGAIN);
    let (begin, timeout) = (Instant::now(), Duration::from_millis(50));
    let options = SubscribeOptions::default().timeout(timeout);
    let error = options.subscribe::<Words>(&at.path).unwrap_err();
    assert!(begin.elapsed() >= timeout, "given up at once: {error}");
    assert!(error.to_string().contains("more readers connect at once"), "{error}");
}

fn message(format: u64, generation: u64, len: usize) -> Vec<u8> {
    let magic = u64::from_le_bytes(*b"cutwcfg1");
    [magic, format, generation, len as u64].iter().flat_map(|w| w.to_le_bytes()).collect()
}

fn send(socket: &OwnedFd, bytes: &[u8], fds: &[BorrowedFd<'_>]) {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(16))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(fds.is_empty() || control.push(SendAncillaryMessage::ScmRights(fds)));
    sendmsg(socket, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL).unwrap();
}

fn memfd(bytes: &[u8], seals: SealFlags) -> OwnedFd {
    let fd = memfd_create("rogue", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
    assert_eq!(rustix::io::pwrite(&fd, bytes, 0).unwrap(), bytes.len());
    rustix::fs::fcntl_add_seals(&fd, seals).unwrap();
    fd
}

fn all_seals() -> SealFlags {
    SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL
}

const BYTES: usize = WORDS * 8;

/// A reader holds generation 5; `offer` sends something bad. It must be refused with
/// `expected` in the reason, and generation 6, when it comes, must be taken.
#[track_caller]
fn check_refused(expected: &str, offer: impl Fn(&OwnedFd)) {
    let at = place();
    let rogue = Rogue::new(&at.path);
    let good = |word| memfd(Words::new(word).as_bytes(), all_seals());
    std::thread::scope(|scope| {
        let subscribed = scope.spawn(|| SharedConfig::<Words>::subscribe(&at.path).unwrap());
        let connection = rogue.accept();
        send(&connection, &message(0x17, 5, BYTES), &[good(5).as_fd()]);
        let config = subscribed.join().unwrap();
        offer(&connection);
        wait_until("refused", LONG, || config.counts().refused == 1);
        let why = config.last_error().unwrap();
        assert!(why.contains(expected), "{why:?} does not say {expected:?}");
        assert_eq!((config.generation(), config.load().whole()), (5, 5));
        // Where the connection was given up, the reader makes another.
        let sound = message(0x17, 6, BYTES);
        if config.is_connected() {
            send(&connection, &sound, &[good(6).as_fd()]);
        } else {
            send(&rogue.accept(), &sound, &[good(6).as_fd()]);
        }
        assert!(config.wait_for(6, LONG), "{config:?}");
        assert_eq!(config.load().whole(), 6);
    });
}

#[test]
fn a_file_that_lacks_a_seal_is_refused() {
    for seal in all_seals().iter() {
        check_refused("it lacks the seals", |to| {
            let fd = memfd(Words::new(9).as_bytes(), all_seals().difference(seal));
            send(to, &message(0x17, 9, BYTES), &[fd.as_fd()]);
        });
    }
}

#[test]
fn an_ordinary_file_is_refused() {
    check_refused("refused: it", |to| {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(Words::new(9).as_bytes()).unwrap();
        send(to, &message(0x17, 9, BYTES), &[file.as_fd()]);
    });
}

#[test]
fn a_length_that_was_not_announced_or_is_of_no_value_is_refused() {
    let sealed = |n: usize| memfd(&vec![0; n], all_seals());
    check_refused("8 bytes, but 12000 were announced", |to| {
        send(to, &message(0x17, 9, BYTES), &[sealed(8).as_fd()]);
    });
    check_refused("8 bytes are not a value", |to| {
        send(to, &message(0x17, 9, 8), &[sealed(8).as_fd()]);
    });
    check_refused("0 bytes are not a value", |to| {
        send(to, &message(0x17, 9, 0), &[sealed(0).as_fd()]);
    });
}

#[test]
fn a_file_with_holes_is_refused() {
    check_refused("it has a hole at offset 0", |to| {
        let fd = memfd(&[], SealFlags::empty());
        rustix::fs::ftruncate(&fd, BYTES as u64).unwrap();
        rustix::fs::fcntl_add_seals(&fd, all_seals()).unwrap();
        send(to, &message(0x17, 9, BYTES), &[fd.as_fd()]);
    });
}

#[test]
fn an_older_generation_another_format_and_a_bad_value_are_refused() {
    let with = |to: &OwnedFd, format, generation, word| {
        let fd = memfd(Words::new(word).as_bytes(), all_seals());
        send(to, &message(format, generation, BYTES), &[fd.as_fd()]);
    };
    check_refused("offered generation 4, but 5", |to| with(to, 0x17, 4, 9));
    check_refused("format 0x18", |to| with(to, 0x18, 9, 9));
    check_refused("the word is refused", |to| with(to, 0x17, 9, REFUSED));
}

#[test]
fn a_message_without_exactly_one_descriptor_is_refused() {
    let fd = memfd(Words::new(9).as_bytes(), all_seals());
    for n in [0, 2, 8] {
        check_refused(&format!("sent {n} descriptors"), |to| {
            send(to, &message(0x17, 9, BYTES), &vec![fd.as_fd(); n]);
        });
    }
    check_refused("descriptors with a generation instead of 1", |to| {
        send(to, &message(0x17, 9, BYTES), &[fd.as_fd(); 16]);
    });
}

#[test]
fn a_message_that_is_no_offer_is_refused() {
    let fd = memfd(Words::new(9).as_bytes(), all_seals());
    check_refused("wrong magic", |to| send(to, &[0; 32], &[fd.as_fd()]));
    check_refused("wrong length", |to| send(to, b"short", &[fd.as_fd()]));
    check_refused("wrong length", |to| send(to, &[0; 33], &[fd.as_fd()]));
}

#[test]
fn a_reader_that_does_not_answer_has_one_generation_on_the_way() {
    let at = place();
    let publisher = Publisher::<Words>::bind(&at.path).unwrap();
    publisher.publish(&Words::new(1)).unwrap();
    let lazy = socket();
    rustix::net::connect(&lazy, &SocketAddrUnix::new(&at.path).unwrap()).unwrap();
    let receive = |flags| {
        let mut bytes = [0u8; 64];
        let got = rustix::net::recv(&lazy, &mut bytes, flags)?;
        Ok::<_, rustix::io::Errno>(
            u64::from_le_bytes(bytes[16..24].try_into().unwrap()) * u64::from(got.1 == 32),
        )
    };
    assert_eq!(receive(rustix::net::RecvFlags::empty()), Ok(1));
    for word in 2..=50 {
        publisher.publish(&Words::new(word)).unwrap();
    }
    assert_eq!(receive(rustix::net::RecvFlags::DONTWAIT), Err(rustix::io::Errno::AGAIN));
    let seen = publisher.wait_for_answers(50, Duration::ZERO);
    assert_eq!((seen.accepted, seen.waiting), (0, 1));
    let answer = [u64::from_le_bytes(*b"cutwcfg1"), 1, 1];
    let answer: Vec<u8> = answer.iter().flat_map(|w| w.to_le_bytes()).collect();
    rustix::net::send(&lazy, &answer, SendFlags::NOSIGNAL).unwrap();
    assert_eq!(receive(rustix::net::RecvFlags::empty()), Ok(50), "the latest, and no other");
    rustix::net::send(&lazy, b"junk", SendFlags::NOSIGNAL).unwrap();
    assert_eq!(receive(rustix::net::RecvFlags::empty()), Ok(0), "the end");
}

#[test]
fn a_publisher_of_another_user_is_trusted_only_if_named() {
    const NOBODY: u32 = 65_534;
    if let Some((_, path)) = my_role() {
        let publisher = Publisher::<Words>::bind(path).unwrap();
        publisher.publish(&Words::new(3)).unwrap();
        println!("ready");
        let _ = std::io::stdin().read(&mut [0]);
        return;
    }
    if !rustix::process::geteuid().is_root() {
        return cutwater_testing::skip!("not root, so there is no other user to publish as");
    }
    let at = place();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(at.path.parent().unwrap(), open).unwrap();
    let mut command =
        role("a_publisher_of_another_user_is_trusted_only_if_named", "publisher", &at.path);
    let Ok(child) = command.uid(NOBODY).spawn() else {
        return cutwater_testing::skip!("another user may not run this test");
    };
    let mut child = KillOnDrop(child);
    wait_for_line(&mut child, "ready");
    let error = SharedConfig::<Words>::subscribe(&at.path).unwrap_err();
    assert!(error.is_untrusted() && error.to_string().contains("65534"), "{error}");
    let trusting = SubscribeOptions::default().trust_uid(NOBODY);
    assert_eq!(trusting.subscribe::<Words>(&at.path).unwrap().load().whole(), 3);
}

/// Reads what a child prints, past the words of the test harness.
#[track_caller]
fn wait_for_line(child: &mut KillOnDrop, word: &str) {
    let mut lines = BufReader::new(child.0.stdout.as_mut().unwrap()).lines();
    assert!(lines.any(|l| l.unwrap().ends_with(word)), "the child never said {word:?}");
}

fn count_from(variable: &str, default: u64) -> u64 {
    let n = std::env::var(variable).ok().and_then(|s| s.parse().ok()).unwrap_or(default);
    println!("{variable}={n}");
    n
}

/// All generations: `CUTWATER_GENERATIONS=1000000 cargo test --release -p cutwater-keep --test
/// it generations_against -- --nocapture`
#[test]
fn generations_against_four_reader_processes_are_never_torn() {
    const END: u64 = u64::MAX;
    let me = "generations_against_four_reader_processes_are_never_torn";
    if let Some((_, path)) = my_role() {
        let config = SharedConfig::<Words>::subscribe(path).unwrap();
        let mut reader = config.reader();
        let (mut last, mut reads, mut changes) = (0, 0u64, 0u64);
        while last != END {
            let word = reader.get().whole();
            assert!(word >= last, "backwards: {word} after {last}");
            assert!(word == END || word == reader.generation(), "another generation's bytes");
            changes += u64::from(word != last);
            (last, reads) = (word, reads + 1);
        }
        println!("{reads} whole reads of {changes} generations; done");
        return;
    }
    let at = place();
    let count = count_from("CUTWATER_GENERATIONS", 2000);
    let publisher = Publisher::<Words>::bind(&at.path).unwrap();
    publisher.publish(&Words::new(1)).unwrap();
    let mut readers: Vec<_> =
        (0..4).map(|_| KillOnDrop(role(me, "reader", &at.path).spawn().unwrap())).collect();
    wait_until("four readers", LONG, || {
        publisher.wait_for_answers(1, Duration::ZERO).accepted == 4
    });
    for generation in 2..=count {
        assert_eq!(publisher.publish(&Words::new(generation)).unwrap(), generation);
    }
    publisher.publish(&Words::new(END)).unwrap();
    for reader in &mut readers {
        let mut said = String::new();
        reader.0.stdout.as_mut().unwrap().read_to_string(&mut said).unwrap();
        assert!(reader.0.wait().unwrap().success() && said.contains("done"), "{said}");
        said.lines().filter(|l| l.contains("done")).for_each(|l| println!("{l}"));
    }
}

#[test]
fn a_publisher_killed_at_any_moment_leaves_readers_on_the_last_good_one() {
    let me = "a_publisher_killed_at_any_moment_leaves_readers_on_the_last_good_one";
    if let Some((_, path)) = my_role() {
        let publisher = Publisher::<Words>::bind(path).unwrap();
        loop {
            publisher.publish(&Words::new(publisher.generation() + 1)).unwrap();
        }
    }
    let at = place();
    let rounds = count_from("CUTWATER_KILLS", 10);
    let mut dice = Dice::from_env("CUTWATER_SEED", 7);
    let mut child = KillOnDrop(role(me, "publisher", &at.path).spawn().unwrap());
    let config = SharedConfig::<Words>::subscribe(&at.path).unwrap();
    let mut reader = config.reader();
    for round in 0..rounds {
        let before = config.generation();
        assert!(config.wait_for(before + 10, LONG), "round {round}: {config:?}");
        // Some moment of the 3 ms after that.
        std::thread::sleep(Duration::from_micros(dice.below(3000)));
        // SIGKILL.
        child.0.kill().unwrap();
        child.0.wait().unwrap();
        wait_until("noticed", LONG, || !config.is_connected());
        let last = config.generation();
        assert_eq!((reader.get().whole(), reader.generation()), (last, last));
        child = KillOnDrop(role(me, "publisher", &at.path).spawn().unwrap());
        assert!(config.wait_for(last + 1, LONG), "never back: {config:?}");
        assert!(reader.get().whole() > last);
    }
    assert!(config.counts().disconnects >= rounds, "{config:?}");
    assert_eq!(config.counts().refused, 0, "{:?}", config.last_error());
}

mod promised {
    use super::*;

    pub(super) fn promise() -> Promise {
        promise::of_these_tests()
    }

    #[test]
    fn a_file_replaced_by_rename_is_taken_and_a_bad_one_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config");
        publish_file(&path, &Words::new(1)).unwrap();
        let config = FileConfig::<Words>::open(&path, promise()).unwrap();
        let mut reader = config.reader();
        assert!(!config.refresh().unwrap());
        publish_file(&path, &Words::new(2)).unwrap();
        assert_eq!(reader.get().whole(), 1);
        assert!(config.refresh().unwrap());
        assert_eq!((reader.get().whole(), config.generation()), (2, 2));

        assert!(publish_file(&path, &Words::new(REFUSED)).unwrap_err().is_invalid());
        assert!(!config.refresh().unwrap());
        // Replaced by somebody who does not ask.
        for bytes in [Words::new(REFUSED).as_bytes(), b"short", b""] {
            let next = dir.path().join("next");
            std::fs::write(&next, bytes).unwrap();
            std::fs::rename(&next, &path).unwrap();
            assert!(config.refresh().unwrap_err().is_invalid());
            assert_eq!(reader.get().whole(), 2);
        }
        std::fs::remove_file(&path).unwrap();
        assert!(config.refresh().unwrap_err().is_gone());
        assert_eq!(reader.get().whole(), 2);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "temporary files are left");
    }

    #[allow(unsafe_code)]
    mod promise {
        use cutwater_keep::shared_config::Promise;

        pub(super) fn of_these_tests() -> Promise {
            // SAFETY: every file of these tests is renamed into place and never written again.
            unsafe { Promise::replaced_never_changed() }
        }
    }
}

mod pairs_of_faults {
    use super::*;

    /// A copy of `good` with two faults: flipped bits and cut ends.
    fn damaged(dice: &mut Dice, good: &[u8]) -> Vec<u8> {
        let mut bytes = good.to_vec();
        for _ in 0..2 {
            match (dice.below(4), bytes.len()) {
                (_, 0) => {}
                (0, len) => bytes.truncate(dice.below(len as u64) as usize),
                (_, len) => bytes[dice.below(len as u64) as usize] ^= 1 << dice.below(8),
            }
        }
        bytes
    }

    #[test]
    fn a_generation_file_gives_its_generation_or_an_error() {
        let pairs = count_from("CUTWATER_PAIRS", 300);
        let mut dice = Dice::from_env("CUTWATER_SEED", 3);
        let at = place();
        let generation = at.path.with_extension("sock.generation");
        let publisher = Publisher::<Words>::bind(&at.path).unwrap();
        (0..5).for_each(|n| assert_eq!(publisher.publish(&Words::new(n)).unwrap(), n + 1));
        publisher.close().unwrap();
        let good = std::fs::read(&generation).unwrap();
        for pair in 0..pairs {
            let bytes = damaged(&mut dice, &good);
            std::fs::write(&generation, &bytes).unwrap();
            match Publisher::<Words>::bind(&at.path) {
                // An empty file is one that was lost.
                Ok(publisher) if bytes.is_empty() => assert_eq!(publisher.generation(), 0),
                Ok(publisher) => assert_eq!(publisher.generation(), 5, "pair {pair}: {bytes:?}"),
                Err(error) => {
                    assert!(error.to_string().contains(".generation is damaged"), "{error}");
                    assert!(bytes != good, "pair {pair}");
                    assert_eq!(std::fs::read(&generation).unwrap(), bytes, "refused, and changed");
                }
            }
        }
    }

    /// The file has no checksum of its own: what `accept` checks is what is found.
    #[test]
    fn a_configuration_file_is_refused_or_is_what_was_published() {
        let pairs = count_from("CUTWATER_PAIRS", 300);
        let mut dice = Dice::from_env("CUTWATER_SEED", 4);
        let dir = tempfile::tempdir().unwrap();
        let (path, next) = (dir.path().join("config"), dir.path().join("next"));
        publish_file(&path, &Words::new(0x1234)).unwrap();
        let good = std::fs::read(&path).unwrap();
        let config = FileConfig::<Checked>::open(&path, promised::promise()).unwrap();
        for pair in 0..pairs {
            std::fs::write(&next, damaged(&mut dice, &good)).unwrap();
            std::fs::rename(&next, &path).unwrap();
            let _ = config.refresh();
            assert!(config.load().0.iter().all(|w| *w == 0x1234), "pair {pair}");
        }
    }

    /// [`Words`] that each reader checks in full.
    #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
    #[repr(C)]
    struct Checked([u64; WORDS]);

    impl Shared for Checked {
        const FORMAT: u64 = 0x17;

        fn validate(&self) -> Result<(), String> {
            if self.0.iter().all(|w| *w == self.0[0]) { Ok(()) } else { Err("torn".into()) }
        }
    }
}
