//! What lines can be read from.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cutwater::{File, OpenOptions, Pattern, ReadPath};
use rustix::io::Errno;

use super::decode;
use super::decode::signature::HEAD_BYTES as SIGNATURE_BYTES;
use super::elements::Elements;
use super::kind::InputKind;
use super::otlp::{self, Otlp};
use super::utf16::{self, Utf16, Utf16Order};
use crate::record::mark_length;
use crate::{Error, Result};

/// Bytes at offsets, from any thread.
pub trait ReadAt: Sync {
    /// Reads at `offset` into `buf`; 0 at the end.
    ///
    /// # Errors
    /// When the bytes cannot be read.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize>;

    /// Where written bytes begin at or after `offset`, where that is known: a hole of a sparse file
    /// reads as NUL bytes and holds no line. [`u64::MAX`] where no bytes follow.
    fn next_data(&self, offset: u64) -> u64 {
        offset
    }
}

impl ReadAt for File {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        Self::read_at(self, buf, offset).map_err(Error::Read)
    }

    fn next_data(&self, offset: u64) -> u64 {
        // lseek(2) moves a position that is not used here.
        match rustix::fs::seek(self, rustix::fs::SeekFrom::Data(offset)) {
            Ok(data) => data,
            Err(Errno::NXIO) => u64::MAX,
            // A file system without SEEK_DATA: as if there were no hole.
            Err(_) => offset,
        }
    }
}

/// One log to scan.
#[derive(Debug, Clone)]
pub struct Input {
    /// Where it is; `-` is standard input.
    pub path: PathBuf,
    /// How it is stored, by its first bytes and not by its name.
    pub kind: InputKind,
    file: Option<File>,
    size: u64,
    opened: Option<Opened>,
    /// Whether its lines are made of JSON elements.
    elements: bool,
    /// Whether it is UTF-16, which is read as UTF-8.
    utf16: Option<Utf16Order>,
    /// No path was named, and calls were chosen because the file is resident.
    by_calls: bool,
    /// How many bytes after the compressed data were ignored by the last pass.
    ignored: Arc<AtomicU64>,
}

/// A stream that was opened to look at its first bytes, which are read again with the rest.
#[derive(Clone)]
struct Opened {
    head: Arc<Vec<u8>>,
    rest: Arc<Mutex<Option<Box<dyn Read + Send>>>>,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Opened({} bytes)", self.head.len())
    }
}

/// How much shows in which way JSON is taken apart.
const ELEMENTS_HEAD_BYTES: u64 = 256;

/// How much of a stream is read to look at before it is scanned.
const HEAD_BYTES: usize = 64 << 10;

impl Input {
    /// Opens `path` for reading through `read_path`; `-` is standard input.
    ///
    /// # Errors
    /// When there is no such file, it may not be read, or it is an archive.
    pub fn open(path: &Path, read_path: ReadPath) -> Result<Self> {
        if path.as_os_str() == "-" {
            return Self::from_stream(path, Box::new(io::stdin()));
        }
        if is_stream(path) {
            let what = || format!("open {}", path.display());
            let file = fs::File::open(path).map_err(|e| Error::Stream(what(), e))?;
            return Self::from_stream(path, Box::new(file));
        }
        let options = OpenOptions::default().path(read_path).pattern(Pattern::Sequential);
        let mut file = options.open(path)?;
        let size = file.size()?;
        let mut by_calls = false;
        if is_generated(&file, size) {
            let input = Self::from_stream(path, Box::new(InOrder { file: file.clone(), at: 0 }))?;
            if !input.head().is_empty() || has_none_now(&file.read_at(&mut [0], 0)) {
                return Ok(input);
            }
        }
        if read_path == ReadPath::Auto && is_resident(&file, size) {
            // Not `Reuse::Once`: the part that is not resident would never become so.
            file = options.path(ReadPath::Preadv).open(path)?;
            by_calls = true;
        }
        let mut head = [0; SIGNATURE_BYTES];
        let n = file.read_at(&mut head, 0)?;
        let kind = InputKind::of(path, &head[..n], InputKind::Plain)?;
        let mut start = [0; utf16::LOOKED_AT];
        let utf16 = match kind {
            InputKind::Plain => {
                let n = file.read_at(&mut start, 0)?;
                utf16::order(&start[..n])
            }
            _ => None,
        };
        let ignored = Arc::default();
        Ok(Self {
            path: path.into(),
            kind,
            file: Some(file),
            size,
            opened: None,
            elements: false,
            utf16,
            by_calls,
            ignored,
        })
    }

