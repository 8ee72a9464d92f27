//! The members of a group, or of none, and what they come to.

use std::collections::BTreeMap;

use health_core::{EntryView, Probe, Question, Status, Unknown};

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

    /// What the members come to after the policy of the group, whether or not that makes anything of the whole.
    pub(super) fn status(&self, scene: &Scene<'_>, name: Option<&str>) -> Result<Status, Unknown> {
        let wrong = self.members().filter(|entry| scene.is_wrong(entry));
        let wrong: BTreeMap<_, _> = wrong.map(|entry| (entry.name(), entry)).collect();
        if wrong.is_empty() {
            // Unknown as they may be: what is not wrong is well, or nobody has asked.
            let is_known = self.members().any(|entry| entry.status().is_ok());
            return if is_known { Ok(Status::Healthy) } else { Err(Unknown::Pending) };
        }
        let of_the_whole = Status::worst(self.members().map(EntryView::contribution));
        let weighs = |entry: &EntryView<'_>| entry.probes().iter().any(|probe| probe != Probe::Startup);
        // What live and ready make of it need not be asked a second time.
        let is_told = wrong.values().all(|entry| weighs(entry));
        let Some(name) = name.filter(|_| !is_told) else { return Ok(of_the_whole) };
        let Some(report) = scene.health.look(Question::Group(name)) else { return Ok(of_the_whole) };
        let view = report.view(scene.exposure);
        // Asked about by itself, a group takes also what nobody waits for to be missing.
        let weighing = view.entries().filter(|entry| wrong.contains_key(entry.name()));
        Ok(of_the_whole.max(Status::worst(weighing.map(|entry| entry.contribution()))))
    }
}
