//! The rules of Eclipse MicroProfile Health 4 hold for every answer, whatever the checks are and do.

use std::future::pending;
use std::time::Duration;

use health_actix::dialect::MicroProfile;
use health_actix::endpoints;
use health_core::{Exposure, Gate, Health, Outcome, Probe, Quorum, Scope, Spec, Status};
use health_tests::asking::get;
use health_tests::scripts::Script;
use health_tests::states_of_db;
use proptest::prelude::*;
use proptest::sample::subsequence;
use serde_json::{Value, json};

const EXPOSURES: [Exposure; 3] = [Exposure::Status, Exposure::Checks, Exposure::Full];
const PATHS: [&str; 4] = ["/health", "/health/live", "/health/ready", "/health/started"];

/// One rule about a body: in the words of the specification, whether an answer keeps it, and an answer that does not.
type Rule = (&'static str, fn(u16, &Value) -> bool, fn() -> (u16, Value));

const RULES: &[Rule] = &[
    (
        "200 for a health check with a positive status (UP)",
        |code, body| (code == 200) == (body["status"] == "UP"),
        || (503, json!({"status": "UP", "checks": []})),
    ),
    (
        "503 in case the overall status is negative (DOWN)",
        |code, body| (code == 503) == (body["status"] == "DOWN"),
        || (200, json!({"status": "DOWN", "checks": []})),
    ),
    (
        "The primary information MUST be boolean; the `status` as String: UP or DOWN",
        |_, body| checks(body).chain([body]).all(|of| of["status"] == "UP" || of["status"] == "DOWN"),
        || (200, json!({"status": "UP", "checks": [{"name": "a", "status": "UNKNOWN"}]})),
    ),
    (
        "required: status, checks; additionalProperties: false",
        |_, body| keys(body) == ["checks", "status"] && body["checks"].is_array(),
        || (200, json!({"status": "UP", "checks": [], "outcome": "UP"})),
    ),
    (
        "The response information MUST contain the name of each check; required: name, status",
        |_, body| checks(body).all(|check| check["name"].as_str().is_some_and(|name| !name.is_empty())),
        || (200, json!({"status": "UP", "checks": [{"status": "UP"}]})),
    ),
    (
        "a check has a name, a status and data",
        |_, body| {
            checks(body).all(|check| keys(check).iter().all(|key| ["data", "name", "status"].contains(key)))
        },
        || (200, json!({"status": "UP", "checks": [{"name": "a", "status": "UP", "state": "UP"}]})),
    ),
    (
        "data: type object of string, boolean, number",
        |_, body| {
            checks(body)
                .filter_map(|check| check.get("data"))
                .all(|data| is_plain(data) && !keys(data).is_empty())
        },
        || (200, json!({"status": "UP", "checks": [{"name": "a", "status": "UP", "data": {"k": null}}]})),
    ),
    (
        "logical conjunction: DOWN if and only if a check is",
        |_, body| {
            let is_down = |of: &Value| of["status"] == "DOWN";
            // Procedures that are expected but not yet installed, and those that may not be seen.
            checks(body).next().is_none() || checks(body).any(is_down) == is_down(body)
        },
        || (503, json!({"status": "DOWN", "checks": [{"name": "a", "status": "UP"}]})),
    ),
];

fn checks(body: &Value) -> impl Iterator<Item = &Value> {
    body["checks"].as_array().into_iter().flatten()
}

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().into_iter().flat_map(|object| object.keys()).map(String::as_str).collect()
}

fn is_plain(data: &Value) -> bool {
    let is_plain = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
    data.as_object().is_some_and(|data| data.values().all(is_plain))
}

fn broken_by(code: u16, body: &Value) -> Option<&'static str> {
    RULES.iter().find(|(_, is_kept, _)| !is_kept(code, body)).map(|(words, ..)| *words)
}

