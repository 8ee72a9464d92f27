//! Whoever follows `/health/events` is told first how everything stands and then of every change, in order and each
//! once; whoever comes back is told how it stands now.

use std::time::Duration;

use actix_web::web;
use health_actix::{Access, endpoints, goodbye};
use health_core::{Exposure, Failure, Gate, Health, Probe, Reporter, Spec, Status};
use health_tests::http::{Served, Wire, ask, serve};
use health_tests::sse::{Event, Events, parsed};
use serde_json::{Value, json};

/// A health in which nothing happens by itself, and what is reported about one of its checks.
async fn consumer() -> (Health, Reporter) {
    let consumer = Reporter::new(Spec::named("consumer").max_age("1d"));
    let health = Health::builder().reporter(&consumer).build().unwrap().start();
    let mut transitions = health.subscribe();
    consumer.healthy();
    // Of the check, and of ready.
    transitions.next().await;
    transitions.next().await;
    (health, consumer)
}

fn served(health: &Health, exposure: Exposure) -> Served {
    let health = health.clone();
    serve(2, move |config| {
        config.service(endpoints(health.clone()).exposure(exposure));
    })
}

/// The data of a transition, without its time, which must be one.
fn data(event: &Event) -> Value {
    assert_eq!(event.name, "transition");
    let mut data = event.data.clone();
    let at = data.as_object_mut().unwrap().remove("at").unwrap();
    assert!(at.as_str().is_some_and(|at| at.len() == 24 && at.ends_with('Z')), "{at}");
    data
}

#[tokio::test]
async fn first_how_it_stands_then_each_change_in_its_order() {
    let (health, consumer) = consumer().await;
    let served = served(&health, Exposure::Checks);
    let (mut events, report) = Events::after_the_report(served.address).await;
    assert_eq!(report.data["status"], "healthy");
    assert_eq!(report.data["checks"][0]["name"], "consumer");
    assert_eq!(events.retry, Some(2_000));

    let mut last = report.id;
    let mut next = async |subject, expected: Value| {
        let event = events.next().await.unwrap();
        assert_eq!((event.subject(), data(&event)), (subject, expected));
        assert!(event.id > last, "{} after {last}", event.id);
        last = event.id;
    };
    let (check, ready, phase) = (("consumer", "healthy"), ("probe", "ready"), "phase");
    consumer.degraded("slow");
    let expected = json!({"check": check.0, "from": check.1, "to": "degraded", "summary": "slow"});
    next(("check", "consumer"), expected).await;
    next(ready, json!({"probe": "ready", "from": "healthy", "to": "degraded"})).await;
    health.drain();
    next((phase, "draining"), json!({"phase": "draining", "from": "running", "to": "draining"})).await;
    next(ready, json!({"probe": "ready", "from": "degraded", "to": "unhealthy"})).await;
    health.resume();
    next((phase, "running"), json!({"phase": "running", "from": "draining", "to": "running"})).await;
    next(ready, json!({"probe": "ready", "from": "unhealthy", "to": "degraded"})).await;
    consumer.unhealthy(Failure::new("no route").because("postgres://app:hunter2@db"));
    let expected = json!({"check": check.0, "from": "degraded", "to": "unhealthy", "summary": "no route"});
    next(("check", "consumer"), expected).await;
    next(ready, json!({"probe": "ready", "from": "degraded", "to": "unhealthy"})).await;
}

#[tokio::test]
async fn of_a_mute_it_tells_until_when_and_not_why() {
    let (health, _consumer) = consumer().await;
    let served = served(&health, Exposure::Full);
    let (mut events, _) = Events::after_the_report(served.address).await;
    health.mute("consumer", Duration::from_secs(60), "because of Bob").unwrap();
    let muted = data(&events.next().await.unwrap());
    assert!(muted["muted_until"].as_str().is_some_and(|until| until.ends_with('Z')), "{muted}");
    assert_eq!((muted["check"].as_str(), muted.as_object().unwrap().len()), (Some("consumer"), 2));
    health.unmute("consumer");
    assert_eq!(data(&events.next().await.unwrap()), json!({"check": "consumer", "muted_until": null}));
}

