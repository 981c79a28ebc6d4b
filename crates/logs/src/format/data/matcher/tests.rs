//! The matcher against `regex`, on the patterns and samples of all formats and on patterns made for it.

use cutwater_testing::Dice;
use regex::bytes::{Regex, RegexBuilder};

use super::{Answer, Matcher};
use crate::format::data::{Shape, all, text_of};

/// How often each line is changed.
const CHANGES: usize = 40;

fn both(pattern: &str) -> (Regex, Matcher) {
    let regex = RegexBuilder::new(pattern).unicode(false).build().expect("a pattern");
    let matcher = Matcher::new(pattern);
    (regex, matcher.unwrap_or_else(|| panic!("{pattern} is of a kind that it knows")))
}

/// Checks that both find the same groups in `line`; whether the matcher knew the answer.
fn check((regex, matcher): &mut (Regex, Matcher), line: &[u8]) -> bool {
    let expected: Option<Vec<_>> = regex
        .captures(line)
        .map(|found| found.iter().map(|g| g.map(|g| (g.start(), g.end()))).collect());
    let shown = format!("{regex} {}", line.escape_ascii());
    match matcher.matches(line) {
        Answer::Unknown => return false,
        Answer::No => assert_eq!(expected, None, "{shown}"),
        Answer::Yes => {
            let groups = (0..regex.captures_len()).map(|index| matcher.group(index)).collect();
            assert_eq!(expected, Some(groups), "{shown}");
        }
    }
    true
}

/// One of: a byte changed, taken out, put in, or the rest cut off.
fn changed(line: &[u8], dice: &mut Dice) -> Vec<u8> {
    const BYTES: &[u8] = b" -:.,[]()\"=/+09aZ\t\x00\xff";
    let mut line = line.to_vec();
    let at = dice.below(line.len() as u64 + 1) as usize;
    let byte = BYTES[dice.below(BYTES.len() as u64) as usize];
    match dice.below(4) {
        0 if at < line.len() => line[at] = byte,
        1 if at < line.len() => drop(line.remove(at)),
        2 => line.insert(at, byte),
        _ => line.truncate(at),
    }
    line
}

#[test]
fn it_finds_what_regex_finds_in_all_formats() {
    let mut dice = Dice::new(1);
    let (mut known, mut unknown, mut lines) = (0, 0, Vec::new());
    for format in all() {
        lines.extend(format.samples().iter().map(|sample| sample.line.as_bytes().to_vec()));
    }
    for format in all() {
        let Shape::Patterns { expanded, anchored: true, .. } = &format.shape else { continue };
        let own = format.samples().iter().map(|sample| sample.line.as_bytes());
        let own: Vec<_> = own.flat_map(|line| line.split(|b| *b == b'\n')).collect();
        for pattern in expanded.iter().filter(|pattern| !pattern.is_unicode) {
            let mut both = both(&text_of(pattern, true));
            for line in &own {
                for _ in 0..CHANGES {
                    let is_known = check(&mut both, &changed(line, &mut dice));
                    *(if is_known { &mut known } else { &mut unknown }) += 1;
                }
            }
            for line in &lines {
                check(&mut both, line);
            }
        }
    }
    assert!(known > 1000 * (unknown + 1), "{known} {unknown}");
}

#[test]
fn it_finds_what_regex_finds_in_patterns_that_go_back() {
    let mut dice = Dice::new(2);
    for pattern in [
        r"^(?:(?P<a>a+)(?P<b>ab*)(?P<c>c?))$",
        r"^(?:(?P<a>[ab]*?)(?P<b>b{1,3})(?P<c>.*))",
        r"^(?:(?P<a>(?:ab|a)(?:b|bc)?)(?P<c>c*))$",
        r"^(?:(?P<a>(?:a|b)+)(?P<b>(?:ca?)*)\b)",
        r"^(?:(?P<a>(?:ab){1,3})(?P<b>(?:(?P<c>a)|b){0,2}?)c)",
        r"^(?:(?P<a>[^c]{2,})(?P<b>c|$))",
        r"^(?:(?P<a>.*)b(?P<b>.*?)a\B(?P<c>.{0,2}))",
        r"^(?:(?P<a>(?:a(?:bc)?)*)(?P<b>(?:b|ca|cb)*))$",
        r"^(?:(?P<a>(?:ab|ac|b){2})(?P<b>a{2}|bb)?(?P<c>(?:abc|ab|a){1,2}))",
        r"^(?:(?i)(?P<a>AB|b)(?P<b>(?:|a)c))",
    ] {
        let mut both = both(pattern);
        for _ in 0..3000 {
            let line: Vec<u8> =
                (0..dice.below(12)).map(|_| b"abc"[dice.below(3) as usize]).collect();
            check(&mut both, &line);
        }
    }
}

#[test]
fn a_line_that_takes_too_long_is_left_to_regex() {
    let pattern = r"^(?:(?P<a>a*)(?P<b>a*)(?P<c>a*)(?P<d>a*)b)$";
    let mut matcher = Matcher::new(pattern).expect("a pattern");
    assert_eq!(matcher.matches(&[b'a'; 400]), Answer::Unknown);
    assert_eq!(matcher.matches(b"aab"), Answer::Yes);
    assert_eq!(matcher.group(1), Some((0, 2)));
}

#[test]
fn what_it_does_not_know_is_left_to_regex() {
    for pattern in [r"a", r"^(?:a?)*b", r"(?m)^a$", r"^(?u:\w)"] {
        assert!(Matcher::new(pattern).is_none(), "{pattern}");
    }
}
