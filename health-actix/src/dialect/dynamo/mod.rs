//! The paths and words of NVIDIA Dynamo.

mod environment;
mod frontend;
mod worker;

use std::ffi::OsString;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::http::header::HeaderValue;
use health_core::{EntryView, HealthConfig, Probe, RenderError, Status, View};

pub use environment::DynamoError;
use environment::Settings;

use super::{Asked, Body, Dialect, Route};

/// The dialect of [NVIDIA Dynamo](https://docs.nvidia.com/dynamo/dev/reference/observability/health-checks): `/health`,
/// which answers ready, and `/live`, which answers live. A worker and a frontend use different words.
///
/// ```
/// use health_actix::dialect::Dynamo;
/// use health_core::Health;
///
/// # #[actix_web::main]
/// # async fn main() -> std::io::Result<()> {
/// let dynamo = Dynamo::worker_from_env()?;
/// let health = Health::builder().discover().config(dynamo.config()).build()?.start();
/// let endpoints = health_actix::endpoints(health).dialect(dynamo);
/// # drop(endpoints);
/// # Ok(())
/// # }
/// ```
///
/// # A worker
///
/// `{"status":"ready","uptime":{"secs":12,"nanos":313803539},"endpoints":{"generate":"ready"}}` on both paths, `notready`
/// with 503. `endpoints` are the checks of the probe by name, for callers who may see checks; those that are not healthy
/// come first. Unlike the original, `/live` does not repeat `/health`: a worker whose model is still loading is not to be
/// killed for it. The type is `application/json` where the original says `text/plain`.
///
/// # A frontend
///
/// `/live` says `{"status":"live","message":"Service is live"}`, or `not_live` with 503 when the live probe fails;
/// draining does not touch it. `/health` says `{"status":"healthy","endpoints":[..],"instances":[..]}`, or `not_ready` with
/// 503, and while starting or draining a `stage` of that name behind it. As whatever Dynamo has not discovered is in
/// neither list, so are checks that are not healthy or degraded: `backend/generate` is the endpoint `backend/generate`, and
/// the instance `{"component":"backend","endpoint":"generate"}`. Both lists need callers who may see checks.
///
/// # The environment
///
/// A variable that is empty counts as not set. What is set and bad is a [`DynamoError`] that lists all of it.
///
/// | variable | value | meaning |
/// |---|---|---|
/// | `DYN_SYSTEM_STARTING_HEALTH_STATUS` | `ready` or `notready` | [`starts_ready`](Self::starts_ready) |
/// | `DYN_SYSTEM_HEALTH_PATH`, `DYN_SYSTEM_LIVE_PATH` | a path | where a worker is asked; `DYN_HTTP_SVC_HEALTH_PATH` and `DYN_HTTP_SVC_LIVE_PATH` for a frontend |
/// | `DYN_SYSTEM_USE_ENDPOINT_HEALTH_STATUS` | a JSON list of names, such as `["generate"]` | without these checks the process is not ready: they join ready and are critical |
/// | `DYN_HEALTH_CHECK_ENABLED` | `true` or `false` | whether canaries take part, which are the checks with [`idle`](health_core::Spec::idle). Not set: as declared |
/// | `DYN_CANARY_WAIT_TIME` | whole seconds | the `idle` of every canary |
/// | `DYN_HEALTH_CHECK_REQUEST_TIMEOUT` | whole seconds | the `timeout` of every canary |
///
/// The last four change what is true for every dialect, and so the builder has to know of them: hand
/// [`config`](Self::config) in. Then `build()` also lists names that no check has, and durations that contradict others.
/// What the `HEALTH_CHECKS__..` variables of [`HealthConfig`] say of one check goes before what these say of all canaries.
#[derive(Clone, Debug)]
#[must_use]
pub struct Dynamo {
    flavour: Flavour,
    health_path: String,
    live_path: String,
    starts_ready: bool,
    config: HealthConfig,
    /// The variables that must reach a builder.
    for_builder: Vec<&'static str>,
    /// Whether they did, or that they did not has been said.
    is_settled: Arc<AtomicBool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flavour {
    Worker,
    Frontend,
}

impl Dynamo {
    /// The words of a worker, whatever the environment says.
    pub fn worker() -> Self {
        Self::new(Flavour::Worker, Settings::default())
    }

    /// The words of a frontend, whatever the environment says.
    pub fn frontend() -> Self {
        Self::new(Flavour::Frontend, Settings::default())
    }

