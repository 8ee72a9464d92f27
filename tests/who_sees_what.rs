//! Every caller gets the same verdict, and sees what it may see: one word, the checks, or everything.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use actix_web::dev::Service as _;
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, HttpResponse, HttpServer, guard, rt, web};
use health_actix::{Access, ProxyHeader, endpoints};
use health_core::{Exposure, Failure, Health, Outcome, Probe, Scope, Spec};
use health_tests::http::{Answer, Served, Wire, get, serve};
use health_tests::logs;
use health_tests::servers::Scratch;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

const EXPOSURES: [Exposure; 3] = [Exposure::Status, Exposure::Checks, Exposure::Full];
const METHODS: [&str; 7] = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "BREW"];

const NEW: &str = "planted-new-token-0123";
const OLD: &str = "planted-old-token-0123";
const WRONG: &str = "planted-no-token-01234";

/// Live and startup are healthy, ready and the overview are not.
fn health() -> Health {
    let away = || async { Err::<(), _>(Failure::new("away").because("the private cause")) };
    Health::builder()
        .check_fn(Spec::named("process").probe([Probe::Live]).scope(Scope::Local), || async {
            Outcome::healthy()
        })
        .check_fn(Spec::named("db").group("storage"), away)
        .build()
        .unwrap()
        .start()
}

fn served(access: Access) -> Served {
    let health = health();
    serve(2, move |config| {
        config.service(endpoints(health.clone()).access(access.clone()));
    })
}

