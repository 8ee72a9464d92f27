//! `changes_of_the_rules`: takes away each condition of the rules for Prometheus, and changes each threshold and duration.
//! One of the stories that promtool is told has to notice; those that none notices are the exit code.
//!
//! Run with `cargo run -p health-tests --example changes_of_the_rules`, or with `-- health:check_pages` for the rules of
//! which a line says that. It takes many minutes: each change is judged by story after story, until one notices.

use std::cmp::Reverse;
use std::process::ExitCode;

use health_core::PrometheusRules;
use stories::promtool::objections;
use stories::{alerting_rules, causes, failing, life, scraping, weaker};

#[path = "../alerts_tell_what_is_wrong.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod stories;

/// What the rules could say instead without being refused, each in place of the other.
const CHANGES: [(&str, &str); 27] = [
    ("== 1", "== 0"),
    ("> 0.5", "> 0.8"),
    ("< 0.5", "< 0.3"),
    ("> 6.9", "> 7"),
    ("> 6.9", "> 6"),
    (">=", ">"),
    ("[5m]", "[20m]"),
    ("[10m]", "[30m]"),
    ("[30m]", "[5m]"),
    ("[1d]", "[2d]"),
    ("offset 5m", "offset 1m"),
    ("offset 10m", "offset 1m"),
    ("offset 30m", "offset 20m"),
    ("for: 2m", "for: 3m"),
    ("for: 5m", "for: 6m"),
    ("for: 1d", "for: 25h"),
    ("severity: page", "severity: ticket"),
    ("severity: ticket", "severity: page"),
    ("critical=\"true\",", ""),
    (",probes!~\"none|\"", ""),
    ("check!~\"licence\",", ""),
    ("\"failing|failing_fleetwide\"", "\"failing\""),
    ("\"failing|failing_fleetwide\"", "\"failing_fleetwide\""),
    ("max without (trouble)", "max by (job, instance, check)"),
    ("live|ready", "live"),
    ("live|ready", "ready"),
    ("alertstate=\"firing\"", "alertstate=~\"pending|firing\""),
];

/// The numbers of the lines to change, each with what is then there.
fn changes(lines: &[&str], wanted: &str) -> Vec<(usize, String)> {
    let mut changes = Vec::new();
    let mut is_wanted = true;
    for (number, line) in lines.iter().enumerate() {
        if line.trim_start().starts_with("- ") {
            let rule = lines.iter().skip(number + 1).take_while(|line| !line.trim_start().starts_with("- "));
            is_wanted = rule.chain([line]).any(|line| line.contains(wanted));
        }
        if !is_wanted {
            continue;
        }
        let is_condition =
            ["unless ", "and on ", "for: ", "or "].iter().any(|word| line.trim().starts_with(word));
        if is_condition && !line.ends_with('(') {
            changes.push((number, String::new()));
        }
        let others = CHANGES.iter().filter(|(from, _)| line.contains(from));
        changes.extend(others.map(|(from, to)| (number, line.replace(from, to))));
    }
    changes
}

fn main() -> ExitCode {
    let rules = alerting_rules(PrometheusRules::default());
    let lines: Vec<_> = rules.lines().collect();
    let wanted = std::env::args().nth(1).unwrap_or_default();
    // Those that have noticed most come first.
    let mut stories: Vec<_> = [failing::all(), causes::all(), weaker::all(), life::all(), scraping::all()]
        .into_iter()
        .flatten()
        .map(|story| (0_u32, [story]))
        .collect();
    let mut unnoticed: u8 = 0;
    for (number, changed) in changes(&lines, &wanted) {
        let mut other = lines.clone();
        other[number] = &changed;
        let other = other.join("\n");
        stories.sort_by_key(|(noticed, _)| Reverse(*noticed));
        let noticed = stories.iter_mut().find_map(|(noticed, story)| {
            let has_noticed = !objections(&other, story)?.is_empty();
            *noticed += u32::from(has_noticed);
            has_noticed.then_some(story[0].0)
        });
        let by = noticed.unwrap_or("NOBODY");
        println!("{}: {} -> {}: {by}", number + 1, lines[number].trim(), changed.trim());
        unnoticed = unnoticed.saturating_add(u8::from(noticed.is_none()));
    }
    println!("{unnoticed} changes are noticed by nobody");
    ExitCode::from(unnoticed)
}
