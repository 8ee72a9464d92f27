//! Starting, running, draining: what the engine does by itself, and what it says when something has changed.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::sleep;

use super::Engine;
use crate::probe::PerProbe;
use crate::sync::atomic::Ordering;
use crate::sync::{MutexGuard, PoisonError};
use crate::watch::News;
use crate::{Phase, Probe, ShutdownStep, Status};

/// The first pause between two tries of the startup checks, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The phase and the probes as they were last seen; `None` before the first look.
pub(super) type Seen = Option<(Phase, PerProbe<Status>)>;

/// Looks again whenever something has changed, for as long as the engine lives. While a round is under way it is left
/// to the end of the round: what the whole is between two of its checks is no news.
pub(super) async fn watch(engine: Weak<Engine>) {
    let Some(shared) = engine.upgrade().map(|engine| Arc::clone(&engine.shared)) else { return };
    loop {
        shared.signal.wait().await;
        let Some(engine) = engine.upgrade() else { return };
        if engine.rounds.load(Ordering::Acquire) == 0 {
            engine.reconsider_if_changed();
            // What the vigil has noticed is said by others; and a check that flaps has to be looked at again.
            engine.shared.journal.say();
            engine.shared.agenda.look_again();
        }
    }
}

/// Repeats the startup checks until startup has passed; nobody has to poll.
pub(super) async fn pass_startup(engine: Weak<Engine>) {
    let mut pause = FIRST_PAUSE;
    loop {
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        // Held for a moment only: the engine stops with the last `Health`, also while it is starting.
        match engine.upgrade() {
            Some(engine) if !engine.startup_has_passed() => {
                engine.begin(engine.plan.joining(Probe::Startup));
            }
            _ => return,
        }
    }
}

impl Engine {
    pub(crate) fn drain(&self) {
        // Before anything that may have to wait for somebody.
        self.draining.store(true, Ordering::Release);
        self.shared.signal.outdate();
        self.reconsider();
        // At once, because the process may be gone in a moment.
        #[cfg(all(feature = "systemd", unix))]
        self.tell_systemd();
    }

    pub(crate) fn resume(&self) {
        self.draining.store(false, Ordering::Release);
        self.shared.signal.outdate();
        self.reconsider();
    }

    /// Tells everybody how far the process has come on its way out.
    pub(crate) fn shutdown_step(&self, step: ShutdownStep) {
        self.shared.journal.note(News::Shutdown { step, under_way: self.work.under_way() });
        self.shared.journal.say();
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Whether startup has passed and all gates are open, also while it drains.
    pub(crate) fn has_come_up(&self) -> bool {
        self.startup_has_passed() && self.plan.gates.iter().all(|gate| gate.is_open())
    }

    /// Remembers how everything stands at the start, without a word.
    pub(super) fn first_look(&self) {
        self.pass_startup_if_earned();
        let statuses = PerProbe::new(|probe| self.status(probe));
        self.shared.journal.begin(statuses);
        *self.seen() = Some((self.phase(), statuses));
    }

    /// A gate was opened, or can never open any more.
    pub(crate) fn gate_changed(&self) {
        self.shared.signal.outdate();
        self.reconsider();
    }

    pub(super) fn reconsider_if_changed(&self) {
        if self.shared.signal.take() {
            self.reconsider();
        }
    }

    /// Looks at the whole, passes startup if it is earned, and says what has changed since the last look.
    pub(super) fn reconsider(&self) {
        let mut seen = self.seen();
        self.pass_startup_if_earned();
        let now = (self.phase(), PerProbe::new(|probe| self.status(probe)));
        let Some(before) = seen.replace(now).filter(|before| *before != now) else { return };
        if before.0 != now.0 {
            self.shared.note(News::Phase { from: before.0, to: now.0 });
        }
        for probe in Probe::ALL {
            let (from, to) = (*before.1.get(probe), *now.1.get(probe));
            if from != to {
                let report = Box::new(self.passive_report(probe));
                self.shared.note(News::Probe { probe, from, to, report });
            }
        }
        drop(seen);
        self.shared.journal.say();
        // There may be something to be reminded of.
        self.shared.agenda.look_again();
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
