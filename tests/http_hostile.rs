//! Whatever somebody sends, the answer is clean: the verdict, a 404, or the server's own refusal, and never a 5xx that
//! is not the verdict.

use std::net::SocketAddr;

use health_actix::endpoints;
use health_core::{Exposure, Health, Spec};
use health_tests::http::{Answer, Served, Wire, ask, get, serve};

/// Everything well, checks shown, so that every answer other than 200 is about the request.
fn server(exposure: Exposure) -> Served {
    let health = Health::builder()
        .check_fn(Spec::named("db").group("storage"), || async {})
        .check_fn(Spec::named("storage/primary").group("storage"), || async {})
        .build()
        .unwrap()
        .start();
    // One worker: if a request could kill or block it, the next answer would not come.
    serve(1, move |config| {
        config.service(endpoints(health.clone()).exposure(exposure));
    })
}

/// Sends this as the target of a request, whatever it is made of.
async fn target(address: SocketAddr, target: &[u8]) -> Answer {
    ask(address, [b"GET ", target, b" HTTP/1.1\r\nHost: x\r\n\r\n"].concat()).await
}

fn is_bare_404(answer: &Answer) -> bool {
    answer.code == 404 && answer.body.is_empty() && answer.headers == [("content-length".into(), "0".into())]
}

#[tokio::test]
async fn paths_match_exactly_or_not_at_all() {
    let served = server(Exposure::Checks);
    for path in [
        "/health",
        "/health/live",
        "/health/ready",
        "/health/startup",
        "/health/checks/db",
        "/health/checks/storage/primary",
        "/health/groups/storage",
        "/%68ealth",
        "/health/%6Cive",
        "/health/checks/%64b",
        "http://elsewhere/health",
        "/health?",
        "/health?x#y",
    ] {
        assert_eq!(get(served.address, path).await.code, 200, "{path}");
    }
    for path in [
        "/health/",
        "/health//",
        "//health",
        "/health/live/",
        "/health/ready/x",
        "/health/readyz",
        "/healthz",
        "/healt",
        "/HEALTH",
        "/Health/live",
        "/health/Live",
        "/health;x=1",
        "/health/live;x=1",
        "/health%2Flive",
        "/health%2flive",
        "/health%",
        "/health%2",
        "/health%zz",
        "/health%00",
        "/%00/health",
        "/health%0d%0aX:y",
        "/health%20",
        "/health+",
        "/health/.",
        "/health/..",
        "/health/../health",
        "/./health",
        "/x/../health",
        "/health/./live",
        "/health/live/..",
        "/health/%2e%2e/health",
        "/..%2fhealth",
        "/health\\live",
        "/health/checks",
        "/health/checks/",
        "/health/checks//db",
        "/health/checks/db/",
        "/health/checks/DB",
        "/health/checks/db%00",
        "/health/checks/db%20",
        "/health/checks/d",
        "/health/checks/dbx",
        "/health/checks/db/x",
        "/health/checks/db?x/../../live#",
        "/health/checks/storage",
        "/health/checks/storage%2Fprimary",
        "/health/checks/storage//primary",
        "/health/checks/storage/./primary",
        "/health/checks/storage/../db",
        "/health/checks/../ready",
        "/health/checks/..%2Fready",
        "/health/checks/%2e%2e/ready",
        "/health/checks/%ff",
        "/health/checks/%c3%28",
        "/health/checks/%ed%a0%80",
        "/health/checks/%c3%a9",
        "/health/checks/%e2%80%aedb",
        "/health/checks/{name}",
        "/health/checks/*",
        "/health/checks/'%20or%201=1",
        "/health/checks/%3Cscript%3E",
        "/health/checks/%25%36%34b",
        "/health/checks/db%0A",
        "/health/groups",
        "/health/groups/",
        "/health/groups/nope",
        "/health/groups/storage/",
        "/health/groups/storage/primary",
        "/health/other/db",
        "/checks/db",
        "/",
        "*",
    ] {
        // The one among them that is a check with an odd query.
        if path.contains('?') {
            assert_eq!(get(served.address, path).await.code, 200, "{path}");
            continue;
        }
        let answer = get(served.address, path).await;
        assert!(is_bare_404(&answer), "{path}: {answer:?}");
    }
    assert_eq!(get(served.address, "/health").await.code, 200);
}

