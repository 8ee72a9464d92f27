//! A description as generated code writes it.

use std::borrow::Cow;
use std::time::Duration;

use super::{Interval, Scope, Spec};
use crate::{Location, Probe, ProbeSet};

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
    /// The interval, if declared.
    pub interval: Option<Interval>,
    /// The cache, if declared.
    pub cache: Option<Duration>,
    /// The maximum age, if declared.
    pub max_age: Option<Duration>,
    /// The backoff, if declared.
    pub backoff: Option<Duration>,
    /// The idle time of a canary, if declared.
    pub idle: Option<Duration>,
    /// The failure threshold, if declared.
    pub failure_threshold: Option<u32>,
    /// The success threshold, if declared.
    pub success_threshold: Option<u32>,
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
            interval: record.interval,
            cache: record.cache,
            max_age: record.max_age,
            backoff: record.backoff,
            idle: record.idle,
            failure_threshold: record.failure_threshold,
            success_threshold: record.success_threshold,
            critical: record.critical,
            scope: record.scope,
            group: record.group.map(Cow::Borrowed),
            depends_on: record.depends_on.iter().map(|name| Cow::Borrowed(*name)).collect(),
            enabled: record.enabled,
            location: record.location,
            has_run: true,
            faults: Vec::new(),
        }
    }
}
