//! Checks that misbehave, each in a way that is known, so that every answer about them can be judged.

use std::future::pending;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use health_core::{HealthBuilder, Probe, Scope, Spec, Status};
use tokio::time::sleep;

/// How long what a check said may be used.
pub(crate) const USABLE: Duration = Duration::from_millis(1_500);
/// How long a check that flaps is well, and then unwell.
const SPELL: Duration = Duration::from_secs(2);
const ON_PURPOSE: &str = "on purpose";

/// What a check does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Is well at once, always.
    Steady,
    /// Is well, always, and takes a while to say so.
    Slow,
    /// Never says anything, and times out before the deadline of an answer.
    Hangs,
    /// Never says anything, and times out after it.
    HangsLong,
    /// Returns an error, always.
    Fails,
    /// Is well and unwell by turns; all of this kind together. Only these can turn the whole.
    Flaps,
    /// Panics, always.
    Panics,
    /// Blocks its thread beyond its timeout, always.
    Blocks,
}

impl Kind {
    pub(crate) const ALL: [Self; 8] = [
        Self::Steady,
        Self::Slow,
        Self::Hangs,
        Self::HangsLong,
        Self::Fails,
        Self::Flaps,
        Self::Panics,
        Self::Blocks,
    ];

    fn of(index: usize) -> Self {
        match index % 10 {
            4 => Self::Slow,
            5 if index % 20 == 5 => Self::Hangs,
            5 => Self::HangsLong,
            6 => Self::Fails,
            7 => Self::Flaps,
            8 => Self::Panics,
            9 => Self::Blocks,
            _ => Self::Steady,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::Slow => "slow",
            Self::Hangs => "hangs",
            Self::HangsLong => "hangs-long",
            Self::Fails => "fails",
            Self::Flaps => "flaps",
            Self::Panics => "panics",
            Self::Blocks => "blocks",
        }
    }

    fn is_critical(self) -> bool {
        matches!(self, Self::Steady | Self::Slow | Self::Flaps)
    }
}

/// One check, seen from outside the engine.
pub(crate) struct Actor {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    runs: AtomicU64,
    in_flight: AtomicBool,
    overlaps: AtomicU64,
}

impl Actor {
    /// One of them is what live is about.
    pub(crate) fn is_live(index: usize) -> bool {
        index == 0
    }

    fn begins(self: &Arc<Self>) -> Run {
        self.runs.fetch_add(1, Ordering::Relaxed);
        if self.in_flight.swap(true, Ordering::SeqCst) {
            self.overlaps.fetch_add(1, Ordering::Relaxed);
        }
        Run(Arc::clone(self))
    }
}

/// A run of a check, until it is over, however it ends.
struct Run(Arc<Actor>);

impl Drop for Run {
    fn drop(&mut self) {
        self.0.in_flight.store(false, Ordering::SeqCst);
    }
}

/// All checks, and the truth about them.
pub(crate) struct World {
    pub(crate) began: Instant,
    pub(crate) actors: Vec<Arc<Actor>>,
}

impl World {
    pub(crate) fn new(checks: usize) -> Self {
        let actor = |index| {
            let kind = Kind::of(index);
            Arc::new(Actor {
                // In this order in reports, too.
                name: format!("check-{index:05}/{}", kind.as_str()),
                kind,
                runs: AtomicU64::new(0),
                in_flight: AtomicBool::new(false),
                overlaps: AtomicU64::new(0),
            })
        };
        Self { began: Instant::now(), actors: (0..checks).map(actor).collect() }
    }

    pub(crate) fn declare(&self, mut builder: HealthBuilder) -> HealthBuilder {
        for (index, actor) in self.actors.iter().enumerate() {
            builder = self.declare_one(builder, actor, Actor::is_live(index));
        }
        builder
    }

    fn declare_one(&self, builder: HealthBuilder, actor: &Arc<Actor>, is_live: bool) -> HealthBuilder {
        let began = self.began;
        let mut spec = Spec::named(actor.name.clone())
            .critical(actor.kind.is_critical())
            .scope(Scope::Local)
            .interval("200ms")
            .max_age(USABLE);
        if is_live {
            spec = spec.probe([Probe::Live, Probe::Ready]);
        }
        let actor = Arc::clone(actor);
        match actor.kind {
            Kind::Steady => {
                builder.check_with(spec.cache("500ms"), actor, async |actor| drop(actor.begins()))
            }
            // Older than this again and again, so that pollers wait for it.
            Kind::Slow => builder.check_with(spec.cache("60ms"), actor, |actor| async move {
                let _run = actor.begins();
                sleep(Duration::from_millis(50)).await;
            }),
            Kind::Hangs => builder.check_with(spec.timeout("100ms"), actor, hangs),
            // Until it has been observed once, pollers wait for it until their deadline.
            Kind::HangsLong => {
                builder.check_with(spec.timeout("1s").cache("20s").max_age("25s"), actor, hangs)
            }
            Kind::Fails => builder.check_with(spec.cache("20ms"), actor, |actor| async move {
                let _run = actor.begins();
                Err::<(), _>(ON_PURPOSE)
            }),
            Kind::Flaps => builder.check_with(spec.cache("100ms"), actor, move |actor| async move {
                let _run = actor.begins();
                if is_well(began.elapsed()) { Status::Healthy } else { Status::Unhealthy }
            }),
            Kind::Panics => builder.check_with(spec, actor, |actor| async move {
                let _run = actor.begins();
                panics()
            }),
            Kind::Blocks => builder.check_blocking(spec.timeout("50ms"), move || {
                let _run = actor.begins();
                // Longer than its interval, so that the next run would be due.
                thread::sleep(Duration::from_millis(300));
            }),
        }
    }

    /// What is true of this kind, if it has been so for all of the time that an answer may speak of.
    pub(crate) fn truth(&self, kind: Kind, from: Instant, to: Instant) -> Option<Status> {
        match kind {
            Kind::Steady | Kind::Slow => Some(Status::Healthy),
            Kind::Hangs | Kind::HangsLong | Kind::Fails | Kind::Panics | Kind::Blocks => {
                Some(Status::Unhealthy)
            }
            Kind::Flaps => {
                let [from, to] = [from, to].map(|at| at.saturating_duration_since(self.began));
                let is_one_spell = spell(from) == spell(to);
                is_one_spell.then(|| if is_well(to) { Status::Healthy } else { Status::Unhealthy })
            }
        }
    }

    /// How often a check was begun before its last run was over.
    pub(crate) fn overlaps(&self) -> u64 {
        self.actors.iter().map(|actor| actor.overlaps.load(Ordering::Relaxed)).sum()
    }

    /// How often each check ran, by kind.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (&'static str, Vec<u64>)> {
        Kind::ALL.into_iter().map(|kind| {
            let of_kind = self.actors.iter().filter(move |actor| actor.kind == kind);
            (kind.as_str(), of_kind.map(|actor| actor.runs.load(Ordering::Relaxed)).collect())
        })
    }
}

fn spell(at: Duration) -> u128 {
    at.as_millis() / SPELL.as_millis()
}

fn is_well(at: Duration) -> bool {
    // From the start on, every other one.
    spell(at) % 2 != 1
}

async fn hangs(actor: Arc<Actor>) {
    let _run = actor.begins();
    pending::<()>().await;
}

/// Without the line that the panic hook would print each time.
fn panics() -> Status {
    resume_unwind(Box::new(ON_PURPOSE))
}
