//! Every format whole, in several parts, cut off, damaged, and followed by other bytes.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::signature::{Format, format};
use super::{beside, is_advice, text};

/// A text, seen for the first time, of about 200 KB.
fn sample() -> Vec<u8> {
    let mut out = Vec::new();
    for n in 0..3000_u64 {
        let random = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        writeln!(out, "2026-01-02T03:04:05Z level=info n={n} id={random:016x}").unwrap();
    }
    out
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    to.write_all(text).unwrap();
    to.finish().unwrap()
}

fn bzip2(text: &[u8]) -> Vec<u8> {
    let mut to = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    to.write_all(text).unwrap();
    to.finish().unwrap()
}

fn zstd(text: &[u8]) -> Vec<u8> {
    zstd::encode_all(text, 3).unwrap()
}

fn xz(text: &[u8]) -> Vec<u8> {
    let mut to = liblzma::write::XzEncoder::new(Vec::new(), 0);
    to.write_all(text).unwrap();
    to.finish().unwrap()
}

fn lzma(text: &[u8]) -> Vec<u8> {
    let options = liblzma::stream::LzmaOptions::new_preset(0).unwrap();
    let stream = liblzma::stream::Stream::new_lzma_encoder(&options).unwrap();
    let mut to = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
    to.write_all(text).unwrap();
    to.finish().unwrap()
}

/// A member of lzip: the stream of `.lzma` without its header, with a header and a trailer of its own.
fn lzip(text: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(text);
    // The dictionary of the lowest preset has 256 KiB.
    let mut out = b"LZIP\x01\x12".to_vec();
    out.extend_from_slice(&lzma(text)[13..]);
    out.extend_from_slice(&crc.sum().to_le_bytes());
    out.extend_from_slice(&(text.len() as u64).to_le_bytes());
    let length = out.len() as u64 + 8;
    out.extend_from_slice(&length.to_le_bytes());
    out
}

fn lz4_frame(text: &[u8], mode: lz4_flex::frame::BlockMode) -> Vec<u8> {
    let info = lz4_flex::frame::FrameInfo::new()
        .block_size(lz4_flex::frame::BlockSize::Max64KB)
        .block_mode(mode)
        .content_checksum(true);
    let mut to = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
    to.write_all(text).unwrap();
    to.finish().unwrap()
}

fn lz4(text: &[u8]) -> Vec<u8> {
    lz4_frame(text, lz4_flex::frame::BlockMode::Independent)
}

fn lz4_linked(text: &[u8]) -> Vec<u8> {
    lz4_frame(text, lz4_flex::frame::BlockMode::Linked)
}

fn lz4_legacy(text: &[u8]) -> Vec<u8> {
    let mut out = 0x184c_2102_u32.to_le_bytes().to_vec();
    for block in text.chunks(8 << 20) {
        let block = lz4_flex::block::compress(block);
        out.extend_from_slice(&(block.len() as u32).to_le_bytes());
        out.extend_from_slice(&block);
    }
    out
}

type Encoder = fn(&[u8]) -> Vec<u8>;

const ENCODERS: [(&str, Encoder); 9] = [
    ("gzip", gzip),
    ("bzip2", bzip2),
    ("zstd", zstd),
    ("xz", xz),
    ("lzma", lzma),
    ("lzip", lzip),
    ("lz4", lz4),
    ("lz4, linked", lz4_linked),
    ("lz4, legacy", lz4_legacy),
];

/// The text of `bytes`, how it ended, and how many bytes were ignored.
fn decoded(bytes: &[u8]) -> (Vec<u8>, io::Result<()>, u64) {
    let ignored = Arc::new(AtomicU64::new(0));
    let mut out = Vec::new();
    let ended = text(Box::new(io::Cursor::new(bytes.to_vec())), &ignored)
        .and_then(|stream| stream.take(64 << 20).read_to_end(&mut out))
        .map(|_| ());
    (out, ended, ignored.load(Ordering::Relaxed))
}

