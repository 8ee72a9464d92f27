//! Every variable of Dynamo does what it says, and a bad value is an error at the start that names it.

use std::ffi::OsString;
use std::time::Duration;

use health_actix::dialect::{Dynamo, DynamoError};
use health_actix::{Endpoints, endpoints};
use health_core::{Exposure, Gate, Health, HealthBuilder, ProbeSet, Spec, Status};
use health_tests::asking::get;
use health_tests::logs;
use health_tests::scripts::Script;

fn worker<const N: usize>(variables: [(&str, &str); N]) -> Result<Dynamo, DynamoError> {
    Dynamo::worker_from_vars(variables)
}

/// What this value of this variable alone is refused with.
fn refused(variable: &str, value: &str) -> String {
    let error = worker([(variable, value)]).expect_err(value);
    assert_eq!(error.variables().collect::<Vec<_>>(), [variable], "{value}");
    error.to_string()
}

async fn code(endpoints: &Endpoints, path: &str) -> u16 {
    get(endpoints, path).await.code
}

fn served(dynamo: Dynamo, builder: HealthBuilder) -> (Endpoints, Health) {
    let health = builder.config(dynamo.config()).build().unwrap().start();
    (endpoints(health.clone()).dialect(dynamo), health)
}

#[tokio::test]
async fn what_is_not_set_or_empty_changes_nothing() {
    let foreign = [
        ("PATH", "relative"),
        ("DYN_SYSTEM_PORT", "banana"),
        ("DYN_SYSTEM_STARTING_HEALTH_STATUS_X", "banana"),
        ("dyn_health_check_enabled", "banana"),
    ];
    let empty = [
        ("DYN_SYSTEM_STARTING_HEALTH_STATUS", ""),
        ("DYN_SYSTEM_USE_ENDPOINT_HEALTH_STATUS", "[]"),
        ("DYN_SYSTEM_HEALTH_PATH", ""),
        ("DYN_SYSTEM_LIVE_PATH", " "),
        ("DYN_HEALTH_CHECK_ENABLED", ""),
        ("DYN_CANARY_WAIT_TIME", "\n"),
        ("DYN_HEALTH_CHECK_REQUEST_TIMEOUT", ""),
    ];
    for variables in [&foreign[..], &empty[..], &[]] {
        let gate = Gate::new("model");
        let builder =
            Health::builder().check_fn(Spec::named("generate").idle("10s"), || async {}).gate(&gate);
        let (endpoints, health) =
            served(Dynamo::worker_from_vars(variables.iter().copied()).unwrap(), builder);
        assert_eq!((code(&endpoints, "/health").await, code(&endpoints, "/live").await), (503, 200));
        assert!(health.reporter("generate").is_some());
        gate.open();
        assert_eq!(code(&endpoints, "/health").await, 200);
    }
    assert!(Dynamo::worker_from_env().is_ok() && Dynamo::frontend_from_env().is_ok());
}

#[tokio::test]
async fn the_starting_status_counts_until_the_start_is_over() {
    const VARIABLE: &str = "DYN_SYSTEM_STARTING_HEALTH_STATUS";
    for (value, expected) in [("ready", 200), ("notready", 503), (" ready\n", 200)] {
        for dynamo in
            [Dynamo::worker_from_vars([(VARIABLE, value)]), Dynamo::frontend_from_vars([(VARIABLE, value)])]
        {
            let gate = Gate::new("model");
            let (endpoints, health) = served(dynamo.unwrap(), Health::builder().gate(&gate));
            for exposure in [Exposure::Status, Exposure::Checks, Exposure::Full] {
                assert_eq!(code(&endpoints.clone().exposure(exposure), "/health").await, expected, "{value}");
            }
            gate.open();
            assert_eq!(code(&endpoints, "/health").await, 200);
            health.drain();
            assert_eq!(code(&endpoints, "/health").await, 503);
        }
    }
    for bad in ["Ready", "NOTREADY", "not_ready", "healthy", "true", "1", "ready,notready"] {
        assert_eq!(
            refused(VARIABLE, bad),
            "error: `DYN_SYSTEM_STARTING_HEALTH_STATUS` is no status\n  help: write `ready` or `notready`"
        );
    }
}