    /// Reads from `stream`, once; `path` is what to call it.
    ///
    /// # Errors
    /// When its first bytes cannot be read, or are those of an archive.
    pub fn from_stream(path: &Path, mut stream: Box<dyn Read + Send>) -> Result<Self> {
        let mut head = vec![0; HEAD_BYTES];
        let mut n = 0;
        // Waits for a slow writer until there is a line to look at.
        while n < head.len() && !head[..n].contains(&b'\n') {
            match stream.read(&mut head[n..]) {
                Ok(0) => break,
                Ok(more) => n += more,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(Error::Stream(format!("read {}", path.display()), e)),
            }
        }
        head.truncate(n);
        let kind = InputKind::of(path, &head, InputKind::Stream)?;
        let utf16 = utf16::order(&head).filter(|_| kind == InputKind::Stream);
        let opened = Opened { head: Arc::new(head), rest: Arc::new(Mutex::new(Some(stream))) };
        let opened = Some(opened);
        Ok(Self {
            path: path.into(),
            kind,
            file: None,
            size: 0,
            opened,
            elements: false,
            utf16,
            by_calls: false,
            ignored: Arc::default(),
        })
    }

    /// The same with each JSON element as a line: what is in an array, and objects of several lines.
    /// It is then a stream.
    #[must_use]
    pub fn with_elements(self) -> Self {
        Self { elements: true, ..self }
    }

    /// Whether no path was named, and calls were chosen because the file was resident when it was
    /// opened.
    #[must_use]
    pub fn is_by_calls(&self) -> bool {
        self.by_calls
    }

