//! Lines that continue a record by their look: indented ones, and those of known kinds of stack traces.

use super::is_blank;

/// First bytes of lines that may continue a record. Most formats of one line each have others.
pub(super) const MAY_CONTINUE: [bool; 256] = {
    let mut table = [false; 256];
    let bytes = b" \t\r\n\0#.\"-[";
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    let mut letter = 0;
    while letter < 26 {
        table[(b'a' + letter) as usize] = true;
        table[(b'A' + letter) as usize] = true;
        letter += 1;
    }
    table
};

/// Whether `line` is blank or begins with a blank.
fn is_indented(line: &[u8]) -> bool {
    matches!(line.first(), None | Some(b' ' | b'\t')) || is_blank(line)
}

/// Whether `line` looks like the continuation of a record: it is blank, indented, or of a stack trace.
pub(super) fn continues(line: &[u8]) -> bool {
    is_indented(line) || is_of_trace(line)
}

/// How Go's runtime and others begin the report of a crash, which does not continue the line
/// before.
const CRASHES: [&[u8]; 5] =
    [b"panic: ", b"goroutine ", b"[signal SIG", b"fatal error: ", b"Exception in thread "];

/// Whether `line` reports that a program ends.
pub(super) fn is_of_crash(line: &[u8]) -> bool {
    CRASHES.iter().any(|start| line.starts_with(start))
}

/// How lines of stack traces begin that are not indented: Java and Kotlin, Python, Go, .NET, PHP, Rust.
const TRACE_STARTS: [&[u8]; 17] = [
    b"Caused by: ",
    b"Suppressed: ",
    b"Exception in thread ",
    b"Traceback (most recent call last)",
    b"During handling of the above exception",
    b"The above exception was the direct cause",
    b"goroutine ",
    b"created by ",
    b"[signal SIG",
    b"panic: ",
    b"--- End of ",
    b"[stacktrace]",
    b"[previous exception]",
    b"stack backtrace:",
    b"note: run with `RUST_BACKTRACE",
    b"\"}",
    b"at ",
];

/// Whether `line`, which is not indented, is of a stack trace.
pub(super) fn is_of_trace(line: &[u8]) -> bool {
    match line {
        [b'#', second, ..] => second.is_ascii_digit(),
        [b'.', ..] => line.starts_with(b"... ") && line.trim_ascii_end().ends_with(b" more"),
        _ => {
            TRACE_STARTS
                .iter()
                .any(|start| line.first() == start.first() && line.starts_with(start))
                || is_exception(line)
        }
    }
}

/// `ValueError: text`, `java.io.IOException`: the name of an exception, with a colon or alone.
fn is_exception(line: &[u8]) -> bool {
    const ENDS: [&[u8]; 4] = [b"Error", b"Exception", b"Interrupt", b"Fault"];
    let is_part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'$');
    let length = line.iter().take_while(|b| is_part(b)).count();
    let (name, rest) = line.split_at(length);
    if !matches!(rest.first(), None | Some(b':' | b' ' | b'\t' | b'\r')) {
        return false;
    }
    let alone = rest.trim_ascii().is_empty() || rest.starts_with(b": ");
    alone && ENDS.iter().any(|end| name.len() > end.len() && name.ends_with(end))
}
