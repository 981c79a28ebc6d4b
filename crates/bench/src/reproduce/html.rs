//! The results as one page that opens offline: a chart for each claim, and a table of all.

use std::fmt::Write;

use cutwater_lab::{Axis, Cell, Column, Html, Sheet, escaped, page_end, page_start};

use super::flames::Drawn;
use super::host::Host;
use super::report::{Report, Row, SideRow, best, figure, times};
use crate::bench::size;
use cutwater_shell::words::counted;

/// The page.
pub(super) fn page(report: &Report, flames: &Drawn) -> String {
    let mut page =
        page_start("cutwater reproduce", "Published claims on this host", &facts(&report.host));
    page.push_str(
        "<section>\n<h2>Each claim</h2>\n\
         <p>A dot shows how many times more a side needs than the first one, with its 95 % interval. \
         Less is better.</p>\n\
         <p class=\"key\"><span class=\"best\">best side</span> \
         <span class=\"other\">other sides</span> \
         <span class=\"auto\">claimed for the second side</span></p>\n<div class=\"cards\">\n",
    );
    report.claims.iter().for_each(|row| card(&mut page, row, flames));
    page.push_str("</div>\n</section>\n");
    graphs(&mut page, report, flames);
    page.push_str(&Html::sheet(&sheet(report), "all"));
    page + &page_end(FOOT)
}

const FOOT: &str = "Made by <code>cutwater reproduce --export-html</code>. Ratios are medians over \
     rounds that take every side out and back; all sides of a claim read the same bytes. A claim \
     holds at 0.8 of the claimed ratio, and partly where the whole interval lies above 1; a verdict \
     is undecided where another one lies within the interval.";

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

fn card(out: &mut String, row: &Row, flames: &Drawn) {
    let _ = write!(
        out,
        "<article>\n<h3>{}: {}</h3>\n<p>{}</p>\n",
        row.id,
        row.outcome(),
        escaped(row.text)
    );
    out.push_str(&chart(row.id, &row.sides, row.claimed_ratio));
    let claimed = times(row.claimed_ratio);
    let measured = row.interval.map_or_else(|| "-".to_owned(), |ratio| ratio.to_string());
    let _ = writeln!(out, "<p class=\"note\">Claimed {claimed}, measured {measured}.</p>");
    figures(out, row);
    let _ = write!(
        out,
        "<p class=\"why\">{}</p>\n<p class=\"note\"><code>{}</code></p>\n",
        escaped(&row.why),
        escaped(&row.command)
    );
    if flames.for_claim(row.id).next().is_some() {
        let id = row.id;
        let _ = writeln!(out, "<p class=\"note\"><a href=\"#flames-{id}\">Flame graphs</a></p>");
    }
    out.push_str("</article>\n");
}

/// The figures that no verdict is about, folded away.
fn figures(out: &mut String, row: &Row) {
    for figure in &row.figures {
        let what = escaped(figure.what);
        let _ = writeln!(
            out,
            "<details>\n<summary class=\"note\">{what}{}</summary>",
            figure.compared()
        );
        let title = format!("{}, {}", row.id, figure.what);
        out.push_str(&chart(&title, &figure.sides, figure.claimed_ratio));
        out.push_str("</details>\n");
    }
}

/// Flame graphs, folded away: a page of all claims has some seventy.
fn graphs(out: &mut String, report: &Report, flames: &Drawn) {
    out.push_str(
        "<section aria-labelledby=\"flames\">\n<h2 id=\"flames\">Where the CPU time goes</h2>\n\
         <p>Flame graphs of one more pass of each side, which was sampled and not measured: callees \
         are above their callers, and a frame is as wide as its share of the samples. The time in \
         which threads wait is not in them, nor are other processes.</p>\n\
         <p class=\"key\"><span class=\"u\">functions</span> <span class=\"i\">inlined functions</span> \
         <span class=\"k\">kernel</span></p>\n",
    );
    let mut none = true;
    for row in &report.claims {
        let sides: Vec<_> = flames.for_claim(row.id).collect();
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

/// A dot for each side: how many times more it needs than the first one.
fn chart(title: &str, sides: &[SideRow], claimed: Option<f64>) -> String {
    let (mut axis, best) = (Axis::default(), best(sides));
    for (at, side) in sides.iter().enumerate() {
        let class = if best == Some(at) { "best" } else { "other" };
        let value = format!("{} {}", figure(side.value), side.unit);
        axis.add(&side.name, &value, class, side.to_first);
    }
    if let Some(claimed) = claimed {
        axis.mark("claimed", claimed);
    }
    axis.draw(&format!("{title}, of the first side, less is better"))
}

fn sheet(report: &Report) -> Sheet {
    let columns = [
        Column::text("claim", "claim"),
        Column::number("claimed", "claimed"),
        Column::number("measured", "measured (95 % interval)"),
        Column::text("verdict", "verdict"),
    ];
    let mut sheet = Sheet::new("All", &columns);
    let number = |value: Option<f64>| {
        value.map_or(Cell::Empty, |value| Cell::number(value, 3, times(Some(value))))
    };
    for row in &report.claims {
        sheet.add(vec![
            Cell::text(row.id),
            number(row.claimed_ratio),
            // Each claim has an axis of its own above.
            row.interval.map_or(Cell::Empty, |r| Cell::number(r.median, 3, r.to_string())),
            Cell::text(row.outcome()),
        ]);
    }
    sheet
}
