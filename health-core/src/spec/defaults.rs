//! What a description leaves open, filled in by what the type of the check says.

use super::Spec;

impl Spec {
    /// What is not declared here is as declared there. The name, the probes, the group and the dependencies stay.
    pub(crate) fn or_as(mut self, defaults: Self) -> Self {
        // A canary has neither of the two, and what has one of them is no canary.
        let is_canary = self.idle.is_some();
        let is_regular = self.interval.is_some() || self.cache.is_some();
        if !is_canary {
            self.interval = self.interval.or(defaults.interval);
            self.cache = self.cache.or(defaults.cache);
        }
        if !is_regular {
            self.idle = self.idle.or(defaults.idle);
        }
        self.timeout = self.timeout.or(defaults.timeout);
        self.max_age = self.max_age.or(defaults.max_age);
        self.backoff = self.backoff.or(defaults.backoff);
        self.failure_threshold = self.failure_threshold.or(defaults.failure_threshold);
        self.success_threshold = self.success_threshold.or(defaults.success_threshold);
        // With a scope of its own it has the criticality that goes with that.
        self.critical = self.critical.or(defaults.critical.filter(|_| self.scope.is_none()));
        self.scope = self.scope.or(defaults.scope);
        if self.description.is_empty() {
            self.description = defaults.description;
        }
        self.faults.extend(defaults.faults);
        self
    }
}
