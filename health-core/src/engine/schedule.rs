//! What the engine does by itself, in its time.

use std::sync::{Arc, Weak};

use tokio::time::{Instant, timeout_at};

use super::Engine;
use super::agenda::Item;
use super::run::Claim;

/// Runs what is due, notices what has expired, and says what has to be said again, for as long as the engine lives.
pub(super) async fn keep(engine: Weak<Engine>) {
    let mut due = Vec::new();
    loop {
        // Held for a moment only: the engine stops with the last `Health`.
        let Some(this) = engine.upgrade() else { return };
        let now = Instant::now();
        let next = this.shared.agenda.take_due(now, &mut due);
        this.attend_to(&mut due, now);
        this.shared.journal.due(now, |probe| this.passive_report(probe));
        let next = next.into_iter().chain(this.shared.journal.next_due()).min();
        let shared = Arc::clone(&this.shared);
        drop(this);
        match next {
            // Whichever comes first: both mean to look again.
            Some(next) => drop(timeout_at(next, shared.agenda.earlier()).await),
            None => shared.agenda.earlier().await,
        }
    }
}

impl Engine {
    fn attend_to(&self, due: &mut Vec<(Instant, Item)>, now: Instant) {
        let mut claimed = Vec::new();
        for (at, item) in due.drain(..) {
            let (Item::Run(check) | Item::Expiry(check) | Item::Unmute(check)) = item;
            let Some(cell) = self.cells.get(check) else { continue };
            match item {
                Item::Run(_) => {
                    claimed.extend(cell.come_round(at, now).map(|id| Claim::new(Arc::clone(cell), id)));
                }
                Item::Expiry(_) => {
                    if let Some(next) = cell.expire(now) {
                        self.shared.agenda.add(next + super::A_MOMENT, item);
                    }
                }
                Item::Unmute(_) => self.unmute_if_over(check, now),
            }
        }
        self.queue.submit(claimed);
    }
}
