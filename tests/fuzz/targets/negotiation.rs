//! What a caller says about the form of an answer, in `Accept` and in the query: it never touches the verdict.
//!
//! The input is lines: the query, then one `Accept` each.
#![no_main]

use std::future::Future;
use std::pin::Pin;

use actix_http::Request;
use actix_web::http::header::{ACCEPT, HeaderValue};
use actix_web::{App, test};
use health_actix::dialect::{Kubernetes, Spring};
use health_core::Exposure;
use health_fuzz::answers::{Head, judge};
use health_fuzz::served_of;
use libfuzzer_sys::fuzz_target;

type Answer = (u16, Vec<(String, String)>, Vec<u8>);
type Ask = &'static dyn Fn(Request) -> Pin<Box<dyn Future<Output = Answer>>>;

thread_local! {
    static ASK: Ask = health_fuzz::run(app());
}

async fn app() -> Ask {
    let health = health_fuzz::of_every_kind();
    let app = App::new()
        .service(served_of(health.clone()).exposure(Exposure::Full))
        .service(served_of(health.clone()).dialect(Kubernetes::new()).exposure(Exposure::Status))
        .service(served_of(health).dialect(Spring::new()).exposure(Exposure::Full));
    let app = &*Box::leak(Box::new(test::init_service(app).await));
    Box::leak(Box::new(move |request| -> Pin<Box<dyn Future<Output = Answer>>> {
        Box::pin(async move {
            let answer = test::call_service(app, request).await;
            let text = |value: &HeaderValue| value.to_str().expect("ASCII").to_owned();
            let headers = answer.headers().iter().map(|(name, value)| (name.to_string(), text(value)));
            let (code, headers) = (answer.status().as_u16(), headers.collect());
            (code, headers, test::read_body(answer).await.to_vec())
        })
    }))
}

fuzz_target!(|data: &[u8]| {
    let mut lines = data.split(|byte| *byte == b'\n');
    let query = lines.next().and_then(|query| std::str::from_utf8(query).ok()).unwrap_or_default();
    let accepts: Vec<_> = lines.filter_map(|line| HeaderValue::from_bytes(line).ok()).collect();
    for (path, code, verdict) in [
        ("/health/ready", 503, "unhealthy"),
        ("/health/live", 200, "healthy"),
        ("/health/checks/db", 200, "healthy"),
        // `?exclude` counts only for those who may see checks.
        ("/readyz", 503, "unhealthy"),
        ("/actuator/health/readiness", 503, "unhealthy"),
    ] {
        let target = format!("{path}?{query}");
        // What is no target at all is refused before anybody sees it.
        if target.parse::<actix_web::http::Uri>().is_err() {
            continue;
        }
        let mut request = test::TestRequest::with_uri(&target);
        for accept in &accepts {
            request = request.append_header((ACCEPT, accept));
        }
        let (said, headers, body) = health_fuzz::run(ASK.with(|ask| ask(request.to_request())));
        let headers = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        let head = Head { code: said, headers };
        judge(&head, &body);
        assert_eq!((said, head.header("x-health-status")), (code, Some(verdict)), "{target} {accepts:?}");
        assert!(!body.is_empty(), "{target}");
    }
});
