//! What a component declares, with a value or without one.

use std::any::TypeId;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::{HealthComponent, NamedChecks, Part};
use crate::check::Runner;
use crate::check::{BoxedRun, RunResult};
use crate::{Failure, HealthCheck, Spec, name};

/// Collects the checks of one component of type `C`.
///
/// Names given here are relative: the check `ledger` of the component `billing` is `billing/ledger`.
pub struct Parts<'a, C: ?Sized> {
    declared: &'a mut Declared,
    path: String,
    group: Option<Cow<'static, str>>,
    /// `None` while only listing.
    owner: Option<Part<C>>,
}

/// Everything that components declared.
#[derive(Default)]
pub(crate) struct Declared {
    pub(crate) checks: Vec<DeclaredCheck>,
    /// The types of the components met, those inside others included, with their full names.
    pub(crate) components: Vec<(TypeId, String)>,
    /// The types that are being declared, outermost first.
    within: Vec<TypeId>,
}

pub(crate) struct DeclaredCheck {
    pub(crate) spec: Spec,
    pub(crate) origin: Origin,
    /// `None` while only listing.
    pub(crate) runner: Option<Runner>,
}

/// What kind of declaration a check comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// An annotated function.
    Function,
    /// A field of a component, or a component that is itself a check.
    Component,
    /// One of a map of checks.
    Each,
    /// A value or closure handed to the builder.
    Explicit,
    /// What the application reports by itself.
    Reporter,
}

impl Declared {
    /// Adds a component that was handed in, under the given name.
    #[track_caller]
    pub(crate) fn hand_in<C: HealthComponent>(&mut self, name: &str, component: C) {
        self.declare::<C>(name.to_owned(), None, Some(Part::whole(Arc::new(component))));
    }

    /// Adds what a component type declares, without a value.
    pub(crate) fn outline<C: HealthComponent>(&mut self) {
        self.declare::<C>(C::NAME.to_owned(), None, None);
    }

    #[track_caller]
    fn declare<C: HealthComponent>(
        &mut self,
        path: String,
        group: Option<Cow<'static, str>>,
        owner: Option<Part<C>>,
    ) {
        let endless = owner.is_none() && self.within.contains(&TypeId::of::<C>());
        if endless {
            return;
        }
        if path.len() > name::LONGEST {
            // Too long a name for any check in it; a check in its place makes `build()` say so.
            let (spec, origin) = (Spec::named(path), Origin::Component);
            let runner = owner.map(|_| Runner::thread(|| Err(gone())));
            self.checks.push(DeclaredCheck { spec, origin, runner });
            return;
        }
        self.components.push((TypeId::of::<C>(), path.clone()));
        self.within.push(TypeId::of::<C>());
        C::parts(&mut Parts { declared: self, path, group, owner });
        self.within.pop();
    }
}

impl<C: ?Sized + 'static> Parts<'_, C> {
    /// The group of every check declared from here on that names none, also of those in nested components.
    pub fn group(&mut self, group: impl Into<Cow<'static, str>>) -> &mut Self {
        self.group = Some(group.into());
        self
    }

    /// The component is a check itself, under its own name; the name in `spec` is not used.
    pub fn itself(&mut self, spec: impl Into<Spec>) -> &mut Self
    where
        C: HealthCheck,
    {
        let mut spec = spec.into();
        spec.name = Cow::Borrowed("");
        self.check(spec, |this| this)
    }

