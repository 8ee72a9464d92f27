//! Whatever a caller says about itself, its credentials and its intentions, and however badly: the answer is the one
//! that everybody gets, or the server refuses what is no request.

use health_actix::endpoints;
use health_core::{Exposure, Health, Outcome, Scope, Spec};
use health_tests::http::{Answer, Served, Wire, ask, get, serve};

/// Paths with a verdict, of whatever mount.
const PATHS: [&str; 6] =
    ["/health", "/health/live", "/health/ready", "/full/ready", "/full/live", "/full/checks/db"];

fn server() -> Served {
    let lasting = |name| Spec::named(name).scope(Scope::Local).interval("never").cache("1h");
    let health = Health::builder()
        .check_fn(lasting("db"), || async { Outcome::unhealthy("away").data("n", 1) })
        .check_fn(lasting("s3"), || async {})
        .build()
        .unwrap()
        .start();
    // One worker: if a request could kill or block it, the next answer would not come.
    serve(1, move |config| {
        config.service(endpoints(health.clone()));
        config.service(endpoints(health.clone()).mount("/full").exposure(Exposure::Full));
    })
}

/// What everybody gets, path by path. Asked once before, so that there is nothing left to find out.
async fn plain(served: &Served) -> Vec<Answer> {
    get(served.address, PATHS[0]).await;
    let mut answers = Vec::new();
    for path in PATHS {
        answers.push(get(served.address, path).await);
    }
    answers
}

fn with(headers: impl AsRef<[u8]>, path: &str) -> Vec<u8> {
    let line = format!("GET {path} HTTP/1.1\r\nHost: x\r\n");
    [line.as_bytes(), headers.as_ref(), b"\r\n"].concat()
}

/// Says this on every path.
async fn changes_nothing(served: &Served, plain: &[Answer], headers: impl AsRef<[u8]>) {
    let headers = headers.as_ref();
    for (path, plain) in PATHS.iter().zip(plain) {
        let answer = ask(served.address, with(headers, path)).await;
        assert_eq!(&answer, plain, "{path}: {}", String::from_utf8_lossy(headers));
    }
}

#[tokio::test]
async fn by_credentials_of_any_kind() {
    let served = server();
    let plain = plain(&served).await;
    let long = "a".repeat(60_000);
    for value in [
        "",
        " ",
        "Bearer",
        "Bearer ",
        "Bearer  ",
        "Bearer x",
        "bearer x",
        "BEARER\tx",
        "Bearer x y",
        "Bearer x,y",
        "Bearer \"x\"",
        "Bearer null",
        "Bearer undefined",
        "Bearer ..",
        "Bearer e30.e30.",
        "Bearer =",
        "Bearer x=",
        "Basic",
        "Basic ",
        "Basic !",
        "Basic Og==",
        "Basic eDp5",
        "Basic eA==",
        "Basic eDp5Og",
        "Basic /////w==",
        "Basic =",
        "Basic eDp5 eDp5",
        "Digest username=\"x\"",
        "Negotiate x",
        ",",
        "x",
        ":",
        "\u{7f}Bearer x",
        "Bearer \u{e9}",
        &*format!("Bearer {long}"),
        &*format!("Basic {long}"),
    ] {
        // What is no header value is refused by the server.
        if value.contains('\u{7f}') {
            let answer = ask(served.address, with(format!("Authorization: {value}\r\n"), PATHS[0])).await;
            assert!((400..500).contains(&answer.code), "{answer:?}");
            continue;
        }
        changes_nothing(&served, &plain, format!("Authorization: {value}\r\n")).await;
        changes_nothing(
            &served,
            &plain,
            format!("Proxy-Authorization: {value}\r\nCookie: token={value}\r\n"),
        )
        .await;
    }
    let twice = "Authorization: Bearer a\r\nAuthorization: Basic Yjpi\r\nAuthorization:\r\n";
    changes_nothing(&served, &plain, twice).await;
}

#[tokio::test]
async fn by_claims_about_where_it_comes_from() {
    let served = server();
    let plain = plain(&served).await;
    for name in [
        "X-Forwarded-For",
        "X-Real-IP",
        "Forwarded",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "Via",
        "Origin",
    ] {
        for value in
            ["127.0.0.1", "::1", "for=127.0.0.1;host=x", ",,,", "unknown", "localhost, 10.0.0.1", "\"", ""]
        {
            changes_nothing(&served, &plain, format!("{name}: {value}\r\n{name}: {value}\r\n")).await;
        }
    }
}