#[tokio::test]
async fn every_escape_in_a_name_is_a_plain_404_and_in_a_query_changes_nothing() {
    for exposure in [Exposure::Status, Exposure::Checks] {
        let served = server(exposure);
        let mut wire = Wire::to(served.address).await;
        for byte in 0..=255u8 {
            for path in [format!("/health/checks/%{byte:02x}"), format!("/health/groups/storage%{byte:02X}")]
            {
                wire.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
                let answer = wire.answer().await;
                assert!(is_bare_404(&answer), "{path}: {answer:?}");
            }
            for query in [
                format!("%{byte:02x}"),
                format!("status=%{byte:02x}&verb%{byte:02x}=%"),
                format!("a%{byte:02x}=1&&=&="),
            ] {
                wire.send(format!("GET /health/ready?{query} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
                let answer = wire.answer().await;
                assert_eq!(answer.code, 200, "{query}");
                assert_eq!(answer.header("x-health-status"), Some("healthy"), "{query}");
                assert!(answer.body.starts_with(r#"{"status":"healthy""#), "{query}: {}", answer.body);
            }
        }
    }
}

#[tokio::test]
async fn length_is_no_weapon() {
    let served = server(Exposure::Checks);
    let long = |part: &str, times| part.repeat(times);
    for path in [
        format!("/health/checks/{}", long("a", 60_000)),
        format!("/health/checks{}", long("/a", 30_000)),
        format!("/health/checks/{}", long("%ff", 20_000)),
        format!("/health/checks/{}", long("%c3%a9", 10_000)),
        format!("/health{}", long("/", 60_000)),
        format!("/health{}", long("/..", 20_000)),
    ] {
        assert!(is_bare_404(&get(served.address, &path).await), "{}", &path[..30]);
    }
    for query in [
        long("status=unhealthy&", 3_000),
        long("&", 60_000),
        long("=", 60_000),
        long("%", 60_000),
        format!("status={}", long("%ff", 20_000)),
        format!("{}=1", long("verbose[]", 6_000)),
    ] {
        let answer = get(served.address, &format!("/health/ready?{query}")).await;
        assert_eq!(
            (answer.code, answer.header("x-health-status")),
            (200, Some("healthy")),
            "{}",
            &query[..20]
        );
    }
    let accept = long("text/plain;q=0.1,application/json;q=0.2,", 1_000);
    let answer =
        ask(served.address, format!("GET /health HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\n\r\n")).await;
    assert_eq!((answer.code, answer.header("content-type")), (200, Some("application/json")));
    // Longer than a target may be at all: the server refuses it before anybody else sees it.
    let answer = get(served.address, &format!("/health/checks/{}", long("a", 70_000))).await;
    assert!((400..500).contains(&answer.code), "{}", answer.code);
    assert_eq!(get(served.address, "/health").await.code, 200, "it still answers");
}

#[tokio::test]
async fn bytes_that_are_no_request_are_refused_by_the_server_itself() {
    let served = server(Exposure::Checks);
    for bytes in [
        &b"/health/checks/\xff"[..],
        b"/health/checks/\x00",
        "/health/\u{e9}".as_bytes(),
        b"/health\x7f",
        b"/health\x01",
        b"/health \x0b",
        b"health",
        b"",
    ] {
        let answer = target(served.address, bytes).await;
        assert!((400..500).contains(&answer.code), "{bytes:?}: {answer:?}");
        assert!(answer.header("x-health-status").is_none());
    }
    assert_eq!(get(served.address, "/health").await.code, 200, "it still answers");
}

#[tokio::test]
async fn odd_headers_and_bodies_leave_the_verdict_alone() {
    let served = server(Exposure::Checks);
    for headers in [
        "Accept: \r\n",
        "Accept: ;q=,;;/\r\n",
        "Accept: */*;q=0\r\n",
        "Accept: text/plain;q=999999999999\r\n",
        "Accept: \u{e9}\r\nAccept: text/\r\n",
        "If-None-Match: *\r\nIf-Modified-Since: Sat, 21 Nov 2099 00:00:00 GMT\r\n",
        "Range: bytes=0-1\r\n",
        "Expect: 200-ok\r\n",
        "X-HTTP-Method-Override: DELETE\r\n",
        "X-Forwarded-Prefix: //evil\r\nForwarded: host=evil\r\n",
        "Content-Length: 5\r\n",
    ] {
        let body = if headers.starts_with("Content-Length") { "hello" } else { "" };
        let request = format!("GET /health/ready HTTP/1.1\r\nHost: x\r\n{headers}\r\n{body}");
        let answer = ask(served.address, request).await;
        assert_eq!((answer.code, answer.header("x-health-status")), (200, Some("healthy")), "{headers}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{headers}");
        assert_eq!((answer.header("location"), answer.header("etag")), (None, None), "{headers}");
    }
}
