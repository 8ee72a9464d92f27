//! What there is to show, put in order once.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use health_core::{EntryView, Exposure, Health, Phase, Probe, Question, Report, Status, Unknown, View};

/// How many checks are listed: causes before what is due to them, and that before what is well.
const MOST_LISTED: usize = 1_000;

/// How everything stands, without anybody having been asked.
pub(super) struct Reports {
    overview: Report,
    probes: Vec<(Probe, Report)>,
}

impl Reports {
    pub(super) fn look(health: &Health) -> Option<Self> {
        let of_probe = |probe| Some((probe, health.look(Question::Probe(probe))?));
        let overview = health.look(Question::Overview)?;
        Some(Self { overview, probes: Probe::ALL.into_iter().filter_map(of_probe).collect() })
    }
}

/// What of it a caller may see.
pub(super) struct Scene<'a> {
    pub(super) health: &'a Health,
    pub(super) now: SystemTime,
    pub(super) exposure: Exposure,
    pub(super) phase: Phase,
    pub(super) status: Status,
    pub(super) waiting_for: &'a [String],
    pub(super) probes: Vec<(Probe, View<'a>)>,
    /// Not healthy first, then by name; of more than are listed, causes before that.
    pub(super) entries: Vec<EntryView<'a>>,
    /// By what is wrong and due to nothing else.
    pub(super) effects: BTreeMap<&'a str, Vec<&'a str>>,
    /// All that is due to something else.
    due: BTreeSet<&'a str>,
    startup_waits: bool,
}

impl<'a> Scene<'a> {
    pub(super) fn of(health: &'a Health, reports: &'a Reports, exposure: Exposure) -> Self {
        let overview = reports.overview.view(exposure);
        let mut scene = Self {
            health,
            now: SystemTime::now(),
            exposure,
            phase: overview.phase(),
            status: overview.status(),
            waiting_for: overview.waiting_for(),
            probes: reports.probes.iter().map(|(probe, report)| (*probe, report.view(exposure))).collect(),
            entries: overview.entries().collect(),
            effects: BTreeMap::new(),
            due: BTreeSet::new(),
            startup_waits: overview.while_starting().is_some(),
        };
        let wrong: Vec<_> = scene.entries.iter().filter(|entry| scene.is_wrong(entry)).copied().collect();
        for entry in wrong {
            for cause in entry.because_of() {
                scene.effects.entry(cause).or_default().push(entry.name());
                scene.due.insert(entry.name());
            }
        }
        if scene.entries.len() > MOST_LISTED {
            let mut entries = std::mem::take(&mut scene.entries);
            entries.sort_by_key(|entry| (!scene.is_wrong(entry), is_well(entry), scene.is_due(entry.name())));
            scene.entries = entries;
        }
        scene
    }

    /// Those that are listed, and those there is no room for.
    pub(super) fn listed(&self) -> (&[EntryView<'a>], &[EntryView<'a>]) {
        self.entries.split_at_checked(MOST_LISTED).unwrap_or((&self.entries, &[]))
    }

    /// Whether somebody should look at it. That nothing is known of a check that weighs nothing now, as of one that is
    /// only run when asked, is no news; and what only startup asked for is over once that has passed, unless something
    /// fails because of it.
    pub(super) fn is_wrong(&self, entry: &EntryView<'_>) -> bool {
        let is_over = self.is_over(entry) && !self.is_root_cause(entry.name());
        !is_over && entry.status().map_or(!entry.contribution().is_healthy(), |status| !status.is_healthy())
    }

    /// Whether it weighed in nothing but startup, and that has passed.
    pub(super) fn is_over(&self, entry: &EntryView<'_>) -> bool {
        !self.startup_waits && entry.probes().iter().eq([Probe::Startup])
    }

    /// Whether something else explains it.
    pub(super) fn is_due(&self, name: &str) -> bool {
        self.due.contains(name)
    }

    /// What is wrong and due to nothing else that is known to be: what weighs most first, then what explains most.
    pub(super) fn causes(&self) -> Vec<EntryView<'a>> {
        let is_cause =
            |entry: &&EntryView<'_>| self.is_wrong(entry) && !is_pending(entry) && !self.is_due(entry.name());
        let mut causes: Vec<_> = self.entries.iter().filter(is_cause).copied().collect();
        causes.sort_by_key(|entry| {
            let explains = self.effects.get(entry.name()).map_or(0, Vec::len);
            Reverse((entry.contribution(), explains, entry.status().ok()))
        });
        causes
    }

    /// The checks of which nothing is known yet, and which hold something up.
    pub(super) fn pending(&self) -> impl Iterator<Item = EntryView<'a>> {
        self.entries.iter().filter(|entry| self.is_wrong(entry) && is_pending(entry)).copied()
    }

    /// What some checks fail because of, as a word behind the names of others.
    pub(super) fn blamed(&self, named: &[&str], due: &[&str]) -> &'static str {
        let (names, due): (BTreeSet<_>, BTreeSet<_>) = (named.iter().collect(), due.iter().collect());
        let blamed = self.effects.iter().filter(|(_, effects)| effects.iter().any(|name| due.contains(name)));
        match (blamed.map(|(cause, _)| cause).all(|cause| names.contains(cause)), named) {
            (true, [_]) => "it",
            (true, _) => "them",
            (false, _) => "something else",
        }
    }

    /// Whether other checks fail because of this one.
    pub(super) fn is_root_cause(&self, name: &str) -> bool {
        self.effects.contains_key(name)
    }
}

pub(super) fn is_well(entry: &EntryView<'_>) -> bool {
    entry.status() == Ok(Status::Healthy)
}

fn is_pending(entry: &EntryView<'_>) -> bool {
    entry.status() == Err(Unknown::Pending)
}