#[tokio::test]
async fn by_bytes_that_are_no_text() {
    let served = server();
    let plain = plain(&served).await;
    for name in [
        "Accept",
        "Accept-Encoding",
        "Accept-Language",
        "Authorization",
        "Cookie",
        "Expect",
        "Forwarded",
        "From",
        "If-Match",
        "If-None-Match",
        "If-Modified-Since",
        "Origin",
        "Pragma",
        "Range",
        "Referer",
        "TE",
        "Trailer",
        "User-Agent",
        "Via",
        "Warning",
        "X-Forwarded-For",
        "X-Request-Id",
        "Content-Type",
        "Content-Encoding",
        "Connection",
    ] {
        for value in
            [&b"\xff"[..], b"\xc3\x28", b"\xed\xa0\x80", b"text/plain\xff", b"\x80\x80, \xfe", b"a\tb"]
        {
            let headers = [name.as_bytes(), b": ", value, b"\r\n"].concat();
            changes_nothing(&served, &plain, headers).await;
        }
    }
    for headers in [
        &b"Content-Length: \xff\r\n"[..],
        b"Transfer-Encoding: \xff\r\n",
        b"X: \x00\r\n",
        b"X\xff: y\r\n",
        b"X y: z\r\n",
        b": y\r\n",
        b"X: a\rb\r\n",
        b"no colon\r\n",
    ] {
        let answer = ask(served.address, with(headers, PATHS[0])).await;
        assert!((400..500).contains(&answer.code), "{headers:?} {answer:?}");
    }
    assert_eq!(self::plain(&served).await, plain);
}

#[tokio::test]
async fn by_how_much_it_says() {
    let served = server();
    let plain = plain(&served).await;
    let many =
        |count: usize, value: &str| -> String { (0..count).map(|n| format!("X-{n}: {value}\r\n")).collect() };
    for headers in [many(80, "y"), many(60, &"y".repeat(1_000)), format!("X: {}\r\n", "y".repeat(100_000))] {
        changes_nothing(&served, &plain, headers).await;
    }
    let same = |name: &str, count| format!("{name}: text/plain\r\n").repeat(count);
    changes_nothing(&served, &plain, same("X", 80)).await;
    changes_nothing(&served, &plain, same("User-Agent", 80)).await;
    for headers in [many(1_000, "y"), same("X", 1_000), format!("X: {}\r\n", "y".repeat(200 << 10))] {
        let mut wire = Wire::to(served.address).await;
        wire.send_all(with(&headers, PATHS[0])).await;
        // It may have hung up on bytes that it did not want to read, and then its words are lost.
        let said = wire.whatever_comes().await;
        assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 4"), "{:?}", String::from_utf8_lossy(&said));
    }
    for hosts in ["Host: x\r\n", "Host: y\r\n", "host: \r\n"] {
        let answer = ask(served.address, with(hosts, PATHS[1])).await;
        assert!(answer == plain[1] || (400..500).contains(&answer.code), "{answer:?}");
    }
    assert_eq!(self::plain(&served).await, plain);
}

#[tokio::test]
async fn by_a_body_that_it_announces_and_does_not_send() {
    let served = server();
    let plain = plain(&served).await;
    for headers in [
        "Content-Length: 1073741824\r\n",
        "Content-Length: 18446744073709551615\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nExpect: 100-continue\r\n",
        "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n",
    ] {
        for (path, plain) in PATHS.iter().zip(&plain) {
            let mut wire = Wire::to(served.address).await;
            wire.send(with(headers, path)).await;
            let mut answer = wire.head().await;
            if answer.code == 100 {
                answer = wire.head().await;
            }
            assert_eq!(
                (answer.code, answer.header("x-health-status")),
                (plain.code, plain.header("x-health-status"))
            );
            // Some of it, and then nothing more.
            wire.send_all("7\r\ngarb").await;
            wire.reset();
        }
    }
    assert_eq!(self::plain(&served).await, plain);
}
