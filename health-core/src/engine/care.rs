//! What the vigil looks after for one engine: runs that cannot notice their own timeout, lanes that are stuck, and the
//! runtimes of the heartbeat.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::cell::{Cell, Saying};
use super::observation::{Evidence, Observation};
use super::queue::Queue;
use super::vigil::{Pace, Tick};
use crate::assembly::Pulse;

/// How often the runs in flight are looked at.
const PERIOD: Duration = Duration::from_millis(95);

pub(super) struct Care {
    cells: Vec<Arc<Cell>>,
    queue: Arc<Queue>,
    heartbeat: Option<Pulse>,
    began: Instant,
    /// When the runs in flight were last looked at, in milliseconds since it began.
    looked: AtomicU64,
}

impl Care {
    /// Begins to care; it ends when this is dropped.
    pub(super) fn take(cells: &[Arc<Cell>], queue: &Arc<Queue>, heartbeat: Option<Pulse>) -> Arc<Self> {
        let care = Arc::new(Self {
            cells: cells.to_vec(),
            queue: Arc::clone(queue),
            heartbeat,
            began: Instant::now(),
            looked: AtomicU64::new(0),
        });
        let vigil = queue.ground().vigil();
        let attended: Weak<Self> = Arc::downgrade(&care);
        vigil.attend(attended);
        if let Some(heartbeat) = &care.heartbeat {
            heartbeat.runtimes.watch("of the engine", queue.ground().handle().clone(), care.began);
            vigil.arm();
        }
        care
    }

    fn is_time_to_look(&self, now: Instant) -> bool {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let now = millis(now.saturating_duration_since(self.began));
        let is_time = now.saturating_sub(self.looked.load(Ordering::Relaxed)) >= millis(PERIOD);
        if is_time {
            self.looked.store(now, Ordering::Relaxed);
        }
        is_time
    }

    fn beat(&self, now: Instant) -> bool {
        let Some(Pulse { runtimes, check }) = &self.heartbeat else { return false };
        let (Some(outcome), Some(cell)) = (runtimes.sample(now), self.cells.get(*check)) else {
            return false;
        };
        cell.report(Observation::reported(Ok(outcome), Evidence::Work), Saying::Later)
    }

    /// What logs, what observes and what wakes pollers is foreign code that may block; whoever keeps time does not wait
    /// for it.
    fn settle(&self, overdue: Vec<Arc<Cell>>) {
        let Some(journal) = self.cells.first().map(|cell| Arc::clone(&cell.shared.journal)) else { return };
        let handle = self.queue.ground().handle().clone();
        let settled = thread::Builder::new().name("health-log".into()).spawn(move || {
            let _clock = handle.enter();
            for cell in overdue {
                cell.settle_overdue();
            }
            journal.say();
        });
        // Without a thread it is tried again with the next look.
        drop(settled);
    }
}

impl Tick for Care {
    fn tick(&self, now: Instant) -> Pace {
        // By the clock that the runs began by, which stands still where a test has paused it.
        let _clock = self.queue.ground().handle().enter();
        let has_news = self.beat(now);
        let (waits, runs) = self.queue.is_busy();
        if waits {
            self.queue.relieve();
        }
        let mut overdue = Vec::new();
        if runs && self.is_time_to_look(now) {
            overdue.extend(self.cells.iter().filter(|cell| cell.overdue().is_some()).cloned());
        }
        if has_news || !overdue.is_empty() {
            self.settle(overdue);
        }
        if waits && self.queue.ground().is_dedicated() {
            Pace::Fast
        } else if runs || waits || self.heartbeat.is_some() {
            Pace::Slow
        } else {
            Pace::Rest
        }
    }

    fn resumed(&self, now: Instant) {
        if let Some(heartbeat) = &self.heartbeat {
            heartbeat.runtimes.resumed(now);
        }
    }
}
