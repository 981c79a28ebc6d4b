//! Choosing cells by name.

/// Whether `name` matches `patterns`: patterns separated by commas, each found anywhere in
/// the name, `*` standing for anything. No pattern means every cell.
pub(crate) fn selected(name: &str, patterns: Option<&str>) -> bool {
    patterns.is_none_or(|all| all.split(',').any(|one| found(name, one.trim())))
}

fn found(name: &str, pattern: &str) -> bool {
    let mut rest = name;
    for part in pattern.split('*') {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, expected: bool) {
        assert_eq!(selected("cold 4k rand x64 t2", Some(pattern)), expected, "{pattern}");
    }

    #[test]
    fn patterns_are_found_anywhere_with_stars_and_commas() {
        assert!(selected("anything", None));
        check("cold", true);
        check("warm", false);
        check("cold*t2", true);
        check("cold*t1", false);
        check("t2*cold", false);
        check("warm, rand", true);
    }
}
