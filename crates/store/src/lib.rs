//! Local files as an [`ObjectStore`] that reads through Cutwater's paths.
//!
//! Ranges that are known ahead are read in one call ([`cutwater::File::read_ranges`]): what is
//! resident is copied, and the rest is in flight together. A single small range that is resident is
//! copied by the task that asks, and no other thread is woken for it. Everything that does not read
//! is [`LocalFileSystem`]'s: listing, and writing by a file that gets its name when it is whole.
//!
//! ```
//! use cutwater_store::Files;
//! use object_store::{ObjectStore, path::Path};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # let directory = dir.path();
//! # std::fs::write(directory.join("part-0.parquet"), b"0123456789")?;
//!
//! let files = Files::below(directory)?; // or Files::new(), by absolute paths
//! let bytes = files.get_ranges(&Path::from("part-0.parquet"), &[0..4, 6..10]).await?;
//! # assert_eq!(bytes, ["0123", "6789"]);
//! # Ok(()) }
//! ```
//!
//! DataFusion takes it by `context.register_object_store(&Url::parse("file://")?, Arc::new(Files::new()))`;
//! its calls need a Tokio runtime, as those of `LocalFileSystem` do.
//!
//! A reader that comes back to a file, as those of Parquet do, may find another one in its place.
//! [`Files::steady`] makes that an error.
//!
//! # Errors
//! Those of [`LocalFileSystem`] where it does the work. Reads of ranges fail with [`Error::NotFound`]
//! where there is no such file and [`Error::Generic`] otherwise; the source is the [`cutwater::Error`].
#![forbid(unsafe_code)]

mod known;

use std::fmt;
use std::ops::{ControlFlow, Range};
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use cutwater::{File, OpenOptions, Order, Pattern};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use known::Known;

/// Bytes of a stream's chunk.
const CHUNK_BYTES: u64 = 1 << 20;

/// The most resident bytes that a task copies by itself: to copy them takes about as long as to wake
/// another thread and be woken by it.
const INLINE_BYTES: u64 = 128 << 10;

/// Local files.
#[derive(Debug, Clone, Default)]
pub struct Files {
    local: Arc<LocalFileSystem>,
    known: Option<Arc<Known>>,
}

impl Files {
    /// The whole file system, by absolute paths.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All files below `directory`.
    ///
    /// # Errors
    /// When there is no such directory.
    pub fn below(directory: &std::path::Path) -> Result<Self> {
        Ok(Self { local: Arc::new(LocalFileSystem::new_with_prefix(directory)?), known: None })
    }

    /// The same files, but [`ObjectStore::get_ranges`] reads a file only if it has not changed since it
    /// was last listed or its metadata were asked for. A reader that plans by the sizes and footers of
    /// files, and then reads parts of them one after another, gets all parts from the same file.
    ///
    /// A file that was replaced or written since then is [`Error::Precondition`].
    #[must_use]
    pub fn steady(self) -> Self {
        Self { known: Some(Arc::default()), ..self }
    }

    fn path(&self, location: &Path) -> Result<PathBuf> {
        self.local.path_to_filesystem(location)
    }

    /// The file as it was listed, and its path; fails if it is another by now.
    async fn found(&self, location: &Path, tag: String) -> Result<(File, PathBuf)> {
        let options = GetOptions { if_match: Some(tag), ..GetOptions::default() };
        match self.local.get_opts(location, options).await {
            Ok(GetResult { payload: GetResultPayload::File(file, path), .. }) => {
                let file = OpenOptions::default().pattern(Pattern::Random).from_fd(file.into());
                Ok((file.map_err(failed)?, path))
            }
            Ok(_) => Err(failed(format!("{location} is not a file"))),
            Err(Error::Precondition { path, .. }) => {
                let words = "it was replaced or written since it was listed";
                Err(Error::Precondition { path, source: words.into() })
            }
            Err(other) => Err(other),
        }
    }
}

impl fmt::Display for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cutwater over {}", self.local)
    }
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Generic { store: "cutwater", source: error.into() }
}

/// Opens a file. Table formats ask whether a file exists by [`Error::NotFound`].
fn open(path: &std::path::Path, pattern: Pattern) -> Result<File> {
    let opened = OpenOptions::default().pattern(pattern).open(path);
    opened.map_err(|error| match path.to_str() {
        Some(name) if error.is_not_found() => {
            Error::NotFound { path: name.to_owned(), source: error.into() }
        }
        _ => failed(error),
    })
}

/// Runs work that may wait for a device in a thread that may block.
async fn waiting<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(e) => Err(failed(e)),
    }
}

