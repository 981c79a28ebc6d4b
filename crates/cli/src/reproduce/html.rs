//! The results as one page that opens offline: a chart for each claim, and a table of all.

use std::fmt::Write;

use super::flames::Drawn;
use super::host::Host;
use super::report::{Report, Row, SideRow, best, figure, percent};
use crate::bench::size;
use cutwater_lab::{escaped, page_end, page_start};
use cutwater_shell::words::counted;

/// Height of one side's text and bar, pixels.
const ROW: usize = 36;

/// The page.
pub(super) fn of(report: &Report, flames: &Drawn) -> String {
    let mut page =
        page_start("cutwater reproduce", "What became of the claims", &facts(&report.host));
    page.push_str(
        "<section>\n<h2>Each claim</h2>\n\
         <p>Bars are medians of all rounds, and of each of them less is better.</p>\n\
         <p class=\"key\"><span class=\"best\">best side</span> \
         <span class=\"other\">other sides</span></p>\n<div class=\"cards\">\n",
    );
    report.claims.iter().for_each(|row| card(&mut page, row, flames));
    page.push_str("</div>\n</section>\n");
    graphs(&mut page, report, flames);
    table(&mut page, report);
    page.push_str(&page_end("Made by <code>cutwater reproduce --export-html</code>."));
    page
}

fn facts(host: &Host) -> [(&'static str, String); 6] {
    [
        ("Host", format!("{}, {}", host.processors(), size(host.memory_bytes))),
        ("Kernel", format!("Linux {} on {}", host.kernel, host.machine)),
        ("Files", host.directory.words()),
        ("Date", host.date.clone()),
        (
            "Run",
            if host.quick { "quick: smaller files, fewer rounds" } else { "in full" }.to_owned(),
        ),
        ("Cutwater", format!("{}, built by {}", host.cutwater, host.rustc)),
    ]
}

fn times(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "&ndash;".to_owned(), |r| format!("{r:.2}&times;"))
}

fn card(out: &mut String, row: &Row, flames: &Drawn) {
    let _ = write!(
        out,
        "<article>\n<h3>{}: {}</h3>\n<p>{}</p>\n",
        row.id,
        row.outcome(),
        escaped(row.text)
    );
    chart(out, row.id, &row.sides);
    let (claimed, measured) = (times(row.claimed_ratio), times(row.measured_ratio));
    let spread = row.spread.map(|s| format!(", spread {}", percent(s))).unwrap_or_default();
    let _ = writeln!(out, "<p class=\"note\">Claimed {claimed}, measured {measured}{spread}.</p>");
    figures(out, row);
    let _ = write!(
        out,
        "<p class=\"why\">{}</p>\n<p class=\"note\"><code>{}</code></p>\n",
        escaped(&row.why),
        escaped(&row.command)
    );
    if flames.of(row.id).next().is_some() {
        let id = row.id;
        let _ = writeln!(out, "<p class=\"note\"><a href=\"#flames-{id}\">Flame graphs</a></p>");
    }
    out.push_str("</article>\n");
}

/// What no verdict is about, folded away.
fn figures(out: &mut String, row: &Row) {
    for figure in &row.figures {
        let what = escaped(figure.what);
        let _ = writeln!(
            out,
            "<details>\n<summary class=\"note\">{what}{}</summary>",
            figure.compared()
        );
        chart(out, &format!("{}, {}", row.id, figure.what), &figure.sides);
        out.push_str("</details>\n");
    }
}

