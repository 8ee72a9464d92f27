//! Rule 14 over HTTP: every status, exposure and method has one code, one set of headers and one body.

use actix_web::body::MessageBody as _;
use actix_web::http::{Method, StatusCode};
use actix_web::{App, HttpResponse, test, web};
use health_actix::endpoints;
use health_core::{Exposure, Failure, Gate, Health, Outcome, Probe, ProbeSet, Scope, Spec, Status};
use health_tests::asking::{ask, ask_with, get, of_status};

/// A body with its times and durations taken out, which are the only things in it that differ from run to run.
fn timeless(body: &str) -> String {
    let mut rest = body.to_owned();
    for key in ["at", "since", "last_success"] {
        let marker = format!("\"{key}\":\"");
        let mut done = String::new();
        while let Some((before, after)) = rest.split_once(&marker) {
            let (time, after) = after.split_once('"').unwrap();
            // RFC 3339 in UTC with milliseconds.
            assert!(time.len() == 24 && time.ends_with('Z') && time.as_bytes()[10] == b'T', "{time}");
            done += &format!("{before}\"{key}\":T");
            rest = after.to_owned();
        }
        rest = done + &rest;
    }
    let mut done = String::new();
    while let Some((before, after)) = rest.split_once("\"duration_ms\":") {
        let end = after.find([',', '}']).unwrap();
        after[..end].parse::<f64>().unwrap();
        done += &format!("{before}\"duration_ms\":N");
        rest = after[end..].to_owned();
    }
    done + &rest
}

