//! One value for `.service(..)`, wherever it is put.

use std::io;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;

use actix_web::http::{Method, header::HeaderValue};
use actix_web::middleware::{DefaultHeaders, NormalizePath};
use actix_web::{App, HttpResponse, HttpServer, guard, test, web};
use futures::future::join_all;
use health_actix::endpoints;
use health_core::{Exposure, Health, Outcome, Probe, Scope, Spec};
use health_tests::http::{Wire, ask, get, serve};
use health_tests::logs;

/// Live is healthy, ready is not, so that the two are told apart by their codes.
fn health() -> Health {
    Health::builder()
        .check_fn(Spec::named("process").probe([Probe::Live]).scope(Scope::Local).group("own"), || async {})
        .check_fn(Spec::named("db"), || async { Outcome::unhealthy("away") })
        .build()
        .unwrap()
        .start()
}

/// The code of a GET of this path.
macro_rules! code {
    ($app:expr, $path:expr) => {
        code!($app, $path, test::TestRequest::default())
    };
    ($app:expr, $path:expr, $request:expr) => {
        test::call_service(&$app, $request.uri($path).to_request()).await.status().as_u16()
    };
}

#[tokio::test]
async fn it_nests_in_scopes() {
    let health = health();
    let app = test::init_service(
        App::new()
            .service(web::scope("/internal").service(
                web::scope("/{tenant}").service(endpoints(health.clone()).exposure(Exposure::Checks)),
            ))
            .service(web::scope("/self").service(endpoints(health.clone()).mount("")))
            .service(web::scope("/slash").service(endpoints(health.clone()).mount("/")))
            // Last, because a scope without a path takes every path.
            .service(web::scope("").service(endpoints(health).mount("/bare"))),
    )
    .await;
    for (path, expected) in [
        ("/internal/eu/health", 503),
        ("/internal/eu/health/live", 200),
        ("/internal/eu/health/ready", 503),
        ("/internal/eu/health/checks/process", 200),
        ("/internal/eu/health/groups/own", 200),
        ("/internal/eu/health/checks/nope", 404),
        ("/internal/health/live", 404),
        ("/health/live", 404),
        ("/bare/live", 200),
        ("/bare", 503),
        ("/self", 503),
        ("/self/", 404),
        ("/self/live", 200),
        ("/slash/", 503),
        ("/slash", 404),
        ("/slash/live", 200),
        ("/slash//live", 404),
    ] {
        assert_eq!(code!(app, path), expected, "{path}");
    }
}

#[tokio::test]
async fn probes_have_paths_of_their_own() {
    let health = health();
    let app = test::init_service(
        App::new()
            .service(
                endpoints(health.clone())
                    .path(Probe::Live, "/livez")
                    .path(Probe::Ready, "readyz")
                    .mount("/status/"),
            )
            .service(web::scope("/at").service(endpoints(health.clone()).path(Probe::Live, "")))
            // A path that somebody wrote down goes before the overview.
            .service(web::scope("/over").service(endpoints(health.clone()).path(Probe::Live, "/health")))
            .service(endpoints(health).path(Probe::Live, "/").mount("/root")),
    )
    .await;
    for (path, expected) in [
        ("/livez", 200),
        ("/readyz", 503),
        ("/status/startup", 200),
        ("/status", 503),
        ("/status/live", 404),
        ("/status/ready", 404),
        ("/at", 200),
        ("/at/health", 503),
        ("/over/health", 200),
        ("/over/health/ready", 503),
        ("/", 200),
        ("/root/ready", 503),
        ("/root/live", 404),
    ] {
        assert_eq!(code!(app, path), expected, "{path}");
    }
}

#[tokio::test]
async fn two_probes_on_one_path_are_reported() {
    logs::record();
    let endpoints = endpoints(health()).path(Probe::Live, "/same").path(Probe::Ready, "same");
    let app = test::init_service(App::new().service(endpoints)).await;
    assert_eq!(code!(app, "/same"), 200);
    let said = logs::lines_with(&["ERROR", "two probes share a path"]);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("path=/same") && said[0].contains("answered=live"), "{said:?}");
}

