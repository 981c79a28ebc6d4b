//! A disk that lies: a file system of this process (FUSE) in one directory, whose calls fail when a test says so.
//!
//! The kernel's page cache is in front of it, as before a real disk: a map's page that cannot be written is
//! clean afterwards, and the next `fsync(2)` says so once. [`Disk::power_loss`] leaves what was synced, and of
//! the rest a part that the dice choose. Needs root, or `fusermount3`.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

pub use fuser::Errno;
use fuser::{
    BackgroundSession, BsdFileFlags, Config, FileAttr, FileHandle, FileType, Filesystem,
    FopenFlags, Generation, INodeNo, LockOwner, MountOption, OpenFlags, RenameFlags, ReplyAttr,
    ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request,
    TimeOrNow, WriteFlags,
};

use crate::Dice;

/// What reaches the device together.
const PAGE_BYTES: usize = 4096;

/// The kernel asks each time.
const TTL: Duration = Duration::ZERO;

/// A call that can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// Reading bytes.
    Read,
    /// Writing bytes; of a map, when they are written back.
    Write,
    /// `fsync(2)` and `fdatasync(2)` of a file.
    Sync,
    /// `fsync(2)` of the directory.
    SyncDirectory,
    /// Making a file.
    Create,
    /// Giving a file another name.
    Rename,
    /// `fallocate(2)`.
    Allocate,
}

/// A mounted disk with one directory. It is unmounted when this is dropped.
#[derive(Debug)]
pub struct Disk {
    content: Arc<Mutex<Content>>,
    session: Option<BackgroundSession>,
    at: tempfile::TempDir,
}

#[derive(Debug)]
struct Content {
    files: BTreeMap<u64, Node>,
    names: BTreeMap<OsString, u64>,
    /// The names that are on the device.
    durable: BTreeMap<OsString, u64>,
    next: u64,
    faults: BTreeMap<Call, (Errno, u32)>,
    /// The most bytes of all files together.
    room: u64,
    /// Reads and writes are done in part, and not through the page cache.
    short: bool,
    dice: Dice,
}

#[derive(Debug, Clone)]
struct Node {
    bytes: Vec<u8>,
    /// What is on the device.
    durable: Vec<u8>,
    mode: u16,
    owner: (u32, u32),
    changed: SystemTime,
}

impl Disk {
    /// An empty disk; what the dice decide follows from `seed`.
    ///
    /// # Errors
    /// Where the host does not let this process mount one.
    pub fn mount(seed: u64) -> io::Result<Self> {
        let content = Content {
            files: BTreeMap::new(),
            names: BTreeMap::new(),
            durable: BTreeMap::new(),
            next: 2,
            faults: BTreeMap::new(),
            room: u64::MAX,
            short: false,
            dice: Dice::new(seed),
        };
        let mut disk = Self {
            content: Arc::new(Mutex::new(content)),
            session: None,
            at: tempfile::tempdir()?,
        };
        disk.start()?;
        Ok(disk)
    }

    fn start(&mut self) -> io::Result<()> {
        let mut config = Config::default();
        config.mount_options.push(MountOption::FSName("cutwater-disk".into()));
        config.mount_options.push(MountOption::DefaultPermissions);
        let content = Served(Arc::clone(&self.content));
        self.session = Some(fuser::spawn_mount(content, self.at.path(), &config)?);
        Ok(())
    }

    /// Its directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.at.path()
    }

    /// The next `times` calls end with `errno`.
    pub fn fail(&self, call: Call, errno: Errno, times: u32) {
        lock(&self.content).faults.insert(call, (errno, times));
    }

    /// The bytes that the disk has room for; writing more is `ENOSPC`.
    pub fn set_room(&self, bytes: u64) {
        lock(&self.content).room = bytes;
    }

    /// Files that are opened from now on are read and written in parts, by no cache. They cannot be mapped.
    pub fn set_short(&self, short: bool) {
        lock(&self.content).short = short;
    }

    /// No call fails any more, and there is room.
    pub fn heal(&self) {
        let mut content = lock(&self.content);
        content.faults.clear();
        content.room = u64::MAX;
    }

    /// What was not synced is lost, and the kernel does not know: its page cache still has it. So it is after a
    /// write that failed, once the error was reported to a caller.
    pub fn lose_unsynced(&self) {
        for node in lock(&self.content).files.values_mut() {
            let len = node.bytes.len();
            node.bytes.clone_from(&node.durable);
            node.bytes.resize(len, 0);
        }
    }

    /// The machine goes down and comes back. What was synced is there; of the rest, some pages and lengths are.
    ///
    /// # Errors
    /// Where the disk cannot be mounted again. No file of it may be open.
    pub fn power_loss(&mut self) -> io::Result<()> {
        // Nothing that is still in the page cache reaches the device.
        self.fail(Call::Write, Errno::EIO, u32::MAX);
        if let Some(session) = self.session.take() {
            session.umount_and_join()?;
        }
        self.heal();
        lock(&self.content).lose_power();
        self.start()
    }
}

