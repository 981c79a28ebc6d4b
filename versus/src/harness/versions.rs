//! Versions of the packages that this binary was built with.

/// The lock file of the build.
const LOCK: &str = include_str!("../../../Cargo.lock");

/// The version of `package` in the lock file, or `None` when it is not there. Of several,
/// the newest, which is the one listed last.
pub(crate) fn locked(package: &str) -> Option<String> {
    let mut found = None;
    let mut lines = LOCK.lines();
    while let Some(line) = lines.next() {
        if quoted(line, "name") == Some(package) {
            found = lines.next().and_then(|l| quoted(l, "version")).or(found);
        }
    }
    found.map(str::to_owned)
}

fn quoted<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_is_found_and_strangers_are_not() {
        assert_eq!(locked("versus").as_deref(), Some(env!("CARGO_PKG_VERSION")));
        assert_eq!(locked("no-such-package"), None);
    }
}
