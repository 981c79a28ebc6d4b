//! The report for people, losses included.

use std::collections::{BTreeMap, BTreeSet};

use cutwater_lab::{Cell, Column, Comparison, Host, Sheet, Word, mean};

use super::report::Report;
use super::row::Row;

impl cutwater_lab::Report for Report {
    fn title(&self) -> String {
        format!("versus {}", self.suite)
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        vec![("host", host_in_words(&self.host))]
    }

    fn sheets(&self) -> Vec<Sheet> {
        vec![ratios(&self.rows), medians(&self.rows)]
    }

    fn notes(&self) -> Vec<String> {
        let mut notes: Vec<_> = summary(self).into_iter().collect();
        if self.suite != "net" {
            notes.extend(means_by_peer(&self.rows));
        }
        notes.extend(self.notes.iter().cloned());
        notes.extend(self.missing.iter().map(|m| format!("missing: {}: {}", m.peer, m.why)));
        notes
    }
}

/// `AMD EPYC, 2 cores, 23 GiB, Linux 6.18.44`.
pub(crate) fn host_in_words(host: &Host) -> String {
    let gib = host.memory_bytes as f64 / f64::from(1u32 << 30);
    format!("{}, {} cores, {gib:.0} GiB, Linux {}", host.cpu, host.cores, host.kernel)
}

/// A line for each cell: ours against the best peer.
fn ratios(rows: &[Row]) -> Sheet {
    let columns = [
        Column::text("cell", "cell"),
        Column::text("unit", "unit"),
        Column::number("ours", "ours"),
        Column::number("best", "best"),
        Column::text("best_peer", "peer"),
        Column::text("ratio", "ratio (95 % interval)"),
        Column::text("word", "word"),
    ];
    let mut sheet = Sheet::new("Ours against the best peer; over 1 is better", &columns);
    for row in rows {
        let best = row.best_peer.as_ref();
        let word = row.word.map_or_else(String::new, |word| word.to_string());
        let wrong = if row.hash_ok { "" } else { " WRONG RESULT" };
        sheet.add(vec![
            Cell::text(&row.cell),
            Cell::text(row.unit),
            figure(row.ours),
            figure(best.and_then(|name| row.peers.get(name)).copied()),
            best.map_or(Cell::Empty, Cell::text),
            row.interval.map_or(Cell::Empty, Cell::Ratio),
            Cell::text(word + wrong),
        ]);
    }
    sheet
}

/// The median of every side; a column for each.
fn medians(rows: &[Row]) -> Sheet {
    let columns =
        [Column::text("cell", "cell"), Column::text("medians", "medians, in the unit of the cell")];
    let mut sheet = Sheet::new("All sides, the highest first", &columns);
    for row in rows {
        let mut all: Vec<_> = row.peers.iter().map(|(name, v)| (name.as_str(), *v)).collect();
        all.extend(row.ours.map(|v| ("OURS", v)));
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        let all: Vec<_> = all.iter().map(|(name, v)| format!("{name} {}", shown(*v))).collect();
        sheet.add(vec![Cell::text(&row.cell), Cell::text(all.join(", "))]);
    }
    sheet
}

/// The mean over all cells and how many of each word there are.
fn summary(report: &Report) -> Option<String> {
    if report.rows.is_empty() {
        return None;
    }
    let count = |word| report.rows.iter().filter(|row| row.word == Some(word)).count();
    let words = format!(
        "{} slower, {} level, {} faster, {} undecided",
        count(Word::Slower),
        count(Word::Level),
        count(Word::Faster),
        count(Word::Undecided)
    );
    Some(
        report.mean.map_or_else(|| words.clone(), |mean| format!("geometric mean {mean}; {words}")),
    )
}

/// The mean over all cells against each peer alone.
fn means_by_peer(rows: &[Row]) -> Vec<String> {
    let peers: BTreeSet<_> = rows.iter().flat_map(|row| row.by_peer.keys()).collect();
    let by_peer = |peer: &&String| rows.iter().filter_map(|row| row.by_peer.get(*peer)).collect();
    let all: BTreeMap<_, Vec<&Comparison>> = peers.iter().map(|p| (*p, by_peer(p))).collect();
    let line = |(peer, all): (&&String, &Vec<&Comparison>)| {
        let mean = mean(all.iter().copied())?;
        Some(format!("against {peer} alone: {mean} in the geometric mean of {}", all.len()))
    };
    all.iter().filter_map(line).collect()
}

fn figure(value: Option<f64>) -> Cell {
    value.map_or(Cell::Empty, |value| Cell::number(value, 3, shown(value)))
}

/// Three digits and a factor: `1.23 M`.
fn shown(value: f64) -> String {
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
    use cutwater_lab::{Better, Export, Series, Table};

    use super::super::report::Missing;
    use super::*;

    fn text(ours: &[f64], theirs: &[f64]) -> String {
        let all = [
            Series { values: ours.to_vec(), ..Series::new("cutwater") },
            Series { values: theirs.to_vec(), right: false, ..Series::new("std") },
        ];
        let mut report = Report::new("read", [].into());
        report.add(Row::compare("warm", "reads/s", Better::Higher, "cutwater", &all));
        report.miss(Missing::new("glommio", "not built: the feature is off"));
        Table.export(&report).unwrap()
    }

    #[test]
    fn losses_wrong_bytes_and_missing_peers_are_shown() {
        let text = text(&[1000.0; 12], &[2000.0; 12]);
        assert!(text.contains("0.50 (0.50 to 0.50)"), "{text}");
        assert!(text.contains("slower WRONG RESULT"), "{text}");
        assert!(text.contains("missing: glommio: not built: the feature is off"), "{text}");
        assert!(text.contains("std 2.00 K, OURS 1.00 K"), "{text}");
        assert!(text.contains("1 slower, 0 level, 0 faster, 0 undecided"), "{text}");
    }

    #[test]
    fn too_few_rounds_give_a_word_and_no_number() {
        let text = text(&[1000.0; 4], &[2000.0; 4]);
        assert!(text.contains("undecided (2 rounds)") && !text.contains("0.50"), "{text}");
    }

    #[test]
    fn figures_keep_three_digits() {
        for (value, expected) in
            [(1.0, "1.00"), (12.34, "12.3"), (123_456.0, "123 K"), (1.5e6, "1.50 M")]
        {
            assert_eq!(shown(value), expected);
        }
    }
}
