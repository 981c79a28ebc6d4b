//! The report as one page that opens offline: charts, tables, nothing loaded from anywhere.

mod chart;
mod rows;

use std::fmt::Write;

use super::report::{Report, Warning};
use super::shape::Cache;
use super::units;
use cutwater_shell::words;

const STYLE: &str = include_str!("page.css");
/// Makes tables sortable.
pub(crate) const SCRIPT: &str = include_str!("sort.js");

/// The page.
pub(super) fn of(report: &Report) -> String {
    let mut page = head("cutwater bench");
    page.push_str(&title(report));
    page.push_str(&summary(report));
    for cache in Cache::ALL {
        page.push_str(&charts(report, *cache));
    }
    page.push_str(&warnings(report));
    page.push_str(&rows::table(report));
    page.push_str(&foot());
    page
}

/// The start of a page, with the style that all our pages have.
pub(crate) fn head(title: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"
    )
}

fn title(report: &Report) -> String {
    let (host, file, set) = (&report.host, &report.file, &report.settings);
    let what = if file.made { "a made file" } else { &file.path };
    let facts = [
        ("Host", format!("{} × {}, {}", host.cpus, host.cpu, units::size(host.memory_bytes))),
        ("Kernel", format!("Linux {} on {}", host.kernel, host.machine)),
        (
            "File",
            format!("{what}, {}, {} on {}", units::size(file.bytes), file.file_system, file.device),
        ),
        (
            "Runs",
            format!(
                "{} of each cell, about {} ms each, all paths in turn; seed {}",
                set.runs, set.time_ms, set.seed
            ),
        ),
        ("Cutwater", report.cutwater.to_owned()),
    ];
    let mut out = String::from("<header>\n<h1>How this host reads files</h1>\n<dl>\n");
    for (name, value) in facts {
        let _ = writeln!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", escaped(&value));
    }
    out.push_str("</dl>\n</header>\n<main>\n");
    out
}

fn summary(report: &Report) -> String {
    let mut out =
        String::from("<section aria-labelledby=\"short\">\n<h2 id=\"short\">In short</h2>\n");
    if report.interrupted {
        out.push_str("<p class=\"note\">Interrupted: this is what was measured until then.</p>\n");
    }
    if let (Some(mean), Some(worst)) = (report.summary.auto_of_best, &report.summary.worst) {
        let _ = writeln!(
            out,
            "<p class=\"score\"><strong>{mean:.2}</strong> <span>of the best single path's rate is \
             what <code>auto</code> has, as the geometric mean of {}; the worst is {:.2}, in \
             {}.</span></p>",
            words::counted(report.groups().len() as u64, "group"),
            worst.of_best,
            escaped(&worst.cell)
        );
    }
    out.push_str("<ul>\n");
    for finding in &report.summary.findings {
        let _ = writeln!(out, "<li>{}</li>", escaped(finding));
    }
    out.push_str("</ul>\n</section>\n");
    out
}

fn charts(report: &Report, cache: Cache) -> String {
    let groups: Vec<_> =
        report.groups().into_iter().filter(|(shape, _)| shape.cache == cache).collect();
    if groups.is_empty() {
        return String::new();
    }
    let (name, what) = match cache {
        Cache::Warm => ("Warm", "All of the file is in the page cache."),
        Cache::Mixed => {
            ("Mixed", "Half of the file is in the page cache, in scattered pieces of 1 MiB.")
        }
        Cache::Cold => ("Cold", "Nothing of the file is in the page cache."),
    };
    let mut out = format!(
        "<section aria-labelledby=\"{cache}\">\n<h2 id=\"{cache}\">{name}</h2>\n<p>{what} MiB/s; more \
         is better.</p>\n<p class=\"key\"><span class=\"best\">best single path</span> \
         <span class=\"auto\">auto</span> <span class=\"other\">other paths</span></p>\n\
         <div class=\"cards\">\n"
    );
    for (shape, cells) in groups {
        let peers: Vec<_> = report.peers_of(shape).collect();
        out.push_str(&chart::card(shape, cells, &peers));
    }
    out.push_str("</div>\n</section>\n");
    out
}

fn warnings(report: &Report) -> String {
    if report.warnings.is_empty() && report.skipped.is_empty() {
        return String::new();
    }
    let mut out = String::from(
        "<section aria-labelledby=\"mind\">\n<h2 id=\"mind\">To keep in mind</h2>\n<ul>\n",
    );
    for Warning { kind, cell, text } in &report.warnings {
        let class = if *kind == "hash" { " class=\"wrong\"" } else { "" };
        let _ = writeln!(out, "<li{class}><b>{}</b>: {}</li>", escaped(cell), escaped(text));
    }
    for skipped in &report.skipped {
        let _ = writeln!(
            out,
            "<li>left out: <b>{}</b>: {}</li>",
            escaped(&skipped.what),
            escaped(&skipped.why)
        );
    }
    out.push_str("</ul>\n</section>\n");
    out
}

fn foot() -> String {
    format!(
        "</main>\n<footer><p>Made by <code>cutwater bench --export-html</code>. Rates are medians \
         over the runs, the spread is from the slowest to the fastest run as a share of the \
         median. CPU time and calls are per read. At a depth above 1, latency is from handing \
         over as many reads to each one's end.</p></footer>\n<script>\n{SCRIPT}</script>\n</body>\n\
         </html>\n"
    )
}

/// `text` without what means something in HTML.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_of_files_cannot_become_markup() {
        let name = "<script>\"&'";
        assert_eq!(super::escaped(name), "&lt;script&gt;&quot;&amp;'");
    }
}
