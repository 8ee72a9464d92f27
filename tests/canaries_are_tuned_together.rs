//! What is said of all canaries at once reaches each of them, and nothing else.

use std::time::Duration;

use health_core::{BuildError, Health, HealthConfig, ProblemKind, Spec};
use health_tests::scripts::Script;
use tokio::time::sleep;

fn canaries(key: &str, value: &str) -> HealthConfig {
    HealthConfig::default().canaries(key, value, "OF_CANARIES")
}

/// One canary, one that is taken out, and a check that is none.
fn built(configs: impl IntoIterator<Item = HealthConfig>) -> Result<Vec<String>, BuildError> {
    let builder = Health::builder()
        .check_fn(Spec::named("canary").idle("30s"), || async {})
        .check_fn(Spec::named("out").idle("30s").enabled(false), || async {})
        .check_fn(Spec::named("plain"), || async {});
    let built = configs.into_iter().fold(builder, |builder, config| builder.config(config)).build();
    built.map(|assembly| assembly.names().map(str::to_owned).collect())
}

#[test]
fn they_take_part_or_do_not() {
    assert_eq!(built([]).unwrap(), ["canary", "plain"]);
    assert_eq!(built([canaries("enabled", "false")]).unwrap(), ["plain"]);
    assert_eq!(built([canaries("enabled", "true")]).unwrap(), ["canary", "out", "plain"]);
    let last = [canaries("enabled", "true"), canaries("enabled", "false")];
    assert_eq!(built(last).unwrap(), ["plain"]);
}

#[test]
fn what_is_said_by_name_goes_before_it_wherever_it_stands() {
    let by_name = || HealthConfig::from_vars([("HEALTH_CHECKS__CANARY__ENABLED", "true")]);
    for configs in [[by_name(), canaries("enabled", "false")], [canaries("enabled", "false"), by_name()]] {
        assert_eq!(built(configs).unwrap(), ["canary", "plain"]);
    }
    // What is made a canary by name is one, and what is none any more is not.
    let turned = HealthConfig::from_vars([
        ("HEALTH_CHECKS__PLAIN__IDLE", "1m"),
        ("HEALTH_CHECKS__CANARY__IDLE", "off"),
    ]);
    assert_eq!(built([turned, canaries("enabled", "false")]).unwrap(), ["canary"]);
}

#[tokio::test(start_paused = true)]
async fn they_wait_as_long_as_is_said_and_are_given_as_much_time() {
    let (canary, plain) = (Script::default(), Script::default());
    let health = Health::builder()
        .check_fn(Spec::named("canary").idle("30s").timeout("100ms"), canary.check())
        .check_fn(Spec::named("plain").interval("30s"), plain.check())
        .config(canaries("idle", "10s").canaries("timeout", "3s", "OF_CANARIES"))
        .build()
        .unwrap()
        .start();
    canary.takes(Duration::from_secs(2));
    sleep(Duration::from_secs(600)).await;
    let gaps: Vec<_> = canary.gaps().into_iter().skip(1).collect();
    let about = |gap: &Duration| (Duration::from_secs(9)..=Duration::from_secs(14)).contains(gap);
    assert!(gaps.len() > 30 && gaps.iter().all(about), "{gaps:?}");
    assert!(plain.runs() < 30, "a check that is no canary keeps its interval: {}", plain.runs());
    let report = health.check("canary").await.unwrap();
    assert!(report.status().is_healthy(), "two seconds are in time now");
}

#[test]
fn what_is_wrong_names_what_said_it() {
    for (key, value, message) in [
        ("idle", "soon", "`OF_CANARIES` is \"soon\", which is no duration"),
        ("enabled", "yes", "`OF_CANARIES` is \"yes\", which is neither true nor false"),
        ("wait", "5s", "`wait` is no key that tunes a check"),
        ("name", "x", "`name` belongs to the code of a check, and cannot be overridden"),
    ] {
        let error = built([canaries(key, value)]).unwrap_err();
        let problem = &error.problems()[0];
        assert_eq!((error.problems().len(), problem.message()), (1, message));
        assert_eq!(problem.kind(), ProblemKind::Override);
        assert_eq!(problem.sources(), ["OF_CANARIES in the environment"]);
    }
    // Right by itself, and against what one of them declares.
    let error = Health::builder()
        .check_fn(Spec::named("canary").idle("5s").max_age("20s"), || async {})
        .config(canaries("idle", "1m"))
        .build()
        .unwrap_err();
    assert_eq!(error.problems().len(), 1);
    assert_eq!(error.problems()[0].sources(), ["OF_CANARIES in the environment"]);
    assert!(error.problems()[0].message().contains("its idle (1m)"), "{error}");
}
