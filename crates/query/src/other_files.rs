//! Tables of files other than logs: Parquet and Arrow, by the engine's own readers.

use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cutwater_shell::words::shown;
use datafusion::catalog::TableProvider;
use datafusion::execution::options::ArrowReadOptions;
use datafusion::prelude::{ParquetReadOptions, SessionContext};

use crate::Failure;
use crate::engine_error::engine_failure;
use crate::file_type::FileType;

/// The table of these files, which are of one kind.
///
/// # Errors
/// When one of them cannot be opened.
pub(crate) async fn view(
    context: &SessionContext,
    kind: FileType,
    paths: &[PathBuf],
) -> Result<Arc<dyn TableProvider>, Failure> {
    let urls = paths.iter().map(|path| url(path)).collect::<Result<Vec<_>, _>>()?;
    let extension = paths.first().and_then(|p| p.extension()).and_then(|e| e.to_str());
    let file_extension = &*format!(".{}", extension.unwrap_or(""));
    let read = match kind {
        FileType::Parquet => {
            let options = ParquetReadOptions { file_extension, ..Default::default() };
            context.read_parquet(urls, options).await
        }
        FileType::Arrow | FileType::Log => {
            let options = ArrowReadOptions { file_extension, ..Default::default() };
            context.read_arrow(urls, options).await
        }
    };
    Ok(read.map_err(engine_failure)?.into_view())
}

/// The URL of a file, so that the engine does not take its name for a pattern.
fn url(path: &Path) -> Result<String, Failure> {
    let missing = |e| Failure::new(format!("cannot open {}", shown(path))).because(e);
    let absolute = path.canonicalize().map_err(missing)?;
    let mut url = "file://".to_owned();
    for &byte in absolute.as_os_str().as_bytes() {
        // RFC 3986, section 2.3, and what separates directories.
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            url.push(char::from(byte));
        } else {
            let _ = write!(url, "%{byte:02X}");
        }
    }
    if absolute.is_dir() {
        url.push('/');
    }
    Ok(url)
}