#[tokio::test]
async fn guards_and_middleware_of_the_scope_around_it_apply() {
    let health = health();
    let app = test::init_service(
        App::new()
            .service(
                web::scope("/guarded")
                    .guard(guard::Header("x-token", "open"))
                    .wrap(DefaultHeaders::new().add(("X-Wrapped", "yes")))
                    .service(endpoints(health.clone()).exposure(Exposure::Checks)),
            )
            .service(endpoints(health)),
    )
    .await;
    let opened = || test::TestRequest::default().insert_header(("x-token", "open"));
    assert_eq!(code!(app, "/guarded/health/live"), 404);
    assert_eq!(code!(app, "/guarded/health/checks/process"), 404);
    assert_eq!(code!(app, "/guarded/health/live", opened()), 200);
    assert_eq!(code!(app, "/guarded/health/checks/process", opened()), 200);
    assert_eq!(code!(app, "/health/checks/process", opened()), 404, "the other one shows no checks");

    let wrapped = test::call_service(&app, opened().uri("/guarded/health/ready").to_request()).await;
    assert_eq!(wrapped.status().as_u16(), 503);
    assert_eq!(wrapped.headers().get("x-wrapped"), Some(&HeaderValue::from_static("yes")));
    assert_eq!(wrapped.headers().get("x-health-status"), Some(&HeaderValue::from_static("unhealthy")));
    let bare = test::call_service(&app, test::TestRequest::with_uri("/health/ready").to_request()).await;
    assert_eq!(bare.headers().get("x-wrapped"), None);
}

#[tokio::test]
async fn several_stand_side_by_side_and_leave_the_rest_to_the_application() {
    let (one, other) = (health(), Health::builder().build().unwrap().start());
    let app = test::init_service(
        App::new()
            .wrap(NormalizePath::trim())
            .service(endpoints(one.clone()))
            .service(endpoints(one).mount("/internal").exposure(Exposure::Full))
            .service(endpoints(other).mount("/other"))
            .route("/health/version", web::get().to(async || HttpResponse::Ok().body("1.0")))
            .route("/{anything}", web::get().to(async || HttpResponse::Ok().body("page")))
            .default_service(web::to(async || HttpResponse::ImATeapot().finish())),
    )
    .await;
    for (path, expected) in [
        ("/health", 503),
        ("/health/checks/db", 404),
        ("/internal", 503),
        ("/internal/checks/db", 503),
        ("/internal/checks/process", 200),
        ("/other", 200),
        ("/other/ready", 200),
        ("/health/version", 200),
        ("/orders", 200),
        ("/health/nope", 418),
    ] {
        assert_eq!(code!(app, path), expected, "{path}");
    }
}

