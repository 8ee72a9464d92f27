//! The static description of a check.

mod defaults;
mod interval;
mod merged;
mod record;
mod timing;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

pub use interval::{Interval, InvalidInterval};
pub use record::SpecRecord;
pub(crate) use timing::Timing;
pub use timing::{DEFAULT_CACHE, DEFAULT_INTERVAL};

use crate::{Location, Period, Probe, ProbeSet, name, period};

/// The timeout of a check that declares none: below the deadline of an answer, so that a check that hangs is reported
/// by its name.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_millis(700);

/// How far the thing that a check asks about reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// This process or this machine: restarting or moving the instance can repair it.
    Local,
    /// Other instances depend on it too: when it fails, it fails for all of them at once.
    Shared,
}

impl Scope {
    /// The lower-case word used in attributes and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Shared => "shared",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The static description of a check: everything that is known before it runs.
///
/// The attribute writes one; by hand it is built like this. Nothing here can fail: what is wrong in a `Spec` is
/// listed by `build()`, with the place where the `Spec` was written.
///
/// ```
/// use health_core::{Probe, Scope, Spec};
///
/// let spec = Spec::named("storage/primary")
///     .describe("The primary answers a trivial query.")
///     .probe([Probe::Ready])
///     .timeout("500ms")
///     .scope(Scope::Shared)
///     .critical(true)
///     .group("storage")
///     .depends_on(["network"]);
/// ```
///
/// # Limits that contradict each other
///
/// - a `max_age` that is not longer than `timeout` and the longest of `interval`, `cache` and `backoff` together (for a
///   canary: `timeout` and the longer of `idle` and `backoff`);
/// - a `backoff` shorter than the `interval` or the `idle`, or beside `interval = "never"`;
/// - `interval` or `cache` beside `idle`;
/// - `interval = "never"` in live;
/// - whatever is about runs (`timeout`, `interval`, `cache`, `backoff`, `idle`) for a [`Reporter`](crate::Reporter), and
///   a reporter without `max_age`.
///
/// Every duration is longer than zero and a year at most; every threshold is at least 1.
#[derive(Clone, Debug)]
#[must_use]
pub struct Spec {
    pub(crate) name: Cow<'static, str>,
    pub(crate) description: Cow<'static, str>,
    pub(crate) probes: ProbeSet,
    pub(crate) timeout: Option<Duration>,
    pub(crate) interval: Option<Interval>,
    pub(crate) cache: Option<Duration>,
    pub(crate) max_age: Option<Duration>,
    pub(crate) backoff: Option<Duration>,
    pub(crate) idle: Option<Duration>,
    pub(crate) failure_threshold: Option<u32>,
    pub(crate) success_threshold: Option<u32>,
    pub(crate) critical: Option<bool>,
    pub(crate) scope: Option<Scope>,
    pub(crate) group: Option<Cow<'static, str>>,
    pub(crate) depends_on: Vec<Cow<'static, str>>,
    pub(crate) enabled: bool,
    pub(crate) location: Location,
    /// Whether it is run at all; what a reporter describes is only reported about.
    pub(crate) has_run: bool,
    /// What could not be read where it was written, for `build()` to list.
    pub(crate) faults: Vec<String>,
}

impl Spec {
    /// A check of this name that weighs in ready, is critical, and has [`DEFAULT_TIMEOUT`] to answer.
    ///
    /// Names are segments of `a-z 0-9 - _` separated by `/`, without `__`.
    #[track_caller]
    pub fn named(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            description: Cow::Borrowed(""),
            probes: ProbeSet::of(&[Probe::Ready]),
            timeout: None,
            interval: None,
            cache: None,
            max_age: None,
            backoff: None,
            idle: None,
            failure_threshold: None,
            success_threshold: None,
            critical: None,
            scope: None,
            group: None,
            depends_on: Vec::new(),
            enabled: true,
            location: Location::caller(),
            has_run: true,
            faults: Vec::new(),
        }
    }

    /// One sentence for people, shown in listings.
    pub fn describe(mut self, description: impl Into<Cow<'static, str>>) -> Self {
        self.description = description.into();
        self
    }

    /// The probe in which the check weighs, or several; [`ProbeSet::NONE`] for none. Default: [`Probe::Ready`].
    pub fn probe(mut self, probes: impl Into<ProbeSet>) -> Self {
        self.probes = probes.into();
        self
    }

    /// How long one run may take, counted from its start and not from when it was queued. Default:
    /// [`DEFAULT_TIMEOUT`].
    ///
    /// When it has passed, the observation is a timeout and the future of the run is dropped at its next `.await`.
    pub fn timeout(mut self, timeout: impl Into<Period>) -> Self {
        self.timeout = self.period("timeout", timeout.into()).or(self.timeout);
        self
    }

    /// How often the engine runs it by itself, whether or not anybody asks; `"never"` or [`Interval::Never`] for on
    /// demand only. Default: 10 s.
    ///
    /// Every check runs once at the start. Its second run falls anywhere within one interval, so that instances that
    /// were started together do not ask together; from then on the period is kept, with a little jitter. A check that
    /// joins startup alone is repeated, faster than this, until startup has passed, and then no more.
    ///
    /// On demand only, a check that nobody asks about grows stale: its entry is then `unknown`, and for whoever just looks
    /// its weight in the probe stays that of its last observation.
    pub fn interval<I: TryInto<Interval, Error: fmt::Display>>(mut self, interval: I) -> Self {
        match interval.try_into() {
            Ok(interval) => self.interval = Some(interval),
            Err(fault) => self.faults.push(format!("the interval of `{}`: {fault}", self.name)),
        }
        self
    }

