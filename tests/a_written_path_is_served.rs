//! A path that somebody wrote down for a probe answers that probe, whatever dialect is spoken; what cannot be meant is
//! reported.

use actix_web::{App, test, web};
use health_actix::dialect::{Dialect, Dynamo, Kubernetes, MicroProfile, NativeLink, Spring};
use health_actix::{Endpoints, endpoints};
use health_core::{Health, Probe, Scope, Spec, Status};
use health_tests::asking::get;
use health_tests::logs;

/// Live is healthy, ready is unhealthy, startup has passed.
fn health() -> Health {
    let live = Spec::named("process").probe([Probe::Live]).scope(Scope::Local);
    Health::builder()
        .check_fn(live, || async { Status::Healthy })
        .check_fn(Spec::named("db"), || async { Status::Unhealthy })
        .build()
        .unwrap()
        .start()
}

fn speaking(dialect: impl Dialect) -> Endpoints {
    endpoints(health()).dialect(dialect)
}

#[tokio::test]
async fn it_goes_before_what_the_dialect_has_there() {
    for (mounted, path) in [
        (speaking(MicroProfile::new()), "/health"),
        (speaking(Spring::new()), "/actuator/health"),
        (speaking(Spring::new()), "/actuator/health/readiness"),
        (speaking(Kubernetes::new()), "/readyz"),
        (speaking(Dynamo::worker()), "/health"),
    ] {
        assert_eq!(get(&mounted, path).await.code, 503, "{mounted:?}");
        assert_eq!(get(&mounted.path(Probe::Live, path), path).await.code, 200, "{path}");
    }
    // Whichever is the first of the dialect.
    let both = speaking(Dynamo::worker()).path(Probe::Ready, "/same").path(Probe::Live, "/same");
    assert_eq!(get(&both, "/same").await.code, 200);
    let both = speaking(Dynamo::worker().health_path("/same").live_path("/same"));
    assert_eq!(get(&both, "/same").await.code, 200);
}

#[tokio::test]
async fn a_probe_that_the_dialect_does_not_know_is_reported() {
    logs::record();
    let said = |probe: &str| logs::lines_with(&["ERROR", "no path for this probe", probe]).len();
    get(&speaking(Spring::new()).path(Probe::Startup, "/started"), "/started").await;
    assert_eq!((said("probe=startup"), said("")), (1, 1));
    get(&speaking(NativeLink::new()).only([Probe::Live, Probe::Ready]), "/status").await;
    assert_eq!((said("probe=live"), said("")), (1, 2));
    get(&speaking(Spring::new()).path(Probe::Live, "/a").only([Probe::Live]), "/a").await;
    get(&speaking(Spring::new()).path(Probe::Live, "/a").only([Probe::Ready]), "/a").await;
    assert_eq!(said(""), 2, "what is left out on purpose is no mistake");
}

#[tokio::test]
async fn names_that_would_take_every_path_of_the_application_are_reported() {
    logs::record();
    let said = || logs::lines_with(&["ERROR", "takes every path"]).len();
    let scoped = |mount| web::scope("/scope").service(speaking(Spring::new()).mount(mount));
    test::init_service(App::new().service(speaking(Spring::new())).service(scoped(""))).await;
    test::init_service(App::new().service(speaking(Spring::new()).mount("/").only([Probe::Live]))).await;
    assert_eq!(said(), 0);
    for (known, mount) in ["", "/"].into_iter().enumerate() {
        test::init_service(App::new().service(speaking(Spring::new()).mount(mount))).await;
        assert_eq!(said(), known + 1, "{mount:?}");
    }
}
