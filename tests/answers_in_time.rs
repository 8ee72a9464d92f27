//! Rule 4: every answer comes in time, with what is known by then.

use std::future::pending;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use health_core::{Health, Probe, ProblemKind, Scope, Spec, Status};
use tokio::time::{Instant, timeout};

fn hanging(deadline: &str) -> Health {
    let spec = Spec::named("hangs").timeout("1h").probe([Probe::Ready, Probe::Live]).scope(Scope::Local);
    Health::builder().deadline(deadline).check_fn(spec, pending::<()>).build().unwrap().start()
}

async fn elapsed<T>(answer: impl Future<Output = T>) -> (Duration, T) {
    let asked = Instant::now();
    let answer = answer.await;
    (asked.elapsed(), answer)
}

#[tokio::test(start_paused = true)]
async fn the_deadline_answers_although_a_check_hangs() {
    let health = Health::builder().check_fn(Spec::named("hangs").timeout("1h"), pending::<()>);
    let health = health.check_fn(Spec::named("well"), || async {}).build().unwrap().start();
    let (took, report) = elapsed(health.report(Probe::Ready)).await;
    assert_eq!(took, Duration::from_millis(801).min(took).max(Duration::from_millis(800)));
    assert_eq!(report.entry("well").unwrap().status(), Ok(Status::Healthy), "what is known is told");
    assert_eq!(report.failing().collect::<Vec<_>>(), ["hangs"]);
}

#[tokio::test(start_paused = true)]
async fn one_question_may_shorten_the_deadline_and_never_lengthen_it() {
    let health = hanging("300ms");
    let ms = Duration::from_millis;
    for (given, expected) in
        [(ms(100), ms(100)), (ms(900), ms(300)), (Duration::MAX, ms(300)), (ms(0), ms(0))]
    {
        let (took, _) = elapsed(health.report_within(Probe::Ready, given)).await;
        assert!(took >= expected && took <= expected + ms(1), "{given:?} took {took:?}");
        let (took, _) = elapsed(health.overview_within(given)).await;
        assert!(took >= expected && took <= expected + ms(1), "{given:?} took {took:?}");
        let (took, report) = elapsed(health.check_within("hangs", given)).await;
        assert!(report.is_some() && took >= expected && took <= expected + ms(1), "{given:?} took {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_probe_can_have_a_deadline_of_its_own() {
    let spec = Spec::named("hangs").timeout("1h").probe([Probe::Ready, Probe::Live]).scope(Scope::Local);
    let builder = Health::builder().deadline("2s").deadline_of(Probe::Live, Duration::from_millis(50));
    let health = builder.check_fn(spec, pending::<()>).build().unwrap().start();
    assert!(elapsed(health.report(Probe::Live)).await.0 < Duration::from_millis(60));
    assert!(elapsed(health.report(Probe::Ready)).await.0 >= Duration::from_secs(2));
}

#[test]
fn a_deadline_that_is_none_is_a_problem() {
    for bad in ["0s", "soon", "5"] {
        let error = Health::builder().deadline(bad).build().unwrap_err();
        assert!(
            error
                .problems()
                .iter()
                .all(|p| p.kind() == ProblemKind::Spec && p.message().contains("deadline"))
        );
        assert!(error.to_string().contains("answers_in_time.rs"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_run_that_is_past_its_timeout_is_answered_at_once() {
    let (entered, leave) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let barriers = (Arc::clone(&entered), Arc::clone(&leave));
    let blocks = move || {
        barriers.0.wait();
        barriers.1.wait();
    };
    let spec = Spec::named("blocks").timeout("10ms");
    // The deadline is so long that whoever waited for it would be seen.
    let health = Health::builder().deadline("1h").check_blocking(spec, blocks).build().unwrap().start();
    let first = tokio::spawn({
        let health = health.clone();
        async move { health.report(Probe::Ready).await }
    });
    tokio::task::spawn_blocking(move || entered.wait()).await.unwrap();
    assert_eq!(first.await.unwrap().status(), Status::Unhealthy);
    for _ in 0..3 {
        let report = timeout(Duration::from_secs(60), health.report(Probe::Ready)).await.expect("at once");
        assert_eq!(report.entry("blocks").unwrap().summary(), Some("did not answer within 10 ms"));
    }
    leave.wait();
}

/// A poller need not live on Tokio: it borrows the engine's timer.
#[test]
fn a_poller_outside_tokio_is_answered_in_time_too() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let entered = runtime.enter();
    let health = hanging("50ms");
    drop(entered);
    let report = futures::executor::block_on(health.report(Probe::Ready));
    assert_eq!(report.status(), Status::Unhealthy);
}

#[test]
fn a_poller_without_any_timer_left_is_answered_too() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (entered, leave) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let barriers = (Arc::clone(&entered), Arc::clone(&leave));
    let blocks = move || {
        barriers.0.wait();
        barriers.1.wait();
    };
    let health = {
        let _inside = runtime.enter();
        Health::builder().check_blocking(Spec::named("blocks").timeout("1h"), blocks).build().unwrap().start()
    };
    let poller = std::thread::spawn({
        let health = health.clone();
        move || futures::executor::block_on(health.report(Probe::Ready))
    });
    entered.wait();
    runtime.shutdown_background();
    assert_eq!(poller.join().unwrap().status(), Status::Unhealthy);
    let timeless = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(timeless.block_on(health.report(Probe::Ready)).status(), Status::Unhealthy);
    leave.wait();
}