    /// How old an observation may be before a poll asks for a new one. Default: 1 s; the interval when a duration is
    /// declared for it, or when the timeout is not below the deadline of an answer (with [`Interval::Never`] always
    /// 1 s).
    pub fn cache(mut self, cache: impl Into<Period>) -> Self {
        self.cache = self.period("cache", cache.into()).or(self.cache);
        self
    }

    /// How long an observation is usable at all, from when its run began; older ones are stale, which counts as not
    /// observed. Default: three times the interval (or the backoff when that is larger; 10 s for [`Interval::Never`])
    /// and the timeout.
    pub fn max_age(mut self, max_age: impl Into<Period>) -> Self {
        self.max_age = self.period("max_age", max_age.into()).or(self.max_age);
        self
    }

    /// The ceiling up to which the interval doubles with every unhealthy run but the first in a row; degraded is not
    /// failing. Polls ask all the same. Default: it does not double.
    pub fn backoff(mut self, backoff: impl Into<Period>) -> Self {
        self.backoff = self.period("backoff", backoff.into()).or(self.backoff);
        self
    }

    /// Makes it a canary: real traffic reports through [`Health::reporter`](crate::Health::reporter), and the check
    /// is run only when no work that went well has been reported for this long. Takes the place of interval and cache,
    /// also in the default of [`max_age`](Self::max_age). Default: it is none.
    pub fn idle(mut self, idle: impl Into<Period>) -> Self {
        self.idle = self.period("idle", idle.into()).or(self.idle);
        self
    }

    /// How many observations in a row must be worse than the held status before it gets worse; it then becomes the
    /// mildest of them. Default: 1.
    ///
    /// The first observation counts at once, and so does the first after an absence. While the last observation and the
    /// held status differ, the engine asks again after about a second; a status that no observation supports is held no
    /// longer than [`max_age`](Self::max_age).
    pub fn failure_threshold(mut self, observations: u32) -> Self {
        self.failure_threshold = Some(observations);
        self
    }

    /// How many observations in a row must be better than the held status before it gets better; it then becomes the
    /// worst of them. Default: 1.
    pub fn success_threshold(mut self, observations: u32) -> Self {
        self.success_threshold = Some(observations);
        self
    }

    /// The duration, or `None` after its fault has been noted.
    fn period(&mut self, key: &str, period: Period) -> Option<Duration> {
        let checked = period.checked(&format!("the {key} of `{}`", self.name));
        checked.map_err(|fault| self.faults.push(fault)).ok()
    }

    /// Whether the check can make the whole unhealthy; one that is not critical can only degrade it.
    /// Default: `true`, but `false` with [`Scope::Shared`].
    pub fn critical(mut self, critical: bool) -> Self {
        self.critical = Some(critical);
        self
    }

    /// How far the thing in question reaches. Default: undeclared. Joining live needs [`Scope::Local`].
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// The group whose policy the check falls under. Default: none.
    pub fn group(mut self, group: impl Into<Cow<'static, str>>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// The checks whose failure explains a failure of this one, by their full names. Explains; never excuses.
    pub fn depends_on<N: Into<Cow<'static, str>>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.depends_on = names.into_iter().map(Into::into).collect();
        self
    }

    /// Whether the check takes part at all. One that does not is not bound, needs no resource and is never run.
    /// Default: `true`.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// Whether the check can make the whole unhealthy: what is declared, or what follows from the scope.
    #[must_use]
    pub fn is_critical(&self) -> bool {
        self.critical.unwrap_or(self.scope != Some(Scope::Shared))
    }

    /// Everything that is wrong with this description by itself.
    pub(crate) fn own_faults(&self) -> Vec<String> {
        let mut faults = self.faults.clone();
        if let Some(fault) = name::fault(&self.name) {
            faults.push(format!("the name `{}` {fault}", self.name.escape_debug()));
        }
        if let Some((group, fault)) = self.group.as_deref().and_then(|g| Some((g, name::fault(g)?))) {
            faults.push(format!("the group `{}` {fault}", group.escape_debug()));
        }
        faults.extend(self.duration_faults());
        if self.depends_on.contains(&self.name) {
            faults.push(format!("`{}` depends on itself", self.name));
        }
        if self.probes.contains(Probe::Live) && self.scope != Some(Scope::Local) {
            faults.push(format!(
                "`{}` joins live without a local scope (`scope = \"local\"`, `.scope(Scope::Local)`); a restart repairs only what is wrong in this process or \
                 on this machine, and a fleet that restarts together because of something it shares is an outage",
                self.name
            ));
        }
        if self.probes.contains(Probe::Startup) && self.scope == Some(Scope::Shared) {
            faults.push(format!(
                "`{}` is shared and joins startup; a startup probe that fails also kills the process, so a shared \
                 dependency that is down would keep the whole fleet restarting",
                self.name
            ));
        }
        faults.extend(self.contradictions());
        faults
    }

    /// Limits that are each possible and contradict each other.
    pub(crate) fn contradictions(&self) -> Vec<String> {
        timing::contradictions(self)
    }

    /// Durations that are none: a record is written without a check of its constants.
    fn duration_faults(&self) -> impl Iterator<Item = String> {
        let durations = [
            ("timeout", self.timeout),
            ("interval", self.interval.and_then(Interval::every)),
            ("cache", self.cache),
            ("max_age", self.max_age),
            ("backoff", self.backoff),
            ("idle", self.idle),
        ];
        let fault = |(key, duration): (&str, Option<Duration>)| {
            Some(format!("the {key} of `{}` {}", self.name, period::fault(duration?)?))
        };
        durations.into_iter().filter_map(fault)
    }
}
