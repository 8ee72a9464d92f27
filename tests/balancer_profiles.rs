//! What balancers want beside the code of an answer, and that they get it on top of any dialect.

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode, header};
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, HttpResponse, error, test, web};
use health_actix::dialect::Kubernetes;
use health_actix::{Endpoints, Profile, endpoints, goodbye};
use health_core::{Health, Scope, Spec, Status};
use health_tests::asking::{ask, get, of_status};
use health_tests::http::{Wire, serve};

const DEGRADED: &str = "x-envoy-degraded";
const FAIL_AT_ONCE: &str = "x-envoy-immediate-health-check-fail";

type Check = (Option<Scope>, Status);

/// Checks of these scopes and statuses, none of which can make the whole unhealthy.
fn scoped(checks: &[Check]) -> Health {
    let mut builder = Health::builder();
    for (index, (scope, status)) in checks.iter().enumerate() {
        let mut spec = Spec::named(format!("c{index}")).critical(false);
        if let Some(scope) = scope {
            spec = spec.scope(*scope);
        }
        let status = *status;
        builder = builder.check_fn(spec, move || async move { status });
    }
    builder.build().unwrap().start()
}

#[tokio::test]
async fn envoy_is_told_of_degradation_that_others_do_not_share() {
    use Scope::{Local, Shared};
    use Status::{Degraded, Healthy, Unhealthy};
    let cases: &[(&[Check], bool)] = &[
        (&[], false),
        (&[(None, Healthy)], false),
        (&[(None, Degraded)], true),
        (&[(Some(Local), Degraded)], true),
        (&[(Some(Local), Unhealthy)], true),
        (&[(Some(Shared), Degraded)], false),
        (&[(Some(Shared), Unhealthy)], false),
        (&[(Some(Shared), Unhealthy), (Some(Local), Healthy)], false),
        (&[(Some(Shared), Unhealthy), (None, Degraded)], true),
    ];
    for (checks, told) in cases {
        for endpoints in [
            endpoints(scoped(checks)).profile(Profile::envoy()),
            endpoints(scoped(checks))
                .profile(Profile::envoy_failing_at_once())
                .dialect(Kubernetes)
                .mount("/health"),
        ] {
            let path = if format!("{endpoints:?}").contains("Kubernetes") {
                "/health/readyz"
            } else {
                "/health/ready"
            };
            for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
                let seen = ask(&endpoints, method, path).await;
                assert_eq!(seen.code, 200, "{checks:?}");
                assert_eq!(seen.header(DEGRADED), told.then_some("1"), "{checks:?}");
                assert_eq!(seen.header(FAIL_AT_ONCE), None);
            }
        }
        let plain = get(&endpoints(scoped(checks)), "/health/ready").await;
        assert_eq!(plain.header(DEGRADED), None, "only where the profile is asked for");
    }
}

#[tokio::test]
async fn what_is_unhealthy_is_not_called_degraded() {
    let health = Health::builder()
        .check_fn(Spec::named("away"), || async { Status::Unhealthy })
        .check_fn(Spec::named("slow"), || async { Status::Degraded })
        .build()
        .unwrap()
        .start();
    let seen = get(&endpoints(health).profile(Profile::envoy()), "/health/ready").await;
    assert_eq!((seen.code, seen.header(DEGRADED)), (503, None));
}

#[tokio::test]
async fn envoy_takes_a_draining_host_out_at_once_only_if_it_is_told_to() {
    for (profile, told) in [(Profile::envoy(), None), (Profile::envoy_failing_at_once(), Some("1"))] {
        let health = of_status(Status::Healthy);
        let endpoints = endpoints(health.clone()).profile(profile);
        assert_eq!(get(&endpoints, "/health/ready").await.header(FAIL_AT_ONCE), None);
        health.drain();
        for (path, code) in [("/health/ready", 503), ("/health/live", 200), ("/health", 503)] {
            let seen = get(&endpoints, path).await;
            assert_eq!((seen.code, seen.header(FAIL_AT_ONCE)), (code, told), "{path}");
        }
        health.resume();
        assert_eq!(get(&endpoints, "/health/ready").await.header(FAIL_AT_ONCE), None);
    }
}

#[tokio::test]
async fn consul_is_warned_of_what_is_degraded() {
    for (status, code) in [(Status::Healthy, 200), (Status::Degraded, 429), (Status::Unhealthy, 503)] {
        let seen = get(&endpoints(of_status(status)).profile(Profile::consul()), "/health/ready").await;
        assert_eq!((seen.code, seen.header("x-health-status")), (code, Some(status.as_str())));
    }
    let renamed = endpoints(of_status(Status::Degraded))
        .profile(Profile::consul())
        .status_code(Status::Degraded, StatusCode::ACCEPTED);
    assert_eq!(get(&renamed, "/health/ready").await.code, 202, "what is said later counts");
}

