//! What the engine shows to those who tell systemd about it.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::{Engine, Vigil};
use crate::systemd::Notifier;

impl Engine {
    /// Does nothing unless somebody wants to be told.
    pub(super) fn begin_telling_systemd(self: &Arc<Self>) {
        if let Some(notifier) = self.plan.systemd.and_then(|options| Notifier::start(self, options)) {
            self.tell_through(notifier);
        }
    }

    pub(crate) fn tell_through(&self, notifier: Arc<Notifier>) {
        // There is none before the start.
        drop(self.notifier.set(notifier));
    }

    pub(super) fn tell_systemd(&self) {
        if let Some(notifier) = self.notifier.get() {
            notifier.tell();
        }
    }

    pub(crate) fn runtime(&self) -> &Handle {
        self.queue.ground().handle()
    }

    pub(crate) fn vigil(&self) -> &Vigil {
        &self.shared.vigil
    }

    /// Whether startup has not passed yet.
    pub(crate) fn waits_for_startup(&self) -> bool {
        !self.startup_has_passed()
    }

    /// Whether a gate is closed that can never open.
    pub(crate) fn waits_in_vain(&self) -> bool {
        self.plan.gates.iter().any(|gate| !gate.is_open() && gate.is_dropped())
    }
}
