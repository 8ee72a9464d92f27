//! What the application reports by itself counts, expires, and never outranks what was stamped later.

use std::time::Duration;

use health_core::{
    Ended, Entry, Exposure, Failure, Health, Phase, Probe, ProblemKind, Report, Reporter, Spec, Status,
    Unknown,
};
use tokio::time::{Instant, sleep, sleep_until};

const MS: Duration = Duration::from_millis(1);

fn consumer() -> Reporter {
    Reporter::new(Spec::named("consumer").max_age("2m"))
}

fn started(reporter: &Reporter) -> Health {
    Health::builder().reporter(reporter).build().unwrap().start()
}

async fn ready(health: &Health) -> Report {
    let asked = Instant::now();
    let report = health.report(Probe::Ready).await;
    assert_eq!(asked.elapsed(), Duration::ZERO, "there is nothing to wait for");
    assert_eq!(report.status(), health.status(Probe::Ready));
    report
}

fn only(report: &Report) -> &Entry {
    assert_eq!(report.entries().len(), 1);
    &report.entries()[0]
}

#[tokio::test(start_paused = true)]
async fn each_way_to_report_says_what_its_name_says() {
    let reporter = consumer();
    let health = started(&reporter);
    let report = ready(&health).await;
    assert_eq!((report.status(), only(&report).status()), (Status::Unhealthy, Err(Unknown::Pending)));

    reporter.healthy();
    let report = ready(&health).await;
    assert_eq!((report.status(), only(&report).summary()), (Status::Healthy, None));
    assert_eq!(only(&report).ended(), Some(Ended::Returned(Status::Healthy)));
    assert_eq!(only(&report).last_success(), only(&report).at());
    assert_eq!(only(&report).duration(), Some(Duration::ZERO));

    reporter.degraded("the queue is long");
    let report = ready(&health).await;
    assert_eq!((report.status(), only(&report).summary()), (Status::Degraded, Some("the queue is long")));

    reporter.unhealthy("postgres://app:hunter2@db/orders: refused");
    let report = ready(&health).await;
    assert_eq!((report.status(), only(&report).ended()), (Status::Unhealthy, Some(Ended::Error)));
    assert_eq!(only(&report).cause(), Some("postgres://app:***@db/orders: refused"));
    assert_eq!(only(&report).last_failure(), only(&report).at());
    let public = serde_json::to_value(report.view(Exposure::Checks)).unwrap();
    assert_eq!(public["checks"][0]["summary"], "failed");
    assert!(!public.to_string().contains("refused"));

    reporter.unhealthy(Failure::new("the broker is gone"));
    assert_eq!(only(&ready(&health).await).summary(), Some("the broker is gone"));
}

#[tokio::test(start_paused = true)]
async fn idle_is_well_and_no_success() {
    let reporter = consumer();
    let health = started(&reporter);
    reporter.idle();
    let report = ready(&health).await;
    assert_eq!((report.status(), only(&report).summary()), (Status::Healthy, Some("idle")));
    assert_eq!(only(&report).last_success(), None, "nothing was done");
    reporter.healthy();
    let success = only(&ready(&health).await).last_success();
    assert!(success.is_some());
    reporter.unhealthy("refused");
    reporter.idle();
    let report = ready(&health).await;
    assert_eq!((report.status(), only(&report).last_success()), (Status::Healthy, success));
}

