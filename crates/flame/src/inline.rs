//! Flame graphs inside a page: as wide as the page, coloured by its style, without scripts.

use std::collections::BTreeSet;
use std::fmt::Write;

use cutwater_observe::perf::Samples;

use super::fold::{self, Folded};
use super::tree::{self, Frame, Place};
use super::{graph, symbols};
use cutwater_lab::escaped;

/// Height of a frame with its gap, and without, pixels.
const ROW: usize = 17;
const FRAME: usize = 16;
/// Narrower frames have no room for a letter on a phone; their names are shown on hovering.
const NAMED_MIN: f64 = 0.05;
/// The most letters of a name in a frame, and of one shown on hovering.
const NAME_MAX: usize = 60;
const TITLE_MAX: usize = 120;
/// How many functions a summary names.
const HOTTEST: usize = 3;

/// A flame graph to be put in a page.
#[derive(Debug, Clone)]
pub struct Inline {
    folded: Folded,
    /// Samples in the graph.
    pub samples: u64,
}

/// The graphs of recordings of this process, and what is missing in them. All names are looked up
/// at once, because reading the symbols takes long. Frames below the function whose name contains
/// `bottom` are left out.
pub fn inline(recordings: &[Samples], bottom: &str) -> (Vec<Inline>, BTreeSet<String>) {
    let all = Samples {
        stacks: recordings.iter().flat_map(|one| one.stacks.iter().cloned()).collect(),
        pid: recordings.first().map_or(0, |one| one.pid),
        ..Samples::default()
    };
    let (names, unnamed) = symbols::resolve(&all, None);
    let notes = recordings.iter().flat_map(graph::notes).chain(unnamed).collect();
    let one = |one: &Samples| Inline {
        folded: above(fold::fold(&one.stacks, &names, None), bottom),
        samples: one.count(),
    };
    (recordings.iter().map(one).collect(), notes)
}

/// Stacks from the frame above the outermost with `bottom` in its name.
fn above(folded: Folded, bottom: &str) -> Folded {
    let mut cut = Folded::new();
    for (line, samples) in folded {
        let at = line.find(bottom).and_then(|at| Some(at + line[at..].find(';')?));
        let line = at.map_or_else(|| line.clone(), |at| format!("{}{}", fold::ROOT, &line[at..]));
        *cut.entry(line).or_insert(0) += samples;
    }
    cut
}

impl Inline {
    /// The functions with the most samples, in words.
    pub fn summary(&self) -> String {
        let hottest = tree::hottest(&self.folded, HOTTEST);
        let words =
            hottest.iter().map(|(name, share)| format!("{} {:.0} %", short(name), 100.0 * share));
        words.collect::<Vec<_>>().join(", ")
    }

    /// The SVG element; `title` is what it is a graph of.
    pub fn svg(&self, title: &str) -> String {
        let frames = tree::frames(&self.folded);
        let rows = frames.iter().map(|frame| frame.row + 1).max().unwrap_or(0);
        let label = format!("Flame graph of {title}: {}", self.summary());
        let mut out = format!(
            "<svg class=\"flame\" role=\"img\" width=\"100%\" height=\"{}\" aria-label=\"{}\">\n",
            rows * ROW,
            escaped(&label)
        );
        frames.iter().for_each(|frame| draw(&mut out, frame, rows));
        out.push_str("</svg>\n");
        out
    }
}

/// A frame in percent of the width, so that the graph fits any page. Its own `svg` element cuts off
/// the part of the name that does not fit.
fn draw(out: &mut String, frame: &Frame, rows: usize) {
    let class = match frame.place {
        Place::User => "u",
        Place::Inlined => "i",
        Place::Kernel => "k",
    };
    let (x, width) = (100.0 * frame.start, 100.0 * frame.width);
    let y = (rows - 1 - frame.row) * ROW;
    let name = escaped(&cut(&frame.name, TITLE_MAX));
    // Writing to a string does not fail.
    let _ = if frame.width < NAMED_MIN {
        writeln!(
            out,
            "<rect class=\"{class}\" x=\"{x:.2}%\" y=\"{y}\" width=\"{width:.2}%\" height=\"{FRAME}\">\
             <title>{name}, {width:.1} %</title></rect>"
        )
    } else {
        writeln!(
            out,
            "<svg x=\"{x:.2}%\" y=\"{y}\" width=\"{width:.2}%\" height=\"{FRAME}\">\
             <title>{name}, {width:.1} %</title><rect class=\"{class}\" width=\"100%\" height=\"100%\"/>\
             <text x=\"3\" y=\"12\">{}</text></svg>",
            escaped(&short(&frame.name))
        )
    };
}

