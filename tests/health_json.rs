//! health+json says what draft-inadarei-api-health-check-06 demands, in every state, to everybody.

use actix_web::http::header::HeaderValue;
use actix_web::http::{Method, StatusCode};
use actix_web::test::TestRequest;
use health_actix::dialect::{ComponentDetails, HealthJson, Native};
use health_actix::{Endpoints, Profile, endpoints};
use health_core::{Exposure, Health, Outcome, Probe, Scope, Spec, Status};
use health_tests::asking::{ask, ask_with, get, of_status};
use health_tests::states_of_db;
use serde_json::{Value, json};
use std::time::Duration;

const EXPOSURES: [Exposure; 3] = [Exposure::Status, Exposure::Checks, Exposure::Full];

fn mounted(health: &Health, exposure: Exposure) -> Endpoints {
    endpoints(health.clone()).dialect(HealthJson::new()).exposure(exposure)
}

/// Everything an author can say.
fn talkative() -> HealthJson {
    let db = ComponentDetails::new().kind("datastore").unit("depth", "messages").affects(["/orders/{id}"]);
    HealthJson::new()
        .version("1")
        .release_id("1.2.2")
        .service_id("f03e522f")
        .description("health of \"orders\"")
        .note("a note")
        .note("another")
        .link("about", "http://example.org/about")
        .link("http://example.org/rel/thresholds", "http://example.org/thresholds")
        .component("db", db.link("self", "http://example.org/db"))
}

/// A body with its times and the durations of runs taken out, which are all that differs from run to run.
fn timeless(body: &str) -> String {
    let mut parts = body.split("\"observedValue\":");
    let mut done = parts.next().unwrap().to_owned();
    for part in parts {
        let (value, after) = part.split_at(part.find([',', '}']).unwrap());
        value.parse::<f64>().unwrap();
        let is_duration = after.starts_with(r#","observedUnit":"ms""#);
        done += &format!("\"observedValue\":{}{after}", if is_duration { "N" } else { value });
    }
    let mut parts = done.split("\"time\":\"");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |done, part| {
        let (time, after) = part.split_at(24);
        assert!(time.ends_with('Z') && time.as_bytes()[10] == b'T', "ISO 8601: {time}");
        done + "\"time\":\"T" + after
    })
}

