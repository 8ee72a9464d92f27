//! Capping the weight of a check for a while.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::Engine;
use super::agenda::Item;
use super::knowledge::Mute;
use crate::watch::News;

impl Engine {
    /// Caps the weight of a check at degraded for this long. A mute that was there is replaced.
    pub(crate) fn mute(&self, check: usize, period: Duration, reason: Arc<str>) {
        let Some(cell) = self.cells.get(check) else { return };
        let until = Instant::now() + period;
        let until_at = SystemTime::now().checked_add(period).unwrap_or_else(SystemTime::now);
        cell.set_mute(Some(Arc::new(Mute { until, until_at, reason: Arc::clone(&reason) })));
        self.shared.agenda.add(until, Item::Unmute(check));
        self.shared.journal.note(News::Muted { check, until: until_at, reason });
        self.mutes_changed();
    }

    /// Ends a mute; whether there was one.
    pub(crate) fn unmute(&self, check: usize) -> bool {
        let Some(mute) = self.cells.get(check).and_then(|cell| cell.set_mute(None)) else { return false };
        self.shared.journal.note(News::Unmuted { check });
        self.mutes_changed();
        // One that was over is not ended, however late that is noticed.
        Instant::now() < mute.until
    }

    pub(super) fn unmute_if_over(&self, check: usize, now: Instant) {
        let is_over = |mute: &Arc<Mute>| mute.until <= now;
        let Some(cell) = self.cells.get(check) else { return };
        // One that was replaced by a longer one goes on.
        if cell.knowledge().muted.as_ref().is_some_and(is_over) {
            self.unmute(check);
        }
    }

    fn mutes_changed(&self) {
        self.shared.signal.raise();
        self.reconsider_if_changed();
        self.shared.journal.say();
    }
}
