//! The programs that are asked, and how answers are compared.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::data::Data;
use super::questions::Question;
use crate::args::QueryArgs;
use crate::harness::report::Missing;
use crate::programs::{find, find_beside, timed};

/// Rows of values as they were printed.
pub(super) type Rows = Vec<Vec<String>>;

/// The query in DuckDB; it prints CSV, and on standard error how long the query took.
const DUCKDB: &str = "
import sys, time, csv, duckdb
sql, threads = sys.argv[1], int(sys.argv[2])
con = duckdb.connect(); con.execute(f'SET threads TO {threads}'); con.execute(\"SET TimeZone TO 'UTC'\"); con.execute('SET enable_progress_bar = false')
begun = time.perf_counter()
rows = con.execute(sql).fetchall()
took = time.perf_counter() - begun
out = csv.writer(sys.stdout); out.writerow(['header']); out.writerows(rows)
print(took, file=sys.stderr)
";

/// A program that answers.
#[derive(Debug)]
pub(super) struct Tool {
    pub name: &'static str,
    program: PathBuf,
    before: Vec<String>,
    /// Statements before the question.
    setting: String,
    after: Vec<String>,
    /// Its words for the names in a question.
    names: Vec<(&'static str, String)>,
    dialect: Dialect,
    /// Whether its own time counts, and not that of the process.
    own_time: bool,
}

/// Which questions a program is asked, and in which words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Cutwater,
    DuckDb,
    /// The engine below ours, with its own reader of JSON.
    DataFusion,
}

/// The programs that are here.
#[derive(Debug)]
pub(super) struct Tools {
    pub all: Vec<Tool>,
    pub missing: Vec<Missing>,
    pub versions: BTreeMap<String, String>,
}

impl Tools {
    /// Ours, which must be here, and DuckDB where it is.
    pub(super) fn find(args: &QueryArgs, data: &Data) -> Result<Self, String> {
        let ours = find_beside("cutwater-query").or_else(|| find("cutwater-query"));
        let ours = ours.ok_or_else(|| {
            "there is no cutwater-query beside this program or on the PATH; build it: \
             cargo build --release -p cutwater-query"
                .to_owned()
        })?;
        let threads = args.threads.to_string();
        let log = data.log.display();
        let options = ["--quiet", "-o", "csv", "--threads", &threads];
        let options: Vec<String> = options.iter().map(|a| (*a).to_owned()).collect();
        let tables = [("owners", &data.owners), ("broken", &data.broken)];
        let tables = tables.map(|(name, path)| format!("--table={name}={}", path.display()));
        let cutwater = Tool {
            name: "cutwater",
            program: ours.clone(),
            before: options.iter().cloned().chain(tables).collect(),
            setting: String::new(),
            after: vec![log.to_string()],
            names: names(data, ["log", "owners", "broken"].map(str::to_owned)),
            dialect: Dialect::Cutwater,
            own_time: false,
        };
        let engine = Tool {
            name: "datafusion-json",
            program: ours,
            before: options,
            setting: format!("CREATE EXTERNAL TABLE theirs STORED AS JSON LOCATION '{log}'; "),
            after: Vec::new(),
            names: names(data, ["theirs", "", ""].map(str::to_owned)),
            dialect: Dialect::DataFusion,
            own_time: false,
        };
        let all = vec![cutwater, engine];
        let mut tools = Self { versions: BTreeMap::new(), missing: Vec::new(), all };
        match find(&args.python) {
            Some(python) if has_duckdb(&python) => tools.add_duckdb(&python, &threads, data),
            _ => tools.missing.push(Missing::new(
                "duckdb",
                &format!("{} has no duckdb; --python names one that has", args.python),
            )),
        }
        tools.versions = tools.all.iter().filter_map(Tool::version).collect();
        Ok(tools)
    }

    /// The query alone, and the whole process.
    fn add_duckdb(&mut self, python: &std::path::Path, threads: &str, data: &Data) {
        let read = |path: &std::path::Path| {
            format!("read_json('{}', format='newline_delimited')", path.display())
        };
        // Lines as they stand: no byte of them parts or quotes anything.
        let lines = format!(
            "read_csv('{}', columns={{'line': 'VARCHAR'}}, header=false, auto_detect=false, \
             delim='\x01', quote='', escape='')",
            data.broken.display()
        );
        for (name, own_time) in [("duckdb-process", false), ("duckdb", true)] {
            self.all.push(Tool {
                name,
                program: python.to_owned(),
                before: vec!["-c".to_owned(), DUCKDB.to_owned()],
                setting: String::new(),
                after: vec![threads.to_owned()],
                names: names(data, [read(&data.log), read(&data.owners), lines.clone()]),
                dialect: Dialect::DuckDb,
                own_time,
            });
        }
    }
}

/// What stands for the names of a question.
fn names(data: &Data, tables: [String; 3]) -> Vec<(&'static str, String)> {
    let [log, owners, broken] = tables;
    let times = [("SINCE", data.since.clone()), ("UNTIL", data.until.clone())];
    [("LOG", log), ("OWNERS", owners), ("BROKEN", broken)].into_iter().chain(times).collect()
}

impl Tool {
    /// Whether it is asked this.
    pub(super) fn answers(&self, question: &Question) -> bool {
        self.dialect != Dialect::DataFusion || question.engine
    }

    /// Asks it: seconds and rows.
    pub(super) fn ask(&self, question: &Question) -> Result<(f64, Rows), String> {
        let names: Vec<_> = self.names.iter().map(|(name, with)| (*name, with.as_str())).collect();
        let sql = self.setting.clone() + &question.with(self.dialect == Dialect::DuckDb, &names);
        let mut command = Command::new(&self.program);
        command.args(&self.before).arg(sql).args(&self.after);
        let (seconds, text) = timed(&mut command, self.name, self.own_time)?;
        Ok((seconds, rows(&text)))
    }

    fn version(&self) -> Option<(String, String)> {
        let mut command = Command::new(&self.program);
        match self.dialect {
            Dialect::Cutwater => command.arg("--version"),
            Dialect::DataFusion => return None,
            Dialect::DuckDb => {
                command.args(["-c", "import duckdb; print('DuckDB', duckdb.__version__)"])
            }
        };
        let out = command.output().ok()?;
        let text = String::from_utf8_lossy(&out.stdout);
        Some((self.name.to_owned(), text.lines().next()?.to_owned()))
    }
}

/// The rows of CSV whose values have no quotes or commas in them, without the header.
fn rows(text: &str) -> Rows {
    let cells = |line: &str| line.trim_end().split(',').map(str::to_owned).collect();
    text.lines().skip(1).map(cells).collect()
}

/// Means and sums of doubles may differ in their last digits by the order of additions.
const RELATIVE: f64 = 1e-9;

/// Whether two answers are the same.
pub(super) fn same(a: &Rows, b: &Rows) -> bool {
    let value = |(a, b): (&String, &String)| match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() <= RELATIVE * a.abs().max(b.abs()),
        _ => a == b,
    };
    let row =
        |(a, b): (&Vec<String>, &Vec<String>)| a.len() == b.len() && a.iter().zip(b).all(value);
    a.len() == b.len() && a.iter().zip(b).all(row)
}

fn has_duckdb(python: &std::path::Path) -> bool {
    let asked = Command::new(python).args(["-c", "import duckdb"]).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_the_same_up_to_the_last_digits_of_doubles() {
        let a = rows("h\n200,5,1.5\n,x\n");
        assert!(same(&a, &rows("other\n200,5,1.5000000000001\n,x\n")));
        for other in
            ["h\n200,5,1.5001\n,x\n", "h\n200,5,1.5\n", "h\n200,5,1.5\n,y\n", "h\n200,5\n,x\n"]
        {
            assert!(!same(&a, &rows(other)), "{other}");
        }
    }
}
