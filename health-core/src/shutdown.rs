//! How far a process has come on its way out.

use std::fmt;

use crate::Health;

/// How far a process has come on its way out, as whoever stops it [says](Health::shutdown_step).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ShutdownStep {
    /// It was told to leave. It is not ready any more and goes on serving, so that others have time to notice.
    Draining,
    /// It lets nobody in any more. What is under way may finish.
    Finishing,
    /// Everything has finished.
    Finished,
    /// It has waited for as long as it may: what is still under way is cut off.
    CutOff,
}

impl ShutdownStep {
    /// The lower-case word used on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draining => "draining",
            Self::Finishing => "finishing",
            Self::Finished => "finished",
            Self::CutOff => "cut_off",
        }
    }
}

impl fmt::Display for ShutdownStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Health {
    /// Tells subscribers, observers and the log how far the process has come on its way out, with how much
    /// [work](Self::work) is under way. For whatever stops the process, as `health_actix::run`: it changes nothing itself.
    pub fn shutdown_step(&self, step: ShutdownStep) {
        self.engine.shutdown_step(step);
    }

    /// Whether every subscriber and observer has heard of everything so far, and waits for more. One that is slow has
    /// not, nor has a subscription that nobody reads.
    #[must_use]
    pub fn has_been_heard(&self) -> bool {
        self.engine.journal().has_been_heard()
    }
}
