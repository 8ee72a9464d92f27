//! One description from several, for a check that asks in one run what they would ask in several.

use std::borrow::{Borrow, Cow};
use std::time::Duration;

use super::{DEFAULT_INTERVAL, Interval, Scope, Spec};

impl Spec {
    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How long one run may take: what is declared, or [`DEFAULT_TIMEOUT`](crate::DEFAULT_TIMEOUT).
    #[must_use]
    pub fn effective_timeout(&self) -> Duration {
        self.timeout.unwrap_or(super::DEFAULT_TIMEOUT)
    }

    /// A check of this name that asks, in one run, what all of these would ask.
    ///
    /// It may take as long as the longest of them, runs as seldom as the one that runs most seldom, is critical if one of them
    /// is, shared if one of them is and local if all are, and depends on whatever one of them depends on. What is wrong
    /// with the limits of one is wrong with this, and so are two of one name. The rest is as with [`named`](Self::named).
    ///
    /// So one that is not [critical](Self::is_critical) becomes part of one that may be: what asks for all of them has to
    /// see to it that a failure of that one alone makes the whole degraded at most.
    ///
    /// ```
    /// use health_core::{Scope, Spec};
    /// use std::time::Duration;
    ///
    /// let here = Spec::named("here").scope(Scope::Local);
    /// let there = Spec::named("there").scope(Scope::Shared).timeout("2s").interval("30s");
    /// let both = Spec::merged("both", [&here, &there]);
    /// assert_eq!(both.effective_timeout(), Duration::from_secs(2));
    /// ```
    #[track_caller]
    pub fn merged<S: Borrow<Self>>(
        name: impl Into<Cow<'static, str>>,
        specs: impl IntoIterator<Item = S>,
    ) -> Self {
        let mut merged = Self::named(name);
        let mut names = Vec::new();
        for (index, spec) in specs.into_iter().enumerate() {
            let spec = spec.borrow();
            if index == 0 {
                (merged.critical, merged.scope) = (Some(spec.is_critical()), spec.scope);
                (merged.timeout, merged.interval) = (spec.timeout, spec.interval);
            } else {
                merged.covers(spec);
            }
            for name in &spec.depends_on {
                if !merged.depends_on.contains(name) {
                    merged.depends_on.push(name.clone());
                }
            }
            merged.faults.extend(spec.faults.iter().cloned());
            let twins = format!("two members of `{}` are called `{}`", merged.name, spec.name);
            if !names.contains(&spec.name) {
                names.push(spec.name.clone());
            } else if !merged.faults.contains(&twins) {
                merged.faults.push(twins);
            }
        }
        merged
    }

    fn covers(&mut self, other: &Self) {
        self.critical = Some(self.is_critical() || other.is_critical());
        self.scope = match (self.scope, other.scope) {
            (Some(Scope::Shared), _) | (_, Some(Scope::Shared)) => Some(Scope::Shared),
            (Some(Scope::Local), Some(Scope::Local)) => Some(Scope::Local),
            _ => None,
        };
        if self.timeout.is_some() || other.timeout.is_some() {
            self.timeout = Some(self.effective_timeout().max(other.effective_timeout()));
        }
        self.interval = match (self.interval, other.interval) {
            (None, None) => None,
            (Some(Interval::Never), _) | (_, Some(Interval::Never)) => Some(Interval::Never),
            (one, another) => {
                let every = |interval: Option<Interval>| {
                    interval.and_then(Interval::every).unwrap_or(DEFAULT_INTERVAL)
                };
                Some(Interval::Every(every(one).max(every(another))))
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_careful_of_them_all() {
        let declared = |spec: &Spec| (spec.timeout, spec.interval, spec.is_critical(), spec.scope);
        let seconds = Duration::from_secs;
        let plain = Spec::named("plain");
        let local = Spec::named("local").scope(Scope::Local).timeout("100ms").depends_on(["disk"]);
        let shared =
            Spec::named("shared").scope(Scope::Shared).interval("30s").depends_on(["disk", "network"]);
        let asked = Spec::named("asked").scope(Scope::Local).interval("never");
        let often = Spec::named("often").interval("1s").critical(false);

        assert_eq!(declared(&Spec::merged::<Spec>("none", [])), (None, None, true, None));
        assert_eq!(declared(&Spec::merged("alone", [&shared])), declared(&shared));
        assert!(!declared(&Spec::merged("two", [&often, &shared])).2);
        let two = Spec::merged("two", [&shared, &local]);
        let limits = (Some(super::super::DEFAULT_TIMEOUT), Some(Interval::Every(seconds(30))), true);
        assert_eq!(declared(&two), (limits.0, limits.1, limits.2, Some(Scope::Shared)));
        assert_eq!(two.depends_on, ["disk", "network"]);
        assert_eq!(Spec::merged("locals", [&local, &asked]).scope, Some(Scope::Local));
        assert_eq!(Spec::merged("locals", [&local, &plain]).scope, None);
        assert_eq!(Spec::merged("rare", [&often, &asked]).interval, Some(Interval::Never));
        // The other one runs every 10 s without saying so.
        assert_eq!(Spec::merged("rare", [&often, &plain]).interval, Some(Interval::Every(seconds(10))));
    }

    #[test]
    fn each_has_a_name_of_its_own() {
        let named = |names: [&'static str; 5]| Spec::merged("all", names.map(Spec::named)).own_faults();
        assert_eq!(named(["a", "b", "c", "d", "e"]), [""; 0]);
        let twins = ["two members of `all` are called `a`", "two members of `all` are called `b`"];
        assert_eq!(named(["a", "b", "a", "a", "b"]), twins);
    }

    #[test]
    fn what_is_wrong_with_one_is_not_lost() {
        let odd = Spec::named("odd").timeout("2 parsecs");
        assert!(Spec::merged("all", [&Spec::named("good"), &odd]).own_faults()[0].contains("parsecs"));
    }
}