#[track_caller]
fn check(bytes: &[u8], text: &[u8], what: &str) {
    let (out, ended, ignored) = decoded(bytes);
    assert!(ended.is_ok() && ignored == 0, "{what}: {ended:?}, {ignored} bytes ignored");
    assert!(out == text, "{what}: {} bytes instead of {}", out.len(), text.len());
}

#[test]
fn every_format_is_decoded_whole_and_in_parts() {
    let text = sample();
    let (head, tail) = text.split_at(text.len() / 3);
    let padding = vec![0; 10_240];
    for (name, encode) in ENCODERS {
        check(&encode(&text), &text, name);
        check(&encode(b""), b"", name);
        check(&[encode(head), encode(b""), encode(tail)].concat(), &text, name);
        check(&[encode(&text), padding.clone()].concat(), &text, name);
    }
}

#[test]
fn parts_of_different_formats_follow_each_other() {
    let nothing = b"\x5f\x2a\x4d\x18\x02\0\0\0ab".to_vec();
    let mut all = nothing.clone();
    let mut expected = Vec::new();
    for (name, encode) in ENCODERS {
        all.extend_from_slice(&encode(name.as_bytes()));
        all.extend_from_slice(&nothing);
        expected.extend_from_slice(name.as_bytes());
    }
    check(&all, &expected, "all formats");
    check(&nothing, b"", "a frame without data");
}

#[test]
fn what_was_cut_off_is_an_error_after_the_text_before_it() {
    let text = sample();
    for (name, encode) in ENCODERS {
        let whole = encode(&text);
        let cuts = (16..60).chain((60..whole.len() - 1).step_by(997));
        for cut in cuts.chain(whole.len() - 9..whole.len()) {
            let (out, ended, ignored) = decoded(&whole[..cut]);
            assert!(text.starts_with(&out), "{name} at {cut}");
            // The text may be whole, and only the checksum missing.
            let e = ended.expect_err(&format!("{name} at {cut}"));
            assert_eq!(e.kind(), io::ErrorKind::UnexpectedEof, "{name} at {cut}: {e}");
            assert!(e.to_string().contains(&format!("after {} bytes", out.len())), "{name}: {e}");
            assert_eq!(ignored, 0, "{name} at {cut}");
        }
    }
}

#[test]
fn a_frame_of_lz4_that_ends_between_two_blocks_is_cut_off() {
    let text = sample();
    for encode in [lz4, lz4_linked] {
        let whole = encode(&text);
        let first = u32::from_le_bytes(*whole[7..].first_chunk().unwrap()) as usize;
        let (out, ended, _) = decoded(&whole[..7 + 4 + first]);
        assert_eq!(out, text[..64 << 10]);
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}

#[test]
fn damage_is_never_a_panic_and_never_without_bound() {
    let text = sample();
    for (name, encode) in ENCODERS {
        let whole = encode(&text[..5_000]);
        for at in (0..30).chain((30..whole.len()).step_by(97)).chain(whole.len() - 20..whole.len())
        {
            for flip in [0x01, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] ^= flip;
                let (out, ended, _) = decoded(&bytes);
                assert!(out.len() <= 1 << 20, "{name} at {at}: {} bytes", out.len());
                if let Err(e) = ended {
                    let plain = e.to_string().contains("bytes of text") || is_advice(&e);
                    assert!(plain, "{name} at {at}: {e}");
                }
            }
        }
    }
}

#[test]
fn bytes_after_gzip_and_bzip2_are_counted_and_after_others_they_are_damage() {
    let text = sample();
    for (name, encode) in ENCODERS {
        let (out, ended, ignored) = decoded(&[&encode(&text)[..], b"\0\0garbage\n"].concat());
        assert!(out == text, "{name}");
        if matches!(name, "gzip" | "bzip2") {
            assert!(ended.is_ok(), "{name}: {ended:?}");
            assert_eq!(ignored, 10, "{name}");
        } else {
            assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::InvalidData, "{name}");
            assert_eq!(ignored, 0, "{name}");
        }
    }
}

