//! The list that NativeLink's health service answers with.

use std::borrow::Cow;
use std::time::Duration;

use actix_web::http::header::HeaderValue;
use health_core::{Ended, EntryView, Exposure, Probe, RenderError, Status, Unknown, View};
use serde::{Serialize, Serializer};

use super::{Asked, Body, Dialect, Route};

/// The dialect of the health service of [NativeLink](https://github.com/TraceMachina/nativelink): `/status` answers for
/// ready, as a list of `{"namespace", "component", "status"}`, `[]` if there is no check.
///
/// `status` is one of `{"Ok":{"message"}}`, `{"Warning":{"message"}}` when degraded, `{"Initializing":{"message"}}` when
/// not observed yet, `{"Failed":{"message","error"}}`, with the message `stale` when the last observation is too old, and
/// `{"Timeout":{"duration_seconds"}}` with the time that was not enough. While the process starts or drains the first
/// component is `phase:starting` or `phase:draining`.
///
/// Unlike with the original, the code is not made from the list: a check that fails and is not critical is `Failed` with
/// 200, and one that is `Initializing` can give 503.
///
/// With [`Exposure::Status`] the list has one entry, the component `ready`, with a fixed phrase, however many checks
/// there are; `error` needs [`Exposure::Full`].
///
/// Where NativeLink's configuration says `path`, these endpoints have [`Endpoints::path`](crate::Endpoints::path), and
/// for `timeout_seconds` they have [`Endpoints::deadline`](crate::Endpoints::deadline):
///
/// ```
/// use health_actix::dialect::NativeLink;
/// use health_core::Probe;
/// use std::time::Duration;
///
/// # fn mount(health: health_core::Health) -> health_actix::Endpoints {
/// health_actix::endpoints(health)
///     .dialect(NativeLink::new().namespace("cas"))
///     .path(Probe::Ready, "/cas/status")
///     .deadline(Duration::from_millis(500))
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct NativeLink {
    namespace: Cow<'static, str>,
}

impl Default for NativeLink {
    fn default() -> Self {
        Self { namespace: "nativelink".into() }
    }
}

impl NativeLink {
    /// The dialect as it is.
    pub fn new() -> Self {
        Self::default()
    }

    /// The namespace of every entry. Default: `nativelink`.
    pub fn namespace(mut self, namespace: impl Into<Cow<'static, str>>) -> Self {
        self.namespace = namespace.into();
        self
    }
}

impl Dialect for NativeLink {
    fn routes(&self) -> Vec<Route> {
        vec![Route::probe("/status", Probe::Ready)]
    }

    fn body(&self, asked: &Asked<'_>) -> Result<Body, RenderError> {
        let view = asked.view();
        let bytes = view.rendered(self, || serde_json::to_vec(&self.list(view)))?;
        Ok(Body::new(HeaderValue::from_static("application/json; charset=utf-8"), bytes))
    }
}

/// One element of the list.
#[derive(Serialize)]
struct Described<'a> {
    namespace: &'a str,
    component: &'a str,
    status: State<'a>,
}

#[derive(Serialize)]
enum State<'a> {
    Ok {
        message: Cow<'a, str>,
    },
    Warning {
        message: Cow<'a, str>,
    },
    Initializing {
        message: Cow<'a, str>,
    },
    Failed {
        message: Cow<'a, str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<&'a str>,
    },
    Timeout {
        #[serde(serialize_with = "seconds")]
        duration_seconds: Duration,
    },
}

/// A whole number where it is one.
fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    match duration.subsec_nanos() {
        0 => serializer.serialize_u64(duration.as_secs()),
        _ => serializer.serialize_f64(duration.as_secs_f64()),
    }
}

impl NativeLink {
    fn list<'a>(&'a self, view: &View<'a>) -> Vec<Described<'a>> {
        let described = |(component, status)| Described { namespace: &self.namespace, component, status };
        if view.exposure() < Exposure::Checks {
            return whole(view).map(|status| described(("ready", status))).into_iter().collect();
        }
        let entries = view.entries().map(|entry| (entry.name(), State::of(entry)));
        held(view).into_iter().chain(entries).map(described).collect()
    }
}

/// The whole in a fixed phrase; `None` if it is well for the reason that there is nothing that could fail.
fn whole<'a>(view: &View<'a>) -> Option<State<'a>> {
    let held = held(view).map(|(_, state)| state);
    let of_checks = || match view.status() {
        Status::Healthy => State::Ok { message: "ok".into() },
        Status::Degraded => State::Warning { message: "degraded".into() },
        Status::Unhealthy => State::failed("failed", None),
    };
    held.or_else(|| (!view.is_empty()).then(of_checks))
}

/// Why it is unhealthy whatever the checks say. No check has a colon in its name.
fn held<'a>(view: &View<'a>) -> Option<(&'static str, State<'a>)> {
    if view.is_draining() {
        return Some(("phase:draining", State::failed("draining", None)));
    }
    let waiting_for = view.waiting_for();
    let message = match waiting_for {
        [] => "starting".into(),
        _ => Cow::Owned(format!("waiting for {}", waiting_for.join(", "))),
    };
    view.is_starting().then_some(("phase:starting", State::Initializing { message }))
}

impl<'a> State<'a> {
    fn of(entry: EntryView<'a>) -> Self {
        // What the last run said is no word for a status that a threshold still holds.
        let said = || entry.summary().filter(|_| entry.raw() == entry.status());
        let message = |otherwise: &'static str| said().unwrap_or(otherwise.into());
        match entry.status() {
            Err(Unknown::Pending) => Self::Initializing { message: "not observed yet".into() },
            Err(Unknown::Stale) => Self::failed("stale", entry.error()),
            Ok(Status::Healthy) => Self::Ok { message: message("ok") },
            Ok(Status::Degraded) => Self::Warning { message: message("degraded") },
            Ok(Status::Unhealthy) if entry.ended() == Some(Ended::Timeout) => {
                Self::Timeout { duration_seconds: entry.timeout() }
            }
            Ok(Status::Unhealthy) => Self::failed(message("failed"), entry.error()),
        }
    }

    fn failed(message: impl Into<Cow<'a, str>>, error: Option<&'a str>) -> Self {
        Self::Failed { message: message.into(), error }
    }
}
