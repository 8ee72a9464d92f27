//! When to ask and when not to: a machine that knows nothing of checks and takes the time as it is given.
//!
//! failsafe and recloser read the clock of the standard library, let every caller through while a trial is under way
//! (failsafe, reliakit-circuit) or judge by a rate (recloser), pause always as long (reliakit-circuit), and hear nothing of
//! a call that is dropped; tower-resilience-circuitbreaker wraps services of tower. What is left to write around
//! each of them is more than this.

use std::time::Duration;

use tokio::time::Instant;

/// A pause that no clock overflows with.
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

#[derive(Clone, Debug)]
pub(super) struct Circuit {
    pub(super) opens_after: u32,
    pub(super) first_pause: Duration,
    pub(super) longest_pause: Duration,
    failures: u32,
    open: Option<Open>,
    /// Moves on with every change, so that a run which began before it has no say.
    epoch: u64,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    pause: Duration,
    until: Instant,
}

/// The right to ask once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn(u64);

impl Circuit {
    pub(super) fn closed() -> Self {
        Self {
            opens_after: 3,
            first_pause: Duration::from_secs(15),
            longest_pause: Duration::from_secs(60),
            failures: 0,
            open: None,
            epoch: 0,
        }
    }

    /// The right to ask now, if there is one: always while closed, for one trial after every pause while open.
    pub(super) fn turn(&mut self, now: Instant) -> Option<Turn> {
        if let Some(open) = &mut self.open {
            if now < open.until {
                return None;
            }
            // Nobody else tries meanwhile; after another pause somebody may, should this trial never end.
            open.until = now + open.pause;
            self.epoch += 1;
        }
        Some(Turn(self.epoch))
    }

    /// What was asked works.
    pub(super) fn succeeds(&mut self, turn: Turn) {
        if turn.0 != self.epoch {
            return;
        }
        self.failures = 0;
        if self.open.take().is_some() {
            self.epoch += 1;
        }
    }

    /// It does not. Whether this is the failure that is repeated from now on.
    pub(super) fn fails(&mut self, turn: Turn, now: Instant) -> bool {
        if turn.0 != self.epoch {
            return false;
        }
        self.failures = self.failures.saturating_add(1);
        let longest = self.longest_pause.min(YEAR);
        let pause = match self.open {
            Some(open) => open.pause.saturating_mul(2),
            None if self.failures >= self.opens_after => self.first_pause,
            None => return false,
        };
        let pause = pause.min(longest);
        self.open = Some(Open { pause, until: now + pause });
        self.epoch += 1;
        true
    }
}
