//! The texts that lines must contain to pass, found before anything is parsed.

use std::cmp::Reverse;

use super::compare::Compare;
use super::condition::{Condition, Outcome, Place};
use super::node::Node;
use super::test::Test;

/// Literals: a line that can pass has at least one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literals<'a> {
    /// The literals; none of them is empty.
    pub texts: Vec<&'a [u8]>,
    /// Whether they are wanted as they stand; otherwise a line with a backslash may pass
    /// without, since it may have one of them written with escapes.
    pub raw: bool,
    /// Whether every line that has one of them passes: there is nothing else to test.
    pub decide: bool,
}

/// The most literals that are searched for at once. Searches for more of them are not faster
/// than parsing is.
const TEXTS_MAX: usize = 32;

/// From this length on, fewer literals are better than longer ones.
const BYTES_GOOD: usize = 4;

/// The literals of conditions that must all hold: of those found, the rarest by their looks.
pub(super) fn of_all(nodes: &[Node<Condition>]) -> Option<Literals<'_>> {
    let mut found = nodes.iter().filter_map(of_node).max_by_key(worth)?;
    found.decide &= nodes.len() == 1;
    Some(found)
}

fn worth(literals: &Literals<'_>) -> impl Ord + use<> {
    let shortest = literals.texts.iter().map(|text| text.len()).min().unwrap_or(0);
    (shortest.min(BYTES_GOOD), Reverse(literals.texts.len()), shortest)
}

fn of_node(node: &Node<Condition>) -> Option<Literals<'_>> {
    match node {
        Node::Test(condition) => of_one(condition),
        Node::All(nodes) => of_all(nodes),
        Node::Any(nodes) => of_any(nodes),
    }
}

/// A line that passes by any of them has that one's literals, so each must have some.
fn of_any(nodes: &[Node<Condition>]) -> Option<Literals<'_>> {
    let mut all = Literals { texts: Vec::new(), raw: true, decide: true };
    for node in nodes {
        let some = of_node(node)?;
        all.texts.extend(some.texts);
        all.raw &= some.raw;
        all.decide &= some.decide;
    }
    (all.texts.len() <= TEXTS_MAX).then_some(all)
}

fn of_one(condition: &Condition) -> Option<Literals<'_>> {
    let raw = condition.place == Place::Line;
    let (text, decide) = match &condition.test {
        Test::Contains(finder) => (finder.needle(), raw && is_in_lines_only(finder.needle())),
        Test::Text(Compare::Equal, text) | Test::Prefix(text) | Test::Suffix(text) => {
            (text.as_bytes(), false)
        }
        Test::Untyped(Compare::Equal, with) if with.is_word() => (with.bytes.as_slice(), false),
        _ => return None,
    };
    let in_line = condition.wanted == Outcome::True && condition.place != Place::Error;
    (in_line && !text.is_empty()).then(|| Literals { texts: vec![text], raw, decide })
}

/// Whether what is found is in a line that counts: not in its end, nor in a blank line.
fn is_in_lines_only(text: &[u8]) -> bool {
    !text.iter().any(|b| b"\r\n".contains(b)) && !text.iter().all(|b| b" \t".contains(b))
}
