//! The running whole: cells, the tasks that keep them going, and what they add up to.

mod agenda;
mod asking;
mod assess;
mod canary;
mod care;
mod cell;
mod counts;
mod dedicated;
mod entries;
mod ground;
#[cfg(test)]
#[cfg(shuttle)]
mod interleavings;
mod knowledge;
mod lifecycle;
mod log;
mod mute;
mod observation;
mod pace;
mod pulse;
mod queue;
mod record;
mod rhythm;
mod round;
mod run;
mod runners;
mod runtimes;
mod schedule;
mod shared;
mod signal;
mod snapshot;
mod thresholds;
#[cfg(all(feature = "systemd", unix))]
mod told;
mod vigil;
mod weighing;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::Instant;

pub(crate) use asking::{Manner, Subject};
use care::Care;
pub(crate) use cell::{Cell, Saying};
pub use counts::Runs;
pub(crate) use ground::Ground;
pub(crate) use knowledge::{Knowledge, Mute};
pub use observation::Ended;
pub(crate) use observation::{Evidence, Observation};
use queue::Queue;
pub(crate) use runtimes::Runtimes;
use shared::Shared;
use snapshot::Snapshots;
#[cfg(all(feature = "systemd", unix))]
pub(crate) use vigil::{Pace, Tick, Vigil};

use crate::assembly::Plan;
use crate::sync::atomic::{AtomicBool, AtomicUsize};
use crate::sync::{Mutex, PoisonError};
use crate::watch::{Journal, Observer};
use crate::work::AllWork;
use crate::{Phase, Report};

/// What is usable until an instant has expired a moment after it.
const A_MOMENT: Duration = Duration::from_millis(1);

/// What stops with the last [`Health`](crate::Health). Nothing else holds it for longer than a moment.
pub(crate) struct Engine {
    pub(crate) plan: Plan,
    cells: Vec<Arc<Cell>>,
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    /// Held for the vigil, which forgets it with the engine.
    _care: Arc<Care>,
    snapshots: Snapshots,
    pub(crate) work: AllWork,
    started: Instant,
    draining: AtomicBool,
    /// The startup report at the moment it passed, for the life of the process.
    startup: OnceLock<Report>,
    /// What was last said in the log.
    seen: Mutex<lifecycle::Seen>,
    /// How many pollers are waiting for runs.
    rounds: AtomicUsize,
    tasks: Mutex<Vec<AbortHandle>>,
    #[cfg(all(feature = "systemd", unix))]
    notifier: OnceLock<Arc<crate::systemd::Notifier>>,
}

impl Engine {
    /// Starts the engine on the given ground.
    pub(crate) fn start(plan: Plan, observers: Vec<Observer>, ground: Ground) -> Arc<Self> {
        let handle = ground.handle().clone();
        let _entered = handle.enter();
        let vigil = Arc::clone(ground.vigil());
        let shared = Arc::new(Shared {
            signal: signal::Signal::default(),
            agenda: agenda::Agenda::of(plan.checks.len()),
            journal: Arc::new(Journal::new(
                plan.checks.iter().map(|check| Arc::clone(&check.spec)).collect(),
            )),
            vigil,
        });
        let cell = |(index, check)| Arc::new(Cell::new(Arc::clone(check), index, Arc::clone(&shared)));
        let cells: Vec<_> = (0..).zip(&plan.checks).map(cell).collect();
        let queue = Queue::new(ground, plan.max_runs);
        let runtimes = plan.heartbeat.clone();
        let engine = Arc::new(Self {
            _care: Care::take(&cells, &queue, runtimes),
            queue,
            plan,
            cells,
            shared,
            snapshots: Snapshots::default(),
            work: AllWork::default(),
            started: Instant::now(),
            draining: AtomicBool::new(false),
            startup: OnceLock::new(),
            seen: Mutex::default(),
            rounds: AtomicUsize::new(0),
            tasks: Mutex::default(),
            #[cfg(all(feature = "systemd", unix))]
            notifier: OnceLock::new(),
        });
        for gate in &engine.plan.gates {
            gate.listen(Arc::downgrade(&engine));
        }
        for (reporter, check) in &engine.plan.reporters {
            if let Some(cell) = engine.cells.get(*check) {
                reporter.reports_to(cell);
            }
        }
        for observer in observers {
            if let Err(refused) = engine.shared.journal.observe(observer) {
                tracing::error!(target: "health", error = %refused, "no thread could be started for an observer");
            }
        }
        engine.first_look();
        log::started(&engine);
        #[cfg(all(feature = "systemd", unix))]
        engine.begin_telling_systemd();
        for cell in &engine.cells {
            cell.is_scheduled(engine.started);
        }
        let all: Vec<_> = (0..engine.cells.len()).collect();
        engine.begin(&all);
        let mut tasks = vec![
            handle.spawn(lifecycle::watch(Arc::downgrade(&engine))).abort_handle(),
            handle.spawn(schedule::keep(Arc::downgrade(&engine))).abort_handle(),
        ];
        if !engine.startup_has_passed() {
            tasks.push(handle.spawn(lifecycle::pass_startup(Arc::downgrade(&engine))).abort_handle());
        }
        *engine.tasks.lock().unwrap_or_else(PoisonError::into_inner) = tasks;
        engine
    }

    pub(crate) fn phase(&self) -> Phase {
        if self.is_draining() {
            Phase::Draining
        } else if self.has_come_up() {
            Phase::Running
        } else {
            Phase::Starting
        }
    }

    pub(crate) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) fn cell(&self, check: usize) -> Option<&Arc<Cell>> {
        self.cells.get(check)
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.shared.journal
    }

    /// How many runs were queued for longer than their timeout.
    pub(crate) fn queued_too_long(&self) -> u64 {
        self.shared.signal.count_queued_too_long()
    }

    /// Has the heartbeat watch the runtime this is called in, if there is a heartbeat.
    pub(crate) fn watch_runtime(&self, name: String) {
        if let (Some(heartbeat), Ok(handle)) = (&self.plan.heartbeat, Handle::try_current()) {
            heartbeat.runtimes.watch(name, handle, std::time::Instant::now());
        }
    }

    fn startup_has_passed(&self) -> bool {
        self.startup.get().is_some()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.shared.signal.stop();
        for task in self.tasks.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            task.abort();
        }
        self.queue.close();
        for cell in &self.cells {
            cell.abort();
        }
        self.queue.ground().stop();
        // A run that never ends keeps its cell, but no thread that watches it.
        self.shared.vigil.end();
        self.shared.journal.close();
    }
}