#[tokio::test]
async fn a_start_is_followed_until_it_runs() {
    let gate = Gate::new("migrations");
    let health = Health::builder().gate(&gate).build().unwrap().start();
    let served = served(&health, Exposure::Checks);
    let (mut events, report) = Events::after_the_report(served.address).await;
    assert_eq!(
        (&report.data["phase"], &report.data["waiting_for"][0]),
        (&json!("starting"), &json!("gate:migrations"))
    );
    gate.open();
    assert_eq!(events.next().await.unwrap().flip(), ("starting", "running"));
    assert_eq!(events.next_about(("probe", "ready")).await.flip(), ("unhealthy", "healthy"));
}

#[tokio::test]
async fn the_leaving_of_a_process_is_followed_too() {
    let (health, consumer) = consumer().await;
    let leaving = health.clone();
    let served = serve(1, move |config| {
        let endpoints = endpoints(leaving.clone()).exposure(Exposure::Checks);
        config.service(web::scope("").wrap(goodbye(&leaving)).service(endpoints));
    });
    let (mut events, _) = Events::after_the_report(served.address).await;
    health.drain();
    assert_eq!(events.next_about(("phase", "draining")).await.flip(), ("running", "draining"));
    let (mut late, report) = Events::after_the_report(served.address).await;
    assert_eq!(
        (&report.data["phase"], late.answer.header("connection")),
        (&json!("draining"), Some("close"))
    );
    consumer.degraded("slow");
    for events in [&mut events, &mut late] {
        assert_eq!(events.next_about(("check", "consumer")).await.flip(), ("healthy", "degraded"));
    }
}

/// Errors are private at every exposure, because a transition has none; the report has what the caller may see.
#[tokio::test]
async fn to_each_caller_what_it_may_see() {
    let (health, consumer) = consumer().await;
    consumer.unhealthy(Failure::new("no route").because("kaput-4711"));
    let access = Access::new().token(Exposure::Full, "0123456789abcdef").unwrap();
    let access = access.everyone(Exposure::Checks);
    let kept = health.clone();
    let served = serve(1, move |config| {
        config.service(endpoints(kept.clone()).access(access.clone()));
        config.service(endpoints(kept.clone()).mount("/public"));
    });
    let full = "Authorization: Bearer 0123456789abcdef\r\n";
    for (lines, sees) in [("", false), (full, true)] {
        let mut events = Events::asking(served.address, "/health/events", lines).await;
        let report = events.next().await.unwrap();
        assert_eq!(report.data.to_string().contains("kaput-4711"), sees, "{}", report.data);
        consumer.healthy();
        consumer.unhealthy(Failure::new("no route").because("kaput-4711"));
        let event = events.next_about(("check", "consumer")).await;
        assert!(!event.data.to_string().contains("kaput"), "{}", event.data);
    }
    // Whoever may see one word gets what every path gets that is none.
    let nothing = health_tests::http::get(served.address, "/public/nothing").await;
    for method in ["GET", "HEAD", "POST", "OPTIONS"] {
        let request = format!("{method} /public/events HTTP/1.1\r\nHost: x\r\n\r\n");
        let answer = if method == "HEAD" {
            let mut wire = Wire::to(served.address).await;
            wire.send(request).await;
            wire.head().await
        } else {
            ask(served.address, request).await
        };
        assert_eq!(answer, nothing, "{method}");
    }
}

