//! Starting, running, draining: what the engine does by itself, and what it says when something has changed.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::sleep;

use super::{Engine, log};
use crate::probe::PerProbe;
use crate::{Phase, Probe, Report, Status};

/// The first pause between two tries of the startup checks, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What was last seen of the phase and the probes, and what of it has not been said yet.
#[derive(Default)]
pub(super) struct Seen {
    /// `None` before the first look.
    last: Option<(Phase, PerProbe<Status>)>,
    unsaid: VecDeque<Change>,
    is_saying: bool,
}

enum Change {
    Phase(Phase, Phase),
    Probe(Status, Status, Box<Report>),
}

/// Looks again whenever something has changed, for as long as the engine lives. While a round is under way it is left
/// to the end of the round: what the whole is between two of its checks is no news.
pub(super) async fn watch(engine: Weak<Engine>) {
    let Some(changed) = engine.upgrade().map(|engine| engine.changed.clone()) else { return };
    loop {
        changed.wait().await;
        let Some(engine) = engine.upgrade() else { return };
        if engine.rounds.load(Ordering::Acquire) == 0 {
            engine.reconsider_if_changed();
        }
    }
}

/// Repeats the startup checks until startup has passed; nobody has to poll.
pub(super) async fn pass_startup(engine: Weak<Engine>) {
    let mut pause = FIRST_PAUSE;
    loop {
        // Held for a moment only: the engine stops with the last `Health`, also while it is starting.
        match engine.upgrade() {
            Some(engine) if !engine.startup_has_passed() => {
                engine.begin(engine.plan.joining(Probe::Startup), None);
            }
            _ => return,
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

impl Engine {
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Release);
        self.reconsider();
    }

    pub(crate) fn resume(&self) {
        self.draining.store(false, Ordering::Release);
        self.reconsider();
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Remembers how everything stands at the start, without a word.
    pub(super) fn first_look(&self) {
        self.pass_startup_if_earned();
        self.seen().last = Some((self.phase(), PerProbe::new(|probe| self.status(probe))));
    }

    pub(super) fn reconsider_if_changed(&self) {
        if self.changed.take() {
            self.reconsider();
        }
    }

    /// Looks at the whole, passes startup if it is earned, and says what has changed since the last look.
    pub(crate) fn reconsider(&self) {
        let mut seen = self.seen();
        self.pass_startup_if_earned();
        let now = (self.phase(), PerProbe::new(|probe| self.status(probe)));
        let Some(before) = seen.last.replace(now).filter(|before| *before != now) else { return };
        if before.0 != now.0 {
            seen.unsaid.push_back(Change::Phase(before.0, now.0));
        }
        for probe in Probe::ALL {
            let (from, to) = (*before.1.get(probe), *now.1.get(probe));
            if from != to {
                seen.unsaid.push_back(Change::Probe(from, to, Box::new(self.passive_report(probe))));
            }
        }
        drop(seen);
        self.say();
    }

    /// Says what has not been said, in its order, by whoever comes first: what logs is foreign code, so nothing is
    /// locked meanwhile, and what it changes itself is said after it returns.
    fn say(&self) {
        if std::mem::replace(&mut self.seen().is_saying, true) {
            return;
        }
        loop {
            let mut seen = self.seen();
            let Some(change) = seen.unsaid.pop_front() else {
                // Under the same lock as the look at what is left, so that nobody leaves a change behind.
                seen.is_saying = false;
                return;
            };
            drop(seen);
            let said = catch_unwind(AssertUnwindSafe(|| match change {
                Change::Phase(from, to) => log::phase_changed(from, to),
                Change::Probe(from, to, report) => log::probe_changed(from, to, &report),
            }));
            if let Err(panic) = said {
                self.seen().is_saying = false;
                resume_unwind(panic);
            }
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
