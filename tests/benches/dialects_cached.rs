//! `dialects_cached`: what an answer in each dialect costs the thread that serves it while nothing changes, negotiation
//! included, beside a bare actix-web handler that returns a constant body of the same size and type. Ten checks, shown.
//!
//! Run with: `cargo bench -p health-tests --bench dialects_cached`
//!
//! Measured as `serving` says. Both handlers are sent the same bytes, with the `Accept` header that a reader of the dialect
//! sends.

mod measuring;
mod serving;

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::web::{self, ServiceConfig};
use health_actix::dialect::{Dynamo, HealthJson, Kubernetes, MicroProfile, NativeLink, Spring};
use health_actix::{Access, Endpoints, Profile, endpoints};
use health_core::{Exposure, Health, Probe, Spec, Status};
use health_tests::http::ask;
use measuring::verdict;
use serving::{CONNECTIONS, REQUESTS, Subject, compare};
use tokio::runtime::Builder;

const ROUNDS: usize = 21;
const CHECKS: usize = 10;
const ALLOWED: f64 = 1.10;

/// What is measured: a name, the request without its host, and how the dialect is mounted.
type Case = (&'static str, &'static str, fn(Endpoints) -> Endpoints);

const CASES: &[Case] = &[
    ("native", "GET /health/ready HTTP/1.1", |e| e),
    ("native, */*", "GET /health/ready HTTP/1.1\r\nAccept: */*", |e| e),
    ("native, text", "GET /health/ready HTTP/1.1\r\nAccept: text/plain", |e| e),
    (
        "native, browser",
        "GET /health/ready HTTP/1.1\r\nAccept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        |e| e,
    ),
    ("native, health+json", "GET /health/ready HTTP/1.1\r\nAccept: application/health+json", |e| e),
    ("health+json", "GET /health/ready HTTP/1.1\r\nAccept: */*", |e| e.dialect(HealthJson::new())),
    ("kubernetes", "GET /readyz HTTP/1.1\r\nAccept: */*", |e| e.dialect(Kubernetes)),
    ("kubernetes, verbose", "GET /readyz?verbose HTTP/1.1\r\nAccept: */*", |e| e.dialect(Kubernetes)),
    ("microprofile", "GET /health/ready HTTP/1.1\r\nAccept: application/json", |e| {
        e.dialect(MicroProfile::new())
    }),
    ("spring", "GET /actuator/health HTTP/1.1\r\nAccept: */*", |e| e.dialect(Spring::new())),
    (
        "spring, v2 or v3",
        "GET /actuator/health HTTP/1.1\r\nAccept: application/vnd.spring-boot.actuator.v3+json, \
         application/vnd.spring-boot.actuator.v2+json, application/json",
        |e| e.dialect(Spring::new()),
    ),
    ("nativelink", "GET /status HTTP/1.1\r\nAccept: */*", |e| e.dialect(NativeLink::new())),
    ("dynamo, worker", "GET /health HTTP/1.1\r\nAccept: */*", |e| e.dialect(Dynamo::worker())),
    ("dynamo, frontend", "GET /health HTTP/1.1\r\nAccept: */*", |e| e.dialect(Dynamo::frontend())),
    ("native, envoy", "GET /health/ready HTTP/1.1\r\nAccept: */*", |e| e.profile(Profile::envoy())),
    (
        "native, by token",
        "GET /health/ready HTTP/1.1\r\nAccept: */*\r\nAuthorization: Bearer 0123456789abcdef0123456789abcdef",
        |e| e.access(by_token()),
    ),
];

/// Two tokens, as while one is being replaced.
fn by_token() -> Access {
    let tokens = ["fedcba9876543210fedcba9876543210", "0123456789abcdef0123456789abcdef"];
    let one = |access: Access, token: &str| access.token(Exposure::Checks, token).expect("a token");
    tokens.into_iter().fold(Access::new(), one)
}

/// All checks healthy, and fresh for as long as this takes.
fn health() -> Health {
    let check = |n| Spec::named(format!("check-{n}")).interval("1h");
    let builder = (0..CHECKS).fold(Health::builder(), |builder, n| builder.check_fn(check(n), || async {}));
    builder.build().expect("valid").start()
}

/// A constant answer to the same request, and its type.
fn constant(
    path: &'static str,
    content_type: &'static str,
    body: &'static str,
) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    move |config: &mut ServiceConfig| {
        let handler = move || async move {
            let content_type = (CONTENT_TYPE, HeaderValue::from_static(content_type));
            HttpResponse::Ok().insert_header(content_type).body(body)
        };
        config.route(path, web::get().to(handler));
    }
}

fn main() {
    println!(
        "{ROUNDS} interleaved rounds of {} requests over {CONNECTIONS} connections, medians; CPU of the thread that serves",
        CONNECTIONS * REQUESTS
    );
    println!(
        "{:>20} {:>6} {:>8} {:>8} {:>13} {:>7} {:>7}",
        "", "body", "bare µs", "µs", "spread", "ratio", "noise"
    );
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let _runtime = runtime.enter();
    let health = health();
    assert_eq!(runtime.block_on(health.report(Probe::Ready)).status(), Status::Healthy);
    for (name, request, mount) in CASES {
        let mounted = mount(endpoints(health.clone()).exposure(Exposure::Checks));
        let mut spoken = Subject::new(request, move |config: &mut ServiceConfig| {
            config.service(mounted.clone());
        });
        let address = spoken.connections[0].peer_addr().expect("connected");
        let answer = runtime.block_on(ask(address, format!("{request}\r\nHost: localhost\r\n\r\n")));
        let content_type = answer.header("content-type").expect("a type").to_owned();
        let (content_type, body): (&str, &str) =
            (Box::leak(content_type.into_boxed_str()), Box::leak(answer.body.into_boxed_str()));
        let path = request.split([' ', '?']).nth(1).expect("a path");
        let mut bare = Subject::new(request, constant(path, content_type, body));
        let compared = compare(ROUNDS, &mut bare, &mut [&mut spoken]);
        let (ratio, cpu) = (compared.ratio(0), &compared.others[0].0);
        println!(
            "{name:>20} {:>6} {:>8.2} {:>8.2} {:>13} {ratio:>7.3} {:>7.3} {}",
            body.len(),
            compared.reference.0.median(),
            cpu.median(),
            cpu.spread(),
            compared.again.0.median() / compared.reference.0.median(),
            verdict(ratio <= ALLOWED)
        );
    }
}