#[tokio::test(start_paused = true)]
async fn a_beat_says_that_it_is_still_so() {
    let reporter = consumer();
    let health = started(&reporter);
    reporter.beat();
    let report = ready(&health).await;
    assert_eq!((report.status(), only(&report).last_success()), (Status::Healthy, None), "alive at least");
    for status in [Status::Degraded, Status::Unhealthy, Status::Healthy] {
        match status {
            Status::Healthy => reporter.healthy(),
            Status::Degraded => reporter.degraded("the queue is long"),
            Status::Unhealthy => reporter.unhealthy("refused"),
        }
        let before = ready(&health).await;
        // Far beyond what one report is good for.
        for _ in 0..10 {
            sleep(Duration::from_secs(60)).await;
            reporter.beat();
        }
        let report = ready(&health).await;
        let said = |report: &Report| {
            let entry = only(report);
            (entry.summary().map(str::to_owned), entry.cause().map(str::to_owned), entry.last_success())
        };
        assert_eq!((report.status(), said(&report)), (status, said(&before)), "and no other success");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_reported_expires() {
    let reporter = consumer();
    let health = started(&reporter);
    for _ in 0..2 {
        let reported = Instant::now();
        reporter.healthy();
        sleep_until(reported + Duration::from_secs(120)).await;
        assert_eq!(ready(&health).await.status(), Status::Healthy, "it is as old as it may be");
        sleep(MS).await;
        assert_eq!(health.status(Probe::Ready), Status::Unhealthy);
        let report = ready(&health).await;
        assert_eq!((report.status(), only(&report).status()), (Status::Unhealthy, Err(Unknown::Stale)));
    }
}

#[tokio::test(start_paused = true)]
async fn it_counts_from_when_it_was_reported_also_before_the_start() {
    let reporter = consumer();
    let reported = Instant::now();
    reporter.healthy();
    sleep(Duration::from_secs(100)).await;
    let health = started(&reporter);
    assert_eq!(ready(&health).await.status(), Status::Healthy);
    sleep_until(reported + Duration::from_secs(120) + MS).await;
    assert_eq!(ready(&health).await.status(), Status::Unhealthy);
    // A beat before the start is one as well, and two engines hear the same.
    reporter.degraded("slow");
    sleep(Duration::from_secs(100)).await;
    reporter.beat();
    sleep(Duration::from_secs(100)).await;
    let second = started(&reporter);
    assert_eq!(
        (ready(&health).await.status(), ready(&second).await.status()),
        (Status::Degraded, Status::Degraded)
    );
    drop(health);
    reporter.healthy();
    assert_eq!(ready(&second).await.status(), Status::Healthy);
}

#[tokio::test(start_paused = true)]
async fn it_joins_startup_like_any_other() {
    let reporter = Reporter::new(Spec::named("warm").probe([Probe::Startup, Probe::Ready]).max_age("1h"));
    let health = started(&reporter);
    sleep(Duration::from_secs(600)).await;
    assert_eq!(health.phase(), Phase::Starting);
    assert_eq!(health.report(Probe::Startup).await.waiting_for(), ["startup:warm"]);
    reporter.healthy();
    assert_eq!(health.report(Probe::Startup).await.status(), Status::Healthy);
    assert_eq!(health.phase(), Phase::Running);
}

/// Whoever waits for startup does not have to ask.
#[tokio::test(start_paused = true)]
async fn what_is_reported_passes_startup_by_itself() {
    let reporter = Reporter::new(Spec::named("warm").probe(Probe::Startup).max_age("1h"));
    let health = started(&reporter);
    reporter.healthy();
    sleep(MS).await;
    assert_eq!(health.phase(), Phase::Running);
}

#[test]
fn what_has_no_run_must_say_how_long_it_counts_and_nothing_about_runs() {
    let problems = |spec: Spec| {
        let error = Health::builder().reporter(&Reporter::new(spec)).build().unwrap_err();
        assert!(error.problems().iter().all(|problem| problem.kind() == ProblemKind::Spec), "{error}");
        assert!(error.to_string().contains("evidence_is_pushed.rs"), "{error}");
        error.problems().iter().map(|problem| problem.message().to_owned()).collect::<Vec<_>>()
    };
    let missing = problems(Spec::named("consumer"));
    assert!(missing.len() == 1 && missing[0].contains("max_age"), "{missing:?}");
    let whole = || Spec::named("consumer").max_age("1s");
    for (key, spec) in [
        ("timeout", whole().timeout("1ms")),
        ("interval", whole().interval("1ms")),
        ("interval", whole().interval("never")),
        ("cache", whole().cache("1ms")),
        ("backoff", whole().backoff("1m")),
        ("idle", whole().idle("1ms")),
    ] {
        let said = problems(spec);
        assert!(said.len() == 1 && said[0].contains(&format!("`{key}`")), "{key}: {said:?}");
    }
    let all = Spec::named("consumer").timeout("1s").interval("1s").cache("1s").backoff("1m");
    assert_eq!(problems(all).len(), 5, "all at once");
    assert!(Health::builder().reporter(&Reporter::new(whole().failure_threshold(3))).build().is_ok());
    // It is a name like any other.
    let twice = Health::builder().reporter(&consumer()).check_fn(Spec::named("consumer"), || async {});
    assert_eq!(twice.build().unwrap_err().problems()[0].kind(), ProblemKind::DoubledName);
}

#[test]
fn many_threads_report_and_the_last_one_counts() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let reporter = consumer();
    let health = runtime.block_on(async { started(&reporter) });
    std::thread::scope(|scope| {
        for n in 0..8 {
            let (reporter, health) = (reporter.clone(), health.clone());
            scope.spawn(move || {
                for turn in 0..2_000 {
                    match (n + turn) % 4 {
                        0 => reporter.healthy(),
                        1 => reporter.degraded("slow"),
                        2 => reporter.unhealthy("refused"),
                        _ => reporter.beat(),
                    }
                    // Whatever it is, it can be looked at.
                    let _ = health.status(Probe::Ready);
                }
            });
        }
    });
    for status in [Status::Degraded, Status::Healthy] {
        if status == Status::Healthy {
            reporter.healthy()
        } else {
            reporter.degraded("the last")
        }
        assert_eq!(health.status(Probe::Ready), status);
        assert_eq!(runtime.block_on(health.report(Probe::Ready)).status(), status);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reporter_keeps_no_engine_alive() {
    let witness = std::sync::Arc::new(());
    let weak = std::sync::Arc::downgrade(&witness);
    let reporter = consumer();
    let holds = |_| async {};
    let held = Health::builder().reporter(&reporter).check_with(Spec::named("holds"), witness.clone(), holds);
    let canary = Spec::named("canary").idle("1m");
    let canary = Health::builder().check_with(canary, witness, holds).build().unwrap();
    let (health, canary) = (held.build().unwrap().start(), canary.start());
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let of_canary = canary.reporter("canary").unwrap();
    health.report(Probe::Ready).await;
    drop((health, canary));
    sleep(MS).await;
    assert_eq!((weak.strong_count(), tasks()), (0, 0));
    reporter.healthy();
    reporter.beat();
    of_canary.unhealthy("nobody hears it");
    of_canary.beat();
}

#[tokio::test(start_paused = true)]
async fn only_what_hears_reports_has_a_reporter() {
    let reporter = consumer();
    let health = Health::builder()
        .reporter(&reporter)
        .check_fn(Spec::named("plain"), || async {})
        .check_fn(Spec::named("canary").idle("1m"), || async {})
        .build()
        .unwrap()
        .start();
    assert!(health.reporter("plain").is_none() && health.reporter("nobody").is_none());
    assert!(health.reporter("canary").is_some());
    // The one from the handle is the same check, and no second name.
    health.reporter("consumer").unwrap().degraded("said through the handle");
    let report = health.report(Probe::Ready).await;
    assert_eq!(report.entry("consumer").unwrap().summary(), Some("said through the handle"));
    assert_eq!(report.entries().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn one_that_falls_silent_while_a_threshold_holds_it_up_is_told_to_be_silent() {
    let spec = Spec::named("consumer").max_age("1m").failure_threshold(2);
    let reporter = Reporter::new(spec);
    let health = started(&reporter);
    reporter.healthy();
    sleep(MS * 50_000).await;
    reporter.degraded("the queue is long");
    sleep(MS * 120_000).await;
    assert_eq!(health.status(Probe::Ready), Status::Unhealthy);
    let history = health.history("consumer").unwrap();
    let told: Vec<_> = history
        .transitions()
        .iter()
        .map(|transition| match transition.change() {
            health_core::Change::Check { to, .. } => *to,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, [Ok(Status::Healthy), Ok(Status::Degraded), Err(Unknown::Stale)]);
    assert!(health.time_in(Probe::Ready).spent(Status::Unhealthy) > MS * 50_000, "and so is the probe");
}

#[tokio::test]
async fn the_reporter_of_another_health_is_a_problem() {
    let health =
        Health::builder().check_fn(Spec::named("c").idle("10s"), || async {}).build().unwrap().start();
    let borrowed = health.reporter("c").unwrap();
    let error = Health::builder().reporter(&borrowed).build().unwrap_err().to_string();
    assert!(
        error.contains("a check in another `Health`") && error.contains("evidence_is_pushed.rs"),
        "{error}"
    );
}
