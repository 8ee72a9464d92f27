//! The words of NVIDIA Dynamo: every shape in every state at every exposure, of a worker and of a frontend.

use std::time::Duration;

use actix_web::http::Method;
use health_actix::dialect::Dynamo;
use health_actix::{Endpoints, endpoints};
use health_core::{Exposure, Gate, Health, Outcome, Probe, Scope, Spec, Status};
use health_tests::asking::{ask, get, of_status};
use tokio::time::advance;

const EXPOSURES: [Exposure; 3] = [Exposure::Status, Exposure::Checks, Exposure::Full];

fn mounted(health: &Health, dialect: Dynamo, exposure: Exposure) -> Endpoints {
    endpoints(health.clone()).dialect(dialect).exposure(exposure)
}

/// Code and body of `GET`, and that `HEAD` and `OPTIONS` agree with it.
async fn seen(endpoints: &Endpoints, path: &str) -> (u16, String) {
    let get = get(endpoints, path).await;
    assert_eq!(get.header("content-type"), Some("application/json"), "{path}");
    assert_eq!(get.header("cache-control"), Some("no-store"), "{path}");
    let status = get.header("x-health-status").unwrap();
    assert_eq!(get.code, if status == "unhealthy" { 503 } else { 200 }, "{path}");
    let options = ask(endpoints, Method::OPTIONS, path).await;
    assert_eq!((options.code, &options.headers), (get.code, &get.headers), "{path}");
    let head = ask(endpoints, Method::HEAD, path).await;
    assert_eq!((head.code, &*head.body), (get.code, ""), "{path}");
    (get.code, get.body)
}

