//! Words that all commands say in the same way.

/// A thing counted, in the plural where it is not one: `2 threads`.
pub(crate) fn counted(n: u64, thing: &str) -> String {
    let ending = if n == 1 {
        ""
    } else if thing.ends_with("sh") {
        "es"
    } else {
        "s"
    };
    format!("{n} {thing}{ending}")
}

/// `is` or `are`, as `n` things have it.
pub(crate) fn are(n: u64) -> &'static str {
    if n == 1 { "is" } else { "are" }
}

#[cfg(test)]
mod tests {
    use super::{are, counted};

    #[test]
    fn one_thing_is_not_many() {
        for (n, lines, crashes) in [
            (0, "0 bad lines are", "0 crashes are"),
            (1, "1 bad line is", "1 crash is"),
            (2, "2 bad lines are", "2 crashes are"),
        ] {
            assert_eq!(format!("{} {}", counted(n, "bad line"), are(n)), lines);
            assert_eq!(format!("{} {}", counted(n, "crash"), are(n)), crashes);
        }
    }
}
