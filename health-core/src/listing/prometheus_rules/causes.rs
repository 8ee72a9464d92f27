//! Which checks fail because of which, as far as the declarations tell.

use std::collections::{BTreeMap, BTreeSet};

use crate::Declaration;

/// What is declared, by name.
struct Known<'a> {
    dependencies: BTreeMap<&'a str, BTreeSet<&'a str>>,
    disabled: BTreeSet<&'a str>,
}

impl<'a> Known<'a> {
    fn new(declarations: &'a [Declaration]) -> Self {
        let mut dependencies: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for check in declarations.iter().filter(|check| check.is_enabled()) {
            dependencies.entry(check.name()).or_default().extend(check.depends_on());
        }
        let disabled = declarations.iter().map(Declaration::name);
        let disabled = disabled.filter(|name| !dependencies.contains_key(name)).collect();
        Self { dependencies, disabled }
    }

    /// What a check of this name depends on directly; for a name that only a map of checks can have, what that map does.
    /// Nothing for a name that is not declared.
    fn dependencies_of(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let map = || self.dependencies.get(format!("{}/*", name.rsplit_once('/')?.0).as_str());
        let found = self.dependencies.get(name).or_else(map);
        found.into_iter().flatten().copied().filter(|name| !self.disabled.contains(name))
    }

    /// Everything that a check of this name depends on, directly or not. That can be itself: only `build()` refuses a
    /// circle.
    fn causes_of(&self, name: &str) -> BTreeSet<&'a str> {
        let mut found = BTreeSet::new();
        let mut open: Vec<_> = self.dependencies_of(name).collect();
        while let Some(next) = open.pop() {
            if found.insert(next) {
                open.extend(self.dependencies_of(next));
            }
        }
        found
    }
}

/// For each name that something depends on, the declared names of everything that does, directly or not.
///
/// Between checks that depend on each other in a circle nothing is a cause, so that none of them silences another that
/// silences it.
pub(super) fn effects(declarations: &[Declaration]) -> BTreeMap<&str, BTreeSet<&str>> {
    let known = Known::new(declarations);
    let mut effects: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for effect in known.dependencies.keys().copied() {
        for cause in known.causes_of(effect) {
            effects.entry(cause).or_default().insert(effect);
        }
    }
    for (cause, effects) in &mut effects {
        let behind = known.causes_of(cause);
        effects.retain(|effect| {
            let is_map = effect.ends_with("/*");
            let covers = |name: &&str| effect == name || (is_map && is_in(effect, name));
            let depends = behind.contains(effect) || (is_map && behind.iter().any(covers));
            !covers(cause) && !depends
        });
    }
    effects.retain(|_, effects| !effects.is_empty());
    effects
}

/// Whether a check of this name is one of that map of checks.
fn is_in(map: &str, name: &str) -> bool {
    let parent = name.rsplit_once('/').map(|(parent, _)| parent);
    parent.is_some() && parent == map.strip_suffix("/*")
}
