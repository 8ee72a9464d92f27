//! Asking many checks at once, for one poller, until a deadline.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::task::AtomicWaker;
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::Engine;
use super::cell::{Joined, Wanted};
use super::run::Claim;
use crate::sync::atomic::{AtomicUsize, Ordering};

/// One poller that waits for the ends of several runs. It belongs to the poller; the runs do not.
pub(super) struct Waiter {
    remaining: AtomicUsize,
    waker: AtomicWaker,
}

impl Waiter {
    fn new() -> Arc<Self> {
        // One more than there are runs, until all have been joined: otherwise the first could end the waiting.
        Arc::new(Self { remaining: AtomicUsize::new(1), waker: AtomicWaker::new() })
    }

    pub(super) fn expect_one(&self) {
        self.remaining.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn one_ended(&self) {
        if self.remaining.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.waker.wake();
        }
    }

    fn is_over(&self) -> bool {
        self.remaining.load(Ordering::Acquire) == 0
    }

    async fn all_ended(&self) {
        poll_fn(|context| {
            self.waker.register(context.waker());
            if self.is_over() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// A round that is under way. Its end, also when the poller hangs up, takes the waiter back from every run it still
/// waits for.
struct UnderWay<'a> {
    engine: &'a Engine,
    asked: &'a [usize],
    waiter: &'a Arc<Waiter>,
}

impl<'a> UnderWay<'a> {
    fn new(engine: &'a Engine, asked: &'a [usize], waiter: &'a Arc<Waiter>) -> Self {
        engine.rounds.fetch_add(1, Ordering::AcqRel);
        Self { engine, asked, waiter }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if !self.waiter.is_over() {
            for cell in self.asked.iter().filter_map(|check| self.engine.cells.get(*check)) {
                cell.leave(self.waiter);
            }
        }
        self.engine.rounds.fetch_sub(1, Ordering::AcqRel);
        self.engine.shared.signal.remind();
    }
}

impl Engine {
    /// Asks those of the checks whose last observation is not fresh, nor of the last `floor`, and returns when all have been observed or the
    /// deadline has passed.
    ///
    /// Dropping the future ends the waiting and nothing else: the runs belong to the engine.
    pub(super) async fn round(&self, asked: &[usize], deadline: Duration, floor: Duration) {
        let now = Instant::now();
        let until = now + deadline;
        let waiter = Waiter::new();
        let _under_way = UnderWay::new(self, asked, &waiter);
        self.claim(asked, Wanted::ByPoll { waiter: &waiter, floor }, now);
        waiter.one_ended();
        if waiter.is_over() {
            return;
        }
        // Most runs are over by the time the engine has had its turn, and then no timer is needed.
        let mut has_yielded = false;
        poll_fn(|context| {
            waiter.waker.register(context.waker());
            if waiter.is_over() || std::mem::replace(&mut has_yielded, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        if waiter.is_over() {
            return;
        }
        // A poller outside Tokio, or in a runtime without a timer, borrows the engine's. Where there is none at all,
        // as when the engine's runtime has gone away, Tokio panics, and the deadline counts as passed.
        let here = || catch_unwind(|| tokio::time::sleep_until(until));
        let timer = Handle::try_current().is_ok().then(here).and_then(Result::ok);
        let timer = timer.or_else(|| {
            let _engine = self.queue.ground().handle().enter();
            here().ok()
        });
        let (mut ended, mut timer) = (pin!(waiter.all_ended()), pin!(timer));
        poll_fn(|context| match (ended.as_mut().poll(context), timer.as_mut().as_pin_mut()) {
            (Poll::Ready(()), _) | (_, None) => Poll::Ready(()),
            (Poll::Pending, Some(sleep)) => {
                catch_unwind(AssertUnwindSafe(|| sleep.poll(context))).unwrap_or(Poll::Ready(()))
            }
        })
        .await;
        if !waiter.is_over() {
            for cell in asked.iter().filter_map(|check| self.cells.get(*check)) {
                cell.settle_overdue();
            }
        }
    }

    /// Begins a run of every check that has none in flight.
    pub(super) fn begin(&self, asked: &[usize]) {
        self.claim(asked, Wanted::ByEngine, Instant::now());
    }

    fn claim(&self, asked: &[usize], wanted: Wanted<'_>, now: Instant) {
        let mut claimed = Vec::new();
        for cell in asked.iter().filter_map(|check| self.cells.get(*check)) {
            if let Joined::Begin(id) = cell.join(wanted, now) {
                claimed.push(Claim::new(Arc::clone(cell), id));
            }
        }
        self.queue.submit(claimed);
    }
}
