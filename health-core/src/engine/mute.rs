//! Capping the weight of a check for a while.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::Engine;
use super::agenda::Item;
use super::knowledge::Mute;

impl Engine {
    /// Caps the weight of a check at degraded for this long. A mute that was there is replaced.
    pub(crate) fn mute(&self, check: usize, period: Duration, reason: Arc<str>) {
        let Some(cell) = self.cells.get(check) else { return };
        let until = Instant::now() + period;
        let until_at = SystemTime::now().checked_add(period).unwrap_or_else(SystemTime::now);
        cell.mute(Arc::new(Mute { until, until_at, reason }));
        self.shared.agenda.add(until, Item::Unmute(check));
        self.mutes_changed();
    }

    /// Ends a mute; whether there was one.
    pub(crate) fn unmute(&self, check: usize) -> bool {
        let (now, mut was_over) = (Instant::now(), false);
        let was_muted = self.unmute_if(check, |mute| {
            // One that was over is not ended, however late that is noticed.
            was_over = mute.until <= now;
            true
        });
        was_muted && !was_over
    }

    pub(super) fn unmute_if_over(&self, check: usize, now: Instant) {
        // One that was replaced by a longer one goes on.
        self.unmute_if(check, |mute| mute.until <= now);
    }

    fn unmute_if(&self, check: usize, is_meant: impl FnOnce(&Mute) -> bool) -> bool {
        let was_muted = self.cells.get(check).is_some_and(|cell| cell.unmute(is_meant));
        if was_muted {
            self.mutes_changed();
        }
        was_muted
    }

    fn mutes_changed(&self) {
        self.shared.signal.raise();
        self.reconsider_if_changed();
        self.shared.journal.say();
    }
}