#[test]
fn every_rule_can_be_broken() {
    for (words, is_kept, broken) in RULES {
        let (code, body) = broken();
        assert!(!is_kept(code, &body), "{words}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_rule_is_kept_in_every_state() {
    for state in states_of_db::all().await {
        for exposure in EXPOSURES {
            let endpoints = endpoints(state.health.clone()).dialect(MicroProfile::new()).exposure(exposure);
            for path in PATHS {
                let seen = get(&endpoints, path).await;
                let body = serde_json::from_str(&seen.body).unwrap();
                assert_eq!(
                    broken_by(seen.code, &body),
                    None,
                    "{} {exposure:?} {path} {}",
                    state.name,
                    seen.body
                );
            }
        }
    }
}

/// What live, ready, started and the whole say, as letters.
async fn said(health: &Health, dialect: MicroProfile) -> String {
    let mut said = String::new();
    for path in ["/health/live", "/health/ready", "/health/started", "/health"] {
        let mut words = Vec::new();
        for exposure in EXPOSURES {
            let seen = get(&endpoints(health.clone()).dialect(dialect).exposure(exposure), path).await;
            let body: Value = serde_json::from_str(&seen.body).unwrap();
            assert_eq!(broken_by(seen.code, &body), None, "{path} {}", seen.body);
            let is_unhealthy = seen.header("x-health-status") == Some("unhealthy");
            assert_eq!(is_unhealthy, seen.code == 503, "{path}");
            words.push(if seen.code == 200 { 'U' } else { 'D' });
        }
        assert!(
            words.iter().all(|word| *word == words[0]),
            "{path}: the code is the same for every caller: {words:?}"
        );
        said.push(words[0]);
    }
    said
}

#[tokio::test(start_paused = true)]
async fn before_startup_ready_and_started_are_down_unless_opted_otherwise() {
    let (none, ready) = (MicroProfile::new(), MicroProfile::new().readiness_up_while_starting());
    let (started, both) = (none.startup_up_while_starting(), ready.startup_up_while_starting());
    let (pulse, schema, db) =
        (Script::new(Status::Healthy), Script::new(Status::Unhealthy), Script::new(Status::Unhealthy));
    let spec = |name, probe| Spec::named(name).probe([probe]).scope(Scope::Local);
    let gate = Gate::new("migrations");
    let health = Health::builder()
        .gate(&gate)
        .check_fn(spec("pulse", Probe::Live), pulse.check())
        .check_fn(spec("schema", Probe::Startup), schema.check())
        .check_fn(spec("db", Probe::Ready), db.check())
        .build()
        .unwrap()
        .start();
    let all = async || {
        let mut all = Vec::new();
        for dialect in [none, ready, started, both] {
            all.push(said(&health, dialect).await);
        }
        all
    };
    // Live, ready, started, the whole; without options, with the one, the other, both.
    assert_eq!(all().await, ["UDDD", "UUDD", "UDUD", "UUUU"], "starting");
    let shown = |dialect, path: &'static str| {
        let endpoints = endpoints(health.clone()).dialect(dialect).exposure(Exposure::Full);
        async move { get(&endpoints, path).await.body }
    };
    for (dialect, status) in [(none, "DOWN"), (both, "UP")] {
        for path in ["/health/ready", "/health/started"] {
            assert_eq!(shown(dialect, path).await, format!(r#"{{"status":"{status}","checks":[]}}"#));
        }
    }
    let up = r#"{"name":"pulse","status":"UP"}"#;
    let held = r#"{"name":"gate:migrations","status":"DOWN"},{"name":"startup:schema","status":"DOWN"}"#;
    assert_eq!(shown(none, "/health").await, format!(r#"{{"status":"DOWN","checks":[{up},{held}]}}"#));
    assert_eq!(shown(both, "/health").await, format!(r#"{{"status":"UP","checks":[{up}]}}"#));

    pulse.says(Status::Unhealthy);
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(all().await, ["DDDD", "DUDD", "DDUD", "DUUD"], "live is what its checks say, as at any time");
    pulse.says(Status::Healthy);
    tokio::time::sleep(Duration::from_secs(11)).await;
    health.drain();
    assert_eq!(all().await, ["UDDD", "UDDD", "UDUD", "UDUD"], "draining is red at once, whatever was opted");
    health.resume();
    schema.says(Status::Healthy);
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(all().await, ["UDUD"; 4], "a gate is closed: no option opens it");
    gate.open();
    assert_eq!(all().await, ["UDUD"; 4], "once it has started, ready is what its checks say");
    db.says(Status::Healthy);
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(all().await, ["UUUU"; 4]);
}

#[tokio::test]
async fn with_no_procedures_expected_or_installed_all_are_up() {
    let health = Health::builder().build().unwrap().start();
    assert_eq!(said(&health, MicroProfile::new()).await, "UUUU");
    for path in PATHS {
        let endpoints = endpoints(health.clone()).dialect(MicroProfile::new()).exposure(Exposure::Full);
        assert_eq!(get(&endpoints, path).await.body, r#"{"status":"UP","checks":[]}"#);
    }
}

#[derive(Clone, Debug)]
struct Declared {
    /// Healthy, degraded, unhealthy, an error, or never an answer.
    does: u8,
    critical: bool,
    probes: Vec<Probe>,
    group: Option<usize>,
    is_muted: bool,
}

#[derive(Clone, Debug)]
struct System {
    checks: Vec<Declared>,
    /// How many members must be well, and whether the group is critical.
    groups: [(usize, Option<bool>); 2],
    /// A gate: whether it holds startup too, and whether it is open.
    gate: Option<(bool, bool)>,
    is_draining: bool,
    options: (bool, bool),
}

fn system() -> impl Strategy<Value = System> {
    let probes = subsequence(Probe::ALL.to_vec(), 0..=3);
    let check = (
        0..5_u8,
        any::<bool>(),
        probes,
        prop_oneof![2 => Just(None), 1 => (0..2_usize).prop_map(Some)],
        prop::bool::weighted(0.2),
    );
    let check = check.prop_map(|(does, critical, probes, group, is_muted)| Declared {
        does,
        critical,
        probes,
        group,
        is_muted,
    });
    let group = (1..4_usize, any::<Option<bool>>());
    let gate = proptest::option::weighted(0.3, any::<(bool, bool)>());
    (
        proptest::collection::vec(check, 0..6),
        [group.clone(), group],
        gate,
        prop::bool::weighted(0.2),
        any::<(bool, bool)>(),
    )
        .prop_map(|(checks, groups, gate, is_draining, options)| System {
            checks,
            groups,
            gate,
            is_draining,
            options,
        })
}

const GROUPS: [&str; 2] = ["one", "two"];

/// The health, and the gate that holds it.
fn started(system: &System) -> (Health, Option<Gate>) {
    let mut builder = Health::builder();
    for (n, check) in system.checks.iter().enumerate() {
        // Members of a group share their probes.
        let probes = match check.group {
            Some(0) => vec![Probe::Ready],
            Some(_) => vec![Probe::Live, Probe::Ready],
            None => check.probes.clone(),
        };
        let mut spec =
            Spec::named(format!("c{n}")).scope(Scope::Local).critical(check.critical).timeout("1h");
        spec = spec.probe(probes.into_iter().fold(health_core::ProbeSet::NONE, |set, probe| {
            health_core::ProbeSet::of(&set.iter().chain([probe]).collect::<Vec<_>>())
        }));
        if let Some(group) = check.group {
            spec = spec.group(GROUPS[group]);
        }
        let does = check.does;
        builder = builder.check_fn(spec, move || async move {
            match does {
                0 => Ok(Outcome::healthy().data("n", 1).data("nested", json!({"a": [null]}))),
                1 => Ok(Outcome::degraded("slow")),
                2 => Ok(Outcome::unhealthy("gone")),
                3 => Err(std::io::Error::other("broken pipe")),
                _ => pending().await,
            }
        });
    }
    for (group, (need, critical)) in system.groups.iter().enumerate() {
        let members = system.checks.iter().filter(|check| check.group == Some(group)).count();
        if members > 0 {
            let quorum = Quorum::at_least((*need).min(members));
            builder =
                builder.group(GROUPS[group], critical.map_or(quorum, |critical| quorum.critical(critical)));
        }
    }
    let gate = system.gate.map(|(holds_startup, _)| {
        let gate = Gate::new("gate");
        if holds_startup { gate.holding_startup() } else { gate }
    });
    if let Some(gate) = &gate {
        builder = builder.gate(gate);
    }
    (builder.build().unwrap().start(), gate)
}

async fn is_lawful(system: System) {
    let (health, gate) = started(&system);
    let (ready, started) = system.options;
    let mut dialect = MicroProfile::new();
    if ready {
        dialect = dialect.readiness_up_while_starting();
    }
    if started {
        dialect = dialect.startup_up_while_starting();
    }
    // While starting, later, and when all has been done to it.
    for stage in 0..3 {
        said(&health, dialect).await;
        for exposure in [Exposure::Checks, Exposure::Full] {
            let microprofile = endpoints(health.clone()).dialect(dialect).exposure(exposure);
            let native = endpoints(health.clone()).exposure(exposure);
            let has_started = health.status(Probe::Startup) == Status::Healthy;
            for path in PATHS {
                let seen = get(&microprofile, path).await;
                let body: Value = serde_json::from_str(&seen.body).unwrap();
                let what = format!("{stage} {exposure:?} {path} {}", seen.body);
                let is_empty = checks(&body).next().is_none();
                if !has_started && (path == "/health/ready" || path == "/health/started") {
                    assert!(is_empty, "{what}");
                    continue;
                }
                assert!(!is_empty || body["status"] == "UP", "{what}");
                if has_started && seen.code == 503 {
                    let other = get(&native, &path.replace("started", "startup")).await;
                    let other: Value = serde_json::from_str(&other.body).unwrap();
                    let down =
                        checks(&body).filter(|check| check["status"] == "DOWN").map(|check| &check["name"]);
                    let mut down: Vec<_> =
                        down.filter(|name| !name.as_str().unwrap().contains(':')).collect();
                    down.dedup();
                    assert_eq!(
                        down,
                        other["failing"].as_array().unwrap().iter().collect::<Vec<_>>(),
                        "{what}"
                    );
                }
            }
        }
        match stage {
            0 => tokio::time::sleep(Duration::from_secs(40)).await,
            _ => {
                for (n, _) in system.checks.iter().enumerate().filter(|(_, check)| check.is_muted) {
                    health.mute(&format!("c{n}"), "1h", "known").unwrap();
                }
                if let (Some(gate), Some((_, true))) = (&gate, system.gate) {
                    gate.open();
                }
                if system.is_draining {
                    health.drain();
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_rule_is_kept_by_any_system(system in system()) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().start_paused(true).build().unwrap().block_on(is_lawful(system));
    }
}
