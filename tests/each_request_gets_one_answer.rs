//! One request, one answer, in the order of the requests: nothing that a request carries is taken for another, and what
//! a caller says beside its question changes nothing about the verdict.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use actix_web::web::ServiceConfig;
use actix_web::{HttpResponse, web};
use health_actix::endpoints;
use health_core::{Exposure, Health, Outcome, Spec};
use health_tests::http::{Served, Wire, ask, serve};
use health_tests::logs;

/// A path that answers with a verdict, and what is said there to everybody; the first is well, the other is not.
const MOUNTS: [(&str, u16, &str); 4] = [
    ("/health/live", 200, "healthy"),
    ("/health/ready", 503, "unhealthy"),
    ("/internal/live", 200, "healthy"),
    ("/internal/ready", 503, "unhealthy"),
];

static PANICS: AtomicU32 = AtomicU32::new(0);

fn configure(config: &mut ServiceConfig, health: &Health) {
    config
        .service(endpoints(health.clone()))
        .service(endpoints(health.clone()).mount("/internal").exposure(Exposure::Full))
        .route("/smuggled", web::to(async || HttpResponse::ImATeapot().body("smuggled")));
}

/// One worker: if a request could kill or block it, the next answer would not come.
fn server() -> Served {
    std::panic::set_hook(Box::new(|info| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        eprintln!("{info}");
    }));
    logs::record();
    let health = Health::builder()
        .check_fn(Spec::named("db").group("storage"), || async { Outcome::unhealthy("away") })
        .build()
        .unwrap()
        .start();
    serve(1, move |config| configure(config, &health))
}

