//! What all connections of one listener share: their limits, and how many there are.

use std::cell::Cell;
use std::rc::Rc;

use tokio::sync::Semaphore;

use super::limits::Limits;

#[derive(Debug)]
pub(super) struct Load {
    pub(super) limits: Limits,
    /// A permit for each connection that there may be beside those that there are.
    vacant: Semaphore,
    connections: Cell<usize>,
    /// Answers that are being made or sent.
    pub(super) answers: Cell<usize>,
}

impl Load {
    pub(super) fn new(limits: Limits) -> Rc<Self> {
        let vacant = Semaphore::new(limits.connections);
        Rc::new(Self { limits, vacant, connections: Cell::new(0), answers: Cell::new(0) })
    }

    /// Waits until there may be one more connection.
    pub(super) async fn vacancy(&self) {
        // It is never closed. Whoever waits is the one who lets in, and waits for one at a time.
        if let Ok(permit) = self.vacant.acquire().await {
            permit.forget();
        }
    }

    /// Takes the place that [`vacancy`](Self::vacancy) has found.
    pub(super) fn admit(self: &Rc<Self>) -> Slot {
        self.connections.set(self.connections.get() + 1);
        Slot(Rc::clone(self))
    }

    /// Whether somebody who comes now has to wait.
    pub(super) fn is_full(&self) -> bool {
        self.connections.get() >= self.limits.connections
    }
}

/// The place of a connection, given back when this is dropped.
#[derive(Debug)]
pub(super) struct Slot(pub(super) Rc<Load>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.connections.set(self.0.connections.get().saturating_sub(1));
        self.0.vacant.add_permits(1);
    }
}
