//! The kernel's own description of its types: `/sys/kernel/btf/vmlinux`.

use std::fs;

/// No kernel's description is this large; a few MiB are usual.
const BYTES_MAX: u64 = 256 << 20;
const PATH: &str = "/sys/kernel/btf/vmlinux";
const HEADER_BYTES: usize = 24;
const MAGIC: u16 = 0xeb9f;

/// The classes of types that are searched by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TypeClass {
    Struct = 4,
    Typedef = 8,
}

/// The description.
#[derive(Debug)]
pub(super) struct Btf {
    bytes: Vec<u8>,
    /// The offset of each type, from number 1 on.
    types: Vec<usize>,
    strings: usize,
}

/// The first two of the three words that each type begins with.
#[derive(Debug, Clone, Copy)]
struct Type {
    name: u32,
    info: u32,
}

impl Type {
    fn kind(self) -> u32 {
        (self.info >> 24) & 0x1f
    }

    fn len(self) -> usize {
        (self.info & 0xffff) as usize
    }

    /// Bytes after the three words, by kind; none for an unknown kind.
    fn more_bytes(self) -> Option<usize> {
        Some(match self.kind() {
            1 | 14 | 17 => 4,
            2 | 7..=12 | 16 | 18 => 0,
            3 => 12,
            4 | 5 | 15 | 19 => self.len() * 12,
            6 | 13 => self.len() * 8,
            _ => return None,
        })
    }
}

impl Btf {
    /// Reads the description of the running kernel.
    pub(super) fn of_kernel() -> std::io::Result<Self> {
        let bytes = fs::metadata(PATH)?.len();
        if bytes > BYTES_MAX {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        Self::parse(fs::read(PATH)?).ok_or_else(|| std::io::ErrorKind::InvalidData.into())
    }

    fn parse(bytes: Vec<u8>) -> Option<Self> {
        if u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?) != MAGIC {
            return None;
        }
        let header = |word: usize| Some(word_at(&bytes, word * 4)? as usize);
        let start = header(1)?;
        if start < HEADER_BYTES {
            return None;
        }
        let mut at = start.checked_add(header(2)?)?;
        let end = at.checked_add(header(3)?)?;
        let strings = start.checked_add(header(4)?)?;
        let mut types = Vec::new();
        while at < end {
            types.push(at);
            at += 12 + type_at(&bytes, at)?.more_bytes()?;
        }
        Some(Self { bytes, types, strings })
    }

    /// The number of a type.
    pub(super) fn find(&self, class: TypeClass, name: &str) -> Option<u32> {
        let at = self.types.iter().position(|at| {
            type_at(&self.bytes, *at)
                .is_some_and(|t| t.kind() == class as u32 && self.name(t.name) == name.as_bytes())
        })?;
        u32::try_from(at + 1).ok()
    }

    /// The offset of a field in its struct, bytes.
    pub(super) fn offset(&self, of: &str, field: &str) -> Option<i16> {
        let (at, of) = self.get(self.find(TypeClass::Struct, of)?)?;
        let is_packed = of.info >> 31 == 1;
        let bits = (0..of.len()).map(|i| at + 12 + i * 12).find_map(|member| {
            let name = word_at(&self.bytes, member)?;
            let offset = word_at(&self.bytes, member + 8)?;
            // If the struct has bit-fields, the upper byte is a width.
            let offset = if is_packed { offset & 0xff_ffff } else { offset };
            (self.name(name) == field.as_bytes()).then_some(offset)
        })?;
        i16::try_from(bits / 8).ok()
    }

    fn get(&self, number: u32) -> Option<(usize, Type)> {
        let at = *self.types.get((number as usize).checked_sub(1)?)?;
        Some((at, type_at(&self.bytes, at)?))
    }

    /// A name ends in zero.
    fn name(&self, offset: u32) -> &[u8] {
        let at = self.strings.saturating_add(offset as usize);
        let rest = self.bytes.get(at..).unwrap_or_default();
        rest.split(|b| *b == 0).next().unwrap_or_default()
    }
}

fn type_at(bytes: &[u8], at: usize) -> Option<Type> {
    let word = |i: usize| word_at(bytes, at + i * 4);
    Some(Type { name: word(0)?, info: word(1)? })
}

fn word_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `int`, `struct pair { int a; int b; }`, a pointer to it, and `typedef struct pair sum`.
    fn small() -> Vec<u8> {
        let strings = b"\0int\0pair\0a\0b\0sum\0";
        let kind = |kind: u32, len: u32| kind << 24 | len;
        let types: Vec<u32> = [
            &[1, kind(1, 0), 4, 32][..],
            &[5, kind(4, 2), 8, 10, 1, 0, 12, 1, 32],
            &[0, kind(2, 0), 2],
            &[14, kind(8, 0), 2],
        ]
        .concat();
        let types_len = (types.len() * 4) as u32;
        let mut bytes = [MAGIC.to_ne_bytes(), [1, 0]].concat();
        for word in [24, 0, types_len, types_len, strings.len() as u32] {
            bytes.extend(word.to_ne_bytes());
        }
        bytes.extend(types.iter().flat_map(|w| w.to_ne_bytes()));
        bytes.extend(strings);
        bytes
    }

    #[test]
    fn types_and_fields_are_found_by_name() {
        let btf = Btf::parse(small()).unwrap();
        assert_eq!(btf.find(TypeClass::Typedef, "sum"), Some(4));
        assert_eq!((btf.offset("pair", "a"), btf.offset("pair", "b")), (Some(0), Some(4)));
        assert_eq!((btf.offset("pair", "c"), btf.offset("sum", "a")), (None, None));
        assert_eq!(btf.find(TypeClass::Typedef, "pair"), None);
    }

    #[test]
    fn what_is_cut_short_or_no_description_is_none_and_no_panic() {
        let whole = small();
        for len in 0..whole.len() {
            let cut = Btf::parse(whole[..len].to_vec());
            assert!(
                cut.is_none_or(|btf| btf.find(TypeClass::Typedef, "sum").is_none_or(|n| n == 4))
            );
        }
        assert!(Btf::parse(vec![0; 100]).is_none());
        let mut unknown = whole;
        unknown[HEADER_BYTES + 4 + 3] = 31;
        assert!(Btf::parse(unknown).is_none());
    }

    #[test]
    fn the_running_kernels_description_has_what_it_must_have() {
        match Btf::of_kernel() {
            Ok(btf) => assert_eq!(btf.offset("list_head", "prev"), Some(size_of::<usize>() as i16)),
            Err(e) => cutwater_testing::skip!("{e}"),
        }
    }
}
