//! The table of what was measured.

use std::fmt::Write;

use serde_json::Value;

use super::ratio;

const PATHS: [&str; 6] = ["read", "preadv", "mmap", "uring", "uring-direct", "auto"];

/// Host, table and mean of a run.
pub(super) fn text(run: &Value, bench: &Value) -> String {
    let host = &run["host"];
    let settings = &bench["settings"];
    let mut text = format!(
        "A virtual machine with {} cores of {}, {:.0} GiB, Linux {}, {}, on {};\n\
         Cutwater {}, {}. MiB/s, medians of {} slices warm and {} cold, in\n\
         balanced rounds; every byte hashed and compared; bold is the best single path.\n",
        host["cpus"],
        host["cpu"].as_str().unwrap(),
        host["memory_gib"].as_f64().unwrap(),
        host["kernel"].as_str().unwrap(),
        bench["file"]["file_system"].as_str().unwrap(),
        run["date"].as_str().unwrap(),
        run["cutwater"].as_str().unwrap(),
        run["rustc"].as_str().unwrap().split(' ').take(2).collect::<Vec<_>>().join(" "),
        settings["runs"].as_u64().unwrap() * 2,
        settings["cold_runs"].as_u64().unwrap() * 2,
    );
    if let Some(note) = run["note"].as_str() {
        let _ = writeln!(text, "{note}");
    }
    let _ = writeln!(
        text,
        "\n| page cache, pattern, block, depth | {} | auto / best (95 % interval) | |\n|---|{}---|",
        PATHS.join(" | "),
        "---:|".repeat(PATHS.len() + 1)
    );
    let cells = bench["cells"].as_array().unwrap();
    let mut shapes: Vec<_> = cells.iter().map(shape).collect();
    shapes.dedup();
    shapes.iter().for_each(|shape| row(&mut text, shape, cells));
    let mean = ratio(&bench["summary"]["auto_interval"]);
    let _ = writeln!(text, "\n`auto` compared with the best single path, geometric mean: {mean}.");
    text
}

/// What a row is called.
fn shape(cell: &Value) -> String {
    let word = |key: &str| cell[key].as_str().unwrap().to_owned();
    let block = cell["block"].as_u64().unwrap();
    let block = match block {
        b if b >= 1 << 20 => format!("{} MiB", b >> 20),
        b => format!("{} KiB", b >> 10),
    };
    let threads = match cell["threads"].as_u64().unwrap() {
        1 => String::new(),
        n => format!(", {n} threads"),
    };
    format!("{} {}, {block}, {}{threads}", word("cache"), word("pattern"), cell["depth"])
}

fn row(text: &mut String, shape_of_row: &str, cells: &[Value]) {
    let rates = PATHS.map(|path| {
        let cell = cells.iter().find(|c| c["path"] == path && shape(c) == shape_of_row)?;
        cell["bytes_per_s"].as_f64()
    });
    let best = rates[..PATHS.len() - 1].iter().flatten().copied().fold(0.0, f64::max);
    let _ = write!(text, "| {shape_of_row} |");
    for (path, rate) in PATHS.iter().zip(rates) {
        let shown =
            rate.map_or_else(|| "-".to_owned(), |rate| thousands(rate / f64::from(1 << 20)));
        let is_best = *path != "auto" && rate == Some(best);
        let bold = if is_best { "**" } else { "" };
        let _ = write!(text, " {bold}{shown}{bold} |");
    }
    let auto = cells.iter().find(|c| c["path"] == "auto" && shape(c) == shape_of_row);
    let share = auto.map_or_else(String::new, |auto| ratio(&auto["interval"]));
    let word = auto.and_then(|auto| auto["word"].as_str()).unwrap_or_default();
    let _ = writeln!(text, " {share} | {word} |");
}

/// `12,345`
fn thousands(n: f64) -> String {
    let digits = format!("{n:.0}");
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[test]
fn thousands_are_parted() {
    assert_eq!([7.4, 999.6, 12_345.0].map(thousands), ["7", "1,000", "12,345"]);
}
