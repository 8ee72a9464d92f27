//! Several dialects on one application over one health agree, and one that is broken hurts no other.

use actix_web::http::header::HeaderValue;
use actix_web::test::{self, TestRequest};
use actix_web::{App, web::ServiceConfig};
use health_actix::dialect::{
    Asked, Body, Dialect, HealthJson, Kubernetes, Native, NativeLink, Route, Spring,
};
use health_actix::endpoints;
use health_core::{Exposure, Health, Probe, RenderError, Status, View};
use health_tests::asking::{self, of_status};
use health_tests::http::{Wire, get, serve};
use health_tests::{logs, panics, states};

/// Where each dialect answers for ready.
const READY: [&str; 5] =
    ["/health/ready", "/readyz", "/actuator/health/readiness", "/status", "/health-json/ready"];

/// Where each that has one answers with the overview, and for live.
const OVERVIEW: [&str; 3] = ["/health", "/actuator/health", "/health-json"];
const LIVE: [&str; 4] = ["/health/live", "/livez", "/healthz", "/actuator/health/liveness"];

fn all(health: &Health, exposure: Exposure) -> impl Fn(&mut ServiceConfig) + Clone + Send + use<> {
    let of = |health: &Health| endpoints(health.clone()).exposure(exposure);
    let mounts = [
        of(health).dialect(Native::new()),
        of(health).dialect(Kubernetes::new()),
        of(health).dialect(Spring::new()),
        of(health).dialect(NativeLink::new()),
        of(health).dialect(HealthJson::new()).mount("/health-json"),
    ];
    move |config| {
        for mount in &mounts {
            config.service(mount.clone());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn all_of_them_agree_in_every_state_at_every_exposure() {
    for state in states::every().await {
        for exposure in [Exposure::Status, Exposure::Checks, Exposure::Full] {
            let app = test::init_service(App::new().configure(all(&state.health, exposure))).await;
            for (paths, expected) in
                [(&READY[..], state.ready), (&OVERVIEW, state.ready), (&LIVE, Status::Healthy)]
            {
                for path in paths {
                    let what = format!("{} {exposure:?} {path}", state.name);
                    let response = test::call_service(&app, TestRequest::with_uri(path).to_request()).await;
                    let code = if expected == Status::Unhealthy { 503 } else { 200 };
                    assert_eq!(response.status(), code, "{what}");
                    let word = response.headers().get("x-health-status");
                    assert_eq!(word, Some(&HeaderValue::from_static(expected.as_str())), "{what}");
                }
            }
        }
    }
}

#[tokio::test]
async fn over_one_connection_each_speaks_its_own_words() {
    let health = of_status(Status::Degraded);
    let served = serve(2, all(&health, Exposure::Status));
    let mut wire = Wire::to(served.address).await;
    for (path, content_type, body) in [
        ("/health/ready", "application/json", r#"{"status":"degraded"}"#),
        ("/readyz", "text/plain; charset=utf-8", "ok"),
        ("/actuator/health/readiness", "application/vnd.spring-boot.actuator.v3+json", r#"{"status":"UP"}"#),
        (
            "/status",
            "application/json; charset=utf-8",
            r#"[{"namespace":"nativelink","component":"ready","status":{"Warning":{"message":"degraded"}}}]"#,
        ),
    ] {
        wire.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        let answer = wire.answer().await;
        assert_eq!(
            (answer.code, answer.header("content-type"), &*answer.body),
            (200, Some(content_type), body)
        );
    }
    health.drain();
    for path in READY.iter().chain(&OVERVIEW) {
        assert_eq!(get(served.address, path).await.code, 503, "{path}");
    }
    for path in LIVE {
        assert_eq!(get(served.address, path).await.code, 200, "{path}");
    }
    health.resume();
    for path in READY.iter().chain(&OVERVIEW) {
        assert_eq!(get(served.address, path).await.code, 200, "{path}");
    }
}

/// Not every dialect that somebody writes is a good one.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Broken {
    Fails,
    FailsUnrendered,
    Panics,
    PanicsWhileRendering,
    PanicsInTheVerdict,
}

impl Broken {
    const ALL: [(Self, &str); 5] = [
        (Self::Fails, "/fails"),
        (Self::FailsUnrendered, "/fails-unrendered"),
        (Self::Panics, "/panics"),
        (Self::PanicsWhileRendering, "/panics-while-rendering"),
        (Self::PanicsInTheVerdict, "/panics-in-the-verdict"),
    ];

    fn path(self) -> &'static str {
        Self::ALL.into_iter().find(|(broken, _)| *broken == self).expect("all are listed").1
    }
}

impl Dialect for Broken {
    fn routes(&self) -> Vec<Route> {
        vec![Route::probe(self.path(), Probe::Ready)]
    }

    fn verdict(&self, view: &View<'_>) -> Status {
        assert_ne!(*self, Self::PanicsInTheVerdict, "broken");
        view.status()
    }

    fn body(&self, asked: &Asked<'_>) -> Result<Body, RenderError> {
        let bytes = asked.view().rendered(self, || match self {
            Self::Fails => Err("a key must be a string"),
            Self::PanicsWhileRendering => panic!("broken"),
            _ => Ok(vec![]),
        })?;
        match self {
            Self::Panics => panic!("broken"),
            Self::FailsUnrendered => {
                // Of a view that is rendered anew each time.
                let view = asked.view().only("healthy").expect("a status");
                let bytes = view.rendered(self, || Err::<Vec<u8>, _>("no such key"))?;
                Ok(Body::new(HeaderValue::from_static("text/plain"), bytes))
            }
            _ => Ok(Body::new(HeaderValue::from_static("text/plain"), bytes)),
        }
    }
}

#[tokio::test]
async fn a_broken_dialect_is_500_with_a_plain_sentence_and_hurts_nobody_else() {
    logs::record();
    // One panics with the whole of an assertion, which starts alike.
    panics::are_expected(&[
        "broken",
        "assertion `left != right` failed: broken\n  left: PanicsInTheVerdict\n right: PanicsInTheVerdict",
    ]);
    let health = of_status(Status::Healthy);
    let others = all(&health, Exposure::Checks);
    let broken = Broken::ALL.map(|(broken, _)| endpoints(health.clone()).dialect(broken));
    // A single worker, so that it is the same one that goes on.
    let served = serve(1, move |config: &mut ServiceConfig| {
        others(config);
        for mount in &broken {
            config.service(mount.clone());
        }
    });
    let mut wire = Wire::to(served.address).await;
    for (broken, path) in Broken::ALL {
        for _ in 0..3 {
            wire.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
            let answer = wire.answer().await;
            assert_eq!(answer.code, 500, "{broken:?}");
            assert_eq!(answer.body, "The health is known and could not be written down; the log says why.\n");
            let headers = [
                ("cache-control", "no-store"),
                ("content-length", "69"),
                ("content-type", "text/plain; charset=utf-8"),
                ("x-content-type-options", "nosniff"),
            ];
            // Without a verdict: the poller shall not take it for one.
            assert_eq!(answer.headers, headers.map(|(name, value)| (name.to_owned(), value.to_owned())));
            for path in READY {
                wire.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
                assert_eq!(wire.answer().await.code, 200, "{path} after {broken:?}");
            }
        }
        let lines = logs::lines_with(&["ERROR", &format!("path={path} ")]);
        assert_eq!(lines.len(), 1, "said once: {lines:?}");
        let why = match broken {
            Broken::Fails => "error=the view could not be rendered: a key must be a string",
            Broken::FailsUnrendered => "error=the view could not be rendered: no such key",
            _ => "error=a panic",
        };
        assert!(lines[0].contains(why), "{lines:?}");
    }
}

#[tokio::test]
async fn head_of_a_broken_dialect_has_no_body() {
    let health = of_status(Status::Healthy);
    let served = serve(1, move |config: &mut ServiceConfig| {
        config.service(endpoints(health.clone()).dialect(Broken::Fails));
    });
    let mut wire = Wire::to(served.address).await;
    // In a pipeline a stray body would be the beginning of the next answer.
    let request = |method| format!("{method} /fails HTTP/1.1\r\nHost: x\r\n\r\n");
    wire.send([request("HEAD"), request("GET"), request("HEAD"), request("GET")].concat()).await;
    for _ in 0..2 {
        let head = wire.head().await;
        assert_eq!((head.code, head.header("content-length")), (500, Some("69")));
        assert_eq!(wire.answer().await.code, 500);
    }
}

/// Lets a process be that has but one check that fails.
#[derive(Clone, Debug, PartialEq)]
struct Lenient;

impl Dialect for Lenient {
    fn routes(&self) -> Vec<Route> {
        vec![Route::probe("/lenient", Probe::Ready)]
    }

    fn verdict(&self, view: &View<'_>) -> Status {
        if view.failing().count() == 1 { Status::Degraded } else { view.status() }
    }

    fn body(&self, asked: &Asked<'_>) -> Result<Body, RenderError> {
        Ok(Body::new(HeaderValue::from_static("text/plain"), asked.verdict().as_str()))
    }
}

#[tokio::test]
async fn whoever_asks_a_dialect_of_ones_own_gets_the_same_verdict() {
    let health = of_status(Status::Unhealthy);
    for exposure in [Exposure::Status, Exposure::Checks, Exposure::Full] {
        let mounted = endpoints(health.clone()).dialect(Lenient).exposure(exposure);
        let seen = asking::get(&mounted, "/lenient").await;
        assert_eq!((seen.code, &*seen.body), (200, "degraded"), "{exposure:?}");
    }
}

/// One check of live, of which some may be left out.
#[derive(Clone, Debug, PartialEq)]
struct OneOfLive;

impl Dialect for OneOfLive {
    fn routes(&self) -> Vec<Route> {
        vec![Route::check_of("/one/", Probe::Live).with_exclude()]
    }

    fn body(&self, _: &Asked<'_>) -> Result<Body, RenderError> {
        Ok(Body::new(HeaderValue::from_static("text/plain"), "found"))
    }
}

#[tokio::test]
async fn a_check_of_another_probe_is_not_found_whatever_is_excluded() {
    let health = of_status(Status::Unhealthy);
    let mounted = endpoints(health).dialect(OneOfLive).exposure(Exposure::Checks);
    for (path, code) in [
        ("/one/l", 503),
        ("/one/l?exclude=l", 200),
        ("/one/l?exclude=a/r", 503),
        ("/one/a/r", 404),
        ("/one/a/r?exclude=a/r", 404),
        ("/one/a/r?exclude=l", 404),
    ] {
        assert_eq!(asking::get(&mounted, path).await.code, code, "{path}");
    }
}
