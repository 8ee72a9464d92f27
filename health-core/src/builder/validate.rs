//! Binds, sorts and validates, and lists everything that is wrong at once.

use std::any::TypeId;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::{HealthBuilder, groups, overrides};
use crate::assembly::{Assembly, Check, Plan, Unused, Validated};
use crate::catalog::{self, CheckRecord};
use crate::check::Runner;
use crate::component::Origin;
use crate::config::{Key, Overridden};
use crate::graph::Graph;
use crate::name;
use crate::problem::{Problem, ProblemKind};
use crate::resources::{Binder, Doubled};
use crate::spec::Timing;
use crate::{BuildError, Location, Probe, Spec, config};

/// A check on its way into the assembly.
pub(super) struct Candidate {
    pub(super) spec: Spec,
    /// What a configuration changed in the description.
    pub(super) overridden: Option<Overridden>,
    /// What in a configuration needs it before the process is ready.
    pub(super) required_by: Option<config::Source>,
    origin: Origin,
    source: Source,
}

impl Candidate {
    /// What in a configuration set this key.
    pub(super) fn set_by(&self, key: Key) -> Option<&config::Source> {
        self.overridden.as_ref()?.source(key)
    }
}

enum Source {
    Ready(Option<Runner>),
    /// Still has to borrow what it needs.
    Unbound(&'static CheckRecord),
}

pub(super) fn assembly(
    builder: &mut HealthBuilder,
    discovered: Vec<&'static CheckRecord>,
) -> Result<Assembly, BuildError> {
    let mut problems = std::mem::take(&mut builder.problems);
    let mut candidates = candidates(builder, discovered);
    disable(&builder.disabled, &mut candidates, &mut problems);
    overrides::apply(&builder.configs, &mut candidates, &mut problems);
    required(builder, &candidates, &mut problems);
    let known: HashSet<String> = candidates.iter().map(|candidate| candidate.spec.name.to_string()).collect();
    let quorums = groups::policies(builder, &candidates, &mut problems);
    candidates.retain(|candidate| candidate.spec.enabled);

    own_faults(builder, &candidates, &mut problems);
    doubled_names(&candidates, &mut problems);
    gates(builder, &mut problems);
    let graph = graph(&candidates, &known, &mut problems);
    let checks = bind(builder, candidates, &mut problems);
    BuildError::unless_empty(problems)?;

    let plan = Plan::new(Validated {
        checks,
        graph,
        policies: quorums,
        gates: std::mem::take(&mut builder.gates),
        reporters: std::mem::take(&mut builder.reporters),
        heartbeat: builder.heartbeat.take(),
        deadlines: builder.deadlines,
        max_runs: builder.max_runs,
        #[cfg(all(feature = "systemd", unix))]
        systemd: builder.systemd,
    });
    let observers = std::mem::take(&mut builder.observers);
    Ok(Assembly::new(plan, unused(builder), observers))
}

/// Everything declared, sorted by name; what comes unordered gets its order here.
fn candidates(builder: &mut HealthBuilder, discovered: Vec<&'static CheckRecord>) -> Vec<Candidate> {
    let handed_in = std::mem::take(&mut builder.declared.checks);
    let mut candidates: Vec<_> = handed_in
        .into_iter()
        .filter(|check| check.runner.is_some() || check.origin == Origin::Reporter)
        .map(|check| Candidate {
            spec: check.spec,
            overridden: None,
            required_by: None,
            origin: check.origin,
            source: Source::Ready(check.runner),
        })
        .collect();
    candidates.extend(discovered.into_iter().map(|record| Candidate {
        spec: record.spec.into(),
        overridden: None,
        required_by: None,
        origin: Origin::Function,
        source: Source::Unbound(record),
    }));
    candidates.sort_by(|a, b| (&a.spec.name, a.spec.location).cmp(&(&b.spec.name, b.spec.location)));
    candidates
}

fn unknown(what: &str, wrong: &str, place: Location, known: impl Iterator<Item = String>) -> Problem {
    let known: BTreeSet<_> = known.collect();
    let problem = Problem::new(
        ProblemKind::UnknownName,
        [place],
        format!("{what} `{}`, and no check has that name", wrong.escape_debug()),
    );
    match name::nearest(wrong, known.iter().map(String::as_str)) {
        Some(nearest) => problem.help(format!("did you mean `{nearest}`?")),
        None => {
            problem.help("`health_core::catalog()` lists the names of everything declared in this binary")
        }
    }
}

fn disable(
    names: &[(std::borrow::Cow<'_, str>, Location)],
    checks: &mut [Candidate],
    problems: &mut Vec<Problem>,
) {
    for (name, place) in names {
        let mut found = false;
        for check in checks.iter_mut().filter(|check| check.spec.name == *name) {
            check.spec.enabled = false;
            found = true;
        }
        if !found {
            let known = checks.iter().map(|check| check.spec.name.to_string());
            problems.push(unknown("`disable` names", name, *place, known));
        }
    }
}

fn required(builder: &HealthBuilder, candidates: &[Candidate], problems: &mut Vec<Problem>) {
    for (name, place) in &builder.required {
        let is_check = candidates.iter().any(|candidate| candidate.spec.name == *name);
        let is_component = builder.declared.components.iter().any(|(_, path)| path == name);
        if is_check || is_component {
            continue;
        }
        let problem = Problem::new(
            ProblemKind::NotLinked,
            [*place],
            format!("`{}` is required, and nothing in this assembly has that name", name.escape_debug()),
        );
        let declared = catalog::linked_components().into_iter().find(|record| {
            name.strip_prefix(record.name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        problems.push(match declared {
            Some(record) => problem.help(format!(
                "the component `{}` is declared at {} but was not handed in: add `.component(...)`",
                record.name, record.location
            )),
            None if !builder.discover => problem.help("nothing is discovered without `.discover()`"),
            None => {
                let nearest = name::nearest(name, candidates.iter().map(|candidate| &*candidate.spec.name));
                let guess = nearest.map_or_else(String::new, |nearest| format!("did you mean `{nearest}`? else: "));
                problem.help(format!(
                    "{guess}a crate that is only a dependency is not linked until something in it is named: write \
                     `use the_crate as _;`"
                ))
            }
        });
    }
}

fn own_faults(builder: &HealthBuilder, candidates: &[Candidate], problems: &mut Vec<Problem>) {
    let policies: HashSet<_> = builder.groups.iter().map(|(name, _, _)| &**name).collect();
    let mut undecided = HashSet::new();
    for Candidate { spec, overridden, origin, .. } in candidates {
        problems.extend(spec.own_faults().into_iter().map(|fault| {
            let causes = overridden.as_ref().map(|it| it.causes(&fault)).unwrap_or_default();
            Problem::new(ProblemKind::Spec, [spec.location], fault).set_by(causes)
        }));
        let decided =
            spec.critical.is_some() || spec.group.as_deref().is_some_and(|group| policies.contains(group));
        // Said once for a whole map: its checks share one declaration.
        if *origin == Origin::Each && !decided && undecided.insert(spec.location) {
            let message =
                format!("`{}` is one of many and does not say what it may do to the whole", spec.name);
            let problem = Problem::new(ProblemKind::Spec, [spec.location], message);
            problems
                .push(problem.help(
                    "write `critical = false`, or give its group a policy: `.group(name, Quorum::..)`",
                ));
        }
    }
}

fn doubled_names(candidates: &[Candidate], problems: &mut Vec<Problem>) {
    for same in candidates.chunk_by(|a, b| a.spec.name == b.spec.name).filter(|same| same.len() > 1) {
        let places = same.iter().map(|candidate| candidate.spec.location);
        let name = same.first().map_or("", |first| &*first.spec.name);
        let message = format!("the name `{}` is declared {} times", name.escape_debug(), same.len());
        let problem = Problem::new(ProblemKind::DoubledName, places, message);
        problems.push(problem.help("names are unique in one `Health`: give one of them another, with `name = \"...\"` or `Spec::named`"));
    }
}

fn gates(builder: &HealthBuilder, problems: &mut Vec<Problem>) {
    let mut seen = HashMap::new();
    for gate in &builder.gates {
        if let Some(fault) = name::fault(&gate.name) {
            let message = format!("the gate `{}` {fault}", gate.name.escape_debug());
            problems.push(Problem::new(ProblemKind::Spec, [gate.location], message));
        }
        if let Some(first) = seen.insert(&*gate.name, gate.location) {
            let message = format!("two gates are called `{}`", gate.name.escape_debug());
            problems.push(Problem::new(ProblemKind::DoubledName, [gate.location, first], message));
        }
    }
}

fn graph(candidates: &[Candidate], known: &HashSet<String>, problems: &mut Vec<Problem>) -> Graph {
    let index: HashMap<&str, usize> =
        candidates.iter().enumerate().map(|(i, c)| (&*c.spec.name, i)).collect();
    let mut edges = Vec::with_capacity(candidates.len());
    for Candidate { spec, .. } in candidates {
        // What depends on itself is named by its own fault already.
        let targets = spec.depends_on.iter().filter(|target| **target != spec.name);
        let mut own = BTreeMap::new();
        for target in targets {
            match index.get(&**target) {
                Some(found) => drop(own.insert(*found, ())),
                None if known.contains(&**target) => {} // An edge to a disabled check explains nothing.
                None => {
                    let what = format!("`{}` depends on", spec.name);
                    problems.push(unknown(&what, target, spec.location, known.iter().cloned()));
                }
            }
        }
        edges.push(own.into_keys().collect());
    }
    Graph::new(edges).unwrap_or_else(|circles| {
        problems.extend(circles.iter().map(|circle| {
            let members: Vec<_> =
                circle.iter().filter_map(|check| candidates.get(*check)).map(|c| &c.spec).collect();
            let mut names: Vec<_> = members.iter().map(|spec| format!("`{}`", spec.name)).collect();
            names.extend(names.first().cloned());
            let message = format!("checks depend on each other in a circle: {}", names.join(" -> "));
            let places = members.iter().map(|spec| spec.location);
            let problem = Problem::new(ProblemKind::Cycle, places, message);
            problem.help("`depends_on` points at causes: remove the edge that does not")
        }));
        Graph::default()
    })
}

fn bind(builder: &mut HealthBuilder, candidates: Vec<Candidate>, problems: &mut Vec<Problem>) -> Vec<Check> {
    let mut doubled: BTreeSet<Doubled> = builder.resources.doubled.iter().cloned().collect();
    let mut binder = Binder::new(&builder.resources);
    let mut checks = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        let put_in_by = candidate.set_by(Key::Enabled).cloned();
        let Candidate { spec, source, origin, .. } = candidate;
        let runner = match source {
            Source::Ready(runner) => runner,
            Source::Unbound(record) => (record.bind)(&mut binder),
        };
        let (missing, ambiguous) = binder.take_faults();
        doubled.extend(ambiguous);
        for missing in missing {
            let message = format!(
                "`{}` borrows a `{}` as `{}`, and none was handed in",
                spec.name, missing.type_name, missing.parameter
            );
            let problem = Problem::new(ProblemKind::MissingResource, [spec.location], message);
            let problem = problem.set_by(&put_in_by);
            problems.push(
                problem
                    .help("add `.resource(value)` to the builder, with the value itself or an `Arc` of it"),
            );
        }
        let timing = Timing::of(&spec, shortest_deadline(builder, &spec));
        if runner.is_some() || origin == Origin::Reporter {
            checks.push(Check { spec: Arc::new(spec), timing, runner });
        }
    }
    problems.extend(doubled.into_iter().map(|Doubled { type_name, first, second }| {
        let message = format!("two resources lend a `{type_name}`");
        let problem = Problem::new(ProblemKind::DoubledResource, [second, first], message);
        problem.help("hand in one value per type; wrap the second in a type of its own")
    }));
    checks
}

/// How long an answer that waits for this check may take: the shortest of its probes, or of ready where it has none.
fn shortest_deadline(builder: &HealthBuilder, spec: &Spec) -> Duration {
    let deadlines = spec.probes.iter().map(|probe| *builder.deadlines.get(probe));
    deadlines.min().unwrap_or(*builder.deadlines.get(Probe::Ready))
}

fn unused(builder: &HealthBuilder) -> Unused {
    if !builder.discover {
        return Unused { undiscovered: catalog::linked_checks().len(), components: Vec::new() };
    }
    let used: HashSet<TypeId> = builder.declared.components.iter().map(|(id, _)| *id).collect();
    let unused =
        catalog::linked_components().into_iter().filter(|record| !used.contains(&(record.type_id)()));
    Unused { undiscovered: 0, components: unused.map(|record| (record.name, record.location)).collect() }
}
