//! Rule 3: criticality is applied once, after every way a run can end. Every ending, criticality and probe against a
//! model small enough to be checked by eye.

use std::future::pending;
use std::sync::{Arc, Mutex, mpsc};

use futures::future::{BoxFuture, join_all};
use health_core::Status::{Degraded, Healthy, Unhealthy};
use health_core::{Health, HealthBuilder, IntoOutcome, Outcome, Phase, Probe, ProbeSet, Scope, Spec, Status};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    Ok,
    Degraded,
    Unhealthy,
    Error,
    Timeout,
    Panic,
    BlockedThread,
    /// Its timeout is beyond the deadline, so nothing is known in time.
    Never,
}

const ENDINGS: [Ending; 8] = [
    Ending::Ok,
    Ending::Degraded,
    Ending::Unhealthy,
    Ending::Error,
    Ending::Timeout,
    Ending::Panic,
    Ending::BlockedThread,
    Ending::Never,
];

/// What the check itself is; `None` for not observed.
fn own(ending: Ending) -> Option<Status> {
    match ending {
        Ending::Ok => Some(Healthy),
        Ending::Degraded => Some(Degraded),
        Ending::Never => None,
        _ => Some(Unhealthy),
    }
}

/// What each probe says of a process with this one check.
fn model(ending: Ending, critical: bool, joins: Option<Probe>, asked: Probe) -> Status {
    let absent = if joins == Some(Probe::Live) { Healthy } else { Unhealthy };
    let own_or_absent = own(ending).unwrap_or(absent);
    let weight = if critical { own_or_absent } else { own_or_absent.min(Degraded) };
    let passes_startup = joins != Some(Probe::Startup) || (own(ending).is_some() && weight != Unhealthy);
    match asked {
        Probe::Live if joins == Some(Probe::Live) => weight,
        Probe::Live => Healthy,
        Probe::Ready if !passes_startup => Unhealthy,
        Probe::Ready if joins == Some(Probe::Ready) => weight,
        Probe::Ready => Healthy,
        Probe::Startup if passes_startup => Healthy,
        Probe::Startup => Unhealthy,
    }
}

fn run(
    ending: Ending,
    block: mpsc::Receiver<()>,
) -> impl Fn() -> BoxFuture<'static, Result<Outcome, health_core::Failure>> {
    let block = Arc::new(Mutex::new(block));
    move || {
        let block = Arc::clone(&block);
        Box::pin(async move {
            match ending {
                Ending::Ok => ().into_outcome(),
                Ending::Degraded => Ok(Outcome::degraded("so so")),
                Ending::Unhealthy => Ok(Outcome::unhealthy("no")),
                Ending::Error => Err("connection refused".into()),
                Ending::Panic => panic!("on purpose"),
                Ending::Timeout | Ending::Never => pending().await,
                Ending::BlockedThread => {
                    let _released_when_the_sender_is_gone = block.lock().unwrap().recv();
                    Ok(Outcome::healthy())
                }
            }
        })
    }
}

fn system(ending: Ending, critical: bool, joins: Option<Probe>, block: mpsc::Receiver<()>) -> HealthBuilder {
    let timeout = if ending == Ending::Never { "1h" } else { "200ms" };
    let spec = Spec::named("it")
        .critical(critical)
        .timeout(timeout)
        .scope(Scope::Local)
        .probe(joins.map_or(ProbeSet::NONE, ProbeSet::from));
    Health::builder().deadline("600ms").check_fn(spec, run(ending, block))
}

async fn case(ending: Ending, critical: bool, joins: Option<Probe>) {
    let (_release, block) = mpsc::channel();
    let health = system(ending, critical, joins, block).build().unwrap().start();
    let what = format!("{ending:?}, critical: {critical}, joins: {joins:?}");
    // Startup first: once it has passed or been refused, the phase is settled.
    for asked in [Probe::Startup, Probe::Ready, Probe::Live] {
        let report = health.report(asked).await;
        let expected = model(ending, critical, joins, asked);
        assert_eq!(report.status(), expected, "{asked} of {what}");
        assert_eq!(health.status(asked), expected, "{asked} as it stands, of {what}");
    }
    let alone = health.check("it").await.unwrap();
    assert_eq!(alone.status(), own(ending).unwrap_or(Unhealthy), "alone: {what}");
    assert_eq!(
        alone.entry("it").unwrap().status().ok(),
        own(ending),
        "its own entry keeps its status: {what}"
    );
    let startup = model(ending, critical, joins, Probe::Startup);
    assert_eq!(health.phase(), if startup == Healthy { Phase::Running } else { Phase::Starting }, "{what}");
}

#[test]
fn every_ending_in_every_place_is_what_the_model_says() {
    health_tests::panics::are_expected(&["on purpose"]);
    // One worker for each of the checks that block one, and some to work.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(12).enable_all().build().unwrap();
    runtime.block_on(async {
        let places = [Some(Probe::Live), Some(Probe::Ready), Some(Probe::Startup), None];
        let mut cases = Vec::new();
        for ending in ENDINGS {
            for critical in [true, false] {
                cases.extend(places.map(|joins| case(ending, critical, joins)));
            }
        }
        assert_eq!(cases.len(), 64);
        join_all(cases).await;
    });
}
