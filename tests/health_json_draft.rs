//! Every MUST and every SHOULD of draft-inadarei-api-health-check-06 that is the server's to keep, caching excepted,
//! holds for every answer in every state.
//!
//! Not in the table: what clients SHOULD assume (3.1) and MUST NOT assume (10), the freshness lifetime (9), which is an
//! option, and that keys are unique (4), which a parsed object always has: `health_json` looks at the bytes.

use health_actix::dialect::{ComponentDetails, HealthJson};
use health_actix::endpoints;
use health_core::Exposure;
use health_tests::asking::get;
use health_tests::states_of_db;
use serde_json::{Value, json};

/// One demand of the draft: in its words, whether an answer keeps it, and an answer that does not.
struct Rule {
    section: &'static str,
    words: &'static str,
    is_kept: fn(u16, &Value) -> bool,
    broken: fn() -> (u16, Value),
}

const fn rule(
    section: &'static str,
    words: &'static str,
    is_kept: fn(u16, &Value) -> bool,
    broken: fn() -> (u16, Value),
) -> Rule {
    Rule { section, words, is_kept, broken }
}

const RULES: &[Rule] = &[
    rule(
        "3",
        "a single mandatory root field (\"status\")",
        |_, body| body["status"].is_string(),
        || (200, json!({"checks": {}})),
    ),
    rule(
        "3.1",
        "API publishers SHOULD use following values for the field: pass, fail, warn",
        |_, body| statuses(body).iter().all(|status| ["pass", "fail", "warn"].contains(status)),
        || (200, json!({"status": "pass", "checks": {"a": [{"status": "healthy"}]}})),
    ),
    rule(
        "3.1",
        "For \"pass\" status, HTTP response code in the 2xx-3xx range MUST be used",
        |code, body| body["status"] != "pass" || (200..400).contains(&code),
        || (503, json!({"status": "pass"})),
    ),
    rule(
        "3.1",
        "For \"fail\" status, HTTP response code in the 4xx-5xx range MUST be used",
        |code, body| body["status"] != "fail" || (400..600).contains(&code),
        || (200, json!({"status": "fail"})),
    ),
    rule(
        "3.1",
        "In case of the \"warn\" status, endpoints MUST return HTTP status in the 2xx-3xx range",
        |code, body| body["status"] != "warn" || (200..400).contains(&code),
        || (429, json!({"status": "warn"})),
    ),
    rule(
        "3.1",
        "and additional information SHOULD be provided, utilizing optional fields of the response",
        |_, body| body["status"] != "warn" || body["output"].is_string(),
        || (200, json!({"status": "warn"})),
    ),
    rule(
        "3.5",
        "(output) SHOULD be omitted for \"pass\" state",
        |_, body| body["status"] != "pass" || body.get("output").is_none(),
        || (200, json!({"status": "pass", "output": ""})),
    ),
    rule(
        "3.7, 4.9",
        "All values of this object SHALL be URIs",
        |_, body| links(body).iter().all(|(_, target)| target.contains("://")),
        || (200, json!({"status": "pass", "links": {"about": "/about"}})),
    ),
    rule(
        "3.7, 4.9, 9",
        "a link relationship SHOULD either be a common/registered one or be indicated as a URI; custom link relation types SHOULD lead to documentation",
        |_, body| links(body).iter().all(|(rel, _)| ["about", "self"].contains(rel) || rel.contains("://")),
        || (200, json!({"status": "pass", "checks": {"a": [{"links": {"thresholds": "http://a"}}]}})),
    ),
    rule(
        "4",
        "a single-element array SHOULD be used as the value",
        |_, body| {
            checks(body).iter().all(|(_, value)| value.as_array().is_some_and(|array| array.len() == 1))
        },
        || (200, json!({"status": "pass", "checks": {"a": {"status": "pass"}}})),
    ),
    rule(
        "4",
        "\"{componentName}:{measurementName}\", in which case the meaning of the parts SHOULD be as follows",
        |_, body| {
            checks(body).iter().all(|(key, value)| key.split(':').next() == value[0]["componentId"].as_str())
        },
        || (200, json!({"status": "pass", "checks": {"responseTime:db": [{"componentId": "db"}]}})),
    ),
    rule(
        "4",
        "(componentName and measurementName) MUST not contain a colon",
        |_, body| checks(body).iter().all(|(key, _)| key.matches(':').count() <= 1),
        || (200, json!({"status": "pass", "checks": {"db:a:b": [{}]}})),
    ),
    rule(
        "4",
        "each \"component details\" object in the array SHOULD have at least one key",
        |_, body| {
            details(body).iter().all(|details| details.as_object().is_some_and(|keys| !keys.is_empty()))
        },
        || (200, json!({"status": "pass", "checks": {"db": [{}]}})),
    ),
    rule(
        "4.2",
        "(componentType) SHOULD be present if componentName is present",
        |_, body| details(body).iter().all(|details| details["componentType"].is_string()),
        || (200, json!({"status": "pass", "checks": {"db": [{"componentId": "db"}]}})),
    ),
    rule(
        "4.4",
        "(observedUnit) SHOULD be present if observedValue is present",
        |_, body| {
            let with_value = |details: &&&Value| details.get("observedValue").is_some();
            details(body).iter().filter(with_value).all(|details| details["observedUnit"].is_string())
        },
        || (200, json!({"status": "pass", "checks": {"db": [{"observedValue": 1}]}})),
    ),
    rule(
        "4.4",
        "(observedUnit) SHOULD be one of: a common and standard term ..., a URI",
        |_, body| {
            let units = details(body);
            let mut units = units.iter().filter_map(|details| details["observedUnit"].as_str());
            units.all(|unit| ["ms", "https://example.org/units/messages"].contains(&unit))
        },
        || (200, json!({"status": "pass", "checks": {"db": [{"observedUnit": "some"}]}})),
    ),
    rule(
        "4.6",
        "(affectedEndpoints) SHOULD be omitted if the \"status\" field is present and has value equal to \"pass\"",
        |_, body| passing(body).iter().all(|details| details.get("affectedEndpoints").is_none()),
        || (200, json!({"status": "pass", "checks": {"db": [{"status": "pass", "affectedEndpoints": []}]}})),
    ),
    rule(
        "4.8",
        "(output) SHOULD be omitted for \"pass\" state of a downstream dependency",
        |_, body| passing(body).iter().all(|details| details.get("output").is_none()),
        || (200, json!({"status": "pass", "checks": {"db": [{"status": "pass", "output": "fine"}]}})),
    ),
];

