//! Whether the runtimes of the process make progress.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::Outcome;
use crate::period::readable;

/// How often a runtime is given a task to take up, and how often there is something to say at least.
const PERIOD: Duration = Duration::from_secs(1);

/// The runtimes that are watched. Driven by a thread that keeps time, with [`sample`](Self::sample) about ten times a
/// second, and [`resumed`](Self::resumed) when it was held up itself.
pub(crate) struct Runtimes {
    /// How long one may make no progress.
    limit: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    watched: Vec<Watched>,
    /// When something was last said, and how many runtimes were stuck.
    said: Option<(Instant, usize)>,
}

struct Watched {
    name: String,
    handle: Handle,
    /// The task it has not yet taken up.
    ping: Option<JoinHandle<()>>,
    pinged: Option<Instant>,
    /// Since when it has made no progress, as far as time was kept.
    waiting_since: Instant,
    /// Stays until there is progress.
    is_stuck: bool,
}

impl Runtimes {
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, state: Mutex::default() }
    }

    /// Nothing that can panic runs under the lock; what a ping wakes is its own runtime.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches one more, under a name that may be shown, until it is shut down. One that is watched already keeps its
    /// name.
    pub(crate) fn watch(&self, name: impl Into<String>, handle: Handle, now: Instant) {
        let mut state = self.state();
        if state.watched.iter().any(|watched| watched.handle.id() == handle.id()) {
            return;
        }
        let name = name.into();
        let watched = Watched { name, handle, ping: None, pinged: None, waiting_since: now, is_stuck: false };
        state.watched.push(watched);
    }

    /// Looks at every runtime. There is something to say once a second, and at once when one gets stuck or free.
    pub(crate) fn sample(&self, now: Instant) -> Option<Outcome> {
        let mut state = self.state();
        state.watched.retain_mut(|watched| watched.sample(now, self.limit));
        let stuck: Vec<_> = state.watched.iter().filter(|watched| watched.is_stuck).collect();
        let is_due = match state.said {
            None => true,
            Some((when, count)) => count != stuck.len() || now.saturating_duration_since(when) >= PERIOD,
        };
        if !is_due {
            return None;
        }
        let outcome = outcome(&stuck, now);
        state.said = Some((now, stuck.len()));
        Some(outcome)
    }

    /// How they were when they were last looked at.
    pub(crate) fn outcome(&self, now: Instant) -> Outcome {
        let state = self.state();
        let stuck: Vec<_> = state.watched.iter().filter(|watched| watched.is_stuck).collect();
        outcome(&stuck, now)
    }

    /// Forgets how long was waited for those that are not stuck: the process was paused or got no processor.
    pub(crate) fn resumed(&self, now: Instant) {
        for watched in &mut self.state().watched {
            watched.resumed(now);
        }
    }
}

impl Watched {
    /// Whether it goes on being watched: one that has been shut down does not.
    fn sample(&mut self, now: Instant, limit: Duration) -> bool {
        match self.ping.as_mut().map(FutureExt::now_or_never) {
            Some(Some(Err(_))) => return false,
            Some(Some(Ok(()))) => {
                self.ping = None;
                self.is_stuck = false;
            }
            Some(None) => {
                self.is_stuck |= now.saturating_duration_since(self.waiting_since) >= limit;
                return true;
            }
            None => {}
        }
        if self.pinged.is_none_or(|pinged| now.saturating_duration_since(pinged) >= PERIOD) {
            self.ping = Some(self.handle.spawn(async {}));
            self.pinged = Some(now);
            self.waiting_since = now;
        }
        true
    }

    fn resumed(&mut self, now: Instant) {
        if !self.is_stuck {
            self.waiting_since = now;
        }
    }
}

fn outcome(stuck: &[&Watched], now: Instant) -> Outcome {
    let Some(worst) = stuck.iter().min_by_key(|watched| watched.waiting_since) else {
        return Outcome::healthy();
    };
    let waited = now.saturating_duration_since(worst.waiting_since).as_secs();
    let others = match stuck.len() {
        1 => String::new(),
        2 => ", and one other is stuck".into(),
        many => format!(", and {} others are stuck", many - 1),
    };
    Outcome::unhealthy(format!(
        "runtime `{}` made no progress for {}{others}",
        worst.name,
        readable(Duration::from_secs(waited))
    ))
}

#[cfg(test)]
mod tests;