#[tokio::test(start_paused = true)]
async fn every_state_has_its_words_at_every_exposure() {
    let pulse = r#""pulse:responseTime":[{"componentId":"pulse","componentType":"component","observedValue":N,"observedUnit":"ms","status":"pass","time":"T"}]"#;
    let first = r#""db:responseTime":[{"componentId":"db","componentType":"component","observedValue":N,"observedUnit":"ms","#;
    let bare = r#""db":[{"componentId":"db","componentType":"component","#;
    let pass = format!(r#"{first}"status":"pass","time":"T"}}]"#);
    let told = |status: &str, output: &str| {
        format!(r#"{first}"status":"{status}","time":"T","output":"{output}"}}]"#)
    };
    let failed = told("fail", "no answer");
    let failed_fully = told("fail", "no answer: connection refused");
    let depth = r#","db:depth":[{"componentId":"db","componentType":"component","observedValue":7,"status":"pass","time":"T"}]"#;
    let stale = told("fail", "the last observation is too old");
    let pending = format!(r#"{bare}"status":"fail","output":"not observed yet"}}]"#);
    let slow = told("warn", "slow");
    let expected = [
        ("empty", "pass", "", String::new(), String::new()),
        ("healthy", "pass", "", pass.clone(), format!("{pass}{depth}")),
        ("degraded", "warn", "db", slow.clone(), slow),
        ("unhealthy", "fail", "db", failed.clone(), failed_fully.clone()),
        ("not critical", "warn", "db", failed.clone(), failed_fully.clone()),
        ("muted", "warn", "db", failed, failed_fully),
        ("pending", "fail", "db", pending.clone(), pending),
        ("stale", "fail", "db", stale.clone(), stale),
        ("draining", "fail", "draining", pass.clone(), pass.clone()),
        ("starting", "fail", "waiting for startup:schema", pass.clone(), pass.clone()),
        ("closed", "fail", "waiting for gate:migrations", pass.clone(), pass),
    ];
    let states = states_of_db::all().await;
    assert_eq!(states.len(), expected.len());
    for (state, status, output, checks, full) in expected {
        let health = &states.iter().find(|known| known.name == state).unwrap().health;
        let output = if output.is_empty() { String::new() } else { format!(r#","output":"{output}""#) };
        for exposure in EXPOSURES {
            let what = format!("{state} {exposure:?}");
            let listed = if exposure == Exposure::Full { &full } else { &checks };
            let ready = match exposure {
                Exposure::Status => format!(r#"{{"status":"{status}"}}"#),
                _ => format!(r#"{{"status":"{status}"{output},"checks":{{{listed}}}}}"#),
            };
            let live = match (exposure, state) {
                (Exposure::Status, _) => r#"{"status":"pass"}"#.to_owned(),
                (_, "empty") => r#"{"status":"pass","checks":{}}"#.to_owned(),
                _ => format!(r#"{{"status":"pass","checks":{{{pulse}}}}}"#),
            };
            let endpoints = mounted(health, exposure);
            let (seen, alive) =
                (get(&endpoints, "/health/ready").await, get(&endpoints, "/health/live").await);
            assert_eq!(seen.code, if status == "fail" { 503 } else { 200 }, "{what}");
            assert_eq!(timeless(&seen.body), ready, "{what}");
            assert_eq!((alive.code, timeless(&alive.body)), (200, live), "{what}");
            let verdict = [("pass", "healthy"), ("warn", "degraded"), ("fail", "unhealthy")];
            let verdict = verdict.into_iter().find(|(word, _)| *word == status).unwrap().1;
            for (name, value) in [
                ("content-type", "application/health+json"),
                ("cache-control", "no-store"),
                ("x-content-type-options", "nosniff"),
                ("x-health-status", verdict),
            ] {
                assert_eq!(seen.header(name), Some(value), "{what}");
            }
            assert_eq!(seen.headers.len(), 4, "{what}: {:?}", seen.headers);
            let head = ask(&endpoints, Method::HEAD, "/health/ready").await;
            assert_eq!((head.code, head.body.as_str()), (seen.code, ""), "{what}");
            assert_eq!(head.header("content-type"), seen.header("content-type"), "{what}");
            if exposure == Exposure::Status {
                assert_eq!(head.header("content-length"), Some(&*seen.body.len().to_string()), "{what}");
            }

            // Where `Accept` asks for it, the native dialect says the same.
            let accepting =
                TestRequest::with_uri("/health/ready").insert_header(("Accept", "application/health+json"));
            let native = health_actix::endpoints(health.clone()).exposure(exposure);
            let negotiated = ask_with(&native, accepting).await;
            assert_eq!((negotiated.code, negotiated.headers), (seen.code, seen.headers), "{what}");
            assert_eq!(timeless(&negotiated.body), ready, "{what}");
            assert_eq!(get(&native, "/health/ready").await.header("content-type"), Some("application/json"));
        }
    }
}

#[tokio::test]
async fn what_its_author_says_of_the_service_has_its_place() {
    let health = Health::builder()
        .check_fn(Spec::named("db").critical(false), || async {
            Outcome::unhealthy("cold").data("depth", 1.5)
        })
        .build()
        .unwrap()
        .start();
    let about = r#""version":"1","releaseId":"1.2.2","serviceId":"f03e522f","description":"health of \"orders\"","notes":["a note","another"]"#;
    let first = r#"{"componentId":"db","componentType":"datastore","observedValue":N,"observedUnit":"ms","status":"fail","affectedEndpoints":["/orders/{id}"],"time":"T","output":"cold","links":{"self":"http://example.org/db"}}"#;
    let depth = r#"{"componentId":"db","componentType":"datastore","observedValue":1.5,"observedUnit":"messages","status":"fail","time":"T"}"#;
    let links = r#"{"about":"http://example.org/about","http://example.org/rel/thresholds":"http://example.org/thresholds"}"#;
    let whole = |checks: &str| {
        format!(r#"{{"status":"warn",{about},"output":"db","checks":{{{checks}}},"links":{links}}}"#)
    };
    let checks = whole(&format!(r#""db:responseTime":[{first}]"#));
    let full = whole(&format!(r#""db:responseTime":[{first}],"db:depth":[{depth}]"#));
    let native = |exposure| {
        health_actix::endpoints(health.clone())
            .dialect(Native::new().health_json(talkative()))
            .exposure(exposure)
    };
    for (exposure, expected) in [(Exposure::Checks, &checks), (Exposure::Full, &full)] {
        let own = endpoints(health.clone()).dialect(talkative()).exposure(exposure);
        for path in ["/health", "/health/ready"] {
            assert_eq!(timeless(&get(&own, path).await.body), *expected, "{exposure:?} {path}");
            let accepting = TestRequest::with_uri(path).insert_header(("Accept", "application/health+json"));
            assert_eq!(
                timeless(&ask_with(&native(exposure), accepting).await.body),
                *expected,
                "{exposure:?} {path}"
            );
        }
        let filtered = TestRequest::with_uri("/health/ready?status=healthy")
            .insert_header(("Accept", "application/health+json"));
        assert_eq!(
            ask_with(&native(exposure), filtered).await.body,
            whole(""),
            "the list is filtered, the verdict is not"
        );
    }
    // One word is one word, whoever wrote the others.
    let public = endpoints(health.clone()).dialect(talkative());
    assert_eq!(get(&public, "/health/ready").await.body, r#"{"status":"warn"}"#);
}

#[tokio::test]
async fn paths_are_those_of_the_native_dialect() {
    let health = of_status(Status::Unhealthy);
    let checks = mounted(&health, Exposure::Checks);
    for path in ["/health", "/health/live", "/health/ready", "/health/checks/a/r", "/health/groups/all"] {
        let seen = get(&checks, path).await;
        assert_eq!(
            (seen.code, seen.header("content-type")),
            (503, Some("application/health+json")),
            "{path}"
        );
        assert!(seen.body.starts_with(r#"{"status":"fail","output":""#), "{path}: {}", seen.body);
    }
    assert_eq!(get(&checks, "/health/startup").await.body, r#"{"status":"pass","checks":{}}"#);
    for path in ["/health/checks/nope", "/health/groups/nope", "/health/", "/livez"] {
        assert_eq!(get(&checks, path).await.code, 404, "{path}");
    }
    for path in ["/health/checks/a/r", "/health/groups/all"] {
        assert_eq!(get(&mounted(&health, Exposure::Status), path).await.code, 404, "{path}");
    }
}

#[tokio::test]
async fn hostile_names_and_summaries_stay_valid_and_unique() {
    let hostile = "\"}]\u{0}\u{1b}[31m\r\n</script>\u{202e}\u{7f}";
    let names = ["a:b", "a_b", "responseTime", "", ":", "size\"]", "\u{0}\n", "ü/../x", hostile];
    let check = move || async move {
        let outcome = Outcome::degraded(hostile).because(hostile).data("text", "1").data("list", vec![1, 2]);
        let outcome = outcome.data("yes", true).data("huge", u64::MAX).data("tiny", -0.000_001);
        names.iter().zip(1..).fold(outcome, |outcome, (name, n)| outcome.data(*name, n))
    };
    let health = Health::builder().check_fn(Spec::named("db"), check).build().unwrap().start();
    let body = get(&mounted(&health, Exposure::Full), "/health/ready").await.body;
    assert!(!body.contains(|c: char| c.is_control()), "{body:?}");
    let json: Value = serde_json::from_str(&body).unwrap();
    let checks = json["checks"].as_object().unwrap();
    let read = |datum: &str| checks[&format!("db:{datum}")][0]["observedValue"].clone();
    assert_eq!((read("a_b"), read("_"), read("size\"]")), (json!(1), json!(5), json!(6)));
    assert_eq!((read("huge"), read("tiny")), (json!(u64::MAX), json!(-0.000_001)));
    assert_eq!(checks["db:responseTime"][0]["observedUnit"], "ms");
    assert!(checks["db:responseTime"][0]["output"].as_str().unwrap().starts_with("\"}]  [31m"), "{body}");
    for key in checks.keys() {
        assert_eq!(key.matches(':').count(), 1, "{key:?}");
        let written = format!("{}:[", serde_json::to_string(key).unwrap());
        assert_eq!(body.matches(&written).count(), 1, "{key:?}");
    }
    for left_out in ["text", "list", "yes", ""] {
        assert!(!checks.contains_key(&format!("db:{left_out}")), "{left_out:?}");
    }
}

#[tokio::test]
async fn the_output_of_the_whole_is_bounded() {
    let failing = (0..20).fold(Health::builder(), |builder, n| {
        builder.check_fn(Spec::named(format!("c{n:02}")), || async { Status::Unhealthy })
    });
    let health = failing.build().unwrap().start();
    let body = get(&mounted(&health, Exposure::Checks), "/health/ready").await.body;
    let json: Value = serde_json::from_str(&body).unwrap();
    let named: Vec<_> = (0..16).map(|n| format!("c{n:02}")).collect();
    assert_eq!(json["output"], format!("{} and 4 more", named.join(", ")));
    assert_eq!(json["checks"].as_object().unwrap().len(), 20);
}

#[tokio::test]
async fn a_lifetime_is_an_option_and_never_one_of_bad_news() {
    let kept = |status, max_age: u64, exposure| async move {
        let dialect = HealthJson::new().max_age(Duration::from_millis(max_age));
        let endpoints = endpoints(of_status(status)).dialect(dialect).exposure(exposure);
        let consul = endpoints.clone().profile(Profile::consul());
        let accepted = endpoints.clone().status_code(Status::Healthy, StatusCode::ACCEPTED);
        let get = |endpoints: Endpoints| async move {
            get(&endpoints, "/health/ready").await.header("cache-control").unwrap().to_owned()
        };
        let lenient = endpoints.clone().status_code(Status::Unhealthy, StatusCode::OK);
        let of_lenient = get(lenient).await;
        assert_eq!(of_lenient == "no-store", status == Status::Unhealthy || max_age < 1_000, "{of_lenient}");
        [get(endpoints).await, get(consul).await, get(accepted).await]
    };
    use Exposure::{Checks, Full};
    let public = Exposure::Status;
    assert_eq!(kept(Status::Healthy, 2_900, public).await, ["max-age=2", "max-age=2", "no-store"]);
    assert_eq!(
        kept(Status::Healthy, 2_900, Checks).await,
        ["private, max-age=2", "private, max-age=2", "no-store"]
    );
    assert_eq!(
        kept(Status::Degraded, 9_000, Full).await,
        ["private, max-age=9", "no-store", "private, max-age=9"]
    );
    assert_eq!(kept(Status::Unhealthy, 9_000, public).await, ["no-store"; 3]);
    assert_eq!(kept(Status::Healthy, 999, public).await, ["no-store"; 3]);
    let native = Native::new().health_json(HealthJson::new().max_age(Duration::from_secs(9)));
    let native = endpoints(of_status(Status::Healthy)).dialect(native);
    for accept in ["application/health+json", "*/*"] {
        let asking = TestRequest::with_uri("/health/ready")
            .insert_header(("Accept", HeaderValue::from_static(accept)));
        assert_eq!(ask_with(&native, asking).await.header("cache-control"), Some("no-store"), "{accept}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_observed_never_passes() {
    let silent = |name, probe| Spec::named(name).probe([probe]).scope(Scope::Local).timeout("1h");
    let health = Health::builder()
        .check_fn(silent("live", Probe::Live), std::future::pending::<()>)
        .check_fn(silent("optional", Probe::Ready).critical(false), std::future::pending::<()>)
        .build()
        .unwrap()
        .start();
    let checks = mounted(&health, Exposure::Checks);
    for (path, name, status) in [("/health/live", "live", "pass"), ("/health/ready", "optional", "warn")] {
        let body: Value = serde_json::from_str(&get(&checks, path).await.body).unwrap();
        assert_eq!((&body["status"], &body["checks"][name][0]["status"]), (&json!(status), &json!("warn")));
    }
    // Asked by its name, it is what it is.
    let body: Value = serde_json::from_str(&get(&checks, "/health/checks/optional").await.body).unwrap();
    assert_eq!((&body["status"], &body["checks"]["optional"][0]["status"]), (&json!("fail"), &json!("fail")));
}
