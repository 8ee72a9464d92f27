//! What the engine runs on.

use std::future::Future;

use tokio::runtime::{Handle, RuntimeFlavor};

/// What the engine runs on: a runtime of the application.
pub(crate) struct Ground {
    handle: Handle,
}

impl Ground {
    pub(crate) fn of_application(handle: Handle) -> Self {
        Self { handle }
    }

    /// The runtime of timers and of the engine's own tasks.
    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// How many lanes begin runs side by side.
    pub(super) fn lanes(&self) -> usize {
        match self.handle.runtime_flavor() {
            RuntimeFlavor::CurrentThread => 1,
            _ => 2,
        }
    }

    /// Something that polls checks.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        drop(self.handle.spawn(work));
    }
}
