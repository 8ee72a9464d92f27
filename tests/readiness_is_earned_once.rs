//! Rule 11: startup passes once, by the engine's own effort; gates and draining hold ready.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use health_core::{Exposure, Gate, Health, HealthBuilder, Outcome, Phase, Probe, Scope, Spec, Status};
use tokio::time::{Instant, advance, sleep};

#[derive(Clone)]
struct Switch {
    well: Arc<AtomicBool>,
    runs: Arc<AtomicUsize>,
}

impl Switch {
    fn new(well: bool) -> Self {
        Self { well: Arc::new(AtomicBool::new(well)), runs: Arc::default() }
    }

    fn set(&self, well: bool) {
        self.well.store(well, Ordering::SeqCst);
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }

    fn check(&self) -> impl Fn() -> std::future::Ready<Outcome> + Send + Sync + use<> {
        let this = self.clone();
        move || {
            this.runs.fetch_add(1, Ordering::SeqCst);
            let well = this.well.load(Ordering::SeqCst);
            std::future::ready(if well { Outcome::healthy() } else { Outcome::unhealthy("not yet") })
        }
    }
}

fn startup(name: &'static str) -> Spec {
    Spec::named(name).probe(Probe::Startup)
}

#[tokio::test(start_paused = true)]
async fn only_ready_is_ever_polled_and_it_still_becomes_ready() {
    let schema = Switch::new(false);
    let health = Health::builder().check_fn(startup("schema"), schema.check()).build().unwrap().start();
    let report = health.report(Probe::Ready).await;
    assert_eq!((report.status(), report.phase()), (Status::Unhealthy, Phase::Starting));
    assert_eq!(report.waiting_for(), ["startup:schema"]);
    sleep(Duration::from_secs(1)).await;
    schema.set(true);
    sleep(Duration::from_secs(5)).await;
    let report = health.report(Probe::Ready).await;
    assert_eq!((report.status(), report.phase()), (Status::Healthy, Phase::Running));
    assert!(report.waiting_for().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_tries_come_after_a_quarter_of_a_second_doubling_to_five() {
    let schema = Switch::new(false);
    let _health = Health::builder().check_fn(startup("schema"), schema.check()).build().unwrap().start();
    let began = Instant::now();
    // 0, 0.25, 0.75, 1.75, 3.75, 7.75, 12.75, 17.75 s
    for (at_ms, runs) in [
        (100, 1),
        (300, 2),
        (800, 3),
        (1_800, 4),
        (3_800, 5),
        (7_800, 6),
        (12_800, 7),
        (17_700, 7),
        (17_800, 8),
    ] {
        tokio::time::sleep_until(began + Duration::from_millis(at_ms)).await;
        assert_eq!(schema.runs(), runs, "after {at_ms} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn after_it_has_passed_startup_runs_nothing_and_stays_healthy() {
    let schema = Switch::new(true);
    let spec = startup("schema").probe([Probe::Startup, Probe::Ready]);
    let only_startup = Switch::new(true);
    let health = Health::builder()
        .check_fn(spec, schema.check())
        .check_fn(startup("only-startup"), only_startup.check())
        .build()
        .unwrap()
        .start();
    assert_eq!(health.report(Probe::Startup).await.status(), Status::Healthy);
    let runs = schema.runs();
    schema.set(false);
    only_startup.set(false);
    // Nothing else is run before the clock has moved.
    let report = health.report(Probe::Startup).await;
    assert_eq!((report.status(), schema.runs()), (Status::Healthy, runs));
    advance(Duration::from_secs(3600)).await;
    let report = health.report(Probe::Startup).await;
    assert_eq!(report.status(), Status::Healthy);
    assert_eq!(
        report.entry("schema").unwrap().status(),
        Ok(Status::Healthy),
        "as it was when startup passed"
    );
    assert_eq!(
        health.report(Probe::Ready).await.status(),
        Status::Unhealthy,
        "in ready it is a check like any other"
    );
    assert_eq!(health.report(Probe::Startup).await.status(), Status::Healthy);
    sleep(Duration::from_secs(3600)).await;
    assert!(schema.runs() > 300, "in ready it is also run like any other");
    assert_eq!(only_startup.runs(), 1, "what is for startup alone is never run again");
    assert_eq!(health.report(Probe::Startup).await.status(), Status::Healthy);
    assert_eq!(health.phase(), Phase::Running);
}

#[tokio::test(start_paused = true)]
async fn a_failing_check_that_is_not_critical_does_not_hold_startup_but_must_have_been_observed() {
    let (optional, slow) =
        (Switch::new(false), Spec::named("slow").probe(Probe::Startup).critical(false).timeout("10s"));
    let health = Health::builder()
        .check_fn(startup("optional").critical(false), optional.check())
        .check_fn(slow, || sleep(Duration::from_secs(3)))
        .build()
        .unwrap()
        .start();
    let report = health.report(Probe::Startup).await;
    assert_eq!(report.status(), Status::Unhealthy, "`slow` has not been observed");
    assert_eq!(report.waiting_for(), ["startup:slow"]);
    sleep(Duration::from_secs(3)).await;
    assert_eq!(health.report(Probe::Startup).await.status(), Status::Healthy);
}

#[tokio::test]
async fn without_startup_checks_startup_passes_at_once() {
    let health = Health::builder().build().unwrap().start();
    assert_eq!(health.phase(), Phase::Running);
    for probe in Probe::ALL {
        assert_eq!(health.report(probe).await.status(), Status::Healthy, "{probe}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_six_minute_migration_behind_a_gate_never_makes_startup_fail() {
    let migrations = Gate::new("migrations");
    let health = Health::builder().gate(&migrations).build().unwrap().start();
    for _ in 0..36 {
        assert_eq!(health.report(Probe::Startup).await.status(), Status::Healthy);
        let ready = health.report(Probe::Ready).await;
        assert_eq!((ready.status(), ready.phase()), (Status::Unhealthy, Phase::Starting));
        assert_eq!(ready.waiting_for(), ["gate:migrations"]);
        assert_eq!(health.report(Probe::Live).await.status(), Status::Healthy);
        advance(Duration::from_secs(10)).await;
    }
    migrations.open();
    assert_eq!(health.phase(), Phase::Running, "at once");
    assert_eq!(health.report(Probe::Ready).await.status(), Status::Healthy);
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_says_so_holds_startup_too() {
    let schema = Gate::new("schema").holding_startup();
    let health = Health::builder().gate(&schema).build().unwrap().start();
    let report = health.report(Probe::Startup).await;
    assert_eq!((report.status(), report.waiting_for()), (Status::Unhealthy, &["gate:schema".to_owned()][..]));
    schema.clone().open();
    assert!(schema.is_open());
    assert_eq!(health.report(Probe::Startup).await.status(), Status::Healthy);
}

#[tokio::test]
async fn a_gate_dropped_unopened_says_so() {
    let (gate, other) = (Gate::new("migrations"), Gate::new("warm-cache"));
    let health = Health::builder().gate(&gate).gate(&other).build().unwrap().start();
    drop(gate.clone());
    assert_eq!(health.report(Probe::Ready).await.waiting_for(), ["gate:migrations", "gate:warm-cache"]);
    drop(gate);
    let report = health.report(Probe::Ready).await;
    assert_eq!(report.status(), Status::Unhealthy);
    assert_eq!(report.waiting_for(), ["gate:migrations (dropped unopened)", "gate:warm-cache"]);
    let text = report.view(Exposure::Checks).text();
    assert_eq!(
        text,
        "[-]gate migrations (dropped unopened)\n[-]gate warm-cache closed\nready check failed\n"
    );
}

#[tokio::test]
async fn draining_turns_ready_red_at_once_and_nothing_else() {
    let spec = Spec::named("loop").probe([Probe::Live, Probe::Ready, Probe::Startup]).scope(Scope::Local);
    let health = Health::builder().check_fn(spec, || async {}).build().unwrap().start();
    assert_eq!(health.report(Probe::Startup).await.status(), Status::Healthy);
    assert_eq!(health.report(Probe::Ready).await.status(), Status::Healthy);
    health.drain();
    assert_eq!((health.status(Probe::Ready), health.phase()), (Status::Unhealthy, Phase::Draining));
    let ready = health.report(Probe::Ready).await;
    assert_eq!((ready.status(), ready.failing().count()), (Status::Unhealthy, 0));
    assert_eq!(ready.view(Exposure::Checks).text(), "[+]loop ok\n[-]draining\nready check failed\n");
    assert_eq!(health.overview().await.status(), Status::Unhealthy);
    assert_eq!(health.report(Probe::Live).await.status(), Status::Healthy);
    assert_eq!(health.report(Probe::Startup).await.status(), Status::Healthy);
    health.resume();
    assert_eq!((health.status(Probe::Ready), health.phase()), (Status::Healthy, Phase::Running));
}

#[tokio::test(start_paused = true)]
async fn draining_while_starting_does_not_stop_the_start() {
    let schema = Switch::new(false);
    let health = Health::builder().check_fn(startup("schema"), schema.check()).build().unwrap().start();
    health.drain();
    assert_eq!(health.phase(), Phase::Draining);
    health.resume();
    assert_eq!(health.phase(), Phase::Starting);
    health.drain();
    schema.set(true);
    sleep(Duration::from_secs(6)).await;
    assert_eq!(health.report(Probe::Startup).await.status(), Status::Healthy);
    assert_eq!(health.report(Probe::Ready).await.status(), Status::Unhealthy);
    health.resume();
    assert_eq!(health.report(Probe::Ready).await.status(), Status::Healthy);
}

#[tokio::test]
async fn draining_is_no_excuse_for_what_it_does_not_hold() {
    let schema = Gate::new("schema").holding_startup();
    let health =
        Health::builder().gate(&schema).check_fn(Spec::named("a"), || async {}).build().unwrap().start();
    health.drain();
    let startup = health.report(Probe::Startup).await;
    assert_eq!(startup.waiting_for(), ["gate:schema"]);
    assert_eq!(startup.view(Exposure::Checks).text(), "[-]gate schema closed\nstartup check failed\n");
    let alone = health.check("a").await.unwrap();
    assert_eq!(alone.view(Exposure::Checks).text(), "[+]a ok\nhealth check passed\n");
}

#[tokio::test(start_paused = true)]
async fn what_was_for_startup_alone_grows_old_without_a_word() {
    let schema = Switch::new(true);
    let health = Health::builder().check_fn(startup("schema"), schema.check()).build().unwrap().start();
    assert_eq!(health.report(Probe::Startup).await.status(), Status::Healthy);
    let since = health.history("schema").unwrap().since();
    sleep(Duration::from_secs(3600)).await;
    let history = health.history("schema").unwrap();
    assert_eq!(history.transitions().len(), 1, "{:?}", history.transitions());
    assert_eq!(history.since(), since);
}

#[tokio::test(start_paused = true)]
async fn a_view_knows_whether_nothing_but_the_start_holds_it() {
    let only_starting = |health: Health| async move {
        let report = health.report(Probe::Ready).await;
        let seen = Exposure::Status;
        assert_eq!(report.view(seen).is_only_starting(), report.view(Exposure::Full).is_only_starting());
        (report.view(seen).is_starting(), report.view(seen).is_only_starting())
    };
    let gate = Gate::new("g");
    let failing = |spec| Health::builder().check_fn(spec, || async { Status::Unhealthy });
    let pending = || async { std::future::pending::<()>().await };
    let slow = Spec::named("a").timeout("1h");
    let start = |builder: HealthBuilder| builder.gate(&gate).build().unwrap().start();
    assert_eq!(only_starting(start(Health::builder())).await, (true, true));
    assert_eq!(only_starting(start(Health::builder().check_fn(slow, pending))).await, (true, true));
    assert_eq!(only_starting(start(failing(Spec::named("a").critical(false)))).await, (true, true));
    assert_eq!(only_starting(start(failing(Spec::named("a")))).await, (true, false), "it was seen to fail");
    let health = start(Health::builder());
    gate.open();
    assert_eq!(only_starting(health.clone()).await, (false, false));
    health.drain();
    assert_eq!(only_starting(health).await, (false, false));
}
