//! The cells: a question, the programs that are asked, the answer.

use std::path::PathBuf;

use super::data::{Data, LITERAL};
use super::packed::PACKERS;
use super::tools::{Answer, Form, Tool};
use crate::args::LogsArgs;
use crate::harness::report::Missing;
use crate::programs::find;

/// A question, the programs that are asked, ours first, and the answer.
#[derive(Debug)]
pub(super) struct Cell {
    pub name: &'static str,
    pub tools: Vec<Tool>,
    pub answer: Answer,
    /// Bytes that are read, for a rate; `None` where the time is the figure.
    pub bytes: Option<u64>,
    /// The file whose pages are dropped before each process.
    pub cold: Option<PathBuf>,
}

/// The group-by in DuckDB; it prints rows, and on standard error how long the query took.
const DUCKDB: &str = "
import sys, time, duckdb
path, threads = sys.argv[1], int(sys.argv[2])
con = duckdb.connect(); con.execute(f'SET threads TO {threads}')
begun = time.perf_counter()
rows = con.execute(f\"SELECT status, count(*), avg(latency_ms) FROM read_json('{path}', format='newline_delimited') GROUP BY status\").fetchall()
print(*(f'{s} {n} {m}' for s, n, m in rows), sep='\\n')
print(time.perf_counter() - begun, file=sys.stderr)
";

/// All cells, and why peers are missing.
pub(super) fn all(args: &LogsArgs, ours: &str, data: &Data) -> (Vec<Cell>, Vec<Missing>) {
    let made = Maker { args, ours, data, missing: std::cell::RefCell::new(Vec::new()) };
    let groups = data.truth.groups.iter().map(|(k, (n, m))| (k.clone(), (*n, Some(*m)))).collect();
    let groups = Answer::Groups(groups);
    let access_groups = data.access_groups.iter().map(|(k, n)| (k.clone(), (*n, None))).collect();
    let access_groups = Answer::Groups(access_groups);
    let lines = Answer::Count(data.truth.lines);
    let literal = Answer::Count(data.truth.literal);
    let in_stretch = Answer::Count(data.stretch.2);
    let mut cells = vec![
        made.cell("lines", vec![made.scan("--count", 2), made.wc()], lines),
        made.cell("literal-1", vec![made.literal(1), made.rg()], literal.clone()),
        made.cell("literal-2", vec![made.literal(2), made.rg()], literal),
        made.cell("group-1", vec![made.group(1), made.duckdb(1)], groups.clone()),
        made.cell("group-2", vec![made.group(2), made.duckdb(2)], groups),
        made.access("access-group", vec![made.access_group(), made.agrind()], access_groups),
        made.access("access-summary", vec![made.summary(), made.goaccess()], Answer::None),
        Cell { cold: Some(data.sorted.clone()), ..made.seek("seek-cold", in_stretch.clone()) },
        made.seek("seek-warm", in_stretch),
    ];
    cells.extend(made.packed());
    (cells, made.missing.into_inner())
}

struct Maker<'a> {
    args: &'a LogsArgs,
    ours: &'a str,
    data: &'a Data,
    missing: std::cell::RefCell<Vec<Missing>>,
}

