//! What there is to show, put in order once.

use std::collections::BTreeMap;
use std::time::SystemTime;

use health_core::{EntryView, Exposure, Health, Phase, Probe, Question, Report, Status, Unknown, View};

/// How many checks are listed. Those that are not healthy come first, so what is left out is well.
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
    /// Not healthy first, then by name.
    pub(super) entries: Vec<EntryView<'a>>,
    pub(super) omitted: usize,
    /// By what is wrong and due to nothing else.
    pub(super) effects: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Scene<'a> {
    pub(super) fn of(health: &'a Health, reports: &'a Reports, exposure: Exposure) -> Self {
        let overview = reports.overview.view(exposure);
        let mut entries: Vec<_> = overview.entries().collect();
        let omitted = entries.len().saturating_sub(MOST_LISTED);
        entries.truncate(MOST_LISTED);
        let mut effects: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for entry in entries.iter().filter(|entry| is_wrong(entry)) {
            for cause in entry.because_of() {
                effects.entry(cause).or_default().push(entry.name());
            }
        }
        Self {
            health,
            now: SystemTime::now(),
            exposure,
            phase: overview.phase(),
            status: overview.status(),
            waiting_for: overview.waiting_for(),
            probes: reports.probes.iter().map(|(probe, report)| (*probe, report.view(exposure))).collect(),
            entries,
            omitted,
            effects,
        }
    }

    /// What is wrong and due to nothing else that is known to be: what weighs most first, then what explains most.
    pub(super) fn causes(&self) -> Vec<EntryView<'a>> {
        let is_cause = |entry: &&EntryView<'_>| {
            is_wrong(entry) && !is_pending(entry) && entry.because_of().next().is_none()
        };
        let mut causes: Vec<_> = self.entries.iter().filter(is_cause).copied().collect();
        causes.sort_by_key(|entry| {
            let explains = self.effects.get(entry.name()).map_or(0, Vec::len);
            std::cmp::Reverse((entry.contribution(), explains, entry.status().ok()))
        });
        causes
    }

    /// The checks of which nothing is known yet, and which hold something up.
    pub(super) fn pending(&self) -> impl Iterator<Item = EntryView<'a>> {
        self.entries.iter().filter(|entry| is_wrong(entry) && is_pending(entry)).copied()
    }

    /// What some checks fail because of, as a word behind the names of others.
    pub(super) fn blamed(&self, named: &[&str], due: &[&str]) -> &'static str {
        let concerns = |effects: &[&str]| effects.iter().any(|effect| due.contains(effect));
        let blamed = self.effects.iter().filter(|(_, effects)| concerns(effects));
        match (blamed.map(|(cause, _)| cause).all(|cause| named.contains(cause)), named) {
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

/// Whether somebody should look at it. That nothing is known of a check that weighs nothing now, as of one that is only
/// run when asked, is no news.
pub(super) fn is_wrong(entry: &EntryView<'_>) -> bool {
    match entry.status() {
        Ok(status) => !status.is_healthy(),
        Err(_) => !entry.contribution().is_healthy(),
    }
}

fn is_pending(entry: &EntryView<'_>) -> bool {
    entry.status() == Err(Unknown::Pending)
}
