//! The keys that tune a check.

use crate::Spec;

/// A key that can be overridden, in the order in which defaults are filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Timeout,
    Interval,
    Cache,
    Backoff,
    MaxAge,
    FailureThreshold,
    SuccessThreshold,
    Idle,
    Critical,
    Scope,
    Probe,
    Enabled,
}

impl Key {
    pub(crate) const ALL: [Self; 12] = [
        Self::Timeout,
        Self::Interval,
        Self::Cache,
        Self::Backoff,
        Self::MaxAge,
        Self::FailureThreshold,
        Self::SuccessThreshold,
        Self::Idle,
        Self::Critical,
        Self::Scope,
        Self::Probe,
        Self::Enabled,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Interval => "interval",
            Self::Cache => "cache",
            Self::Backoff => "backoff",
            Self::MaxAge => "max_age",
            Self::FailureThreshold => "failure_threshold",
            Self::SuccessThreshold => "success_threshold",
            Self::Idle => "idle",
            Self::Critical => "critical",
            Self::Scope => "scope",
            Self::Probe => "probe",
            Self::Enabled => "enabled",
        }
    }

    pub(super) fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.as_str() == word)
    }

    /// Why there is no default for it, as the end of a sentence; nothing where there is one.
    pub(super) const fn why_no_default(self) -> Option<&'static str> {
        match self {
            Self::Timeout
            | Self::Interval
            | Self::Cache
            | Self::Backoff
            | Self::MaxAge
            | Self::FailureThreshold
            | Self::SuccessThreshold => None,
            Self::Idle => Some("only a check that real traffic reports to can wait for silence"),
            Self::Critical => Some("what a failure does to the whole is decided check by check"),
            Self::Scope => Some("how far a thing reaches is a fact about that thing"),
            Self::Probe => Some("who may be told by a check is decided check by check"),
            Self::Enabled => Some("all checks at once are not switched off by accident"),
        }
    }

    /// Whether the check says something about it.
    pub(super) const fn is_declared(self, spec: &Spec) -> bool {
        match self {
            Self::Timeout => spec.timeout.is_some(),
            Self::Interval => spec.interval.is_some(),
            Self::Cache => spec.cache.is_some(),
            Self::Backoff => spec.backoff.is_some(),
            Self::MaxAge => spec.max_age.is_some(),
            Self::FailureThreshold => spec.failure_threshold.is_some(),
            Self::SuccessThreshold => spec.success_threshold.is_some(),
            Self::Idle => spec.idle.is_some(),
            Self::Critical => spec.critical.is_some(),
            Self::Scope => spec.scope.is_some(),
            Self::Probe | Self::Enabled => true,
        }
    }

    /// Takes back what the check says about it, where it can be taken back.
    pub(super) const fn clear(self, spec: &mut Spec) {
        match self {
            Self::Timeout => spec.timeout = None,
            Self::Interval => spec.interval = None,
            Self::Cache => spec.cache = None,
            Self::Backoff => spec.backoff = None,
            Self::MaxAge => spec.max_age = None,
            Self::FailureThreshold => spec.failure_threshold = None,
            Self::SuccessThreshold => spec.success_threshold = None,
            Self::Idle => spec.idle = None,
            Self::Critical => spec.critical = None,
            Self::Scope => spec.scope = None,
            Self::Probe | Self::Enabled => {}
        }
    }
}

/// What a check says beside these belongs to its code.
pub(super) const BELONGS_TO_THE_CODE: [&str; 6] =
    ["name", "description", "group", "depends_on", "blocking", "crate"];
