//! A callback of the application, on a thread of its own.

use std::io;
use std::thread;

use futures::executor::block_on;

use super::foreign::contained;
use super::{Subscription, Transition};

/// A callback of the application.
pub(crate) type Observer = Box<dyn FnMut(&Transition) + Send>;

/// Calls `observe` with every transition until the subscription ends. It may panic or block: that costs nobody else
/// anything, and what happens meanwhile is merged as for every slow reader.
///
/// # Errors
///
/// When no thread can be started.
pub(super) fn start(
    mut subscription: Subscription,
    mut observe: impl FnMut(&Transition) + Send + 'static,
) -> io::Result<()> {
    let observer = thread::Builder::new().name("health-observer".into());
    let thread = observer.spawn(move || {
        let mut has_panicked = false;
        while let Some(transition) = block_on(subscription.next()) {
            let panic = contained(|| observe(&transition));
            if let Some(panic) = panic.filter(|_| !std::mem::replace(&mut has_panicked, true)) {
                contained(|| {
                    tracing::error!(target: "health", error = panic, "an observer panicked; further panics of it are not logged");
                });
            }
        }
        // What it captured may panic too when it is dropped.
        contained(|| drop(observe));
    });
    // Detached: it holds up neither the engine nor the exit of the process.
    thread.map(drop)
}
