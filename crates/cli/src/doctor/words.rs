//! Numbers and errors in words.

use cutwater_shell::words::counted;
use cutwater_sys::Errno;
use cutwater_sys::probe::Answer;

/// The name of an error, as manual pages have it; a number where the name is not among the
/// ones that these calls give.
pub(super) fn errno(e: Errno) -> String {
    let name = match e {
        Errno::PERM => "EPERM",
        Errno::NOENT => "ENOENT",
        Errno::IO => "EIO",
        Errno::NXIO => "ENXIO",
        Errno::BADF => "EBADF",
        Errno::CHILD => "ECHILD",
        Errno::AGAIN => "EAGAIN",
        Errno::NOMEM => "ENOMEM",
        Errno::ACCESS => "EACCES",
        Errno::FAULT => "EFAULT",
        Errno::BUSY => "EBUSY",
        Errno::EXIST => "EEXIST",
        Errno::NODEV => "ENODEV",
        Errno::INVAL => "EINVAL",
        Errno::NFILE => "ENFILE",
        Errno::MFILE => "EMFILE",
        Errno::ROFS => "EROFS",
        Errno::NOSYS => "ENOSYS",
        Errno::OPNOTSUPP => "EOPNOTSUPP",
        Errno::BADFD => "EBADFD",
        Errno::CONNREFUSED => "ECONNREFUSED",
        other => return format!("error {}", other.raw_os_error()),
    };
    name.into()
}

/// `ok`, the error, `absent`, or why it was not tried: stable, also in JSON.
pub(super) fn answer(answer: Answer) -> String {
    match answer {
        Answer::Works => "ok".into(),
        Answer::Refused(e) => errno(e),
        Answer::Absent => "absent".into(),
        Answer::Untried(why) => format!("untried: {why}"),
    }
}

/// A size in binary units with at most one decimal.
pub(super) fn bytes(n: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if n < 1024 {
        return counted(n, "byte");
    }
    let mut tenths = u128::from(n) * 10 / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    match tenths % 10 {
        0 => format!("{} {}", tenths / 10, UNITS[unit]),
        tenth => format!("{}.{tenth} {}", tenths / 10, UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_one_decimal_and_the_nearest_unit() {
        for (n, expected) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (8 << 20, "8 MiB"),
            (25_276_502_016, "23.5 GiB"),
            (u64::MAX, "15.9 EiB"),
        ] {
            assert_eq!(bytes(n), expected);
        }
    }

    #[test]
    fn errors_have_their_names() {
        assert_eq!(errno(Errno::PERM), "EPERM");
        assert_eq!(errno(Errno::from_raw_os_error(133)), "error 133");
        assert_eq!(answer(Answer::Untried("why")), "untried: why");
    }
}