/// The bytes of `ranges`. Resident ranges are copied one by one, up to the first that is not resident;
/// that one and all after it are read together.
fn read_ranges(file: &File, name: &std::path::Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
    let size = file.size().map_err(failed)?;
    if let Some(range) = ranges.iter().find(|range| range.end > size) {
        let words = format!("{} ends in the middle of the bytes {range:?}", name.display());
        return Err(failed(words));
    }
    let length = |range: &Range<u64>| range.end.saturating_sub(range.start) as usize;
    let mut read: Vec<_> = ranges.iter().map(|range| vec![0; length(range)]).collect();
    let mut done = 0;
    for (bytes, range) in read.iter_mut().zip(ranges) {
        if !matches!(file.read_at_nowait(bytes, range.start), Ok(Some(n)) if n == bytes.len()) {
            break;
        }
        done += 1;
    }
    match (&ranges[done..], &mut read[done..]) {
        ([], _) => {}
        // No other read could be in flight with it.
        ([range], [bytes]) => file.read_exact_at(bytes, range.start).map_err(failed)?,
        (rest, into) => read_together(file, rest, into)?,
    }
    Ok(read.into_iter().map(Bytes::from).collect())
}

fn read_together(file: &File, ranges: &[Range<u64>], into: &mut [Vec<u8>]) -> Result<()> {
    let mut filled = 0;
    let wanted: usize = into.iter().map(Vec::len).sum();
    let read = file.read_ranges(ranges, Order::Completion, |piece| {
        let at = (piece.offset - ranges[piece.index].start) as usize;
        into[piece.index][at..at + piece.bytes.len()].copy_from_slice(piece.bytes);
        filled += piece.bytes.len();
        ControlFlow::Continue(())
    });
    read.map_err(failed)?;
    if filled < wanted {
        return Err(failed("the file became shorter while it was read"));
    }
    Ok(())
}

/// The bytes of `range`, if no wait is needed for them.
fn resident(file: &File, range: &Range<u64>) -> Option<Bytes> {
    let length = range.end.saturating_sub(range.start);
    if length > INLINE_BYTES {
        return None;
    }
    let mut bytes = vec![0; length as usize];
    match file.read_at_nowait(&mut bytes, range.start) {
        Ok(Some(n)) if n == bytes.len() => Some(bytes.into()),
        // An error comes again where it can be reported.
        _ => None,
    }
}

/// The bytes of `range` in order, a chunk at a time.
fn chunks(file: File, path: PathBuf, range: Range<u64>) -> BoxStream<'static, Result<Bytes>> {
    let next = move |(file, at): (File, u64)| {
        let (path, end) = (path.clone(), range.end);
        async move {
            if at >= end {
                return Ok(None);
            }
            let (file, bytes) = waiting(move || {
                let mut chunk = vec![0; (end - at).min(CHUNK_BYTES) as usize];
                let n = file.read_at(&mut chunk, at).map_err(failed)?;
                if n == 0 {
                    return Err(failed(format!("{} became shorter", path.display())));
                }
                chunk.truncate(n);
                Ok((file, Bytes::from(chunk)))
            })
            .await?;
            let at = at + bytes.len() as u64;
            Ok(Some((bytes, (file, at))))
        }
    };
    stream::try_unfold((file, range.start), next).boxed()
}

#[async_trait]
impl ObjectStore for Files {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.local.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.local.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        // The caller may know better ways to read a whole file than a stream of its bytes.
        let whole = options.head || options.range.is_none();
        // Preconditions and ranges are checked there; its file is not read.
        let is_asked = options.head;
        let found = self.local.get_opts(location, options).await?;
        if let Some(known) = self.known.as_ref().filter(|_| is_asked) {
            known.add(&found.meta);
        }
        if whole {
            return Ok(found);
        }
        let GetResult { payload: GetResultPayload::File(file, path), .. } = found else {
            return Ok(found);
        };
        let (meta, range, attributes) = (found.meta, found.range, found.attributes);
        let wanted = range.clone();
        let is_small = wanted.end - wanted.start <= CHUNK_BYTES;
        let pattern = if is_small { Pattern::Random } else { Pattern::Sequential };
        // The file that was found, and not another that has its name by now.
        let file = OpenOptions::default().pattern(pattern).from_fd(file.into()).map_err(failed)?;
        let payload = if let Some(bytes) = resident(&file, &wanted) {
            stream::iter([Ok(bytes)]).boxed()
        } else if is_small {
            let once = waiting(move || read_ranges(&file, &path, &[wanted]));
            let bytes = once.await?.into_iter().map(Ok).collect::<Vec<_>>();
            stream::iter(bytes).boxed()
        } else {
            chunks(file, path, wanted)
        };
        Ok(GetResult { payload: GetResultPayload::Stream(payload), meta, range, attributes })
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        if let Some(tag) = self.known.as_ref().and_then(|known| known.tag(location)) {
            let ((file, path), ranges) = (self.found(location, tag).await?, ranges.to_vec());
            return waiting(move || read_ranges(&file, &path, &ranges)).await;
        }
        let (path, ranges) = (self.path(location)?, ranges.to_vec());
        waiting(move || read_ranges(&open(&path, Pattern::Random)?, &path, &ranges)).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.local.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let all = self.local.list(prefix);
        let Some(known) = self.known.clone() else { return all };
        all.inspect_ok(move |meta| known.add(meta)).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let found = self.local.list_with_delimiter(prefix).await?;
        if let Some(known) = &self.known {
            found.objects.iter().for_each(|meta| known.add(meta));
        }
        Ok(found)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.local.copy_opts(from, to, options).await
    }
}
