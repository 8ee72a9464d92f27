//! Names, types, labels and words of the metrics are what dashboards and alerts were written for.

use std::time::Duration;

use health_actix::Metrics;
use health_core::{Failure, Gate, Health, Outcome, Probe, Scope, Spec, Status};
use health_tests::exposition::{Family, Sample, read_open_metrics, read_text, samples, value};
use health_tests::scripts::Script;
use tokio::time::{advance, sleep};

/// What is the same whenever it is scraped, byte for byte.
const TEXT: &str = r#"# HELP health_status Whether a probe has this status now.
# TYPE health_status gauge
health_status{probe="live",status="healthy"} 1
health_status{probe="live",status="degraded"} 0
health_status{probe="live",status="unhealthy"} 0
health_status{probe="ready",status="healthy"} 0
health_status{probe="ready",status="degraded"} 0
health_status{probe="ready",status="unhealthy"} 1
health_status{probe="startup",status="healthy"} 1
health_status{probe="startup",status="degraded"} 0
health_status{probe="startup",status="unhealthy"} 0
# HELP health_status_seconds_total For how long a probe has had this status since the start.
# TYPE health_status_seconds_total counter
health_status_seconds_total{probe="live",status="healthy"} 90.0
health_status_seconds_total{probe="live",status="degraded"} 0.0
health_status_seconds_total{probe="live",status="unhealthy"} 0.0
health_status_seconds_total{probe="ready",status="healthy"} 0.0
health_status_seconds_total{probe="ready",status="degraded"} 0.0
health_status_seconds_total{probe="ready",status="unhealthy"} 90.0
health_status_seconds_total{probe="startup",status="healthy"} 90.0
health_status_seconds_total{probe="startup",status="degraded"} 0.0
health_status_seconds_total{probe="startup",status="unhealthy"} 0.0
# HELP health_transitions_total How often a probe came to this status since the start.
# TYPE health_transitions_total counter
health_transitions_total{probe="live",to="healthy"} 0
health_transitions_total{probe="live",to="degraded"} 0
health_transitions_total{probe="live",to="unhealthy"} 0
health_transitions_total{probe="ready",to="healthy"} 0
health_transitions_total{probe="ready",to="degraded"} 0
health_transitions_total{probe="ready",to="unhealthy"} 0
health_transitions_total{probe="startup",to="healthy"} 0
health_transitions_total{probe="startup",to="degraded"} 0
health_transitions_total{probe="startup",to="unhealthy"} 0
# HELP health_phase Whether the process is in this phase of its life.
# TYPE health_phase gauge
health_phase{phase="starting"} 1
health_phase{phase="running"} 0
health_phase{phase="draining"} 0
# HELP health_gate_open Whether a gate, before which the process is not ready, has been opened.
# TYPE health_gate_open gauge
health_gate_open{gate="migrations"} 0
# HELP health_check_info What was declared of a check.
# TYPE health_check_info gauge
health_check_info{check="db/primary",group="storage",critical="true",scope="local",probes="live,ready"} 1
# HELP health_check_status Whether a check has this status now, whatever it may do to the whole.
# TYPE health_check_status gauge
health_check_status{check="db/primary",status="healthy"} 1
health_check_status{check="db/primary",status="degraded"} 0
health_check_status{check="db/primary",status="unhealthy"} 0
health_check_status{check="db/primary",status="unknown"} 0
# HELP health_check_transitions_total How often a check came to this status since the start, its first one included.
# TYPE health_check_transitions_total counter
health_check_transitions_total{check="db/primary",to="healthy"} 1
health_check_transitions_total{check="db/primary",to="degraded"} 0
health_check_transitions_total{check="db/primary",to="unhealthy"} 0
health_check_transitions_total{check="db/primary",to="unknown"} 0
# HELP health_check_muted Whether the weight of a check is capped at degraded for a while.
# TYPE health_check_muted gauge
health_check_muted{check="db/primary"} 0
# HELP health_check_runs_total How many runs of a check ended in this way since the start.
# TYPE health_check_runs_total counter
health_check_runs_total{check="db/primary",result="healthy"} 1
health_check_runs_total{check="db/primary",result="degraded"} 0
health_check_runs_total{check="db/primary",result="unhealthy"} 0
health_check_runs_total{check="db/primary",result="error"} 0
health_check_runs_total{check="db/primary",result="timeout"} 0
health_check_runs_total{check="db/primary",result="panic"} 0
# HELP health_check_duration_seconds How long the runs of a check took.
# TYPE health_check_duration_seconds histogram
health_check_duration_seconds_sum{check="db/primary"} 0.0
health_check_duration_seconds_count{check="db/primary"} 1
health_check_duration_seconds_bucket{le="0.005",check="db/primary"} 1
health_check_duration_seconds_bucket{le="0.01",check="db/primary"} 1
health_check_duration_seconds_bucket{le="0.025",check="db/primary"} 1
health_check_duration_seconds_bucket{le="0.05",check="db/primary"} 1
health_check_duration_seconds_bucket{le="0.1",check="db/primary"} 1
health_check_duration_seconds_bucket{le="0.25",check="db/primary"} 1
health_check_duration_seconds_bucket{le="0.5",check="db/primary"} 1
health_check_duration_seconds_bucket{le="1.0",check="db/primary"} 1
health_check_duration_seconds_bucket{le="2.5",check="db/primary"} 1
health_check_duration_seconds_bucket{le="5.0",check="db/primary"} 1
health_check_duration_seconds_bucket{le="10.0",check="db/primary"} 1
health_check_duration_seconds_bucket{le="+Inf",check="db/primary"} 1
# HELP health_check_last_run_timestamp_seconds When the last run of a check began, or something was last reported.
# TYPE health_check_last_run_timestamp_seconds gauge
health_check_last_run_timestamp_seconds{check="db/primary"} NOW
# HELP health_check_last_success_timestamp_seconds When the last healthy run of a check began, or real work was last reported to have succeeded.
# TYPE health_check_last_success_timestamp_seconds gauge
health_check_last_success_timestamp_seconds{check="db/primary"} NOW
"#;

