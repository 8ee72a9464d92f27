//! Maps of checks that share one declaration.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};

use crate::HealthCheck;

/// Several checks of one kind, each under a name of its own: what `#[health(each)]` accepts.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no map of named health checks",
    label = "`each` needs a `BTreeMap` or `HashMap` from names to values that implement `HealthCheck`"
)]
pub trait NamedChecks {
    /// What every name stands for.
    type Check: HealthCheck + 'static;

    /// The names, read once at `build()`.
    fn names(&self) -> Vec<String>;

    /// The check of that name.
    fn named(&self, name: &str) -> Option<&Self::Check>;
}

impl<K: Borrow<str> + Ord, C: HealthCheck + 'static> NamedChecks for BTreeMap<K, C> {
    type Check = C;

    fn names(&self) -> Vec<String> {
        self.keys().map(|key| key.borrow().to_owned()).collect()
    }

    fn named(&self, name: &str) -> Option<&C> {
        self.get(name)
    }
}

impl<K, C, S> NamedChecks for HashMap<K, C, S>
where
    K: Borrow<str> + Eq + Hash,
    C: HealthCheck + 'static,
    S: BuildHasher,
{
    type Check = C;

    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.keys().map(|key| key.borrow().to_owned()).collect();
        names.sort_unstable();
        names
    }

    fn named(&self, name: &str) -> Option<&C> {
        self.get(name)
    }
}
