//! Every key that says when a check runs, how long what it said may be used, and when its status moves arrives in the
//! catalog, whether the attribute, the derive or a `Spec` declares it; so does what follows from those that are not.

use std::collections::BTreeMap;
use std::time::Duration as Span;

use health_core::__private_v1 as private;
use health_core::{
    Failure, HealthCheck, HealthComponent, Interval as Every, Location, Outcome, Parts, Spec, catalog,
    health_check,
};

/// What the generated code must not mistake for its own.
#[allow(dead_code, reason = "they are only in the way")]
mod shadows {
    pub(super) struct Duration;
    pub(super) enum Interval {}
}
#[allow(unused_imports, reason = "they are only in the way")]
use shadows::{Duration, Interval};

const HALF_A_MINUTE: Span = Span::from_secs(30);
const HOUR: Span = Span::from_secs(3600);

#[health_check]
async fn nothing() {}

#[health_check(
    interval = "1m 30s",
    cache = "500ms",
    max_age = "1h",
    failure_threshold = 3,
    success_threshold = 4294967295,
    backoff = "10m",
    timeout = "2s"
)]
async fn texts() {}

#[health_check(
    interval = HALF_A_MINUTE, cache = Span::from_millis(500), max_age = HOUR, failure_threshold = 1_0u32,
    success_threshold = 0x2, backoff = HOUR.saturating_sub(HALF_A_MINUTE.saturating_mul(10)), timeout = Span::from_secs(2)
)]
async fn expressions() {}

#[health_check(idle = HALF_A_MINUTE, timeout = "1s")]
async fn canary() {}

#[health_check(interval = "never")]
async fn on_demand() {}

#[health_check(interval = "20s")]
async fn often() {}

#[health_check(timeout = "800ms")]
async fn as_slow_as_an_answer() {}

#[health_check(backoff = "1m")]
async fn patient() {}

/// A little less and it would not compile.
#[health_check(interval = "10s", backoff = "10s", timeout = "1s", max_age = "11001ms")]
async fn just_fits() {}

struct Fine;

impl HealthCheck for Fine {
    async fn check(&self) -> Result<Outcome, Failure> {
        Ok(Outcome::healthy())
    }
}

async fn ask(_fine: &Fine) {}

#[derive(HealthComponent)]
#[health(
    name = "derived",
    check,
    interval = "1m 30s",
    cache = "500ms",
    max_age = "1h",
    failure_threshold = 3,
    success_threshold = 4294967295,
    backoff = "10m",
    timeout = "2s"
)]
#[allow(dead_code, reason = "it is never handed in")]
struct Derived {
    #[health(
        check,
        interval = "1m 30s",
        cache = "500ms",
        max_age = "1h",
        failure_threshold = 3,
        success_threshold = 4294967295,
        backoff = "10m",
        timeout = "2s"
    )]
    check: Fine,
    #[health(check = ask, interval = HALF_A_MINUTE, cache = Span::from_millis(500), max_age = HOUR,
             failure_threshold = 10, success_threshold = 2, backoff = Span::from_secs(3300), timeout = "2s")]
    function: Fine,
    #[health(each, critical = false, idle = "30s", timeout = "1s")]
    each: BTreeMap<String, Fine>,
    #[health(check, interval = "never")]
    on_demand: Fine,
}

impl HealthCheck for Derived {
    async fn check(&self) -> Result<Outcome, Failure> {
        Ok(Outcome::healthy())
    }
}

struct ByHand(Fine);

impl HealthComponent for ByHand {
    const NAME: &'static str = "spec";

    fn parts(parts: &mut Parts<'_, Self>) {
        let texts = Spec::named("texts")
            .interval("1m 30s")
            .cache("500ms")
            .max_age("1h")
            .failure_threshold(3)
            .success_threshold(u32::MAX)
            .backoff("10m")
            .timeout("2s");
        let durations = Spec::named("durations")
            .interval(HALF_A_MINUTE)
            .cache(Span::from_millis(500))
            .max_age(HOUR)
            .failure_threshold(10)
            .success_threshold(2)
            .backoff(Span::from_secs(3300))
            .timeout(Span::from_secs(2));
        let canary = Spec::named("canary").idle("30s").timeout("1s");
        for spec in [texts, durations, canary, Spec::named("on-demand").interval("never")] {
            parts.check(spec, |this| &this.0);
        }
    }
}

