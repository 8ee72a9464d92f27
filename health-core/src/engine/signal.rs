//! "Something has changed": raised by many, looked at once.

use tokio::sync::Notify;

use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Any number of changes between two looks is one.
#[derive(Default)]
pub(super) struct Signal {
    raised: AtomicBool,
    stopped: AtomicBool,
    /// How often anything was recorded that an answer could show.
    generation: AtomicU64,
    /// How many runs were queued for longer than their timeout.
    queued_too_long: AtomicU64,
    notify: Notify,
}

impl Signal {
    /// An answer rendered before this is not to be handed out any more.
    pub(super) fn outdate(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(super) fn queued_too_long(&self) {
        self.queued_too_long.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_queued_too_long(&self) -> u64 {
        self.queued_too_long.load(Ordering::Relaxed)
    }

    pub(super) fn raise(&self) {
        self.outdate();
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
