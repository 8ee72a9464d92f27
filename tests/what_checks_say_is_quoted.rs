//! Whatever stands in a summary, an error, a panic, in data and its names, or in the reason of a mute: JSON stays JSON,
//! a line stays a line, and no header is made of it.

use std::net::SocketAddr;
use std::time::Duration;

use health_actix::endpoints;
use health_core::{Exposure, Failure, Health, Outcome, Probe, Spec, Status};
use health_tests::http::{Answer, ask, get, serve};
use health_tests::logs;
use serde_json::{Value, json};

/// Paths at which everything is shown, of whatever mount.
const PATHS: [&str; 3] = ["/health/ready", "/health", "/health/groups/all"];

/// What every one of these texts must not become.
const ODD: [&str; 22] = [
    "a\r\nX-Injected: yes\r\n\r\nHTTP/1.1 200 OK",
    "a\nb\rc\r\nd",
    "[+]forged ok\n[-]forged failed\nready check passed",
    "\0nul\0",
    "\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m",
    "\u{8}\u{8}\u{8}\u{7f}",
    "one\u{2028}two\u{2029}three\u{85}four",
    "\u{202e}desrever\u{202c}\u{2066}x\u{2069}\u{202a}\u{202d}",
    "</script><script>alert(1)</script>",
    "\"},\"status\":\"healthy\",\"x\":{\"",
    "\\\"\\\\\\u0022\\",
    "\u{feff}\u{fffe}\u{ffff}\u{10ffff}",
    "e\u{301}\u{300}\u{301}😀\u{200d}👩",
    "%0d%0aX-Injected: yes",
    "${jndi:ldap://x} {{7*7}} <%= 1 %> {}{:?}",
    "' OR 1=1; --",
    "=cmd|' /C calc'!A0",
    "data: x\n\nevent: report\nid: 1\n\n",
    "\t\u{b}\u{c}tabs",
    " ",
    "NaN",
    "null",
];

fn panicking(text: &'static str) {
    std::panic::panic_any(text)
}

/// One check for each way of saying it, literally and at run time.
fn says(text: &'static str) -> Health {
    let owned = move || text.to_owned();
    let spec = |name| Spec::named(name).group("all").describe(text).interval("never").cache("1h");
    Health::builder()
        .check_fn(spec("literal"), move || async move { Outcome::degraded(text) })
        .check_fn(spec("owned"), move || async move { Outcome::unhealthy(owned()).because(owned()) })
        .check_fn(spec("face"), move || async move { Err::<(), _>(Failure::new(text).because(text)) })
        .check_fn(spec("error"), move || async move { Err::<(), _>(owned()) })
        .check_fn(spec("panic"), move || async move { panicking(text) })
        .check_fn(spec("data"), move || async move {
            let nested = json!({ text: [text, { text: text }] });
            Outcome::degraded("data").data(text, text).data(owned() + "2", owned()).data("nested", nested)
        })
        .build()
        .unwrap()
        .start()
}