impl Maker<'_> {
    fn cell(&self, name: &'static str, tools: Vec<Option<Tool>>, answer: Answer) -> Cell {
        let bytes = std::fs::metadata(&self.data.ndjson).map(|m| m.len()).ok();
        Cell { name, tools: tools.into_iter().flatten().collect(), answer, bytes, cold: None }
    }

    fn access(&self, name: &'static str, tools: Vec<Option<Tool>>, answer: Answer) -> Cell {
        let bytes = std::fs::metadata(&self.data.access).map(|m| m.len()).ok();
        Cell { bytes, ..self.cell(name, tools, answer) }
    }

    fn seek(&self, name: &'static str, answer: Answer) -> Cell {
        let (since, until, _) = &self.data.stretch;
        let args =
            ["scan", "--count", "--since", since, "--until", until, &path(&self.data.sorted)];
        let tool = self.own(&args, Form::Count);
        Cell { bytes: None, ..self.cell(name, vec![tool], answer) }
    }

    /// Lines of a compressed log counted, beside its own program and `wc`.
    fn packed(&self) -> Vec<Cell> {
        let packed = &self.data.packed;
        let mut cells = Vec::new();
        for (packer, file) in PACKERS.iter().zip(&packed.files) {
            let words = format!("{} -dc \"$1\" | wc -l", packer.program);
            let file = file.as_deref().map(path).unwrap_or_default();
            // Where the program is not here, there is no file, and the peer is missing.
            let peer =
                self.peer(packer.peer, packer.program, &["-c", &words, "sh", &file], Form::Count);
            if file.is_empty() {
                continue;
            }
            let peer = peer.map(|tool| Tool { program: "sh".into(), ..tool });
            for (name, threads) in packer.cells.into_iter().zip(["1", "2"]) {
                let own = self.own(&["scan", "--count", "--threads", threads, &file], Form::Count);
                let cell = self.cell(name, vec![own, peer.clone()], Answer::Count(packed.lines));
                cells.push(Cell { bytes: Some(packed.bytes), ..cell });
            }
        }
        cells
    }

    fn own(&self, args: &[&str], form: Form) -> Option<Tool> {
        let args = args.iter().map(|a| (*a).to_owned()).collect();
        let program = self.ours.into();
        Some(Tool { name: "cutwater", program, args, form, own_time: false })
    }

    fn scan(&self, what: &str, threads: u32) -> Option<Tool> {
        let threads = threads.to_string();
        self.own(&["scan", what, "--threads", &threads, &path(&self.data.ndjson)], Form::Count)
    }

    fn literal(&self, threads: u32) -> Option<Tool> {
        let condition = format!("_line~'{LITERAL}'");
        let threads = threads.to_string();
        let file = path(&self.data.ndjson);
        self.own(
            &["scan", "--count", "--where", &condition, "--threads", &threads, &file],
            Form::Count,
        )
    }

    fn group(&self, threads: u32) -> Option<Tool> {
        let threads = threads.to_string();
        let args =
            ["--by", "status", "--agg", "count,avg(latency_ms)", "--json", "--threads", &threads];
        let file = path(&self.data.ndjson);
        self.own(&[&["scan"], &args[..], &[&file]].concat(), Form::Json)
    }

    fn access_group(&self) -> Option<Tool> {
        self.own(&["scan", "--by", "status", "--json", &path(&self.data.access)], Form::Json)
    }

    fn summary(&self) -> Option<Tool> {
        self.own(&["scan", "--json", &path(&self.data.access)], Form::Ignore)
    }

    /// A peer, where its program is here.
    fn peer(&self, name: &'static str, program: &str, args: &[&str], form: Form) -> Option<Tool> {
        if !self.args.peers.is_empty() && !self.args.peers.iter().any(|p| p == name) {
            return None;
        }
        let Some(program) = find(program) else {
            let why = format!("{program} is not here");
            let missing = Missing::new(name, &why);
            let mut known = self.missing.borrow_mut();
            if !known.contains(&missing) {
                known.push(missing);
            }
            return None;
        };
        let args = args.iter().map(|a| (*a).to_owned()).collect();
        Some(Tool { name, program, args, form, own_time: false })
    }

    fn wc(&self) -> Option<Tool> {
        self.peer("wc", "wc", &["-l", &path(&self.data.ndjson)], Form::Count)
    }

    fn rg(&self) -> Option<Tool> {
        let args =
            ["--count", "--fixed-strings", "--no-filename", LITERAL, &path(&self.data.ndjson)];
        self.peer("rg", "rg", &args, Form::Count)
    }

    fn duckdb(&self, threads: u32) -> Option<Tool> {
        let args = ["-c", DUCKDB, &path(&self.data.ndjson), &threads.to_string()];
        let tool = self.peer("duckdb", &self.args.python, &args, Form::Groups)?;
        Some(Tool { own_time: true, ..tool })
    }

    fn agrind(&self) -> Option<Tool> {
        let query = r#"* | parse "\" * * \"" as status, bytes | count by status"#;
        let args = ["--file", &path(&self.data.access), "-o", "format={status} {_count}", query];
        self.peer("angle-grinder", &self.args.agrind, &args, Form::Groups)
    }

    fn goaccess(&self) -> Option<Tool> {
        let args = [
            &path(&self.data.access),
            "--log-format=COMBINED",
            "--no-global-config",
            "-o",
            "json",
            "--no-progress",
        ];
        self.peer("goaccess", "goaccess", &args, Form::Ignore)
    }
}

fn path(path: &std::path::Path) -> String {
    path.display().to_string()
}