    /// The first bytes of a stream.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        self.opened.as_ref().map_or(&[], |opened| &opened.head)
    }

    /// The first bytes of a stream, decompressed as far as they go.
    #[must_use]
    pub fn head_text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        let head = Box::new(io::Cursor::new(self.head().to_vec()));
        // What follows the head is not missing, so what seems to be ignored here may not be.
        if let Ok(bytes) = self.decompressed(head, &Arc::default()) {
            // The rest is missing, so it ends in an error; the text before that is what counts.
            let _ = bytes.take(HEAD_BYTES as u64).read_to_end(&mut text);
        }
        text
    }

    /// The error for a stream that fails.
    pub(crate) fn failed(&self, e: io::Error) -> Error {
        self.kind.failed(&self.path, e)
    }

    /// A remark about bytes after the compressed data that the last pass ignored, once for each pass.
    #[must_use]
    pub fn take_remark(&self) -> Option<String> {
        let bytes = self.ignored.swap(0, Ordering::Relaxed);
        (bytes > 0).then(|| {
            let name = self.path.display();
            format!(
                "{name}: {bytes} bytes after its compressed data were ignored; likely cause: text was \
                 appended to the compressed file; tail -c {bytes} {name} shows them"
            )
        })
    }

    /// Bytes of the file when it was opened, compressed if it is; 0 for a stream.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The file, where it has bytes at offsets that are lines.
    #[must_use]
    pub fn plain(&self) -> Option<&File> {
        self.file.as_ref().filter(|_| self.kind == InputKind::Plain && !self.is_changed())
    }

    /// Whether its lines are not the bytes of the file.
    fn is_changed(&self) -> bool {
        self.elements || self.utf16.is_some()
    }

    /// The order of the bytes of a log in UTF-16. Its lines are read as UTF-8, and offsets are those in
    /// that text.
    #[must_use]
    pub fn utf16(&self) -> Option<Utf16Order> {
        self.utf16
    }

    /// The bytes from the start, decompressed, in order.
    ///
    /// # Errors
    /// When the stream cannot be opened or its compression is not understood.
    pub fn stream(&self) -> Result<Box<dyn Read + Send>> {
        let bytes: Box<dyn Read + Send> = match (&self.file, &self.opened) {
            (Some(file), _) => Box::new(InOrder { file: file.clone(), at: 0 }),
            (None, Some(opened)) => {
                let rest = opened.rest.lock().unwrap_or_else(PoisonError::into_inner).take();
                let rest = rest.ok_or_else(|| {
                    let again = io::Error::other("a stream can be read only once");
                    Error::Stream(format!("read {}", self.path.display()), again)
                })?;
                Box::new(io::Cursor::new(opened.head.to_vec()).chain(rest))
            }
            (None, None) => Box::new(io::empty()),
        };
        self.decompressed(bytes, &self.ignored)
    }

    fn decompressed(
        &self,
        bytes: Box<dyn Read + Send>,
        ignored: &Arc<AtomicU64>,
    ) -> Result<Box<dyn Read + Send>> {
        let text = if self.kind.is_compressed() {
            decode::text(bytes, ignored).map_err(|e| self.failed(e))?
        } else {
            bytes
        };
        let text = match self.utf16 {
            Some(order) => Box::new(Utf16::new(text, order)),
            None => text,
        };
        if self.elements {
            let mut text = text;
            let mut head = Vec::new();
            text.by_ref()
                .take(ELEMENTS_HEAD_BYTES)
                .read_to_end(&mut head)
                .map_err(|e| self.failed(e))?;
            head.drain(..mark_length(&head));
            let is_otlp = otlp::is_otlp(&head);
            let text = io::Cursor::new(head).chain(text);
            return Ok(if is_otlp {
                Box::new(Otlp::new(text))
            } else {
                Box::new(Elements::new(text))
            });
        }
        Ok(text)
    }
}

/// At how many places of a file residency is sampled, and how many bytes at each: counting all
/// pages of a file of 100 GiB takes 50 ms.
const RESIDENCY_PLACES: u64 = 16;
const RESIDENCY_BYTES: u64 = 1 << 20;

/// Whether a file is in the page cache, by samples. A pass touches each page once, so a map never
/// pays (measured: 0.21 s by map, 0.16 s by calls, for a search of 1 GiB); the chooser, which must
/// expect repeated reads, would map it.
fn is_resident(file: &File, size: u64) -> bool {
    (0..RESIDENCY_PLACES).all(|place| {
        let at = (u128::from(size) * u128::from(place) / u128::from(RESIDENCY_PLACES)) as u64;
        file.residency(at..at.saturating_add(RESIDENCY_BYTES).min(size))
            .is_ok_and(|r| r.resident.saturating_mul(100) >= r.pages.saturating_mul(90))
    })
}

/// Whether the kernel makes the file's bytes as they are read, so that its size is wrong: 0 in
/// /proc, a page in /sys.
fn is_generated(file: &File, size: u64) -> bool {
    const SYSFS: u64 = 0x6265_6572;
    size == 0 || rustix::fs::fstatfs(file).is_ok_and(|fs| fs.f_type as u64 == SYSFS)
}

fn is_stream(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|m| !m.is_file() && !m.is_dir())
}

/// A file read from its start on.
struct InOrder {
    file: File,
    at: u64,
}

impl Read for InOrder {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buf, self.at);
        let n = if has_none_now(&read) { 0 } else { read? };
        self.at += n as u64;
        Ok(n)
    }
}

/// Whether bytes come later, as from /proc/kmsg: the file was opened without waiting, and ends here for now.
fn has_none_now(read: &cutwater::Result<usize>) -> bool {
    let errno = read.as_ref().err().and_then(cutwater::Error::raw_os_error);
    errno == Some(Errno::AGAIN.raw_os_error())
}
