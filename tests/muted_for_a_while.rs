//! A mute caps what a check may do to the whole, for a while, and hides nothing.

use std::time::{Duration, SystemTime};

use health_core::{Exposure, Gate, Health, MuteError, Probe, Report, Reporter, Spec, Status, Unknown};
use health_tests::scripts::Script;
use tokio::time::{Instant, sleep, sleep_until};

const MS: Duration = Duration::from_millis(1);

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// One check that fails, and a script to mend it.
async fn failing() -> (Health, Script) {
    let script = Script::new(Status::Unhealthy);
    let health = Health::builder().check_fn(Spec::named("database"), script.check()).build().unwrap().start();
    assert_eq!(health.report(Probe::Ready).await.status(), Status::Unhealthy);
    (health, script)
}

fn muted_until(report: &Report) -> Option<SystemTime> {
    report.entry("database").unwrap().muted_until()
}

fn in_json(report: &Report) -> Option<String> {
    let json = serde_json::to_value(report.view(Exposure::Checks)).unwrap();
    json["checks"][0]["muted_until"].as_str().map(str::to_owned)
}

#[tokio::test(start_paused = true)]
async fn it_caps_the_weight_at_degraded_and_hides_nothing() {
    let (health, script) = failing().await;
    let before = SystemTime::now();
    health.mute("database", "10m", "the disk is being replaced, password=hunter2hunter2").unwrap();
    assert_eq!(health.status(Probe::Ready), Status::Degraded, "at once");
    let report = health.report(Probe::Ready).await;
    let entry = report.entry("database").unwrap();
    assert_eq!((report.status(), entry.contribution()), (Status::Degraded, Status::Degraded));
    assert_eq!((entry.status(), entry.raw()), (Ok(Status::Unhealthy), Ok(Status::Unhealthy)));
    assert_eq!(report.failing().collect::<Vec<_>>(), ["database"]);
    assert!(entry.mute_reason().unwrap().starts_with("the disk is being replaced"));
    assert!(!entry.mute_reason().unwrap().contains("hunter2"), "{:?}", entry.mute_reason());
    let until = muted_until(&report).unwrap();
    assert!(until >= before + s(600) && until <= SystemTime::now() + s(600));
    let shown = in_json(&report).unwrap();
    assert_eq!(shown.len(), "2025-11-21T06:00:00.042Z".len(), "{shown}");
    assert_eq!(health.overview().await.status(), Status::Degraded);
    assert_eq!(
        health.check("database").await.unwrap().entry("database").unwrap().status(),
        Ok(Status::Unhealthy)
    );
    // It caps; it does not set.
    script.says(Status::Healthy);
    sleep(s(12)).await;
    assert_eq!(health.status(Probe::Ready), Status::Healthy);
}

#[tokio::test(start_paused = true)]
async fn it_ends_by_itself() {
    let (health, _script) = failing().await;
    let began = Instant::now();
    health.mute("database", "10m", "known").unwrap();
    // A report is kept for as long as it is true, and no longer.
    while began.elapsed() < s(600) - 2 * MS {
        assert_eq!(health.status(Probe::Ready), Status::Degraded, "{:?}", began.elapsed());
        assert_eq!(health.report(Probe::Ready).await.status(), Status::Degraded);
        sleep(MS * 317).await;
        if began.elapsed() > s(599) {
            sleep_until(began + s(600) - MS).await;
        }
    }
    sleep_until(began + s(600) + MS).await;
    assert_eq!(health.status(Probe::Ready), Status::Unhealthy);
    let report = health.report(Probe::Ready).await;
    assert_eq!((report.status(), muted_until(&report), in_json(&report)), (Status::Unhealthy, None, None));
    assert!(!health.unmute("database"), "there is none any more");
}

#[tokio::test(start_paused = true)]
async fn it_is_ended_before_its_time() {
    let (health, _script) = failing().await;
    assert!(!health.unmute("database"));
    health.mute("database", "10m", "known").unwrap();
    assert!(health.unmute("database"));
    assert_eq!(health.status(Probe::Ready), Status::Unhealthy, "at once");
    assert_eq!(muted_until(&health.report(Probe::Ready).await), None);
    assert!(!health.unmute("database"));
}

#[tokio::test(start_paused = true)]
async fn a_second_mute_replaces_the_first() {
    for (first, second) in [(s(60), s(600)), (s(600), s(60))] {
        let (health, _script) = failing().await;
        health.mute("database", first, "first").unwrap();
        sleep(s(30)).await;
        let began = Instant::now();
        health.mute("database", second, "second").unwrap();
        assert_eq!(
            health.report(Probe::Ready).await.entry("database").unwrap().mute_reason(),
            Some("second")
        );
        sleep_until(began + second - MS).await;
        assert_eq!(
            health.status(Probe::Ready),
            Status::Degraded,
            "the end of the first is none of the second"
        );
        sleep_until(began + second + MS).await;
        assert_eq!(health.status(Probe::Ready), Status::Unhealthy);
        sleep(s(600)).await;
        assert_eq!(health.status(Probe::Ready), Status::Unhealthy);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_unknown_is_muted_too_and_what_is_no_check_is_not() {
    let reporter = Reporter::new(Spec::named("database").max_age("1m"));
    let gate = Gate::new("migrations");
    let health = Health::builder().reporter(&reporter).gate(&gate).build().unwrap().start();
    health.mute("database", "1h", "known").unwrap();
    assert_eq!(health.status(Probe::Ready), Status::Unhealthy, "the gate is closed");
    gate.open();
    let report = health.report(Probe::Ready).await;
    assert_eq!(report.status(), Status::Degraded);
    assert_eq!(report.entry("database").unwrap().status(), Err(Unknown::Pending));
    reporter.healthy();
    assert_eq!(health.status(Probe::Ready), Status::Healthy);
    sleep(s(61)).await;
    assert_eq!(health.status(Probe::Ready), Status::Degraded, "stale");
    health.drain();
    assert_eq!(health.status(Probe::Ready), Status::Unhealthy, "draining");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_muted_says_why() {
    let (health, _script) = failing().await;
    let unknown = health.mute("databse", "1m", "known").unwrap_err();
    assert_eq!(unknown, MuteError::UnknownCheck { name: "databse".into(), nearest: Some("database".into()) });
    assert!(unknown.to_string().contains("did you mean `database`?"), "{unknown}");
    let far = health.mute("something-else", "1m", "known").unwrap_err();
    assert!(far.to_string().contains("`something-else`"), "{far}");
    for period in ["0s", "soon", "2y"] {
        let error = health.mute("database", period, "known").unwrap_err();
        assert!(matches!(&error, MuteError::Period(text) if text.contains("write a duration")), "{error}");
    }
    assert!(!health.unmute("databse"));
    assert_eq!(health.status(Probe::Ready), Status::Unhealthy, "nothing was muted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_ends_takes_nothing_of_the_next() {
    let health = Health::builder().check_fn(Spec::named("database"), || async {}).build().unwrap().start();
    for turn in 0..10_000 {
        health.mute("database", Duration::from_nanos(1), "ends at once").unwrap();
        for _ in 0..turn % 64 {
            std::hint::spin_loop();
        }
        health.mute("database", "1h", "goes on").unwrap();
        std::thread::sleep(Duration::from_micros(50));
        assert!(health.unmute("database"), "in turn {turn}");
    }
}
