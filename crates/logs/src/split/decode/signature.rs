//! What a file is by its first bytes.

/// How many first bytes are looked at: a block of tar.
pub(crate) const HEAD_BYTES: usize = 512;

/// How one part of a compressed file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// RFC 1952.
    Gzip,
    Bzip2,
    /// RFC 8878.
    Zstd,
    /// The format of `xz`, by its own specification.
    Xz,
    /// The older format of `xz` and LZMA Utils.
    Lzma,
    Lzip,
    /// The frame format of LZ4.
    Lz4,
    /// Blocks of LZ4 without an end mark, as `lz4 -l` writes them.
    Lz4Legacy,
    /// A frame without data, which Zstandard and LZ4 share.
    Skippable,
}

/// The format that the first bytes of `head` are the signature of.
pub(crate) fn format(head: &[u8]) -> Option<Format> {
    Some(match head {
        [0x1f, 0x8b, ..] => Format::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Format::Zstd,
        [0x04, 0x22, 0x4d, 0x18, ..] => Format::Lz4,
        [0x02, 0x21, 0x4c, 0x18, ..] => Format::Lz4Legacy,
        [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Format::Skippable,
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Format::Xz,
        [b'L', b'Z', b'I', b'P', 0 | 1, ..] => Format::Lzip,
        // A log may begin with "BZh1": the mark of the first block, or of the end, has to follow.
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..]
        | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..] => Format::Bzip2,
        _ if is_lzma(head) => Format::Lzma,
        _ => return None,
    })
}

/// Whether a header of `.lzma` begins, which has no signature: the usual properties, a size of the
/// dictionary that `xz` writes, and a size of the text below 256 GiB or not known.
fn is_lzma(head: &[u8]) -> bool {
    let [0x5d, d0, d1, d2, d3, size @ ..] = head else { return false };
    let Some(size) = size.first_chunk::<8>() else { return false };
    let dictionary = u32::from_le_bytes([*d0, *d1, *d2, *d3]);
    let size = u64::from_le_bytes(*size);
    let is_usual = dictionary.is_power_of_two()
        || dictionary % 3 == 0 && (dictionary / 3).is_power_of_two()
        || dictionary == u32::MAX;
    dictionary >= 1 << 12 && is_usual && (size == u64::MAX || size < 1 << 38)
}

/// A file that is not read, and the command that unpacks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Archive {
    /// With its article.
    pub(crate) what: &'static str,
    /// The command; the name of the file follows.
    pub(crate) unpack: &'static str,
    /// Whether the command also unpacks it where it is compressed.
    pub(crate) is_unpacked_compressed: bool,
}

/// The archive, or the compression without a decoder here, that `head` begins.
pub(crate) fn archive(head: &[u8]) -> Option<Archive> {
    let (what, unpack) = match head {
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] | [b'P', b'K', 7, 8, ..] => {
            ("a zip archive", "unzip")
        }
        [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => ("a 7z archive", "7z x"),
        [b'R', b'a', b'r', b'!', 0x1a, 0x07, ..] => ("a rar archive", "unrar x"),
        [0x1f, 0x9d, ..] => ("a file of compress", "uncompress"),
        [0x89, b'L', b'Z', b'O', 0, b'\r', b'\n', 0x1a, b'\n', ..] => ("a file of lzop", "lzop -d"),
        _ if is_tar(head) => ("a tar archive", "tar -xf"),
        _ => return None,
    };
    Some(Archive { what, unpack, is_unpacked_compressed: unpack.starts_with("tar") })
}

/// Whether a header of tar begins: by the mark of POSIX and GNU, or, as archives before POSIX have no mark,
/// by the sum of its bytes.
fn is_tar(head: &[u8]) -> bool {
    let Some(header) = head.first_chunk::<512>() else { return false };
    header[257..].starts_with(b"ustar") || is_tar_sum(header)
}

fn is_tar_sum(header: &[u8; 512]) -> bool {
    let field = &header[148..156];
    let Ok(digits) = std::str::from_utf8(field) else { return false };
    let stated = u32::from_str_radix(digits.trim_matches(['\0', ' ']), 8);
    // The sum counts its own field as blanks.
    let sum = |bytes: &[u8]| bytes.iter().map(|&b| u32::from(b)).sum::<u32>();
    header[0] != 0 && stated == Ok(sum(header) - sum(field) + 8 * u32::from(b' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_begins_like_a_signature_is_text() {
        for text in ["BZh1 is a device", "PKI started", "Rar!", "7z x", "LZIP", "]\0\0", "\u{1f}"] {
            let head = [text.as_bytes(), &[b' '; 512]].concat();
            assert_eq!((format(&head), archive(&head)), (None, None), "{text}");
        }
    }

    #[test]
    fn tar_is_recognized_by_its_mark_and_by_its_sum() {
        let mut header = [0; 512];
        header[..5].copy_from_slice(b"a.log");
        assert!(!is_tar(&header));
        let sum: u32 = header.iter().map(|&b| u32::from(b)).sum::<u32>() + 8 * 32;
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        assert!(is_tar(&header));
        header[0] = b'b';
        assert!(!is_tar(&header));
        header[257..262].copy_from_slice(b"ustar");
        assert_eq!(archive(&header).map(|a| a.unpack), Some("tar -xf"));
    }
}