#[tokio::test]
async fn what_proxies_need_to_know_stands_in_the_head() {
    let (health, _consumer) = consumer().await;
    let served = served(&health, Exposure::Checks);
    let head = [
        ("cache-control", "no-store"),
        ("connection", "close"),
        ("content-encoding", "identity"),
        ("content-type", "text/event-stream"),
        ("transfer-encoding", "chunked"),
        ("x-accel-buffering", "no"),
        ("x-content-type-options", "nosniff"),
    ];
    let head = head.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(Events::of(served.address).await.answer.headers, head);

    // HEAD gets no body, and the connection goes on.
    let of_body = ["connection", "transfer-encoding"];
    let mut wire = Wire::to(served.address).await;
    for _ in 0..3 {
        wire.send("HEAD /health/events HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let answer = wire.head().await;
        let expected: Vec<_> = head.iter().filter(|(name, _)| !of_body.contains(&&**name)).cloned().collect();
        assert_eq!((answer.code, answer.headers), (200, expected));
    }
    wire.send("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(wire.answer().await.code, 200);

    for method in ["POST", "OPTIONS", "DELETE"] {
        let answer =
            ask(served.address, format!("{method} /health/events HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        assert_eq!((answer.code, answer.header("allow")), (405, Some("GET, HEAD")));
    }
}

#[tokio::test]
async fn a_reader_of_http_1_0_gets_the_same_without_chunks() {
    let (health, consumer) = consumer().await;
    let served = served(&health, Exposure::Checks);
    let mut wire = Wire::to(served.address).await;
    // It goes on asking for a connection that is kept, which the length of the answer does not allow.
    wire.send("GET /health/events HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
    let answer = wire.head().await;
    assert_eq!(
        (answer.code, answer.header("transfer-encoding"), answer.header("connection")),
        (200, None, None)
    );
    let mut text = wire.until("\n\n").await;
    consumer.degraded("slow");
    text += &wire.until("\n\n").await;
    let events: Vec<_> = parsed(&text).into_iter().filter_map(|(event, _)| event).collect();
    assert_eq!((&*events[0].name, events[1].subject()), ("report", ("check", "consumer")));
}

/// What it missed is in the report, whatever it says that it knows.
#[tokio::test]
async fn who_comes_back_is_told_how_it_stands_now() {
    let (health, consumer) = consumer().await;
    let served = served(&health, Exposure::Checks);
    let (events, report) = Events::after_the_report(served.address).await;
    events.reset();
    consumer.unhealthy("down");
    // The observation is older than what comes now, but the look at the whole may be under way.
    while health.status(Probe::Ready) != Status::Unhealthy {
        tokio::task::yield_now().await;
    }
    for known in [report.id.to_string(), "0".into(), "99999999999999999999".into(), "x\u{7f}".into()] {
        let known = format!("Last-Event-ID: {known}\r\n");
        let mut events = Events::asking(served.address, "/health/events", &known).await;
        if events.answer.code == 400 {
            continue; // not for us to read
        }
        let again = events.next().await.unwrap();
        assert_eq!((&*again.name, &again.data["failing"]), ("report", &json!(["consumer"])));
        assert!(again.id > report.id);
    }
}

/// Whatever stands in what a check says, an event is an event.
#[tokio::test]
async fn what_checks_say_makes_no_event() {
    let odd = [
        "a\n\nevent: report\nid: 99\ndata: {}\n\n",
        "a\r\n\r\nretry: 1\r\rdata: x\r\n",
        "\u{2028}\u{2029}\u{85}\u{b}\u{c}\0:",
        "\"},{\"status\":\"healthy\"\\",
        "</script><script>alert(1)</script>",
    ];
    let (health, consumer) = consumer().await;
    let served = served(&health, Exposure::Full);
    let (mut following, report) = Events::after_the_report(served.address).await;
    let mut last = report.id;
    for text in odd {
        consumer.degraded(text);
        let event = following.next_about(("check", "consumer")).await;
        assert!(event.id > last && event.flip() == ("healthy", "degraded"), "{event:?}");
        last = event.id;
        assert!(event.data["summary"].as_str().is_some_and(|text| !text.contains(['\n', '\r', '\0'])));
        // The same in the report that comes first.
        let (other, report) = Events::after_the_report(served.address).await;
        assert_eq!((&report.data["status"], other.retry), (&json!("degraded"), Some(2_000)));
        assert!(report.id >= last);
        consumer.healthy();
        assert_eq!(following.next_about(("check", "consumer")).await.flip(), ("degraded", "healthy"));
    }
}