/// `name` with no more than `most` letters.
fn cut(name: &str, most: usize) -> String {
    match name.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

/// `name` with only the ends of its paths: the type and the function; for types in brackets, the name.
fn short(name: &str) -> String {
    let (mut out, mut depth, mut from) = (String::new(), 0usize, 0);
    let in_path = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '{' | '}' | '#');
    for (at, c) in name.char_indices().filter(|(_, c)| !in_path(*c)) {
        out.push_str(end_of(&name[from..at], depth));
        out.push(c);
        from = at + c.len_utf8();
        depth = match c {
            '<' => depth + 1,
            '>' => depth.saturating_sub(1),
            _ => depth,
        };
    }
    out.push_str(end_of(&name[from..], depth));
    cut(&out, NAME_MAX)
}

/// The last part of a path, or the last two outside of all brackets.
fn end_of(path: &str, depth: usize) -> &str {
    let parts = if depth > 0 { 0 } else { 1 };
    path.rmatch_indices("::").nth(parts).map_or(path, |(at, _)| {
        // The path goes on after a bracket, as in `<T as Read>::read`.
        if at == 0 { path } else { &path[at + 2..] }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(lines: &[(&str, u64)]) -> Inline {
        let folded: Folded = lines.iter().map(|(line, n)| ((*line).to_owned(), *n)).collect();
        Inline { samples: folded.values().sum(), folded }
    }

    #[test]
    fn a_graph_scales_with_the_page_and_names_cannot_become_markup() {
        let svg = graph(&[("all;main;<a & b>;copy_[k]", 97), ("all;main;x", 3)]).svg("read \"it\"");
        assert!(svg.contains("<svg x=\"0.00%\" y=\"0\" width=\"97.00%\""), "{svg}");
        assert!(svg.contains("&lt;a &amp; b&gt;") && !svg.contains("<a"), "{svg}");
        assert!(svg.contains("of read &quot;it&quot;: copy 97 %, x 3 %\""), "{svg}");
        // Too narrow for a name, which is still shown on hovering.
        assert!(svg.contains("<title>x, 3.0 %</title></rect>"), "{svg}");
        assert!(!svg.contains("<script") && !svg.contains("http"), "{svg}");
    }

    #[test]
    fn what_is_below_the_bottom_is_left_out() {
        let lines =
            graph(&[("all;main;lab::run_[i];a;b", 1), ("all;go;lab::run;a;b", 2), ("all;c", 4)]);
        let found: Vec<_> = above(lines.folded, "lab::run").into_iter().collect();
        assert_eq!(found, [("all;a;b".to_owned(), 3), ("all;c".to_owned(), 4)]);
    }

    #[test]
    fn the_name_in_a_frame_has_the_ends_of_its_paths() {
        for (name, expected) in [
            ("cutwater::json::template::Template::line", "Template::line"),
            ("read", "read"),
            ("<a::b::Scanner<S> as c::Lines>::take", "<Scanner<S> as Lines>::take"),
            (
                "serde_json::value::de::<impl a::De for b::Value>::get",
                "de::<impl De for Value>::get",
            ),
            ("a::b::run::{{closure}}", "run::{{closure}}"),
        ] {
            assert_eq!(short(name), expected, "{name}");
        }
        assert_eq!(cut("äöü", 2), "äö…");
        assert_eq!(short(&"ä".repeat(100)).chars().count(), NAME_MAX + 1);
    }
}
