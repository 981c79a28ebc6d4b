//! Which mount a path is on: `/proc/self/mountinfo`, see `proc(5)`.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, StatxFlags};

/// A mounted file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The mount's number, as `STATX_MNT_ID` has it.
    pub id: u64,
    /// Device number, major and minor; major 0 where no block device is behind it.
    pub device: (u32, u32),
    /// Where it is mounted.
    pub at: PathBuf,
    /// Mount options and the file system's own, separated by commas.
    pub options: String,
    /// Type, such as `ext4`.
    pub fs_type: String,
    /// What was mounted: a device's path, a server's name, or a word.
    pub source: PathBuf,
}

/// The mount that `path` is on; none where it cannot be found out, as without `/proc`.
#[must_use]
pub fn find(path: &Path) -> Option<Mount> {
    let mounts = parse(&std::fs::read("/proc/self/mountinfo").ok()?);
    let real = path.canonicalize().ok()?;
    let by_id = mount_id(&real).and_then(|id| mounts.iter().find(|m| m.id == id));
    by_id.or_else(|| deepest(&mounts, &real)).cloned()
}

fn mount_id(path: &Path) -> Option<u64> {
    let got = rustix::fs::statx(CWD, path, AtFlags::empty(), StatxFlags::MNT_ID).ok()?;
    (got.stx_mask & StatxFlags::MNT_ID.bits() != 0).then_some(got.stx_mnt_id)
}

/// The mount over `path` by names alone: the last of the deepest ones, which hides the others.
fn deepest<'a>(mounts: &'a [Mount], path: &Path) -> Option<&'a Mount> {
    let over = mounts.iter().filter(|m| path.starts_with(&m.at));
    over.max_by_key(|m| m.at.components().count())
}

/// Parses the lines of `mountinfo`; a malformed line is left out.
#[must_use]
pub fn parse(text: &[u8]) -> Vec<Mount> {
    text.split(|&b| b == b'\n').filter_map(line).collect()
}

fn line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|&b| b == b' ');
    let id = number(fields.next()?)?;
    let device = fields.nth(1)?;
    let at = unescape(fields.nth(1)?);
    let options = String::from_utf8_lossy(fields.next()?).into_owned();
    // Optional fields end with a lone hyphen.
    fields.find(|f| *f == b"-")?;
    let fs_type = String::from_utf8_lossy(fields.next()?).into_owned();
    let source = unescape(fields.next()?);
    let own = String::from_utf8_lossy(fields.next().unwrap_or_default()).into_owned();
    let colon = device.iter().position(|&b| b == b':')?;
    let device = (number(&device[..colon])?, number(&device[colon + 1..])?);
    Some(Mount { id, device, at, options: join(&options, &own), fs_type, source })
}

fn join(options: &str, own: &str) -> String {
    let mut all: Vec<&str> = Vec::new();
    for option in options.split(',').chain(own.split(',')) {
        if !option.is_empty() && !all.contains(&option) {
            all.push(option);
        }
    }
    all.join(",")
}

fn number<T: std::str::FromStr>(digits: &[u8]) -> Option<T> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Undoes the escapes of spaces, tabs, line ends and backslashes: a backslash and three octal digits.
fn unescape(field: &[u8]) -> PathBuf {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, tail)) = rest.split_first() {
        let octal = |d: &u8| (b'0'..=b'7').contains(d);
        match tail.get(..3) {
            Some(digits) if byte == b'\\' && digits.iter().all(octal) => {
                let value = digits.iter().fold(0u32, |v, d| v * 8 + u32::from(d - b'0'));
                out.push((value & 0xff) as u8);
                rest = &tail[3..];
            }
            _ => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    PathBuf::from(OsString::from_vec(out))
}

/// The number of the block device under `mount`, where there is one: the mounted device (which
/// also btrfs names, though its files carry numbers of no device), else the files' own.
#[must_use]
pub fn device_number(mount: &Mount) -> Option<(u32, u32)> {
    if mount.source.as_os_str().as_bytes().starts_with(b"/dev/")
        && let Some(number) = block_number(&mount.source)
    {
        return Some(number);
    }
    (mount.device.0 != 0).then_some(mount.device)
}

/// The number of the block device that `path` names.
#[must_use]
pub fn block_number(path: &Path) -> Option<(u32, u32)> {
    use std::os::unix::fs::FileTypeExt;
    let meta = std::fs::metadata(path).ok()?;
    let device = meta.rdev();
    meta.file_type()
        .is_block_device()
        .then(|| (rustix::fs::major(device), rustix::fs::minor(device)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 253:0 / / rw,noatime shared:1 master:2 - ext4 /dev/vda rw,discard
30 27 0:40 /@home /mnt/a\\040b rw - btrfs /dev/sd\\134a rw,subvol=/@home
31 27 0:41 / /mnt/a\\040b rw - tmpfs over rw
nonsense
32 27 x:y / /n rw - tmpfs t rw
";

    #[test]
    fn lines_are_read_and_nonsense_left_out() {
        let mounts = parse(TEXT);
        assert_eq!(mounts.iter().map(|m| m.id).collect::<Vec<_>>(), [22, 27, 30, 31]);
        let root = &mounts[1];
        assert_eq!((root.device, root.fs_type.as_str()), ((253, 0), "ext4"));
        assert_eq!(root.options, "rw,noatime,discard");
        assert_eq!(mounts[2].at, Path::new("/mnt/a b"));
        assert_eq!(mounts[2].source, Path::new("/dev/sd\\a"));
    }

    #[test]
    fn by_name_the_deepest_and_last_mount_wins() {
        let mounts = parse(TEXT);
        let id = |p: &str| deepest(&mounts, Path::new(p)).map(|m| m.id);
        assert_eq!(id("/mnt/a b/c"), Some(31));
        assert_eq!(id("/mnt/a"), Some(27));
        assert_eq!(id("/proc/1"), Some(22));
    }

    #[test]
    fn proc_is_on_proc() {
        assert_eq!(find(Path::new("/proc/self/stat")).map(|m| m.fs_type), Some("proc".into()));
        assert_eq!(find(Path::new("/no/such/path")), None);
    }
}
