//! One run of one check: begun on the engine, bounded, contained.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::thread;

use futures::FutureExt;
use futures::future::{AbortHandle, Abortable};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use super::cell::{Cell, RunId, Verdict};
use super::ground::Ground;
use super::observation::{Beginning, Observation};
use super::queue::{Permit, Queue, Turn};
use crate::check::{BoxedRun, Kind, RunResult, Runner};

type Begin = Arc<dyn Fn() -> BoxedRun<'static> + Send + Sync>;

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

    /// Begins the run: polled once here, and on a task of its own if that was not enough. What is free for the next.
    pub(super) async fn begin(self, turn: Turn, queue: &Queue) -> Option<Turn> {
        if self.cell.is_stopped() {
            return None;
        }
        match &self.cell.check.runner {
            Some(Runner(Kind::Task(begin))) => {
                let begin = Arc::clone(begin);
                self.begin_task(begin, turn, queue.ground()).await
            }
            Some(Runner(Kind::Thread(function))) => {
                let function = Arc::clone(function);
                self.begin_thread(function, turn.permit, queue.ground());
                None
            }
            None => None,
        }
    }

    fn span(&self) -> tracing::Span {
        tracing::debug_span!(target: "health", "health check", check = %self.cell.check.spec.name)
    }

    async fn begin_task(mut self, begin: Begin, turn: Turn, ground: &Ground) -> Option<Turn> {
        let Turn { permit, beginning, stamp } = turn;
        let beginning = self.cell.begins(self.id, (beginning, stamp), Some(permit));
        let span = self.span();
        let mut work = None;
        let first = poll_fn(|context| {
            let poll = || span.in_scope(|| work.insert(begin()).poll_unpin(context));
            Poll::Ready(catch_unwind(AssertUnwindSafe(poll)))
        });
        let result = match first.await {
            Ok(Poll::Pending) => None,
            Ok(Poll::Ready(result)) => Some(Ok(result)),
            Err(panic) => Some(Err(panic)),
        };
        let mut anew = false;
        if let Some(result) = result {
            let observation = beginning.ended(result);
            let verdict = self.ends(observation);
            // Dropped after the run has been recorded: a destructor that panics or blocks then changes nothing about it.
            let over = work.take();
            drop(catch_unwind(AssertUnwindSafe(|| drop(over))));
            if let Verdict::Done(permit) = verdict {
                // Recording the run and dropping what it left behind may have taken time that is not the next one's.
                let beginning = beginning.later(Instant::now());
                return permit.map(|permit| Turn { permit, beginning, stamp });
            }
            anew = true;
        }
        let (abort, registration) = AbortHandle::new_pair();
        self.cell.set_abort(self.id, abort);
        if self.cell.is_stopped() {
            // The engine may have looked for something to abort just before.
            self.cell.abort();
        }
        let rest = self.go_on(beginning, work, anew, begin, span);
        let rest = Abortable::new(rest, registration);
        // A destructor of the check that panics is its own affair.
        let rest = AssertUnwindSafe(rest).catch_unwind();
        ground.spawn(async move { drop(rest.await) });
        None
    }

    /// The rest of a run that was begun, or all of it anew.
    async fn go_on(
        mut self,
        mut beginning: Beginning,
        mut begun: Option<BoxedRun<'static>>,
        mut anew: bool,
        begin: Begin,
        span: tracing::Span,
    ) {
        loop {
            if std::mem::replace(&mut anew, true) {
                let stamp = self.cell.stamp();
                beginning = self.cell.begins(self.id, (Beginning::now(), stamp), None);
            }
            // A limit is a year at most, so this does not overflow.
            let until = beginning.began + self.cell.timing().timeout;
            let again = Arc::clone(&begin);
            let work = begun.take();
            // `work` is dropped at the end of this turn, after its timeout has been recorded.
            let work = async move {
                match work {
                    Some(work) => work.await,
                    None => again().await,
                }
            };
            let work = AssertUnwindSafe(work).catch_unwind().instrument(span.clone());
            let mut work = std::pin::pin!(work);
            let verdict = match timeout_at(until, work.as_mut()).await {
                Ok(result) => self.ends(beginning.ended(result)),
                Err(_) => self.cell.overstays(self.id),
            };
            if let Verdict::Done(_) = verdict {
                return;
            }
        }
    }

    /// A thread of the engine's own, detached: it holds up neither a runtime nor the exit of the process.
    fn begin_thread(
        mut self,
        function: Arc<dyn Fn() -> RunResult + Send + Sync>,
        permit: Permit,
        ground: &Ground,
    ) {
        let (cell, id) = (Arc::clone(&self.cell), self.id);
        let (hand_over, taken) = mpsc::channel::<(Self, Permit)>();
        let (has_begun, begun) = oneshot::channel::<Instant>();
        let (has_ended, end) = oneshot::channel::<()>();
        let runtime = ground.handle().clone();
        let thread = thread::Builder::new().name("health-check".into()).spawn(move || {
            let Ok((mut claim, permit)) = taken.recv() else { return };
            let _runtime = runtime.enter();
            let now = (Beginning::now(), claim.cell.stamp());
            let mut beginning = claim.cell.begins(claim.id, now, Some(permit));
            // Nobody listens when the runtime is gone.
            let _ = has_begun.send(beginning.began);
            loop {
                let result = claim.span().in_scope(|| catch_unwind(AssertUnwindSafe(|| function())));
                if let Verdict::Done(_) = claim.ends(beginning.ended(result)) {
                    break;
                }
                let now = (Beginning::now(), claim.cell.stamp());
                beginning = claim.cell.begins(claim.id, now, None);
            }
            drop(has_ended);
        });
        if let Err(refused) = thread {
            let beginning = cell.begins(id, (Beginning::now(), cell.stamp()), Some(permit));
            self.has_ended = true;
            cell.ends(id, beginning.refused(&refused));
            return;
        }
        // The thread waits for it, so this cannot fail; if it did, the claim would come back and report its loss.
        drop(hand_over.send((self, permit)));
        let watch = async move {
            // Counted from the start of the run, however long the thread took to get going.
            let Ok(mut began) = begun.await else { return };
            let mut end = end;
            while timeout_at(began + cell.timing().timeout, &mut end).await.is_err() {
                if let Verdict::Done(_) = cell.overstays(id) {
                    return;
                }
                // The process was paused: the time that it did not have is given to it.
                began = Instant::now();
            }
        };
        drop(ground.handle().spawn(watch));
    }

    fn ends(&mut self, observation: Observation) -> Verdict {
        let verdict = self.cell.ends(self.id, observation);
        self.has_ended = matches!(verdict, Verdict::Done(_));
        verdict
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.has_ended {
            self.cell.is_lost(self.id);
        }
    }
}
