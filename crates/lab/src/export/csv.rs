//! A line for each row, for spreadsheets and scripts.

use super::{Cell, Export, ExportError, Report, Sheet};

/// CSV by RFC 4180, of a report's first table.
#[derive(Debug, Clone, Copy, Default)]
pub struct Csv;

impl Export for Csv {
    fn export<R: Report>(&self, report: &R) -> Result<String, ExportError> {
        Ok(report.sheets().first().map(Self::sheet).unwrap_or_default())
    }
}

impl Csv {
    /// One table. A ratio takes four fields: its median under the column's name, then the ends
    /// of its interval and its word under `_low`, `_high` and `_word`.
    pub fn sheet(sheet: &Sheet) -> String {
        let ratio = |i: usize| {
            sheet.rows.iter().any(|row| matches!(row.cells.get(i), Some(Cell::Ratio(_))))
        };
        let ratios: Vec<bool> = (0..sheet.columns.len()).map(ratio).collect();
        let mut heads = Vec::new();
        for (column, ratio) in sheet.columns.iter().zip(&ratios) {
            heads.push(column.key.to_owned());
            if *ratio {
                heads.extend(["low", "high", "word"].map(|end| format!("{}_{end}", column.key)));
            }
        }
        let mut out = heads.join(",") + "\n";
        for row in &sheet.rows {
            let fields = row.cells.iter().zip(&ratios).flat_map(|(c, ratio)| fields(c, *ratio));
            let fields: Vec<_> = fields.map(|field| quoted(&field)).collect();
            out.push_str(&(fields.join(",") + "\n"));
        }
        out
    }
}

fn fields(cell: &Cell, ratio: bool) -> Vec<String> {
    let mut fields = match cell {
        Cell::Empty => vec![String::new()],
        Cell::Text(text) => vec![text.clone()],
        Cell::Number { plain, .. } => vec![plain.clone()],
        Cell::Ratio(r) => vec![
            format!("{:.4}", r.median),
            format!("{:.4}", r.low),
            if r.high.is_finite() { format!("{:.4}", r.high) } else { String::new() },
            r.word().to_string(),
        ],
    };
    if ratio {
        fields.resize(4, String::new());
    }
    fields
}

/// Quoted where it has to be; see RFC 4180.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Column, Ratio};

    #[test]
    fn fields_are_quoted_where_they_have_to_be() {
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("a, \"b\""), "\"a, \"\"b\"\"\"");
    }

    #[test]
    fn a_ratio_takes_four_fields_in_every_row() {
        let mut sheet = Sheet::new("t", &[Column::text("path", ""), Column::number("of_best", "")]);
        let ratio = Ratio { median: 0.5, low: 0.4, high: 0.6, rounds: 9 };
        sheet.add(vec![Cell::text("a"), Cell::Ratio(ratio)]);
        sheet.add(vec![Cell::text("b"), Cell::Empty]);
        let expected = "path,of_best,of_best_low,of_best_high,of_best_word\n\
                        a,0.5000,0.4000,0.6000,slower\nb,,,,\n";
        assert_eq!(Csv::sheet(&sheet), expected);
    }
}
