//! One page that opens offline, with nothing loaded from anywhere.

use std::fmt::Write;

use super::{Axis, Cell, Export, ExportError, Report, Sheet, escaped};

const STYLE: &str = include_str!("page.css");
/// Makes tables sortable.
const SCRIPT: &str = include_str!("sort.js");

/// A page with the tables, the ratios of each drawn on an axis.
#[derive(Debug, Clone, Copy, Default)]
pub struct Html;

impl Export for Html {
    fn export<R: Report>(&self, report: &R) -> Result<String, ExportError> {
        let title = report.title();
        let mut page = page_start(&title, &title, &report.facts());
        for (i, sheet) in report.sheets().iter().enumerate() {
            page.push_str(&Self::sheet(sheet, &format!("table-{i}")));
        }
        page.push_str(&notes(&report.notes()));
        page.push_str(&page_end(
            "Ratios are medians over balanced rounds; lines are 95 % intervals.",
        ));
        Ok(page)
    }
}

impl Html {
    /// A section with the ratios of a table on an axis, then the table, which the script of the
    /// page makes sortable. `id` is unique in the page.
    pub fn sheet(sheet: &Sheet, id: &str) -> String {
        let title = escaped(&sheet.title);
        let mut out = format!(
            "<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{title}</h2>\n{}\
             <div class=\"scroll\" role=\"region\" aria-labelledby=\"{id}\" tabindex=\"0\">\n\
             <table>\n<thead><tr>",
            axis(sheet).draw(&title)
        );
        let shown = || sheet.columns.iter().enumerate().filter(|(_, column)| column.shown);
        for (_, column) in shown() {
            let class = if column.numeric { " class=\"n\"" } else { "" };
            let _ = write!(out, "<th scope=\"col\"{class}>{}</th>", escaped(column.heading));
        }
        out.push_str("</tr></thead>\n<tbody>\n");
        for row in &sheet.rows {
            out.push_str(if row.best { "<tr class=\"best\">" } else { "<tr>" });
            for (place, (i, column)) in shown().enumerate() {
                let cell = row.cells.get(i).unwrap_or(&Cell::Empty);
                out.push_str(&field(cell, place == 0, column.numeric));
            }
            out.push_str("</tr>\n");
        }
        out.push_str("</tbody>\n</table>\n</div>\n</section>\n");
        out
    }
}

fn field(cell: &Cell, first: bool, numeric: bool) -> String {
    let shown = if *cell == Cell::Empty { String::new() } else { escaped(&cell.shown()) };
    match cell {
        _ if first => format!("<th scope=\"row\">{shown}</th>"),
        Cell::Number { value, .. } => format!("<td class=\"n\" data-v=\"{value}\">{shown}</td>"),
        Cell::Ratio(ratio) => format!("<td class=\"n\" data-v=\"{}\">{shown}</td>", ratio.median),
        _ if numeric => format!("<td class=\"n\">{shown}</td>"),
        _ => format!("<td>{shown}</td>"),
    }
}

/// The ratios of a table, each named by the first cell of its row.
fn axis(sheet: &Sheet) -> Axis {
    let mut axis = Axis::default();
    for row in &sheet.rows {
        let name = row.cells.first().map(Cell::shown).unwrap_or_default();
        for cell in &row.cells {
            if let Cell::Ratio(ratio) = cell {
                let class = if row.best { "best" } else { "other" };
                axis.add(&name, &ratio.to_string(), class, *ratio);
            }
        }
    }
    axis
}

fn notes(notes: &[String]) -> String {
    if notes.is_empty() {
        return String::new();
    }
    let mut out =
        String::from("<section aria-labelledby=\"notes\">\n<h2 id=\"notes\">Notes</h2>\n<ul>\n");
    for note in notes {
        let _ = writeln!(out, "<li>{}</li>", escaped(note));
    }
    out + "</ul>\n</section>\n"
}

/// The start of a page, with the style that all our pages have: the window's title, the heading,
/// and facts under it.
pub fn page_start(title: &str, heading: &str, facts: &[(&'static str, String)]) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<h1>{}</h1>\n<dl>\n",
        escaped(title),
        escaped(heading)
    );
    for (name, value) in facts {
        let _ = writeln!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", escaped(value));
    }
    out + "</dl>\n</header>\n<main>\n"
}

/// The end of a page, with a line of text at its foot, which may hold markup.
pub fn page_end(foot: &str) -> String {
    format!(
        "</main>\n<footer><p>{foot}</p></footer>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Column, Ratio};

    #[test]
    fn a_table_has_a_dot_for_each_ratio_and_sorts_by_its_middle() {
        let mut sheet =
            Sheet::new("T", &[Column::text("p", "path"), Column::number("r", "of best")]);
        let ratio = Ratio { median: 0.5, low: 0.4, high: 0.6, rounds: 9 };
        sheet.add(vec![Cell::text("a<b"), Cell::Ratio(ratio)]);
        let html = Html::sheet(&sheet, "t");
        assert_eq!(html.matches("<circle").count(), 1);
        assert!(html.contains("<td class=\"n\" data-v=\"0.5\">0.50 (0.40 to 0.60)</td>"), "{html}");
        assert!(html.contains("<th scope=\"row\">a&lt;b</th>"), "{html}");
    }
}
