//! One run of one check: begun on the engine, bounded, contained.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::thread;

use futures::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use super::cell::{Cell, RunId};
use super::observation::Observation;
use crate::check::{BoxedRun, Kind, RunResult};

/// The right and the duty to run a check once. Dropping it says that the run is lost, so that nobody waits for ever.
pub(super) struct Claim {
    cell: Arc<Cell>,
    id: RunId,
    has_ended: bool,
}

impl Claim {
    pub(super) fn new(cell: Arc<Cell>, id: RunId) -> Self {
        Self { cell, id, has_ended: false }
    }

    /// Begins the run on the given runtime.
    pub(super) fn begin(self, handle: &Handle) {
        if self.cell.is_stopped() {
            return;
        }
        match &self.cell.check.runner.0 {
            Kind::Task(begin) => {
                let (cell, id, begin) = (Arc::clone(&self.cell), self.id, Arc::clone(begin));
                let task = handle.spawn(self.run_task(begin));
                cell.set_abort(id, task.abort_handle());
            }
            Kind::Thread(function) => {
                let function = Arc::clone(function);
                self.run_thread(handle, function);
            }
        }
    }

    fn span(&self) -> tracing::Span {
        tracing::debug_span!(target: "health", "health check", check = %self.cell.check.spec.name)
    }

    async fn run_task(mut self, begin: Arc<dyn Fn() -> BoxedRun<'static> + Send + Sync>) {
        let limit = self.cell.check.spec.limit();
        let beginning = self.cell.begins(self.id);
        // A limit is a year at most, so this does not overflow.
        let until = beginning.began + limit;
        // Pinned here, so that a run that is cut off is dropped after its timeout has been recorded: a destructor that
        // panics or blocks then changes nothing about it.
        let work = AssertUnwindSafe(async { begin().await }).catch_unwind().instrument(self.span());
        let mut work = pin!(work);
        match timeout_at(until, work.as_mut()).await {
            Ok(result) => self.ends(beginning.ended(result)),
            Err(_) => self.cell.overstays(self.id),
        }
    }

    /// A thread of the engine's own, detached: it holds up neither a runtime nor the exit of the process.
    fn run_thread(mut self, handle: &Handle, function: Arc<dyn Fn() -> RunResult + Send + Sync>) {
        let (cell, id, limit) = (Arc::clone(&self.cell), self.id, self.cell.check.spec.limit());
        let (hand_over, taken) = mpsc::channel::<Self>();
        let (has_begun, begun) = oneshot::channel::<Instant>();
        let (has_ended, end) = oneshot::channel::<()>();
        let runtime = handle.clone();
        let thread = thread::Builder::new().name("health-check".into()).spawn(move || {
            let Ok(mut claim) = taken.recv() else { return };
            let _runtime = runtime.enter();
            let beginning = claim.cell.begins(claim.id);
            // Nobody listens when the runtime is gone.
            let _ = has_begun.send(beginning.began);
            let result = claim.span().in_scope(|| catch_unwind(AssertUnwindSafe(|| function())));
            claim.ends(beginning.ended(result));
            drop(has_ended);
        });
        if let Err(refused) = thread {
            let beginning = cell.begins(id);
            return self.ends(beginning.refused(&refused));
        }
        // The thread waits for it, so this cannot fail; if it did, the claim would come back and report its loss.
        drop(hand_over.send(self));
        drop(handle.spawn(async move {
            // Counted from the start of the run, however long the thread took to get going.
            let Ok(began) = begun.await else { return };
            if timeout_at(began + limit, end).await.is_err() {
                cell.overstays(id);
            }
        }));
    }

    fn ends(&mut self, observation: Observation) {
        self.has_ended = true;
        self.cell.ends(self.id, observation);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.has_ended {
            self.cell.is_lost(self.id);
        }
    }
}
