//! The validated, inert whole.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::check::Runner;
use crate::engine::Engine;
use crate::gate::GateState;
use crate::graph::Graph;
use crate::probe::PerProbe;
use crate::spec::Timing;
use crate::{Health, Location, Probe, Spec};

/// A check that has everything it needs.
#[derive(Debug)]
pub(crate) struct Check {
    /// Shared with reports, which outlive the engine and must not keep what its checks borrow.
    pub(crate) spec: Arc<Spec>,
    #[allow(dead_code)]
    pub(crate) timing: Timing,
    pub(crate) runner: Runner,
}

/// The policy of one group.
#[derive(Debug)]
pub(crate) struct GroupPolicy {
    pub(crate) name: Cow<'static, str>,
    pub(crate) need: usize,
    pub(crate) critical: bool,
}

/// Everything that does not change once it is validated. Checks are in the order of their names.
pub(crate) struct Plan {
    pub(crate) checks: Vec<Arc<Check>>,
    pub(crate) graph: Graph,
    pub(crate) policies: Vec<GroupPolicy>,
    pub(crate) gates: Vec<Arc<GateState>>,
    pub(crate) deadlines: PerProbe<Duration>,
    by_name: HashMap<Cow<'static, str>, usize>,
    by_probe: PerProbe<Vec<usize>>,
    /// For every check the policy it falls under.
    policy_of: Vec<Option<usize>>,
}

impl Plan {
    pub(crate) fn new(
        checks: Vec<Check>,
        graph: Graph,
        policies: Vec<GroupPolicy>,
        gates: Vec<Arc<GateState>>,
        deadlines: PerProbe<Duration>,
    ) -> Self {
        let joining = |probe| {
            (0..).zip(&checks).filter(|(_, c)| c.spec.probes.contains(probe)).map(|(i, _)| i).collect()
        };
        let by_probe = PerProbe::new(joining);
        let by_name =
            checks.iter().enumerate().map(|(index, check)| (check.spec.name.clone(), index)).collect();
        let index_of: HashMap<_, _> =
            policies.iter().enumerate().map(|(i, policy)| (&policy.name, i)).collect();
        let policy_of =
            checks.iter().map(|check| index_of.get(check.spec.group.as_ref()?).copied()).collect();
        let checks = checks.into_iter().map(Arc::new).collect();
        Self { checks, graph, policies, gates, deadlines, by_name, by_probe, policy_of }
    }

    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn joining(&self, probe: Probe) -> &[usize] {
        self.by_probe.get(probe)
    }

    pub(crate) fn policy_of(&self, check: usize) -> Option<usize> {
        self.policy_of.get(check).copied().flatten()
    }

    pub(crate) fn in_group(&self, group: &str) -> Vec<usize> {
        let is_member = |check: &Arc<Check>| check.spec.group.as_deref() == Some(group);
        (0..).zip(&self.checks).filter(|(_, check)| is_member(check)).map(|(index, _)| index).collect()
    }
}

/// The validated, inert whole: nothing has run, nothing is spawned. [`start`](Self::start) makes it a running
/// [`Health`].
#[must_use = "an assembly does nothing until it is started"]
pub struct Assembly {
    plan: Plan,
    unused: Unused,
}

/// What was linked in and takes no part.
#[derive(Default)]
pub(crate) struct Unused {
    /// Annotated functions, when nothing was discovered.
    pub(crate) undiscovered: usize,
    /// Component types that were never handed in, when everything else was discovered.
    pub(crate) components: Vec<(&'static str, Location)>,
}

impl Assembly {
    pub(crate) fn new(plan: Plan, unused: Unused) -> Self {
        Self { plan, unused }
    }

    /// Starts the engine on the current Tokio runtime, because a check must use a pool where the application uses
    /// it: a connection opened on another runtime dies with that runtime.
    ///
    /// The engine stops with the last clone of the [`Health`] this returns.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime, as [`tokio::spawn`] does, and in one whose timer is not enabled: without it no timeout
    /// could be kept.
    #[track_caller]
    pub fn start(self) -> Health {
        let handle = tokio::runtime::Handle::current();
        drop(tokio::time::sleep(Duration::ZERO));
        for (name, location) in &self.unused.components {
            tracing::warn!(
                target: "health", component = name, declared = %location,
                "a component is declared and was never handed in; its checks do not run",
            );
        }
        if self.unused.undiscovered > 0 {
            tracing::warn!(
                target: "health", checks = self.unused.undiscovered,
                "checks are declared in this binary and none was discovered: add `.discover()` to the builder",
            );
        }
        Health::new(Engine::start(self.plan, handle))
    }

    /// The full names of the checks, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.plan.checks.iter().map(|check| &*check.spec.name)
    }
}

impl fmt::Debug for Assembly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assembly").field("checks", &self.names().collect::<Vec<_>>()).finish_non_exhaustive()
    }
}
