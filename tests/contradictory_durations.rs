//! Rule 12 for durations: what is impossible or contradicts itself is a problem of `build()` with its file and line,
//! also where the attribute cannot see it, because a constant or a default is part of it.

use std::time::Duration;

use health_core::{
    BuildError, Failure, Format, Health, HealthCheck, HealthComponent, Interval, Outcome, Probe, ProblemKind,
    Spec, catalog, health_check,
};

const TEN_SECONDS: Duration = Duration::from_secs(10);

#[health_check(interval = TEN_SECONDS, max_age = "10500ms")]
async fn constant_interval() {}

#[health_check(max_age = "10s")]
async fn default_interval() {}

#[health_check(backoff = "5s")]
async fn default_interval_again() {}

#[health_check(idle = "1h", backoff = TEN_SECONDS)]
async fn constant_backoff() {}

#[health_check(interval = Duration::MAX)]
async fn endless() {}

#[health_check(cache = "367d", max_age = "1000d")]
async fn years() {}

struct Fine;

impl HealthCheck for Fine {
    async fn check(&self) -> Result<Outcome, Failure> {
        Ok(Outcome::healthy())
    }
}

#[derive(HealthComponent)]
#[health(name = "storage", check, max_age = "5s")]
struct Storage {
    #[health(check, cache = TEN_SECONDS.saturating_mul(2), timeout = "2s", max_age = "22s")]
    primary: Fine,
    #[health(check, enabled = false, max_age = "1s")]
    switched_off: Fine,
}

impl HealthCheck for Storage {
    async fn check(&self) -> Result<Outcome, Failure> {
        Ok(Outcome::healthy())
    }
}

/// The problems as printed, without the count at their end.
fn printed(error: &BuildError) -> Vec<String> {
    assert!(error.problems().iter().all(|problem| problem.kind() == ProblemKind::Spec), "{error}");
    error.problems().iter().map(|problem| format!("{}: {}", problem.places()[0], problem.message())).collect()
}

/// Where `words` stand in this file, as a problem prints it.
fn at(words: &str) -> String {
    let line = include_str!("contradictory_durations.rs").lines().position(|line| line.starts_with(words));
    format!("tests/contradictory_durations.rs:{}:", line.expect("the words start a line") + 1)
}

#[test]
fn declarations_are_judged_with_their_constants_and_defaults() {
    let error = Health::builder()
        .discover()
        .component(Storage { primary: Fine, switched_off: Fine })
        .build()
        .unwrap_err();
    let stale = |name: &str, max_age: &str, period: &str, sum: &str| {
        format!(
            "an observation of `{name}` would be stale before the next one is there: its max_age is {max_age}, and its \
             {period} come to {sum}"
        )
    };
    let expected = [
        (
            "async fn constant_interval",
            stale("constant_interval", "10s 500ms", "interval (10s) and timeout (700ms)", "10s 700ms"),
        ),
        (
            "async fn default_interval(",
            stale("default_interval", "10s", "interval (10s) and timeout (700ms)", "10s 700ms"),
        ),
        (
            "async fn default_interval_again",
            "the backoff of `default_interval_again` (5s) is shorter than its interval (10s)".into(),
        ),
        (
            "async fn constant_backoff",
            "the backoff of `constant_backoff` (10s) is shorter than its idle (1h)".into(),
        ),
        (
            "async fn endless",
            "the interval of `endless` is longer than a year; write a duration such as \"1h\"".into(),
        ),
        ("async fn years", "the cache of `years` is longer than a year".into()),
        ("async fn years", "the max_age of `years` is longer than a year".into()),
        ("struct Storage", stale("storage", "5s", "interval (10s) and timeout (700ms)", "10s 700ms")),
        ("    primary: Fine", stale("storage/primary", "22s", "cache (20s) and timeout (2s)", "22s")),
    ];
    let printed = printed(&error);
    assert_eq!(printed.len(), expected.len(), "{error}");
    for (printed, (place, words)) in printed.iter().zip(expected) {
        assert!(
            printed.starts_with(&at(place)) && printed.contains(&words),
            "{place} {words}\nin\n{printed}"
        );
    }
}

