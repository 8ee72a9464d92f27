//! The page of every public module of `health-builtins` says what a green answer proves, what it costs, what it needs and
//! when it lies, in this order and with words below each.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

const HEADINGS: [&str; 4] = ["# What green proves", "# What it costs", "# What it needs", "# When it lies"];

#[test]
fn every_page_has_the_four_headings() {
    let pages =
        public_modules(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../health-builtins/src/lib.rs"));
    let names: Vec<_> = pages.iter().filter_map(|(name, _)| name.rsplit('/').next()).collect();
    assert!(names.contains(&"tcp") && names.contains(&"combine"), "{names:?}");
    let of_one = |(name, source): &(String, String)| {
        let faults = faults_of(&page(source));
        faults.into_iter().map(|fault| format!("{name}: {fault}")).collect::<Vec<_>>()
    };
    let faults: Vec<_> = pages.iter().flat_map(of_one).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

/// The path and the source of every module that is `pub` where it is declared, in this file and below it: one that is not
/// may be the way to others that are.
fn public_modules(file: &Path) -> Vec<(String, String)> {
    let folder = file.parent().expect("a folder");
    let inside = match file.file_stem().and_then(OsStr::to_str) {
        Some("lib" | "mod") => folder.to_owned(),
        _ => file.with_extension(""),
    };
    let source = fs::read_to_string(file).expect("a module is a file");
    let mut found = Vec::new();
    for line in source.lines().filter_map(|line| line.trim().strip_suffix(';')) {
        let (is_public, name) = match (line.strip_prefix("pub mod "), line.strip_prefix("mod ")) {
            (Some(name), _) => (true, name),
            (None, Some(name)) => (false, name),
            (None, None) => continue,
        };
        let files = [inside.join(format!("{name}.rs")), inside.join(name).join("mod.rs")];
        let file = files.iter().find(|file| file.exists()).expect("a module is a file");
        if is_public {
            found.push((inside.join(name).display().to_string(), fs::read_to_string(file).expect("text")));
        }
        found.extend(public_modules(file));
    }
    found
}

#[test]
fn a_page_without_one_of_them_is_found() {
    let whole = HEADINGS.map(|heading| format!("//! {heading}\n//!\n//! Much.\n")).concat();
    assert!(faults_of(&page(&whole)).is_empty());
    for heading in HEADINGS {
        assert_eq!(faults_of(&page(&whole.replace(heading, "Something else"))).len(), 1, "{heading}");
        assert_eq!(
            faults_of(&page(
                &whole.replace(&format!("{heading}\n//!\n//! Much."), &format!("{heading}\n//!"))
            ))
            .len(),
            1
        );
    }
    let moved = whole.replacen(HEADINGS[0], "# X", 1).replacen(HEADINGS[1], HEADINGS[0], 1).replacen(
        "# X",
        HEADINGS[1],
        1,
    );
    assert!(!faults_of(&page(&moved)).is_empty());
}

/// What the inner comments of a file say, line by line.
fn page(source: &str) -> Vec<&str> {
    source.lines().filter_map(|line| Some(line.strip_prefix("//!")?.trim())).collect()
}

fn faults_of(page: &[&str]) -> Vec<String> {
    let places = HEADINGS.map(|heading| page.iter().position(|line| *line == heading));
    let mut faults = Vec::new();
    for (heading, place) in HEADINGS.iter().zip(places) {
        let Some(place) = place else {
            faults.push(format!("no `{heading}`"));
            continue;
        };
        let mut below = page[place + 1..].iter().take_while(|line| !line.starts_with("# "));
        if below.all(|line| line.is_empty()) {
            faults.push(format!("nothing below `{heading}`"));
        }
    }
    let found: Vec<_> = places.into_iter().flatten().collect();
    if !found.is_sorted() {
        faults.push("the headings are not in their order".to_owned());
    }
    faults
}
