//! The journal, fed as the engine feeds it.

mod foreign_code;
mod lines;
mod readers;
mod recorder;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::{Journal, News};
use crate::engine::{Evidence, Knowledge, Observation};
use crate::report::{Content, Entry};
use crate::view::Rendered;
use crate::{Ended, Phase, Probe, Report, Spec, Status, Unknown};

/// A journal of these checks; those that begin with "minor" are not critical.
fn journal<const N: usize>(names: [&'static str; N]) -> Arc<Journal> {
    let spec = |name: &'static str| Arc::new(Spec::named(name).critical(!name.starts_with("minor")));
    Arc::new(Journal::new(names.map(spec).into()))
}

pub(super) fn seen(status: Status, summary: &'static str, cause: &str) -> Arc<Observation> {
    let now = Instant::now();
    Arc::new(Observation {
        began: now,
        said: now,
        at: SystemTime::UNIX_EPOCH,
        duration: Duration::from_millis(12),
        ended: Ended::Returned(status),
        status,
        summary: (!summary.is_empty()).then(|| summary.into()),
        cause: (!cause.is_empty()).then(|| cause.into()),
        data: Vec::new(),
        evidence: Evidence::Work,
    })
}

/// A check that flips from one status to another.
fn flip(check: usize, from: Status, to: Status) -> News {
    News::Check { check, from: Ok(from), to: Ok(to), observation: Some(seen(to, "", "")) }
}

fn first(check: usize, to: Status) -> News {
    News::Check { check, from: Err(Unknown::Pending), to: Ok(to), observation: Some(seen(to, "", "")) }
}

/// A report of a probe in which one check stands like this.
pub(super) fn report(probe: Probe, phase: Phase, status: Status, check: (&'static str, Status)) -> Report {
    let (name, contribution) = check;
    let last = Some(seen(contribution, "", ""));
    let entry = Entry {
        spec: Arc::new(Spec::named(name)),
        knowledge: Knowledge { last, since: Some(SystemTime::UNIX_EPOCH), ..Knowledge::default() },
        status: Ok(contribution),
        is_muted: false,
        is_excluded: false,
        contribution,
        because_of: Vec::new(),
    };
    let waiting_for = if phase == Phase::Starting { vec!["gate:migrations".into()] } else { Vec::new() };
    Report::new(Content {
        status,
        probe: Some(probe),
        phase,
        while_starting: None,
        is_held: false,
        waiting_for,
        entries: vec![entry],
        rendered: Rendered::default(),
    })
}

impl Journal {
    fn hears(&self, news: News) {
        self.note(news);
        self.say();
    }
}
