//! The Spring dialect: the tree, the groups, and what is hidden.

use actix_web::http::header::ACCEPT;
use actix_web::http::{Method, StatusCode};
use actix_web::test::{self, TestRequest};
use actix_web::{App, HttpResponse, web};
use health_actix::dialect::Spring;
use health_actix::{Endpoints, endpoints};
use health_core::{
    Exposure, Gate, Health, HealthBuilder, Outcome, Probe, ProbeSet, Quorum, Scope, Spec, Status,
};
use health_tests::asking::{Seen, ask, ask_with, get};
use health_tests::states;

const V2: &str = "application/vnd.spring-boot.actuator.v2+json";
const EXPOSURES: [Exposure; 3] = [Exposure::Status, Exposure::Checks, Exposure::Full];

fn mounted(health: &Health, exposure: Exposure) -> Endpoints {
    endpoints(health.clone()).dialect(Spring::new()).exposure(exposure)
}

async fn at(health: &Health, exposure: Exposure, path: &str) -> Seen {
    get(&mounted(health, exposure), &format!("/actuator/health{path}")).await
}

async fn in_version_2(health: &Health, exposure: Exposure, path: &str) -> String {
    let request = TestRequest::with_uri(&format!("/actuator/health{path}")).insert_header((ACCEPT, V2));
    ask_with(&mounted(health, exposure), request).await.body
}

/// The outermost word, the word of what is above the check, and the check itself at `Checks` and at `Full`.
fn of_state(state: &str) -> (&'static str, &'static str, &'static str, &'static str) {
    let well = r#"{"status":"UP","details":{"summary":"Store operational"}}"#;
    let well_in_full = r#"{"status":"UP","details":{"summary":"Store operational","used":7}}"#;
    let down = r#"{"status":"DOWN","details":{"summary":"no route"}}"#;
    let down_in_full =
        r#"{"status":"DOWN","details":{"summary":"no route","error":"connection refused","tries":3}}"#;
    let unobserved = r#"{"status":"UNKNOWN","details":{"summary":"not observed yet"}}"#;
    let stale = r#"{"status":"UNKNOWN","details":{"summary":"the last observation is too old"}}"#;
    let late = r#"{"status":"DOWN","details":{"summary":"did not answer within 700 ms"}}"#;
    let later = r#"{"status":"DOWN","details":{"summary":"did not answer within 2 s"}}"#;
    match state {
        "healthy" => ("UP", "UP", well, well_in_full),
        "degraded" => (
            "UP",
            "UP",
            r#"{"status":"UP","details":{"degraded":true,"summary":"91 % full"}}"#,
            r#"{"status":"UP","details":{"degraded":true,"summary":"91 % full","used":91}}"#,
        ),
        "unhealthy" => ("DOWN", "DOWN", down, down_in_full),
        "error" => (
            "DOWN",
            "DOWN",
            r#"{"status":"DOWN","details":{"summary":"failed"}}"#,
            r#"{"status":"DOWN","details":{"summary":"failed","error":"token=*** was refused"}}"#,
        ),
        "not critical" | "muted" => ("UP", "UP", down, down_in_full),
        "timeout" => ("DOWN", "DOWN", late, late),
        "long timeout" => ("DOWN", "DOWN", later, later),
        "panic" => (
            "DOWN",
            "DOWN",
            r#"{"status":"DOWN","details":{"summary":"panicked"}}"#,
            r#"{"status":"DOWN","details":{"summary":"panicked","error":"boom"}}"#,
        ),
        "pending" => ("DOWN", "DOWN", unobserved, unobserved),
        "pending, not critical" => ("UP", "UP", unobserved, unobserved),
        "stale" => ("DOWN", "DOWN", stale, stale),
        // What a threshold holds is not said in the words of the runs that failed.
        "held" => (
            "UP",
            "UP",
            r#"{"status":"UP","details":{}}"#,
            r#"{"status":"UP","details":{"error":"connection refused","tries":3}}"#,
        ),
        "gate closed" | "starting" | "draining" => ("OUT_OF_SERVICE", "UP", well, well_in_full),
        other => panic!("nothing is written down for {other}"),
    }
}