#[test]
fn what_was_compressed_again_is_decoded_again_up_to_a_depth() {
    let text = sample();
    check(&gzip(&gzip(&text)), &text, "twice");
    check(&zstd(&bzip2(&gzip(&text))), &text, "three times");
    let e = decoded(&xz(&zstd(&bzip2(&gzip(&text))))).1.unwrap_err();
    assert!(is_advice(&e) && e.to_string().contains("more than 3 times"), "{e}");
}

#[test]
fn an_archive_within_is_refused() {
    let mut tar = [0; 1024];
    tar[..5].copy_from_slice(b"a.log");
    tar[257..263].copy_from_slice(b"ustar\0");
    let e = decoded(&gzip(&tar)).1.unwrap_err();
    assert!(e.to_string().ends_with("unpack it with: tar -xf"), "{e}");
    let e = decoded(&zstd(b"PK\x03\x04...")).1.unwrap_err();
    assert!(is_advice(&e) && e.to_string().contains("with unzip"), "{e}");
}

#[test]
fn a_window_that_is_too_large_is_refused_with_the_option_that_helps() {
    // A frame with a window of 2 GiB, and a block of one byte.
    let (out, ended, _) = decoded(b"\x28\xb5\x2f\xfd\x00\xa8\x09\0\0a");
    let e = ended.unwrap_err();
    assert!(out.is_empty() && is_advice(&e), "{e}");
    assert!(e.to_string().ends_with("zstd -d --long=31"), "{e}");
    // The same with 128 MiB.
    check(b"\x28\xb5\x2f\xfd\x00\x88\x09\0\0a", b"a", "a window of 128 MiB");
    // A dictionary of 1 GiB.
    let mut large = lzma(b"a");
    large[1..5].copy_from_slice(&(1_u32 << 30).to_le_bytes());
    let e = decoded(&large).1.unwrap_err();
    assert!(is_advice(&e) && e.to_string().ends_with("xz -d"), "{e}");
}

/// Fails as a disk does.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::from_raw_os_error(5))
    }
}

#[test]
fn an_error_of_the_file_is_not_taken_for_damage() {
    let sample = sample();
    for (name, encode) in ENCODERS {
        for bytes in [encode(&sample), gzip(&encode(&sample))] {
            let half = io::Cursor::new(bytes[..bytes.len() / 2].to_vec());
            let stream = text(Box::new(half.chain(Broken)), &Arc::default()).unwrap();
            let e = io::copy(&mut { stream }, &mut io::sink()).unwrap_err();
            assert_eq!(e.raw_os_error(), Some(5), "{name}: {e}");
        }
    }
}

#[test]
fn another_thread_reads_the_same_bytes_and_the_same_error() {
    let text = sample().repeat(12);
    let mut out = Vec::new();
    beside(Box::new(io::Cursor::new(text.clone()))).read_to_end(&mut out).unwrap();
    assert!(out == text);
    out.clear();
    let mut broken = beside(Box::new(io::Cursor::new(text.clone()).chain(Broken)));
    assert_eq!(broken.read_to_end(&mut out).unwrap_err().raw_os_error(), Some(5));
    assert!(out == text);
    assert_eq!(broken.read(&mut [0; 8]).unwrap(), 0);
    // The thread ends with its reader, though there is more.
    let mut endless = beside(Box::new(io::repeat(b'x')));
    endless.read_exact(&mut [0; 1000]).unwrap();
}

#[test]
fn every_encoder_is_recognized() {
    let formats: Vec<_> = ENCODERS.iter().filter_map(|(_, e)| format(&e(b"text"))).collect();
    let expected = [
        Format::Gzip,
        Format::Bzip2,
        Format::Zstd,
        Format::Xz,
        Format::Lzma,
        Format::Lzip,
        Format::Lz4,
        Format::Lz4,
        Format::Lz4Legacy,
    ];
    assert_eq!(formats, expected);
}
