//! Operators are told everything that is wrong with what they wrote, where they wrote it, before anything runs.

use health_core::{BuildError, Health, HealthBuilder, HealthConfig, Probe, ProblemKind, Quorum, Scope, Spec};
use health_tests::logs::{lines_with, record};

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

#[test]
fn what_no_format_should_pass_is_an_error_of_the_format() {
    for (text, words) in [
        (r#"{ "check": {} }"#, "unknown field `check`, expected `checks` or `defaults`"),
        (r#"{ "label": "x" }"#, "unknown field `label`"),
        (r#"{ "checks": [] }"#, "expected a table"),
        (r#"{ "checks": { "a": "5s" } }"#, "expected a table"),
        (r#"{ "checks": { "a": {}, "a": {} } }"#, "`a` is there twice"),
        (r#"{ "defaults": { "timeout": "1s", "timeout": "2s" } }"#, "`timeout` is there twice"),
    ] {
        let error = serde_json::from_str::<HealthConfig>(text).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains("line 1"), "{text}: {error}");
    }
}

#[test]
fn everything_that_is_wrong_is_listed_at_once_with_its_source_and_the_nearest_spelling() {
    let written = json(
        r#"{
            "defaults": { "critical": "no", "idle": "1m", "intervall": "5s", "timeout": 5 },
            "checks": {
                "databse": { "timeout": "soon" },
                "database": { "max-age": "1m", "failure_threshold": 0, "group": "x", "probe": ["raedy"],
                              "critical": "yes", "scope": "lokal", "timeout": null },
                "storage": { "primary": { "timeout": "1s" } }
            }
        }"#,
    );
    let environment = vars([
        ("HEALTH_CHECKS__DATABSE__TIMEOUT", "1s"),
        ("HEALTH_CHECKS__DATABASE__TIMOUT", "1s"),
        ("HEALTH_CHECKS__database__CACHE", "1s"),
        ("HEALTH_CHECKS__DATABASE", "1s"),
        ("HEALTH_CHECKS__STORAGE__PRIMARY", "1s"),
        ("HEALTH_CHECKS__", "1s"),
        ("HEALTH_CHECKS__DATABASE__INTERVAL", "0s"),
        ("HEALTH_CHECKS__DATABASE__TIMEOUT", ""),
        ("HEALTH_CHECKS__DATABASE__CACHE", "postgres://u:secret@h/x"),
        ("HEALTH_DEFAULTS__ENABLED", "false"),
        ("HEALTH_UNKNOWN", "wran"),
        ("HEALTH_CHECK__DATABASE__TIMEOUT", "not ours"),
        ("health_checks__DATABASE__TIMEOUT", "not ours"),
        ("HEALTH_SOMETHING", "not ours"),
    ]);
    let error = Health::builder()
        .check_fn(Spec::named("database").depends_on(["nothing"]), || async {})
        .check_fn(Spec::named("storage/primary"), || async {})
        .config(written.labelled("health.json"))
        .config(environment)
        .build()
        .unwrap_err();
    let printed = error.to_string();
    for expected in [
        "error: there is no default for `critical`: what a failure does to the whole is decided check by check\n  \
         --> defaults.critical in health.json\n  help: set it by name: `checks.<name>.critical`",
        "error: there is no default for `idle`",
        "error: `intervall` is no key that tunes a check\n  --> defaults.intervall in health.json\n  help: did you mean \
         `defaults.interval`? the keys are `timeout`, `interval`, `cache`, `backoff`, `max_age`, `failure_threshold`, \
         `success_threshold`\n",
        "error: `defaults.timeout` is 5, which has no unit\n  --> defaults.timeout in health.json\n  help: write a duration",
        "error: `checks.databse` tunes the check `databse`, and no check has that name\n  --> checks.databse in \
         health.json\n  help: did you mean `database`?",
        "error: `checks.databse.timeout` is \"soon\", which is no duration",
        "error: `max-age` is no key that tunes a check\n  --> checks.database.max-age in health.json\n  help: did you \
         mean `checks.database.max_age`?",
        "error: `checks.database.failure_threshold` is 0, which is not at least 1",
        "error: `group` belongs to the code of a check",
        "error: `checks.database.probe` is [\"raedy\"], which names something that is no probe\n  --> \
         checks.database.probe in health.json\n  help: did you mean `ready`? write `live` or `ready`",
        "error: `checks.database.critical` is \"yes\", which is neither true nor false",
        "error: `checks.database.scope` is \"lokal\", which is no scope\n  --> checks.database.scope in health.json\n  \
         help: did you mean `local`?",
        "error: `checks.database.timeout` is nothing, which is no duration",
        "error: `checks.storage.primary` is a table, and what tunes a check is a single value\n  --> \
         checks.storage.primary in health.json\n  help: a name is one key, as in `checks.\"storage/primary\".timeout`",
        "error: `HEALTH_CHECKS__DATABSE__TIMEOUT` tunes the check `DATABSE`, and no check has that name\n  --> \
         HEALTH_CHECKS__DATABSE__TIMEOUT in the environment\n  help: did you mean `HEALTH_CHECKS__DATABASE__TIMEOUT`?",
        "error: `TIMOUT` is no key that tunes a check\n  --> HEALTH_CHECKS__DATABASE__TIMOUT in the environment\n  \
         help: did you mean `HEALTH_CHECKS__DATABASE__TIMEOUT`? the keys are `TIMEOUT`",
        "error: `HEALTH_CHECKS__database__CACHE` tunes the check `database`, and no check has that name\n  --> \
         HEALTH_CHECKS__database__CACHE in the environment\n  help: did you mean `HEALTH_CHECKS__DATABASE__CACHE`?",
        "error: `HEALTH_CHECKS__DATABASE` names no key\n  --> HEALTH_CHECKS__DATABASE in the environment\n  help: write \
         `HEALTH_CHECKS__DATABASE__TIMEOUT`",
        "help: write `HEALTH_CHECKS__STORAGE__PRIMARY__TIMEOUT`",
        "error: `HEALTH_CHECKS__` names no key",
        "error: `HEALTH_CHECKS__DATABASE__INTERVAL` is \"0s\", which is zero\n",
        "error: `HEALTH_CHECKS__DATABASE__TIMEOUT` is \"\", which is no duration",
        "error: `HEALTH_CHECKS__DATABASE__CACHE` is \"postgres://",
        "error: there is no default for `enabled`: all checks at once are not switched off by accident\n  --> \
         HEALTH_DEFAULTS__ENABLED in the environment\n  help: set it by name: `HEALTH_CHECKS__<NAME>__ENABLED`",
        "error: `HEALTH_UNKNOWN` is \"wran\", which says nothing about unknown names",
        "error: `database` depends on `nothing`, and no check has that name\n  --> tests/overrides_are_judged.rs:",
        "because of 26 problems",
    ] {
        assert!(printed.contains(expected), "{expected}\nin\n{printed}");
    }
    assert!(!printed.contains("secret"), "{printed}");
    let of_kind = |kind| error.problems().iter().filter(|problem| problem.kind() == kind).count();
    assert_eq!((of_kind(ProblemKind::UnknownName), of_kind(ProblemKind::Override)), (4, 22));
    assert!(error.problems().iter().all(|problem| problem.sources().len() + problem.places().len() == 1));
}

#[test]
fn a_variable_that_fits_two_checks_lists_both() {
    let builder = || {
        Health::builder()
            .check_fn(Spec::named("a-b"), || async {})
            .check_fn(Spec::named("a_b"), || async {})
            .check_fn(Spec::named("c"), || async {})
    };
    let error = builder().config(vars([("HEALTH_CHECKS__A_B__TIMEOUT", "1s")])).build().unwrap_err();
    assert_eq!((error.problems().len(), error.problems()[0].kind()), (1, ProblemKind::Override));
    assert!(error.to_string().contains("`HEALTH_CHECKS__A_B__TIMEOUT` could mean `a-b` or `a_b`"), "{error}");
    assert!(builder().config(vars([("HEALTH_CHECKS__C__TIMEOUT", "1s")])).build().is_ok());
    let named = json(r#"{ "checks": { "a-b": { "enabled": false } } }"#);
    assert_eq!(builder().config(named).build().unwrap().names().collect::<Vec<_>>(), ["a_b", "c"]);
}

#[test]
fn unknown_names_alone_can_be_let_pass() {
    record();
    let warn = || vars([("HEALTH_UNKNOWN", "warn"), ("HEALTH_CHECKS__BILING__TIMEOUT", "1s")]);
    let written = || json(r#"{ "checks": { "billling": { "timeout": "1s" } } }"#);
    assert!(one(Spec::named("billing"), [written(), warn()]).is_ok());
    let warned = lines_with(&["WARN", "the configuration tunes a check that nothing here has"]);
    let has = |words: [&str; 2]| warned.iter().any(|line| words.iter().all(|word| line.contains(word)));
    assert!(has(["source=checks.billling in the configuration", "nearest=billing"]), "{warned:?}");
    assert!(has(["source=HEALTH_CHECKS__BILING__TIMEOUT in", "nearest=HEALTH_CHECKS__BILLING__TIMEOUT"]));

    for (key, value) in [("TIMOUT", "1s"), ("TIMEOUT", "soon")] {
        let variable = format!("HEALTH_CHECKS__BILING__{key}");
        let config = HealthConfig::from_vars([("HEALTH_UNKNOWN", "warn"), (&variable, value)]);
        let error = one(Spec::named("billing"), [config]).unwrap_err();
        assert_eq!(error.problems().len(), 1, "{error}");
        assert_eq!(error.problems()[0].kind(), ProblemKind::Override);
    }
    let fail = vars([("HEALTH_UNKNOWN", "fail")]);
    assert!(one(Spec::named("billing"), [written(), fail]).is_err());
    assert!(one(Spec::named("billing"), [written()]).is_err(), "a file alone is not shared by default");
    let help = one(Spec::named("x"), [written()]).unwrap_err().to_string();
    assert!(help.contains("help: where several programs share one configuration, `HEALTH_UNKNOWN=warn`"));
}

#[test]
fn what_an_override_makes_invalid_names_the_override() {
    let plain = || Spec::named("db").timeout("1s");
    for (spec, variables, words, culprits) in [
        (plain(), vec![("PROBE", "live"), ("CRITICAL", "true")], "without a local scope", vec!["PROBE"]),
        (
            plain().scope(Scope::Shared),
            vec![("PROBE", "startup,ready")],
            "shared and joins startup",
            vec!["PROBE"],
        ),
        (plain().probe(Probe::Startup), vec![("SCOPE", "shared")], "shared and joins startup", vec!["SCOPE"]),
        (
            plain(),
            vec![("PROBE", "startup"), ("SCOPE", "shared")],
            "shared and joins startup",
            vec!["PROBE", "SCOPE"],
        ),
        (plain(), vec![("MAX_AGE", "9s"), ("CRITICAL", "false")], "would be stale", vec!["MAX_AGE"]),
        (plain().max_age("12s"), vec![("TIMEOUT", "2s")], "timeout (2s) come to 12s", vec!["TIMEOUT"]),
        (plain().idle("10s"), vec![("INTERVAL", "10s")], "remove `interval`", vec!["INTERVAL"]),
        (plain(), vec![("IDLE", "10s"), ("CACHE", "1s")], "remove `cache`", vec!["CACHE", "IDLE"]),
        (
            plain().probe(Probe::Live).scope(Scope::Local),
            vec![("INTERVAL", "never")],
            "never run by itself",
            vec!["INTERVAL"],
        ),
        (plain(), vec![("BACKOFF", "1s")], "shorter than its interval", vec!["BACKOFF"]),
    ] {
        let variables = variables.iter().map(|(key, value)| (format!("HEALTH_CHECKS__DB__{key}"), *value));
        let error = one(spec, [HealthConfig::from_vars(variables)]).unwrap_err();
        let problem = &error.problems()[0];
        assert_eq!((error.problems().len(), problem.kind()), (1, ProblemKind::Spec), "{error}");
        assert!(problem.message().contains(words), "{words}: {error}");
        let culprits: Vec<_> =
            culprits.iter().map(|key| format!("HEALTH_CHECKS__DB__{key} in the environment")).collect();
        let mut sources = problem.sources().to_vec();
        sources.sort();
        assert_eq!(sources, culprits, "{error}");
        assert!(
            problem.places()[0].file().ends_with("overrides_are_judged.rs"),
            "the declaration is named too"
        );
        assert!(error.to_string().contains(&format!("\n  --> {}", culprits[0])));
    }
    let declared = Spec::named("db").probe(Probe::Live);
    let config = vars([("HEALTH_CHECKS__DB__TIMEOUT", "1s")]);
    let error = one(declared, [config]).unwrap_err();
    assert_eq!(error.problems()[0].sources(), [""; 0], "an override that is not to blame is not named");
}

#[test]
fn a_quorum_that_an_override_breaks_names_the_override() {
    let builder = || {
        let member = |name: &'static str| Spec::named(name).group("g");
        let builder = Health::builder().group("g", Quorum::at_least(2));
        builder.check_fn(member("a"), || async {}).check_fn(member("b"), || async {})
    };
    assert!(builder().build().is_ok());
    for (variable, value, words) in [
        ("HEALTH_CHECKS__B__ENABLED", "false", "needs 2 healthy members, and 1 are enabled"),
        ("HEALTH_CHECKS__A__PROBE", "startup", "share one set of probes"),
        ("HEALTH_CHECKS__B__PROBE", "none", "share one set of probes"),
    ] {
        let error = builder().config(vars([(variable, value)])).build().unwrap_err();
        assert_eq!(error.problems().len(), 1, "{error}");
        assert!(error.problems()[0].message().contains(words), "{error}");
        assert_eq!(error.problems()[0].sources(), [format!("{variable} in the environment")]);
    }
    let apart = vars([("HEALTH_CHECKS__A__PROBE", "startup"), ("HEALTH_CHECKS__B__PROBE", "none")]);
    assert_eq!(builder().config(apart).build().unwrap_err().problems()[0].sources().len(), 2);
}

#[cfg(unix)]
#[test]
fn only_our_own_variables_have_to_be_text() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    let raw =
        |text: &str| OsString::from_vec(text.bytes().map(|b| if b == b'?' { 0xff } else { b }).collect());
    let built = |name, value| one(Spec::named("db"), [HealthConfig::from_vars([(raw(name), raw(value))])]);
    for (name, value) in [("PATH", "?"), ("HEALTH_?", "1"), ("?HEALTH_CHECKS__DB__TIMEOUT", "1s")] {
        assert!(built(name, value).is_ok(), "{name}");
    }
    for name in ["HEALTH_CHECKS__DB__TIMEOUT", "HEALTH_DEFAULTS__TIMEOUT", "HEALTH_UNKNOWN"] {
        let error = built(name, "5?").unwrap_err();
        assert!(error.to_string().contains(&format!("`{name}` is no UTF-8")), "{error}");
    }
    for name in ["HEALTH_CHECKS__D?__TIMEOUT", "HEALTH_CHECKS__DB__?", "HEALTH_DEFAULTS__?"] {
        assert_eq!(built(name, "1s").unwrap_err().problems().len(), 1, "{name}");
    }
}
