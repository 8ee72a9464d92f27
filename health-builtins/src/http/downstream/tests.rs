use std::time::Duration;

use health_core::Status;
use proptest::prelude::*;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use super::*;

fn asking() -> Downstream {
    Downstream::of(&Client::new(), "http://orders.internal/health").expect("a URL")
}

fn answer(code: u16, header: Option<&'static str>, body: &[u8]) -> Answer {
    let mut headers = HeaderMap::new();
    if let Some(header) = header {
        headers.insert("x-health-status", HeaderValue::from_static(header));
    }
    let code = StatusCode::from_u16(code).expect("a code");
    Answer { code, headers, is_redirected: false, body: Some(body.to_vec()), took: Duration::ZERO }
}

fn told(check: &Downstream, answer: &Answer) -> (Status, Option<String>) {
    let outcome = check.judged(answer);
    (outcome.status(), outcome.summary().map(ToOwned::to_owned))
}

/// Code, header, body, and what becomes of it.
type Case = (u16, Option<&'static str>, &'static str, Status, Option<&'static str>);

#[test]
fn each_form_is_understood() {
    use Status::{Degraded, Healthy, Unhealthy};
    let native = r#"{"status":"unhealthy","failing":["db"],"waiting_for":["gate:schema"],"phase":"starting","checks":[
        {"name":"db","status":"unhealthy"},{"name":"cache","status":"degraded"},{"name":"new","status":"unknown"},
        {"name":"fine","status":"healthy"}]}"#;
    let draft = r#"{"status":"warn","checks":{"db:responseTime":[{"status":"pass"},{"status":"warn"}],"db:connections":
        [{"status":"fail"}],"cpu":[{"status":"WARN"}],"memory":[{"observedValue":1}]}}"#;
    let spring = r#"{"status":"DOWN","components":{"db":{"status":"DOWN","components":{"eu":{"status":"DOWN"},"us":
        {"status":"UP"}}},"disk":{"status":"UP","details":{"degraded":true,"free":7}}},"groups":["liveness"]}"#;
    let spring_2 = r#"{"status":"DOWN","details":{"db":{"status":"DOWN","details":{"error":"x"}},"disk":{"status":"UP"}}}"#;
    let profile = r#"{"status":"DOWN","checks":[{"name":"A queue","status":"DOWN","data":{"depth":3}},
        {"name":"cache","status":"UP","data":{"status":"unhealthy"}},{"name":"db","status":"UP"}]}"#;
    let cases: &[Case] = &[
        (200, None, r#"{"status":"healthy"}"#, Healthy, None),
        (200, None, r#"{"status":"degraded"}"#, Degraded, Some("degraded")),
        (503, None, r#"{"status":"unhealthy"}"#, Unhealthy, Some("unhealthy")),
        (
            503,
            None,
            native,
            Unhealthy,
            Some("unhealthy; starting; failing: db; unknown: new; degraded: cache; waiting for: gate:schema"),
        ),
        (200, None, draft, Degraded, Some("degraded; failing: db; degraded: cpu")),
        (503, None, spring, Unhealthy, Some("unhealthy; failing: db/eu; degraded: disk")),
        (503, None, spring_2, Unhealthy, Some("unhealthy; failing: db")),
        (503, None, profile, Unhealthy, Some("unhealthy; failing: A queue, cache")),
        (503, None, r#"{"status":"OUT_OF_SERVICE"}"#, Unhealthy, Some("unhealthy; out of service")),
        (
            200,
            None,
            r#"{"status":"degraded","checks":[{"name":"cache","status":"degraded"}]}"#,
            Degraded,
            Some("degraded: cache"),
        ),
        (503, None, r#"{"status":"unhealthy","failing":["db"]}"#, Unhealthy, Some("unhealthy; failing: db")),
        (200, None, r#"{"status":"UNKNOWN"}"#, Degraded, Some("degraded")),
        // The worse of code, header and body.
        (200, Some("degraded"), r#"{"status":"UP"}"#, Degraded, Some("degraded")),
        (200, None, r#"{"status":"DOWN"}"#, Unhealthy, Some("unhealthy")),
        (503, None, r#"{"status":"UP"}"#, Unhealthy, Some("answered 503, and says healthy")),
        (503, Some("degraded"), "", Unhealthy, Some("answered 503, and says degraded")),
        // Balancers.
        (429, None, r#"{"status":"degraded"}"#, Degraded, Some("degraded")),
        (429, None, "slow down", Degraded, Some("answered 429")),
        (
            404,
            Some("unhealthy"),
            r#"{"status":"unhealthy","phase":"draining"}"#,
            Unhealthy,
            Some("unhealthy; draining"),
        ),
        // An error page says nothing about the service, nor does what is in no known form.
        (404, None, r#"{"status":"ok","error":"no such page"}"#, Unhealthy, Some("answered 404")),
        (200, None, "ok", Healthy, None),
        (204, None, "", Healthy, None),
        (200, None, r#"{"status":200}"#, Healthy, None),
        (200, None, "{}", Healthy, None),
        (302, None, "", Unhealthy, Some("answered 302")),
        (500, None, "at line 7", Unhealthy, Some("answered 500")),
    ];
    for (code, header, body, status, summary) in cases {
        let told = told(&asking(), &answer(*code, *header, body.as_bytes()));
        assert_eq!((told.0, told.1.as_deref()), (*status, *summary), "{code} {header:?} {body}");
    }
}

#[test]
fn what_is_not_understood_is_not_well() {
    use Status::{Degraded, Healthy, Unhealthy};
    let fatal = r#"{"status":"FATAL"}"#;
    let below = r#"{"status":"FATAL","components":{"stores":{"status":"FATAL","components":{"db":{"status":"DOWN"}}},
        "queue":{"status":"WOBBLY"},"eu":{"components":{"disk":{"status":"DOWN"}}}}}"#;
    let listed = r#"{"status":"degraded","checks":[{"name":"a","status":"WOBBLY","data":{"status":"fail"}},
        {"status":"fail"},{"name":"b","status":"UP","data":{"status":"201 Created"}}]}"#;
    let single = r#"{"status":"warn","checks":{"db:time":{"status":"fail"},"cpu":[{"status":"WOBBLY"}]}}"#;
    let too_deep: &str = "{\"status\":".repeat(200).leak();
    let page = "its answer is a page, which says nothing about its health";
    let cases: &[Case] = &[
        (200, None, fatal, Degraded, Some("says a status that is not known")),
        (200, None, r#"{"status":""}"#, Degraded, Some("says a status that is not known")),
        (429, None, fatal, Degraded, Some("says a status that is not known")),
        (503, None, fatal, Unhealthy, Some("answered 503, and says a status that is not known")),
        (200, Some("fatal"), "", Degraded, Some("says a status that is not known")),
        (200, Some("fatal"), r#"{"status":"UP"}"#, Degraded, Some("says a status that is not known")),
        (200, Some("healthy"), fatal, Degraded, Some("says a status that is not known")),
        (200, Some("unhealthy"), fatal, Unhealthy, Some("unhealthy")),
        (
            200,
            None,
            below,
            Degraded,
            Some("says a status that is not known; failing: eu/disk, stores/db; not understood: queue"),
        ),
        (200, None, listed, Degraded, Some("degraded; failing: a and 1 more")),
        (200, None, single, Degraded, Some("degraded; failing: db; not understood: cpu")),
        (200, None, "\u{feff}{\"status\":\"DOWN\"}", Unhealthy, Some("unhealthy")),
        (200, None, "\n<!doctype html><title>Sign in</title>", Degraded, Some(page)),
        (200, Some("healthy"), "<!doctype html>", Healthy, None),
        (404, None, "<!doctype html>", Unhealthy, Some("answered 404")),
        (200, None, r#"{"status":"DOWN","#, Degraded, Some("its answer is malformed")),
        (200, None, too_deep, Degraded, Some("its answer is malformed")),
    ];
    for (code, header, body, status, summary) in cases {
        let told = told(&asking(), &answer(*code, *header, body.as_bytes()));
        assert_eq!((told.0, told.1.as_deref()), (*status, *summary), "{code} {header:?} {body}");
    }
    let too_long = |code, header| Answer { body: None, ..answer(code, header, b"") };
    for (code, header, status, summary) in [
        (200, None, Degraded, Some("its answer is too long")),
        (200, Some("healthy"), Healthy, None),
        (200, Some("degraded"), Degraded, Some("degraded")),
        (503, None, Unhealthy, Some("answered 503")),
    ] {
        let told = told(&asking(), &too_long(code, header));
        assert_eq!((told.0, told.1.as_deref()), (status, summary), "{code} {header:?}");
    }
}

#[test]
fn what_is_left_out_hides_nothing_worse_than_it_is() {
    let told = |name: &str, header, body: &str| {
        told(&asking().leaving_out([name]), &answer(200, header, body.as_bytes())).0
    };
    let composite = |own, below| {
        format!(
            r#"{{"status":"{own}","components":{{"storage":{{"status":"{own}","components":
            {{"us":{{"status":"{below}"}}}}}}}}}}"#
        )
    };
    let listed =
        |whole, us| format!(r#"{{"status":"{whole}","checks":[{{"name":"storage/us","status":"{us}"}}]}}"#);
    for (whole, us) in [("DOWN", "DOWN"), ("degraded", "degraded"), ("degraded", "DOWN"), ("UNKNOWN", "DOWN")]
    {
        for body in [composite(whole, us), listed(whole, us)] {
            assert_eq!(told("storage/us", None, &body), Status::Healthy, "{body}");
            let header = told("storage/us", Some("unhealthy"), &body);
            assert_eq!(header == Status::Healthy, us == "DOWN", "{body}");
            assert_ne!(told("storage", None, &body), Status::Healthy, "{body}");
        }
    }
    for (whole, us) in [("DOWN", "degraded"), ("DOWN", "FATAL"), ("UNKNOWN", "degraded"), ("DOWN", "UP")] {
        for body in [composite(whole, us), listed(whole, us)] {
            assert_ne!(told("storage/us", None, &body), Status::Healthy, "{body}");
        }
    }
    for body in [composite("FATAL", "FATAL"), composite("FATAL", "DOWN"), listed("FATAL", "DOWN")] {
        assert_eq!(told("storage/us", None, &body), Status::Degraded, "{body}");
    }
    let nameless = r#"{"status":"degraded","checks":[{"name":"us","status":"fail"},{"status":"fail"}]}"#;
    assert_ne!(told("us", None, nameless), Status::Healthy);
}

#[test]
fn two_that_look_at_each_other_do_not_hold_each_other_down() {
    let check = asking().leaving_out(["us"]);
    let told = |code, body: &str| told(&check, &answer(code, None, body.as_bytes()));
    let only_us = r#"{"status":"degraded","checks":[{"name":"us","status":"unhealthy"},{"name":"db","status":"healthy"}]}"#;
    let left_out = Some("degraded, and all of that is left out; failing: us".to_owned());
    assert_eq!(told(200, only_us), (Status::Healthy, left_out));
    for (code, body) in [
        (503, only_us),
        (200, r#"{"status":"degraded"}"#),
        (200, r#"{"status":"degraded","checks":[]}"#),
        (200, r#"{"status":"degraded","phase":"draining","checks":[{"name":"us","status":"unhealthy"}]}"#),
        (200, r#"{"status":"degraded","waiting_for":["g"],"checks":[{"name":"us","status":"unhealthy"}]}"#),
        (
            200,
            r#"{"status":"degraded","checks":[{"name":"us","status":"unhealthy"},{"name":"db","status":"degraded"}]}"#,
        ),
        (
            200,
            r#"{"status":"degraded","checks":[{"name":"us","status":"unhealthy"},{"name":"\n","status":"degraded"}]}"#,
        ),
    ] {
        assert_ne!(told(code, body).0, Status::Healthy, "{code} {body}");
    }
}

#[test]
fn depth_and_length_are_bounded() {
    let mut deep = r#"{"status":"DOWN","components":{"a":"#.repeat(200);
    deep.push_str("{}");
    deep.push_str(&"}}".repeat(200));
    assert_eq!(told(&asking(), &answer(503, None, deep.as_bytes())).1.as_deref(), Some("answered 503"));

    // A name that is long, with many below it: each of their ways from the top would be as long.
    let below: Vec<_> = (0..5_000).map(|number| format!(r#""{number}":{{"status":"DOWN"}}"#)).collect();
    let (long, below) = ("x".repeat(100_000), below.join(","));
    let wide = format!(
        r#"{{"status":"DOWN","components":{{"{long}":{{"status":"DOWN","components":{{{below}}}}}}}}}"#
    );
    let summary = told(&asking(), &answer(503, None, wide.as_bytes())).1;
    assert_eq!(summary.as_deref(), Some("unhealthy; failing: 5000 more"));
}

/// JSON in the words of the known forms, put together at random.
fn odd_json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::{Value, json};
    let word = prop_oneof![
        Just("UP"),
        Just("DOWN"),
        Just("fail"),
        Just("pass"),
        Just("degraded"),
        Just("unhealthy"),
        Just("x")
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        word.prop_map(Value::from),
    ];
    let key = prop_oneof![
        Just("status".to_owned()),
        Just("checks".to_owned()),
        Just("components".to_owned()),
        Just("details".to_owned()),
        Just("failing".to_owned()),
        Just("name".to_owned()),
        Just("phase".to_owned()),
        Just("waiting_for".to_owned()),
        any::<String>()
    ];
    let value = leaf.prop_recursive(6, 128, 12, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..12).prop_map(Value::from),
            proptest::collection::btree_map(key.clone(), inner, 0..12).prop_map(|map| json!(map)),
        ]
    });
    (
        proptest::collection::btree_map(any::<String>(), value.clone(), 0..4),
        "checks|components|failing",
        value,
    )
        .prop_map(|(mut map, key, value)| {
            map.insert("status".to_owned(), "DOWN".into());
            map.insert(key, value);
            json!(map)
        })
}

fn is_one_bounded_line(body: &[u8]) {
    for code in [200, 404, 429, 503] {
        let (status, summary) = told(&asking(), &answer(code, None, body));
        assert!(status >= if code == 200 { Status::Healthy } else { Status::Degraded });
        let summary = summary.unwrap_or_default();
        assert!(summary.len() < 1024 && !summary.chars().any(char::is_control), "{summary:?}");
    }
}

proptest! {
    #[test]
    fn hostile_bytes_are_one_bounded_line(body in proptest::collection::vec(any::<u8>(), 0..512)) {
        is_one_bounded_line(&body);
    }

    #[test]
    fn hostile_json_is_one_bounded_line(body in odd_json(), cut in any::<proptest::sample::Index>()) {
        let body = body.to_string().into_bytes();
        is_one_bounded_line(&body);
        is_one_bounded_line(&body[..cut.index(body.len())]);
    }
}
