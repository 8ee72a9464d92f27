//! The NativeLink dialect: every shape in every state, at every exposure.

use std::future::pending;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::http::header::ACCEPT;
use actix_web::test::TestRequest;
use health_actix::dialect::NativeLink;
use health_actix::{Endpoints, endpoints};
use health_core::{Exposure, Health, Outcome, Probe, Spec, Status};
use health_tests::asking::{Seen, ask, ask_with, get, of_status};
use health_tests::states;
use tokio::time::Instant;

const EXPOSURES: [Exposure; 3] = [Exposure::Status, Exposure::Checks, Exposure::Full];

fn mounted(health: &Health, exposure: Exposure) -> Endpoints {
    endpoints(health.clone()).dialect(NativeLink::new()).exposure(exposure)
}

fn described(component: &str, status: &str) -> String {
    format!(r#"{{"namespace":"nativelink","component":"{component}","status":{status}}}"#)
}

/// What each state is called below `Checks`, at `Checks` and at `Full`.
fn shapes(state: &str) -> [String; 3] {
    let well = r#"{"Ok":{"message":"Store operational"}}"#;
    let no_route = r#"{"Failed":{"message":"no route"}}"#;
    let refused = r#"{"Failed":{"message":"no route","error":"connection refused"}}"#;
    let failed = r#"{"Failed":{"message":"failed"}}"#;
    let unobserved = r#"{"Initializing":{"message":"not observed yet"}}"#;
    let stale = r#"{"Failed":{"message":"stale"}}"#;
    let (ok, degraded) = (r#"{"Ok":{"message":"ok"}}"#, r#"{"Warning":{"message":"degraded"}}"#);
    let [short, long] = [r#"{"Timeout":{"duration_seconds":0.7}}"#, r#"{"Timeout":{"duration_seconds":2}}"#];
    let [starting, draining] =
        [r#"{"Initializing":{"message":"starting"}}"#, r#"{"Failed":{"message":"draining"}}"#];
    let one = |whole: &str, checks: &str, full: &str| {
        [("ready", whole), ("stores/main", checks), ("stores/main", full)]
            .map(|(component, status)| format!("[{}]", described(component, status)))
    };
    let two = |whole: &str, [checks, full]: [[(&str, &str); 2]; 2]| {
        let [checks, full] =
            [checks, full].map(|pair| pair.map(|(name, status)| described(name, status)).join(","));
        [format!("[{}]", described("ready", whole)), format!("[{checks}]"), format!("[{full}]")]
    };
    let waiting = |what: &str| {
        let waits = format!(r#"{{"Initializing":{{"message":"waiting for {what}"}}}}"#);
        two(starting, [[("phase:starting", &waits), ("stores/main", well)]; 2])
    };
    match state {
        "empty" => ["[]", "[]", "[]"].map(str::to_owned),
        "healthy" => one(ok, well, well),
        "degraded" => {
            let full = r#"{"Warning":{"message":"91 % full"}}"#;
            one(degraded, full, full)
        }
        "unhealthy" => one(failed, no_route, refused),
        "error" => one(failed, failed, r#"{"Failed":{"message":"failed","error":"token=*** was refused"}}"#),
        "not critical" | "muted" => one(degraded, no_route, refused),
        "timeout" => one(failed, short, short),
        "long timeout" => one(failed, long, long),
        "panic" => {
            let panicked = r#"{"Failed":{"message":"panicked"}}"#;
            one(failed, panicked, r#"{"Failed":{"message":"panicked","error":"boom"}}"#)
        }
        "pending" => one(failed, unobserved, unobserved),
        "pending, not critical" => one(degraded, unobserved, unobserved),
        "stale" => one(failed, stale, stale),
        // What a threshold holds is not said in the words of the runs that failed.
        "held" => one(ok, ok, ok),
        "quorum" => two(degraded, [[("us", no_route), ("eu", well)], [("us", refused), ("eu", well)]]),
        "gate closed" => waiting("gate:migrations"),
        "starting" => waiting("startup:schema"),
        "draining" => two(draining, [[("phase:draining", draining), ("stores/main", well)]; 2]),
        "draining, empty" => {
            let listed = format!("[{}]", described("phase:draining", draining));
            [format!("[{}]", described("ready", draining)), listed.clone(), listed]
        }
        other => panic!("no shape is written down for {other}"),
    }
}

#[tokio::test(start_paused = true)]
async fn every_state_has_its_shape_its_code_and_its_headers() {
    for state in states::every().await {
        let code = if state.ready == Status::Unhealthy { 503 } else { 200 };
        for (exposure, body) in EXPOSURES.into_iter().zip(shapes(state.name)) {
            let what = format!("{} {exposure:?}", state.name);
            let endpoints = mounted(&state.health, exposure);
            let seen = get(&endpoints, "/status").await;
            assert_eq!(seen.body, body, "{what}");
            assert_eq!(seen.code, code, "{what}");
            let headers = [
                ("cache-control", "no-store"),
                ("content-type", "application/json; charset=utf-8"),
                ("x-content-type-options", "nosniff"),
                ("x-health-status", state.ready.as_str()),
            ];
            assert_eq!(
                seen.headers,
                headers.map(|(name, value)| (name.to_owned(), value.to_owned())),
                "{what}"
            );

            assert_eq!(ask(&endpoints, Method::OPTIONS, "/status").await, seen, "{what}");
            let Seen { code: of_head, mut headers, body: nothing, .. } =
                ask(&endpoints, Method::HEAD, "/status").await;
            headers.retain(|(name, value)| name != "content-length" || *value != body.len().to_string());
            assert_eq!((of_head, &headers, &*nothing), (code, &seen.headers, ""), "{what}");
        }
    }
}

#[tokio::test]
async fn nothing_that_a_caller_says_changes_the_answer() {
    let endpoints = mounted(&of_status(Status::Degraded), Exposure::Checks);
    let plain = get(&endpoints, "/status").await;
    for query in ["?verbose", "?status=healthy", "?exclude=a/r", "?%", "?namespace=x"] {
        assert_eq!(get(&endpoints, &format!("/status{query}")).await, plain, "{query}");
    }
    for accept in ["text/plain", "application/health+json", "*/*;q=0", "\u{fffd}", ""] {
        let request = TestRequest::with_uri("/status").insert_header((ACCEPT, accept));
        assert_eq!(ask_with(&endpoints, request).await, plain, "{accept}");
    }
    let refused = ask(&endpoints, Method::POST, "/status").await;
    assert_eq!((refused.code, refused.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
    for path in ["/status/", "/Status", "/status/a/r", "/", "/health", "//status"] {
        assert_eq!(get(&endpoints, path).await.code, 404, "{path}");
    }
}

#[tokio::test]
async fn namespace_and_path_are_options() {
    let health = of_status(Status::Healthy);
    let listed = |namespace: &str| {
        let namespace = serde_json::to_string(namespace).unwrap();
        format!(r#"[{{"namespace":{namespace},"component":"a/r","status":{{"Ok":{{"message":"ok"}}}}}}]"#)
    };
    for namespace in ["cas", "", "/nativelink/worker", "a\"\\\n\u{0}<b>"] {
        let dialect = NativeLink::new().namespace(namespace);
        let endpoints = endpoints(health.clone()).dialect(dialect).exposure(Exposure::Checks);
        assert_eq!(get(&endpoints, "/status").await.body, listed(namespace));
    }
    assert_eq!(NativeLink::new(), NativeLink::default().namespace("nativelink"));

    let moved = mounted(&health, Exposure::Checks).path(Probe::Ready, "/cas/status");
    assert_eq!(get(&moved, "/cas/status").await.body, listed("nativelink"));
    assert_eq!(get(&moved, "/status").await.code, 404);
    let below = mounted(&health, Exposure::Checks).mount("/internal");
    assert_eq!(get(&below, "/internal/status").await.body, listed("nativelink"));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_an_option() {
    let spec = Spec::named("slow").timeout("1h");
    let health = Health::builder().check_fn(spec, pending::<()>).build().unwrap().start();
    for (deadline, waited) in [(300, 300), (5_000, 800)] {
        let endpoints = mounted(&health, Exposure::Checks).deadline(Duration::from_millis(deadline));
        let asked = Instant::now();
        let seen = get(&endpoints, "/status").await;
        assert_eq!(seen.code, 503);
        assert_eq!(
            seen.body,
            format!("[{}]", described("slow", r#"{"Initializing":{"message":"not observed yet"}}"#))
        );
        // Tokio's clock counts in milliseconds.
        let over = asked.elapsed().saturating_sub(Duration::from_millis(waited));
        assert!(over <= Duration::from_millis(2), "{:?}", asked.elapsed());
    }
}

#[tokio::test]
async fn what_authors_write_stays_json() {
    for hostile in ["\"}]", "\\", "\u{0}\u{1b}[2J\r\nX-A: b", "</script>", "\u{202e}\u{feff}é€𝄞", "{\"a\":1}"]
    {
        let outcome = move || async move { Outcome::unhealthy(hostile.to_owned()).because(hostile) };
        let health = Health::builder().check_fn(Spec::named("x"), outcome).build().unwrap().start();
        for exposure in EXPOSURES {
            let seen = get(&mounted(&health, exposure), "/status").await;
            let list: serde_json::Value = serde_json::from_str(&seen.body).unwrap();
            assert_eq!(list.as_array().unwrap().len(), 1, "{}", seen.body);
            assert!(!seen.body.contains(char::is_control), "{:?}", seen.body);
            let failed = list[0]["status"]["Failed"].as_object().unwrap();
            assert_eq!(failed.len(), if exposure == Exposure::Full { 2 } else { 1 });
            assert_eq!(seen.headers.len(), 4);
        }
    }
}
