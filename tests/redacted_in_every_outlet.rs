//! Rule 13: whatever an application writes at run time goes through one place before it leaves, by whichever way it
//! came in and by whichever it leaves.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use health_core::{Exposure, Failure, Health, HealthConfig, Outcome, Probe, Reporter, Spec};
use health_tests::logs;

/// One text with a secret in every kind of notation; none of them says anything else.
const PLANTED: &[&str] = &[
    "postgres://app:hunter2-planted@db/orders",
    "nats://hunter2-planted@nats:4222",
    "host=db password='hunter2-planted x' user=app",
    r#"{\"token\":\"hunter2-planted\"}"#,
    "Authorization: Digest username=\"u\", response=\"hunter2-planted\"",
    "https://api/x?sig=hunter2-planted&n=1",
    "run --password hunter2-planted",
    "ghp_hunter2planted0123456789",
    "Config { password: Some(\"hunter2-planted\") }",
];

/// What is found wherever one of them was left.
fn is_in(said: &str) -> bool {
    said.contains("hunter2")
}

fn panics(payload: impl Send + 'static) {
    std::panic::panic_any(payload);
}

/// Everything that was said about a running health, by every way out.
async fn outlets(health: &Health, name: &str) -> Vec<String> {
    let mut said = Vec::new();
    let reports =
        [health.report(Probe::Ready).await, health.overview().await, health.check(name).await.unwrap()];
    for report in &reports {
        for exposure in [Exposure::Status, Exposure::Checks, Exposure::Full] {
            let view = report.view(exposure);
            said.extend([serde_json::to_string(&view).unwrap(), view.text(), format!("{view:?}")]);
        }
        said.push(format!("{report:?} {:?}", report.entries()));
        for entry in report.entries() {
            said.push(format!(
                "{entry:?} {:?} {:?} {:?}",
                entry.summary(),
                entry.cause(),
                entry.mute_reason()
            ));
            said.push(format!("{:?}", entry.data()));
        }
    }
    said.push(format!("{:?}", health.history(name)));
    said.push(format!("{health:?}"));
    said
}

#[tokio::test]
async fn by_every_way_in_and_every_way_out() {
    std::panic::set_hook(Box::new(|info| match info.payload_as_str() {
        Some(expected) if expected.contains("hunter2") => {}
        _ => eprintln!("{info}"),
    }));
    logs::record();
    for (number, planted) in PLANTED.iter().copied().enumerate() {
        let name = |kind: &str| format!("{kind}-{number}");
        let reporter = Reporter::new(Spec::named(name("reported")).max_age("2m"));
        let beyond = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&beyond);
        let health = Health::builder()
            .check_fn(Spec::named(name("error")), move || async move { Err::<(), _>(planted.to_owned()) })
            .check_fn(Spec::named(name("source")), move || async move {
                Err::<(), _>(Failure::new("a face").because(std::io::Error::other(planted)))
            })
            .check_fn(Spec::named(name("face")), move || async move {
                Err::<(), _>(Failure::new(format!("lost: {planted}")))
            })
            .check_fn(Spec::named(name("summary")), move || async move {
                Outcome::degraded(format!("slow: {planted}"))
            })
            .check_fn(Spec::named(name("data")), move || async move {
                Outcome::healthy()
                    .data(planted.to_owned(), 1)
                    .data("plain", planted)
                    .data("deep", serde_json::json!([{ planted: [planted] }, { "db-password": "hunter2" }]))
                    .data("api_key", "hunter2")
                    .data("pin_code_secret", 1_234_567)
            })
            .check_fn(Spec::named(name("panic")), move || async move { panics(planted.to_owned()) })
            .check_blocking(Spec::named(name("thread")), move || panics(planted))
            .reporter(&reporter)
            .observe(move |transition| {
                let _ = writeln!(heard.lock().unwrap(), "{transition:?}");
                std::panic::panic_any(planted);
            })
            .build()
            .unwrap()
            .start();
        let mut subscription = health.subscribe();
        reporter.degraded(format!("reported {planted}"));
        reporter.unhealthy(planted);
        let kinds = ["error", "source", "face", "summary", "data", "panic", "thread", "reported"];
        let mut said = Vec::new();
        for kind in kinds {
            health.mute(&name(kind), "1m", format!("known: {planted}")).unwrap();
            said.extend(outlets(&health, &name(kind)).await);
        }
        drop(health);
        while let Some(transition) = subscription.next().await {
            said.push(format!("{transition:?}"));
        }
        while Arc::strong_count(&beyond) > 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        said.push(beyond.lock().unwrap().clone());
        said.extend(logs::lines_with(&[&format!("-{number}")]));
        said.extend(logs::lines_with(&["an observer panicked"]));

        let leaks: Vec<_> = said.iter().filter(|said| is_in(said) || said.contains("1234567")).collect();
        assert!(leaks.is_empty(), "{planted} in {leaks:#?}");
        // What is hidden must have been there to be hidden.
        for kind in kinds {
            let about = said.iter().filter(|said| said.contains(&name(kind)) && said.contains("***"));
            assert!(about.count() > 1, "{planted} by {kind}");
        }
        for way in ["an observer panicked", "check muted", "check changed", "Muted", "Check {"] {
            assert!(said.iter().any(|said| said.contains(way) && said.contains("***")), "{planted} by {way}");
        }
    }
}

#[test]
fn what_is_printed_before_it_is_observed() {
    for planted in PLANTED {
        let outcome = Outcome::degraded(format!("slow: {planted}")).data(planted.to_string(), 1);
        let failure = Failure::new(format!("lost: {planted}")).because(*planted);
        for printed in [format!("{outcome:?}"), format!("{failure:?}")] {
            assert!(!is_in(&printed) && printed.contains("***"), "{printed}");
        }
    }
}

#[test]
fn names_and_settings_that_are_refused() {
    logs::record();
    for planted in PLANTED {
        let config: HealthConfig = serde_json::from_value(serde_json::json!({
            "defaults": { "timeout": planted, *planted: "1s" },
            "checks": { *planted: { "timeout": "1s" }, "a": { "interval": planted, "probe": [planted, planted] } },
        }))
        .unwrap();
        let variables = [
            ("HEALTH_CHECKS__A__TIMEOUT", planted.to_string()),
            ("HEALTH_CHECKS__A__PASSWORD", "hunter2".into()),
        ];
        let refused = Health::builder()
            .check_fn(Spec::named("a"), || async {})
            .check_fn(Spec::named(planted.to_string()), || async {})
            .check_fn(
                Spec::named("b").group(planted.to_string()).depends_on([planted.to_string()]),
                || async {},
            )
            .require([planted.to_string()])
            .config(config)
            .config(HealthConfig::from_vars(variables))
            .build()
            .unwrap_err();
        assert!(refused.problems().len() > 5, "{refused}");
        assert!(!is_in(&refused.to_string()), "{refused}");
    }
}
