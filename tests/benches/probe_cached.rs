//! `probe_cached`: what a probe whose checks are all fresh costs the thread that serves it, beside a bare actix-web
//! handler that returns a constant body of the same size and type; at `Exposure::Status`, and at `Exposure::Checks`
//! with ten checks.
//!
//! Run with: `cargo bench -p health-tests --bench probe_cached`
//!
//! Measured as `serving` says. `dressed` is a bare handler that sets the headers of a
//! probe too: what lies between it and `probe` is the library's own, what lies between it and `bare` is the headers'.
//! Allocations are counted without a socket, in one thread, where the engine's own would be counted as well.

mod measuring;
mod serving;

use std::hint::black_box;

use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpResponse, test, web};
use health_core::{Exposure, Health, Probe, Spec, Status};
use health_tests::http::get;
use measuring::verdict;
use serving::{CONNECTIONS, REQUESTS, Subject, compare};
use tokio::runtime::{Builder, Runtime};

const ROUNDS: usize = 31;
const PATH: &str = "/health/ready";
const REQUEST: &str = "GET /health/ready HTTP/1.1";
const ALLOWED: f64 = 1.05;

fn health(checks: usize) -> Health {
    let mut builder = Health::builder();
    for n in 0..checks {
        // Fresh for as long as this takes.
        let spec = Spec::named(format!("check-{n}")).interval("1h");
        builder = builder.check_fn(spec, || async {});
    }
    builder.build().expect("valid").start()
}

/// A constant answer, and with it the headers that a probe sets too, or only its type.
fn constant(body: &'static str, dressed: bool) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    move |config: &mut ServiceConfig| {
        config.route(
            PATH,
            web::get().to(move || async move {
                // The cheapest way there is to say it.
                let mut answer = HttpResponse::Ok();
                answer.insert_header((CONTENT_TYPE, HeaderValue::from_static("application/json")));
                if dressed {
                    answer.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
                    answer.insert_header((X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")));
                    let status = HeaderName::from_static("x-health-status");
                    answer.insert_header((status, HeaderValue::from_static("healthy")));
                }
                answer.body(body)
            }),
        );
    }
}

fn probe(health: &Health, exposure: Exposure) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let health = health.clone();
    move |config: &mut ServiceConfig| {
        config.service(health_actix::endpoints(health.clone()).exposure(exposure));
    }
}

fn over_sockets(exposure: Exposure, checks: usize, runtime: &Runtime) -> &'static str {
    let _runtime = runtime.enter();
    let health = health(checks);
    assert_eq!(runtime.block_on(health.report(Probe::Ready)).status(), Status::Healthy);
    let mut probed = Subject::new(REQUEST, probe(&health, exposure));
    let address = probed.connections[0].peer_addr().expect("connected");
    let body: &str = Box::leak(runtime.block_on(get(address, PATH)).body.into_boxed_str());
    let mut bare = Subject::new(REQUEST, constant(body, false));
    let mut dressed = Subject::new(REQUEST, constant(body, true));
    let compared = compare(ROUNDS, &mut bare, &mut [&mut dressed, &mut probed]);
    println!("\n{exposure:?}, checks: {checks}, body: {} bytes", body.len());
    println!(
        "{:>10} {:>15} {:>13} {:>7} {:>11} {:>7}",
        "", "CPU µs/request", "spread", "ratio", "requests/s", "ratio"
    );
    let reference = &compared.reference;
    let rows = [("bare", reference), ("bare again", &compared.again)];
    for (name, (cpu, rate)) in rows.into_iter().chain(["dressed", "probe"].into_iter().zip(&compared.others))
    {
        println!(
            "{name:>10} {:>15.2} {:>13} {:>7.3} {:>11.0} {:>7.3}",
            cpu.median(),
            cpu.spread(),
            cpu.median() / reference.0.median(),
            rate.median(),
            rate.median() / reference.1.median()
        );
    }
    let over = compared.ratio(1);
    println!("at most {ALLOWED} x the CPU of bare: {over:.3}, {}", verdict(over <= ALLOWED));
    body
}

/// Allocations of one request, in the steady state.
fn allocations(runtime: &Runtime, configure: impl FnOnce(&mut ServiceConfig)) -> f64 {
    const COUNTED: u32 = 1_000;
    let app = runtime.block_on(test::init_service(App::new().configure(configure)));
    let some = async |count| {
        for _ in 0..count {
            let request = test::TestRequest::get().uri(PATH).to_request();
            let answer: ServiceResponse = app.call(request).await.expect("an answer");
            assert!(answer.status().is_success());
            black_box(answer.into_body().try_into_bytes().expect("a body in one piece"));
        }
    };
    runtime.block_on(some(COUNTED));
    let counted = allocation_counter::measure(|| runtime.block_on(some(COUNTED)));
    counted.count_total as f64 / f64::from(COUNTED)
}

fn without_sockets(exposure: Exposure, checks: usize, body: &'static str) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let health = runtime.block_on(async { health(checks) });
    let bare = allocations(&runtime, constant(body, false));
    let dressed = allocations(&runtime, constant(body, true));
    let probed = allocations(&runtime, probe(&health, exposure));
    println!(
        "allocations per request: bare {bare:.2}, dressed {dressed:.2}, probe {probed:.2}; none beyond bare: {}",
        verdict(probed - bare < 0.01)
    );
}

fn main() {
    println!(
        "{ROUNDS} interleaved rounds of {} requests over {CONNECTIONS} connections, medians",
        CONNECTIONS * REQUESTS
    );
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    for (exposure, checks) in [(Exposure::Status, 1), (Exposure::Status, 10), (Exposure::Checks, 10)] {
        let body = over_sockets(exposure, checks, &runtime);
        without_sockets(exposure, checks, body);
    }
}