/// The first regular run is at any moment of the first interval, and none shall come between.
const RARELY: &str = "300d";

/// Name, type and labels of every family there is, as the older format has them.
const FAMILIES: [(&str, &str, &[&str]); 13] = [
    ("health_status", "gauge", &["probe", "status"]),
    ("health_status_seconds_total", "counter", &["probe", "status"]),
    ("health_transitions_total", "counter", &["probe", "to"]),
    ("health_phase", "gauge", &["phase"]),
    ("health_gate_open", "gauge", &["gate"]),
    ("health_check_info", "gauge", &["check", "group", "critical", "scope", "probes"]),
    ("health_check_status", "gauge", &["check", "status"]),
    ("health_check_transitions_total", "counter", &["check", "to"]),
    ("health_check_muted", "gauge", &["check"]),
    ("health_check_runs_total", "counter", &["check", "result"]),
    ("health_check_duration_seconds", "histogram", &["check"]),
    ("health_check_last_run_timestamp_seconds", "gauge", &["check"]),
    ("health_check_last_success_timestamp_seconds", "gauge", &["check"]),
];

fn text(health: &Health) -> Vec<Sample> {
    samples(&read_text(&Metrics::of(health).text()))
}

fn open_metrics(health: &Health) -> Vec<Family> {
    read_open_metrics(&(Metrics::of(health).open_metrics() + "# EOF\n"))
}

/// The one status that is said of this check.
fn status_of(samples: &[Sample], check: &str) -> String {
    let now: Vec<_> = samples
        .iter()
        .filter(|sample| sample.name == "health_check_status" && sample.label("check") == Some(check))
        .filter(|sample| sample.value == 1.0)
        .filter_map(|sample| sample.label("status"))
        .collect();
    assert_eq!(now.len(), 1, "{check} is {now:?}");
    now[0].to_owned()
}

/// A health with something to tell in every family, ninety seconds old.
async fn of_everything() -> (Health, Gate) {
    let gate = Gate::new("migrations");
    let spec = Spec::named("db/primary")
        .group("storage")
        .probe([Probe::Live, Probe::Ready])
        .scope(Scope::Local)
        .interval(RARELY);
    let health = Health::builder().gate(&gate).check_fn(spec, || async {}).build().unwrap().start();
    health.report(Probe::Ready).await;
    advance(Duration::from_secs(90)).await;
    (health, gate)
}

#[tokio::test(start_paused = true)]
async fn it_is_written_like_this() {
    let (health, _gate) = of_everything().await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    let without_times = |line: &str| match line.rsplit_once(' ') {
        Some((sample, number)) if !line.starts_with('#') && sample.contains("timestamp") => {
            assert!((number.parse::<f64>().unwrap() - now).abs() < 120.0, "{line}");
            format!("{sample} NOW\n")
        }
        _ => format!("{line}\n"),
    };
    let written: String = Metrics::of(&health).text().lines().map(without_times).collect();
    assert_eq!(written, TEXT);
}