#[test]
fn a_listing_survives_what_build_refuses() {
    let json = catalog().listing(Format::Json).to_string();
    assert!(json.contains("\"name\": \"endless\""), "{json}");
}

/// What is wrong with a check of this description, handed in here.
fn faults(spec: Spec) -> Vec<String> {
    Health::builder().check_fn(spec, || async {}).build().map_or_else(|error| printed(&error), |_| Vec::new())
}

#[test]
fn a_description_is_judged_when_it_is_handed_in() {
    let (line, a) = (line!(), || Spec::named("a"));
    let place = format!("tests/contradictory_durations.rs:{line}:");
    for (spec, words) in [
        (a().interval("soon"), "the interval of `a`: \"soon\" is no interval"),
        (a().interval("soon"), "write a duration such as \"10s\", or \"never\""),
        (a().interval("0s"), "the interval of `a` is zero"),
        (a().interval(Duration::ZERO), "the interval of `a` is zero"),
        (a().interval(Interval::Every(Duration::MAX)), "the interval of `a` is longer than a year"),
        (a().cache("never"), "the cache of `a` \"never\" is no duration"),
        (a().cache("0s"), "the cache of `a` is zero"),
        (a().max_age("5"), "the max_age of `a` \"5\" is no duration"),
        (a().backoff(Duration::MAX), "the backoff of `a` is longer than a year"),
        (a().idle("-1s"), "the idle of `a` \"-1s\" is no duration"),
        (a().failure_threshold(0), "the failure_threshold of `a` is 0; write 1 for no threshold"),
        (a().success_threshold(0), "the success_threshold of `a` is 0; write 1 for no threshold"),
        (
            a().interval("never").probe(Probe::Live).scope(health_core::Scope::Local),
            "live would kill a process",
        ),
        (a().interval("never").backoff("1m"), "has a backoff and is never run by itself"),
        (a().idle("30s").interval("30s"), "remove `interval`"),
        (a().idle("30s").cache("30s"), "remove `cache`"),
        (a().idle("30s").max_age("30s"), "its idle (30s) and timeout (700ms) come to 30s 700ms"),
        (a().interval("never").max_age("1s"), "its cache (1s)"),
        (a().backoff("1m").max_age("1m"), "its backoff (1m)"),
    ] {
        let faults = faults(spec);
        assert_eq!(faults.len(), 1, "{words}: {faults:?}");
        assert!(faults[0].starts_with(&place) && faults[0].contains(words), "{place} {words}: {faults:?}");
    }
}

#[test]
fn everything_that_is_wrong_with_one_description_is_said() {
    let spec = Spec::named("a").idle("10s").interval("never").cache("0s").backoff("5s").failure_threshold(0);
    let faults = faults(spec.probe(Probe::Live).scope(health_core::Scope::Local));
    for words in [
        "cache of `a` is zero",
        "live would kill",
        "failure_threshold",
        "shorter than its idle",
        "remove `interval`",
    ] {
        assert_eq!(faults.iter().filter(|fault| fault.contains(words)).count(), 1, "{words}: {faults:?}");
    }
}

#[test]
fn what_fits_exactly_is_accepted() {
    let a = || Spec::named("a").timeout("1s");
    for spec in [
        a().max_age("11001ms"),
        a().interval("5s").cache("20s").max_age("21001ms"),
        a().interval("never").max_age("2001ms"),
        a().idle("5s").max_age("6001ms"),
        a().backoff("10s"),
        a().interval("never").cache("1ns"),
        a().interval("366d").cache("366d").backoff("366d").timeout("366d"),
        a().failure_threshold(u32::MAX).success_threshold(u32::MAX),
    ] {
        assert_eq!(faults(spec), [""; 0]);
    }
}
