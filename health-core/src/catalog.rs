//! Everything declared in the binary, found at link time. The one place that knows `inventory`.

use std::any::TypeId;
use std::time::Duration;

use crate::check::Runner;
use crate::component::{Declared, Origin};
use crate::resources::Binder;
use crate::spec::{SpecRecord, Timing};
use crate::{DEFAULT_DEADLINE, HealthComponent, Interval, Location, ProbeSet, Scope, Spec};

pub use inventory::submit;

/// An annotated function, as the attribute leaves it in the binary.
#[derive(Debug)]
pub struct CheckRecord {
    /// The declaration.
    pub spec: SpecRecord,
    /// Borrows what the function needs; `None` when something is missing.
    pub bind: fn(&mut Binder<'_>) -> Option<Runner>,
}

/// A component type, as the derive leaves it in the binary. Generic types leave none.
pub struct ComponentRecord {
    pub(crate) name: &'static str,
    pub(crate) location: Location,
    pub(crate) type_id: fn() -> TypeId,
    outline: fn(&mut Declared),
}

impl ComponentRecord {
    /// The record of `C`.
    #[must_use]
    pub const fn of<C: HealthComponent>(location: Location) -> Self {
        Self { name: C::NAME, location, type_id: TypeId::of::<C>, outline: Declared::outline::<C> }
    }
}

impl std::fmt::Debug for ComponentRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ComponentRecord").field("name", &self.name).field("location", &self.location).finish()
    }
}

inventory::collect!(CheckRecord);
inventory::collect!(ComponentRecord);

/// The annotated functions, sorted by name, then by place: the linker promises no order.
pub(crate) fn linked_checks() -> Vec<&'static CheckRecord> {
    let mut records: Vec<_> = inventory::iter::<CheckRecord>.into_iter().collect();
    records.sort_unstable_by_key(|record| (record.spec.name, record.spec.location));
    records
}

/// The component types, sorted by name, then by place.
pub(crate) fn linked_components() -> Vec<&'static ComponentRecord> {
    let mut records: Vec<_> = inventory::iter::<ComponentRecord>.into_iter().collect();
    records.sort_unstable_by_key(|record| (record.name, record.location));
    records
}

/// Everything declared in this binary, before anything is built or run.
///
/// ```
/// for declaration in health_core::catalog().declarations() {
///     println!("{} {}", declaration.name(), declaration.location());
/// }
/// ```
#[must_use]
pub fn catalog() -> Catalog {
    let functions = linked_checks();
    let mut declarations: Vec<_> = functions
        .iter()
        .map(|record| Declaration { spec: record.spec.into(), origin: Origin::Function })
        .collect();
    declarations.extend(component_declarations());
    declarations.sort_by(|a, b| (&a.spec.name, a.spec.location).cmp(&(&b.spec.name, b.spec.location)));
    Catalog { declarations }
}

/// The checks of every component type that is not already listed inside another one.
fn component_declarations() -> Vec<Declaration> {
    let outlines: Vec<_> = linked_components()
        .into_iter()
        .map(|record| {
            let mut declared = Declared::default();
            (record.outline)(&mut declared);
            ((record.type_id)(), declared)
        })
        .collect();
    let is_nested = |id: &TypeId| {
        outlines
            .iter()
            .any(|(outer, declared)| outer != id && declared.components.iter().any(|(inner, _)| inner == id))
    };
    outlines
        .iter()
        .filter(|(id, _)| !is_nested(id))
        .flat_map(|(_, declared)| &declared.checks)
        .map(|check| Declaration { spec: check.spec.clone(), origin: check.origin })
        .collect()
}

/// What [`catalog`] found, sorted by name.
#[derive(Debug)]
pub struct Catalog {
    pub(crate) declarations: Vec<Declaration>,
}

impl Catalog {
    /// Every declared check, sorted by name. A map of checks appears once, as `component/map/*`.
    #[must_use]
    pub fn declarations(&self) -> &[Declaration] {
        &self.declarations
    }
}

/// One declared check.
#[derive(Debug)]
pub struct Declaration {
    pub(crate) spec: Spec,
    origin: Origin,
}

impl Declaration {
    /// The full name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// One sentence for people, if there is one.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        Some(&*self.spec.description).filter(|text| !text.is_empty())
    }

    /// The probes in which it weighs.
    #[must_use]
    pub fn probes(&self) -> ProbeSet {
        self.spec.probes
    }

    /// How long one run may take: what is declared, or [`DEFAULT_TIMEOUT`](crate::DEFAULT_TIMEOUT).
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.spec.effective_timeout()
    }

    /// How often the engine runs it by itself: what is declared, or [`DEFAULT_INTERVAL`](crate::DEFAULT_INTERVAL).
    /// Of a canary it is what [`idle`](Self::idle) says.
    #[must_use]
    pub fn interval(&self) -> Interval {
        self.timing().interval.map_or(Interval::Never, Interval::Every)
    }

    /// How old an observation may be before a poll asks for a new one: what is declared, or what follows from the
    /// interval and the timeout with the default deadline, [`DEFAULT_DEADLINE`].
    #[must_use]
    pub fn cache(&self) -> Duration {
        self.timing().cache
    }

    /// How long an observation is usable at all: what is declared, or what follows from the interval, the backoff and
    /// the timeout.
    #[must_use]
    pub fn max_age(&self) -> Duration {
        self.timing().max_age
    }

    /// How many observations in a row must be worse than the held status before it gets worse; 1 if not declared.
    #[must_use]
    pub fn failure_threshold(&self) -> u32 {
        self.timing().failure_threshold
    }

    /// How many observations in a row must be better than the held status before it gets better; 1 if not declared.
    #[must_use]
    pub fn success_threshold(&self) -> u32 {
        self.timing().success_threshold
    }

    /// The ceiling up to which the interval doubles while it is unhealthy, if it does.
    #[must_use]
    pub fn backoff(&self) -> Option<Duration> {
        self.timing().backoff
    }

    /// How long real traffic must have been silent before it is run, if it is a canary.
    #[must_use]
    pub fn idle(&self) -> Option<Duration> {
        self.timing().idle
    }

    fn timing(&self) -> Timing {
        Timing::of(&self.spec, DEFAULT_DEADLINE)
    }

    /// Whether it can make the whole unhealthy: what is declared, or what follows from the scope.
    #[must_use]
    pub fn is_critical(&self) -> bool {
        self.spec.is_critical()
    }

    /// The scope, if it is declared.
    #[must_use]
    pub fn scope(&self) -> Option<Scope> {
        self.spec.scope
    }

    /// The group, if it is in one.
    #[must_use]
    pub fn group(&self) -> Option<&str> {
        self.spec.group.as_deref()
    }

    /// The names of the checks it depends on, as declared.
    pub fn depends_on(&self) -> impl Iterator<Item = &str> {
        self.spec.depends_on.iter().map(|name| &**name)
    }

    /// Whether it takes part at all.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.spec.enabled
    }

    /// Where it is declared.
    #[must_use]
    pub fn location(&self) -> Location {
        self.spec.location
    }

    /// `check` for an annotated function, `component` for a part of a component, `each` for a map of checks.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.origin {
            Origin::Component => "component",
            Origin::Each => "each",
            Origin::Function | Origin::Explicit | Origin::Reporter => "check",
        }
    }
}
