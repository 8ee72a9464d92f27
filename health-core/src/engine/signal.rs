//! "Something has changed": raised by many, looked at once.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Any number of changes between two looks is one.
#[derive(Default)]
pub(super) struct Signal {
    raised: AtomicBool,
    stopped: AtomicBool,
    notify: Notify,
}

impl Signal {
    pub(super) fn raise(&self) {
        self.raised.store(true, Ordering::Release);
        self.notify.notify_one();
    }

    /// Says to whoever is left that the engine is gone.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Wakes whoever waits if it was raised and nobody has looked since.
    pub(super) fn remind(&self) {
        if self.raised.load(Ordering::Acquire) {
            self.notify.notify_one();
        }
    }

    /// Whether it was raised since the last look.
    pub(super) fn take(&self) -> bool {
        self.raised.swap(false, Ordering::AcqRel)
    }

    pub(super) async fn wait(&self) {
        self.notify.notified().await;
    }
}
