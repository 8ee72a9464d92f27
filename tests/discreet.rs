//! Rule 13: discreet by default. Secrets are planted wherever an application could leave one, and looked for in
//! everything that leaves.

use std::fmt;

use health_core::{Exposure, Failure, Health, HealthCheck, Outcome, Probe, Spec};
use health_tests::logs;

const PASSWORD: &str = "hunter2-planted";
const TOKEN: &str = "ghp_planted0123456789abcdef";
const PATH: &str = "/srv/planted/customers.db";
const PRIVATE: &str = "planted-for-our-own-code";
const RESOURCE: &str = "PlantedResourceType";

fn dsn() -> String {
    format!("postgres://app:{PASSWORD}@db.internal:5432/orders")
}

/// An error as drivers write them, with a source that says more.
#[derive(Debug)]
struct Driver(std::io::Error);

impl Driver {
    fn new() -> Self {
        Self(std::io::Error::other(format!("token {TOKEN} was refused for {PATH}")))
    }
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot connect to {}", dsn())
    }
}

impl std::error::Error for Driver {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

struct PlantedResourceType;

impl HealthCheck for PlantedResourceType {
    async fn check(&self) -> Result<Outcome, Failure> {
        Err(Driver::new())?
    }
}

fn are_expected() {
    std::panic::set_hook(Box::new(|info| match info.payload_as_str() {
        Some(text) if text.starts_with("postgres://app:") => {}
        _ => eprintln!("{info}"),
    }));
}

fn panics() {
    std::panic::panic_any(format!("{} and {PATH}", dsn()));
}

fn planted() -> Health {
    let data = || async {
        Outcome::degraded("a summary")
            .data("dsn", dsn())
            .data("nested", serde_json::json!({ "list": [TOKEN, PATH], "password": PASSWORD }))
            .private_data("own", PRIVATE)
            .because(Driver::new())
    };
    Health::builder()
        .check(Spec::named("by-question-mark"), PlantedResourceType)
        .check_fn(Spec::named("with-a-face"), || async {
            Err::<(), _>(Failure::new("a face").because(Driver::new()))
        })
        .check_fn(Spec::named("as-text"), || async { Err::<(), _>(format!("{} {TOKEN} {PATH}", dsn())) })
        .check_fn(Spec::named("panic"), || async { panics() })
        .check_blocking(Spec::named("thread-panic"), panics)
        .check_fn(Spec::named("data"), data)
        .check_fn(Spec::named("careless-summary"), || async { Outcome::unhealthy(format!("lost {}", dsn())) })
        .build()
        .unwrap()
        .start()
}

/// Every form in which a report leaves at an exposure.
async fn outlets(health: &Health, exposure: Exposure) -> Vec<String> {
    let mut outlets = Vec::new();
    let reports =
        [health.report(Probe::Ready).await, health.overview().await, health.check("data").await.unwrap()];
    for report in &reports {
        let view = report.view(exposure);
        outlets.push(serde_json::to_string(&view).unwrap());
        outlets.push(view.text());
        outlets.push(format!("{view:?}"));
        outlets.push(format!("{report:?}"));
    }
    outlets
}

#[tokio::test]
async fn planted_secrets_leave_nowhere() {
    are_expected();
    logs::record();
    let health = planted();

    for exposure in [Exposure::Status, Exposure::Checks] {
        for report in [health.report(Probe::Ready).await, health.overview().await] {
            let view = report.view(exposure);
            for outlet in [serde_json::to_string(&view).unwrap(), view.text()] {
                for secret in [PASSWORD, TOKEN, PATH, PRIVATE, RESOURCE, ".rs:"] {
                    assert!(!outlet.contains(secret), "{secret} at {exposure:?} in {outlet}");
                }
            }
        }
    }

    let full = outlets(&health, Exposure::Full).await;
    let logged = logs::lines_with(&[]);
    for said in full.iter().chain(&logged) {
        for secret in [PASSWORD, TOKEN, PRIVATE, RESOURCE] {
            assert!(!said.contains(secret), "{secret} in {said}");
        }
    }
    // What is hidden must have been there to be hidden.
    for (outlet, expected) in [
        (
            &full[0],
            "cannot connect to postgres://app:***@db.internal:5432/orders: token *** was refused for /srv/planted",
        ),
        (
            &full[0],
            r#""data":{"dsn":"postgres://app:***@db.internal:5432/orders","nested":{"list":["***","/srv/planted"#,
        ),
        (&full[1], "[-]with-a-face failed: a face: cannot connect to postgres://app:***@"),
        (&full[1], "[-]panic failed: panicked: postgres://app:***@db.internal:5432/orders and /srv/planted"),
    ] {
        assert!(outlet.contains(expected), "{expected} in {outlet}");
    }
    for name in
        ["by-question-mark", "with-a-face", "as-text", "panic", "thread-panic", "data", "careless-summary"]
    {
        let lines = logs::lines_with(&["check changed", &format!("check={name} ")]);
        // Other tests of this file plant the same.
        assert!(!lines.is_empty() && lines.iter().all(|line| line.contains("***")), "{name}: {lines:?}");
    }
}

#[tokio::test]
async fn what_comes_by_question_mark_has_a_public_face_and_no_more() {
    let health = Health::builder().check(Spec::named("db"), PlantedResourceType).build().unwrap().start();
    let report = health.report(Probe::Ready).await;
    let json = serde_json::to_value(report.view(Exposure::Checks)).unwrap();
    assert_eq!(json["checks"][0]["summary"], "failed");
    assert!(json["checks"][0].get("error").is_none());
    assert_eq!(report.view(Exposure::Checks).text(), "[-]db failed: reason withheld\nready check failed\n");
    assert_eq!(report.view(Exposure::Status).text(), "ready check failed\n");
    assert_eq!(serde_json::to_string(&report.view(Exposure::Status)).unwrap(), r#"{"status":"unhealthy"}"#);
}

#[tokio::test]
async fn private_data_is_there_for_the_application_itself() {
    let health = planted();
    are_expected();
    let report = health.check("data").await.unwrap();
    let own = report.entries()[0].data().iter().find(|datum| datum.name() == "own").unwrap();
    assert!(own.is_private() && own.value() == PRIVATE);
}

#[tokio::test]
async fn a_text_without_end_is_cut() {
    struct Endless;
    impl fmt::Debug for Endless {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            Ok(())
        }
    }
    impl fmt::Display for Endless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            loop {
                f.write_str("no end\r\n")?;
            }
        }
    }
    impl std::error::Error for Endless {}
    let health =
        Health::builder().check_fn(Spec::named("it"), || async { Err::<(), _>(Endless) }).build().unwrap();
    let report = health.start().report(Probe::Ready).await;
    let cause = report.entry("it").unwrap().cause().unwrap();
    assert!(cause.starts_with("no end  no end") && cause.len() <= 1024 && !cause.contains(char::is_control));
}

#[tokio::test]
async fn debug_forms_and_names_of_data_carry_nothing_either() {
    are_expected();
    let data = || async { Outcome::healthy().data(dsn(), 1).data("x", 2) };
    let health = planted();
    for exposure in [Exposure::Status, Exposure::Full] {
        let report = health.report(Probe::Ready).await;
        let printed = format!("{report:?} {:?} {:?}", report.view(exposure), report.entries());
        assert!(!printed.contains("cannot connect") && !printed.contains(PATH), "{printed}");
    }
    let health = Health::builder().check_fn(Spec::named("keys"), data).build().unwrap().start();
    let report = health.report(Probe::Ready).await;
    let json = serde_json::to_string(&report.view(Exposure::Full)).unwrap();
    assert!(json.contains(r#""data":{"postgres://app:***@db.internal:5432/orders":1,"x":2}"#), "{json}");
}
