//! The rules written for Prometheus are a rule file, whatever authors have written, and ask for nothing that is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::Duration;

use health_core::__private_v1 as private;
use health_core::{
    Failure, Format, HealthCheck, HealthComponent, Location, Outcome, Parts, PrometheusRules, Spec, catalog,
    health_check,
};
use health_tests::programs;
use health_tests::servers::{Scratch, installed};
use serde_json::Value;

/// What the metrics are called and how they are labelled, besides `job` and `instance`, which Prometheus adds, and what
/// it makes itself.
const CONTRACT: [(&str, &[&str]); 10] = [
    ("ALERTS", &["alertname", "alertstate", "severity"]),
    ("health_check_info", &["check", "group", "critical", "scope", "probes"]),
    ("health_check_muted", &["check"]),
    ("health_check_status", &["check", "status"]),
    ("health_check_transitions_total", &["check", "to"]),
    ("health_gate_open", &["gate"]),
    ("health_phase", &["phase"]),
    ("health_status", &["probe", "status"]),
    ("health_status_seconds_total", &["probe", "status"]),
    ("up", &[]),
];

#[health_check(depends_on = ["b", "shards/of/eu", "handed-in"], blocking = false)]
fn a() {}

#[health_check(depends_on = ["c", "off"], blocking = false)]
fn b() {}

#[health_check(interval = "never", blocking = false)]
fn c() {}

#[health_check(enabled = false, depends_on = ["behind"], blocking = false)]
fn off() {}

#[health_check(depends_on = ["circle/two"], name = "circle/one", blocking = false)]
fn one() {}

#[health_check(depends_on = ["circle/one", "b"], name = "circle/two", blocking = false)]
fn two() {}

#[health_check(depends_on = ["ring/of/eu"], blocking = false)]
fn hub() {}

#[derive(HealthComponent)]
#[health(name = "ring")]
struct Ring {
    #[health(each, critical = false, depends_on = ["hub"])]
    of: BTreeMap<String, Part>,
}

#[derive(HealthComponent)]
#[health(name = "shards")]
struct Shards {
    /// One for each region.
    #[health(each, critical = false, depends_on = ["c"])]
    of: BTreeMap<String, Part>,
}

struct Part;

impl HealthCheck for Part {
    async fn check(&self) -> Result<Outcome, Failure> {
        Ok(Outcome::healthy())
    }
}

const HOSTILE: &str = "\"]} or vector(1) # : {{ $labels.job }} '*& @job@ \\ | .+ é\n- alert: x\n\u{1b}[31m\u{202e}\u{feff}\0\t%";

/// What no attribute accepts and only `build()` refuses: a listing meets it first.
struct Hostile(Part);

impl HealthComponent for Hostile {
    const NAME: &'static str = "zz";

    fn parts(parts: &mut Parts<'_, Self>) {
        let spec = Spec::named(HOSTILE).describe(HOSTILE).group(HOSTILE).depends_on([HOSTILE, "", "a", "zz"]);
        parts.check(spec.interval("never"), |this| &this.0);
        parts.check(Spec::named("long").describe("ü".repeat(5000)), |this| &this.0);
    }
}

private::submit! { private::ComponentRecord::of::<Hostile>(Location::new(file!(), line!(), column!())) }

fn written(rules: PrometheusRules) -> String {
    catalog().listing(Format::PrometheusRules).prometheus_rules(rules).to_string()
}

fn odd() -> [PrometheusRules; 4] {
    let defaults = PrometheusRules::default;
    [
        defaults(),
        defaults().job("shop").also_by("namespace").also_by("app.kubernetes.io/name").also_by("namespace"),
        defaults().job(HOSTILE).also_by(HOSTILE).also_by("").also_by("9").also_by("job"),
        defaults().startup_budget(Duration::MAX),
    ]
}

/// Every rule, as Prometheus reads it.
fn read(text: &str) -> Vec<Value> {
    let file: Value = serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let groups = file["groups"].as_array().expect("groups");
    let names: BTreeSet<_> = groups.iter().map(|group| group["name"].as_str().expect("a name")).collect();
    assert_eq!(names.len(), groups.len(), "names of groups are unique");
    groups.iter().flat_map(|group| group["rules"].as_array().expect("rules").clone()).collect()
}

fn recorded<'a>(rules: &'a [Value], name: &'a str) -> impl Iterator<Item = &'a Value> {
    rules.iter().filter(move |rule| rule["record"] == name)
}

