//! The options of endpoints: codes, deadlines, and what is said about a poller that is set up to be hurt.

use std::future::pending;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::test;
use health_actix::{Endpoints, endpoints};
use health_core::{Exposure, Health, Spec, Status};
use health_tests::asking::{ask_with, get, of_status};
use health_tests::logs;
use tokio::time::Instant;

#[tokio::test]
async fn changing_one_code_drops_no_other() {
    let codes = |endpoints: fn(Health) -> Endpoints| async move {
        let mut codes = Vec::new();
        for status in Status::ALL {
            let seen = get(&endpoints(of_status(status)), "/health/ready").await;
            assert_eq!(seen.header("x-health-status"), Some(status.as_str()));
            codes.push(seen.code);
        }
        codes
    };
    assert_eq!(codes(endpoints).await, [200, 200, 503]);
    let degraded = |health| endpoints(health).status_code(Status::Degraded, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(codes(degraded).await, [200, 429, 503]);
    let both = |health| {
        endpoints(health)
            .status_code(Status::Unhealthy, StatusCode::NOT_FOUND)
            .status_code(Status::Degraded, StatusCode::TOO_MANY_REQUESTS)
    };
    assert_eq!(codes(both).await, [200, 429, 404]);
    let redirecting = |health| {
        endpoints(health)
            .status_code(Status::Healthy, StatusCode::NOT_MODIFIED)
            .status_code(Status::Degraded, StatusCode::FOUND)
            .status_code(Status::Unhealthy, StatusCode::CONTINUE)
    };
    assert_eq!(codes(redirecting).await, [200, 200, 503], "a code that carries no verdict is refused");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_can_only_be_shortened() {
    let health = Health::builder()
        .check_fn(Spec::named("stuck").timeout("1h"), pending::<()>)
        .build()
        .unwrap()
        .start();
    for (asked, expected) in [(None, 800), (Some(50), 50), (Some(10_000), 800), (Some(0), 0)] {
        let mut endpoints = endpoints(health.clone()).exposure(Exposure::Checks);
        if let Some(asked) = asked {
            endpoints = endpoints.deadline(Duration::from_millis(asked));
        }
        for path in ["/health", "/health/ready", "/health/checks/stuck"] {
            let begun = Instant::now();
            assert_eq!(get(&endpoints, path).await.code, 503);
            let took = begun.elapsed();
            let expected = Duration::from_millis(expected);
            assert!(
                took >= expected && took <= expected + Duration::from_millis(2),
                "{asked:?} {path}: {took:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_kubelet_that_takes_the_overview_for_a_probe_is_told_once() {
    logs::record();
    let health = of_status(Status::Healthy);
    let told = || logs::lines_with(&["WARN", "kubelet", "/overview-told"]).len();
    let kubelet =
        |path: &str| test::TestRequest::with_uri(path).insert_header(("User-Agent", "kube-probe/1.33"));
    let endpoints = endpoints(health).mount("/overview-told");
    ask_with(
        &endpoints,
        test::TestRequest::with_uri("/overview-told").insert_header(("User-Agent", "curl/8")),
    )
    .await;
    ask_with(&endpoints, kubelet("/overview-told/live")).await;
    ask_with(&endpoints, kubelet("/overview-told/ready")).await;
    assert_eq!(told(), 0);
    for _ in 0..3 {
        // Each time another application, as every worker has its own.
        assert_eq!(ask_with(&endpoints, kubelet("/overview-told")).await.code, 200);
    }
    assert_eq!(told(), 1);
}