fn lock(content: &Mutex<Content>) -> MutexGuard<'_, Content> {
    content.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Content {
    fn fails(&mut self, call: Call) -> Result<(), Errno> {
        match self.faults.get_mut(&call) {
            Some((errno, times)) if *times > 0 => {
                *times = times.saturating_sub(u32::from(*times != u32::MAX));
                Err(*errno)
            }
            _ => Ok(()),
        }
    }

    fn lose_power(&mut self) {
        let Self { files, names, durable, dice, .. } = self;
        *names = durable.clone();
        files.retain(|number, _| names.values().any(|named| named == number));
        for node in files.values_mut() {
            let mut kept = std::mem::take(&mut node.durable);
            if dice.below(2) == 0 {
                kept.resize(node.bytes.len(), 0);
            }
            let pages = kept.chunks_mut(PAGE_BYTES).zip(node.bytes.chunks(PAGE_BYTES));
            for (kept, written) in pages {
                let len = kept.len().min(written.len());
                if dice.below(2) == 0 {
                    kept[..len].copy_from_slice(&written[..len]);
                }
            }
            node.bytes.clone_from(&kept);
            node.durable = kept;
        }
    }

    fn node(&mut self, number: INodeNo) -> Result<&mut Node, Errno> {
        self.files.get_mut(&number.0).ok_or(Errno::ENOENT)
    }

    fn has_room(&self, more: usize) -> Result<(), Errno> {
        let used: usize = self.files.values().map(|node| node.bytes.len()).sum();
        if (used + more) as u64 > self.room { Err(Errno::ENOSPC) } else { Ok(()) }
    }

    fn named(&self, name: &OsStr) -> Result<u64, Errno> {
        self.names.get(name).copied().ok_or(Errno::ENOENT)
    }

    fn attributes(&self, number: u64) -> Result<FileAttr, Errno> {
        let root = Node::new(0o755, (rustix::process::geteuid().as_raw(), 0));
        let is_root = number == INodeNo::ROOT.0;
        let node = if is_root { Some(&root) } else { self.files.get(&number) };
        let node = node.ok_or(Errno::ENOENT)?;
        let named = self.names.values().filter(|named| **named == number).count() as u32;
        Ok(FileAttr {
            ino: INodeNo(number),
            size: node.bytes.len() as u64,
            blocks: node.bytes.len().div_ceil(512) as u64,
            atime: node.changed,
            mtime: node.changed,
            ctime: node.changed,
            crtime: node.changed,
            kind: if is_root { FileType::Directory } else { FileType::RegularFile },
            perm: node.mode,
            nlink: if is_root { 2 } else { named },
            uid: node.owner.0,
            gid: node.owner.1,
            rdev: 0,
            blksize: PAGE_BYTES as u32,
            flags: 0,
        })
    }

    /// How much of a transfer is done.
    fn part(&mut self, len: usize) -> usize {
        if self.short && len > 1 { 1 + self.dice.below(len as u64 - 1) as usize } else { len }
    }

    fn open_flags(&self) -> FopenFlags {
        // Without the second, opening a file would empty its page cache.
        if self.short { FopenFlags::FOPEN_DIRECT_IO } else { FopenFlags::FOPEN_KEEP_CACHE }
    }

    fn read(&mut self, number: INodeNo, at: u64, len: u32) -> Result<Vec<u8>, Errno> {
        self.fails(Call::Read)?;
        let len = self.part(len as usize);
        let bytes = &self.node(number)?.bytes;
        let at = (at as usize).min(bytes.len());
        Ok(bytes[at..bytes.len().min(at + len)].to_vec())
    }

    fn write(&mut self, number: INodeNo, at: u64, data: &[u8]) -> Result<u32, Errno> {
        self.fails(Call::Write)?;
        let len = self.part(data.len());
        let (at, end) = (at as usize, at as usize + len);
        let held = self.node(number)?.bytes.len();
        self.has_room(end.saturating_sub(held))?;
        let node = self.node(number)?;
        node.bytes.resize(held.max(end), 0);
        node.bytes[at..end].copy_from_slice(&data[..len]);
        node.changed = SystemTime::now();
        Ok(len as u32)
    }

    fn allocate(&mut self, number: INodeNo, at: u64, len: u64, mode: i32) -> Result<(), Errno> {
        self.fails(Call::Allocate)?;
        if mode != 0 {
            return Err(Errno::EOPNOTSUPP);
        }
        let held = self.node(number)?.bytes.len();
        let end = held.max((at + len) as usize);
        self.has_room(end - held)?;
        self.node(number)?.bytes.resize(end, 0);
        Ok(())
    }

    fn create(&mut self, name: &OsStr, mode: u32, request: &Request) -> Result<FileAttr, Errno> {
        self.fails(Call::Create)?;
        let number = self.next;
        self.next += 1;
        let node = Node::new(mode as u16 & 0o7777, (request.uid(), request.gid()));
        self.files.insert(number, node);
        self.names.insert(name.to_os_string(), number);
        self.attributes(number)
    }

    fn rename(&mut self, from: &OsStr, to: &OsStr, flags: RenameFlags) -> Result<(), Errno> {
        self.fails(Call::Rename)?;
        let number = self.named(from)?;
        if flags.contains(RenameFlags::RENAME_NOREPLACE) && self.names.contains_key(to) {
            return Err(Errno::EEXIST);
        }
        self.names.remove(from);
        self.names.insert(to.to_os_string(), number);
        Ok(())
    }

    fn sync(&mut self, number: INodeNo) -> Result<(), Errno> {
        self.fails(Call::Sync)?;
        let node = self.node(number)?;
        node.durable.clone_from(&node.bytes);
        Ok(())
    }

    fn sync_directory(&mut self) -> Result<(), Errno> {
        self.fails(Call::SyncDirectory)?;
        self.durable.clone_from(&self.names);
        Ok(())
    }
}

