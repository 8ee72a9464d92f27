//! The running whole: cells, the tasks that keep them going, and what they add up to.

mod assess;
mod cell;
mod lifecycle;
mod log;
mod observation;
mod round;
mod run;
mod signal;

use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::Instant;

pub(crate) use assess::Subject;
use cell::Cell;
pub(crate) use cell::Knowledge;
pub use observation::Ended;
use signal::Signal;

use crate::assembly::Plan;
use crate::{Phase, Report};

/// How long an observation may be used.
const MAX_AGE: Duration = Duration::from_secs(30);

/// What stops with the last [`Health`](crate::Health). Nothing else holds it for longer than a moment.
pub(crate) struct Engine {
    pub(crate) plan: Plan,
    cells: Vec<Arc<Cell>>,
    handle: Handle,
    started: Instant,
    draining: AtomicBool,
    /// The startup report at the moment it passed, for the life of the process.
    startup: OnceLock<Report>,
    /// What was last said in the log.
    seen: Mutex<lifecycle::Seen>,
    changed: Arc<Signal>,
    /// How many pollers are waiting for runs.
    rounds: AtomicUsize,
    tasks: Mutex<Vec<AbortHandle>>,
}

impl Engine {
    /// Starts the engine on the given runtime.
    pub(crate) fn start(plan: Plan, handle: Handle) -> Arc<Self> {
        let changed = Arc::new(Signal::default());
        let cells = plan
            .checks
            .iter()
            .map(|check| Arc::new(Cell::new(Arc::clone(check), Arc::clone(&changed))))
            .collect();
        let engine = Arc::new(Self {
            plan,
            cells,
            handle,
            started: Instant::now(),
            draining: AtomicBool::new(false),
            startup: OnceLock::new(),
            seen: Mutex::default(),
            changed,
            rounds: AtomicUsize::new(0),
            tasks: Mutex::default(),
        });
        for gate in &engine.plan.gates {
            gate.listen(Arc::downgrade(&engine));
        }
        engine.first_look();
        log::started(&engine);
        let mut tasks = vec![engine.handle.spawn(lifecycle::watch(Arc::downgrade(&engine))).abort_handle()];
        if !engine.startup_has_passed() {
            tasks.push(engine.handle.spawn(lifecycle::pass_startup(Arc::downgrade(&engine))).abort_handle());
        }
        *engine.tasks.lock().unwrap_or_else(PoisonError::into_inner) = tasks;
        engine
    }

    pub(crate) fn phase(&self) -> Phase {
        if self.is_draining() {
            Phase::Draining
        } else if self.startup_has_passed() && self.plan.gates.iter().all(|gate| gate.is_open()) {
            Phase::Running
        } else {
            Phase::Starting
        }
    }

    fn startup_has_passed(&self) -> bool {
        self.startup.get().is_some()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.changed.stop();
        for task in self.tasks.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            task.abort();
        }
        for cell in &self.cells {
            cell.abort();
        }
    }
}
