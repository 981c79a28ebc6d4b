//! Settings that a user gives for separated values: `csv,delimiter=;,header=no`.

use crate::{Error, Result};

/// What the user gave, and is not found from the lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) delimiter: Option<u8>,
    pub(super) header: Option<bool>,
    /// The mark of comments; `Some(None)` for no comments.
    pub(super) comment: Option<Option<u8>>,
}

/// The settings of `csv` or `tsv`; `None` for other names.
pub(super) fn named(name: &str) -> Result<Option<Settings>> {
    let (format, rest) = name.split_once(',').unwrap_or((name, ""));
    let mut settings = Settings::default();
    match format {
        "csv" => {}
        "tsv" => settings.delimiter = Some(b'\t'),
        _ => return Ok(None),
    }
    for setting in rest.split(',').filter(|setting| !setting.is_empty()) {
        set(&mut settings, setting)?;
    }
    Ok(Some(settings))
}

fn set(settings: &mut Settings, setting: &str) -> Result<()> {
    let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
    match (key, value) {
        ("header", "yes") => settings.header = Some(true),
        ("header", "no") => settings.header = Some(false),
        ("comment", "none") => settings.comment = Some(None),
        ("comment", mark) if is_mark(mark) => settings.comment = Some(mark.bytes().next()),
        ("delimiter", "comma") => settings.delimiter = Some(b','),
        ("delimiter", "tab") => settings.delimiter = Some(b'\t'),
        ("delimiter", mark) if is_mark(mark) => settings.delimiter = mark.bytes().next(),
        _ => {
            return Err(Error::request(format!(
                "{setting:?} is not a setting of csv; there are header=yes, header=no, delimiter=X (a \
                 character, comma or tab) and comment=X (a character or none), as in \
                 csv,delimiter=;,header=no"
            )));
        }
    }
    Ok(())
}

/// One character of ASCII that may separate or mark: no quote, no line break.
fn is_mark(text: &str) -> bool {
    matches!(text.as_bytes(), [mark] if mark.is_ascii() && !b"\"\r\n".contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_follow_the_name() {
        let all = Settings { delimiter: Some(b';'), header: Some(false), comment: Some(None) };
        assert_eq!(named("csv,delimiter=;,header=no,comment=none").unwrap(), Some(all));
        assert_eq!(named("csv").unwrap(), Some(Settings::default()));
        assert_eq!(named("tsv").unwrap().and_then(|s| s.delimiter), Some(b'\t'));
        assert_eq!(named("json").unwrap(), None);
        for wrong in
            ["csv,header", "csv,header=maybe", "csv,delimiter=\"", "csv,x=1", "csv,comment="]
        {
            assert!(named(wrong).unwrap_err().is_request(), "{wrong}");
        }
    }
}
