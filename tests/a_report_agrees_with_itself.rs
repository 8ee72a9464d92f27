//! A report is one look: its verdict is what its own entries say, also while everything changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use health_core::{Health, Outcome, Probe, Report, Scope, Spec, Status};

/// The verdict of checks without groups, from what is listed.
fn listed(report: &Report) -> Status {
    let weigh = |entry: &health_core::Entry| match entry.status() {
        Ok(Status::Unhealthy) if !entry.is_critical() => Status::Degraded,
        Ok(status) => status,
        Err(_) => Status::Unhealthy,
    };
    Status::worst(report.entries().iter().map(weigh))
}

/// Every run says something else than the one before.
fn flaps(turn: &Arc<AtomicUsize>) -> impl Fn() -> std::future::Ready<Outcome> + Send + Sync + use<> {
    let turn = Arc::clone(turn);
    move || std::future::ready(Outcome::of(Status::ALL[turn.fetch_add(1, Ordering::Relaxed) % 3]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_verdict_is_what_the_entries_say() {
    let turn = Arc::new(AtomicUsize::new(0));
    let mut builder = Health::builder();
    for (n, critical) in [true, false, true, false].into_iter().enumerate() {
        let probes = [Probe::Ready, if n < 2 { Probe::Live } else { Probe::Ready }];
        let spec = Spec::named(format!("flaps-{n}")).critical(critical).scope(Scope::Local).probe(probes);
        // Every poll asks anew.
        let spec = spec.cache(Duration::from_nanos(1));
        builder = builder.check_fn(spec, flaps(&turn));
    }
    let health = builder.build().unwrap().start();
    let asking = |whole: bool| {
        let health = health.clone();
        tokio::spawn(async move {
            for _ in 0..5_000 {
                let report = if whole { health.overview().await } else { health.report(Probe::Ready).await };
                assert_eq!(report.status(), listed(&report), "{report:?}");
                let failing = report.failing().count();
                assert_eq!(failing > 0, report.status() != Status::Healthy, "{report:?}");
            }
        })
    };
    for asked in [true, true, false, false].map(asking) {
        asked.await.unwrap();
    }
    assert!(turn.load(Ordering::Relaxed) > 4_000, "it changed all the time: {turn:?}");
}