fn checks(body: &Value) -> Vec<(&str, &Value)> {
    body["checks"].as_object().into_iter().flatten().map(|(key, value)| (&**key, value)).collect()
}

fn details(body: &Value) -> Vec<&Value> {
    checks(body).into_iter().flat_map(|(_, value)| value.as_array().into_iter().flatten()).collect()
}

fn passing(body: &Value) -> Vec<&Value> {
    details(body).into_iter().filter(|details| details["status"] == "pass").collect()
}

fn statuses(body: &Value) -> Vec<&str> {
    let objects = details(body).into_iter().chain([body]);
    objects.map(|object| object["status"].as_str().unwrap_or_default()).collect()
}

fn links(body: &Value) -> Vec<(&str, &str)> {
    let objects = details(body).into_iter().chain([body]);
    let links = objects.flat_map(|object| object["links"].as_object().into_iter().flatten());
    links.map(|(relation, target)| (&**relation, target.as_str().unwrap_or_default())).collect()
}

fn talkative() -> HealthJson {
    let db = ComponentDetails::new()
        .kind("datastore")
        .unit("depth", "https://example.org/units/messages")
        .affects(["/orders/{id}"])
        .link("self", "http://example.org/db")
        .link("thresholds of ours", "http://example.org/refused");
    HealthJson::new()
        .version("1")
        .note("a note")
        .component("db", db)
        .link("about", "http://example.org/about")
        .link("http://example.org/rel/thresholds", "http://example.org/thresholds")
        .link("self", "/refused")
}

#[test]
fn every_rule_can_be_broken() {
    for Rule { section, words, is_kept, broken } in RULES {
        let (code, body) = broken();
        assert!(!is_kept(code, &body), "{section}: {words}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_rule_is_kept_by_every_answer_in_every_state() {
    let mut seen_fields = std::collections::BTreeSet::new();
    for state in states_of_db::all().await {
        for exposure in [Exposure::Status, Exposure::Checks, Exposure::Full] {
            let endpoints = endpoints(state.health.clone()).dialect(talkative()).exposure(exposure);
            let mut paths = vec!["/health", "/health/live", "/health/ready", "/health/startup"];
            if exposure >= Exposure::Checks && state.name != "empty" {
                paths.push("/health/checks/db");
            }
            for path in paths {
                let seen = get(&endpoints, path).await;
                let what = format!("{} {exposure:?} {path} {}", state.name, seen.body);
                assert_eq!(seen.header("content-type"), Some("application/health+json"), "{what}");
                let body: Value = serde_json::from_str(&seen.body).unwrap();
                for Rule { section, words, is_kept, .. } in RULES {
                    // One word is all that the public is told, whatever it is.
                    if exposure == Exposure::Status && words.starts_with("and additional information") {
                        continue;
                    }
                    assert!(is_kept(seen.code, &body), "{section}: {words}: {what}");
                }
                let objects = details(&body).into_iter().chain([&body]);
                seen_fields.extend(objects.flat_map(|object| object.as_object().unwrap().keys().cloned()));
            }
        }
    }
    let fields = [
        "affectedEndpoints",
        "checks",
        "componentId",
        "componentType",
        "links",
        "notes",
        "observedUnit",
        "observedValue",
        "output",
        "status",
        "time",
        "version",
    ];
    assert!(
        seen_fields.iter().eq(fields),
        "a rule about what is never said would prove nothing: {seen_fields:?}"
    );
}
