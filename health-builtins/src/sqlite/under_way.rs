//! What has been asked of a pool, and whether anybody still waits for the answer.
//!
//! Known for all checks of the process, because one that is made for each call knows nothing of those before it.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use health_core::{Failure, Outcome, Status};
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;

/// Longer than all that a question can wait for connections and locks.
const BEYOND_LOCKS: Duration = Duration::from_secs(2);

/// Those that were given up, and that SQLite has not answered.
static LEFT: Mutex<Vec<Arc<Question>>> = Mutex::new(Vec::new());

/// The same for a pool and its clones.
#[derive(Clone)]
pub(super) struct PoolId(Arc<SqliteConnectOptions>);

impl PoolId {
    pub(super) fn of(pool: &SqlitePool) -> Self {
        Self(pool.connect_options())
    }
}

impl fmt::Debug for PoolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolId").finish_non_exhaustive()
    }
}

struct Question {
    pool: PoolId,
    since: Instant,
    is_given_up: Arc<AtomicBool>,
    is_answered: AtomicBool,
}

/// Held by whoever waits for the answer.
pub(super) struct Asker(Arc<Question>);

/// Held by whoever gets it from SQLite.
pub(super) struct Answerer(Arc<Question>);

/// Unless one that was given up is still unanswered.
pub(super) fn ask(pool: &PoolId) -> Result<(Asker, Answerer), Unanswered> {
    if let Some(left) = left().iter().find(|left| Arc::ptr_eq(&left.pool.0, &pool.0)) {
        return Err(Unanswered(left.since.elapsed()));
    }
    let question = Arc::new(Question {
        pool: pool.clone(),
        since: Instant::now(),
        is_given_up: Arc::default(),
        is_answered: AtomicBool::new(false),
    });
    Ok((Asker(Arc::clone(&question)), Answerer(question)))
}

impl Answerer {
    /// Whether nobody waits any more.
    pub(super) fn given_up(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0.is_given_up)
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        self.0.is_given_up.store(true, Ordering::Relaxed);
        let mut left = left();
        if !self.0.is_answered.load(Ordering::Relaxed) {
            left.push(Arc::clone(&self.0));
        }
    }
}

impl Drop for Answerer {
    fn drop(&mut self) {
        let mut left = left();
        self.0.is_answered.store(true, Ordering::Relaxed);
        left.retain(|question| !Arc::ptr_eq(question, &self.0));
    }
}

fn left() -> MutexGuard<'static, Vec<Arc<Question>>> {
    LEFT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// For how long.
#[derive(Debug)]
pub(super) struct Unanswered(Duration);

impl Unanswered {
    /// As long as it may be a lock it is no worse than one.
    pub(super) fn told(self) -> Result<Outcome, Failure> {
        let failure = Failure::new("the last question is still unanswered");
        if self.0 < BEYOND_LOCKS { Ok(failure.into_outcome_of(Status::Degraded)) } else { Err(failure) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool() -> PoolId {
        PoolId(Arc::default())
    }

    #[test]
    fn only_what_was_given_up_is_in_the_way_and_only_of_its_own_pool() {
        let (one, other) = (pool(), pool());
        let (asker, answerer) = ask(&one).unwrap();
        let side_by_side = ask(&one).unwrap();
        drop(side_by_side);
        assert!(!answerer.given_up().load(Ordering::Relaxed));
        drop(asker);
        assert!(answerer.given_up().load(Ordering::Relaxed));
        assert!(ask(&one).is_err());
        assert!(ask(&other).is_ok());
        drop(answerer);
        assert!(ask(&one).is_ok());
    }

    #[test]
    fn what_is_answered_is_not_left() {
        let pool = pool();
        let (asker, answerer) = ask(&pool).unwrap();
        drop(answerer);
        drop(asker);
        assert!(ask(&pool).is_ok());
    }

    #[test]
    fn a_lock_is_no_reason_for_ever() {
        let a_lock = Unanswered(Duration::from_millis(1_900)).told().unwrap();
        assert_eq!(a_lock.status(), Status::Degraded);
        assert_eq!(a_lock.summary(), Some("the last question is still unanswered"));
        assert!(Unanswered(BEYOND_LOCKS).told().is_err());
    }
}
