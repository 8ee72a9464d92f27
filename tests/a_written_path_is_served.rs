//! A path that somebody wrote down for a probe answers that probe, whatever dialect is spoken.

use health_actix::dialect::{Dialect, Dynamo, Kubernetes, MicroProfile, Spring};
use health_actix::{Endpoints, endpoints};
use health_core::{Health, Probe, Scope, Spec, Status};
use health_tests::asking::get;

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