#[tokio::test]
async fn each_flavour_has_its_own_variables_for_its_paths() {
    let variables = [
        ("DYN_SYSTEM_HEALTH_PATH", "/w/health"),
        ("DYN_SYSTEM_LIVE_PATH", "/w/live"),
        ("DYN_HTTP_SVC_HEALTH_PATH", "/f/health"),
        ("DYN_HTTP_SVC_LIVE_PATH", "/f/live"),
    ];
    let (worker, _) = served(Dynamo::worker_from_vars(variables).unwrap(), Health::builder());
    let (frontend, _) = served(Dynamo::frontend_from_vars(variables).unwrap(), Health::builder());
    for (endpoints, own, other) in [(&worker, "/w", "/f"), (&frontend, "/f", "/w")] {
        for path in ["/health", "/live"] {
            assert_eq!(code(endpoints, &format!("{own}{path}")).await, 200);
            assert_eq!(code(endpoints, &format!("{other}{path}")).await, 404);
            assert_eq!(code(endpoints, path).await, 404);
        }
    }
    // One of them alone, and one in the place of the other.
    let (swapped, _) = served(
        Dynamo::worker_from_vars([("DYN_SYSTEM_HEALTH_PATH", "/live"), ("DYN_SYSTEM_LIVE_PATH", "/health")])
            .unwrap(),
        Health::builder(),
    );
    assert_eq!((code(&swapped, "/live").await, code(&swapped, "/health").await), (200, 200));
    for bad in [
        "health",
        "./health",
        "/a/../b",
        "/.",
        "/a b",
        "/{tail}*",
        "/a*",
        "/a?b",
        "/a#b",
        "/%2e",
        "/é",
        "/a\nb",
        "http://x/",
    ] {
        for variable in ["DYN_SYSTEM_HEALTH_PATH", "DYN_SYSTEM_LIVE_PATH"] {
            assert_eq!(
                refused(variable, bad),
                format!(
                    "error: `{variable}` is no path\n  help: write one that begins with a slash, such as `/health`, of letters, digits and `-._~` alone"
                )
            );
        }
    }
    let shares =
        "makes readiness and liveness share a path\n  help: write a path that the other one does not have";
    for (variable, value) in [("DYN_SYSTEM_HEALTH_PATH", "/live"), ("DYN_SYSTEM_LIVE_PATH", "/health")] {
        assert_eq!(refused(variable, value), format!("error: `{variable}` {shares}"));
    }
    let one = worker_error([("DYN_SYSTEM_HEALTH_PATH", "bad"), ("DYN_SYSTEM_LIVE_PATH", "/health")]);
    assert_eq!(one.variables().collect::<Vec<_>>(), ["DYN_SYSTEM_HEALTH_PATH"]);
    let both = worker_error([("DYN_SYSTEM_HEALTH_PATH", "/x"), ("DYN_SYSTEM_LIVE_PATH", "/x")]);
    assert_eq!(both.to_string(), format!("error: `DYN_SYSTEM_LIVE_PATH` {shares}"));
}

fn worker_error<const N: usize>(variables: [(&str, &str); N]) -> DynamoError {
    worker(variables).unwrap_err()
}

