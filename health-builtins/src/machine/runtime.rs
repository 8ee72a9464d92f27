//! How late a Tokio runtime gets to its work.
//!
//! # What green proves
//!
//! [`RuntimeLag`]: that a task that was just handed to the runtime, and then waited for a timer of 2 ms, was not
//! later than the limit. [`BlockingLag`]: that a closure for [`spawn_blocking`](tokio::task::spawn_blocking()) began
//! within the limit: that the pool has a thread left. Tokio tells the depth of that queue only to programs built with
//! `--cfg tokio_unstable`, so the wait is measured.
//!
//! # What it costs
//!
//! One tiny task; or one closure, which may start a thread of the pool that then idles for ten seconds. For each
//! runtime never more than one of them is waiting, however often is asked and by however many checks.
//!
//! # What it needs
//!
//! The [`Handle`] of the runtime that is to be measured, built with `enable_time` (without, each run panics in its
//! task, and says that). With [`start`](health_core::Assembly::start) checks run on the runtime of the application,
//! so one that is blocked also delays the check, and what is seen is what the runtime does once it is back: within the
//! timeout of the check, which is 5 s, for a run that takes longer is cut off and unhealthy. With
//! [`start_dedicated`](health_core::Assembly::start_dedicated) it is watched from outside.
//!
//! # When it lies
//!
//! It is a sample: a stall between two runs is not seen. [`Heartbeat`](health_core::Heartbeat), which looks each
//! second and is a check for live, finds a runtime that stands still for ever; this one finds a runtime that is busy.
//! That one task was prompt does not prove that those pinned to another thread are.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use health_core::Failure;
use tokio::runtime::{Handle, Id};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::{Gauge, Pressure, Reading, Unit};

/// Well below the timeout of a check, so that the answer is not worse than degraded.
const PATIENCE: Duration = Duration::from_millis(500);
/// Timers have a resolution of a millisecond.
const A_MOMENT: Duration = Duration::from_millis(2);

/// How late tasks and timers of a runtime are. Degraded above 100 ms. Limits are in seconds.
///
/// ```
/// use health_builtins::Recommended as _;
/// use health_builtins::runtime::RuntimeLag;
/// use health_core::Health;
/// use tokio::runtime::Handle;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), health_core::BuildError> {
/// let lag = RuntimeLag::of(&Handle::current()).degraded_above(0.05);
/// let health = Health::builder().check(lag.spec("lag"), lag).build()?.start_dedicated();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct RuntimeLag {
    runtime: Handle,
}

impl RuntimeLag {
    /// Of this runtime. The handle does not keep it alive: once it has ended, that is what is said.
    pub fn of(runtime: &Handle) -> Pressure<Self> {
        Pressure::of(Self { runtime: runtime.clone() })
    }
}

impl Gauge for RuntimeLag {
    const UNIT: Unit = Unit::Seconds;
    const DEGRADED_ABOVE: f64 = 0.1;

    async fn read(&self) -> Result<Reading, Failure> {
        let errand = Errand { of: self.runtime.id(), what: What::Task };
        let waited = errand.run("the runtime has ended, or has no timers", |errand| {
            drop(self.runtime.spawn(async move {
                sleep(A_MOMENT).await;
                errand.done(A_MOMENT);
            }));
        });
        let metrics = self.runtime.metrics();
        let waited = waited.await?;
        let level = waited.time().as_secs_f64();
        let late = Unit::Seconds.write(level);
        let summary = match waited {
            Waited::Until(_) => format!("a task was late by {late}"),
            Waited::Still(_) => format!("a task has been waiting for {late}"),
        };
        Ok(Reading::of(level, summary)
            .data("lag_ms", millis(waited.time()))
            .data("alive_tasks", metrics.num_alive_tasks())
            .data("global_queue_depth", metrics.global_queue_depth())
            .data("workers", metrics.num_workers()))
    }
}

