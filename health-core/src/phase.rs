//! Where the process is in its life.

use std::fmt;

/// Where the process is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Startup has not passed, or a gate is closed. Not ready.
    Starting,
    /// Startup has passed and every gate is open. Ready says what its checks say.
    Running,
    /// On its way out, until resumed. Not ready; live is untouched.
    Draining,
}

impl Phase {
    /// The lower-case word used on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Draining => "draining",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
