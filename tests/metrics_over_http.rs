//! `/health/metrics` is for those who may see checks, in the format they ask for, says how things are with a 200
//! whatever is wrong, and runs nothing.

use std::net::SocketAddr;

use actix_web::{HttpResponse, web};
use health_actix::dialect::{Asked, Body, Dialect, Route};
use health_actix::{Access, Endpoints, Metrics, endpoints};
use health_core::{Exposure, Failure, Health, Outcome, Probe, RenderError, Spec, Status};
use health_tests::exposition::{read_open_metrics, read_text, samples, value};
use health_tests::http::{Answer, Served, Wire, ask, get, serve};
use health_tests::scripts::Script;

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

fn served(health: &Health, options: impl Fn(Endpoints) -> Endpoints) -> Served {
    let endpoints = options(endpoints(health.clone()));
    serve(1, move |config| {
        config.service(endpoints.clone());
    })
}

/// A check that is asked for by nobody but this test.
async fn observed(status: Status) -> (Health, Script) {
    let script = Script::new(status);
    let spec = Spec::named("db").group("storage").interval("never").cache("1ms");
    let health = Health::builder().check_fn(spec, script.check()).build().unwrap().start();
    health.report(Probe::Ready).await;
    (health, script)
}

async fn accepting(address: SocketAddr, accept: &str) -> Answer {
    let request = format!("GET /health/metrics HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\n\r\n");
    ask(address, request).await
}

#[actix_web::test]
async fn the_format_is_the_one_that_is_asked_for() {
    let (health, _) = observed(Status::Healthy).await;
    let server = served(&health, |endpoints| endpoints.exposure(Exposure::Checks));
    let open_metrics = [
        // Prometheus 2.42, and 3.
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        "application/openmetrics-text",
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
    ];
    for accept in open_metrics {
        let answer = accepting(server.address, accept).await;
        assert_eq!((answer.code, answer.header("content-type")), (200, Some(OPEN_METRICS)), "{accept}");
        read_open_metrics(&answer.body);
    }
    let text = [
        "*/*",
        "text/plain",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "text/plain;version=0.0.4;q=1,application/openmetrics-text;q=0.9",
        // What Prometheus says that wants neither.
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,text/plain;version=0.0.4;q=0.5",
        "application/json",
        "application/openmetrics-text;q=0",
        ";;;,,,",
    ];
    for accept in text {
        let answer = accepting(server.address, accept).await;
        assert_eq!((answer.code, answer.header("content-type")), (200, Some(TEXT)), "{accept}");
        read_text(&answer.body);
    }
    let answer = get(server.address, "/health/metrics").await;
    assert_eq!(answer.header("content-type"), Some(TEXT));
    assert_eq!((Metrics::TEXT, Metrics::OPEN_METRICS), (TEXT, OPEN_METRICS));
}

#[actix_web::test]
async fn it_is_200_whatever_is_wrong_and_no_verdict() {
    let (health, _) = observed(Status::Unhealthy).await;
    let codes = |endpoints: Endpoints| {
        let code = actix_web::http::StatusCode::IM_A_TEAPOT;
        endpoints.exposure(Exposure::Checks).status_code(Status::Unhealthy, code)
    };
    let server = served(&health, codes);
    for is_draining in [false, true] {
        if is_draining {
            health.drain();
        }
        assert_eq!(get(server.address, "/health/ready").await.code, 418);
        let answer = get(server.address, "/health/metrics").await;
        assert_eq!((answer.code, answer.header("x-health-status")), (200, None));
        let headers = ["cache-control", "x-content-type-options"].map(|name| answer.header(name));
        assert_eq!(headers, [Some("no-store"), Some("nosniff")]);
        let seen = samples(&read_text(&answer.body));
        assert_eq!(value(&seen, "health_status", &[("probe", "ready"), ("status", "unhealthy")]), Some(1.0));
    }
}