#[tokio::test(start_paused = true)]
async fn every_state_has_its_words_at_every_exposure() {
    for state in states::every().await {
        if ["empty", "draining, empty", "quorum"].contains(&state.name) {
            continue; // Not with the one check of the others, and below.
        }
        let (word, above, in_checks, in_full) = of_state(state.name);
        for (exposure, check) in [(Exposure::Checks, in_checks), (Exposure::Full, in_full)] {
            let what = format!("{} {exposure:?}", state.name);
            let stores = format!(r#"{{"status":"{above}","components":{{"main":{check}}}}}"#);
            let readiness = at(&state.health, exposure, "/readiness").await;
            assert_eq!(
                readiness.body,
                format!(r#"{{"status":"{word}","components":{{"stores":{stores}}}}}"#),
                "{what}"
            );
            assert_eq!(readiness.code, if word == "UP" { 200 } else { 503 }, "{what}");
            assert_eq!(readiness.header("x-health-status"), Some(state.ready.as_str()), "{what}");

            // Below the whole the phase has no say, and a check has its own status.
            let seen = at(&state.health, exposure, "/stores").await;
            assert_eq!((seen.code, &seen.body), (if above == "UP" { 200 } else { 503 }, &stores), "{what}");
            let seen = at(&state.health, exposure, "/stores/main").await;
            let code = if check.starts_with(r#"{"status":"UP""#) { 200 } else { 503 };
            assert_eq!((seen.code, &*seen.body), (code, check), "{what}");

            let overview = at(&state.health, exposure, "").await;
            let end = r#","groups":["liveness","readiness"]}"#;
            if state.name != "starting" {
                // What startup waits for is no part of readiness.
                let whole = readiness.body.strip_suffix('}').unwrap();
                assert_eq!(overview.body, format!("{whole}{end}"), "{what}");
            }
            assert!(overview.body.ends_with(end), "{what}: {}", overview.body);
            assert_eq!(overview.code, readiness.code, "{what}");
            let live = at(&state.health, exposure, "/liveness").await;
            assert_eq!((live.code, &*live.body), (200, r#"{"status":"UP","components":{}}"#), "{what}");
        }
        for (path, word) in [("", word), ("/readiness", word), ("/liveness", "UP")] {
            let seen = at(&state.health, Exposure::Status, path).await;
            assert_eq!(seen.body, format!(r#"{{"status":"{word}"}}"#), "{} {path}", state.name);
            assert_eq!(seen.code, if word == "UP" { 200 } else { 503 }, "{} {path}", state.name);
        }
    }
}

#[tokio::test]
async fn an_empty_whole_is_up_until_it_drains() {
    let health = Health::builder().build().unwrap().start();
    for (word, code) in [("UP", 200), ("OUT_OF_SERVICE", 503)] {
        let seen = at(&health, Exposure::Checks, "").await;
        let body = format!(r#"{{"status":"{word}","components":{{}},"groups":["liveness","readiness"]}}"#);
        assert_eq!((seen.code, seen.body), (code, body));
        assert_eq!(at(&health, Exposure::Status, "").await.body, format!(r#"{{"status":"{word}"}}"#));
        assert_eq!(at(&health, Exposure::Status, "/liveness").await.body, r#"{"status":"UP"}"#);
        health.drain();
    }
}

fn saying(checks: impl IntoIterator<Item = (Spec, Status)>) -> HealthBuilder {
    let builder = Health::builder();
    checks.into_iter().fold(builder, |builder, (spec, status)| {
        builder.check_fn(spec, move || async move { Outcome::of(status).data("d", status.as_str()) })
    })
}

/// Checks that are above others, below others, in a quorum, of another probe, and of none.
fn forest() -> Health {
    let spec = Spec::named;
    let checks = [
        (spec("broker/us1"), Status::Healthy),
        (spec("broker/us2").critical(false), Status::Unhealthy),
        (spec("cache").critical(false), Status::Unhealthy),
        (spec("cache/disk"), Status::Healthy),
        (spec("db"), Status::Degraded),
        (spec("db/eu/disk"), Status::Unhealthy),
        (spec("info").probe(ProbeSet::NONE), Status::Unhealthy),
        (spec("loop").probe([Probe::Live]).scope(Scope::Local), Status::Healthy),
        (spec("q/a").group("q"), Status::Unhealthy),
        (spec("q/b").group("q"), Status::Healthy),
    ];
    saying(checks).group("q", Quorum::at_least(1)).build().unwrap().start()
}

#[tokio::test]
async fn slashes_make_a_tree_and_a_composite_may_have_a_status_of_its_own() {
    let health = forest();
    let leaf = |status: &str, details: &str| format!(r#"{{"status":"{status}","details":{{{details}}}}}"#);
    let above = |status: &str, below: &str| format!(r#"{{"status":"{status}","components":{{{below}}}}}"#);
    let (up, down) = (leaf("UP", ""), leaf("DOWN", ""));
    let broker = above("UP", &format!(r#""us1":{up},"us2":{down}"#));
    // Not critical, so what is above is up; and it has its own status, like any check.
    let cache = format!(r#"{{"status":"DOWN","components":{{"disk":{up}}},"details":{{}}}}"#);
    let eu = above("DOWN", &format!(r#""disk":{down}"#));
    let db = format!(r#"{{"status":"DOWN","components":{{"eu":{eu}}},"details":{{"degraded":true}}}}"#);
    let q = above("UP", &format!(r#""a":{down},"b":{up}"#));
    let ready = format!(r#""broker":{broker},"cache":{cache},"db":{db}"#);
    let all = format!(r#"{ready},"info":{down},"loop":{up},"q":{q}"#);
    let groups = r#","groups":["liveness","readiness"]"#;
    for (path, code, body) in [
        ("", 503, format!(r#"{{"status":"DOWN","components":{{{all}}}{groups}}}"#)),
        ("/readiness", 503, above("DOWN", &format!(r#"{ready},"q":{q}"#))),
        ("/liveness", 200, above("UP", &format!(r#""loop":{up}"#))),
        ("/broker", 200, broker),
        ("/broker/us2", 503, down.clone()),
        ("/cache", 503, cache),
        ("/cache/disk", 200, up.clone()),
        ("/db", 503, db),
        ("/db/eu", 503, eu),
        ("/db/eu/disk", 503, down.clone()),
        ("/info", 503, down.clone()),
        ("/loop", 200, up.clone()),
        ("/q", 200, q),
        ("/q/a", 503, down),
        ("/q/b", 200, up),
    ] {
        let seen = at(&health, Exposure::Checks, path).await;
        assert_eq!((seen.code, &seen.body), (code, &body), "{path}");
    }
    let full = at(&health, Exposure::Full, "/db").await;
    let eu = r#"{"status":"DOWN","components":{"disk":{"status":"DOWN","details":{"d":"unhealthy"}}}}"#;
    let details = r#"{"degraded":true,"d":"degraded"}"#;
    assert_eq!(full.body, format!(r#"{{"status":"DOWN","components":{{"eu":{eu}}},"details":{details}}}"#));
}

#[tokio::test]
async fn version_2_has_components_among_the_details() {
    let health = forest();
    for (path, body) in [
        (
            "/broker",
            r#"{"status":"UP","details":{"us1":{"status":"UP","details":{"d":"healthy"}},"us2":{"status":"DOWN","details":{"d":"unhealthy"}}}}"#,
        ),
        ("/loop", r#"{"status":"UP","details":{"d":"healthy"}}"#),
        ("/liveness", r#"{"status":"UP","details":{"loop":{"status":"UP","details":{"d":"healthy"}}}}"#),
        (
            "/cache",
            r#"{"status":"DOWN","details":{"d":"unhealthy","disk":{"status":"UP","details":{"d":"healthy"}}}}"#,
        ),
    ] {
        assert_eq!(in_version_2(&health, Exposure::Full, path).await, body);
    }
    let overview = in_version_2(&health, Exposure::Checks, "").await;
    assert!(
        overview.starts_with(r#"{"status":"DOWN","details":{"broker":{"status":"UP","details":{"us1":{"#)
    );
    assert!(overview.ends_with(r#"},"groups":["liveness","readiness"]}"#), "{overview}");
    assert_eq!(in_version_2(&health, Exposure::Status, "").await, r#"{"status":"DOWN"}"#);
    assert!(!overview.contains("components"));

    // A detail that is called like a component gives way to it.
    let top =
        || async { Outcome::degraded("s").data("d", 1).data("summary", 2).data("degraded", 3).data("e", 4) };
    let builder = Health::builder().check_fn(Spec::named("a"), top);
    let below = ["a/d", "a/summary", "a/degraded"];
    let builder =
        below.into_iter().fold(builder, |builder, name| builder.check_fn(Spec::named(name), || async {}));
    let health = builder.build().unwrap().start();
    let up = r#"{"status":"UP","details":{}}"#;
    assert_eq!(
        in_version_2(&health, Exposure::Full, "/a").await,
        format!(r#"{{"status":"UP","details":{{"e":4,"d":{up},"degraded":{up},"summary":{up}}}}}"#)
    );
}

#[tokio::test]
async fn what_is_hidden_is_the_404_of_the_application_whatever_its_name() {
    let health = forest();
    let own = || async { HttpResponse::NotFound().insert_header(("X-App", "mine")).body("no such page") };
    let app = App::new().service(mounted(&health, Exposure::Status)).default_service(web::route().to(own));
    let app = test::init_service(app).await;
    for method in ["GET", "HEAD", "OPTIONS", "POST", "BREW"] {
        let mut seen = Vec::new();
        for path in [
            "/unknown",
            "/actuator",
            "/actuator/health/",
            "/actuator/health/db",
            "/actuator/health/nope",
            "/actuator/health/db/eu/disk",
            "/actuator/health/db/nope",
            "/actuator/health/readiness/db",
            "/actuator/health/info",
            "/actuator/health/liveness/",
            "/actuator/health/..",
            "/actuator/health//",
        ] {
            for accept in ["*/*", V2] {
                let request =
                    TestRequest::with_uri(path).method(Method::from_bytes(method.as_bytes()).unwrap());
                let response =
                    test::call_service(&app, request.insert_header((ACCEPT, accept)).to_request()).await;
                assert_eq!(response.status(), StatusCode::NOT_FOUND, "{method} {path}");
                let headers: Vec<_> = response.headers().clone().into_iter().collect();
                seen.push((headers, test::read_body(response).await));
            }
        }
        assert!(seen.iter().all(|other| *other == seen[0]), "{method}: {seen:?}");
    }
    for exposure in [Exposure::Checks, Exposure::Full] {
        for path in
            ["/nope", "/", "/db/", "/d", "/db/e", "/db//eu", "/readiness/", "/readiness/db", "/%64b/x"]
        {
            assert_eq!(at(&health, exposure, path).await.code, 404, "{exposure:?} {path}");
        }
    }
}

#[tokio::test]
async fn the_groups_are_for_everyone_and_other_methods_are_told_which_are_answered() {
    let gate = Gate::new("migrations");
    let health = Health::builder().gate(&gate).build().unwrap().start();
    for exposure in EXPOSURES {
        let endpoints = mounted(&health, exposure);
        for (path, code) in [("", 503), ("/readiness", 503), ("/liveness", 200)] {
            let path = format!("/actuator/health{path}");
            let seen = get(&endpoints, &path).await;
            assert_eq!(seen.code, code, "{exposure:?} {path}");
            assert_eq!(ask(&endpoints, Method::OPTIONS, &path).await, seen);
            let head = ask(&endpoints, Method::HEAD, &path).await;
            let length = seen.body.len().to_string();
            assert_eq!((head.code, &*head.body, head.header("content-length")), (code, "", Some(&*length)));
            assert_eq!(ask(&endpoints, Method::DELETE, &path).await.code, 405);
        }
    }
}

#[tokio::test]
async fn what_authors_write_stays_json_and_no_key_comes_twice() {
    let hostile =
        ["\"}]", "\\", "\u{0}\u{1}\r\n", "</script>", "\u{202e}é𝄞", "error", "summary", "degraded", ""];
    let outcome = move || async move {
        let outcome = Outcome::degraded("\"}\r\nX-A: b").because("\u{7f}\"");
        hostile
            .into_iter()
            .fold(outcome, |outcome, name| outcome.data(name, name))
            .private_data("secret", "s3cr3t")
    };
    let twins = || async { Outcome::healthy().data("a\u{0}", 1).data("a\u{1}", 2).data("error", "mine") };
    let builder = Health::builder().check_fn(Spec::named("x"), outcome).check_fn(Spec::named("y"), twins);
    let health = builder.build().unwrap().start();
    for body in [
        at(&health, Exposure::Full, "/x").await.body,
        at(&health, Exposure::Full, "/y").await.body,
        in_version_2(&health, Exposure::Full, "").await,
    ] {
        let value: serde_json::Value = serde_json::from_str(&body).unwrap();
        // A key that came twice would be shorter when it is written again.
        assert_eq!(value.to_string().len(), body.len(), "{body}");
        assert!(!body.contains(char::is_control) && !body.contains("s3cr3t"), "{body}");
    }
    let own = at(&health, Exposure::Full, "/y").await.body;
    assert!(own.contains(r#""error":"mine""#), "a name that is free is used as it is: {own}");
}
