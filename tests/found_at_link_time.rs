//! Discovery: what is linked in is found, in every crate and with every kind of optimisation, and what the linker
//! dropped is named by `require`.

use std::path::PathBuf;
use std::process::{Command, Output};

/// The fixture program, built with a profile and run with arguments.
fn program(profile: &str, arguments: &[&str]) -> Output {
    let cargo = std::env::var_os("CARGO").expect("set by cargo");
    let build = [
        "build",
        "--quiet",
        "--package",
        "health-fixture-program",
        "--message-format=json",
        "--profile",
        profile,
    ];
    let output =
        Command::new(cargo).args(build).current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let messages = String::from_utf8(output.stdout).unwrap();
    let messages = messages.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let built = messages.filter(|m| m["target"]["name"] == "health-fixture-program");
    let path = built
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back()
        .expect("a program");
    Command::new(path).args(arguments).output().expect("it runs")
}

fn finds_everything(profile: &str) {
    let output = program(profile, &["plugin/answers", "own/answers"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    let names: Vec<_> = printed.lines().collect();
    assert_eq!(
        names,
        ["forgotten/part", "own/answers", "plugin/answers", "built with own/answers plugin/answers"]
    );
}

#[test]
fn a_check_of_a_crate_that_is_only_linked_is_found() {
    finds_everything("dev");
}

#[test]
fn a_check_of_a_crate_that_is_only_linked_is_found_with_lto() {
    finds_everything("lto");
}

#[test]
fn what_was_not_linked_or_not_handed_in_is_named_by_require() {
    let output = program("dev", &["unlinked/answers", "forgotten/part"]);
    assert!(!output.status.success());
    let shown = String::from_utf8(output.stderr).unwrap();
    for expected in [
        "error: `unlinked/answers` is required, and nothing in this assembly has that name",
        "write `use the_crate as _;`",
        "error: `forgotten/part` is required",
        "help: the component `forgotten` is declared at tests/fixtures/program/main.rs:",
        "but was not handed in: add `.component(...)`",
    ] {
        assert!(shown.contains(expected), "{expected} in {shown}");
    }
}
