//! A ratio as a dot with its interval on an axis.
//!
//! The drawing has no view box: its widths are shares of what it stands in, and its text keeps
//! its size, so that it can be read on a phone.

use std::fmt::Write;

use super::escaped;
use crate::ratio::Ratio;

/// Height of one line of text with its axis, pixels.
const ROW: usize = 36;
/// Height of the numbers under the last axis.
const FOOT: usize = 18;
/// Height of the line with the name of the mark.
const MARK: usize = 16;

/// Dots over one axis. It is linear and begins at 0, so that 0.5 lies halfway to 1.
#[derive(Debug, Clone, Default)]
pub struct Axis {
    dots: Vec<Dot>,
    mark: Option<(String, f64)>,
}

#[derive(Debug, Clone)]
struct Dot {
    name: String,
    note: String,
    class: &'static str,
    ratio: Ratio,
}

impl Axis {
    /// Adds a dot: its name, what stands next to it, its class in the style sheet (`best`, `auto`,
    /// `other`, `peer`) and its ratio.
    pub fn add(&mut self, name: &str, note: &str, class: &'static str, ratio: Ratio) {
        self.dots.push(Dot { name: name.to_owned(), note: note.to_owned(), class, ratio });
    }

    /// Marks `value` on the axis, as a claim or a goal; `name` and the value stand under the mark.
    pub fn mark(&mut self, name: &str, value: f64) {
        self.mark = Some((name.to_owned(), value));
    }

    /// Where the axis ends.
    fn end(&self) -> f64 {
        let ends = self
            .dots
            .iter()
            .map(|dot| if dot.ratio.high.is_finite() { dot.ratio.high } else { dot.ratio.median });
        let mark = self.mark.iter().map(|(_, value)| *value);
        ends.chain(mark).filter(|end| end.is_finite()).fold(1.1, f64::max) * 1.02
    }

    /// The drawing. `label` is what a screen reader says before the values.
    pub fn draw(&self, label: &str) -> String {
        if self.dots.is_empty() {
            return String::new();
        }
        let end = self.end();
        let percent = |value: f64| (value / end * 100.0).clamp(0.0, 100.0);
        let mut spoken: Vec<_> = self.dots.iter().map(Dot::spoken).collect();
        spoken.extend(self.mark.iter().map(|(name, value)| format!("{name} {value:.2}")));
        let mark_height = if self.mark.is_some() { MARK } else { 0 };
        let height = self.dots.len() * ROW + FOOT + mark_height;
        let mut out = format!(
            "<svg role=\"img\" width=\"100%\" height=\"{height}\" aria-label=\"{}\">\n",
            escaped(&format!("{label}: {}", spoken.join("; ")))
        );
        let (one, bottom) = (percent(1.0), self.dots.len() * ROW);
        let _ = writeln!(
            out,
            "<line class=\"one\" x1=\"{one:.1}%\" x2=\"{one:.1}%\" y1=\"16\" y2=\"{bottom}\"/>"
        );
        if let Some((name, value)) = &self.mark {
            draw_mark(&mut out, bottom, name, *value, percent(*value));
        }
        for (i, dot) in self.dots.iter().enumerate() {
            draw_dot(&mut out, i * ROW, dot, &percent);
        }
        let y = bottom + 12;
        let _ = writeln!(
            out,
            "<text class=\"dim\" x=\"0\" y=\"{y}\">0</text>\
             <text class=\"dim\" x=\"{one:.1}%\" y=\"{y}\" text-anchor=\"middle\">1</text>"
        );
        out.push_str("</svg>\n");
        out
    }
}

impl Dot {
    /// Its name, what stands next to it unless that is the ratio, and the ratio.
    fn spoken(&self) -> String {
        let ratio = self.ratio.to_string();
        if self.note.is_empty() || self.note == ratio {
            return format!("{} {ratio}", self.name);
        }
        format!("{} {}, {ratio}", self.name, self.note)
    }
}

/// The mark down to `bottom`, and its text in a line of its own under the numbers.
fn draw_mark(out: &mut String, bottom: usize, name: &str, value: f64, x: f64) {
    let anchor = if x > 50.0 { "end" } else { "start" };
    let (end, text) = (bottom + FOOT, bottom + FOOT + 12);
    let _ = writeln!(
        out,
        "<line class=\"mark\" x1=\"{x:.1}%\" x2=\"{x:.1}%\" y1=\"16\" y2=\"{end}\"/>\
         <text class=\"dim\" x=\"{x:.1}%\" y=\"{text}\" text-anchor=\"{anchor}\">{} {value:.2}</text>",
        escaped(name)
    );
}