#[tokio::test]
async fn each_status_has_its_code_for_every_method_path_and_exposure() {
    for (status, code) in [(Status::Healthy, 200), (Status::Degraded, 200), (Status::Unhealthy, 503)] {
        for exposure in [Exposure::Status, Exposure::Checks, Exposure::Full] {
            let endpoints = endpoints(of_status(status)).exposure(exposure);
            for path in
                ["/health", "/health/live", "/health/ready", "/health/checks/a/r", "/health/groups/all"]
            {
                if exposure < Exposure::Checks && path.matches('/').count() > 2 {
                    continue;
                }
                for query in ["", "?verbose", "?status=healthy"] {
                    let get = get(&endpoints, &format!("{path}{query}")).await;
                    let what = format!("{status} {exposure:?} {path}{query}");
                    assert_eq!(get.code, code, "{what}");
                    assert_eq!(get.header("x-health-status"), Some(status.as_str()), "{what}");
                    assert_eq!(get.header("cache-control"), Some("no-store"), "{what}");
                    assert_eq!(get.header("x-content-type-options"), Some("nosniff"), "{what}");
                    let kind =
                        if query == "?verbose" { "text/plain; charset=utf-8" } else { "application/json" };
                    assert_eq!(get.header("content-type"), Some(kind), "{what}");
                    assert_eq!(get.headers.len(), 4, "{what}: {:?}", get.headers);
                    if exposure == Exposure::Status && query != "?verbose" {
                        assert_eq!(get.body, format!(r#"{{"status":"{status}"}}"#), "{what}");
                    }

                    let options = ask(&endpoints, Method::OPTIONS, &format!("{path}{query}")).await;
                    assert_eq!((options.code, &options.headers), (get.code, &get.headers), "{what}");
                    assert_eq!(timeless(&options.body), timeless(&get.body), "{what}");

                    let mut head = ask(&endpoints, Method::HEAD, &format!("{path}{query}")).await;
                    // The one header that a server adds to GET by itself.
                    let length = head.headers.iter().position(|(name, _)| name == "content-length").unwrap();
                    let (_, length) = head.headers.remove(length);
                    assert_eq!((head.code, &head.headers), (get.code, &get.headers), "{what}");
                    assert_eq!(head.body, "", "{what}");
                    if exposure == Exposure::Status {
                        // Elsewhere durations make the bodies differ by a few bytes.
                        assert_eq!(length, get.body.len().to_string(), "{what}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn startup_answers_until_it_has_passed_and_for_ever_after() {
    let gate = Gate::new("migrations").holding_startup();
    let health = Health::builder().gate(&gate).build().unwrap().start();
    let endpoints = endpoints(health.clone()).exposure(Exposure::Checks);
    let seen = get(&endpoints, "/health/startup").await;
    assert_eq!((seen.code, seen.header("x-health-status")), (503, Some("unhealthy")));
    assert_eq!(
        seen.body,
        r#"{"status":"unhealthy","failing":[],"waiting_for":["gate:migrations"],"probe":"startup","phase":"starting","checks":[]}"#
    );
    assert_eq!(get(&endpoints, "/health/ready").await.code, 503);
    assert_eq!(get(&endpoints, "/health/live").await.code, 200);
    assert_eq!(
        get(&endpoints, "/health/ready?verbose").await.body,
        "[-]gate migrations closed\nready check failed\n"
    );

    gate.open();
    assert_eq!(get(&endpoints, "/health/startup").await.code, 200);
    assert_eq!(get(&endpoints, "/health/ready").await.code, 200);

    health.drain();
    assert_eq!(get(&endpoints, "/health/startup").await.code, 200);
    assert_eq!(get(&endpoints, "/health/live").await.code, 200);
    assert_eq!(get(&endpoints, "/health/ready").await.code, 503);
    assert_eq!(get(&endpoints, "/health").await.code, 503);
    health.resume();
    assert_eq!(get(&endpoints, "/health/ready").await.code, 200);
}

/// One check of every kind.
fn mixed() -> Health {
    Health::builder()
        .check_fn(Spec::named("db").group("storage").depends_on(["network"]), || async {
            Err::<(), _>(Failure::new("no answer").because("connection refused"))
        })
        .check_fn(Spec::named("network").probe(ProbeSet::NONE), || async { Outcome::unhealthy("no route") })
        .check_fn(Spec::named("cache").critical(false), || async {
            Outcome::unhealthy("cold").data("entries", 0)
        })
        .check_fn(Spec::named("disk").probe([Probe::Live, Probe::Ready]).scope(Scope::Local), || async {})
        .check_fn(Spec::named("queue"), || async { Err::<(), _>(std::io::Error::other("secret")) })
        .build()
        .unwrap()
        .start()
}

#[tokio::test]
async fn json_has_its_fields_in_the_order_of_the_wire() {
    let health = mixed();
    let checks = endpoints(health.clone()).exposure(Exposure::Checks);
    // So that everything has been observed, and what depends on the network knows why.
    get(&checks, "/health").await;
    let cache = r#"{"name":"cache","status":"unhealthy","raw":"unhealthy","critical":false,"probes":["ready"],"ended":"unhealthy","summary":"cold","at":T,"duration_ms":N,"since":T}"#;
    let db = r#"{"name":"db","status":"unhealthy","raw":"unhealthy","critical":true,"probes":["ready"],"ended":"error","summary":"no answer","at":T,"duration_ms":N,"since":T,"group":"storage","because_of":["network"]}"#;
    let queue = r#"{"name":"queue","status":"unhealthy","raw":"unhealthy","critical":true,"probes":["ready"],"ended":"error","summary":"failed","at":T,"duration_ms":N,"since":T}"#;
    let disk = r#"{"name":"disk","status":"healthy","raw":"healthy","critical":true,"probes":["live","ready"],"ended":"healthy","at":T,"duration_ms":N,"since":T,"last_success":T}"#;
    let network = r#"{"name":"network","status":"unhealthy","raw":"unhealthy","critical":true,"probes":[],"ended":"unhealthy","summary":"no route","at":T,"duration_ms":N,"since":T}"#;

    let ready = get(&checks, "/health/ready").await;
    assert_eq!(
        timeless(&ready.body),
        format!(
            r#"{{"status":"unhealthy","failing":["db","queue"],"waiting_for":[],"probe":"ready","phase":"running","checks":[{cache},{db},{queue},{disk}]}}"#
        )
    );
    let overview = get(&checks, "/health").await;
    assert_eq!(
        timeless(&overview.body),
        format!(
            r#"{{"status":"unhealthy","failing":["db","queue"],"waiting_for":[],"phase":"running","checks":[{cache},{db},{network},{queue},{disk}]}}"#
        )
    );
    let live = get(&checks, "/health/live").await;
    assert_eq!(
        timeless(&live.body),
        format!(
            r#"{{"status":"healthy","failing":[],"waiting_for":[],"probe":"live","phase":"running","checks":[{disk}]}}"#
        )
    );
    let check = get(&checks, "/health/checks/db").await;
    assert_eq!(
        timeless(&check.body),
        format!(
            r#"{{"status":"unhealthy","failing":["db"],"waiting_for":[],"phase":"running","checks":[{db}]}}"#
        )
    );
    let group = get(&checks, "/health/groups/storage").await;
    assert_eq!(timeless(&group.body), timeless(&check.body));
    assert!(!ready.body.contains("secret") && !ready.body.contains("refused"), "errors need full exposure");

    let full = get(&endpoints(health).exposure(Exposure::Full), "/health/checks/db").await;
    let (before, place) = full.body.split_once(r#","error":"connection refused","location":""#).unwrap();
    assert!(timeless(before).ends_with(r#""group":"storage","because_of":["network"]"#), "{before}");
    assert!(place.contains("http_answers.rs:") && place.ends_with(r#""}]}"#), "{place}");
}

#[tokio::test]
async fn text_is_one_line_a_check_and_the_verdict_last() {
    let health = mixed();
    let checks = endpoints(health.clone()).exposure(Exposure::Checks);
    let body = "[~]cache failed: cold\n[-]db failed: no answer\n[-]queue failed: reason withheld\n[+]disk ok\nready check failed\n";
    assert_eq!(get(&checks, "/health/ready?verbose").await.body, body);
    assert_eq!(get(&checks, "/health/ready?verbose=1").await.body, body);
    assert_eq!(get(&checks, "/health/ready?a=b&verbose=&c").await.body, body);
    let accepting = |accept| test::TestRequest::with_uri("/health/ready").insert_header(("Accept", accept));
    assert_eq!(ask_with(&checks, accepting("text/plain")).await.body, body);
    assert_eq!(ask_with(&checks, accepting("application/json;q=0.5, text/plain;q=0.9")).await.body, body);
    for json in ["*/*", "application/json, text/plain;q=0.9", "text/plain;q=", "\"", "image/png"] {
        assert_eq!(
            ask_with(&checks, accepting(json)).await.header("content-type"),
            Some("application/json"),
            "{json}"
        );
    }
    assert_eq!(get(&checks, "/health/live?verbose").await.body, "[+]disk ok\nlive check passed\n");
    assert_eq!(get(&endpoints(health.clone()), "/health/ready?verbose").await.body, "ready check failed\n");
    let full = get(&endpoints(health).exposure(Exposure::Full), "/health/ready?verbose").await;
    assert_eq!(
        full.body,
        "[~]cache failed: cold\n[-]db failed: no answer: connection refused\n[-]queue failed: secret\n[+]disk ok\nready check failed\n"
    );
}

#[tokio::test]
async fn a_filter_changes_the_list_and_never_the_verdict() {
    let health = mixed();
    let checks = endpoints(health.clone()).exposure(Exposure::Checks);
    let all = get(&checks, "/health/ready").await;
    let listed = |body: &str| {
        let json: serde_json::Value = serde_json::from_str(body).unwrap();
        let names =
            json["checks"].as_array().unwrap().iter().map(|check| check["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    for (query, expected) in [
        ("?status=healthy", vec!["disk"]),
        ("?status=unhealthy", vec!["cache", "db", "queue"]),
        ("?status=degraded", vec![]),
        ("?status=unknown", vec![]),
        ("?status=%68ealthy", vec!["disk"]),
        // No word for a status: as if it were not there.
        ("?status=nonsense", vec!["cache", "db", "queue", "disk"]),
        ("?status=", vec!["cache", "db", "queue", "disk"]),
        ("?status=nonsense&status=healthy", vec!["disk"]),
    ] {
        let seen = get(&checks, &format!("/health/ready{query}")).await;
        assert_eq!(listed(&seen.body), expected, "{query}");
        assert_eq!((seen.code, &seen.headers), (all.code, &all.headers), "{query}");
        assert_eq!(
            get(&endpoints(health.clone()), &format!("/health/ready{query}")).await.body,
            r#"{"status":"unhealthy"}"#
        );
    }
    assert_eq!(
        get(&checks, "/health/ready?verbose&status=healthy").await.body,
        "[+]disk ok\nready check failed\n"
    );
}

#[tokio::test]
async fn other_methods_are_told_which_are_answered() {
    let endpoints = endpoints(of_status(Status::Healthy)).exposure(Exposure::Checks);
    let others = ["POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "BREW", "get"];
    for path in [
        "/health",
        "/health/live",
        "/health/ready",
        "/health/startup",
        "/health/checks/l",
        "/health/groups/all",
    ] {
        for method in others {
            let seen = ask(&endpoints, Method::from_bytes(method.as_bytes()).unwrap(), path).await;
            assert_eq!(seen.code, 405, "{method} {path}");
            assert_eq!(seen.header("allow"), Some("GET, HEAD, OPTIONS"), "{method} {path}");
            assert_eq!(seen.header("x-health-status"), None, "{method} {path}");
            assert_eq!(seen.body, "");
        }
    }
}

#[tokio::test]
async fn below_checks_a_name_that_exists_and_one_that_does_not_are_the_same_404() {
    let health = of_status(Status::Healthy);
    let plain = test::init_service(App::new().service(endpoints(health.clone()))).await;
    // An application with a not-found of its own, and one that answers everything.
    let own = || async { HttpResponse::NotFound().insert_header(("X-App", "mine")).body("no such page") };
    let own = test::init_service(
        App::new().service(endpoints(health.clone())).default_service(web::route().to(own)),
    )
    .await;
    let page = || async { HttpResponse::Ok().body("<html>") };
    let everything = test::init_service(
        App::new()
            .service(endpoints(health.clone()).exposure(Exposure::Checks))
            .default_service(web::route().to(page)),
    )
    .await;
    for method in ["GET", "HEAD", "OPTIONS", "POST", "DELETE", "BREW"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        for app in [&plain, &own] {
            let mut seen = Vec::new();
            for path in [
                "/unknown",
                "/health/checks/l",
                "/health/checks/nope",
                "/health/groups/all",
                "/health/groups/nope",
            ] {
                for query in ["", "?verbose", "?status=healthy"] {
                    let uri = format!("{path}{query}");
                    let request = test::TestRequest::with_uri(&uri).method(method.clone()).to_request();
                    let response = test::call_service(app, request).await;
                    let headers: Vec<_> = response.headers().clone().into_iter().collect();
                    assert_eq!(response.status(), StatusCode::NOT_FOUND);
                    seen.push((headers, response.response().body().size(), test::read_body(response).await));
                }
            }
            assert!(seen.iter().all(|other| *other == seen[0]), "{method}: {seen:?}");
        }
    }
    for path in ["/health/checks/nope", "/health/groups/nope", "/health/checks/", "/health/checks/l/"] {
        let response = test::call_service(&everything, test::TestRequest::with_uri(path).to_request()).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path} looks well");
        assert!(test::read_body(response).await.is_empty());
    }
}

#[tokio::test]
async fn ten_checks_in_trouble_stay_under_four_kibibytes() {
    let mut builder = Health::builder();
    for n in 0..10 {
        let spec = Spec::named(format!("storage/primary/disk-{n}")).group("storage");
        let check = || async { Outcome::unhealthy("did not answer within 700 ms").data("n", 1) };
        builder =
            builder.check_fn(if n == 0 { spec } else { spec.depends_on(["storage/primary/disk-0"]) }, check);
    }
    let shown = endpoints(builder.build().unwrap().start()).exposure(Exposure::Checks);
    let body = get(&shown, "/health/ready").await.body;
    assert_eq!(body.matches("because_of").count(), 9);
    assert!(body.len() < 4 * 1024, "{}: {body}", body.len());
}
