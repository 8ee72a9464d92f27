//! A view as health+json. The order of the fields is the order on the wire.

use std::borrow::Cow;

use health_core::{EntryView, Exposure, Status, View, timestamp};
use serde::{Serialize, Serializer};
use serde_json::{Number, Value};

use super::about::{About, ComponentDetails, Links};

/// How many checks the `output` of the whole names; all of them are in `checks`.
const MOST_NAMED: usize = 16;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    release_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "is_empty")]
    notes: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    checks: Checks<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<&'a Links>,
}

/// Measurements by key. An entry of several nodes would have several; a check has one.
struct Checks<'a>(Vec<(String, [Measurement<'a>; 1])>);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Measurement<'a> {
    component_id: &'a str,
    component_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    observed_value: Option<Cow<'a, Number>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    observed_unit: Option<&'a str>,
    status: &'static str,
    #[serde(skip_serializing_if = "is_empty")]
    affected_endpoints: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<&'a Links>,
}

fn is_empty(texts: &&[String]) -> bool {
    texts.is_empty()
}

impl Serialize for Checks<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, measurements)| (key, measurements)))
    }
}

pub(super) fn written(view: &View<'_>, about: &About) -> serde_json::Result<Vec<u8>> {
    let status = word(view.status());
    if view.exposure() < Exposure::Checks {
        return Ok(format!(r#"{{"status":"{status}"}}"#).into_bytes());
    }
    let unsaid = ComponentDetails::default();
    let mut checks = Vec::new();
    for entry in view.entries() {
        measure(&mut checks, entry, about.components.get(entry.name()).unwrap_or(&unsaid));
    }
    serde_json::to_vec(&Answer {
        status,
        version: about.version.as_deref(),
        release_id: about.release_id.as_deref(),
        service_id: about.service_id.as_deref(),
        description: about.description.as_deref(),
        notes: &about.notes,
        output: Some(reasons(view)).filter(|reasons| !view.status().is_healthy() && !reasons.is_empty()),
        checks: Checks(checks),
        links: some(&about.links),
    })
}

/// How long the last run took, and the numbers it reported.
fn measure<'a>(
    checks: &mut Vec<(String, [Measurement<'a>; 1])>,
    entry: EntryView<'a>,
    details: &'a ComponentDetails,
) {
    let (name, status) = (entry.name(), own(entry));
    let took = entry.duration().map(milliseconds);
    let key = if took.is_some() { format!("{name}:responseTime") } else { name.to_owned() };
    let bare = || Measurement {
        component_id: name,
        component_type: details.kind.as_deref().unwrap_or("component"),
        observed_value: None,
        observed_unit: None,
        status: word(status),
        affected_endpoints: &[],
        time: entry.at().map(timestamp),
        output: None,
        links: None,
    };
    let first = checks.len();
    // Why it is so, and whom it hurts, is said once.
    let response_time = Measurement {
        observed_unit: took.as_ref().map(|_| "ms"),
        observed_value: took.map(Cow::Owned),
        affected_endpoints: if status.is_healthy() { &[] } else { &details.affects },
        output: reason(entry).filter(|_| !status.is_healthy()),
        links: some(&details.links),
        ..bare()
    };
    checks.push((key, [response_time]));
    for datum in entry.data() {
        let Value::Number(number) = datum.value() else { continue };
        let key = format!("{name}:{}", datum.name().replace(':', "_"));
        let is_taken = checks.iter().skip(first).any(|(taken, _)| *taken == key);
        if is_taken || datum.name().is_empty() {
            continue;
        }
        let observed_unit = details.units.get(datum.name()).map(String::as_str);
        checks.push((
            key,
            [Measurement { observed_value: Some(Cow::Borrowed(number)), observed_unit, ..bare() }],
        ));
    }
}

/// A check's own status. What is not observed is never well.
fn own(entry: EntryView<'_>) -> Status {
    entry.status().unwrap_or_else(|_| entry.contribution().max(Status::Degraded))
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Healthy => "pass",
        Status::Degraded => "warn",
        Status::Unhealthy => "fail",
    }
}

/// Why the whole is not well.
fn reasons(view: &View<'_>) -> String {
    let mut reasons = Vec::new();
    if view.is_draining() {
        reasons.push("draining".to_owned());
    }
    if !view.waiting_for().is_empty() {
        reasons.push(format!("waiting for {}", view.waiting_for().join(", ")));
    }
    let failing: Vec<_> = view.failing().collect();
    if let Some(more @ 1..) = failing.len().checked_sub(MOST_NAMED) {
        let named: Vec<_> = failing.into_iter().take(MOST_NAMED).collect();
        reasons.push(format!("{} and {more} more", named.join(", ")));
    } else if !failing.is_empty() {
        reasons.push(failing.join(", "));
    }
    reasons.join("; ")
}

fn reason(entry: EntryView<'_>) -> Option<String> {
    match (entry.summary(), entry.error()) {
        (Some(summary), Some(error)) => Some(format!("{summary}: {error}")),
        (Some(summary), None) => Some(summary.into_owned()),
        (None, error) => error.map(str::to_owned),
    }
}

/// Tenths of a millisecond are as fine as a reader can use.
fn milliseconds(duration: std::time::Duration) -> Number {
    Number::from_f64((duration.as_secs_f64() * 1e4).round() / 1e1).unwrap_or_else(|| 0.into())
}

fn some(links: &Links) -> Option<&Links> {
    Some(links).filter(|links| !links.is_empty())
}