#[tokio::test]
async fn haproxy_gets_a_404_only_from_what_drains() {
    let codes = async |endpoints: &Endpoints| {
        let mut codes = Vec::new();
        for path in ["/health/live", "/health/ready", "/health/startup", "/health"] {
            codes.push(get(endpoints, path).await.code);
        }
        codes
    };
    let health = of_status(Status::Healthy);
    let mounted = endpoints(health.clone()).profile(Profile::haproxy());
    assert_eq!(codes(&mounted).await, [200, 200, 200, 200]);
    health.drain();
    assert_eq!(codes(&mounted).await, [200, 404, 200, 404]);
    let seen = get(&mounted, "/health/ready").await;
    assert_eq!(
        (seen.header("x-health-status"), &*seen.body),
        (Some("unhealthy"), r#"{"status":"unhealthy"}"#)
    );
    health.resume();
    assert_eq!(codes(&mounted).await, [200, 200, 200, 200]);
    let health = of_status(Status::Unhealthy);
    let sick = endpoints(health.clone()).profile(Profile::haproxy());
    assert_eq!(codes(&sick).await, [503, 503, 200, 503], "sick is not leaving");
    health.drain();
    assert_eq!(codes(&sick).await, [503, 404, 200, 404], "and leaving is no excuse for not being alive");
}

#[tokio::test]
async fn several_profiles_add_up() {
    let health = of_status(Status::Degraded);
    let mounted = endpoints(health.clone())
        .profile(Profile::envoy())
        .profile(Profile::consul())
        .profile(Profile::haproxy());
    let seen = get(&mounted, "/health/ready").await;
    assert_eq!((seen.code, seen.header(DEGRADED)), (429, Some("1")));
    health.drain();
    assert_eq!(get(&mounted, "/health/ready").await.code, 404);
}

#[tokio::test]
async fn a_code_without_a_body_has_none() {
    for code in [StatusCode::NO_CONTENT, StatusCode::RESET_CONTENT] {
        let health = of_status(Status::Healthy);
        let served = serve(1, move |config| {
            config.service(endpoints(health.clone()).status_code(Status::Healthy, code));
        });
        let mut wire = Wire::to(served.address).await;
        // Two on one connection: a body would be taken for the beginning of the second.
        for _ in 0..2 {
            wire.send("GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n").await;
            let seen = wire.answer().await;
            assert_eq!((seen.code, &*seen.body), (code.as_u16(), ""));
            assert_eq!(seen.header("x-health-status"), Some("healthy"));
            assert_eq!(seen.header("content-type"), None);
        }
    }
}

#[tokio::test]
async fn ordinary_answers_say_goodbye_while_draining() {
    let health = of_status(Status::Healthy);
    for for_envoy in [false, true] {
        let middleware = if for_envoy { goodbye(&health).for_envoy() } else { goodbye(&health) };
        let served = serve(1, move |config| {
            config.service(
                web::scope("")
                    .wrap(middleware.clone())
                    .route("/work", web::get().to(|| async { HttpResponse::Ok().body("done") })),
            );
        });
        let mut wire = Wire::to(served.address).await;
        let mut work = async || {
            wire.send("GET /work HTTP/1.1\r\nHost: x\r\n\r\n").await;
            let seen = wire.answer().await;
            assert_eq!((seen.code, &*seen.body), (200, "done"));
            (seen.header("connection").map(str::to_owned), seen.header(FAIL_AT_ONCE).map(str::to_owned))
        };
        assert_eq!(work().await, (None, None));
        health.drain();
        health.resume();
        assert_eq!(work().await, (None, None), "it has come back");
        health.drain();
        assert_eq!(work().await, (Some("close".into()), for_envoy.then(|| "1".into())));
        assert!(wire.rest().await.is_empty(), "and is closed");
        health.resume();
    }
}

#[tokio::test]
async fn a_goodbye_leaves_the_answer_of_a_handler_as_it_is() {
    let health = of_status(Status::Healthy);
    health.drain();
    let handler = || async { HttpResponse::Conflict().insert_header((header::ETAG, "\"x\"")).body("taken") };
    let app = test::init_service(
        App::new().route("/work", web::get().to(handler)).wrap(goodbye(&health).for_envoy()),
    )
    .await;
    let answer = test::call_service(&app, test::TestRequest::with_uri("/work").to_request()).await;
    assert_eq!(
        (answer.status().as_u16(), answer.headers().get("etag").unwrap().to_str().unwrap()),
        (409, "\"x\"")
    );
    assert_eq!(test::read_body(answer).await, "taken");
}

#[tokio::test]
async fn errors_say_goodbye_and_a_connection_that_is_handed_over_is_let_be() {
    let health = of_status(Status::Healthy);
    let goodbye = goodbye(&health).for_envoy();
    let served = serve(1, move |config| {
        let fails = |request: ServiceRequest, _: Next<BoxBody>| async move {
            drop(request);
            Err::<ServiceResponse, _>(error::ErrorForbidden("no"))
        };
        let switches = || async { HttpResponse::SwitchingProtocols().upgrade("echo").body(BoxBody::new(())) };
        config
            .service(web::resource("/fails").wrap(from_fn(fails)).wrap(goodbye.clone()).to(HttpResponse::Ok));
        config.service(web::resource("/switches").wrap(goodbye.clone()).to(switches));
    });
    for (draining, connection) in [(false, None), (true, Some("close"))] {
        if draining {
            health.drain();
        }
        let mut wire = Wire::to(served.address).await;
        wire.send("GET /fails HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let seen = wire.answer().await;
        assert_eq!((seen.code, &*seen.body), (403, "no"));
        assert_eq!(seen.header("connection"), connection);
        assert_eq!(seen.header(FAIL_AT_ONCE), draining.then_some("1"));

        let mut wire = Wire::to(served.address).await;
        wire.send("GET /switches HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n").await;
        let seen = wire.head().await;
        assert_eq!((seen.code, seen.header("connection")), (101, Some("upgrade")), "{draining}");
    }
}
