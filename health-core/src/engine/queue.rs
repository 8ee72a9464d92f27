//! The cap on concurrent runs, and the lanes that begin what waits.

use std::collections::VecDeque;
use std::sync::Arc;

use super::ground::Ground;
use super::observation::Beginning;
use super::run::Claim;
use super::vigil::Stamp;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard, PoisonError};

/// How many runs a lane begins before it lets others have its thread.
const STRETCH: usize = 32;

/// How many lanes there may be beyond one for each permit: a run that has given its permit back may still hold its lane.
const SPARE: usize = 64;

/// For how many runs room is kept in the queue.
const ROOM: usize = 1024;

/// Runs wait here, first come first served, until one of the permits is free.
///
/// They are begun by lanes: tasks that take one claim after the other and poll it once. Most runs are over by then;
/// one that is not goes on as a task of its own. More than one lane shares the queue, so that a run that blocks its
/// thread where it must not holds up itself and not those behind it.
pub(super) struct Queue {
    ground: Ground,
    cap: usize,
    queued: Mutex<Queued>,
    /// How many claims lanes have taken, ever: a queue in which this stands still is stuck.
    taken: AtomicU64,
    seen_by_watch: AtomicU64,
}

#[derive(Default)]
struct Queued {
    waiting: VecDeque<Claim>,
    running: usize,
    lanes: usize,
    has_closed: bool,
}

/// The right to be one of the concurrent runs; given back when it is dropped.
pub(super) struct Permit(Arc<Queue>);

/// Everything a run needs to begin at this moment.
pub(super) struct Turn {
    pub(super) permit: Permit,
    pub(super) beginning: Beginning,
    pub(super) stamp: Stamp,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut queued = self.0.queued();
        queued.running -= 1;
        let opens = queued.opens_lane(self.0.cap, 1);
        drop(queued);
        self.0.open_lanes(opens);
    }
}

impl Queue {
    pub(super) fn new(ground: Ground, cap: usize) -> Arc<Self> {
        Arc::new(Self {
            ground,
            cap,
            queued: Mutex::default(),
            taken: AtomicU64::new(0),
            seen_by_watch: AtomicU64::new(0),
        })
    }

    pub(super) fn ground(&self) -> &Ground {
        &self.ground
    }

    pub(super) fn submit(self: &Arc<Self>, claims: Vec<Claim>) {
        if claims.is_empty() {
            return;
        }
        let mut queued = self.queued();
        if queued.has_closed {
            drop(queued);
            return drop(claims);
        }
        queued.waiting.extend(claims);
        let wanted = if queued.waiting.len() > 1 { self.ground.lanes() } else { 1 };
        let opens = queued.opens_lane(self.cap, wanted);
        drop(queued);
        self.open_lanes(opens);
        if wanted > 1 && self.ground.is_dedicated() {
            // A run that blocks its thread is noticed soon.
            self.ground.vigil().hurry();
        }
    }

    /// Nothing is begun any more; what waits is lost.
    pub(super) fn close(&self) {
        let mut queued = self.queued();
        queued.has_closed = true;
        let waiting = std::mem::take(&mut queued.waiting);
        drop(queued);
        drop(waiting);
    }

    /// Whether runs wait although permits are free and no lane has taken any since the last look: then every lane is
    /// stuck, and one more takes over.
    ///
    /// Where one thread polls all lanes, one more would be stuck with the others; and until whoever opens it has come to
    /// that, others would count on it.
    pub(super) fn relieve(self: &Arc<Self>) {
        if self.ground.lanes() == 1 {
            return;
        }
        let taken = self.taken.load(Ordering::Acquire);
        if self.seen_by_watch.swap(taken, Ordering::AcqRel) != taken {
            return;
        }
        let mut queued = self.queued();
        let wanted = queued.lanes + 1;
        let opens =
            if wanted <= self.cap.saturating_add(SPARE) { queued.opens_lane(self.cap, wanted) } else { 0 };
        drop(queued);
        self.open_lanes(opens);
    }

    /// Whether anything waits, and whether anything runs.
    pub(super) fn is_busy(&self) -> (bool, bool) {
        let queued = self.queued();
        (!queued.waiting.is_empty(), queued.running > 0)
    }

    fn open_lanes(self: &Arc<Self>, count: usize) {
        for _ in 0..count {
            let lane = Lane { queue: Arc::clone(self), has_come_to_its_end: false };
            self.ground.spawn(lane.run());
        }
    }

    fn queued(&self) -> MutexGuard<'_, Queued> {
        self.queued.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queued {
    /// Counts in as many lanes as are missing up to `wanted`, if there is something for them to do.
    fn opens_lane(&mut self, cap: usize, wanted: usize) -> usize {
        if self.waiting.is_empty() || self.running >= cap {
            return 0;
        }
        let missing = wanted.saturating_sub(self.lanes).min(self.waiting.len());
        self.lanes += missing;
        missing
    }
}

struct Lane {
    queue: Arc<Queue>,
    has_come_to_its_end: bool,
}

impl Lane {
    async fn run(mut self) {
        let (mut begun, mut free) = (0, None);
        while let Some((claim, turn)) = self.next(free) {
            // A run that was over at once leaves its permit to the next, and its end is the beginning of the next.
            free = claim.begin(turn, &self.queue).await;
            begun += 1;
            if begun % STRETCH == 0 {
                // Others may want the permit, and the clocks of the next have to be read again.
                free = None;
                tokio::task::yield_now().await;
            }
        }
        self.has_come_to_its_end = true;
    }

    fn next(&self, free: Option<Turn>) -> Option<(Claim, Turn)> {
        let mut queued = self.queue.queued();
        if free.is_none() && queued.running >= self.queue.cap {
            return None;
        }
        let Some(claim) = queued.waiting.pop_front() else {
            // The room that the runs of a start take is not kept for ever.
            queued.waiting.shrink_to(ROOM);
            // Given back outside the lock, which it takes itself.
            drop(queued);
            drop(free);
            return None;
        };
        queued.running += usize::from(free.is_none());
        drop(queued);
        self.queue.taken.fetch_add(1, Ordering::AcqRel);
        let new = || {
            let vigil = self.queue.ground.vigil();
            vigil.arm();
            let permit = Permit(Arc::clone(&self.queue));
            Turn { permit, stamp: vigil.stamp(), beginning: Beginning::now() }
        };
        Some((claim, free.unwrap_or_else(new)))
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let mut queued = self.queue.queued();
        queued.lanes -= 1;
        if self.has_come_to_its_end {
            // What came between the last look and this.
            let opens = queued.opens_lane(self.queue.cap, 1);
            drop(queued);
            self.queue.open_lanes(opens);
        } else {
            // Its runtime is gone: nothing that waits will ever begin, and whoever waits for it has to know.
            let lost = std::mem::take(&mut queued.waiting);
            drop(queued);
            drop(lost);
        }
    }
}