private::submit! { private::ComponentRecord::of::<ByHand>(Location::new(file!(), line!(), column!())) }

/// Every limit of a check.
#[derive(Debug, PartialEq)]
struct Limits {
    timeout: Span,
    interval: Every,
    cache: Span,
    max_age: Span,
    thresholds: [u32; 2],
    backoff: Option<Span>,
    idle: Option<Span>,
}

/// Those of a check that declares nothing.
const DEFAULT: Limits = Limits {
    timeout: Span::from_millis(700),
    interval: Every::Every(Span::from_secs(10)),
    cache: Span::from_secs(1),
    max_age: Span::from_millis(30_700),
    thresholds: [1, 1],
    backoff: None,
    idle: None,
};

fn listed(name: &str) -> Limits {
    let catalog = catalog();
    let named = catalog.declarations().iter().find(|declaration| declaration.name() == name);
    let check = named.unwrap_or_else(|| panic!("{name} is not in the catalog"));
    Limits {
        timeout: check.timeout(),
        interval: check.interval(),
        cache: check.cache(),
        max_age: check.max_age(),
        thresholds: [check.failure_threshold(), check.success_threshold()],
        backoff: check.backoff(),
        idle: check.idle(),
    }
}

const fn s(seconds: u64) -> Span {
    Span::from_secs(seconds)
}

#[test]
fn what_is_declared_as_text_arrives() {
    for name in ["texts", "derived", "derived/check", "spec/texts"] {
        let declared = Limits {
            timeout: s(2),
            interval: Every::Every(s(90)),
            cache: Span::from_millis(500),
            max_age: s(3600),
            thresholds: [3, u32::MAX],
            backoff: Some(s(600)),
            idle: None,
        };
        assert_eq!(listed(name), declared, "{name}");
    }
}

#[test]
fn what_is_declared_as_an_expression_arrives() {
    for name in ["expressions", "derived/function", "spec/durations"] {
        let declared = Limits {
            timeout: s(2),
            interval: Every::Every(s(30)),
            cache: Span::from_millis(500),
            max_age: s(3600),
            thresholds: [10, 2],
            backoff: Some(s(3300)),
            idle: None,
        };
        assert_eq!(listed(name), declared, "{name}");
    }
}

#[test]
fn a_canary_has_its_idle_time_in_place_of_interval_and_cache() {
    for name in ["canary", "derived/each/*", "spec/canary"] {
        let declared = Limits {
            timeout: s(1),
            interval: Every::Every(s(30)),
            cache: s(30),
            max_age: s(91),
            idle: Some(s(30)),
            ..DEFAULT
        };
        assert_eq!(listed(name), declared, "{name}");
    }
}

#[test]
fn what_is_not_declared_follows() {
    assert_eq!(listed("nothing"), DEFAULT);
    for name in ["on_demand", "derived/on_demand", "spec/on-demand"] {
        assert_eq!(listed(name), Limits { interval: Every::Never, ..DEFAULT }, "{name}");
    }
    let often =
        Limits { interval: Every::Every(s(20)), cache: s(20), max_age: Span::from_millis(60_700), ..DEFAULT };
    assert_eq!(listed("often"), often);
    let slow = Limits {
        timeout: Span::from_millis(800),
        cache: s(10),
        max_age: Span::from_millis(30_800),
        ..DEFAULT
    };
    assert_eq!(listed("as_slow_as_an_answer"), slow);
    let patient = Limits { backoff: Some(s(60)), max_age: Span::from_millis(180_700), ..DEFAULT };
    assert_eq!(listed("patient"), patient);
    let just_fits = Limits {
        timeout: s(1),
        cache: s(10),
        max_age: Span::from_millis(11_001),
        backoff: Some(s(10)),
        ..DEFAULT
    };
    assert_eq!(listed("just_fits"), just_fits);
}
