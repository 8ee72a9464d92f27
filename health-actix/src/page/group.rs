//! The members of a group, or of none, and what they come to.

use std::collections::BTreeMap;

use health_core::{EntryView, Status};

use super::scene::{Scene, is_well};

#[derive(Default)]
pub(super) struct Group<'a> {
    pub(super) listed: Vec<EntryView<'a>>,
    omitted: Vec<EntryView<'a>>,
}

impl<'a> Group<'a> {
    /// By name, those of which something is listed.
    pub(super) fn all(scene: &Scene<'a>) -> BTreeMap<Option<&'a str>, Self> {
        let (listed, omitted) = scene.listed();
        let mut groups: BTreeMap<_, Self> = BTreeMap::new();
        for entry in listed {
            groups.entry(entry.group()).or_default().listed.push(*entry);
        }
        for entry in omitted {
            if let Some(group) = groups.get_mut(&entry.group()) {
                group.omitted.push(*entry);
            }
        }
        groups
    }

    pub(super) fn size(&self) -> usize {
        self.listed.len() + self.omitted.len()
    }

    pub(super) fn well(&self) -> usize {
        self.members().filter(|entry| is_well(entry)).count()
    }

    fn members(&self) -> impl Iterator<Item = &EntryView<'a>> {
        self.listed.iter().chain(&self.omitted)
    }

    /// Whether there is nothing left to judge.
    pub(super) fn is_over(&self, scene: &Scene<'_>) -> bool {
        self.members().all(|entry| scene.is_over(entry))
    }

    /// What the members make of the whole, after the policy of the group.
    pub(super) fn status(&self) -> Status {
        Status::worst(self.members().map(EntryView::contribution))
    }
}
