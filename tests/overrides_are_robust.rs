//! Whatever stands in an environment or a file, it is read or refused, never a panic; and whatever name a check has,
//! the documented spelling of it in a variable is that check.

use health_core::{Health, HealthConfig, Scope, Spec};
use proptest::prelude::*;

fn names() -> impl Strategy<Value = String> {
    "[a-z0-9_-]{1,4}(/[a-z0-9_-]{1,4}){0,2}".prop_filter("no name", |name| !name.contains("__"))
}

fn variables() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        Just("TIMEOUT"),
        Just("INTERVAL"),
        Just("CACHE"),
        Just("MAX_AGE"),
        Just("BACKOFF"),
        Just("IDLE"),
        Just("PROBE"),
        Just("SCOPE"),
        Just("ENABLED"),
        Just("FAILURE_THRESHOLD"),
    ];
    let head =
        prop_oneof![Just("HEALTH_CHECKS__A__"), Just("HEALTH_CHECKS__B__C__"), Just("HEALTH_DEFAULTS__")];
    prop_oneof![
        3 => (head, key).prop_map(|(head, key)| format!("{head}{key}")),
        1 => "HEALTH_(CHECKS|DEFAULTS)__[A-Z_]{0,12}",
        1 => "HEALTH_(CHECKS|DEFAULTS)__.{0,12}",
        1 => Just("HEALTH_UNKNOWN".to_owned()),
        1 => ".{0,12}",
    ]
}

fn values() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[0-9]{1,20}(ns|ms|s|m|h|d|y)?",
        1 => "never|off|none|true|false|local|shared|warn|live|ready,startup|,",
        1 => ".{0,20}",
    ]
}

fn build(spec: Spec, config: HealthConfig) -> Result<bool, String> {
    let builder = Health::builder()
        .check_fn(spec, || async {})
        .check_fn(Spec::named("b/c").interval("20s").max_age("1m"), || async {})
        .check_fn(Spec::named("live").probe(health_core::Probe::Live).scope(Scope::Local), || async {});
    let built = builder.config(config).build();
    built.map(|assembly| assembly.names().count() == 2).map_err(|error| error.to_string())
}

proptest! {
    #[test]
    fn any_environment_is_read_or_refused(
        variables in proptest::collection::vec((variables(), values()), 0..12),
    ) {
        if let Err(refused) = build(Spec::named("a"), HealthConfig::from_vars(variables)) {
            prop_assert!(refused.contains("cannot be assembled"));
            let harmless = |c: char| c == '\n' || !c.is_control();
            prop_assert!(refused.chars().all(harmless), "{refused:?}");
        }
    }

    #[test]
    fn any_defaults_leave_valid_checks_valid(
        defaults in proptest::collection::vec(
            ("TIMEOUT|INTERVAL|CACHE|MAX_AGE|BACKOFF", "[1-9][0-9]?(ms|s|m)|never"), 0..6,
        ),
        declared in proptest::array::uniform5(proptest::option::of("[1-9][0-9]?(ms|s|m)")),
        canary in any::<bool>(),
    ) {
        let spec = || {
            let mut spec = Spec::named("a");
            let [timeout, interval, cache, max_age, backoff] = declared.clone();
            if let Some(timeout) = timeout { spec = spec.timeout(timeout); }
            if let Some(interval) = interval {
                spec = if canary { spec.idle(interval) } else { spec.interval(&*interval) };
            }
            if let Some(cache) = cache.filter(|_| !canary) { spec = spec.cache(cache); }
            if let Some(max_age) = max_age { spec = spec.max_age(max_age); }
            if let Some(backoff) = backoff { spec = spec.backoff(backoff); }
            spec
        };
        prop_assume!(build(spec(), HealthConfig::default()).is_ok());
        let defaults = defaults.iter().map(|(key, value)| (format!("HEALTH_DEFAULTS__{key}"), value));
        if let Err(refused) = build(spec(), HealthConfig::from_vars(defaults)) {
            for problem in refused.split("\n\n").filter(|problem| !problem.contains("cannot be assembled")) {
                let is_about_the_defaults = problem.starts_with("error: the defaults contradict each other: ")
                    || problem.starts_with("error: `HEALTH_DEFAULTS__");
                prop_assert!(is_about_the_defaults, "{refused}");
            }
        }
    }

    #[test]
    fn any_file_is_read_or_refused(text in "\\{\"(checks|defaults)\":\\{\"a\":(.{0,12}|\\{\"(timeout|probe|backoff)\":(null|\"[a-z0-9]{0,4}\"|-?[0-9]{1,30}(\\.5)?|\\[\\[\\]\\]|\\[\"live\"\\]|\\{\\})\\})\\}\\}") {
        if let Ok(config) = serde_json::from_str(&text) {
            let _ = build(Spec::named("a"), config);
        }
    }

    #[test]
    fn the_documented_spelling_finds_the_check(name in names()) {
        let variable = format!("HEALTH_CHECKS__{}__ENABLED", name.to_uppercase().replace('/', "__").replace('-', "_"));
        prop_assume!(name != "b/c" && name != "live");
        prop_assert_eq!(build(Spec::named(name), HealthConfig::from_vars([(variable, "false")])), Ok(true));
    }
}
