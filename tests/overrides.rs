//! Operators tune checks by name without recompiling.

use std::collections::BTreeMap;
use std::time::Duration;

use health_core::{
    BuildError, Ended, Failure, Health, HealthBuilder, HealthCheck, HealthComponent, HealthConfig, Outcome,
    Parts, Probe, ProbeSet, ProblemKind, Spec, health_check,
};
use health_tests::logs::{lines_with, record};

struct Slow;

impl HealthCheck for Slow {
    async fn check(&self) -> Result<Outcome, Failure> {
        tokio::time::sleep(Duration::from_millis(300)).await;
        Ok(Outcome::healthy())
    }
}

struct Storage {
    primary: Slow,
    shards: BTreeMap<String, Slow>,
}

impl HealthComponent for Storage {
    const NAME: &'static str = "storage";

    fn parts(parts: &mut Parts<'_, Self>) {
        parts
            .check(Spec::named("primary"), |this| &this.primary)
            .each(Spec::named("shards").critical(false), |this| &this.shards);
    }
}

struct NobodyHasThis;

/// Found at link time.
#[health_check(name = "found", timeout = "600ms")]
async fn found() {
    tokio::time::sleep(Duration::from_millis(300)).await;
}

#[health_check(name = "off", enabled = false)]
async fn off(_needs: &NobodyHasThis) {}

/// One check of every kind.
fn every_kind() -> HealthBuilder {
    let shards = BTreeMap::from([("eu-1".to_owned(), Slow)]);
    Health::builder()
        .discover()
        .check(Spec::named("explicit"), Slow)
        .component(Storage { primary: Slow, shards })
}

fn one(spec: Spec, configs: impl IntoIterator<Item = HealthConfig>) -> Result<Vec<String>, BuildError> {
    let builder = Health::builder().check_fn(spec, || async {});
    let built = configs.into_iter().fold(builder, HealthBuilder::config).build();
    built.map(|assembly| assembly.names().map(str::to_owned).collect())
}

fn json(text: &str) -> HealthConfig {
    serde_json::from_str(text).unwrap()
}

fn vars<const N: usize>(variables: [(&str, &str); N]) -> HealthConfig {
    HealthConfig::from_vars(variables)
}

#[tokio::test(start_paused = true)]
async fn checks_of_every_kind_are_found_by_their_full_names() {
    let all = ["explicit", "found", "storage/primary", "storage/shards/eu-1"];
    let timeouts = |assembly: health_core::Assembly| async {
        let health = assembly.start();
        let report = health.report(Probe::Ready).await;
        let timed_out = report.entries().iter().filter(|entry| entry.ended() == Some(Ended::Timeout));
        timed_out.map(|entry| entry.name().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(timeouts(every_kind().build().unwrap()).await, [""; 0]);
    let environment = vars([
        ("HEALTH_CHECKS__EXPLICIT__TIMEOUT", "200ms"),
        ("HEALTH_CHECKS__FOUND__TIMEOUT", "200ms"),
        ("HEALTH_CHECKS__STORAGE__PRIMARY__TIMEOUT", "200ms"),
        ("HEALTH_CHECKS__STORAGE__SHARDS__EU_1__TIMEOUT", "200ms"),
    ]);
    assert_eq!(timeouts(every_kind().config(environment).build().unwrap()).await, all);
    let defaults = vars([("HEALTH_DEFAULTS__TIMEOUT", "200ms")]);
    let undeclared: Vec<_> = all.into_iter().filter(|name| *name != "found").collect();
    assert_eq!(timeouts(every_kind().config(defaults).build().unwrap()).await, undeclared);
}

#[tokio::test]
async fn what_is_overridden_is_what_runs_and_is_shown() {
    let config = json(
        r#"{ "checks": { "a": { "critical": false, "probe": ["live", "startup"], "scope": "local" },
                         "b": { "scope": "shared" } } }"#,
    );
    let builder = || {
        Health::builder()
            .check_fn(Spec::named("a"), || async { Err::<(), _>("down") })
            .check_fn(Spec::named("b"), || async {})
    };
    let health = builder().config(config).build().unwrap().start();
    let report = health.report(Probe::Live).await;
    let a = report.entry("a").unwrap();
    assert_eq!((a.is_critical(), a.probes()), (false, ProbeSet::of(&[Probe::Live, Probe::Startup])));
    assert_eq!(report.status(), health_core::Status::Degraded, "not critical any more");
    let b = health.check("b").await.unwrap();
    assert!(!b.entry("b").unwrap().is_critical(), "shared is not critical by default");
}

