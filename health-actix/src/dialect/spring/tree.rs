//! Checks as a tree, by the slashes in their names.

use std::collections::BTreeMap;

use health_core::{EntryView, Status, View};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::Version;

/// A name, the check that has it if there is one, and what is below it.
pub(super) struct Node<'a> {
    check: Option<EntryView<'a>>,
    below: BTreeMap<&'a str, Node<'a>>,
    /// The worst that anything below it does to the whole.
    weight: Status,
}

impl<'a> Node<'a> {
    fn new() -> Self {
        Self { check: None, below: BTreeMap::new(), weight: Status::Healthy }
    }

    /// The checks of a view whose names are all alike down to this level.
    pub(super) fn of(view: &View<'a>, level: usize) -> Self {
        let mut top = Self::new();
        for check in view.entries() {
            top.insert(check, check.name().split('/').skip(level));
        }
        top
    }

    fn insert(&mut self, check: EntryView<'a>, mut rest: impl Iterator<Item = &'a str>) {
        match rest.next() {
            None => self.check = Some(check),
            Some(segment) => {
                self.weight = self.weight.max(check.contribution());
                self.below.entry(segment).or_insert_with(Self::new).insert(check, rest);
            }
        }
    }

    /// The check's own status, or worse because of what is below it.
    fn status(&self) -> &'static str {
        let own = self.check.map_or(Ok(Status::Healthy), |check| check.status());
        match (own, self.weight) {
            (Ok(Status::Unhealthy), _) | (_, Status::Unhealthy) => "DOWN",
            (Err(_), _) => "UNKNOWN",
            (Ok(Status::Healthy | Status::Degraded), _) => "UP",
        }
    }

    pub(super) fn components(&self, version: Version) -> impl Serialize {
        Components { node: self, version }
    }
}

/// What is below a node, by name.
struct Components<'n, 'a> {
    node: &'n Node<'a>,
    version: Version,
}

impl Serialize for Components<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { node, version } = *self;
        let below = node.below.iter().map(|(name, node)| (name, Written { node, version }));
        serializer.collect_map(below)
    }
}

/// A node in one version of the format.
pub(super) struct Written<'n, 'a> {
    pub(super) node: &'n Node<'a>,
    pub(super) version: Version,
}

impl Serialize for Written<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { node, version } = *self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("status", node.status())?;
        match (version, node.check) {
            (_, Some(check)) if node.below.is_empty() => map.serialize_entry("details", &Details(check))?,
            (Version::V3, Some(check)) => {
                map.serialize_entry("components", &node.components(version))?;
                map.serialize_entry("details", &Details(check))?;
            }
            (Version::V2, Some(_)) => map.serialize_entry("details", &Mixed(node))?,
            (_, None) => map.serialize_entry(version.components(), &node.components(version))?,
        }
        map.end()
    }
}

/// What is told about one check.
struct Details<'a>(EntryView<'a>);

impl Serialize for Details<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.write(&mut map, |_| false)?;
        map.end()
    }
}

impl Details<'_> {
    /// All of them but those whose names are taken.
    fn write<M: SerializeMap>(&self, map: &mut M, is_taken: impl Fn(&str) -> bool) -> Result<(), M::Error> {
        let check = self.0;
        let degraded = check.status() == Ok(Status::Degraded);
        // What the last run said is no word for a status that a threshold still holds.
        let summary = check.summary().filter(|_| check.raw() == check.status());
        let error = check.error();
        let own = [("degraded", degraded), ("summary", summary.is_some()), ("error", error.is_some())];
        if degraded && !is_taken("degraded") {
            map.serialize_entry("degraded", &true)?;
        }
        if let Some(summary) = summary.filter(|_| !is_taken("summary")) {
            map.serialize_entry("summary", &*summary)?;
        }
        if let Some(error) = error.filter(|_| !is_taken("error")) {
            map.serialize_entry("error", error)?;
        }
        for datum in check.data() {
            let name = datum.name();
            if !(own.contains(&(name, true)) || is_taken(name)) {
                map.serialize_entry(name, datum.value())?;
            }
        }
        Ok(())
    }
}

/// What is below a check, among what is told about the check itself.
struct Mixed<'n, 'a>(&'n Node<'a>);

impl Serialize for Mixed<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let node = self.0;
        let mut map = serializer.serialize_map(None)?;
        if let Some(check) = node.check {
            Details(check).write(&mut map, |name| node.below.contains_key(name))?;
        }
        for (name, node) in &node.below {
            map.serialize_entry(name, &Written { node, version: Version::V2 })?;
        }
        map.end()
    }
}
