//! The report as one page that opens offline: charts, tables, nothing loaded from anywhere.

mod chart;

use std::fmt::Write;

use cutwater_lab::{Html, escaped, page_end, page_start};

use super::cells::sheet_with_peers;
use super::report::{Report, Warning};
use super::shape::Cache;
use super::units;
use cutwater_shell::words;

/// The page.
pub(super) fn page(report: &Report) -> String {
    let mut page = page_start("cutwater bench", "How this host reads files", &facts(report));
    page.push_str(&summary(report));
    for cache in Cache::ALL {
        page.push_str(&charts(report, *cache));
    }
    page.push_str(&warnings(report));
    page.push_str(&Html::sheet(&sheet_with_peers(report), "all"));
    page.push_str(&page_end(FOOT));
    page
}

const FOOT: &str = "Made by <code>cutwater bench --export-html</code>. Rates are medians over short \
    slices, which all paths read in balanced rounds. Ratios are those of the same rounds: the dot is \
    their median, the line its 95 % interval. CPU time and calls are per read. At a depth above 1, \
    latency is the time from handing over a batch to the end of each read.";

fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let (host, file, set) = (&report.host, &report.file, &report.settings);
    let what = if file.made { "a made file" } else { &file.path };
    let place = format!("{} on {}", file.file_system, file.device);
    let rounds = |runs: u32, ms: f64| format!("{runs} of slices of about {ms} ms");
    vec![
        ("Host", format!("{} × {}, {}", host.cpus, host.cpu, units::size(host.memory_bytes))),
        ("Kernel", format!("Linux {} on {}", host.kernel, host.machine)),
        ("File", format!("{what}, {}, {place}", units::size(file.bytes))),
        (
            "Rounds",
            format!(
                "warm {}, cold {}; seed {}",
                rounds(set.runs, set.time_ms),
                rounds(set.cold_runs, set.cold_time_ms),
                set.seed
            ),
        ),
        ("Cutwater", report.cutwater.to_owned()),
    ]
}

fn summary(report: &Report) -> String {
    let mut out =
        String::from("<section aria-labelledby=\"short\">\n<h2 id=\"short\">In short</h2>\n");
    if report.interrupted {
        out.push_str("<p class=\"note\">Interrupted: this is what was measured until then.</p>\n");
    }
    if let (Some(mean), Some(worst)) = (report.summary.auto_interval, &report.summary.worst) {
        let _ = writeln!(
            out,
            "<p class=\"score\"><strong>{mean}</strong> <span>of the best single path's rate is what \
             <code>auto</code> has, the geometric mean of {}. The worst is {}, in \
             {}.</span></p>",
            words::counted(report.groups().len() as u64, "group"),
            worst.interval,
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
        "<section aria-labelledby=\"{cache}\">\n<h2 id=\"{cache}\">{name}</h2>\n<p>{what} Each dot \
         is a path's rate as a share of the best single path's; more is better. Rates are in MiB/s.</p>\n<p class=\"key\"><span class=\"best\">best single path</span> \
         <span class=\"auto\">auto</span> <span class=\"other\">other paths</span></p>\n\
         <div class=\"cards\">\n"
    );
    for (shape, cells) in groups {
        out.push_str(&chart::card(shape, cells));
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