#[tokio::test(start_paused = true)]
async fn names_types_and_labels_are_these() {
    let (health, _gate) = of_everything().await;
    let families = read_text(&Metrics::of(&health).text());
    let labels = |family: &Family| -> Vec<String> {
        let names = family.samples[0].labels.iter().map(|(name, _)| name.clone());
        names.filter(|name| name != "le").collect()
    };
    let seen: Vec<_> = families.iter().map(|family| (&*family.name, &*family.kind, labels(family))).collect();
    let listed = FAMILIES.map(|(name, kind, labels)| {
        (name, kind, labels.iter().map(|label| (*label).to_owned()).collect::<Vec<_>>())
    });
    assert_eq!(seen, listed);
    for family in &families {
        for sample in &family.samples {
            let own: Vec<_> =
                sample.labels.iter().map(|(name, _)| name).filter(|name| *name != "le").collect();
            assert_eq!(
                own,
                labels(family).iter().collect::<Vec<_>>(),
                "every sample of a family has the same labels"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn both_formats_say_the_same() {
    let (health, _gate) = of_everything().await;
    let (old, new) = (read_text(&Metrics::of(&health).text()), open_metrics(&health));
    assert_eq!(samples(&old), samples(&new));
    for (old, new) in old.iter().zip(&new) {
        assert_eq!((&old.kind, &old.help), (&new.kind, &new.help));
        assert_eq!(old.name.strip_suffix("_total").unwrap_or(&old.name), new.name);
    }
    let with_units = new.iter().filter(|family| family.unit.is_some()).map(|family| &*family.name);
    let expected = [
        "health_status_seconds",
        "health_check_duration_seconds",
        "health_check_last_run_timestamp_seconds",
        "health_check_last_success_timestamp_seconds",
    ];
    assert!(with_units.eq(expected));
}

#[tokio::test(start_paused = true)]
async fn what_nobody_declared_is_an_empty_label_and_what_is_not_there_no_family() {
    let hangs = Script::new(Status::Healthy);
    hangs.hangs(true);
    let spec = Spec::named("db").critical(false).probe([]).timeout("700ms");
    let health = Health::builder().check_fn(spec, hangs.check()).build().unwrap().start();
    let families = read_text(&Metrics::of(&health).text());
    let absent = [
        "health_gate_open",
        "health_check_last_run_timestamp_seconds",
        "health_check_last_success_timestamp_seconds",
    ];
    assert!(families.iter().all(|family| !absent.contains(&&*family.name)), "absent until the first");
    let declared = [("check", "db"), ("group", ""), ("critical", "false"), ("scope", ""), ("probes", "none")];
    assert_eq!(value(&samples(&families), "health_check_info", &declared), Some(1.0));
    assert_eq!(status_of(&samples(&families), "db"), "unknown");
    sleep(Duration::from_millis(750)).await;
    let after = text(&health);
    assert!(value(&after, "health_check_last_run_timestamp_seconds", &[]).is_some());
    assert_eq!(value(&after, "health_check_last_success_timestamp_seconds", &[]), None);

    let none = Health::builder().build().unwrap().start();
    let families = read_text(&Metrics::of(&none).text());
    assert!(families.iter().all(|family| !family.name.starts_with("health_check")));
    assert_eq!(families, read_text(&Metrics::of(&none).histograms(false).text()));
    open_metrics(&none);
}

#[tokio::test(start_paused = true)]
async fn a_status_is_held_and_uncapped_and_unknown_where_nothing_is_known() {
    let (held, stale) = (Script::new(Status::Healthy), Script::new(Status::Healthy));
    let health = Health::builder()
        .check_fn(Spec::named("held").failure_threshold(3).interval("never"), held.check())
        .check_fn(Spec::named("slow").interval(RARELY), || async { Outcome::degraded("slow") })
        .check_fn(Spec::named("optional").critical(false).interval(RARELY), || async {
            Outcome::unhealthy("gone")
        })
        .check_fn(Spec::named("stale").interval("never").max_age("60s"), stale.check())
        .build()
        .unwrap()
        .start();
    health.report(Probe::Ready).await;
    held.says(Status::Unhealthy);
    advance(Duration::from_secs(2)).await;
    health.check("held").await.unwrap();
    let now = text(&health);
    let seen = ["held", "slow", "optional", "stale"].map(|check| status_of(&now, check));
    assert_eq!(seen, ["healthy", "degraded", "unhealthy", "healthy"]);
    assert_eq!(value(&now, "health_status", &[("probe", "ready"), ("status", "degraded")]), Some(1.0));
    assert_eq!(
        value(&now, "health_check_runs_total", &[("check", "held"), ("result", "unhealthy")]),
        Some(1.0)
    );
    advance(Duration::from_secs(70)).await;
    assert_eq!(status_of(&text(&health), "stale"), "unknown");
}

#[tokio::test(start_paused = true)]
async fn every_end_of_a_run_is_counted_under_its_word() {
    let spec = |name| Spec::named(name).interval(RARELY).timeout("700ms");
    let health = Health::builder()
        .check_fn(spec("healthy"), || async {})
        .check_fn(spec("degraded"), || async { Outcome::degraded("slow") })
        .check_fn(spec("unhealthy"), || async { Outcome::unhealthy("gone") })
        .check_fn(spec("error"), || async { Err::<(), _>(Failure::new("refused")) })
        .check_fn(spec("timeout"), || async { std::future::pending::<()>().await })
        .check_fn(spec("panic"), || async { assert_eq!(1, 2, "boom") })
        .build()
        .unwrap()
        .start();
    health.report(Probe::Ready).await;
    let seen = text(&health);
    let results = ["healthy", "degraded", "unhealthy", "error", "timeout", "panic"];
    for check in results {
        for result in results {
            let expected = if check == result { 1.0 } else { 0.0 };
            let counted = value(&seen, "health_check_runs_total", &[("check", check), ("result", result)]);
            assert_eq!(counted, Some(expected), "{check} {result}");
        }
    }
    let named = seen.iter().filter(|sample| sample.name == "health_check_muted");
    let names: Vec<_> = named.filter_map(|sample| sample.label("check")).collect();
    assert!(names.len() == 6 && names.is_sorted(), "by name, whatever they come to: {names:?}");
    let took = |check| value(&seen, "health_check_duration_seconds_sum", &[("check", check)]).unwrap();
    assert!((0.7..0.8).contains(&took("timeout")) && took("healthy") < 0.1);
    let within =
        |le| value(&seen, "health_check_duration_seconds_bucket", &[("check", "timeout"), ("le", le)]);
    assert_eq!((within("0.5"), within("1.0"), within("+Inf")), (Some(0.0), Some(1.0), Some(1.0)));
}

#[tokio::test(start_paused = true)]
async fn phases_gates_mutes_and_flips_are_told() {
    let (gate, script) = (Gate::new("migrations"), Script::new(Status::Unhealthy));
    let health = Health::builder()
        .gate(&gate)
        .check_fn(Spec::named("db").interval("10s"), script.check())
        .build()
        .unwrap()
        .start();
    health.report(Probe::Ready).await;
    let phase = |word| value(&text(&health), "health_phase", &[("phase", word)]);
    assert_eq!([phase("starting"), phase("running"), phase("draining")], [Some(1.0), Some(0.0), Some(0.0)]);
    gate.open();
    health.report(Probe::Ready).await;
    assert_eq!(value(&text(&health), "health_gate_open", &[("gate", "migrations")]), Some(1.0));
    assert_eq!(phase("running"), Some(1.0));

    health.mute("db", "1h", "at work").unwrap();
    assert_eq!(value(&text(&health), "health_check_muted", &[("check", "db")]), Some(1.0));
    assert_eq!(status_of(&text(&health), "db"), "unhealthy");
    health.unmute("db");
    assert_eq!(value(&text(&health), "health_check_muted", &[("check", "db")]), Some(0.0));

    let flips = |to| value(&text(&health), "health_check_transitions_total", &[("check", "db"), ("to", to)]);
    let probe = |to| value(&text(&health), "health_transitions_total", &[("probe", "ready"), ("to", to)]);
    let (before, ready_before) = (flips("healthy").unwrap(), probe("healthy").unwrap());
    advance(Duration::from_secs(3)).await;
    script.says(Status::Healthy);
    sleep(Duration::from_secs(25)).await;
    assert_eq!((flips("healthy"), flips("unhealthy")), (Some(before + 1.0), Some(1.0)));
    assert_eq!(probe("healthy"), Some(ready_before + 1.0));
    let spent = |status| {
        value(&text(&health), "health_status_seconds_total", &[("probe", "ready"), ("status", status)])
            .unwrap()
    };
    assert!(
        spent("healthy") > 10.0 && spent("unhealthy") >= 3.0,
        "{} {}",
        spent("healthy"),
        spent("unhealthy")
    );
    health.drain();
    assert_eq!(phase("draining"), Some(1.0));
}
