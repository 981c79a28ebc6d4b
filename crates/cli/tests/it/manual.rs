//! Completions and manual pages, by the programs that read them where they are at hand.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use crate::run_cutwater;

const ALL: [&str; 9] =
    ["doctor", "bench", "scan", "query", "reproduce", "trace", "storm", "completions", "man"];

fn printed(args: &[&str]) -> String {
    let out = run_cutwater(args);
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("UTF-8")
}

/// What `program` says of `input`; nothing where it is not installed.
fn piped(program: &str, args: &[&str], input: &str) -> Option<Output> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        cutwater_testing::skip!("{program} is not installed");
        return None;
    };
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    Some(child.wait_with_output().expect("it ends"))
}

#[test]
fn every_shell_has_a_script_that_names_all_subcommands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = printed(&["completions", shell]);
        for name in ALL {
            assert!(script.contains(name), "{shell} does not know {name}");
        }
    }
    let out = run_cutwater(&["completions", "csh"]);
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.code() == Some(2) && said.contains("fish"), "{said}");
}

#[test]
fn bash_completes_subcommands_and_options_by_the_script() {
    let script = printed(&["completions", "bash"]);
    let completed = |words: &[&str]| {
        let asked = format!(
            "{script}\nCOMP_WORDS=({}); COMP_CWORD={}; _cutwater cutwater '{}' '{}'\n\
             printf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
            words.join(" "),
            words.len() - 1,
            words[words.len() - 1],
            words[words.len() - 2]
        );
        let out = piped("bash", &["--norc"], &asked)?;
        assert!(out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
        let text = String::from_utf8(out.stdout).expect("UTF-8");
        Some(text.lines().map(str::to_owned).collect::<Vec<_>>())
    };
    let Some(subcommands) = completed(&["cutwater", "q"]) else { return };
    assert_eq!(subcommands, ["query"]);
    assert_eq!(completed(&["cutwater", "scan", "--mer"]), Some(vec!["--merge".to_owned()]));
    assert_eq!(completed(&["cutwater", "completions", "fi"]), Some(vec!["fish".to_owned()]));
}

#[test]
fn pages_of_all_commands_are_read_by_man_without_a_warning() {
    let mut pages = vec![("cutwater".to_owned(), printed(&["man"]))];
    pages.extend(ALL.map(|name| (format!("cutwater-{name}"), printed(&["man", name]))));
    for (name, page) in &pages {
        assert!(page.contains(&format!(".TH {name} 1 ")), "{page}");
        let Some(out) = piped("groff", &["-man", "-Tutf8", "-ww", "-z"], page) else { return };
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success() && said.is_empty(), "{name}: {said}");
    }
}

#[test]
fn a_page_has_the_options_of_its_command_and_those_of_all() {
    let page = printed(&["man", "scan"]).replace("\\-", "-").replace("\\fB", "");
    for expected in ["cutwater scan", "--merge", "--metrics"] {
        assert!(page.contains(expected), "{expected} is missing in {page}");
    }
    let whole = printed(&["man"]).replace("\\-", "-");
    for name in ALL {
        assert!(whole.contains(&format!("cutwater-{name}(1)")), "{name} is missing in {whole}");
    }
    let out = run_cutwater(&["man", "no-such"]);
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.code() == Some(2) && said.contains("reproduce"), "{said}");
}