/// Like [`seen`], with the uptime taken out of the body of a worker once it is known to be one.
async fn timeless(endpoints: &Endpoints, path: &str) -> (u16, String) {
    let (code, body) = seen(endpoints, path).await;
    let json: serde_json::Value = serde_json::from_str(&body).unwrap();
    let uptime = json["uptime"].as_object().unwrap();
    let (secs, nanos) = (uptime["secs"].as_u64().unwrap(), uptime["nanos"].as_u64().unwrap());
    assert!(uptime.len() == 2 && secs < 600 && nanos < 1_000_000_000, "{body}");
    (code, body.replace(&format!(r#"{{"secs":{secs},"nanos":{nanos}}}"#), "T"))
}

#[tokio::test]
async fn a_worker_says_ready_or_notready_in_every_state_at_every_exposure() {
    for (status, code, word) in [
        (Status::Healthy, 200, "ready"),
        (Status::Degraded, 200, "ready"),
        (Status::Unhealthy, 503, "notready"),
    ] {
        let health = of_status(status);
        for (path, name) in [("/health", "a/r"), ("/live", "l")] {
            for exposure in EXPOSURES {
                let endpoints = mounted(&health, Dynamo::worker(), exposure);
                let listed = if exposure == Exposure::Status {
                    "{}".to_owned()
                } else {
                    format!(r#"{{"{name}":"{word}"}}"#)
                };
                let body = format!(r#"{{"status":"{word}","uptime":T,"endpoints":{listed}}}"#);
                assert_eq!(timeless(&endpoints, path).await, (code, body), "{status} {path} {exposure:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_frontend_says_what_it_has_discovered_in_every_state_at_every_exposure() {
    let live = (200, r#"{"status":"live","message":"Service is live"}"#.to_owned());
    let not_live = (503, r#"{"status":"not_live","message":"Service is not live"}"#.to_owned());
    let up = r#"{"status":"healthy","endpoints":["a/r"],"instances":[{"component":"a","endpoint":"r"}]}"#;
    for (status, code, public, shown, live) in [
        (Status::Healthy, 200, r#"{"status":"healthy","endpoints":[],"instances":[]}"#, up, &live),
        (Status::Degraded, 200, r#"{"status":"healthy","endpoints":[],"instances":[]}"#, up, &live),
        (
            Status::Unhealthy,
            503,
            r#"{"status":"not_ready","endpoints":[],"instances":[]}"#,
            r#"{"status":"not_ready","endpoints":[],"instances":[]}"#,
            &not_live,
        ),
    ] {
        let health = of_status(status);
        for exposure in EXPOSURES {
            let endpoints = mounted(&health, Dynamo::frontend(), exposure);
            let body = if exposure == Exposure::Status { public } else { shown };
            assert_eq!(seen(&endpoints, "/health").await, (code, body.to_owned()), "{status} {exposure:?}");
            assert_eq!(seen(&endpoints, "/live").await, *live, "{status} {exposure:?}");
        }
    }
}

/// Checks of every status, one that is never observed, and a secret.
fn mixed() -> Health {
    Health::builder()
        .check_fn(Spec::named("backend/generate"), || async {})
        .check_fn(Spec::named("backend/clear_kv_blocks"), || async {
            Outcome::degraded("slow").data("key", 1)
        })
        .check_fn(Spec::named("deep/er/load").critical(false), || async {
            Err::<(), _>(std::io::Error::other("hunter2"))
        })
        .check_fn(Spec::named("slow").critical(false).timeout("1h"), std::future::pending::<()>)
        .check_fn(Spec::named("gpu").probe([Probe::Live]).scope(Scope::Local), || async {})
        .build()
        .unwrap()
        .start()
}

#[tokio::test(start_paused = true)]
async fn each_check_is_what_it_is_whatever_it_may_do_to_the_whole() {
    let health = mixed();
    for exposure in [Exposure::Checks, Exposure::Full] {
        let worker = mounted(&health, Dynamo::worker(), exposure);
        let body = r#"{"status":"ready","uptime":T,"endpoints":{"backend/clear_kv_blocks":"ready","deep/er/load":"notready","slow":"notready","backend/generate":"ready"}}"#;
        assert_eq!(timeless(&worker, "/health").await, (200, body.to_owned()));
        let body = r#"{"status":"ready","uptime":T,"endpoints":{"gpu":"ready"}}"#;
        assert_eq!(timeless(&worker, "/live").await, (200, body.to_owned()));
        let frontend = mounted(&health, Dynamo::frontend(), exposure);
        let body = r#"{"status":"healthy","endpoints":["backend/clear_kv_blocks","backend/generate"],"instances":[{"component":"backend","endpoint":"clear_kv_blocks"},{"component":"backend","endpoint":"generate"}]}"#;
        assert_eq!(seen(&frontend, "/health").await, (200, body.to_owned()));
    }
    let bare = Health::builder().check_fn(Spec::named("generate"), || async {}).build().unwrap().start();
    let body = r#"{"status":"healthy","endpoints":["generate"],"instances":[{"endpoint":"generate"}]}"#;
    assert_eq!(seen(&mounted(&bare, Dynamo::frontend(), Exposure::Checks), "/health").await.1, body);
    let nothing = Health::builder().build().unwrap().start();
    let worker = mounted(&nothing, Dynamo::worker(), Exposure::Checks);
    let body = r#"{"status":"ready","uptime":T,"endpoints":{}}"#;
    assert_eq!(timeless(&worker, "/health").await, (200, body.to_owned()));
}

#[tokio::test]
async fn starting_and_draining_are_said_and_do_not_touch_live() {
    let gate = Gate::new("model");
    let health =
        Health::builder().check_fn(Spec::named("generate"), || async {}).gate(&gate).build().unwrap().start();
    let alive = || async {
        for exposure in EXPOSURES {
            let frontend = mounted(&health, Dynamo::frontend(), exposure);
            let live = r#"{"status":"live","message":"Service is live"}"#;
            assert_eq!(seen(&frontend, "/live").await, (200, live.to_owned()));
            let worker = mounted(&health, Dynamo::worker(), exposure);
            let body = r#"{"status":"ready","uptime":T,"endpoints":{}}"#;
            assert_eq!(timeless(&worker, "/live").await, (200, body.to_owned()));
        }
    };
    let held = |stage: &'static str| {
        let health = health.clone();
        async move {
            for exposure in EXPOSURES {
                let [names, instances, by_name] = match exposure {
                    Exposure::Status => ["", "", ""],
                    _ => [r#""generate""#, r#"{"endpoint":"generate"}"#, r#""generate":"ready""#],
                };
                let body = format!(
                    r#"{{"status":"not_ready","stage":"{stage}","endpoints":[{names}],"instances":[{instances}]}}"#
                );
                let frontend = mounted(&health, Dynamo::frontend(), exposure);
                assert_eq!(seen(&frontend, "/health").await, (503, body), "{exposure:?}");
                let body = format!(r#"{{"status":"notready","uptime":T,"endpoints":{{{by_name}}}}}"#);
                let worker = mounted(&health, Dynamo::worker(), exposure);
                assert_eq!(timeless(&worker, "/health").await, (503, body), "{exposure:?}");
            }
        }
    };
    held("starting").await;
    alive().await;
    gate.open();
    let frontend = mounted(&health, Dynamo::frontend(), Exposure::Status);
    assert_eq!(seen(&frontend, "/health").await.0, 200);
    health.drain();
    held("draining").await;
    alive().await;
    health.resume();
    assert_eq!(seen(&frontend, "/health").await.0, 200);
}

#[tokio::test]
async fn a_start_can_count_as_ready_unless_something_was_seen_to_fail() {
    let start = |status: Status| {
        let gate = Gate::new("model");
        let builder = Health::builder().check_fn(Spec::named("generate"), move || async move { status });
        (builder.gate(&gate).build().unwrap().start(), gate)
    };
    for exposure in EXPOSURES {
        let (health, gate) = start(Status::Healthy);
        for dialect in [Dynamo::worker(), Dynamo::frontend()] {
            let answer =
                get(&mounted(&health, dialect.clone().starts_ready(true), exposure), "/health").await;
            assert_eq!((answer.code, answer.header("x-health-status")), (200, Some("healthy")));
            assert!(
                answer.body.starts_with(r#"{"status":"ready","#)
                    || answer.body.starts_with(r#"{"status":"healthy","endpoints""#)
            );
            // Both are mounted side by side without mixing up what was rendered.
            let other = get(&mounted(&health, dialect.clone(), exposure), "/health").await;
            assert_eq!(
                (other.code, other.body.starts_with(r#"{"status":"not"#)),
                (503, true),
                "{}",
                other.body
            );
            let again = get(&mounted(&health, dialect.starts_ready(true), exposure), "/health").await;
            assert_eq!(again.code, 200);
        }
        let ready = Dynamo::frontend().starts_ready(true);
        assert!(!get(&mounted(&health, ready.clone(), exposure), "/health").await.body.contains("not_ready"));
        gate.open();
        assert_eq!(get(&mounted(&health, ready.clone(), exposure), "/health").await.code, 200);
        health.drain();
        assert_eq!(
            get(&mounted(&health, ready.clone(), exposure), "/health").await.code,
            503,
            "draining is no start"
        );

        let (health, _gate) = start(Status::Unhealthy);
        assert_eq!(get(&mounted(&health, ready, exposure), "/health").await.code, 503, "it was seen to fail");
    }
    // Live is no matter of starting.
    let live = Spec::named("gpu").probe([Probe::Live]).scope(Scope::Local);
    let gate = Gate::new("model");
    let health =
        Health::builder().check_fn(live, || async { Status::Unhealthy }).gate(&gate).build().unwrap().start();
    let worker = mounted(&health, Dynamo::worker().starts_ready(true), Exposure::Status);
    assert_eq!(get(&worker, "/live").await.code, 503);
    assert_eq!(get(&worker, "/health").await.code, 200);
}

#[tokio::test(start_paused = true)]
async fn the_uptime_goes_on_while_the_rest_stays() {
    let health = of_status(Status::Healthy);
    let worker = mounted(&health, Dynamo::worker(), Exposure::Checks);
    // So that nothing is asked again in between.
    health.report(Probe::Ready).await;
    let uptime = |body: &str| {
        let (_, rest) = body.split_once(r#""uptime":{"secs":"#).unwrap();
        let (secs, rest) = rest.split_once(r#","nanos":"#).unwrap();
        let (nanos, rest) = rest.split_once('}').unwrap();
        assert_eq!(rest, r#","endpoints":{"a/r":"ready"}}"#);
        Duration::new(secs.parse().unwrap(), nanos.parse().unwrap())
    };
    let before = uptime(&get(&worker, "/health").await.body);
    advance(Duration::from_nanos(12_313_803_539)).await;
    let after = uptime(&get(&worker, "/health").await.body);
    let passed = after.checked_sub(before).unwrap();
    let expected = Duration::from_nanos(12_313_803_539);
    assert!(passed >= expected && passed < expected + Duration::from_secs(1), "{before:?} {after:?}");
}

#[tokio::test]
async fn both_paths_can_be_renamed() {
    let health = of_status(Status::Unhealthy);
    for dialect in [Dynamo::worker(), Dynamo::frontend()] {
        let renamed = dialect.health_path("/custom/health").live_path("/custom/live");
        let endpoints = mounted(&health, renamed, Exposure::Status);
        assert_eq!(seen(&endpoints, "/custom/health").await.0, 503);
        assert_eq!(seen(&endpoints, "/custom/live").await.0, 503);
        for gone in ["/health", "/live", "/custom", "/custom/health/", "/custom/health/generate"] {
            assert_eq!(get(&endpoints, gone).await.code, 404, "{gone}");
        }
        assert_eq!(get(&endpoints.mount("/below"), "/below/custom/live").await.code, 503);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_said_to_those_who_may_not_see_it() {
    let health = mixed();
    for dialect in [Dynamo::worker(), Dynamo::frontend()] {
        for exposure in EXPOSURES {
            for path in ["/health", "/live", "/health?verbose", "/health?status=unhealthy"] {
                let body = get(&mounted(&health, dialect.clone(), exposure), path).await.body;
                let names = body.contains("generate") || body.contains("gpu") || body.contains("load");
                assert!(!names || exposure >= Exposure::Checks, "{exposure:?} {path}: {body}");
                assert!(!body.contains("hunter2") && !body.contains("slow\":\"slow"), "{body}");
            }
        }
    }
}
