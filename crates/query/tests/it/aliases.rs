//! No output is written over an input, under any names.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::{app, query};
use cutwater_testing::{ended, text};

const LINES: &str = "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n";
const COUNT: &str = "SELECT count(*) AS n FROM log";

/// A directory with the input `in.json` and its other names.
struct Place {
    dir: tempfile::TempDir,
    input: PathBuf,
}

impl Place {
    fn new() -> io::Result<Self> {
        let dir = tempfile::tempdir()?;
        let input = dir.path().join("in.json");
        fs::write(&input, LINES)?;
        symlink("in.json", dir.path().join("link.json"))?;
        fs::hard_link(&input, dir.path().join("hard.json"))?;
        fs::create_dir(dir.path().join("d"))?;
        fs::write(dir.path().join("q.sql"), COUNT)?;
        Ok(Self { dir, input })
    }

    fn name(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    /// All names of the input.
    fn names(&self) -> Vec<String> {
        ["in.json", "link.json", "hard.json", "d/../in.json"].map(|n| self.name(n)).into()
    }

    /// The arguments of queries that read `name`, each in another way.
    fn readers(&self, name: &str) -> Vec<Vec<String>> {
        let glob = self.name("[ilh]*.json");
        let external = format!(
            "CREATE EXTERNAL TABLE e (n INT) STORED AS JSON LOCATION '{name}'; SELECT * FROM e"
        );
        let log = app();
        let as_path = format!("SELECT count(*) FROM '{name}'");
        let called = format!("SELECT count(*) FROM log('{name}')");
        let joined = format!("{called} JOIN log ON true");
        let table = format!("u={name}");
        let readers: [&[&str]; 8] = [
            &[COUNT, name],
            &[COUNT, &log, name],
            &[COUNT, &glob],
            &["SELECT count(*) FROM u", "--table", &table],
            &[&as_path],
            &[&called],
            &[&joined, &log],
            &[&external],
        ];
        let owned = |words: &&[&str]| words.iter().map(ToString::to_string).collect();
        readers.iter().map(owned).collect()
    }

    fn check(&self, out: &Output, what: &str) -> io::Result<()> {
        let (code, said, noted) = ended(out);
        assert_eq!(fs::read_to_string(&self.input)?, LINES, "{what}: {noted}");
        assert_eq!(code, Some(2), "{what}: {said}{noted}");
        assert!(noted.contains("which is read"), "{what}: {noted}");
        Ok(())
    }
}

#[test]
fn an_answer_is_not_written_over_an_input() -> io::Result<()> {
    let place = Place::new()?;
    for read in place.names() {
        for words in place.readers(&read) {
            let is_external = words[0].starts_with("CREATE");
            for written in place.names() {
                let mut command = query();
                // --output takes one answer, so the table is made by a query of its own.
                let (words, redirected) =
                    if is_external { (&words, true) } else { (&words, false) };
                if redirected {
                    command.args(words).stdout(File::options().append(true).open(&written)?);
                } else {
                    command.arg("--output").arg(&written).args(words);
                }
                place.check(
                    &command.stderr(Stdio::piped()).output()?,
                    &format!("{words:?} {written}"),
                )?;
            }
        }
    }
    Ok(())
}

#[test]
fn what_comes_from_standard_input_or_a_descriptor_is_an_input() -> io::Result<()> {
    let place = Place::new()?;
    for written in place.names() {
        let out = query()
            .args(["--output", &written, COUNT, "-"])
            .stdin(File::open(&place.input)?)
            .output()?;
        place.check(&out, &written)?;
        let script = "exec \"$0\" --output \"$1\" \"$2\" /dev/fd/7 7<\"$3\"";
        place.check(&shell(script, &[&written, COUNT, &place.name("in.json")])?, &written)?;
    }
    // The query itself.
    let (sql, input) = (place.name("q.sql"), place.name("in.json"));
    let out = query().args(["--output", &sql, "--file", &sql, &input]).output()?;
    place.check(&out, "--file")?;
    let out = query().args(["--output", &sql, &input]).stdin(File::open(&sql)?).output()?;
    place.check(&out, "a query from standard input")?;
    assert_eq!(fs::read_to_string(&sql)?, COUNT);
    Ok(())
}

/// Runs a script whose `$0` is the command under test.
fn shell(script: &str, words: &[&str]) -> io::Result<Output> {
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_cutwater-query")]).args(words);
    command.stdin(Stdio::null()).output()
}

#[test]
fn descriptors_and_standard_output_are_outputs() -> io::Result<()> {
    let place = Place::new()?;
    let input = place.name("in.json");
    for script in [
        "exec \"$0\" \"$2\" \"$1\" >>\"$1\"",
        "exec \"$0\" --output - \"$2\" \"$1\" >>\"$1\"",
        "exec \"$0\" --output /dev/stdout \"$2\" \"$1\" >>\"$1\"",
        "exec \"$0\" --output /dev/fd/5 \"$2\" \"$1\" 5>>\"$1\"",
        "exec \"$0\" --output /proc/self/fd/5 \"$2\" \"$1\" 5<>\"$1\"",
    ] {
        place.check(&shell(script, &[&input, COUNT])?, script)?;
    }
    let answer = place.name("answer");
    for script in [
        "printf 'before\\n' >\"$3\"; exec \"$0\" -o csv --quiet \"$2\" \"$1\" >>\"$3\"",
        "printf 'before\\n' >\"$3\"; exec \"$0\" -o csv --quiet --output - \"$2\" \"$1\" >>\"$3\"",
        "printf 'before\\n' >\"$3\"; exec \"$0\" -o csv --quiet --output /dev/stdout \"$2\" \"$1\" >>\"$3\"",
        "printf 'before\\n' >\"$3\"; exec \"$0\" -o csv --quiet --output /dev/fd/6 \"$2\" \"$1\" 6>>\"$3\"",
    ] {
        let out = shell(script, &[&input, COUNT, &answer])?;
        assert!(out.status.success(), "{script}: {}", text(&out.stderr));
        assert_eq!(fs::read_to_string(&answer)?, "before\nn\n3\n", "{script}");
    }
    assert!(!Path::new("-").exists());
    Ok(())
}

#[test]
fn a_copy_is_not_written_over_an_input() -> io::Result<()> {
    let place = Place::new()?;
    let input = place.name("in.json");
    for written in place.names() {
        for copy in ["COPY", "EXPLAIN ANALYZE COPY"] {
            let sql = format!("{copy} (SELECT 1 AS n FROM log) TO '{written}' STORED AS CSV");
            place.check(&query().args([&sql, &input]).output()?, &sql)?;
        }
    }
    let other = place.name("other.csv");
    let out = query().args([&format!("COPY log TO '{other}'"), &input]).output()?;
    assert!(out.status.success(), "{}", text(&out.stderr));
    assert_eq!(fs::read_to_string(&other)?, "n\n1\n2\n3\n");
    Ok(())
}

#[test]
fn a_file_of_a_directory_that_is_a_table_is_an_input() -> io::Result<()> {
    let place = Place::new()?;
    let tables = place.dir.path().join("t.parquet");
    fs::create_dir(&tables)?;
    let part = tables.join("part.parquet").display().to_string();
    let out =
        query().args(["--output", &part, "SELECT n FROM log", &place.name("in.json")]).output()?;
    assert!(out.status.success(), "{}", text(&out.stderr));
    let before = fs::read(&part)?;
    let table = format!("t={}", tables.display());
    let out = query()
        .args(["--table", &table, "--output", &part, "SELECT n + 1 AS n FROM t"])
        .output()?;
    place.check(&out, "a directory")?;
    assert_eq!(fs::read(&part)?, before);
    Ok(())
}

#[test]
fn a_file_of_formats_is_an_input() -> io::Result<()> {
    const FORMAT: &str = "name = \"m\"\ntitle = \"a test\"\npattern = '(?<n>[0-9]+) (?<m>.*)'\n";
    let place = Place::new()?;
    let format = place.dir.path().join("m.toml");
    let folder = place.dir.path().join("config/cutwater/formats");
    let of_user = folder.join("u.toml");
    fs::create_dir_all(&folder)?;
    fs::write(&format, FORMAT)?;
    fs::write(&of_user, FORMAT)?;
    let (name, log) = (format.display().to_string(), place.name("in.json"));
    let called = format!("SELECT 1 AS a FROM log('{log}', format => '{name}')");
    for (written, words) in [
        (&format, vec!["--format", &name, COUNT, &log]),
        (&format, vec![&called]),
        (&of_user, vec![COUNT, &log]),
    ] {
        let mut command = query();
        command.env("XDG_CONFIG_HOME", place.dir.path().join("config"));
        let out = command.arg("--output").arg(written).args(&words).output()?;
        let (code, _, noted) = ended(&out);
        assert_eq!(fs::read_to_string(written)?, FORMAT, "{words:?}: {noted}");
        assert_eq!(code, Some(2), "{words:?}: {noted}");
        assert!(noted.contains("which is read"), "{words:?}: {noted}");
    }
    Ok(())
}