#[tokio::test]
async fn pollers_of_every_age_are_answered() {
    let health = health();
    let served = serve(2, move |config| {
        config.service(endpoints(health.clone()).path(Probe::Live, "/"));
    });
    // What HAProxy sends unless told otherwise.
    let mut haproxy = Wire::to(served.address).await;
    haproxy.send("OPTIONS / HTTP/1.0\r\n\r\n").await;
    let answer = haproxy.answer().await;
    assert_eq!((answer.code, answer.header("x-health-status")), (200, Some("healthy")));
    assert_eq!(answer.body, r#"{"status":"healthy"}"#);
    assert_eq!(haproxy.rest().await, b"", "HTTP/1.0: closed after one answer");

    let ready = ask(served.address, "OPTIONS /health/ready HTTP/1.0\r\n\r\n").await;
    assert_eq!((ready.code, &*ready.body), (503, r#"{"status":"unhealthy"}"#));
    let closing = ask(
        served.address,
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nUser-Agent: check_http\r\n\r\n",
    )
    .await;
    assert_eq!((closing.code, closing.header("connection")), (200, Some("close")));

    // HEAD: every header of GET, the length included, and not one byte more.
    let mut wire = Wire::to(served.address).await;
    for path in ["/", "/health/ready", "/health/ready?verbose", "/health", "/nope"] {
        wire.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        let get = wire.answer().await;
        wire.send(format!("HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        let head = wire.head().await;
        assert_eq!((head.code, &head.headers), (get.code, &get.headers), "{path}");
        assert_eq!(head.header("content-length"), Some(&*get.body.len().to_string()), "{path}");
    }
    wire.send("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    wire.head().await;
    assert_eq!(wire.rest().await, b"");

    // A pipeline is answered in its order.
    let mut wire = Wire::to(served.address).await;
    let paths = ["/", "/health/ready", "/health/startup", "/nope", "/health", "/health/ready?verbose"];
    let pipeline: String =
        paths.iter().map(|path| format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).collect();
    wire.send(pipeline).await;
    for (path, expected) in paths.into_iter().zip([200, 503, 200, 404, 503, 503]) {
        assert_eq!(wire.answer().await.code, expected, "{path}");
    }
    wire.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody").await;
    let refused = wire.answer().await;
    assert_eq!((refused.code, refused.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
}

#[tokio::test]
async fn head_sends_no_body_although_the_next_request_is_already_there() {
    // While a check runs, the server reads on; it then takes the answer for one to GET.
    let (go, may_end) = tokio::sync::watch::channel(false);
    let check = async |mut may_end: tokio::sync::watch::Receiver<bool>| {
        may_end.wait_for(|may_end| *may_end).await.unwrap();
    };
    let run = move |may_end| -> futures::future::BoxFuture<'static, ()> { Box::pin(check(may_end)) };
    let spec = Spec::named("slow").timeout("1h");
    let health = Health::builder().check_with(spec, may_end, run).deadline("1h").build().unwrap().start();
    let served = serve(1, move |config| {
        config.service(endpoints(health.clone()));
    });
    let mut wire = Wire::to(served.address).await;
    let request = |method| format!("{method} /health/ready HTTP/1.1\r\nHost: x\r\n\r\n");
    wire.send(request("HEAD") + &request("GET")).await;
    // Live is answered by the same worker, so it has read what was sent before.
    assert_eq!(get(served.address, "/health/live").await.code, 200);
    go.send(true).unwrap();
    let head = wire.head().await;
    let get = wire.answer().await;
    assert_eq!((head.code, &head.headers), (200, &get.headers));
    assert_eq!((get.code, &*get.body), (200, r#"{"status":"healthy"}"#));
}

#[tokio::test]
async fn many_workers_share_one_truth() {
    let health = health();
    let kept = health.clone();
    // Made once and cloned for each worker, or made by each: both are the same.
    let made_once = endpoints(health);
    let served = serve(8, move |config| {
        config.service(made_once.clone());
    });
    let ask_all = async |path: &str, expected: u16| {
        let codes = join_all((0..64).map(|_| get(served.address, path))).await;
        assert!(codes.iter().all(|answer| answer.code == expected), "{path}");
    };
    ask_all("/health/live", 200).await;
    ask_all("/health/ready", 503).await;
    kept.drain();
    ask_all("/health/live", 200).await;
    ask_all("/health/ready", 503).await;
}

/// What a user's `main` does, up to serving: a `BuildError` leaves it by `?`.
async fn serve_as_main_does(name: &'static str, started: mpsc::Sender<SocketAddr>) -> io::Result<()> {
    let health = Health::builder().check_fn(Spec::named(name), || async {}).build()?.start();
    let server = HttpServer::new(move || App::new().service(endpoints(health.clone())))
        .workers(2)
        .disable_signals()
        .bind(("127.0.0.1", 0))?;
    started.send(server.addrs()[0]).unwrap();
    server.run().await
}

#[actix_web::main]
async fn actix_main(name: &'static str, started: mpsc::Sender<SocketAddr>) -> io::Result<()> {
    serve_as_main_does(name, started).await
}

#[tokio::main]
async fn tokio_main(name: &'static str, started: mpsc::Sender<SocketAddr>) -> io::Result<()> {
    serve_as_main_does(name, started).await
}

#[tokio::main(flavor = "current_thread")]
async fn tokio_main_on_one_thread(name: &'static str, started: mpsc::Sender<SocketAddr>) -> io::Result<()> {
    serve_as_main_does(name, started).await
}

#[tokio::test]
async fn every_kind_of_main_serves_and_returns_a_build_error() {
    for main in [actix_main, tokio_main, tokio_main_on_one_thread] {
        let (started, address) = mpsc::channel();
        // It serves until the process ends, as a `main` does.
        thread::spawn(move || main("db", started));
        let address = address.recv().unwrap();
        for path in ["/health", "/health/live", "/health/ready", "/health/startup"] {
            let answer = get(address, path).await;
            assert_eq!((answer.code, &*answer.body), (200, r#"{"status":"healthy"}"#), "{path}");
        }

        let (started, _address) = mpsc::channel();
        let error = thread::spawn(move || main("No Name", started)).join().unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("http_mounting.rs"), "{error}");
    }
}

#[tokio::test]
async fn a_method_nobody_knows_is_refused_in_a_scope_too() {
    let app = test::init_service(App::new().service(web::scope("/s").service(endpoints(health())))).await;
    let brew = test::TestRequest::with_uri("/s/health/live").method(Method::from_bytes(b"BREW").unwrap());
    assert_eq!(test::call_service(&app, brew.to_request()).await.status().as_u16(), 405);
}
