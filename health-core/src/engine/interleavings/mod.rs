//! The engine in every order in which its threads can meet. A scheduler picks the orders, thousands of them, and finds
//! who waits for ever: `RUSTFLAGS='--cfg shuttle' cargo test -p health-core --lib interleavings`.
//!
//! Time stands still but for [`pass`], so that a deadline never saves a poller whom nobody wakes.

mod begun;
mod observed;
mod seen;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt;
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner, thread};
use tokio::time::Instant;

use super::cell::{Cell, Joined, Wanted};
use super::run::Claim;
use super::{Engine, Ground};
use crate::{HealthBuilder, sync};

/// How many orders each scenario is tried in, by either scheduler.
const ORDERS: usize = 400;
/// How many preemptions it takes to find a fault.
const DEPTH: usize = 3;

const A_MOMENT: Duration = Duration::from_millis(1);
const FOR_EVER: Duration = Duration::from_secs(3_600);

/// Tries the scenario in many orders; `HEALTH_ORDERS` says how many.
fn explore(scenario: impl Fn() + Send + Sync + 'static) {
    let orders = std::env::var("HEALTH_ORDERS").map_or(ORDERS, |orders| orders.parse().unwrap());
    let mut config = Config::new();
    config.stack_size = 1 << 19;
    // Every ordering counts as sequentially consistent.
    config.silence_warnings = true;
    let scenario = Arc::new(scenario);
    let again = Arc::clone(&scenario);
    Runner::new(RandomScheduler::new(orders), config.clone()).run(move || scenario());
    Runner::new(PctScheduler::new(DEPTH, orders), config).run(move || again());
}

/// An engine whose runtime nobody drives, so that what it does is what the scenario has it do. At its end every task of
/// the engine has to end.
fn with_engine(builder: HealthBuilder, scenario: impl FnOnce(Arc<Engine>)) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let _entered = runtime.enter();
    let plan = builder.build().unwrap().plan;
    scenario(Engine::start(plan, Vec::new(), Ground::of_application(runtime.handle().clone())));
    sync::join_all();
}

/// The clock moves by this, and by nothing else.
fn pass(time: Duration) -> Instant {
    assert!(tokio::time::advance(time).now_or_never().is_none());
    Instant::now()
}

/// These side by side, each on a thread of its own, until all have ended.
fn side_by_side(threads: Vec<Box<dyn FnOnce() + Send>>) {
    let threads: Vec<_> = threads.into_iter().map(thread::spawn).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// Claims the next run, unless there is one in flight.
fn claim(cell: &Arc<Cell>) -> Option<Claim> {
    match cell.join(Wanted::ByEngine, Instant::now()) {
        Joined::Begin(id) => Some(Claim::new(Arc::clone(cell), id)),
        Joined::Waits | Joined::Known => None,
    }
}

/// Nothing is in flight, waits or is waited for.
fn assert_at_rest(engine: &Engine) {
    assert_eq!(engine.queue.is_busy(), (false, false), "(waiting, running)");
    assert_eq!(engine.rounds.load(Ordering::SeqCst), 0);
    for cell in &engine.cells {
        let state = cell.state();
        assert!(state.run.is_none() && state.waiters.is_empty());
    }
}

/// Counts what goes on, and the most that ever went on at once. No point at which threads meet.
#[derive(Clone, Default)]
struct Tally(Arc<(AtomicUsize, AtomicUsize, AtomicUsize)>);

impl Tally {
    fn enter(&self) {
        let (begun, inside, most) = &*self.0;
        begun.fetch_add(1, Ordering::SeqCst);
        most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
    }

    fn leave(&self) {
        self.0.1.fetch_sub(1, Ordering::SeqCst);
    }

    fn begun(&self) -> usize {
        self.0.0.load(Ordering::SeqCst)
    }

    fn most(&self) -> usize {
        self.0.2.load(Ordering::SeqCst)
    }
}