#[test]
fn any_format_will_do() {
    let yaml = |text: &str| serde_saphyr::from_str::<HealthConfig>(text);
    let disabled = |config| one(Spec::named("storage/primary"), [config]).unwrap().is_empty();
    assert!(disabled(yaml("checks:\n  storage/primary:\n    enabled: false\n    probe: [ready]\n").unwrap()));
    assert!(disabled(yaml("defaults:\nchecks:\n  storage/primary:\n    enabled: \"false\"\n").unwrap()));
    assert!(disabled(json(r#"{ "checks": { "storage/primary": { "enabled": false } } }"#)));
    assert!(!disabled(yaml("checks:\n  storage/primary:\n").unwrap()), "a section with nothing in it");
    assert!(!disabled(json("{}")));

    #[derive(serde::Deserialize)]
    struct Application {
        health: HealthConfig,
    }
    let whole: Application =
        toml::from_str("[health.checks.\"storage/primary\"]\nenabled = false\n").unwrap();
    assert!(disabled(whole.health));
}

#[test]
fn what_is_taken_out_needs_nothing_and_what_is_put_in_needs_everything() {
    let out = json(r#"{ "checks": { "db": { "enabled": false, "max_age": "1s", "probe": "live" } } }"#);
    assert_eq!(one(Spec::named("db"), [out]).unwrap(), [""; 0], "tuning it besides is fine");
    let error = every_kind().config(vars([("HEALTH_CHECKS__OFF__ENABLED", "true")])).build().unwrap_err();
    assert_eq!(error.problems().len(), 1, "{error}");
    assert_eq!(error.problems()[0].kind(), ProblemKind::MissingResource);
    assert_eq!(error.problems()[0].sources(), ["HEALTH_CHECKS__OFF__ENABLED in the environment"]);
    let put_in = every_kind().resource(NobodyHasThis).config(vars([("HEALTH_CHECKS__OFF__ENABLED", "true")]));
    assert!(put_in.build().unwrap().names().any(|name| name == "off"));
}

#[test]
fn by_name_goes_before_disable_and_what_is_required_may_be_taken_out() {
    let builder = || Health::builder().check_fn(Spec::named("db"), || async {}).require(["db"]);
    let count = |builder: HealthBuilder| builder.build().unwrap().names().count();
    let enabled = |value| vars([("HEALTH_CHECKS__DB__ENABLED", value)]);
    assert_eq!(count(builder().disable("db")), 0);
    assert_eq!(count(builder().disable("db").config(enabled("true"))), 1);
    assert_eq!(count(builder().config(enabled("true")).disable("db")), 1, "in whatever order it is said");
    assert_eq!(count(builder().config(enabled("false"))), 0);
}

#[test]
fn one_of_many_may_be_decided_by_name() {
    struct Undecided(BTreeMap<String, Slow>);
    impl HealthComponent for Undecided {
        const NAME: &'static str = "many";
        fn parts(parts: &mut Parts<'_, Self>) {
            parts.each(Spec::named("all"), |this| &this.0);
        }
    }
    let builder = || Health::builder().component(Undecided(BTreeMap::from([("eu".into(), Slow)])));
    assert!(builder().build().is_err());
    assert!(builder().config(vars([("HEALTH_CHECKS__MANY__ALL__EU__CRITICAL", "false")])).build().is_ok());
}

#[test]
fn what_is_overridden_is_said_in_the_log() {
    record();
    one(Spec::named("told"), [vars([("HEALTH_CHECKS__TOLD__TIMEOUT", "1s")])]).unwrap();
    let lines =
        lines_with(&["check=told", "key=timeout", "source=HEALTH_CHECKS__TOLD__TIMEOUT in the environment"]);
    assert_eq!(lines.len(), 1, "{lines:?}");
}

#[test]
fn the_environment_of_the_process_is_read() {
    const INSIDE: &str = "OVERRIDES_TEST_INSIDE";
    if std::env::var_os(INSIDE).is_some() {
        let names = one(Spec::named("db"), [HealthConfig::from_env()]).unwrap();
        println!("<{}>", names.join(","));
        return;
    }
    let ask = |enabled: &str| {
        let this = std::env::current_exe().unwrap();
        let mut child = std::process::Command::new(this);
        child.args(["--exact", "the_environment_of_the_process_is_read", "--nocapture"]);
        let output = child.env(INSIDE, "1").env("HEALTH_CHECKS__DB__ENABLED", enabled).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(ask("true").contains("<db>"));
    assert!(ask("false").contains("<>"));
    assert!(!ask("maybe").contains('<'), "refused");
}
