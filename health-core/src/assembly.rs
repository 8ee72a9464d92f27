//! The validated, inert whole.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::check::Runner;
use crate::engine::{Engine, Ground, Runtimes};
use crate::gate::GateState;
use crate::graph::Graph;
use crate::probe::PerProbe;
use crate::spec::Timing;
use crate::watch::Observer;
use crate::{Health, Location, Probe, ProbeSet, Reporter, Spec, heartbeat};

/// A check that has everything it needs.
#[derive(Debug)]
pub(crate) struct Check {
    /// Shared with reports, which outlive the engine and must not keep what its checks borrow.
    pub(crate) spec: Arc<Spec>,
    pub(crate) timing: Timing,
    /// `None` for one that only the application reports about.
    pub(crate) runner: Option<Runner>,
}

/// The policy of one group.
#[derive(Debug)]
pub(crate) struct GroupPolicy {
    pub(crate) name: Cow<'static, str>,
    pub(crate) need: usize,
    pub(crate) critical: bool,
}

/// The runtimes that are watched, and the check that says how they are.
#[derive(Clone)]
pub(crate) struct Pulse {
    pub(crate) runtimes: Arc<Runtimes>,
    pub(crate) check: usize,
}

/// Everything that does not change once it is validated. Checks are in the order of their names.
pub(crate) struct Plan {
    pub(crate) checks: Vec<Arc<Check>>,
    pub(crate) graph: Graph,
    pub(crate) policies: Vec<GroupPolicy>,
    pub(crate) gates: Vec<Arc<GateState>>,
    /// Each with the check it reports about.
    pub(crate) reporters: Vec<(Reporter, usize)>,
    pub(crate) heartbeat: Option<Pulse>,
    pub(crate) deadlines: PerProbe<Duration>,
    /// How many runs there are at once.
    pub(crate) max_runs: usize,
    #[cfg(all(feature = "systemd", unix))]
    pub(crate) systemd: Option<crate::systemd::Options>,
    /// Every check that is still asked when startup has passed.
    pub(crate) lasting: Vec<usize>,
    by_probe: PerProbe<Vec<usize>>,
    /// For every check the policy it falls under.
    policy_of: Vec<Option<usize>>,
}

/// Everything a plan is made of, with nothing wrong in it.
pub(crate) struct Validated {
    pub(crate) checks: Vec<Check>,
    pub(crate) graph: Graph,
    pub(crate) policies: Vec<GroupPolicy>,
    pub(crate) gates: Vec<Arc<GateState>>,
    pub(crate) reporters: Vec<Reporter>,
    pub(crate) heartbeat: Option<Arc<Runtimes>>,
    pub(crate) deadlines: PerProbe<Duration>,
    pub(crate) max_runs: usize,
    #[cfg(all(feature = "systemd", unix))]
    pub(crate) systemd: Option<crate::systemd::Options>,
}

impl Plan {
    pub(crate) fn new(validated: Validated) -> Self {
        let Validated {
            checks,
            graph,
            policies,
            gates,
            reporters,
            heartbeat,
            deadlines,
            max_runs,
            #[cfg(all(feature = "systemd", unix))]
            systemd,
        } = validated;
        let joining = |probe| {
            (0..).zip(&checks).filter(|(_, c)| c.spec.probes.contains(probe)).map(|(i, _)| i).collect()
        };
        let by_probe = PerProbe::new(joining);
        let find = |name: &str| checks.binary_search_by(|check| (*check.spec.name).cmp(name)).ok();
        let reporters = reporters
            .into_iter()
            .filter_map(|reporter| {
                let check = find(&reporter.spec()?.name)?;
                Some((reporter, check))
            })
            .collect();
        let heartbeat =
            heartbeat.and_then(|runtimes| Some(Pulse { runtimes, check: find(heartbeat::NAME)? }));
        let only_startup = ProbeSet::of(&[Probe::Startup]);
        let lasting =
            (0..).zip(&checks).filter(|(_, c)| c.spec.probes != only_startup).map(|(i, _)| i).collect();
        let index_of: HashMap<_, _> =
            policies.iter().enumerate().map(|(i, policy)| (&policy.name, i)).collect();
        let policy_of =
            checks.iter().map(|check| index_of.get(check.spec.group.as_ref()?).copied()).collect();
        let checks = checks.into_iter().map(Arc::new).collect();
        Self {
            checks,
            graph,
            policies,
            gates,
            reporters,
            heartbeat,
            deadlines,
            max_runs,
            #[cfg(all(feature = "systemd", unix))]
            systemd,
            lasting,
            by_probe,
            policy_of,
        }
    }

    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        // They are in the order of their names.
        self.checks.binary_search_by(|check| (*check.spec.name).cmp(name)).ok()
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

    /// The check of this name and everything below it.
    pub(crate) fn in_tree(&self, name: &str) -> Vec<usize> {
        let is_in = |check: &Arc<Check>| {
            let below = check.spec.name.strip_prefix(name);
            below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
        };
        (0..).zip(&self.checks).filter(|(_, check)| is_in(check)).map(|(index, _)| index).collect()
    }
}

/// The validated, inert whole: nothing has run, nothing is spawned. [`start`](Self::start) makes it a running
/// [`Health`].
#[must_use = "an assembly does nothing until it is started"]
pub struct Assembly {
    pub(crate) plan: Plan,
    unused: Unused,
    observers: Vec<Observer>,
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
    pub(crate) fn new(plan: Plan, unused: Unused, observers: Vec<Observer>) -> Self {
        Self { plan, unused, observers }
    }

    /// Starts the engine on the current Tokio runtime, because a check must use a pool where the application uses
    /// it: a connection opened on another runtime dies with that runtime.
    ///
    /// The first run of every check is begun or queued now. The engine stops with the last clone of the [`Health`] this returns; what is
    /// in flight then is dropped at its next `.await`, and nothing is waited for.
    ///
    /// An asynchronous check that blocks its thread takes that thread from everything on this runtime; see
    /// [`start_dedicated`](Self::start_dedicated).
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime, as [`tokio::spawn`] does, and in one whose timer is not enabled: without it no timeout
    /// could be kept.
    #[track_caller]
    pub fn start(self) -> Health {
        self.start_on(&Handle::current())
    }

    /// Like [`start`](Self::start), on the runtime of this handle.
    ///
    /// # Panics
    ///
    /// If the timer of that runtime is not enabled.
    #[track_caller]
    pub fn start_on(self, runtime: &Handle) -> Health {
        let entered = runtime.enter();
        drop(tokio::time::sleep(Duration::ZERO));
        drop(entered);
        self.say_what_is_unused();
        Health::new(Engine::start(self.plan, self.observers, Ground::of_application(runtime.clone())))
    }

    /// Starts the engine on a runtime and threads of its own, for checks that own their clients: a check that blocks
    /// its thread where it must not then costs itself alone, and the application's runtime neither runs checks nor
    /// waits for them when it shuts down. A pool that was opened on the application's runtime must not be used from
    /// here: its connections belong there.
    ///
    /// Needs no runtime to be called in. There are two threads for timers and sockets, and two that poll checks; while
    /// some of those are blocked there are more, up to 64.
    ///
    /// # Errors
    ///
    /// When the system refuses the threads or the descriptors for it.
    pub fn start_dedicated(self) -> io::Result<Health> {
        let ground = Ground::dedicated()?;
        self.say_what_is_unused();
        Ok(Health::new(Engine::start(self.plan, self.observers, ground)))
    }

    fn say_what_is_unused(&self) {
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
