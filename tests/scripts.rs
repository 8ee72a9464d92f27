//! A check that does what its test tells it to, and remembers when it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use health_core::{Outcome, Status};
use tokio::time::{Instant, sleep};

/// Clones are the same script.
#[derive(Clone, Default)]
pub struct Script(Arc<Mutex<Lines>>);

#[derive(Default)]
struct Lines {
    /// Said once each, before `always`.
    next: VecDeque<Status>,
    always: Option<Status>,
    takes: Duration,
    hangs: bool,
    began: Vec<Instant>,
    running: usize,
    most_at_once: usize,
}

impl Script {
    /// Every run says this, until something else is written.
    pub fn new(always: Status) -> Self {
        let this = Self::default();
        this.says(always);
        this
    }

    pub fn says(&self, always: Status) {
        self.lines().always = Some(always);
    }

    /// The next runs say these, one each.
    pub fn says_next(&self, next: impl IntoIterator<Item = Status>) {
        self.lines().next.extend(next);
    }

    /// How long each run takes from now on.
    pub fn takes(&self, duration: Duration) {
        self.lines().takes = duration;
    }

    /// Whether the runs that begin from now on ever end.
    pub fn hangs(&self, hangs: bool) {
        self.lines().hangs = hangs;
    }

    pub fn runs(&self) -> usize {
        self.lines().began.len()
    }

    /// When each run began.
    pub fn began(&self) -> Vec<Instant> {
        self.lines().began.clone()
    }

    /// The time between the beginnings of each two runs in a row.
    pub fn gaps(&self) -> Vec<Duration> {
        self.began().windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    /// How many runs were in flight at once, at most.
    pub fn most_at_once(&self) -> usize {
        self.lines().most_at_once
    }

    /// The check itself, for `check_fn`.
    pub fn check(&self) -> impl Fn() -> BoxFuture<'static, Outcome> + Send + Sync + use<> {
        let this = self.clone();
        move || Box::pin(this.clone().run())
    }

    async fn run(self) -> Outcome {
        let (takes, hangs, status, _running) = {
            let mut lines = self.lines();
            lines.began.push(Instant::now());
            lines.running += 1;
            lines.most_at_once = lines.most_at_once.max(lines.running);
            let status = lines.next.pop_front().or(lines.always).unwrap_or(Status::Healthy);
            (lines.takes, lines.hangs, status, Running(self.clone()))
        };
        if hangs {
            std::future::pending::<()>().await;
        }
        if !takes.is_zero() {
            sleep(takes).await;
        }
        Outcome::of(status)
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One run in flight, for as long as it is not dropped.
struct Running(Script);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.lines().running -= 1;
    }
}
