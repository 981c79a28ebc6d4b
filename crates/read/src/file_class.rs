//! Names under which reads are counted.

use std::sync::{Mutex, PoisonError};

/// Names that metrics distinguish, `default` and `other` among them.
const CLASSES_MAX: usize = 8;
/// Bytes of a name.
const NAME_BYTES_MAX: usize = 64;
/// The name of files without a class.
const DEFAULT: &str = "default";
/// The name of all classes beyond the bound.
const OTHER: &str = "other";

/// A kind of file by the caller's own division ("index", "segments"), under which metrics count
/// its reads. There are 8 at most, as each is a series for every path and every metric: files
/// without a class are "default", and those whose name comes too late are "other".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct FileClass(u8);

static NAMES: Mutex<Vec<String>> = Mutex::new(Vec::new());

impl FileClass {
    pub(crate) const COUNT: usize = CLASSES_MAX;

    /// The class of this name, cut at 64 bytes; the same name is the same class in the whole
    /// process.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let ends = name.char_indices().map(|(at, c)| at + c.len_utf8());
        let end = ends.take_while(|end| *end <= NAME_BYTES_MAX).last().unwrap_or(0);
        let name = &name[..end];
        if name == DEFAULT {
            return Self::default();
        }
        let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
        let known = names.iter().position(|n| n == name);
        let at = known.unwrap_or_else(|| {
            if names.len() < CLASSES_MAX - 2 && name != OTHER {
                names.push(name.to_owned());
                names.len() - 1
            } else {
                CLASSES_MAX - 2
            }
        });
        Self(at as u8 + 1)
    }

    /// What metrics call it.
    #[must_use]
    pub fn name(self) -> String {
        match self.index() {
            0 => DEFAULT.to_owned(),
            i => {
                let names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
                names.get(i - 1).map_or_else(|| OTHER.to_owned(), Clone::clone)
            }
        }
    }

    /// Every class.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..CLASSES_MAX as u8).map(Self)
    }

    pub(crate) fn index(self) -> usize {
        usize::from(self.0).min(CLASSES_MAX - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_bound_share_one_class() {
        assert_eq!(FileClass::named("default"), FileClass::default());
        assert_eq!(FileClass::default().name(), "default");
        let first = FileClass::named("a");
        assert_eq!((first, first.name()), (FileClass::named("a"), "a".to_owned()));
        let long = "\u{e4}".repeat(NAME_BYTES_MAX);
        assert_eq!(FileClass::named(&long).name(), "\u{e4}".repeat(NAME_BYTES_MAX / 2));
        let late: Vec<_> =
            (0..2 * CLASSES_MAX).map(|i| FileClass::named(&format!("n{i}"))).collect();
        assert_eq!(late[CLASSES_MAX].name(), "other");
        assert_eq!(late[CLASSES_MAX], FileClass::named("other"));
        assert_eq!(FileClass::named("a"), first);
        assert!(late.iter().all(|c| c.index() < FileClass::COUNT));
    }
}
