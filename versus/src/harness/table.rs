//! The report for people, losses included.

use std::fmt::Write as _;

use super::report::{Report, Row};

/// The report as text: a line for each cell, then every peer, then who is missing.
pub(crate) fn text(report: &Report) -> String {
    let mut out = String::new();
    let host = &report.host;
    let _ = writeln!(
        out,
        "versus {}: {}, {} cores, {:.0} GiB, Linux {}\n",
        report.suite,
        host.cpu,
        host.cores,
        host.memory_bytes as f64 / (1u64 << 30) as f64,
        host.kernel
    );
    summary(&mut out, &report.rows);
    everybody(&mut out, &report.rows);
    for missing in &report.missing {
        let _ = writeln!(out, "missing: {}: {}", missing.peer, missing.why);
    }
    out
}

fn summary(out: &mut String, rows: &[Row]) {
    let _ = writeln!(
        out,
        "{:<22} {:>10} {:>10} {:<22} {:>6} {:>7}",
        "cell", "ours", "best", "peer", "ratio", "spread"
    );
    for row in rows {
        let best = row.best_peer.as_ref().and_then(|name| row.peers.get(name));
        let _ = writeln!(
            out,
            "{:<22} {:>10} {:>10} {:<22} {:>6} {:>7} {}{}",
            row.cell,
            figure(row.ours),
            figure(best.copied()),
            row.best_peer.as_deref().unwrap_or("-"),
            row.ratio.map_or_else(|| "-".to_owned(), |r| format!("{r:.2}")),
            row.spread.map_or_else(|| "-".to_owned(), |s| format!("{:.0} %", s * 100.0)),
            if row.ratio.is_some_and(|r| r < 1.0) { "loss " } else { "" },
            if row.hash_ok { "" } else { "WRONG BYTES" },
        );
    }
    let ratios: Vec<_> = rows.iter().filter_map(|r| r.ratio).collect();
    if !ratios.is_empty() {
        let mean = (ratios.iter().map(|r| r.ln()).sum::<f64>() / ratios.len() as f64).exp();
        let losses = ratios.iter().filter(|r| **r < 1.0).count();
        let cells = ratios.len();
        let _ =
            writeln!(out, "geometric mean {mean:.2}; behind the best peer in {losses} of {cells}");
    }
}

/// Every contender's median, a line for each cell and unit.
fn everybody(out: &mut String, rows: &[Row]) {
    let _ = writeln!(out, "\nall, in the unit of the cell:");
    for row in rows {
        let mut all: Vec<_> = row.peers.iter().map(|(n, v)| (n.as_str(), *v)).collect();
        all.extend(row.ours.map(|v| ("OURS", v)));
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        let all: Vec<_> = all.iter().map(|(n, v)| format!("{n} {}", figure(Some(*v)))).collect();
        let _ = writeln!(out, "{} ({}): {}", row.cell, row.unit, all.join(", "));
    }
    let _ = writeln!(out);
}

/// Three digits and a factor: `1.23 M`.
fn figure(value: Option<f64>) -> String {
    let Some(value) = value else { return "-".to_owned() };
    let (scaled, factor) = match value {
        v if v >= 1e9 => (v / 1e9, " G"),
        v if v >= 1e6 => (v / 1e6, " M"),
        v if v >= 1e3 => (v / 1e3, " K"),
        v => (v, ""),
    };
    let digits = if scaled >= 100.0 { 0 } else { 1 + usize::from(scaled < 10.0) };
    format!("{scaled:.digits$}{factor}")
}

#[cfg(test)]
mod tests {
    use super::super::host::Host;
    use super::super::report::{Better, Missing};
    use super::super::run::Series;
    use super::*;

    #[test]
    fn losses_wrong_bytes_and_missing_peers_are_shown() {
        let all = [
            Series { values: vec![1000.0], ..Series::new("cutwater") },
            Series { values: vec![2000.0], hash_ok: false, ..Series::new("std") },
        ];
        let report = Report {
            suite: "read",
            host: Host::of_this_machine(),
            versions: [].into(),
            rows: vec![Row::of("warm", "reads/s", Better::Higher, "cutwater", &all)],
            missing: vec![Missing::new("glommio", "not built: the feature is off")],
        };
        let text = text(&report);
        assert!(text.contains("0.50") && text.contains("loss WRONG BYTES"), "{text}");
        assert!(text.contains("missing: glommio: not built: the feature is off"), "{text}");
        assert!(text.contains("std 2.00 K, OURS 1.00 K"), "{text}");
    }

    #[test]
    fn figures_keep_three_digits() {
        for (value, expected) in
            [(1.0, "1.00"), (12.34, "12.3"), (123_456.0, "123 K"), (1.5e6, "1.50 M")]
        {
            assert_eq!(figure(Some(value)), expected);
        }
    }
}