async fn send(wire: &mut Wire, method: &str, path: &str, headers: &[String]) -> Answer {
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    wire.send(format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n")).await;
    if method == "HEAD" { wire.head().await } else { wire.answer().await }
}

/// How much the body of an overview shows.
fn shown(overview: &Answer) -> Exposure {
    let shows = |text| overview.body.contains(text);
    match (shows("\"db\""), shows("the private cause")) {
        (true, true) => Exposure::Full,
        (true, false) => Exposure::Checks,
        (false, shows) => {
            assert!(!shows && overview.body == r#"{"status":"unhealthy"}"#, "{overview:?}");
            Exposure::Status
        }
    }
}

async fn overview_shows(address: SocketAddr, headers: &[&str]) -> Exposure {
    let headers: Vec<_> = headers.iter().map(|line| (*line).to_owned()).collect();
    shown(&send(&mut Wire::to(address).await, "GET", "/health", &headers).await)
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}")
}

/// `printf 'user:planted-new-token-0123' | base64`, and the same of the others.
fn basic(token: &str) -> String {
    let encoded = match token {
        NEW => "dXNlcjpwbGFudGVkLW5ldy10b2tlbi0wMTIz",
        OLD => "dXNlcjpwbGFudGVkLW9sZC10b2tlbi0wMTIz",
        _ => "dXNlcjpwbGFudGVkLW5vLXRva2VuLTAxMjM0",
    };
    format!("Authorization: Basic {encoded}")
}

/// What a caller may send, what it appends to every path, and whether that is a token that counts.
fn callers() -> Vec<(Vec<String>, &'static str, bool)> {
    vec![
        (vec![], "", false),
        (vec![bearer(NEW)], "", true),
        (vec![bearer(OLD)], "", true),
        (vec![bearer(OLD).replace("Bearer", "bEARER")], "?x=1", true),
        (vec![basic(NEW)], "", true),
        (vec![basic(OLD).replace("Basic", "BASIC")], "", true),
        (vec![bearer(WRONG)], "", false),
        (vec![basic(WRONG)], "", false),
        (vec![bearer(&NEW[1..])], "", false),
        (vec![bearer(&format!("{NEW}0"))], "", false),
        (vec![bearer("")], "", false),
        (vec![bearer(&"x".repeat(5_000))], "", false),
        (vec![basic(NEW).replace("dXN", "d!N")], "", false),
        (vec![bearer(NEW), bearer(NEW)], "", false),
        (vec![bearer(NEW), bearer(WRONG)], "", false),
        (vec![bearer(WRONG), basic(NEW)], "", false),
        (vec![format!("X-Authorization: Bearer {NEW}"), format!("Cookie: token={NEW}")], "", false),
        (vec![], "?token=planted-new-token-0123&access_token=planted-new-token-0123", false),
        (vec!["X-Forwarded-For: 127.0.0.1".into(), "Forwarded: for=127.0.0.1".into()], "", false),
    ]
}

#[tokio::test]
async fn every_caller_gets_the_same_verdict_and_sees_what_it_may() {
    logs::record();
    for everyone in EXPOSURES {
        for granted in EXPOSURES {
            let access = Access::new()
                .everyone(everyone)
                .token(granted, NEW)
                .and_then(|access| access.token(granted, OLD))
                .unwrap();
            let printed = format!("{:?}", endpoints(health()).access(access.clone()));
            assert!(printed.contains("tokens: {") && !printed.contains("planted"), "{printed}");
            let served = served(access);
            let mut wire = Wire::to(served.address).await;
            // What no path is, by method.
            let mut nothing = BTreeMap::new();
            for method in METHODS {
                nothing.insert(method, send(&mut wire, method, "/health/nothing", &[]).await);
                assert_eq!(nothing[method].code, 404, "{method}");
            }
            for (headers, query, is_token) in callers() {
                let may_see = if is_token { everyone.max(granted) } else { everyone };
                let context = format!("{headers:?} {query:?} at {everyone:?} with a token for {granted:?}");
                let mut ask = async |method, path: &str| {
                    let answer = send(&mut wire, method, &format!("{path}{query}"), &headers).await;
                    assert!(!format!("{answer:?}").contains("planted"), "{answer:?}");
                    assert_eq!(answer.header("www-authenticate"), None);
                    answer
                };
                for (path, code) in [
                    ("/health/live", 200),
                    ("/health/startup", 200),
                    ("/health/ready", 503),
                    ("/health", 503),
                ] {
                    for method in METHODS {
                        let is_verdict = ["GET", "HEAD", "OPTIONS"].contains(&method);
                        let expected = if is_verdict { code } else { 405 };
                        assert_eq!(ask(method, path).await.code, expected, "{method} {path} {context}");
                    }
                }
                for path in ["/health", "/health/ready"] {
                    assert_eq!(shown(&ask("GET", path).await), may_see, "{path} {context}");
                }
                for (path, exists) in [
                    ("/health/checks/db", true),
                    ("/health/checks/no", false),
                    ("/health/groups/storage", true),
                    ("/health/groups/nowhere", false),
                ] {
                    for method in METHODS {
                        let answer = ask(method, path).await;
                        if may_see < Exposure::Checks {
                            assert_eq!(answer, nothing[method], "{method} {path} {context}");
                        } else if method == "GET" {
                            assert_eq!(answer.code, if exists { 503 } else { 404 }, "{path} {context}");
                            assert!(!exists || shown(&answer) == may_see, "{path} {context}");
                        }
                    }
                }
            }
        }
    }
    let said = logs::lines_with(&["planted"]);
    assert!(said.is_empty(), "{said:?}");
    assert!(!logs::lines_with(&["check changed", "check=db "]).is_empty(), "lines are recorded");
}

#[tokio::test]
async fn a_network_is_that_of_the_real_peer() {
    // This test asks from 127.0.0.1.
    for (network, expected) in [
        ("127.0.0.1", Exposure::Checks),
        ("127.0.0.0/8", Exposure::Checks),
        ("::ffff:127.0.0.0/104", Exposure::Checks),
        ("0.0.0.0/0", Exposure::Checks),
        ("127.0.0.2", Exposure::Status),
        ("::1", Exposure::Status),
        ("::/0", Exposure::Status),
        ("10.0.0.0/8", Exposure::Status),
    ] {
        let access = Access::new().networks(Exposure::Checks, [network]).unwrap();
        let served = served(access);
        for headers in [&[][..], &["X-Forwarded-For: 10.0.0.1"], &["Forwarded: for=10.0.0.1"]] {
            assert_eq!(overview_shows(served.address, headers).await, expected, "{network} {headers:?}");
        }
        let code = if expected == Exposure::Checks { 503 } else { 404 };
        assert_eq!(get(served.address, "/health/checks/db").await.code, code, "{network}");
    }
}

#[tokio::test]
async fn a_declared_proxy_is_believed_and_is_nobody_itself() {
    // The proxy itself is in a network that sees everything.
    let access = Access::new()
        .networks(Exposure::Full, ["127.0.0.0/8"])
        .and_then(|access| access.networks(Exposure::Checks, ["192.0.2.0/24", "2001:db8::/32"]))
        .and_then(|access| access.proxies(["127.0.0.1", "10.1.0.0/16"]))
        .unwrap();
    let served = served(access.clone());
    for (headers, expected) in [
        (&[][..], Exposure::Status),
        (&["X-Forwarded-For: 192.0.2.1"], Exposure::Checks),
        (&["X-Forwarded-For: [2001:db8::1]:4711"], Exposure::Checks),
        (&["X-Forwarded-For: 192.0.2.1, 10.1.0.9"], Exposure::Checks),
        (&["X-Forwarded-For: 203.0.113.1, 192.0.2.1", "X-Forwarded-For: 10.1.0.9"], Exposure::Checks),
        (&["X-Forwarded-For: 192.0.2.1, 203.0.113.1"], Exposure::Status),
        (&["X-Forwarded-For: 127.0.0.2"], Exposure::Full),
        (&["X-Forwarded-For: 127.0.0.1"], Exposure::Status),
        (&["X-Forwarded-For: 192.0.2.1, unknown"], Exposure::Status),
        (&["Forwarded: for=192.0.2.1", "X-Real-IP: 192.0.2.1"], Exposure::Status),
    ] {
        assert_eq!(overview_shows(served.address, headers).await, expected, "{headers:?}");
    }
    let served = self::served(access.proxy_header(ProxyHeader::Forwarded));
    for (headers, expected) in [
        (&["Forwarded: for=192.0.2.1;proto=https"][..], Exposure::Checks),
        (&[r#"Forwarded: for="[2001:db8::1]:4711", for=10.1.0.9"#], Exposure::Checks),
        (&["Forwarded: for=_hidden"], Exposure::Status),
        (&["X-Forwarded-For: 192.0.2.1"], Exposure::Status),
    ] {
        assert_eq!(overview_shows(served.address, headers).await, expected, "{headers:?}");
    }
}

#[tokio::test]
async fn a_unix_socket_is_in_no_network() {
    let scratch = Scratch::new("health-access");
    let path = scratch.path().join("socket");
    let (health, networks) = (health(), ["0.0.0.0/0", "::/0"]);
    let access = Access::new()
        .networks(Exposure::Full, networks)
        .and_then(|access| access.proxies(networks))
        .and_then(|access| access.token(Exposure::Checks, NEW))
        .unwrap();
    let server =
        HttpServer::new(move || App::new().service(endpoints(health.clone()).access(access.clone())))
            .workers(1)
            .disable_signals()
            .bind_uds(&path)
            .unwrap()
            .run();
    let handle = server.handle();
    tokio::spawn(server);
    for (header, shows_checks) in
        [("X-Forwarded-For: 192.0.2.1".to_owned(), false), (bearer(NEW), true), ("Via: x".to_owned(), false)]
    {
        let mut socket = UnixStream::connect(&path).await.unwrap();
        let request = format!("GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        assert_eq!(answer.contains("\"db\""), shows_checks, "{header}: {answer}");
        assert!(!answer.contains("the private cause"), "{answer}");
    }
    drop(handle.stop(false));
}

#[tokio::test]
async fn a_guard_of_the_application_grants_too() {
    let access = Access::new().guard(Exposure::Checks, guard::Header("x-mesh-identity", "dashboard")).guard(
        Exposure::Full,
        |context: &guard::GuardContext<'_>| {
            assert!(!context.head().headers().contains_key("x-panic"), "as application code may");
            context.head().headers().contains_key("x-full")
        },
    );
    let served = served(access);
    for (headers, expected) in [
        (&[][..], Exposure::Status),
        (&["X-Mesh-Identity: dashboard"], Exposure::Checks),
        (&["X-Mesh-Identity: somebody"], Exposure::Status),
        (&["X-Full: 1"], Exposure::Full),
        (&["X-Full: 1", "X-Panic: 1"], Exposure::Status),
        (&["X-Mesh-Identity: dashboard", "X-Panic: 1"], Exposure::Checks),
    ] {
        assert_eq!(overview_shows(served.address, headers).await, expected, "{headers:?}");
    }
}

#[tokio::test]
async fn the_last_of_exposure_and_access_counts() {
    let health = health();
    let grants = Access::new().networks(Exposure::Full, ["127.0.0.1"]).unwrap();
    let served = serve(1, move |config| {
        let one = |mount| endpoints(health.clone()).mount(mount);
        config
            .service(one("/access").exposure(Exposure::Checks).access(grants.clone()))
            .service(one("/exposure").access(grants.clone()).exposure(Exposure::Checks))
            .service(one("/neither"));
    });
    for (path, expected) in
        [("/access", Exposure::Full), ("/exposure", Exposure::Checks), ("/neither", Exposure::Status)]
    {
        assert_eq!(shown(&get(served.address, path).await), expected, "{path}");
    }
}

/// Not with a clock: whoever may not see names costs the same work whether or not a name exists, and none of it is done
/// by a check.
#[test]
fn names_that_exist_cost_what_those_cost_that_do_not() {
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    // Every question about it would be a run.
    let spec = Spec::named("db").group("storage").interval("never").cache("1ns");
    let check = move || {
        counted.fetch_add(1, Ordering::SeqCst);
        async {}
    };
    // On threads of its own, so that the engine allocates nothing on this one.
    let health = Health::builder().check_fn(spec, check).build().unwrap().start_dedicated().unwrap();
    let access = Access::new().token(Exposure::Checks, NEW).unwrap();
    rt::System::new().block_on(async {
        assert_eq!(health.report(Probe::Ready).await.status(), health_core::Status::Healthy);
        let default = web::to(|| async { HttpResponse::NotFound().body("none of ours") });
        let app = App::new().service(endpoints(health.clone()).access(access)).default_service(default);
        let app = init_service(app).await;
        let cost = |path: &'static str, token: Option<&'static str>| {
            let mut request = TestRequest::with_uri(path);
            if let Some(token) = token {
                request = request.insert_header(("authorization", format!("Bearer {token}")));
            }
            let call = app.call(request.to_request());
            // Such an answer waits for nothing, so that it is there when it is polled once.
            let mut answer = None;
            let measured = allocation_counter::measure(|| {
                answer = futures::FutureExt::now_or_never(call);
            });
            let code = answer.map(|answer| answer.unwrap().status().as_u16());
            (code, measured.count_total, measured.bytes_total)
        };
        let before = runs.load(Ordering::SeqCst);
        for token in [None, Some(WRONG)] {
            for (exists, does_not) in [
                ("/health/checks/db", "/health/checks/no"),
                ("/health/groups/storage", "/health/groups/nowhere"),
            ] {
                // Twice, because what is done once for a thread or a pool is done by whoever comes first.
                let costs =
                    [cost(exists, token), cost(does_not, token), cost(exists, token), cost(does_not, token)];
                assert_eq!(costs[2], costs[3], "{exists} {costs:?}");
                assert_eq!(costs[2].0, Some(404));
            }
        }
        assert_eq!(runs.load(Ordering::SeqCst), before, "nobody who may not see a check has it run");
        // Who may see it does, and pays for it: the measure measures.
        let (seen, unseen) = (cost("/health/checks/db", Some(NEW)), cost("/health/checks/no", Some(NEW)));
        assert_ne!(seen, unseen);
        assert_eq!(unseen.0, Some(404));
    });
}
