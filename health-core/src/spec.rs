//! The static description of a check.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

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
#[derive(Clone, Debug)]
#[must_use]
pub struct Spec {
    pub(crate) name: Cow<'static, str>,
    pub(crate) description: Cow<'static, str>,
    pub(crate) probes: ProbeSet,
    pub(crate) timeout: Option<Duration>,
    pub(crate) critical: Option<bool>,
    pub(crate) scope: Option<Scope>,
    pub(crate) group: Option<Cow<'static, str>>,
    pub(crate) depends_on: Vec<Cow<'static, str>>,
    pub(crate) enabled: bool,
    pub(crate) location: Location,
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
            critical: None,
            scope: None,
            group: None,
            depends_on: Vec::new(),
            enabled: true,
            location: Location::caller(),
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

    /// How long one run may take, counted from its start. Default: [`DEFAULT_TIMEOUT`].
    ///
    /// When it has passed, the observation is a timeout and the future of the run is dropped at its next `.await`.
    pub fn timeout(mut self, timeout: impl Into<Period>) -> Self {
        let what = format!("the timeout of `{}`", self.name);
        match timeout.into().checked(&what) {
            Ok(timeout) => self.timeout = Some(timeout),
            Err(fault) => self.faults.push(fault),
        }
        self
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

    pub(crate) fn limit(&self) -> Duration {
        self.timeout.unwrap_or(DEFAULT_TIMEOUT)
    }

    pub(crate) fn is_critical(&self) -> bool {
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
        if let Some(fault) = self.timeout.and_then(period::fault) {
            faults.push(format!("the timeout of `{}` {fault}", self.name));
        }
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
        faults
    }
}

/// A [`Spec`] as generated code writes it: constant, every key as declared.
#[derive(Clone, Copy, Debug)]
pub struct SpecRecord {
    /// The name; inside a component the last segments of it.
    pub name: &'static str,
    /// The first paragraph of the doc comment.
    pub description: &'static str,
    /// The probes.
    pub probes: ProbeSet,
    /// The timeout, if declared.
    pub timeout: Option<Duration>,
    /// The criticality, if declared.
    pub critical: Option<bool>,
    /// The scope, if declared.
    pub scope: Option<Scope>,
    /// The group, if declared.
    pub group: Option<&'static str>,
    /// The dependencies.
    pub depends_on: &'static [&'static str],
    /// Whether the check takes part.
    pub enabled: bool,
    /// Where the declaration stands.
    pub location: Location,
}

impl SpecRecord {
    /// A record in which only the name and the place are declared.
    #[must_use]
    pub const fn new(name: &'static str, location: Location) -> Self {
        Self {
            name,
            description: "",
            probes: ProbeSet::of(&[Probe::Ready]),
            timeout: None,
            critical: None,
            scope: None,
            group: None,
            depends_on: &[],
            enabled: true,
            location,
        }
    }
}

impl From<SpecRecord> for Spec {
    fn from(record: SpecRecord) -> Self {
        Self {
            name: record.name.into(),
            description: record.description.into(),
            probes: record.probes,
            timeout: record.timeout,
            critical: record.critical,
            scope: record.scope,
            group: record.group.map(Cow::Borrowed),
            depends_on: record.depends_on.iter().map(|name| Cow::Borrowed(*name)).collect(),
            enabled: record.enabled,
            location: record.location,
            faults: Vec::new(),
        }
    }
}