fn is_clean(text: &str) -> bool {
    !text.contains(|c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
}

/// The names of the headers, which are the same whatever is said.
fn names(answer: &Answer) -> Vec<&str> {
    answer.headers.iter().map(|(name, _)| &**name).collect()
}

async fn is_quoted(address: SocketAddr, text: &str) {
    for path in PATHS {
        let json = get(address, path).await;
        let known =
            ["cache-control", "content-length", "content-type", "x-content-type-options", "x-health-status"];
        assert_eq!((json.code, names(&json)), (503, known.to_vec()), "{path}: {text:?}");
        assert!(is_clean(&json.body), "{:?}", json.body);
        let value: Value =
            serde_json::from_str(&json.body).unwrap_or_else(|error| panic!("{error}: {:?}", json.body));
        assert_eq!(
            (&value["status"], value["checks"].as_array().map(Vec::len)),
            (&json!("unhealthy"), Some(6))
        );

        let request = format!("GET {path}?verbose HTTP/1.1\r\nHost: x\r\n\r\n");
        let lines = ask(address, request).await;
        assert_eq!((lines.code, names(&lines)), (503, known.to_vec()), "{path}: {text:?}");
        let (checks, whole) = lines.body.trim_end_matches('\n').rsplit_once('\n').expect("several lines");
        assert!(checks.lines().all(|line| is_clean(line) && line.starts_with('[')), "{:?}", lines.body);
        assert_eq!(
            (checks.split('\n').count(), whole.ends_with(" check failed")),
            (6, true),
            "{:?}",
            lines.body
        );
    }
}

#[tokio::test]
async fn in_every_place_where_it_can_be_said() {
    std::panic::set_hook(Box::new(|info| match info.payload_as_str() {
        Some(text) if ODD.contains(&text) => {}
        _ => eprintln!("{info}"),
    }));
    logs::record();
    for text in ODD {
        let health = says(text);
        health.mute("owned", Duration::from_secs(60), text).unwrap();
        let kept = health.clone();
        let served = serve(1, move |config| {
            config.service(endpoints(kept.clone()).exposure(Exposure::Full));
        });
        is_quoted(served.address, text).await;
        let report = health.report(Probe::Ready).await;
        let reason = report.entry("owned").unwrap().mute_reason().unwrap();
        assert!(is_clean(reason), "{reason:?}");
    }
    let lines = logs::lines_with(&["check="]);
    assert!(lines.len() >= ODD.len(), "lines are recorded: {lines:?}");
    let unclean: Vec<_> = lines.into_iter().filter(|line| !is_clean(line)).collect();
    assert!(unclean.is_empty(), "{unclean:?}");
}

/// Values no reader could use are cut, and what JSON cannot say is said as nothing.
#[tokio::test]
async fn and_data_of_any_size_and_shape_is_bounded() {
    let mut deep = json!("at the bottom");
    for _ in 0..1_000 {
        deep = json!([deep]);
    }
    let values = json!({
        "numbers": [f64::NAN, f64::INFINITY, f64::MIN_POSITIVE, u64::MAX, i64::MIN, -0.0, 1e308],
        "long": "x".repeat(1_000_000),
        "wide": vec![0; 1_000_000],
        "many": (0..100_000).map(|n| (n.to_string(), json!(n))).collect::<serde_json::Map<_, _>>(),
        "deep": deep,
    });
    let key = "k".repeat(1_000_000);
    let check = move || {
        let outcome = Outcome::degraded("x".repeat(1_000_000)).because("x".repeat(1_000_000));
        let outcome = outcome.data("first", values.clone()).data(key.clone(), key.clone());
        let outcome = (0..1_000).fold(outcome, |outcome, n| outcome.data(n.to_string(), n));
        async { outcome }
    };
    let spec = Spec::named("db").group("all").timeout("1m").interval("never").cache("1h");
    let health = Health::builder().check_fn(spec, check).deadline("1m").build().unwrap().start();
    assert_eq!(health.report(Probe::Ready).await.status(), Status::Degraded);
    let served = serve(1, move |config| {
        config.service(endpoints(health.clone()).exposure(Exposure::Full));
    });
    for path in PATHS {
        let answer = get(served.address, path).await;
        assert_eq!((answer.code, answer.header("x-health-status")), (200, Some("degraded")));
        assert!(answer.body.len() < 32 * 1024, "{}", answer.body.len());
        let value: Value = serde_json::from_str(&answer.body).unwrap();
        let data = value["checks"][0]["data"].as_object().unwrap();
        assert_eq!(
            data["first"]["numbers"],
            json!([null, null, f64::MIN_POSITIVE, u64::MAX, i64::MIN, -0.0, 1e308])
        );
        assert!(data.len() <= 64 && data.keys().all(|key| key.len() <= 1024), "{}", data.len());
    }
}

/// Names that differ only in what cannot be shown are one name, and the first value counts.
#[tokio::test]
async fn no_name_of_a_value_comes_twice() {
    let check = || async {
        let outcome = Outcome::degraded("x").data("a\0", 1).data("b", 2).data("a\u{1}", 3);
        (0..9).fold(outcome, |outcome, n| outcome.data(format!("{}{n}", "long ".repeat(300)), n))
    };
    let health = Health::builder().check_fn(Spec::named("db"), check).build().unwrap().start();
    let served = serve(1, move |config| {
        config.service(endpoints(health.clone()).exposure(Exposure::Full));
    });
    let body = get(served.address, "/health/ready").await.body;
    let value: Value = serde_json::from_str(&body).unwrap();
    // A key that came twice would be shorter when it is written again.
    assert_eq!(value.to_string().len(), body.len(), "{body}");
    let data = value["checks"][0]["data"].as_object().unwrap();
    assert_eq!(
        (data.len(), data.values().map(|n| n.as_u64().unwrap()).take(2).collect::<Vec<_>>()),
        (3, vec![1, 2])
    );
}
