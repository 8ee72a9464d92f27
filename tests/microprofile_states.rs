//! What MicroProfile Health 4 readers see in every state, and what a check may put into it.

use actix_web::http::Method;
use health_actix::dialect::MicroProfile;
use health_actix::{Endpoints, endpoints};
use health_core::{Exposure, Health, Outcome, Probe, ProbeSet, Quorum, Scope, Spec, Status};
use health_tests::asking::{ask, get, of_status};
use health_tests::{panics, states_of_db};
use serde_json::{Value, json};

const EXPOSURES: [Exposure; 3] = [Exposure::Status, Exposure::Checks, Exposure::Full];

fn mounted(health: &Health, exposure: Exposure) -> Endpoints {
    endpoints(health.clone()).dialect(MicroProfile::new()).exposure(exposure)
}

#[tokio::test(start_paused = true)]
async fn every_state_has_its_words_at_every_exposure() {
    let pulse = r#"{"name":"pulse","status":"UP"}"#;
    let why = r#""summary":"no answer","error":"connection refused""#;
    let silent = r#""status":"unknown","summary":"not observed yet""#;
    let stale = r#""status":"unknown","summary":"the last observation is too old""#;
    let draining = r#",{"name":"phase:draining","status":"DOWN"}"#;
    let closed = r#",{"name":"gate:migrations","status":"DOWN"}"#;
    // The whole of ready, the check in it, its data where data may be seen, and what else holds ready.
    let expected = [
        ("healthy", "UP", "UP", r#""depth":7,"label":"eu""#.to_owned(), ""),
        ("degraded", "UP", "UP", r#""status":"degraded","summary":"slow""#.to_owned(), ""),
        ("unhealthy", "DOWN", "DOWN", why.to_owned(), ""),
        ("not critical", "UP", "UP", format!(r#""status":"unhealthy",{why}"#), ""),
        ("muted", "UP", "UP", format!(r#""status":"unhealthy",{why}"#), ""),
        ("pending", "DOWN", "DOWN", silent.to_owned(), ""),
        ("stale", "DOWN", "DOWN", stale.to_owned(), ""),
        ("draining", "DOWN", "UP", String::new(), draining),
        ("closed", "DOWN", "UP", String::new(), closed),
        ("starting", "DOWN", "", String::new(), ""),
        ("empty", "UP", "", String::new(), ""),
    ];
    let states = states_of_db::all().await;
    assert_eq!(states.len(), expected.len());
    for (state, whole, check, data, held) in expected {
        let health = &states.iter().find(|known| known.name == state).unwrap().health;
        for exposure in EXPOSURES {
            let what = format!("{state} {exposure:?}");
            let data = if exposure == Exposure::Full && !data.is_empty() {
                format!(r#","data":{{{data}}}"#)
            } else {
                String::new()
            };
            let db = if check.is_empty() {
                String::new()
            } else {
                format!(r#"{{"name":"db","status":"{check}"{data}}}"#)
            };
            let all = match state {
                "starting" => format!(r#"{pulse},{{"name":"startup:schema","status":"DOWN"}}"#),
                "empty" => String::new(),
                _ => format!("{db},{pulse}{held}"),
            };
            let live = if state == "empty" { "" } else { pulse };
            let started = if state == "starting" { "DOWN" } else { "UP" };
            let shown = |status: &str, checks: &str| {
                let checks = if exposure == Exposure::Status { "" } else { checks };
                format!(r#"{{"status":"{status}","checks":[{checks}]}}"#)
            };
            let endpoints = mounted(health, exposure);
            for (path, status, checks) in [
                ("/health/ready", whole, format!("{db}{held}")),
                ("/health/live", "UP", live.to_owned()),
                ("/health/started", started, String::new()),
                ("/health", whole, all),
            ] {
                let seen = get(&endpoints, path).await;
                assert_eq!(seen.body, shown(status, &checks), "{what} {path}");
                assert_eq!(seen.code, if status == "UP" { 200 } else { 503 }, "{what} {path}");
                assert_eq!(seen.header("content-type"), Some("application/json"), "{what} {path}");
                assert_eq!(seen.header("cache-control"), Some("no-store"), "{what} {path}");
                let head = ask(&endpoints, Method::HEAD, path).await;
                assert_eq!((head.code, head.body.as_str()), (seen.code, ""), "{what} {path}");
                assert_eq!(
                    head.header("content-length"),
                    Some(&*seen.body.len().to_string()),
                    "{what} {path}"
                );
                let options = ask(&endpoints, Method::OPTIONS, path).await;
                assert_eq!((options.code, options.body), (seen.code, seen.body), "{what} {path}");
            }
        }
    }
}

#[tokio::test]
async fn in_the_whole_a_check_is_listed_once_for_each_probe_and_an_informational_one_never() {
    let all = Spec::named("all").probe(Probe::ALL).scope(Scope::Local);
    let health = Health::builder()
        .check_fn(all, || async {})
        .check_fn(Spec::named("info").probe(ProbeSet::NONE), || async { Status::Unhealthy })
        .check_fn(Spec::named("start").probe([Probe::Startup]), || async {})
        .build()
        .unwrap()
        .start();
    let checks = mounted(&health, Exposure::Checks);
    assert_eq!(get(&checks, "/health/started").await.code, 200);
    let (all, start) = (r#"{"name":"all","status":"UP"}"#, r#"{"name":"start","status":"UP"}"#);
    for (path, listed) in [
        ("/health", format!("{all},{all},{all},{start}")),
        ("/health/live", all.to_owned()),
        ("/health/ready", all.to_owned()),
        ("/health/started", format!("{all},{start}")),
    ] {
        assert_eq!(
            get(&checks, path).await.body,
            format!(r#"{{"status":"UP","checks":[{listed}]}}"#),
            "{path}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_passed_startup_once_has_passed_it_though_it_fails_now() {
    let script = health_tests::scripts::Script::new(Status::Healthy);
    let spec = Spec::named("db").probe([Probe::Ready, Probe::Startup]).scope(Scope::Local);
    let health = Health::builder().check_fn(spec, script.check()).build().unwrap().start();
    assert_eq!(health.report(Probe::Startup).await.status(), Status::Healthy);
    script.says(Status::Unhealthy);
    tokio::time::sleep(std::time::Duration::from_secs(11)).await;
    let checks = mounted(&health, Exposure::Checks);
    let listed = |checks: &str| format!(r#"{{"status":"DOWN","checks":[{checks}]}}"#);
    let (down, up) = (r#"{"name":"db","status":"DOWN"}"#, r#"{"name":"db","status":"UP"}"#);
    assert_eq!(get(&checks, "/health/ready").await.body, listed(down));
    assert_eq!(get(&checks, "/health").await.body, listed(&format!("{down},{up}")));
    assert_eq!(get(&checks, "/health/started").await.body, format!(r#"{{"status":"UP","checks":[{up}]}}"#));
}

#[tokio::test]
async fn a_member_of_a_quorum_that_holds_is_up() {
    for (need, code, member) in [(1, 200, "UP"), (2, 503, "DOWN")] {
        let health = Health::builder()
            .group("replicas", Quorum::at_least(need))
            .check_fn(Spec::named("a").group("replicas"), || async {})
            .check_fn(Spec::named("b").group("replicas"), || async { Status::Unhealthy })
            .build()
            .unwrap()
            .start();
        let data = if member == "UP" { r#","data":{"status":"unhealthy"}"# } else { "" };
        let seen = get(&mounted(&health, Exposure::Full), "/health/ready").await;
        let checks = format!(r#"[{{"name":"b","status":"{member}"{data}}},{{"name":"a","status":"UP"}}]"#);
        assert_eq!((seen.code, seen.body), (code, format!(r#"{{"status":"{member}","checks":{checks}}}"#)));
    }
}

fn panicking() {
    panic!("at the wrong moment")
}

#[tokio::test]
async fn whatever_ends_a_check_it_is_down_under_its_name() {
    panics::are_expected(&["at the wrong moment"]);
    let health = Health::builder()
        .check_fn(Spec::named("error"), || async { Err::<(), _>(std::io::Error::other("broken pipe")) })
        .check_fn(Spec::named("panic"), || async { panicking() })
        .check_fn(Spec::named("timeout").timeout("10ms"), std::future::pending::<()>)
        .build()
        .unwrap()
        .start();
    let seen = get(&mounted(&health, Exposure::Full), "/health/ready").await;
    let expected = json!({"status": "DOWN", "checks": [
        {"name": "error", "status": "DOWN", "data": {"summary": "failed", "error": "broken pipe"}},
        {"name": "panic", "status": "DOWN", "data": {"summary": "panicked", "error": "at the wrong moment"}},
        {"name": "timeout", "status": "DOWN", "data": {"summary": "did not answer within 10 ms"}},
    ]});
    assert_eq!((seen.code, serde_json::from_str::<Value>(&seen.body).unwrap()), (503, expected));
}

#[tokio::test]
async fn data_are_texts_numbers_and_booleans_each_under_one_name() {
    let hostile = "\"}]\u{0}\u{1b}\r\n</script>\u{202e}";
    let check = move || async move {
        let outcome = Outcome::unhealthy(hostile).because("x\"y");
        let outcome = outcome.data("text", "a").data("number", -1.5).data("yes", true).data("huge", u64::MAX);
        let outcome = outcome.data("list", json!([1, null, {"a": "b"}])).data("tree", json!({"k": [true]}));
        let outcome = outcome.data("nothing", Value::Null).data("", "unnamed").private_data("own", "secret");
        outcome.data("status", "green").data("summary", 1).data("error", false).data(hostile, hostile)
    };
    let health =
        Health::builder().check_fn(Spec::named("db").critical(false), check).build().unwrap().start();
    let body = get(&mounted(&health, Exposure::Full), "/health/ready").await.body;
    assert!(!body.contains(|c: char| c.is_control()), "{body:?}");
    let clean = "\"}]    </script> ";
    let mut expected = json!({
        "status": "unhealthy", "summary": clean, "error": "x\"y", "text": "a", "number": -1.5, "yes": true,
        "huge": u64::MAX, "list": r#"[1,null,{"a":"b"}]"#, "tree": r#"{"k":[true]}"#, "": "unnamed",
    });
    expected[clean] = clean.into();
    let seen: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(seen["checks"][0]["data"], expected);
    for name in ["status", "summary", "error"] {
        let written = format!("\"{name}\":");
        let data = body.split_once("\"data\":").unwrap().1;
        assert_eq!(data.matches(&written).count(), 1, "{name}: {body}");
    }
    // Names that are not taken are the check's own.
    let well =
        || async { Outcome::healthy().data("status", "green").data("error", 0).data("none", Value::Null) };
    let health = Health::builder().check_fn(Spec::named("db"), well).build().unwrap().start();
    let body = get(&mounted(&health, Exposure::Full), "/health/ready").await.body;
    assert_eq!(
        body,
        r#"{"status":"UP","checks":[{"name":"db","status":"UP","data":{"status":"green","error":0}}]}"#
    );
}

#[tokio::test]
async fn nothing_else_is_served() {
    let checks = mounted(&of_status(Status::Healthy), Exposure::Full);
    for path in [
        "/health/startup",
        "/health/start",
        "/health/checks/l",
        "/health/groups/all",
        "/health/",
        "/health/live/",
    ] {
        assert_eq!(get(&checks, path).await.code, 404, "{path}");
    }
    assert_eq!(ask(&checks, Method::POST, "/health/live").await.code, 405);
}

#[tokio::test(start_paused = true)]
async fn what_has_no_say_in_live_yet_is_up_while_starting() {
    let spec = Spec::named("slow").probe([Probe::Live, Probe::Ready]).scope(Scope::Local).timeout("1h");
    let health = Health::builder()
        .check_fn(spec, std::future::pending::<()>)
        .check_fn(Spec::named("schema").probe([Probe::Startup]), || async { Status::Unhealthy })
        .build()
        .unwrap()
        .start();
    let (slow, schema) = (r#"{"name":"slow","status":"UP"}"#, r#"{"name":"startup:schema","status":"DOWN"}"#);
    let checks = mounted(&health, Exposure::Checks);
    assert_eq!(get(&checks, "/health/live").await.body, format!(r#"{{"status":"UP","checks":[{slow}]}}"#));
    let whole = get(&checks, "/health").await;
    assert_eq!((whole.code, whole.body), (503, format!(r#"{{"status":"DOWN","checks":[{slow},{schema}]}}"#)));
    let opted = MicroProfile::new().readiness_up_while_starting().startup_up_while_starting();
    let whole = get(&checks.dialect(opted), "/health").await;
    assert_eq!((whole.code, whole.body), (200, format!(r#"{{"status":"UP","checks":[{slow}]}}"#)));
}
