//! Compressed files: no bytes cause a panic, or more memory than the limits of the decoders. The
//! first byte chooses a signature, so that all decoders are reached.
#![no_main]

use std::io::{Cursor, Read};
use std::path::Path;

use cutwater_logs::split::Input;
use libfuzzer_sys::fuzz_target;

/// How much text is read: small inputs can hold much more.
const TEXT_BYTES_MAX: u64 = 4 << 20;

const SIGNATURES: [&[u8]; 9] = [
    b"",
    b"\x1f\x8b\x08\0",
    b"BZh91AY&SY",
    b"\x28\xb5\x2f\xfd",
    b"\xfd7zXZ\0",
    b"\x5d\0\0\x10\0\xff\xff\xff\xff\xff\xff\xff\xff",
    b"LZIP\x01",
    b"\x04\x22\x4d\x18",
    b"\x02\x21\x4c\x18",
];

fuzz_target!(|data: &[u8]| {
    let [choice, rest @ ..] = data else { return };
    let signature = SIGNATURES[usize::from(*choice) % SIGNATURES.len()];
    let bytes = [signature, rest].concat();
    let input = Input::from_stream(Path::new("-"), Box::new(Cursor::new(bytes)));
    let Ok(stream) = input.and_then(|input| input.stream()) else { return };
    let _ = std::io::copy(&mut stream.take(TEXT_BYTES_MAX), &mut std::io::sink());
});