/// Who is silent while this check fails: the regular expression of its effects.
fn effects(rules: &[Value], cause: &str) -> Option<String> {
    let rule = recorded(rules, "health:check_caused").find(|rule| rule["labels"]["cause"] == cause)?;
    let (_, rest) = rule["expr"].as_str()?.split_once("check=~\"")?;
    Some(rest.split_once("\"}")?.0.to_owned())
}

#[test]
fn prometheus_accepts_them() {
    let Some(promtool) = installed("promtool") else { return };
    let scratch = Scratch::new("rules");
    let example = Command::new(programs::example("list_checks"))
        .args(["--format", "prometheus-rules"])
        .output()
        .expect("the example runs");
    let example = String::from_utf8(example.stdout).unwrap();
    for (number, text) in odd().map(written).into_iter().chain([example]).enumerate() {
        let path = scratch.path().join(format!("{number}.yml"));
        std::fs::write(&path, &text).unwrap();
        let output = Command::new(&promtool)
            .args(["check", "rules", "--lint=all", "--lint-fatal"])
            .arg(path)
            .output()
            .expect("promtool runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{said}\n{text}");
    }
}

#[test]
fn each_alert_says_how_bad_it_is_and_what_to_do() {
    let rules = read(&written(PrometheusRules::default()));
    let alerts: Vec<_> = rules.iter().filter(|rule| rule.get("alert").is_some()).collect();
    let names: BTreeSet<_> = alerts.iter().map(|alert| alert["alert"].as_str().unwrap()).collect();
    let expected = "HealthCheckDegraded HealthCheckFailing HealthCheckFailingOnInstance HealthCheckFlapping \
                    HealthCheckMutedTooLong HealthCheckUnknown HealthMetricsAbsent HealthStuckStarting";
    assert_eq!(names.into_iter().collect::<Vec<_>>().join(" "), expected);
    for alert in alerts {
        assert!(["page", "ticket"].contains(&alert["labels"]["severity"].as_str().unwrap()), "{alert}");
        let annotations = alert["annotations"].as_object().unwrap();
        for (key, text) in annotations {
            let text = text.as_str().unwrap();
            assert!(!text.is_empty() && !text.contains('\n'), "{key} of {alert}");
        }
        let is_about_a_check = annotations["summary"].as_str().unwrap().contains("$labels.check");
        assert_eq!(annotations.contains_key("runbook"), is_about_a_check, "{alert}");
        assert!(annotations.contains_key("description"), "{alert}");
    }
}

#[test]
fn a_description_is_one_label_of_one_clean_line() {
    let rules = read(&written(PrometheusRules::default()));
    let described = |name: &str| {
        let mut found =
            recorded(&rules, "health:check_described").filter(|rule| rule["labels"]["declared"] == name);
        let rule = found.next().unwrap_or_else(|| panic!("{name} is not described"));
        assert!(found.next().is_none());
        rule["labels"]["description"].as_str().unwrap().to_owned()
    };
    assert_eq!(described("shards/of/*"), "One for each region.");
    let clean = HOSTILE.replace(['\n', '\u{1b}', '\u{202e}', '\0', '\t'], " ");
    assert_eq!(described(&format!("zz/{HOSTILE}")), clean);
    let long = described("zz/long");
    assert!(long.len() <= 1024 && long.ends_with("ü…"), "{} bytes", long.len());
    assert!(recorded(&rules, "health:check_described").all(|rule| rule["labels"]["declared"] != "a"));
}

