//! Snapshots of the help texts, so that a change to one shows in review.

fn help(args: &[&str]) -> String {
    let mut command = crate::cutwater();
    let out = command.args(args).output().expect("the command starts");
    assert!(out.status.success(), "{args:?}");
    String::from_utf8(out.stdout).expect("UTF-8")
}

/// The names in the list of subcommands.
fn subcommands() -> Vec<String> {
    let text = help(&["-h"]);
    let list = text.lines().skip_while(|l| *l != "Commands:").skip(1).take_while(|l| !l.is_empty());
    list.filter_map(|l| l.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn the_command_lists_its_subcommands_and_common_flags() {
    insta::assert_snapshot!("cutwater", help(&["--help"]));
    insta::assert_snapshot!("cutwater_short", help(&["-h"]));
}

#[test]
fn reproduce_says_what_it_takes() {
    insta::assert_snapshot!("reproduce", help(&["reproduce", "--help"]));
}

#[test]
fn completions_and_the_manual_say_what_they_take() {
    insta::assert_snapshot!("completions", help(&["completions", "--help"]));
    insta::assert_snapshot!("man", help(&["man", "--help"]));
}

#[test]
fn every_subcommand_has_a_snapshot_of_its_help() {
    let all = subcommands();
    assert!(all.len() >= 7, "{all:?}");
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/snapshots");
    // Another program answers for it.
    for name in all.iter().filter(|name| *name != "query") {
        let own = [format!("it__{name}__help.snap"), format!("it__help__{name}.snap")];
        let has = own.iter().any(|file| std::path::Path::new(dir).join(file).exists());
        assert!(has, "{name} has no snapshot of its help");
    }
}
