//! A change of the rules is noticed.

use super::promtool::objections;
use super::{causes, failing, life, rules, scraping, weaker};
use health_core::PrometheusRules;

/// What the rules could say instead without being refused, each in place of the other.
const CHANGES: [(&str, &str); 24] = [
    ("== 1", "== 0"),
    ("> 0.5", "> 0.8"),
    ("< 0.5", "< 0.3"),
    ("> 6", "> 8"),
    ("> 6", "> 5"),
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
];

/// Each condition of the rules is taken away, and each threshold and duration changed: one of the stories has to notice.
/// Run with `cargo test -p health-tests --test alerts_tell_what_is_wrong -- --ignored --nocapture`.
#[test]
#[ignore = "takes long"]
fn every_condition_of_the_rules_is_in_a_story() {
    let rules = rules(PrometheusRules::default());
    let (rules, _) = rules.split_once("  - name: health-availability").unwrap();
    let lines: Vec<_> = rules.lines().collect();
    let mut changes = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let is_condition =
            ["unless ", "and on ", "for: ", "or "].iter().any(|word| line.trim().starts_with(word));
        if is_condition && !line.ends_with('(') {
            changes.push((number, String::new()));
        }
        let others = CHANGES.iter().filter(|(from, _)| line.contains(from));
        changes.extend(others.map(|(from, to)| (number, line.replace(from, to))));
    }
    let mut unnoticed = 0;
    // Those that have noticed most come first.
    let mut stories: Vec<_> = [failing::all(), causes::all(), weaker::all(), life::all(), scraping::all()]
        .into_iter()
        .flatten()
        .map(|story| (0_u32, [story]))
        .collect();
    for (number, changed) in changes {
        let mut other = lines.clone();
        other[number] = &changed;
        let other = other.join("\n");
        stories.sort_by_key(|(noticed, _)| std::cmp::Reverse(*noticed));
        let noticed = stories.iter_mut().find_map(|(noticed, story)| {
            let objections = objections(&other, story)?;
            *noticed += u32::from(!objections.is_empty());
            (!objections.is_empty()).then_some(story[0].0)
        });
        println!("{}: {} -> {}: {noticed:?}", number + 1, lines[number].trim(), changed.trim());
        unnoticed += u32::from(noticed.is_none());
    }
    assert_eq!(unnoticed, 0);
}