/// Flame graphs, folded away: a page of all claims has some seventy.
fn graphs(out: &mut String, report: &Report, flames: &Drawn) {
    out.push_str(
        "<section aria-labelledby=\"flames\">\n<h2 id=\"flames\">Where the CPU time goes</h2>\n\
         <p>Flame graphs of one more round of each side, which was sampled and not measured: callees \
         are above their callers, and a frame is as wide as its share of the samples. The time in \
         which threads wait is not in them, nor are other processes.</p>\n\
         <p class=\"key\"><span class=\"u\">functions</span> <span class=\"i\">inlined functions</span> \
         <span class=\"k\">kernel</span></p>\n",
    );
    let mut none = true;
    for row in &report.claims {
        let sides: Vec<_> = flames.of(row.id).collect();
        if sides.is_empty() {
            continue;
        }
        none = false;
        let id = row.id;
        let _ = writeln!(
            out,
            "<details>\n<summary>{id}: {}</summary>\n<div id=\"flames-{id}\">",
            escaped(&sides.iter().map(|(side, _)| *side).collect::<Vec<_>>().join(", "))
        );
        for (side, graph) in sides {
            let _ = write!(
                out,
                "<h3>{}</h3>\n{}<p class=\"note\">{}; most end in: {}</p>\n",
                escaped(side),
                graph.svg(&format!("{id}, {side}")),
                counted(graph.samples, "sample"),
                escaped(&graph.summary())
            );
        }
        out.push_str("</div>\n</details>\n");
    }
    if none && flames.notes.is_empty() {
        out.push_str("<p class=\"note\">No sample was taken: too little CPU time was used.</p>\n");
    }
    let notes = flames.notes.iter().map(|note| format!("<li>{}</li>\n", escaped(note)));
    let _ = writeln!(out, "<ul>\n{}</ul>\n</section>", notes.collect::<String>());
}

/// A bar for each side, as long as its value; less is better.
fn chart(out: &mut String, of: &str, sides: &[SideRow]) {
    if sides.is_empty() {
        return;
    }
    let most = sides.iter().map(|side| side.value).fold(f64::MIN_POSITIVE, f64::max);
    let best = best(sides);
    let value = |at: usize, side: &SideRow| {
        let mark = if best == Some(at) { ", best" } else { "" };
        format!("{} {}{mark}", figure(side.value), side.unit)
    };
    let spoken = sides.iter().enumerate().map(|(at, s)| format!("{} {}", s.name, value(at, s)));
    let _ = writeln!(
        out,
        "<svg role=\"img\" width=\"100%\" height=\"{}\" aria-label=\"{}\">",
        sides.len() * ROW,
        escaped(&format!("{of}, less is better: {}", spoken.collect::<Vec<_>>().join("; ")))
    );
    for (index, side) in sides.iter().enumerate() {
        let (y, class) = (index * ROW, if best == Some(index) { "best" } else { "other" });
        let percent = (100.0 * side.value / most).max(0.5);
        let _ = write!(
            out,
            "<text x=\"0\" y=\"{}\">{}</text>\
             <text class=\"dim\" x=\"100%\" y=\"{}\" text-anchor=\"end\">{}</text>\n\
             <rect class=\"rail\" x=\"0\" y=\"{}\" width=\"100%\" height=\"10\" rx=\"2\"/>\
             <rect class=\"{class}\" x=\"0\" y=\"{}\" width=\"{percent:.1}%\" height=\"10\" rx=\"2\"/>\n",
            y + 14,
            escaped(side.name),
            y + 14,
            escaped(&value(index, side)),
            y + 20,
            y + 20
        );
    }
    out.push_str("</svg>\n");
}

fn table(out: &mut String, report: &Report) {
    out.push_str(
        "<section>\n<h2>All</h2>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" \
         aria-label=\"All claims\">\n<table>\n<thead><tr><th scope=\"col\">claim</th>\
         <th scope=\"col\" class=\"n\">claimed</th><th scope=\"col\" class=\"n\">measured</th>\
         <th scope=\"col\" class=\"n\">spread</th><th scope=\"col\">verdict</th></tr></thead>\n<tbody>\n",
    );
    let number =
        |value: Option<f64>| value.map_or_else(String::new, |v| format!(" data-v=\"{v:.3}\""));
    for row in &report.claims {
        let spread = row.spread.map_or_else(|| "&ndash;".to_owned(), percent);
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td class=\"n\"{}>{}</td>\
             <td class=\"n\"{}>{}</td><td class=\"n\"{}>{spread}</td><td>{}</td></tr>",
            row.id,
            number(row.claimed_ratio),
            times(row.claimed_ratio),
            number(row.measured_ratio),
            times(row.measured_ratio),
            number(row.spread),
            row.outcome()
        );
    }
    out.push_str("</tbody>\n</table>\n</div>\n</section>\n");
}