fn draw_dot(out: &mut String, top: usize, dot: &Dot, percent: &impl Fn(f64) -> f64) {
    let Dot { name, note, class, ratio } = dot;
    let (text, y) = (top + 14, top + 25);
    let mark = if *class == "best" { " ▲" } else { "" };
    let _ = writeln!(
        out,
        "<text x=\"0\" y=\"{text}\">{}{mark}</text>\
         <text x=\"100%\" y=\"{text}\" text-anchor=\"end\">{}</text>\
         <line class=\"rail\" x1=\"0\" x2=\"100%\" y1=\"{y}\" y2=\"{y}\"/>",
        escaped(name),
        escaped(note),
    );
    if ratio.high.is_finite() {
        let (low, high) = (percent(ratio.low), percent(ratio.high));
        let _ = writeln!(
            out,
            "<line class=\"interval {class}\" x1=\"{low:.1}%\" x2=\"{high:.1}%\" y1=\"{y}\" y2=\"{y}\"/>"
        );
    }
    if ratio.median.is_nan() {
        return;
    }
    let _ = writeln!(
        out,
        "<circle class=\"{class}\" cx=\"{:.1}%\" cy=\"{y}\" r=\"4\"/>",
        percent(ratio.median)
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_as_fast_lies_halfway_to_one() {
        let mut axis = Axis::default();
        let ratio = |median| Ratio { median, low: median * 0.9, high: median * 1.1, rounds: 9 };
        axis.add("half", "x", "other", ratio(0.5));
        axis.add("<b>", "x", "best", ratio(1.0));
        let svg = axis.draw("of the best");
        let place = |marker: &str| -> f64 {
            let at = svg.find(marker).unwrap() + marker.len();
            svg[at..].split('%').next().unwrap().parse().unwrap()
        };
        let (half, one) = (place("class=\"other\" cx=\""), place("class=\"best\" cx=\""));
        assert!((half * 2.0 - one).abs() < 0.2, "{half} {one}");
        assert!(svg.contains("&lt;b&gt;") && !svg.contains("<b>"), "{svg}");
        assert!(svg.contains("aria-label=\"of the best: half x, 0.50 (0.45 to 0.55)"), "{svg}");
    }

    #[test]
    fn a_mark_lies_at_its_value_and_has_a_line_of_text_of_its_own() {
        let mut axis = Axis::default();
        axis.add("a", "3 s", "other", Ratio { median: 2.0, low: 1.9, high: 2.1, rounds: 9 });
        let height = |svg: &str| svg.split("height=\"").nth(1).unwrap()[..2].to_owned();
        let without = height(&axis.draw("x"));
        axis.mark("claimed", 4.0);
        let svg = axis.draw("x");
        assert_ne!(height(&svg), without);
        let place = |marker: &str| -> f64 {
            svg.split(marker).nth(1).unwrap().split('%').next().unwrap().parse().unwrap()
        };
        let (mark, dot) = (place("class=\"mark\" x1=\""), place("class=\"other\" cx=\""));
        assert!((mark - 2.0 * dot).abs() < 0.2 && mark < 100.0, "{svg}");
        assert!(
            svg.contains("aria-label=\"x: a 3 s, 2.00 (1.90 to 2.10); claimed 4.00\""),
            "{svg}"
        );
    }

    #[test]
    fn an_interval_without_an_end_is_not_drawn() {
        let mut axis = Axis::default();
        axis.add(
            "few",
            "",
            "other",
            Ratio { median: 2.0, low: 0.0, high: f64::INFINITY, rounds: 2 },
        );
        let svg = axis.draw("x");
        assert!(!svg.contains("interval") && svg.contains("circle"), "{svg}");
        let none = Ratio { median: f64::NAN, low: 0.0, high: f64::INFINITY, rounds: 0 };
        let mut axis = Axis::default();
        axis.add("none", "", "other", none);
        assert!(!axis.draw("x").contains("<circle"));
        assert_eq!(Axis::default().draw("x"), "");
    }
}
