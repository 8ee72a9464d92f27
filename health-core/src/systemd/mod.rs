//! What systemd is told, over the socket it names in the environment. Without its library: a message is one datagram.

mod dog;
mod environment;
mod leave;
mod line;
mod notifier;
mod outlet;
mod progress;

use std::time::Duration;

pub(crate) use notifier::Notifier;

use crate::{HealthBuilder, Location, Period};

const DEFAULT_STARTUP_BUDGET: Duration = Duration::from_secs(300);

#[doc = include_str!("systemd.md")]
#[derive(Clone, Debug)]
#[must_use]
pub struct Systemd {
    startup_budget: Period,
    may_resume: bool,
}

/// What it comes to once it is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    startup_budget: Duration,
    may_resume: bool,
}

impl Systemd {
    /// Five minutes for start-up, and a drain that is final.
    pub fn new() -> Self {
        Self { startup_budget: DEFAULT_STARTUP_BUDGET.into(), may_resume: false }
    }

    /// How long startup checks, and gates that hold startup, may take before systemd is asked for no more time.
    /// Default: 5 minutes, as for [`KubernetesProbes`](crate::KubernetesProbes::startup_budget). `TimeoutStartSec=` is
    /// granted anyway, also where it is longer. What is no duration, zero, or longer than a year is a problem of
    /// [`build`](HealthBuilder::build).
    pub fn startup_budget(mut self, budget: impl Into<Period>) -> Self {
        self.startup_budget = budget.into();
        self
    }

    /// A drain says nothing of stopping, because this process may [resume](crate::Health::resume).
    ///
    /// systemd knows no way back: whoever has said `STOPPING=1` is killed after `TimeoutStopSec=`. Nothing is lost where
    /// systemd itself stops the service, as it knows then.
    pub fn may_resume(mut self) -> Self {
        self.may_resume = true;
        self
    }

    fn options(self) -> Result<Options, String> {
        let startup_budget = self.startup_budget.checked("the `startup_budget` for systemd")?;
        Ok(Options { startup_budget, may_resume: self.may_resume })
    }
}

impl Default for Systemd {
    fn default() -> Self {
        Self::new()
    }
}

impl HealthBuilder {
    /// Tells systemd, if it is systemd that has started the process, how the process is: see [`Systemd`]. Said twice,
    /// the last one counts.
    #[track_caller]
    pub fn systemd(mut self, systemd: Systemd) -> Self {
        match systemd.options() {
            Ok(options) => self.systemd = Some(options),
            Err(fault) => self.fault(Location::caller(), fault),
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Health;

    #[test]
    fn a_budget_that_is_none_is_a_problem() {
        for (text, words) in [("0s", "is zero"), ("soon", "is no duration")] {
            let fault = Health::builder().systemd(Systemd::new().startup_budget(text)).build().unwrap_err();
            let fault = fault.to_string();
            assert!(fault.contains("the `startup_budget` for systemd") && fault.contains(words), "{fault}");
        }
        assert!(Health::builder().systemd(Systemd::default()).build().is_ok());
    }
}
