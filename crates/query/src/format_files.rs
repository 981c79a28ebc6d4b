//! The files that a format is read from.

use std::path::PathBuf;

use cutwater_shell::formats;

/// The files that are read for the format `name`: `FILE.toml`, `FILE.json` or `FILE.json:NAME`, and the folder
/// of the user's formats. They are inputs like the logs.
#[must_use]
pub fn format_files(name: Option<&str>) -> Vec<PathBuf> {
    let is_file = |text: &&str| text.ends_with(".toml") || text.ends_with(".json");
    let named = name.and_then(|name| {
        let before_name = name.rsplit_once(':').map(|(file, _)| file).filter(is_file);
        before_name.or(Some(name).filter(is_file))
    });
    named.map(PathBuf::from).into_iter().chain(formats::folder()).collect()
}
