//! What the engine runs on.

use std::future::Future;
use std::io;
use std::sync::Arc;

use tokio::runtime::{Handle, RuntimeFlavor};

use super::dedicated::Dedicated;
use super::vigil::Vigil;
use crate::sync;

/// What the engine runs on: a runtime of the application, or a place of its own. Either has a vigil.
pub(crate) struct Ground {
    handle: Handle,
    dedicated: Option<Dedicated>,
    vigil: Arc<Vigil>,
}

impl Ground {
    pub(crate) fn of_application(handle: Handle) -> Self {
        Self { handle, dedicated: None, vigil: Arc::new(Vigil::new()) }
    }

    /// # Errors
    ///
    /// When the system refuses the threads or the descriptors for it.
    pub(crate) fn dedicated() -> io::Result<Self> {
        let vigil = Arc::new(Vigil::new());
        let dedicated = Dedicated::start(&vigil)?;
        Ok(Self { handle: dedicated.handle().clone(), dedicated: Some(dedicated), vigil })
    }

    /// The runtime of timers and of the engine's own tasks.
    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    pub(super) fn vigil(&self) -> &Arc<Vigil> {
        &self.vigil
    }

    pub(super) fn is_dedicated(&self) -> bool {
        self.dedicated.is_some()
    }

    /// How many lanes begin runs side by side.
    pub(super) fn lanes(&self) -> usize {
        match self.handle.runtime_flavor() {
            RuntimeFlavor::CurrentThread if !sync::IS_CONTROLLED => 1,
            _ => 2,
        }
    }

    /// Something that polls checks.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        match &self.dedicated {
            Some(dedicated) => dedicated.spawn(work),
            None => sync::spawn(&self.handle, work),
        }
    }

    /// Ends what is the engine's own. Waits for nothing.
    pub(super) fn stop(&self) {
        if let Some(dedicated) = &self.dedicated {
            dedicated.stop();
        }
    }
}
