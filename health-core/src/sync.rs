//! The locks, counters and tasks of the engine: those of the system, or, in its unit tests under `--cfg shuttle`, those
//! whose order a scheduler controls.

#[cfg(all(test, shuttle))]
pub(crate) use controlled::{join_all, spawn};
#[cfg(all(test, shuttle))]
pub(crate) use shuttle::sync::{Mutex, MutexGuard, PoisonError, atomic};
#[cfg(not(all(test, shuttle)))]
pub(crate) use std::sync::{Mutex, MutexGuard, PoisonError, atomic};

use tokio::runtime::Handle;

/// Whether a scheduler controls in which order threads meet.
pub(crate) const IS_CONTROLLED: bool = cfg!(all(test, shuttle));

/// A task of the runtime.
#[cfg(not(all(test, shuttle)))]
pub(crate) fn spawn(runtime: &Handle, work: impl Future<Output = ()> + Send + 'static) {
    drop(runtime.spawn(work));
}

#[cfg(test)]
#[cfg(shuttle)]
mod controlled {
    use std::cell::RefCell;

    use shuttle::future::{JoinHandle, block_on};

    use super::Handle;

    thread_local! {
        /// Held, because a task without a handle may be left behind by the scheduler.
        static TASKS: RefCell<Vec<JoinHandle<()>>> = const { RefCell::new(Vec::new()) };
    }

    /// A task of the scheduler; the runtime is one that nobody drives.
    pub(crate) fn spawn(_: &Handle, work: impl Future<Output = ()> + Send + 'static) {
        let task = shuttle::future::spawn(work);
        TASKS.with_borrow_mut(|tasks| tasks.push(task));
    }

    /// Waits until every task has ended, also those that others spawn meanwhile.
    pub(crate) fn join_all() {
        while let Some(task) = TASKS.with_borrow_mut(Vec::pop) {
            block_on(task).unwrap();
        }
    }
}
