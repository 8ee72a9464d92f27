//! Work that is under way: what a process that leaves lets finish first.

use std::borrow::Cow;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Weak};

use tokio::sync::Notify;

use crate::Health;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard, PoisonError};

/// One kind of work, counted while it is under way; made by [`Health::work`].
///
/// Clones count the same. It keeps no engine alive.
#[derive(Clone)]
#[must_use = "it counts what is begun"]
pub struct Work(Arc<Count>);

impl Work {
    /// A piece of it begins, and is under way until what this returns is dropped.
    pub fn begin(&self) -> Hold {
        self.0.begun.fetch_add(1, Ordering::SeqCst);
        Hold(Arc::clone(&self.0))
    }

    /// What it was called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Work").field(&self.0.name).finish()
    }
}

/// A piece of work that is under way until this is dropped; made by [`Work::begin`] and
/// [`Health::hold`].
///
/// A process that leaves waits for it, within the limit that it was given. It keeps no engine alive.
#[must_use = "the work has ended when this is dropped"]
pub struct Hold(Arc<Count>);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::SeqCst);
        if self.0.end.is_awaited.load(Ordering::SeqCst) {
            self.0.end.comes.notify_waiters();
        }
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hold").field(&self.0.name).finish()
    }
}

impl Health {
    /// A kind of work that a process on its way out lets finish first. Several of one name are one kind; whoever begins
    /// much of it on many threads has one for each. The name is shown and logged as it is, so it should be a word of
    /// the program, as "imports".
    ///
    /// `health_actix::goodbye` counts "requests" in this way, and `health_actix::run` waits.
    pub fn work(&self, name: impl Into<Cow<'static, str>>) -> Work {
        self.engine.work.of(name.into())
    }

    /// Begins a piece of [work](Self::work), which is under way until what this returns is dropped.
    ///
    /// ```
    /// # async fn import() {}
    /// # async fn run(health: health_core::Health) {
    /// let hold = health.hold("imports");
    /// import().await; // a process that is told to leave waits for it
    /// drop(hold);
    /// # }
    /// ```
    pub fn hold(&self, name: impl Into<Cow<'static, str>>) -> Hold {
        self.work(name).begin()
    }

    /// How much of each kind of [work](Self::work) is under way, sorted by name; none of a kind that nobody counts any
    /// more. What ends while it looks may be counted still; what is under way is never overlooked.
    #[must_use]
    pub fn under_way(&self) -> Vec<(Cow<'static, str>, u64)> {
        self.engine.work.under_way()
    }

    /// Returns at a moment at which no [work](Self::work) is under way; more may have begun since.
    pub async fn work_ended(&self) {
        self.engine.work.ended().await;
    }
}

/// Of one kind of work. Both only grow, so that none that is under way is ever overlooked.
struct Count {
    name: Cow<'static, str>,
    begun: AtomicU64,
    ended: AtomicU64,
    end: Arc<End>,
}

/// That a piece of work has ended.
#[derive(Default)]
struct End {
    /// Whoever counts on many threads should not have to tell anybody while nobody listens.
    is_awaited: AtomicBool,
    comes: Notify,
}

/// All work of one engine.
#[derive(Default)]
pub(crate) struct AllWork {
    counts: Mutex<Vec<Weak<Count>>>,
    end: Arc<End>,
}

impl AllWork {
    pub(crate) fn of(&self, name: Cow<'static, str>) -> Work {
        let (begun, ended) = (AtomicU64::new(0), AtomicU64::new(0));
        let count = Arc::new(Count { name, begun, ended, end: Arc::clone(&self.end) });
        let mut counts = self.counts();
        if counts.len() == counts.capacity() {
            counts.retain(|count| count.strong_count() > 0);
        }
        counts.push(Arc::downgrade(&count));
        Work(count)
    }

    /// How much is under way of each kind that anybody still counts, by name.
    pub(crate) fn under_way(&self) -> Vec<(Cow<'static, str>, u64)> {
        let mut sums: Vec<(Cow<'static, str>, u64)> = Vec::new();
        // Under the lock, so that nothing of a new kind begins meanwhile.
        let counts = self.counts();
        let known: Vec<_> = counts.iter().filter_map(Weak::upgrade).collect();
        // All ends before all beginnings: work that hands over to other work is never seen as none.
        let ended: Vec<_> = known.iter().map(|count| count.ended.load(Ordering::SeqCst)).collect();
        for (count, ended) in known.iter().zip(ended) {
            let under_way = count.begun.load(Ordering::SeqCst).saturating_sub(ended);
            match sums.iter_mut().find(|(name, _)| *name == count.name) {
                Some((_, sum)) => *sum += under_way,
                None => sums.push((count.name.clone(), under_way)),
            }
        }
        drop(counts);
        sums.sort();
        sums
    }

    /// Returns at a moment at which nothing is under way.
    pub(crate) async fn ended(&self) {
        self.end.is_awaited.store(true, Ordering::SeqCst);
        loop {
            let mut comes = pin!(self.end.comes.notified());
            comes.as_mut().enable();
            if self.under_way().iter().all(|(_, under_way)| *under_way == 0) {
                return;
            }
            comes.await;
        }
    }

    fn counts(&self) -> MutexGuard<'_, Vec<Weak<Count>>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