#[actix_web::test]
async fn head_is_told_as_much_and_others_are_refused() {
    let (health, _) = observed(Status::Healthy).await;
    let server = served(&health, |endpoints| endpoints.exposure(Exposure::Checks));
    let mut wire = Wire::to(server.address).await;
    wire.send("HEAD /health/metrics HTTP/1.1\r\nHost: x\r\nAccept: application/openmetrics-text\r\n\r\n")
        .await;
    let head = wire.head().await;
    assert_eq!((head.code, head.header("content-type")), (200, Some(OPEN_METRICS)));
    assert!(head.header("content-length").unwrap().parse::<usize>().unwrap() > 1000);
    // Nothing has been sent that could be taken for the next answer.
    wire.send("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(wire.answer().await.code, 200);
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "BREW"] {
        let request = format!("{method} /health/metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        let answer = ask(server.address, request).await;
        assert_eq!((answer.code, answer.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
}

#[actix_web::test]
async fn whoever_may_see_no_checks_finds_nothing_there() {
    let (health, _) = observed(Status::Healthy).await;
    let token = "0123456789abcdef";
    let access = Access::new().token(Exposure::Checks, token).unwrap();
    let server = served(&health, |endpoints| endpoints.access(access.clone()));
    let unknown = get(server.address, "/health/metrix").await;
    assert_eq!(unknown.code, 404);
    assert_eq!(get(server.address, "/health/metrics").await, unknown);
    assert_eq!(get(server.address, "/health/metrics/").await, unknown);
    let by = |token: &str| {
        let request =
            format!("GET /health/metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n");
        ask(server.address, request)
    };
    assert_eq!(by("fedcba9876543210").await, unknown);
    assert_eq!(by(token).await.code, 200);
}

#[actix_web::test]
async fn nothing_runs_for_it() {
    let (health, script) = observed(Status::Healthy).await;
    let server = served(&health, |endpoints| endpoints.exposure(Exposure::Full));
    let (ran, before) = (script.runs(), health.runs("db").unwrap());
    let mut wire = Wire::to(server.address).await;
    for _ in 0..50 {
        wire.send("GET /health/metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
        read_text(&wire.answer().await.body);
    }
    assert_eq!((script.runs(), health.runs("db").unwrap()), (ran, before));
    // Asked, it runs: what was looked at was older than its cache.
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    get(server.address, "/health/ready").await;
    assert_eq!(script.runs(), ran + 1);
}

#[actix_web::test]
async fn causes_data_places_and_summaries_stay_at_home() {
    let secret = "planted-secret";
    let health = Health::builder()
        .check_fn(Spec::named("db").describe(secret).interval("1h"), move || async move {
            Err::<(), _>(Failure::new(secret).because(secret))
        })
        .check_fn(Spec::named("disk").interval("1h"), move || async move {
            Outcome::degraded(secret).data("key", secret)
        })
        .build()
        .unwrap()
        .start();
    health.report(Probe::Ready).await;
    health.mute("disk", "1h", secret).unwrap();
    let server = served(&health, |endpoints| endpoints.exposure(Exposure::Full));
    for accept in ["text/plain", "application/openmetrics-text"] {
        let body = accepting(server.address, accept).await.body;
        let place = health.check("db").await.unwrap().entry("db").unwrap().location().to_string();
        assert!(!body.contains(secret) && !body.contains(&place) && !body.contains(".rs"), "{body}");
    }
}

#[actix_web::test]
async fn above_two_hundred_checks_durations_are_a_sum_and_a_count_unless_said_otherwise() {
    let of = |checks: usize| {
        let spec = |n| Spec::named(format!("check-{n}")).interval("1h");
        let all = (0..checks).fold(Health::builder(), |builder, n| builder.check_fn(spec(n), || async {}));
        all.build().unwrap().start()
    };
    let kind = |metrics: &Metrics| {
        let (old, new) = (metrics.text(), metrics.open_metrics() + "# EOF\n");
        let kinds = [read_text(&old), read_open_metrics(&new)].map(|families| {
            let durations =
                families.into_iter().find(|family| family.name == "health_check_duration_seconds");
            let durations = durations.unwrap();
            (durations.kind, durations.samples.len())
        });
        assert_eq!(kinds[0], kinds[1]);
        kinds[0].clone()
    };
    let (some, many) = (of(200), of(201));
    assert_eq!(kind(&Metrics::of(&some)), ("histogram".to_owned(), 200 * 14));
    assert_eq!(kind(&Metrics::of(&many)), ("summary".to_owned(), 201 * 2));
    assert_eq!(kind(&Metrics::of(&some).histograms(false)), ("summary".to_owned(), 200 * 2));
    assert_eq!(kind(&Metrics::of(&many).histograms(true)), ("histogram".to_owned(), 201 * 14));
    for (health, wanted) in [(&some, false), (&many, true)] {
        let server = served(health, |endpoints| endpoints.exposure(Exposure::Checks).histograms(wanted));
        let seen = samples(&read_text(&get(server.address, "/health/metrics").await.body));
        let has_buckets = seen.iter().any(|sample| sample.name == "health_check_duration_seconds_bucket");
        assert_eq!(has_buckets, wanted);
    }
}

/// With metrics at a path of its own.
#[derive(Debug)]
struct Own;

impl Dialect for Own {
    fn routes(&self) -> Vec<Route> {
        vec![Route::metrics("/internal/metrics")]
    }

    fn body(&self, _: &Asked<'_>) -> Result<Body, RenderError> {
        unreachable!("there is no question that has a verdict")
    }
}

#[actix_web::test]
async fn they_can_be_elsewhere_and_beside_those_of_the_application() {
    let (health, _) = observed(Status::Healthy).await;
    let own = served(&health, |endpoints| endpoints.dialect(Own).exposure(Exposure::Checks));
    read_text(&get(own.address, "/internal/metrics").await.body);

    let appended = serve(1, move |config| {
        let health = health.clone();
        let handler = move || {
            let orders =
                "# HELP orders_total Orders that were taken.\n# TYPE orders_total counter\norders_total 7\n";
            let text =
                orders.to_owned() + &Metrics::of(&health).text() + &orders.replace("orders", "returns");
            async move { HttpResponse::Ok().content_type(Metrics::TEXT).body(text) }
        };
        config.route("/metrics", web::get().to(handler));
    });
    let answer = get(appended.address, "/metrics").await;
    assert_eq!(answer.header("content-type"), Some(TEXT));
    let seen = samples(&read_text(&answer.body));
    assert_eq!(
        (value(&seen, "orders_total", &[]), value(&seen, "returns_total", &[])),
        (Some(7.0), Some(7.0))
    );
    assert_eq!(value(&seen, "health_check_status", &[("check", "db"), ("status", "healthy")]), Some(1.0));
}
