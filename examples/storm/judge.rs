//! Judges every answer by what is known to be true. An answer is wrong if
//!
//! - it came later than the deadline and 50 ms, not counting what the machine itself lost meanwhile,
//! - it does not list exactly the checks that were asked about,
//! - the whole is not what its entries make of it,
//! - the whole is not unhealthy though a critical check has been so for longer than an observation may be used, or is
//!   unhealthy though every critical check has been well for as long,
//! - an entry says otherwise than has been true for as long, or, once everything must have been observed, that nothing
//!   is known about a check that is always well.
//!
//! And once for every run that began before the last one of its check was over.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use health_core::{DEFAULT_DEADLINE, Entry, Health, Probe, Report, Status};

use crate::checks::{Actor, Kind, USABLE, World};
use crate::times::Times;

/// How much later than its deadline an answer may come.
const GRACE: Duration = Duration::from_millis(50);
const SHOWN: usize = 10;

/// What pollers ask about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Ready,
    Live,
    Whole,
}

impl Asked {
    pub(crate) const ALL: [Self; 3] = [Self::Ready, Self::Live, Self::Whole];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Live => "live",
            Self::Whole => "whole",
        }
    }

    pub(crate) async fn of(self, health: &Health) -> Report {
        match self {
            Self::Ready => health.report(Probe::Ready).await,
            Self::Live => health.report(Probe::Live).await,
            Self::Whole => health.overview().await,
        }
    }
}

/// What one poller, or all of them, found.
#[derive(Default)]
pub(crate) struct Findings {
    /// For everything that is asked about, in its order.
    pub(crate) times: [Times; 3],
    pub(crate) wrong: u64,
    /// The first of what was wrong.
    pub(crate) examples: Vec<String>,
}

impl Findings {
    pub(crate) fn add(&mut self, other: &Self) {
        for (mine, others) in self.times.iter_mut().zip(&other.times) {
            mine.add(others);
        }
        self.wrong += other.wrong;
        let room = SHOWN.saturating_sub(self.examples.len());
        self.examples.extend(other.examples.iter().take(room).cloned());
    }

    pub(crate) fn all(&self) -> Times {
        let mut all = Times::default();
        self.times.iter().for_each(|times| all.add(times));
        all
    }

    pub(crate) fn overlaps(&mut self, overlaps: u64) {
        if overlaps > 0 {
            self.wrong += overlaps;
            self.examples.push(format!("{overlaps} runs began before the last one was over"));
        }
    }

    fn objects(&mut self, asked: Asked, objection: &str) {
        self.wrong += 1;
        if self.examples.len() < SHOWN {
            self.examples.push(format!("{}: {objection}", asked.as_str()));
        }
    }
}

/// The moment before a question.
pub(crate) struct Before {
    at: Instant,
    lost: Duration,
}

/// Knows the truth.
pub(crate) struct Judge {
    world: Arc<World>,
    /// How much time the machine has lost so far, in nanoseconds: by how much naps were longer than they should be.
    lost: Arc<AtomicU64>,
}

impl Judge {
    pub(crate) fn new(world: Arc<World>) -> Self {
        let lost = Arc::new(AtomicU64::new(0));
        let kept = Arc::downgrade(&lost);
        thread::spawn(move || {
            const NAP: Duration = Duration::from_millis(5);
            const USUAL: Duration = Duration::from_millis(2);
            let mut began = Instant::now();
            while let Some(lost) = kept.upgrade() {
                thread::sleep(NAP);
                let now = Instant::now();
                let over = now.saturating_duration_since(began).saturating_sub(NAP);
                if over > USUAL {
                    lost.fetch_add(u64::try_from(over.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
                }
                began = now;
            }
        });
        Self { world, lost }
    }

    pub(crate) fn before(&self) -> Before {
        Before { at: Instant::now(), lost: self.lost() }
    }

    fn lost(&self) -> Duration {
        Duration::from_nanos(self.lost.load(Ordering::Relaxed))
    }

    /// Hears an answer, and keeps what there is to object.
    pub(crate) fn hear(&self, asked: Asked, before: &Before, report: &Report, findings: &mut Findings) {
        let now = Instant::now();
        let took = now.saturating_duration_since(before.at);
        for (known, times) in Asked::ALL.iter().zip(&mut findings.times) {
            if *known == asked {
                times.push(took);
            }
        }
        let lost = self.lost().saturating_sub(before.lost);
        if took > DEFAULT_DEADLINE + GRACE + lost {
            findings.objects(asked, &format!("answered after {took:?}, of which the machine lost {lost:?}"));
        }
        // The oldest thing the answer may speak of.
        let from = before.at.checked_sub(USABLE + GRACE + lost).unwrap_or(self.world.began);
        if let Some(objection) = self.objection_to_whole(asked, report, from, now) {
            findings.objects(asked, &objection);
        }
        if let Some(objection) = self.objection_to_entries(asked, report, from, now) {
            findings.objects(asked, &objection);
        }
    }

    fn objection_to_whole(
        &self,
        asked: Asked,
        report: &Report,
        from: Instant,
        to: Instant,
    ) -> Option<String> {
        let status = report.status();
        let of_entries = report.entries().iter().map(Entry::contribution).max().unwrap_or(Status::Healthy);
        if status != of_entries {
            return Some(format!("{status}, and its entries come to {of_entries}"));
        }
        let mut truths = Vec::new();
        for (index, actor) in self.world.actors.iter().enumerate() {
            let is_in = asked != Asked::Live || Actor::is_live(index);
            if is_in && matches!(actor.kind, Kind::Steady | Kind::Slow | Kind::Flaps) {
                truths.push(self.world.truth(actor.kind, from, to));
            }
        }
        let must_be_red = truths.contains(&Some(Status::Unhealthy));
        let may_be_red = !truths.iter().all(|truth| *truth == Some(Status::Healthy));
        let is_red = status == Status::Unhealthy;
        let is_starting = from < self.world.began && asked != Asked::Live;
        if must_be_red && !is_red {
            Some(format!("{status}, and a critical check is not well"))
        } else if is_red && !may_be_red && !is_starting {
            let failing: Vec<_> = report.failing().take(3).collect();
            Some(format!("unhealthy because of {}, and all critical checks are well", failing.join(", ")))
        } else {
            None
        }
    }

    fn objection_to_entries(
        &self,
        asked: Asked,
        report: &Report,
        from: Instant,
        to: Instant,
    ) -> Option<String> {
        let is_starting = from < self.world.began;
        let expected = if asked == Asked::Live { 1 } else { self.world.actors.len() };
        if report.entries().len() != expected {
            return Some(format!("{} entries in place of {expected}", report.entries().len()));
        }
        report.entries().iter().find_map(|entry| {
            let index = entry.name().get("check-".len()..)?.split('/').next()?.parse::<usize>().ok()?;
            let Some(actor) = self.world.actors.get(index).filter(|actor| actor.name == entry.name()) else {
                return Some(format!("{} does not exist", entry.name()));
            };
            let truth = self.world.truth(actor.kind, from, to)?;
            let is_true = match entry.status() {
                Ok(status) => status == truth,
                // Not to know is no lie about what is not well.
                Err(_) => is_starting || truth == Status::Unhealthy,
            };
            (!is_true).then(|| format!("{} is said to be {:?}", entry.name(), entry.status()))
        })
    }
}