#[tokio::test]
async fn the_named_checks_must_be_up_for_every_caller_and_every_dialect() {
    const VARIABLE: &str = "DYN_SYSTEM_USE_ENDPOINT_HEALTH_STATUS";
    let failing = |spec: Spec| Health::builder().check_fn(spec, || async { Status::Unhealthy });
    for spec in [Spec::named("generate").critical(false), Spec::named("generate").probe(ProbeSet::NONE)] {
        let (without, _) = served(worker([]).unwrap(), failing(spec.clone()));
        assert_eq!(code(&without, "/health").await, 200);
        let (with, health) = served(worker([(VARIABLE, r#"["generate"]"#)]).unwrap(), failing(spec));
        for exposure in [Exposure::Status, Exposure::Checks, Exposure::Full] {
            assert_eq!(code(&with.clone().exposure(exposure), "/health").await, 503, "{exposure:?}");
        }
        assert_eq!(code(&endpoints(health), "/health/ready").await, 503, "there is one truth");
        assert_eq!(code(&with, "/live").await, 200);
    }
    // One that is up, and one that has not been observed.
    let script = Script::new(Status::Degraded);
    let check = || Health::builder().check_fn(Spec::named("generate").critical(false), script.check());
    let (up, _) = served(worker([(VARIABLE, r#" ["generate", "generate"] "#)]).unwrap(), check());
    assert_eq!(code(&up, "/health").await, 200);
    script.hangs(true);
    let (unknown, _) = served(worker([(VARIABLE, r#"["generate"]"#)]).unwrap(), check());
    assert_eq!(code(&unknown.deadline(Duration::from_millis(20)), "/health").await, 503);

    let named = worker([(VARIABLE, r#"["genrate"]"#)]).unwrap();
    let error = check().config(named.config()).build().unwrap_err().to_string();
    assert!(error.contains(VARIABLE) && error.contains("did you mean `generate`?"), "{error}");
    for bad in ["generate", "[generate]", "{}", r#""generate""#, "[1]", r#"["a""#, "null", r#"["a"] x"#] {
        assert_eq!(
            refused(VARIABLE, bad),
            "error: `DYN_SYSTEM_USE_ENDPOINT_HEALTH_STATUS` is no JSON list of names\n  help: write the names of checks, such as `[\"generate\"]`"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn canaries_are_enabled_and_timed() {
    let canary = || Spec::named("generate").idle("1h").timeout("100ms");
    let names = |dynamo: Dynamo| {
        let builder = Health::builder().check_fn(canary(), || async {});
        let builder = builder.check_fn(canary_off(), || async {}).check_fn(Spec::named("disk"), || async {});
        let assembly = builder.config(dynamo.config()).build().unwrap();
        assembly.names().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names(worker([]).unwrap()), ["disk", "generate"]);
    assert_eq!(names(worker([("DYN_HEALTH_CHECK_ENABLED", "false")]).unwrap()), ["disk"]);
    assert_eq!(names(worker([("DYN_HEALTH_CHECK_ENABLED", "true")]).unwrap()), ["disk", "generate", "off"]);
    // What the environment takes out it does not wait for either.
    let both =
        [("DYN_HEALTH_CHECK_ENABLED", "false"), ("DYN_SYSTEM_USE_ENDPOINT_HEALTH_STATUS", r#"["generate"]"#)];
    assert_eq!(names(worker(both).unwrap()), ["disk"]);

    let script = Script::default();
    script.takes(Duration::from_secs(4));
    let timed = worker([("DYN_CANARY_WAIT_TIME", "20"), ("DYN_HEALTH_CHECK_REQUEST_TIMEOUT", "5")]).unwrap();
    let (_, health) = served(timed, Health::builder().check_fn(canary(), script.check()));
    tokio::time::sleep(Duration::from_secs(600)).await;
    let gaps: Vec<_> = script.gaps().into_iter().skip(1).collect();
    let about = |gap: &Duration| (Duration::from_secs(18)..=Duration::from_secs(27)).contains(gap);
    assert!(gaps.len() > 15 && gaps.iter().all(about), "{gaps:?}");
    assert!(health.check("generate").await.unwrap().status().is_healthy(), "four seconds are in time");

    for bad in ["yes", "1", "True", "on"] {
        assert_eq!(
            refused("DYN_HEALTH_CHECK_ENABLED", bad),
            "error: `DYN_HEALTH_CHECK_ENABLED` is neither true nor false\n  help: write `true` or `false`"
        );
    }
    for variable in ["DYN_CANARY_WAIT_TIME", "DYN_HEALTH_CHECK_REQUEST_TIMEOUT"] {
        for bad in ["0", "-1", "1.5", "10s", "ten", "31536001", "99999999999999999999999", "1e3"] {
            assert_eq!(
                refused(variable, bad),
                format!(
                    "error: `{variable}` is no number of seconds\n  help: write a whole number of at least 1 and at most a year, without a unit, such as `10`"
                )
            );
        }
        assert!(worker([(variable, "1")]).is_ok() && worker([(variable, "31536000")]).is_ok());
        // Right by itself, and against what the check declares.
        let strict = Health::builder().check_fn(Spec::named("a").idle("5s").max_age("7s"), || async {});
        let error = strict.config(worker([(variable, "60")]).unwrap().config()).build().unwrap_err();
        assert_eq!(error.problems()[0].sources(), [format!("{variable} in the environment")]);
    }
}

fn canary_off() -> Spec {
    Spec::named("off").idle("1h").enabled(false)
}

#[test]
fn everything_that_is_bad_is_listed_at_once_and_no_value_is_repeated() {
    let error = worker_error([
        ("DYN_SYSTEM_STARTING_HEALTH_STATUS", "hunter2"),
        ("DYN_SYSTEM_USE_ENDPOINT_HEALTH_STATUS", "hunter2"),
        ("DYN_SYSTEM_HEALTH_PATH", "hunter2"),
        ("DYN_SYSTEM_LIVE_PATH", "hunter2"),
        ("DYN_HEALTH_CHECK_ENABLED", "hunter2"),
        ("DYN_CANARY_WAIT_TIME", "hunter2"),
        ("DYN_HEALTH_CHECK_REQUEST_TIMEOUT", "hunter2"),
    ]);
    let mut variables: Vec<_> = error.variables().collect();
    variables.sort_unstable();
    assert_eq!(
        variables,
        [
            "DYN_CANARY_WAIT_TIME",
            "DYN_HEALTH_CHECK_ENABLED",
            "DYN_HEALTH_CHECK_REQUEST_TIMEOUT",
            "DYN_SYSTEM_HEALTH_PATH",
            "DYN_SYSTEM_LIVE_PATH",
            "DYN_SYSTEM_STARTING_HEALTH_STATUS",
            "DYN_SYSTEM_USE_ENDPOINT_HEALTH_STATUS",
        ]
    );
    let printed = error.to_string();
    assert_eq!(printed.matches("error: `DYN_").count(), 7);
    assert_eq!(printed.matches("\n  help: write ").count(), 7);
    // What `main` prints, of this and of the error it may become.
    assert_eq!(format!("{error:?}"), format!("\n{printed}"));
    let io = std::io::Error::from(error);
    assert_eq!((io.kind(), io.to_string()), (std::io::ErrorKind::InvalidInput, printed.clone()));
    assert!(!printed.contains("hunter2"), "{printed}");
}

#[cfg(unix)]
#[test]
fn what_is_no_text_is_bad_and_the_last_of_several_counts() {
    use std::os::unix::ffi::OsStringExt as _;
    let bytes = OsString::from_vec(vec![0xff]);
    let error = Dynamo::worker_from_vars([("DYN_CANARY_WAIT_TIME", bytes.clone())]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "error: `DYN_CANARY_WAIT_TIME` is no UTF-8\n  help: write text, or unset the variable"
    );
    // Of others it is no concern of ours.
    let others = [(bytes.clone(), bytes), ("DYN_OTHER".into(), OsString::from_vec(vec![0xfe]))];
    assert!(Dynamo::worker_from_vars(others).is_ok());
    assert!(worker([("DYN_CANARY_WAIT_TIME", "bad"), ("DYN_CANARY_WAIT_TIME", "10")]).is_ok());
    assert!(worker([("DYN_CANARY_WAIT_TIME", "10"), ("DYN_CANARY_WAIT_TIME", "bad")]).is_err());
}

#[tokio::test]
async fn what_reaches_no_builder_is_said_once_when_it_is_mounted() {
    logs::record();
    let health = Health::builder().build().unwrap().start();
    let told = |words: &str| logs::lines_with(&["ERROR", "do nothing", words]).len();
    let mount = |dynamo: Dynamo| endpoints(health.clone()).dialect(dynamo);
    code(&mount(worker([]).unwrap()), "/health").await;
    let known = worker([("DYN_CANARY_WAIT_TIME", "17")]).unwrap();
    drop(known.config());
    code(&mount(known), "/health").await;
    code(&mount(worker([("DYN_SYSTEM_STARTING_HEALTH_STATUS", "ready")]).unwrap()), "/health").await;
    assert_eq!(told(""), 0);
    let forgotten = worker([("DYN_CANARY_WAIT_TIME", "17"), ("DYN_HEALTH_CHECK_ENABLED", "true")]).unwrap();
    for _ in 0..3 {
        // Each time another application, as every worker has its own.
        code(&mount(forgotten.clone()), "/health").await;
    }
    assert_eq!(told("DYN_HEALTH_CHECK_ENABLED, DYN_CANARY_WAIT_TIME"), 1);
}
