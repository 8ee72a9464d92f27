//! Eclipse MicroProfile Health 4.

use std::borrow::Cow;

use actix_web::http::header::HeaderValue;
use health_core::{EntryView, Exposure, Probe, RenderError, Status, View};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::{Asked, Body, Dialect, Route};

/// The dialect of
/// [Eclipse MicroProfile Health 4](https://download.eclipse.org/microprofile/microprofile-health-4.0.1/microprofile-health-spec-4.0.1.html):
/// `/health/live`, `/health/ready`, `/health/started`, and `/health` for the three together, in which a check of several
/// probes is listed once for each and an informational one not at all.
///
/// `UP` or `DOWN`, and nothing but `status` and `checks`. Degraded is `UP`. The whole is the conjunction of what is
/// listed: a check is `DOWN` only when it is part of what makes the whole `DOWN`, and what does so without being a check
/// is listed among them, as `gate:migrations`, `startup:schema` or `phase:draining`. At exposure `Status` nothing is
/// listed.
///
/// `data` needs `Full`: the texts, numbers and booleans that a check reported, other values as their JSON text, without
/// nulls. Where the check itself is not what `UP` or `DOWN` says of it, `status` is `degraded`, `unhealthy` or `unknown`;
/// where it is not healthy, `summary` and `error` say why. These names are not the check's own then.
///
/// Before startup has passed ready and started are `DOWN` and list nothing, unless
/// [opted](Self::readiness_up_while_starting) [otherwise](Self::startup_up_while_starting); live is what its checks say,
/// as at any time, and those that have not been observed yet have no say in it.
///
/// ```
/// use health_actix::dialect::MicroProfile;
///
/// # fn mount(health: health_core::Health) -> health_actix::Endpoints {
/// health_actix::endpoints(health).dialect(MicroProfile::new())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct MicroProfile {
    ready_while_starting: bool,
    started_while_starting: bool,
}

impl MicroProfile {
    /// The dialect with the defaults of the specification.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ready is `UP` before startup has passed, as with `mp.health.default.readiness.empty.response=UP`. Default: `DOWN`.
    ///
    /// It sends traffic to a process that may not have begun to work. Draining is `DOWN` all the same, and so is a gate
    /// that is still closed once startup has passed.
    pub fn readiness_up_while_starting(mut self) -> Self {
        self.ready_while_starting = true;
        self
    }

    /// Started is `UP` before startup has passed, as with `mp.health.default.startup.empty.response=UP`. Default: `DOWN`.
    pub fn startup_up_while_starting(mut self) -> Self {
        self.started_while_starting = true;
        self
    }

    /// Whether what this is about may be `UP` before startup has passed.
    fn is_up_while_starting(self, view: &View<'_>) -> bool {
        match view.probe() {
            Some(Probe::Live) => false,
            Some(Probe::Ready) => self.ready_while_starting,
            Some(Probe::Startup) => self.started_while_starting,
            None => self.ready_while_starting && self.started_while_starting,
        }
    }
}

impl Dialect for MicroProfile {
    fn mount(&self) -> &str {
        "/health"
    }

    fn routes(&self) -> Vec<Route> {
        vec![
            Route::overview(""),
            Route::probe("/live", Probe::Live),
            Route::probe("/ready", Probe::Ready),
            Route::probe("/started", Probe::Startup),
        ]
    }

    fn verdict(&self, view: &View<'_>) -> Status {
        let is_opted = self.is_up_while_starting(view) && !view.is_draining();
        view.while_starting().filter(|_| is_opted).unwrap_or_else(|| view.status())
    }

    fn body(&self, asked: &Asked<'_>) -> Result<Body, RenderError> {
        let (view, is_down) = (asked.view(), !asked.is_passed());
        let bytes = view.rendered(self, || {
            let checks = if view.exposure() >= Exposure::Checks { listed(view, is_down) } else { Vec::new() };
            serde_json::to_vec(&Answer { status: word(is_down), checks })
        })?;
        Ok(Body::new(HeaderValue::from_static("application/json"), bytes))
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    status: &'static str,
    checks: Vec<Listed<'a>>,
}

#[derive(Serialize)]
struct Listed<'a> {
    name: Cow<'a, str>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Data<'a>>,
}

/// Checks, and what else makes the whole `DOWN`, so that it is the conjunction of them.
fn listed<'a>(view: &View<'a>, is_down: bool) -> Vec<Listed<'a>> {
    let while_starting = view.while_starting();
    if while_starting.is_some() && matches!(view.probe(), Some(Probe::Ready | Probe::Startup)) {
        return Vec::new();
    }
    let mut listed: Vec<_> = view
        .entries()
        .flat_map(|entry| probes(view, entry).map(move |probe| (entry, probe)))
        .map(|(entry, probe)| {
            let weighs = match (view.probe(), while_starting) {
                // Startup has passed, or its checks are not listed.
                (None, _) if probe == Probe::Startup => false,
                // What holds ready does not make live what it is.
                (None, Some(live)) => live == Status::Unhealthy,
                _ => true,
            };
            let is_down = is_down && weighs && entry.contribution() == Status::Unhealthy;
            let data = if view.exposure() >= Exposure::Full { data(entry, is_down) } else { None };
            Listed { name: entry.name().into(), status: word(is_down), data }
        })
        .collect();
    if is_down {
        let draining = view.is_draining().then(|| "phase:draining".into());
        listed.extend(draining.into_iter().chain(view.waiting_for().iter().map(Into::into)).map(reason));
        if listed.iter().all(|check| check.status == word(false)) {
            // Startup passed while it was looked at.
            listed.push(reason(format!("phase:{}", view.phase()).into()));
        }
    }
    listed
}

/// For which probes an entry is listed.
fn probes(view: &View<'_>, entry: EntryView<'_>) -> impl Iterator<Item = Probe> + use<> {
    let (asked, is_starting) = (view.probe(), view.while_starting().is_some());
    let is_listed = move |probe: &Probe| match asked {
        Some(asked) => *probe == asked,
        None => !is_starting || *probe == Probe::Live,
    };
    entry.probes().iter().filter(is_listed)
}

fn reason(name: Cow<'_, str>) -> Listed<'_> {
    Listed { name, status: word(true), data: None }
}

fn word(is_down: bool) -> &'static str {
    if is_down { "DOWN" } else { "UP" }
}

/// What is known beside `UP` and `DOWN`, each name once.
struct Data<'a>(Vec<(&'a str, Cow<'a, Value>)>);

fn data(entry: EntryView<'_>, is_down: bool) -> Option<Data<'_>> {
    let (own, said) = (entry.status(), if is_down { Status::Unhealthy } else { Status::Healthy });
    let status = (own != Ok(said)).then(|| own.map_or("unknown", Status::as_str).into());
    let is_well = own == Ok(Status::Healthy);
    let summary = entry.summary().filter(|_| !is_well).map(Value::from);
    let error = entry.error().filter(|_| !is_well).map(Value::from);
    let ours = [("status", status), ("summary", summary), ("error", error)];
    let ours = ours.into_iter().filter_map(|(name, value)| Some((name, Cow::Owned(value?))));
    let mut data: Vec<(&str, Cow<'_, Value>)> = ours.collect();
    for datum in entry.data() {
        let value = match datum.value() {
            Value::Null => continue,
            nested @ (Value::Array(_) | Value::Object(_)) => Cow::Owned(Value::String(nested.to_string())),
            plain => Cow::Borrowed(plain),
        };
        if data.iter().all(|(taken, _)| *taken != datum.name()) {
            data.push((datum.name(), value));
        }
    }
    (!data.is_empty()).then_some(Data(data))
}

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}
