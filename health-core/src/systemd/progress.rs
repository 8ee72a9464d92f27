//! Whether the runtime of the engine makes progress: it is handed small tasks, and takes them up or does not.

use std::time::{Duration, Instant};

use futures::FutureExt;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// Looked at by the vigil, by real time.
pub(super) struct Progress {
    /// How often a task is handed over.
    period: Duration,
    /// The task that has not been taken up yet.
    task: Option<JoinHandle<()>>,
    handed: Option<Instant>,
    /// When it was last seen that one had been taken up.
    seen: Option<Instant>,
}

impl Progress {
    pub(super) fn every(period: Duration) -> Self {
        Self { period, task: None, handed: None, seen: None }
    }

    pub(super) fn look(&mut self, runtime: &Handle, now: Instant) {
        match self.task.as_mut().map(FutureExt::now_or_never) {
            Some(None) => return,
            Some(Some(Ok(()))) => self.seen = Some(now),
            // It was shut down; or there is none out.
            Some(Some(Err(_))) | None => {}
        }
        self.task = None;
        if self.handed.is_none_or(|handed| now.saturating_duration_since(handed) >= self.period) {
            self.task = Some(runtime.spawn(async {}));
            self.handed = Some(now);
        }
    }

    /// Whether there was any that recently.
    pub(super) fn is_within(&self, span: Duration, now: Instant) -> bool {
        self.seen.is_some_and(|seen| now.saturating_duration_since(seen) <= span)
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Builder;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_task_that_is_not_taken_up_is_no_progress() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let handle = runtime.handle().clone();
        let start = Instant::now();
        let mut progress = Progress::every(SECOND);
        for second in 0..5 {
            progress.look(&handle, start + second * SECOND);
            assert!(!progress.is_within(60 * SECOND, start + second * SECOND), "nobody drives it");
        }
        runtime.block_on(tokio::task::yield_now());
        progress.look(&handle, start + 5 * SECOND);
        assert!(progress.is_within(SECOND, start + 6 * SECOND));
        assert!(!progress.is_within(SECOND, start + 7 * SECOND), "nobody has driven it since");
        progress.look(&handle, start + 7 * SECOND);
        assert!(!progress.is_within(SECOND, start + 7 * SECOND));
    }

    #[test]
    fn tasks_are_handed_over_at_their_pace() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let handle = runtime.handle().clone();
        let start = Instant::now();
        let mut progress = Progress::every(SECOND);
        let mut handed = 0;
        for tenth in 0..50 {
            progress.look(&handle, start + tenth * SECOND / 10);
            handed += usize::from(progress.task.is_some());
            runtime.block_on(tokio::task::yield_now());
        }
        assert_eq!(handed, 5);
    }

    #[test]
    fn a_runtime_that_was_shut_down_makes_none() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let handle = runtime.handle().clone();
        drop(runtime);
        let start = Instant::now();
        let mut progress = Progress::every(SECOND);
        for second in 0..5 {
            progress.look(&handle, start + second * SECOND);
        }
        assert!(!progress.is_within(60 * SECOND, start + 5 * SECOND));
    }
}