    /// A field that is a check.
    pub fn check<T: HealthCheck + ?Sized + 'static>(
        &mut self,
        spec: impl Into<Spec>,
        field: impl for<'f> Fn(&'f C) -> &'f T + Send + Sync + 'static,
    ) -> &mut Self {
        let part = self.owner.as_ref().map(|owner| owner.project(move |this| Some(field(this))));
        self.push(spec.into().or_as(T::defaults()), Origin::Component, part.map(ask))
    }

    /// A field that a function checks, for types that are not yours.
    pub fn check_with<T: Sync + ?Sized + 'static>(
        &mut self,
        spec: impl Into<Spec>,
        field: impl for<'f> Fn(&'f C) -> &'f T + Send + Sync + 'static,
        run: for<'f> fn(&'f T) -> BoxedRun<'f>,
    ) -> &mut Self {
        let part = self.owner.as_ref().map(|owner| owner.project(move |this| Some(field(this))));
        let runner = part.map(|part| {
            Runner::task(move || {
                let part = part.clone();
                Box::pin(async move { run(part.lend().ok_or_else(gone)?).await })
            })
        });
        self.push(spec.into(), Origin::Component, runner)
    }

    /// A field that a function checks which may block, on a thread of the engine's own.
    pub fn check_blocking<T: Sync + ?Sized + 'static>(
        &mut self,
        spec: impl Into<Spec>,
        field: impl for<'f> Fn(&'f C) -> &'f T + Send + Sync + 'static,
        run: fn(&T) -> RunResult,
    ) -> &mut Self {
        let part = self.owner.as_ref().map(|owner| owner.project(move |this| Some(field(this))));
        let runner = part.map(|part| Runner::thread(move || run(part.lend().ok_or_else(gone)?)));
        self.push(spec.into(), Origin::Component, runner)
    }

    /// A map of checks that share one declaration: `billing/shards/eu`, `billing/shards/us`.
    pub fn each<M: NamedChecks + 'static>(
        &mut self,
        spec: impl Into<Spec>,
        field: impl for<'f> Fn(&'f C) -> &'f M + Send + Sync + Copy + 'static,
    ) -> &mut Self {
        let spec = spec.into().or_as(M::Check::defaults());
        let Some(owner) = &self.owner else {
            let mut any = spec;
            any.name = format!("{}/*", any.name).into();
            return self.push(any, Origin::Each, None);
        };
        let owner = owner.clone();
        for key in owner.lend().map(|this| field(this).names()).unwrap_or_default() {
            let mut one = spec.clone();
            one.name = format!("{}/{key}", spec.name).into();
            if key.contains('/') {
                one.faults.push(format!(
                    "the key `{}` of `{}` is no name: write one segment",
                    key.escape_debug(),
                    spec.name
                ));
            }
            let part = owner.project(move |this| field(this).named(&key));
            self.push(one, Origin::Each, Some(ask(part)));
        }
        self
    }

    /// A field that is a component, named below this one.
    #[track_caller]
    pub fn component<T: HealthComponent>(
        &mut self,
        name: &str,
        field: impl for<'f> Fn(&'f C) -> &'f T + Send + Sync + 'static,
    ) -> &mut Self {
        let part = self.owner.as_ref().map(|owner| owner.project(move |this| Some(field(this))));
        self.declared.declare::<T>(format!("{}/{name}", self.path), self.group.clone(), part);
        self
    }

    /// Everything is declared by what a wrapper contains, under the wrapper's name.
    pub(super) fn through<T: HealthComponent>(&mut self, content: for<'f> fn(&'f C) -> Option<&'f T>) {
        let part = self.owner.as_ref().map(|owner| owner.project(content));
        if part.as_ref().is_some_and(|part| part.lend().is_none()) {
            return;
        }
        self.declared.declare::<T>(std::mem::take(&mut self.path), self.group.clone(), part);
    }

    fn push(&mut self, mut spec: Spec, origin: Origin, runner: Option<Runner>) -> &mut Self {
        spec.name = match (self.path.as_str(), &*spec.name) {
            (path, "") => path.to_owned().into(),
            (path, name) => format!("{path}/{name}").into(),
        };
        if spec.group.is_none() {
            spec.group.clone_from(&self.group);
        }
        self.declared.checks.push(DeclaredCheck { spec, origin, runner });
        self
    }
}

fn ask<T: HealthCheck + ?Sized + 'static>(part: Part<T>) -> Runner {
    Runner::task(move || {
        let part = part.clone();
        Box::pin(async move { part.lend().ok_or_else(gone)?.check().await })
    })
}

/// Only a field with interior mutability can lose what it had at `build()`.
fn gone() -> Failure {
    Failure::new("what was checked is no longer there")
}

impl<C: ?Sized> fmt::Debug for Parts<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("path", &self.path).finish_non_exhaustive()
    }
}