#[test]
fn whatever_depends_on_a_check_is_its_effect() {
    let rules = read(&written(PrometheusRules::default()));
    let effects = |cause: &str| effects(&rules, cause).unwrap_or_default();
    let hostile = |others: &str| {
        let found = effects(others);
        let (plain, odd) = found.split_once("|zz/").unwrap_or_else(|| panic!("{found}"));
        assert!(odd.starts_with(r#"\\\"\\]\\} or vector\\(1\\)"#), "{odd}");
        plain.to_owned()
    };
    // Along the members of a map, and not through what is disabled.
    assert_eq!(hostile("c"), "a|b|circle/one|circle/two|shards/of/[^/]+");
    assert_eq!(hostile("b"), "a|circle/one|circle/two");
    assert_eq!(hostile("shards/of/eu"), "a");
    assert_eq!(hostile("handed-in"), "a", "nothing is known about it, and it may be there");
    assert_eq!([effects("off"), effects("behind")], ["", ""]);
}

#[test]
fn in_a_circle_nobody_silences_the_other() {
    let rules = read(&written(PrometheusRules::default()));
    for cause in ["circle/one", "circle/two", "hub", "ring/of/eu"] {
        assert_eq!(effects(&rules, cause), None);
    }
    // Nor itself.
    for rule in recorded(&rules, "health:check_caused") {
        let (cause, expr) = (rule["labels"]["cause"].as_str().unwrap(), rule["expr"].as_str().unwrap());
        let (effects, _) = expr.split_once("\"}").unwrap();
        let (_, effects) = effects.split_once("check=~\"").unwrap();
        assert!(effects.split('|').all(|effect| effect != cause), "{expr}");
    }
}

#[test]
fn what_runs_on_demand_may_be_unknown() {
    let rules = read(&written(PrometheusRules::default()));
    let failing = recorded(&rules, "health:check_trouble").next().unwrap()["expr"].as_str().unwrap();
    assert!(failing.contains("health_check_status{check!~\"c|zz/"), "{failing}");
}

/// The words of a query, outside of its strings.
fn words(expr: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut characters = expr.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '"' {
            while let Some(inside) = characters.next() {
                match inside {
                    '\\' => drop(characters.next()),
                    '"' => break,
                    _ => {}
                }
            }
        } else if character.is_ascii_alphanumeric() || character == '_' {
            let mut word = String::from(character);
            while let Some(next) = characters.next_if(|c| c.is_ascii_alphanumeric() || "_:.".contains(*c)) {
                word.push(next);
            }
            words.push(word);
        }
    }
    words
}

#[test]
fn every_metric_and_label_is_in_the_contract() {
    let functions = "absent and avg by count group increase label_replace max max_over_time min_over_time offset on or \
                     present_over_time rate sum sum_over_time unless without vector";
    let own_labels =
        ["job", "instance", "trouble", "cause", "window", "declared", "description", "namespace"];
    let rules = PrometheusRules::default().job("shop").also_by("namespace");
    let rules = read(&written(rules));
    let records: BTreeSet<_> = rules.iter().filter_map(|rule| rule["record"].as_str()).collect();
    let labels: BTreeSet<_> =
        CONTRACT.iter().flat_map(|(_, labels)| labels.iter().copied()).chain(own_labels).collect();
    let mut used = BTreeSet::new();
    for rule in &rules {
        let expr = rule["expr"].as_str().unwrap();
        for word in words(expr) {
            let is_metric = CONTRACT.iter().any(|(metric, _)| *metric == word);
            let is_number = word.starts_with(|c: char| c.is_ascii_digit());
            if is_metric {
                used.insert(word.clone());
            }
            let is_known = functions.split_whitespace().any(|function| function == word)
                || labels.contains(word.as_str())
                || records.contains(word.as_str());
            assert!(is_metric || is_known || is_number, "{word} in {expr}");
        }
        // What stands in the braces of a metric are labels of that metric.
        for (metric, own) in CONTRACT {
            for (at, _) in expr.match_indices(&format!("{metric}{{")) {
                let (matchers, _) = expr[at + metric.len() + 1..].split_once('}').unwrap();
                for label in words(matchers) {
                    assert!(own.contains(&label.as_str()) || label == "job", "{label} of {metric} in {expr}");
                }
            }
        }
    }
    let all: BTreeSet<_> = CONTRACT.iter().map(|(metric, _)| (*metric).to_owned()).collect();
    let unused: Vec<_> = all.difference(&used).collect();
    assert_eq!(unused, ["health_gate_open"], "the gate is named in a text");
    let texts = serde_json::to_string(&rules).unwrap();
    assert!(texts.contains("health_gate_open{job=%q,namespace=%q} == 0"), "{texts}");
}

#[test]
fn the_statuses_and_phases_are_those_of_the_engine() {
    let text = written(PrometheusRules::default());
    for (label, known) in [
        ("status", &["healthy", "degraded", "unhealthy", "unknown"][..]),
        ("phase", &["starting", "running", "draining"]),
        ("probe", &["live", "ready", "startup", "live|ready"]),
        ("critical", &["true", "false"]),
        ("probes", &["startup", "none|"]),
    ] {
        let mut found = 0;
        for operator in ["=", "!=", "=~", "!~"] {
            for (at, opening) in text.match_indices(&format!("{label}{operator}\"")) {
                let (value, _) = text[at + opening.len()..].split_once('"').unwrap();
                assert!(known.contains(&value), "{label}{operator}{value}");
                found += 1;
            }
        }
        assert!(found > 0, "{label}");
    }
}
