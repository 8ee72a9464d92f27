//! Collects what a process says about its health, before it is validated.

mod groups;
mod overrides;
mod validate;

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::assembly::Assembly;
use crate::catalog;
use crate::check::Runner;
use crate::component::{Declared, DeclaredCheck, Origin};
use crate::config::HealthConfig;
use crate::engine::Runtimes;
use crate::gate::GateState;
use crate::probe::PerProbe;
use crate::problem::{Problem, ProblemKind};
use crate::resources::Resources;
use crate::watch::{Observer, Transition};
use crate::{
    BuildError, Gate, HealthCheck, HealthComponent, Heartbeat, IntoOutcome, Location, Period, Probe, Quorum,
    Reporter, Spec, heartbeat,
};

/// How long an answer may take unless the builder says otherwise: most pollers give up after one second.
pub const DEFAULT_DEADLINE: Duration = Duration::from_millis(800);

/// How many runs there are at once at most unless the builder says otherwise.
pub const DEFAULT_MAX_RUNS: usize = 64;

/// Collects resources, checks, components, groups and gates; [`build`](Self::build) validates the whole.
///
/// Nothing here fails or runs anything. Made by [`Health::builder`](crate::Health::builder).
#[must_use]
pub struct HealthBuilder {
    resources: Resources,
    declared: Declared,
    groups: Vec<(Cow<'static, str>, Quorum, Location)>,
    gates: Vec<Arc<GateState>>,
    reporters: Vec<Reporter>,
    heartbeat: Option<Arc<Runtimes>>,
    observers: Vec<Observer>,
    max_runs: usize,
    #[cfg(all(feature = "systemd", unix))]
    pub(crate) systemd: Option<crate::systemd::Options>,
    required: Vec<(Cow<'static, str>, Location)>,
    disabled: Vec<(Cow<'static, str>, Location)>,
    discover: bool,
    configs: Vec<HealthConfig>,
    deadlines: PerProbe<Duration>,
    problems: Vec<Problem>,
}

impl HealthBuilder {
    pub(crate) fn new() -> Self {
        Self {
            resources: Resources::default(),
            declared: Declared::default(),
            groups: Vec::new(),
            gates: Vec::new(),
            reporters: Vec::new(),
            heartbeat: None,
            observers: Vec::new(),
            max_runs: DEFAULT_MAX_RUNS,
            #[cfg(all(feature = "systemd", unix))]
            systemd: None,
            required: Vec::new(),
            disabled: Vec::new(),
            discover: false,
            configs: Vec::new(),
            deadlines: PerProbe::new(|_| DEFAULT_DEADLINE),
            problems: Vec::new(),
        }
    }

    /// A value that checks may borrow, keyed by its type. An `Arc<T>` lends `&T` too, so `Arc<dyn Trait>` lends
    /// `&dyn Trait` and `Arc<str>` lends `&str`. A second value of one type is a problem.
    #[track_caller]
    pub fn resource<R: Send + Sync + 'static>(mut self, value: R) -> Self {
        self.resources.insert(value, Location::caller());
        self
    }

    /// A component under its own name.
    #[track_caller]
    pub fn component<C: HealthComponent>(self, component: C) -> Self {
        self.component_as(C::NAME, component)
    }

    /// A component under another name, for a second instance.
    #[track_caller]
    pub fn component_as<C: HealthComponent>(mut self, name: impl AsRef<str>, component: C) -> Self {
        self.declared.hand_in(name.as_ref(), component);
        self
    }

    /// A value that is a check.
    pub fn check<C: HealthCheck + 'static>(self, spec: Spec, check: C) -> Self {
        self.explicit(spec.or_as(C::defaults()), Runner::value(check))
    }

    /// An asynchronous function or closure. It is polled on the engine's runtime, so it must not block.
    ///
    /// ```
    /// use health_core::{Health, Spec};
    ///
    /// let builder = Health::builder().check_fn(Spec::named("clock"), || async { std::time::SystemTime::now().elapsed().map(|_| ()) });
    /// ```
    pub fn check_fn<F, R>(self, spec: Spec, function: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output: IntoOutcome> + Send + 'static,
    {
        self.explicit(spec, Runner::function(function))
    }

    /// A function or closure that may block, run on a thread of the engine's own.
    ///
    /// A run that overstays its timeout is reported as timed out; nothing can stop it, so the check is not begun
    /// again until it has ended. It cannot hold the exit of the process.
    pub fn check_blocking<F, R>(self, spec: Spec, function: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: IntoOutcome,
    {
        self.explicit(spec, Runner::thread(move || function().into_outcome()))
    }

    /// An asynchronous function or closure with a value of its own, such as a pool: each run is given a clone.
    pub fn check_with<V, F, R>(self, spec: Spec, value: V, function: F) -> Self
    where
        V: Clone + Send + Sync + 'static,
        F: Fn(V) -> R + Send + Sync + 'static,
        R: Future<Output: IntoOutcome> + Send + 'static,
    {
        self.explicit(spec, Runner::function(move || function(value.clone())))
    }

    /// The policy of a group. Checks join a group in their description.
    #[track_caller]
    pub fn group(mut self, name: impl Into<Cow<'static, str>>, policy: Quorum) -> Self {
        self.groups.push((name.into(), policy, Location::caller()));
        self
    }

    /// A gate, before whose opening the process is not ready.
    pub fn gate(mut self, gate: &Gate) -> Self {
        self.gates.push(Arc::clone(gate.state()));
        self
    }

    /// Evidence that the application pushes, in place of a run. Its `Spec` must give a
    /// [`max_age`](Spec::max_age).
    #[track_caller]
    pub fn reporter(mut self, reporter: &Reporter) -> Self {
        if let Some(spec) = reporter.spec() {
            let (spec, origin) = (spec.clone(), Origin::Reporter);
            self.declared.checks.push(DeclaredCheck { spec, origin, runner: None });
            self.reporters.push(reporter.clone());
        } else {
            let message =
                "this reporter is that of a check in another `Health`, and describes none itself".into();
            let problem = Problem::new(ProblemKind::Spec, [Location::caller()], message);
            self.problems
                .push(problem.help("hand in one that was made with `Reporter::new(Spec::named(..))`"));
        }
        self
    }

    /// A callback for every transition, from the very first on, called on a thread of its own. It may panic, block, or
    /// call back into the handle: that harms nobody else, and while it is slow transitions are merged as for every
    /// slow [`Subscription`](crate::Subscription). It ends with the engine, once it has heard everything.
    ///
    /// One that owns a [`Health`](crate::Health) keeps the engine alive, which then never ends by itself.
    pub fn observe(mut self, observer: impl FnMut(&Transition) + Send + 'static) -> Self {
        self.observers.push(Box::new(observer));
        self
    }

    /// Adds the ready-made check `runtime`, which joins live: whether the runtimes of the process make progress. A second
    /// one is a problem, as is another check of that name.
    #[track_caller]
    pub fn heartbeat(mut self, heartbeat: Heartbeat) -> Self {
        match heartbeat.limit() {
            Ok(limit) => {
                let runtimes = Arc::new(Runtimes::new(limit));
                self.heartbeat = Some(Arc::clone(&runtimes));
                let run = move || std::future::ready(runtimes.outcome(Instant::now()));
                self.explicit(heartbeat::spec(), Runner::function(run))
            }
            Err(fault) => {
                self.problems.push(Problem::new(ProblemKind::Spec, [Location::caller()], fault));
                self
            }
        }
    }

    /// How many runs there may be at once; others wait for their turn, first come first served. Default:
    /// [`DEFAULT_MAX_RUNS`]. Zero is a problem.
    ///
    /// The timeout of a check counts from the start of its run, not from the queue, and a run that overstays its
    /// timeout makes room for another. How long a run had to wait is told by [`Entry::queued`](crate::Entry::queued), if
    /// that was long, and by [`Health::queued_too_long`](crate::Health::queued_too_long).
    #[track_caller]
    pub fn max_runs(mut self, runs: usize) -> Self {
        if runs == 0 {
            let message = "no run at a time would leave every check unobserved; write at least 1".into();
            self.problems.push(Problem::new(ProblemKind::Spec, [Location::caller()], message));
        }
        self.max_runs = runs.max(1);
        self
    }

    /// Everything that attributes declared anywhere in the binary.
    pub fn discover(mut self) -> Self {
        self.discover = true;
        self
    }

    /// Checks or components that must be there: `build` fails if the linker dropped one, or nobody handed it in.
    ///
    /// This is about what the program contains. A check that is there and was taken out, by [`disable`](Self::disable)
    /// or by a configuration, is there.
    #[track_caller]
    pub fn require<N: Into<Cow<'static, str>>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        let location = Location::caller();
        self.required.extend(names.into_iter().map(|name| (name.into(), location)));
        self
    }

    /// Takes a check out: it is not bound, needs nothing, and is never run. A configuration that sets `enabled` for it
    /// goes before this.
    #[track_caller]
    pub fn disable(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.disabled.push((name.into(), Location::caller()));
        self
    }

    /// What operators say about checks: tuned, moved between probes or taken out, by name. May be called several times,
    /// also with the same source; [`HealthConfig`] says what goes before what.
    pub fn config(mut self, config: HealthConfig) -> Self {
        self.configs.push(config);
        self
    }

    /// How long an answer of any probe may take. Default: [`DEFAULT_DEADLINE`]. What is no duration, zero, or longer
    /// than a year is a problem.
    #[track_caller]
    pub fn deadline(mut self, deadline: impl Into<Period>) -> Self {
        let deadline = deadline.into();
        for probe in Probe::ALL {
            self = self.deadline_of(probe, deadline.clone());
        }
        self
    }

    /// How long an answer of this probe may take; that of ready is also that of the overview, of single checks and of
    /// groups.
    #[track_caller]
    pub fn deadline_of(mut self, probe: Probe, deadline: impl Into<Period>) -> Self {
        match deadline.into().checked("the deadline") {
            Ok(deadline) => self.deadlines.set(probe, deadline),
            Err(fault) => self.problems.push(Problem::new(ProblemKind::Spec, [Location::caller()], fault)),
        }
        self
    }

    /// Validates the whole. Nothing runs before [`Assembly::start`].
    ///
    /// # Errors
    ///
    /// Everything that is wrong, at once, each with its place: see [`ProblemKind`].
    pub fn build(mut self) -> Result<Assembly, BuildError> {
        let discovered = if self.discover { catalog::linked_checks() } else { Vec::new() };
        validate::assembly(&mut self, discovered)
    }

    /// Something that is wrong with what was said here.
    #[cfg(all(feature = "systemd", unix))]
    pub(crate) fn fault(&mut self, location: Location, fault: String) {
        self.problems.push(Problem::new(ProblemKind::Spec, [location], fault));
    }

    #[track_caller]
    fn explicit(mut self, spec: Spec, runner: Runner) -> Self {
        self.declared.checks.push(DeclaredCheck { spec, origin: Origin::Explicit, runner: Some(runner) });
        self
    }
}

impl fmt::Debug for HealthBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.declared.checks.iter().map(|check| &check.spec.name).collect();
        f.debug_struct("HealthBuilder").field("checks", &names).finish_non_exhaustive()
    }
}
