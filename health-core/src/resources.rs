//! Values of the application that checks borrow, keyed by their type, and the binder that lends them.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::sync::Arc;

use crate::Location;

/// Type-keyed values. `R` is kept as `Arc<R>`, so that lending `&R` is a reference count.
#[derive(Default)]
pub(crate) struct Resources {
    by_type: HashMap<TypeId, Resource>,
    /// Every value that came second for its type, with the place of both.
    pub(crate) doubled: Vec<Doubled>,
}

struct Resource {
    /// An `Arc<R>`.
    value: Box<dyn Any + Send + Sync>,
    location: Location,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Doubled {
    pub(crate) type_name: &'static str,
    pub(crate) first: Location,
    pub(crate) second: Location,
}

impl Resources {
    pub(crate) fn insert<R: Send + Sync + 'static>(&mut self, value: R, location: Location) {
        let resource = Resource { value: Box::new(Arc::new(value)), location };
        if let Some(first) = self.by_type.get(&TypeId::of::<R>()) {
            let doubled = Doubled { type_name: type_name::<R>(), first: first.location, second: location };
            self.doubled.push(doubled);
        } else {
            self.by_type.insert(TypeId::of::<R>(), resource);
        }
    }

    /// `T` as it was handed in, else the content of an `Arc<T>` that was.
    fn find<T: ?Sized + Send + Sync + 'static>(&self) -> Found<T> {
        let bare = self.by_type.get(&TypeId::of::<T>());
        let shared = self.by_type.get(&TypeId::of::<Arc<T>>());
        match (bare, shared) {
            (Some(bare), Some(shared)) => Found::Twice(bare.location, shared.location),
            (Some(bare), None) => {
                bare.value.downcast_ref::<Arc<T>>().map_or(Found::Nothing, |it| Found::Once(Arc::clone(it)))
            }
            (None, Some(shared)) => {
                let nested = shared.value.downcast_ref::<Arc<Arc<T>>>();
                nested.map_or(Found::Nothing, |it| Found::Once(Arc::clone(it.as_ref())))
            }
            (None, None) => Found::Nothing,
        }
    }
}

enum Found<T: ?Sized> {
    Once(Arc<T>),
    Twice(Location, Location),
    Nothing,
}

/// Lends resources to the checks of one assembly, noting what is missing.
pub struct Binder<'a> {
    resources: &'a Resources,
    missing: Vec<Missing>,
    doubled: Vec<Doubled>,
}

/// A parameter for which nothing was handed in.
#[derive(Debug, Clone)]
pub(crate) struct Missing {
    pub(crate) parameter: &'static str,
    pub(crate) type_name: &'static str,
}

impl<'a> Binder<'a> {
    pub(crate) fn new(resources: &'a Resources) -> Self {
        Self { resources, missing: Vec::new(), doubled: Vec::new() }
    }

    /// Lends the resource of type `T` to the parameter of this name; `None` when there is none, which is noted.
    pub fn lend<T: ?Sized + Send + Sync + 'static>(&mut self, parameter: &'static str) -> Option<Arc<T>> {
        match self.resources.find::<T>() {
            Found::Once(value) => return Some(value),
            Found::Twice(first, second) => {
                self.doubled.push(Doubled { type_name: type_name::<T>(), first, second });
            }
            Found::Nothing => self.missing.push(Missing { parameter, type_name: type_name::<T>() }),
        }
        None
    }

    /// What was missing or ambiguous since the last call.
    pub(crate) fn take_faults(&mut self) -> (Vec<Missing>, Vec<Doubled>) {
        (std::mem::take(&mut self.missing), std::mem::take(&mut self.doubled))
    }
}

impl std::fmt::Debug for Binder<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Binder").field("missing", &self.missing).finish_non_exhaustive()
    }
}