impl Node {
    fn new(mode: u16, owner: (u32, u32)) -> Self {
        let (bytes, durable) = Default::default();
        Self { bytes, durable, mode, owner, changed: SystemTime::now() }
    }
}

/// The answers to the kernel.
struct Served(Arc<Mutex<Content>>);

/// Answers with nothing, or an error.
fn answer(reply: ReplyEmpty, done: Result<(), Errno>) {
    match done {
        Ok(()) => reply.ok(),
        Err(errno) => reply.error(errno),
    }
}

impl Filesystem for Served {
    fn lookup(&self, _: &Request, _parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let content = lock(&self.0);
        match content.named(name).and_then(|number| content.attributes(number)) {
            Ok(found) => reply.entry(&TTL, &found, Generation(0)),
            Err(errno) => reply.error(errno),
        }
    }

    fn getattr(&self, _: &Request, number: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match lock(&self.0).attributes(number.0) {
            Ok(found) => reply.attr(&TTL, &found),
            Err(errno) => reply.error(errno),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        number: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mut content = lock(&self.0);
        if let Ok(node) = content.node(number) {
            node.mode = mode.map_or(node.mode, |mode| mode as u16 & 0o7777);
            node.owner = (uid.unwrap_or(node.owner.0), gid.unwrap_or(node.owner.1));
            if let Some(size) = size {
                node.bytes.resize(size as usize, 0);
            }
            node.changed = SystemTime::now();
        }
        match content.attributes(number.0) {
            Ok(found) => reply.attr(&TTL, &found),
            Err(errno) => reply.error(errno),
        }
    }

    fn create(
        &self,
        request: &Request,
        _parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        let mut content = lock(&self.0);
        let flags = content.open_flags();
        match content.create(name, mode, request) {
            Ok(made) => reply.created(&TTL, &made, Generation(0), FileHandle(0), flags),
            Err(errno) => reply.error(errno),
        }
    }

    fn unlink(&self, _: &Request, _parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let gone = lock(&self.0).names.remove(name);
        answer(reply, gone.map(drop).ok_or(Errno::ENOENT));
    }

    fn rename(
        &self,
        _: &Request,
        _parent: INodeNo,
        name: &OsStr,
        _new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        answer(reply, lock(&self.0).rename(name, new_name, flags));
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), lock(&self.0).open_flags());
    }

    fn read(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        at: u64,
        len: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match lock(&self.0).read(number, at, len) {
            Ok(bytes) => reply.data(&bytes),
            Err(errno) => reply.error(errno),
        }
    }

    fn write(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        at: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match lock(&self.0).write(number, at, data) {
            Ok(len) => reply.written(len),
            Err(errno) => reply.error(errno),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, number: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        answer(reply, lock(&self.0).sync(number));
    }

    fn fsyncdir(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        answer(reply, lock(&self.0).sync_directory());
    }

    fn readdir(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        from: u64,
        mut reply: ReplyDirectory,
    ) {
        let content = lock(&self.0);
        for (at, (name, number)) in content.names.iter().enumerate().skip(from as usize) {
            if reply.add(INodeNo(*number), at as u64 + 1, FileType::RegularFile, name) {
                break;
            }
        }
        reply.ok();
    }

    fn fallocate(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        at: u64,
        len: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        answer(reply, lock(&self.0).allocate(number, at, len, mode));
    }
}