/// Whatever was sent before: it still answers, nobody panicked, and the log is not full of it.
async fn is_unimpressed(served: &Served) {
    for (path, code, verdict) in MOUNTS {
        let answer = ask(served.address, format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        assert_eq!((answer.code, answer.header("x-health-status")), (code, Some(verdict)), "{path}");
    }
    assert_eq!(PANICS.load(Ordering::SeqCst), 0);
    // What a check says is not about callers, and what is no request concerns the server alone, which says it.
    let is_theirs =
        |line: &String| line.contains("check=") || line.contains("stream error: request parse error");
    let loud = ["ERROR", "WARN"].map(|level| logs::lines_with(&[level])).concat();
    let loud: Vec<_> = loud.into_iter().filter(|line| !is_theirs(line)).collect();
    assert!(loud.is_empty(), "{loud:?}");
}

/// Everything that is answered to these bytes when nothing follows them.
async fn everything(address: SocketAddr, bytes: &[u8]) -> String {
    let mut wire = Wire::to(address).await;
    wire.send_all(bytes).await;
    String::from_utf8(wire.rest().await).expect("text")
}

fn codes(said: &str) -> Vec<u16> {
    let answers = said.split("HTTP/1.").skip(1).filter_map(|answer| answer.get(2..));
    answers.map(|answer| answer.get(..3).and_then(|code| code.parse().ok()).expect("a code")).collect()
}

#[tokio::test]
async fn in_a_pipeline_of_every_kind_of_request() {
    let served = server();
    let full = ask(served.address, "GET /internal/ready HTTP/1.1\r\nHost: x\r\n\r\n").await.body;
    let pipeline = [
        ("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n", 200, "{\"status\":\"healthy\"}"),
        ("HEAD /internal/ready HTTP/1.1\r\nHost: x\r\n\r\n", 503, ""),
        ("OPTIONS /health/ready HTTP/1.1\r\nHost: x\r\n\r\n", 503, "{\"status\":\"unhealthy\"}"),
        ("GET /nope HTTP/1.1\r\nHost: x\r\n\r\n", 404, ""),
        ("HEAD /health/live HTTP/1.1\r\nHost: x\r\n\r\n", 200, ""),
        ("HEAD /nope HTTP/1.1\r\nHost: x\r\n\r\n", 404, ""),
        ("POST /health/live HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 405, ""),
        ("GET /health/ready?verbose HTTP/1.1\r\nHost: x\r\n\r\n", 503, "ready check failed\n"),
        ("DELETE /internal/checks/db HTTP/1.1\r\nHost: x\r\n\r\n", 405, ""),
        ("GET /internal/ready HTTP/1.1\r\nHost: x\r\n\r\n", 503, &*full),
        ("GET /health/checks/db HTTP/1.1\r\nHost: x\r\n\r\n", 404, ""),
        // The last, because the server hangs up when nobody has read a body.
        (
            "POST /health/live HTTP/1.1\r\nHost: x\r\nContent-Length: 35\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n",
            405,
            "",
        ),
    ];
    let bytes: String = pipeline.iter().map(|(request, _, _)| *request).collect();
    // As one piece, and cut in two at many places. Not behind a HEAD: actix-http takes what it has read last for what it
    // answers, and keeps back the bodies of all that was read with it.
    let ends_with_head = |cut: &usize| {
        let whole = bytes[..*cut].rsplit_once("\r\n\r\n").map_or("", |(whole, _)| whole);
        whole.rsplit("\r\n\r\n").next().is_some_and(|last| last.starts_with("HEAD"))
    };
    for cut in (0..bytes.len()).step_by(23).filter(|cut| !ends_with_head(cut)) {
        let mut wire = Wire::to(served.address).await;
        let (first, second) = bytes.split_at(cut);
        wire.send(first).await;
        tokio::task::yield_now().await;
        wire.send(second).await;
        for (request, code, body) in pipeline {
            let answer = if request.starts_with("HEAD") { wire.head().await } else { wire.answer().await };
            let common = |text: &str| text.split("\"at\"").next().unwrap_or_default().to_owned();
            assert_eq!((answer.code, common(&answer.body)), (code, common(body)), "{request} cut at {cut}");
        }
    }
    is_unimpressed(&served).await;
}

#[tokio::test]
async fn head_has_the_length_of_a_body_that_does_not_come() {
    let served = server();
    for (path, code, _) in MOUNTS {
        for accept in ["*/*", "text/plain"] {
            let mut wire = Wire::to(served.address).await;
            let request = |method| format!("{method} {path} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\n\r\n");
            wire.send(request("HEAD") + &request("GET")).await;
            let (before, whole) = (wire.head().await, wire.answer().await);
            wire.send(request("HEAD")).await;
            let after = wire.head().await;
            assert_eq!((whole.code, &before.headers, &after.headers), (code, &whole.headers, &whole.headers));
            assert_eq!(whole.header("content-length"), Some(&*whole.body.len().to_string()));
        }
    }
    is_unimpressed(&served).await;
}

#[tokio::test]
async fn whatever_hides_another_request() {
    let served = server();
    let inner = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
    let (length, chunk) = (inner.len(), format!("{:x}\r\n{inner}\r\n0\r\n\r\n", inner.len()));
    for (path, code, _) in MOUNTS {
        for method in ["GET", "POST", "OPTIONS", "HEAD"] {
            let expected = if method == "POST" { 405 } else { code };
            for (headers, body, is_valid) in [
                (format!("Content-Length: {length}\r\n"), inner, true),
                ("Transfer-Encoding: chunked\r\n".into(), &*chunk, true),
                (format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n"), &*chunk, false),
                (format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n"), inner, false),
                (format!("Content-Length: 0\r\nContent-Length: {length}\r\n"), inner, false),
                (format!("Content-Length: {length}\r\nContent-Length: 0\r\n"), inner, false),
                (format!("Content-Length: {length}\r\nContent-Length: {length}\r\n"), inner, false),
                (format!("Content-Length: {length}, {length}\r\n"), inner, false),
                (format!("Content-Length: +{length}\r\n"), inner, false),
                (format!("Content-Length: -{length}\r\n"), inner, false),
                (format!("Content-Length: 0x{length:x}\r\n"), inner, false),
                ("Content-Length: 99999999999999999999999\r\n".into(), inner, false),
                (format!("Content-Length : {length}\r\n"), inner, false),
                ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n".into(), &*chunk, false),
                ("Transfer-Encoding: xchunked\r\n".into(), &*chunk, false),
                ("Transfer-Encoding: \x0bchunked\r\n".into(), &*chunk, false),
                ("Transfer-Encoding : chunked\r\n".into(), &*chunk, false),
                (format!("X: y\r\n Content-Length: {length}\r\n"), inner, false),
                ("Transfer-Encoding: chunked\r\n".into(), "fffffffffffffffff\r\nGET /smuggled", false),
                ("Transfer-Encoding: chunked\r\n".into(), "-1\r\nGET /smuggled HTTP/1.1\r\n\r\n", false),
                (
                    "Transfer-Encoding: chunked\r\n".into(),
                    "garbage\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
                    false,
                ),
            ] {
                let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n{body}");
                let said = everything(served.address, request.as_bytes()).await;
                assert!(!said.contains("smuggled"), "{request}\n{said}");
                let codes = codes(&said);
                if is_valid {
                    assert_eq!(codes, [expected], "{request}\n{said}");
                } else {
                    assert!(
                        codes.len() <= 2 && codes.iter().all(|code| *code == expected || code / 100 == 4),
                        "{request}\n{said}"
                    );
                }
            }
        }
    }
    is_unimpressed(&served).await;
}

#[tokio::test]
async fn whatever_form_the_target_has() {
    let served = server();
    for (path, code, verdict) in MOUNTS {
        for request in [
            format!("GET {path} HTTP/1.0\r\n\r\n"),
            format!("HEAD {path} HTTP/1.0\r\n\r\n"),
            format!("OPTIONS {path} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
            format!("GET http://elsewhere{path} HTTP/1.1\r\nHost: x\r\n\r\n"),
            format!("GET http://u:p@elsewhere:1{path}?x HTTP/1.1\r\nHost: y\r\n\r\n"),
        ] {
            let mut wire = Wire::to(served.address).await;
            wire.send(&request).await;
            let answer = wire.head().await;
            assert_eq!((answer.code, answer.header("x-health-status")), (code, Some(verdict)), "{request}");
        }
    }
    for (request, expected) in [
        ("OPTIONS / HTTP/1.0\r\n\r\n", 404),
        ("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        ("GET x:80 HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        ("GET /health/live HTTP/2.0\r\nHost: x\r\n\r\n", 400),
        ("GET /health/live\r\n\r\n", 400),
        ("GET\t/health/live HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("get /health/live HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        ("CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        ("\x16\x03\x01\x02\x00\x01\x00\x01\u{fc}\x03\x03", 400),
        ("BREW /internal/checks/db HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    ] {
        let said = everything(served.address, request.as_bytes()).await;
        assert_eq!(codes(&said), [expected], "{request:?}\n{said}");
    }
    is_unimpressed(&served).await;
}
