//! `counted`: work to be counted instruction by instruction, from outside, by `.ci/instructions`.
//!
//! Run with: `cargo bench -p health-tests --bench counted -- cached 1000`, or `.ci/instructions` for the counts
//!
//! | mode | one iteration |
//! |---|---|
//! | `bare` | a request through actix-web to a handler with a constant body: what is not ours |
//! | `cached` | the same request, answered by a ready probe of ten fresh checks that shows them all |
//! | `browser` | the same, asked as a browser asks, so that there is something to negotiate |
//! | `answer` | `health.report(Probe::Ready)` of ten fresh checks |
//! | `round` | a round of 100 ready checks that are all run anew |
//!
//! Everything is in one thread, so that a count is the same again and again. It prints nothing when all is well.

use std::hint::black_box;
use std::process::ExitCode;

use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::header::ACCEPT;
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpResponse, test, web};
use health_core::{Exposure, Health, Probe, Spec, Status};
use tokio::runtime::Runtime;

const PATH: &str = "/health/ready";
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

fn health(runtime: &Runtime, checks: usize, spec: impl Fn(Spec) -> Spec) -> Health {
    // Under valgrind everything is slow, and nothing may be cut off by a deadline.
    let mut builder = Health::builder().deadline("1m");
    for n in 0..checks {
        let spec = spec(Spec::named(format!("check-{n}")).timeout("30s"));
        builder = builder.check_fn(spec, || async {});
    }
    runtime.block_on(async {
        let health = builder.build().expect("valid").start();
        assert_eq!(health.report(Probe::Ready).await.status(), Status::Healthy);
        health
    })
}

fn fresh(spec: Spec) -> Spec {
    spec.interval("1h")
}

fn run_anew(spec: Spec) -> Spec {
    spec.interval("never").cache("1ns")
}

fn reports(runtime: &Runtime, health: &Health, iterations: usize) {
    runtime.block_on(async {
        for _ in 0..iterations {
            assert_eq!(black_box(health.report(Probe::Ready).await).status(), Status::Healthy);
        }
    });
}

fn requests(
    runtime: &Runtime,
    iterations: usize,
    accept: Option<&str>,
    configure: impl FnOnce(&mut ServiceConfig),
) {
    runtime.block_on(async {
        let app = test::init_service(App::new().configure(configure)).await;
        for _ in 0..iterations {
            let mut request = test::TestRequest::get().uri(PATH);
            if let Some(accept) = accept {
                request = request.insert_header((ACCEPT, accept));
            }
            let request = request.to_request();
            let answer: ServiceResponse = app.call(request).await.expect("an answer");
            assert!(answer.status().is_success());
            black_box(answer.into_body().try_into_bytes().expect("a body in one piece"));
        }
    });
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let (mode, iterations) = (arguments.next(), arguments.next().and_then(|count| count.parse().ok()));
    let (Some(mode), Some(iterations)) = (mode, iterations) else {
        println!("counted: skipped; it needs a mode and a number of iterations, see `.ci/instructions`");
        return ExitCode::SUCCESS;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    match &*mode {
        "bare" => requests(&runtime, iterations, None, |config| {
            let body = async || HttpResponse::Ok().content_type("application/json").body("constant");
            config.route(PATH, web::get().to(body));
        }),
        "cached" | "browser" => {
            let health = health(&runtime, 10, fresh);
            let endpoints = health_actix::endpoints(health).exposure(Exposure::Checks);
            let accept = (mode == "browser").then_some(BROWSER);
            requests(&runtime, iterations, accept, |config| {
                config.service(endpoints);
            });
        }
        "answer" => reports(&runtime, &health(&runtime, 10, fresh), iterations),
        "round" => reports(&runtime, &health(&runtime, 100, run_anew), iterations),
        _ => {
            eprintln!("counted: there is no mode {mode:?}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