    /// The words of a worker, set up by the environment of this process as it is now.
    ///
    /// # Errors
    ///
    /// Every variable that is set and bad, at once.
    pub fn worker_from_env() -> Result<Self, DynamoError> {
        Self::worker_from_vars(std::env::vars_os())
    }

    /// The words of a frontend, set up by the environment of this process as it is now.
    ///
    /// # Errors
    ///
    /// Every variable that is set and bad, at once.
    pub fn frontend_from_env() -> Result<Self, DynamoError> {
        Self::frontend_from_vars(std::env::vars_os())
    }

    /// The words of a worker, set up by these variables as if they were the environment. Of several with one name the
    /// last counts.
    ///
    /// # Errors
    ///
    /// Every variable that is set and bad, at once.
    pub fn worker_from_vars<K, V>(variables: impl IntoIterator<Item = (K, V)>) -> Result<Self, DynamoError>
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        Self::from_vars(Flavour::Worker, variables)
    }

    /// The words of a frontend, set up by these variables as if they were the environment. Of several with one name the
    /// last counts.
    ///
    /// # Errors
    ///
    /// Every variable that is set and bad, at once.
    pub fn frontend_from_vars<K, V>(variables: impl IntoIterator<Item = (K, V)>) -> Result<Self, DynamoError>
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        Self::from_vars(Flavour::Frontend, variables)
    }

    /// Where readiness is asked. Default: `/health`.
    pub fn health_path(mut self, path: impl Into<String>) -> Self {
        self.health_path = path.into();
        self
    }

    /// Where liveness is asked. Default: `/live`.
    pub fn live_path(mut self, path: impl Into<String>) -> Self {
        self.live_path = path.into();
        self
    }

    /// Whether a process that is still starting counts as ready on the health path, as long as nothing that was observed
    /// makes it unready. Default: it does not.
    pub fn starts_ready(mut self, starts_ready: bool) -> Self {
        self.starts_ready = starts_ready;
        self
    }

    /// What the environment said about checks, for [`HealthBuilder::config`](health_core::HealthBuilder::config). If it
    /// said something and nobody takes it, the log says so when the dialect is mounted.
    pub fn config(&self) -> HealthConfig {
        self.is_settled.store(true, Ordering::Relaxed);
        self.config.clone()
    }

    fn from_vars<K, V>(
        flavour: Flavour,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, DynamoError>
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        Ok(Self::new(flavour, Settings::read(flavour, variables)?))
    }

    fn new(flavour: Flavour, settings: Settings) -> Self {
        let Settings { starts_ready, health_path, live_path, config, for_builder } = settings;
        Self {
            flavour,
            health_path: health_path.unwrap_or_else(|| HEALTH_PATH.into()),
            live_path: live_path.unwrap_or_else(|| LIVE_PATH.into()),
            starts_ready,
            config,
            is_settled: Arc::new(AtomicBool::new(for_builder.is_empty())),
            for_builder,
        }
    }
}

const HEALTH_PATH: &str = "/health";
const LIVE_PATH: &str = "/live";

impl Dialect for Dynamo {
    fn routes(&self) -> Vec<Route> {
        if !self.is_settled.swap(true, Ordering::Relaxed) {
            tracing::error!(
                target: "health", variables = %self.for_builder.join(", "),
                "these variables are set and do nothing: hand `Dynamo::config` to the builder of the health",
            );
        }
        vec![
            // First, in case they are the same by mistake: not being ready must not kill.
            Route::probe(self.live_path.clone(), Probe::Live),
            Route::probe(self.health_path.clone(), Probe::Ready),
        ]
    }

    fn verdict(&self, view: &View<'_>) -> Status {
        // Live is never held by the start.
        let counts_as_ready = self.starts_ready && view.is_only_starting();
        if counts_as_ready { Status::Healthy } else { view.status() }
    }

    fn body(&self, asked: &Asked<'_>) -> Result<Body, RenderError> {
        let bytes = match (self.flavour, asked.probe()) {
            (Flavour::Worker, _) => worker::body(asked)?.into(),
            (Flavour::Frontend, Some(Probe::Live)) => frontend::live(asked),
            (Flavour::Frontend, _) => frontend::health(asked)?,
        };
        Ok(Body::new(HeaderValue::from_static("application/json"), bytes))
    }
}

/// Whether a check is up, as Dynamo knows no degree of it.
fn is_up(entry: &EntryView<'_>) -> bool {
    entry.status().is_ok_and(|status| status != Status::Unhealthy)
}