/// How long a closure waits for a thread of a runtime's blocking pool. Degraded above 100 ms. Limits are in seconds.
///
/// ```
/// use health_builtins::Recommended as _;
/// use health_builtins::runtime::BlockingLag;
/// use health_core::Health;
/// use tokio::runtime::Handle;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), health_core::BuildError> {
/// let lag = BlockingLag::of(&Handle::current());
/// let health = Health::builder().check(lag.spec("blocking-pool"), lag).build()?.start();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct BlockingLag {
    runtime: Handle,
}

impl BlockingLag {
    /// Of the pool of this runtime. The handle does not keep it alive: once it has ended, that is what is said.
    pub fn of(runtime: &Handle) -> Pressure<Self> {
        Pressure::of(Self { runtime: runtime.clone() })
    }
}

impl Gauge for BlockingLag {
    const UNIT: Unit = Unit::Seconds;
    const DEGRADED_ABOVE: f64 = 0.1;

    async fn read(&self) -> Result<Reading, Failure> {
        let errand = Errand { of: self.runtime.id(), what: What::Closure };
        let waited = errand.run("the runtime has ended", |errand| {
            drop(self.runtime.spawn_blocking(move || errand.done(Duration::ZERO)));
        });
        let waited = waited.await?;
        let level = waited.time().as_secs_f64();
        let late = Unit::Seconds.write(level);
        let summary = match waited {
            Waited::Until(_) => format!("the blocking pool began its work after {late}"),
            Waited::Still(_) => format!("work for the blocking pool has been waiting for {late}"),
        };
        Ok(Reading::of(level, summary).data("lag_ms", millis(waited.time())))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Those that are under way, of all checks of the process: of a check nothing is left when it was made for one run.
static SENT: Mutex<Vec<Sent>> = Mutex::new(Vec::new());

/// Something tiny for a runtime to do, one at a time.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Errand {
    of: Id,
    what: What,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Task,
    Closure,
}

/// One that is, or was, under way.
#[derive(Clone)]
struct Sent {
    errand: Errand,
    at: Instant,
    done: watch::Receiver<Option<Duration>>,
}

/// What the runtime tells when it gets to it.
struct Receipt {
    at: Instant,
    done: watch::Sender<Option<Duration>>,
}

impl Receipt {
    /// How late it is, when it was to take so long.
    fn done(self, of_this_on_purpose: Duration) {
        let late = self.at.elapsed().saturating_sub(of_this_on_purpose);
        self.done.send_replace(Some(late));
    }
}

enum Waited {
    /// It was begun this late.
    Until(Duration),
    /// It has not been begun, for so long.
    Still(Duration),
}

impl Waited {
    fn time(&self) -> Duration {
        let (Self::Until(time) | Self::Still(time)) = self;
        *time
    }
}

impl Errand {
    /// Waits for the one that is under way, or for the one that is begun because there is none. What it says when
    /// that was lost is `lost`.
    async fn run(self, lost: &'static str, begin: impl FnOnce(Receipt)) -> Result<Waited, Failure> {
        let mut sent = self.sent(begin);
        match timeout(PATIENCE, sent.done.wait_for(Option::is_some)).await {
            Ok(Ok(late)) => Ok(Waited::Until(late.unwrap_or_default())),
            Ok(Err(error)) => Err(Failure::new(lost).because(error)),
            Err(_) => Ok(Waited::Still(sent.at.elapsed())),
        }
    }

    fn sent(self, begin: impl FnOnce(Receipt)) -> Sent {
        let mut all = SENT.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(Sent::is_under_way);
        if let Some(sent) = all.iter().find(|sent| sent.errand == self) {
            return sent.clone();
        }
        let (sender, done) = watch::channel(None);
        let sent = Sent { errand: self, at: Instant::now(), done };
        all.push(sent.clone());
        drop(all);
        begin(Receipt { at: sent.at, done: sender });
        sent
    }
}

impl Sent {
    /// Neither done nor dropped.
    fn is_under_way(&self) -> bool {
        self.done.borrow().is_none() && self.done.has_changed().is_ok()
    }
}
