//! The workers that serve an application with a goodbye, and how to hold them still for a moment.
//!
//! A worker of actix-server before 2.9.1 may take the end of the thread that accepts connections for its own, when it
//! comes to look at that before it is told to finish: then it drops the requests it has under way. One that looks at
//! nothing meanwhile is told in time. Newer ones ask for a newer Rust than this crate does.

use std::cell::RefCell;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use actix_web::rt::{self, System};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// How long a worker that does something else is waited for. One that is stuck is not going to look at anything.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long a worker stays still if it is forgotten.
const LONGEST: Duration = Duration::from_secs(1);

type Asked = UnboundedSender<Arc<Stillness>>;

/// Of the process: to be still for a moment costs a worker of another server next to nothing.
static WORKERS: Mutex<Vec<Weak<Asked>>> = Mutex::new(Vec::new());

/// The actix systems whose workers these are.
static SYSTEMS: Mutex<Vec<usize>> = Mutex::new(Vec::new());

thread_local! {
    static THIS: RefCell<Weak<Asked>> = const { RefCell::new(Weak::new()) };
}

/// The thread of a worker can be held still while this lives.
#[derive(Clone, Debug)]
pub(super) struct Worker {
    _asked: Option<Arc<Asked>>,
}

impl Worker {
    /// This thread, if it is one of a worker that may have to be still.
    pub(super) fn this() -> Self {
        let systems = SYSTEMS.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if !System::try_current().is_some_and(|system| systems.contains(&system.id())) {
            return Self { _asked: None };
        }
        let asked = THIS.with_borrow_mut(|this| match this.upgrade() {
            Some(asked) => asked,
            None => {
                let (asks, is_asked) = unbounded_channel();
                rt::spawn(obey(is_asked));
                let asked = Arc::new(asks);
                *this = Arc::downgrade(&asked);
                let mut workers = WORKERS.lock().unwrap_or_else(PoisonError::into_inner);
                workers.retain(|worker| worker.strong_count() > 0);
                workers.push(Weak::clone(this));
                asked
            }
        });
        Self { _asked: Some(asked) }
    }
}

/// The workers of this system may have to be still.
pub(crate) fn are_of(system: &System) {
    SYSTEMS.lock().unwrap_or_else(PoisonError::into_inner).push(system.id());
}

async fn obey(mut is_asked: UnboundedReceiver<Arc<Stillness>>) {
    while let Some(stillness) = is_asked.recv().await {
        stillness.keep();
    }
}

/// Calls this while all workers are still, as far as they are not stuck.
pub(crate) fn while_still<T>(call: impl FnOnce() -> T) -> T {
    let workers = WORKERS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let stillness = Arc::<Stillness>::default();
    let asked = workers.iter().filter_map(Weak::upgrade);
    let asked = asked.filter(|worker| worker.send(Arc::clone(&stillness)).is_ok()).count();
    stillness.wait(PATIENCE, |state| state.still >= asked);
    // Also when it panics.
    let _over = Over(&stillness);
    call()
}

#[derive(Debug, Default)]
struct Stillness {
    state: Mutex<State>,
    changes: Condvar,
}

#[derive(Debug, Default)]
struct State {
    still: usize,
    is_over: bool,
}

impl Stillness {
    fn keep(&self) {
        self.change(|state| state.still += 1);
        self.wait(LONGEST, |state| state.is_over);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changes.notify_all();
    }

    fn wait(&self, limit: Duration, is_so: impl Fn(&State) -> bool) {
        let until = Instant::now() + limit;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while !is_so(&state) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.changes.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

struct Over<'a>(&'a Stillness);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.change(|state| state.is_over = true);
    }
}
