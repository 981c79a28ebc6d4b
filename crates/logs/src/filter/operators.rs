//! The operators of conditions, and hints for those of other languages.

/// The operators, the longer ones first.
pub(super) const OPERATORS: [&str; 11] =
    ["!=~", "=~", "!~", "!=", "<=", ">=", "==", "=", "<", ">", "~"];

/// Characters of operators.
const SIGNS: &str = "=!<>~";

/// Operators of other languages, each with ours. Case does not matter.
const ELSEWHERE: [(&str, &str); 29] = [
    ("=>", ">="),
    ("=<", "<="),
    ("<>", "!="),
    ("><", "!="),
    ("=!", "!="),
    ("!==", "!="),
    ("===", "="),
    ("~=", "=~"),
    ("~~", "~"),
    ("!~~", "!~"),
    ("~!", "!~"),
    ("!", "!="),
    (">>", ">"),
    ("<<", "<"),
    ("\u{2265}", ">="),
    ("\u{2264}", "<="),
    ("\u{2260}", "!="),
    ("eq", "="),
    ("is", "="),
    ("equals", "="),
    ("ne", "!="),
    ("gt", ">"),
    ("ge", ">="),
    ("gte", ">="),
    ("lt", "<"),
    ("le", "<="),
    ("lte", "<="),
    ("contains", "~"),
    ("like", "~"),
];

/// Whether a name ends before `c`, as an operator begins there.
pub(super) fn ends_name(c: char) -> bool {
    SIGNS.contains(c) || matches!(c, '\u{2265}' | '\u{2264}' | '\u{2260}')
}

/// The operator that `rest` begins with: all signs up to the next other character. If they are not
/// an operator, they are the error; without signs, the word there is.
pub(super) fn operator(rest: &str) -> Result<&'static str, &str> {
    let end = |is_in: fn(char) -> bool| rest.find(|c| !is_in(c)).unwrap_or(rest.len());
    let signs = match end(ends_name) {
        0 => &rest[..end(char::is_alphanumeric)],
        signs => &rest[..signs],
    };
    OPERATORS.into_iter().find(|known| *known == signs).ok_or(signs)
}

/// What is wrong with `found`, which stands where an operator should, and what to write instead.
pub(super) fn no_operator(found: &str, after: &str) -> String {
    let meant = ELSEWHERE.iter().find(|(other, _)| other.eq_ignore_ascii_case(found));
    let hint = match meant {
        Some((_, operator)) => format!("did you mean {operator}?"),
        None => format!("the operators are {}", OPERATORS.join(" ")),
    };
    // A sign can also be the first character of the value.
    let value = OPERATORS.into_iter().find(|known| found.starts_with(known));
    let quotes = value.map_or_else(String::new, |operator| {
        let begin = found[operator.len()..].chars().next().unwrap_or_default();
        format!(" A value that begins with {begin} needs quotes")
    });
    format!("{found:?} after {after:?} is not an operator; {hint}{quotes}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_that_stand_together_are_one_operator_or_none() {
        for (rest, expected) in [
            (">=500", Ok(">=")),
            ("==500", Ok("==")),
            ("=~^a", Ok("=~")),
            ("!=~ a", Ok("!=~")),
            ("=-1", Ok("=")),
            ("=>500", Err("=>")),
            ("=<500", Err("=<")),
            ("===500", Err("===")),
            ("!500", Err("!")),
            ("gt 500", Err("gt")),
            ("\u{2265}500", Err("\u{2265}")),
            ("", Err("")),
        ] {
            assert_eq!(operator(rest), expected, "{rest}");
        }
    }

    #[test]
    fn a_hint_names_the_operator_that_is_meant() {
        for (found, hint) in
            [("=>", "mean >=?"), ("GTE", "mean >=?"), ("<>", "mean !=?"), ("in", "are !=~ =~")]
        {
            let words = no_operator(found, "a");
            assert!(words.contains(hint), "{words}");
        }
        assert!(no_operator("=<", "a").ends_with("A value that begins with < needs quotes"));
    }
}
