//! Fills in what a check leaves open, and nothing that would contradict what it says.

use std::collections::{BTreeMap, BTreeSet};

use super::Override;
use super::change::Change;
use super::key::Key;
use crate::problem::{Problem, ProblemKind};
use crate::{Interval, Probe, Spec};

#[derive(Debug)]
pub(super) struct Defaults {
    changes: BTreeMap<Key, Override>,
    /// Those that contradict each other; said once, not once for every check.
    refused: BTreeSet<Key>,
}

impl Defaults {
    pub(super) fn new(changes: BTreeMap<Key, Override>) -> Self {
        Self { changes, refused: BTreeSet::new() }
    }

    /// Fills in every key that the check does not declare and that was not `decided` by name.
    pub(super) fn fill(&mut self, spec: &mut Spec, decided: &BTreeSet<Key>) -> Vec<Problem> {
        if self.changes.is_empty() || !spec.enabled || !spec.contradictions().is_empty() {
            return Vec::new();
        }
        let own: Vec<Key> = Key::ALL.into_iter().filter(|key| key.is_declared(spec)).collect();
        let mut filled: Vec<&Override> = Vec::new();
        let mut problems = Vec::new();
        for (key, default) in &self.changes {
            let is_open = !own.contains(key) && !decided.contains(key);
            if !is_open || is_pointless(&default.change, spec) {
                continue;
            }
            let mut tuned = spec.clone();
            default.change.apply(&mut tuned);
            let faults = tuned.contradictions();
            if faults.is_empty() {
                *spec = tuned;
                filled.push(default);
            } else if would_fit_without_some(&own, &tuned) {
                tracing::debug!(
                    target: "health", check = %spec.name, key = key.as_str(), source = %default.source,
                    "a default contradicts what the check declares, and is not used for it",
                );
            } else if self.refused.insert(*key) {
                let message = format!("the defaults contradict each other: {}", faults.join("; "));
                let sources = filled.iter().copied().chain([default]).map(|default| &default.source);
                problems.push(Problem::new(ProblemKind::Override, [spec.location], message).set_by(sources));
            }
        }
        problems
    }
}

/// Whether the key says nothing for such a check, whatever the check declares besides.
fn is_pointless(default: &Change, spec: &Spec) -> bool {
    match default {
        // What kills a process must be refreshed.
        Change::Interval(Interval::Never) => spec.probes.contains(Probe::Live),
        // What backs off has an interval, and that may have become "never" by another default.
        Change::Backoff(_) if !spec.has_run => true,
        Change::Backoff(_) => spec.interval == Some(Interval::Never),
        // What is only reported about has no run to limit.
        Change::Timeout(_) | Change::Interval(_) | Change::Cache(_) => !spec.has_run,
        _ => false,
    }
}

/// Whether the contradiction is with what the check itself declares: had it declared less, there would be none.
fn would_fit_without_some(own: &[Key], tuned: &Spec) -> bool {
    // Criticality and scope contradict no duration.
    let own: Vec<Key> = own.iter().copied().filter(|key| *key <= Key::Idle).collect();
    (1..1_u32 << own.len()).any(|some| {
        let mut less = tuned.clone();
        let without = own.iter().enumerate().filter(|(bit, _)| some & (1 << bit) != 0);
        without.for_each(|(_, key)| key.clear(&mut less));
        less.contradictions().is_empty()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::HealthConfig;
    use crate::config::overrides::Overrides;

    /// What a check comes to under these defaults; `Err` with the problem.
    fn under(defaults: &[(&str, &str)], mut spec: Spec) -> Result<Spec, String> {
        let variables = defaults.iter().map(|(key, value)| (format!("HEALTH_DEFAULTS__{key}"), *value));
        let mut problems = Vec::new();
        let configs = [HealthConfig::from_vars(variables)];
        let names = BTreeSet::new();
        let mut overrides = Overrides::read(&configs, &names, &mut problems);
        overrides.tune(&mut spec, &mut problems);
        assert_eq!(spec.own_faults(), <[String; 0]>::default(), "a default made it invalid");
        let printed: Vec<_> = problems.iter().map(ToString::to_string).collect();
        if printed.is_empty() { Ok(spec) } else { Err(printed.join("\n")) }
    }

    fn s(seconds: u64) -> Option<std::time::Duration> {
        Some(std::time::Duration::from_secs(seconds))
    }

    fn every(seconds: u64) -> Option<Interval> {
        s(seconds).map(Interval::Every)
    }

    #[test]
    fn they_fill_only_what_is_open() {
        let all = [
            ("TIMEOUT", "2s"),
            ("INTERVAL", "20s"),
            ("CACHE", "3s"),
            ("BACKOFF", "1m"),
            ("MAX_AGE", "5m"),
            ("FAILURE_THRESHOLD", "3"),
            ("SUCCESS_THRESHOLD", "2"),
        ];
        let filled = under(&all, Spec::named("a")).unwrap();
        assert_eq!((filled.timeout, filled.interval, filled.cache), (s(2), every(20), s(3)));
        assert_eq!((filled.backoff, filled.max_age), (s(60), s(300)));
        assert_eq!((filled.failure_threshold, filled.success_threshold), (Some(3), Some(2)));
        assert_eq!((filled.critical, filled.scope, filled.enabled), (None, None, true));

        let declared = Spec::named("a").timeout("1s").interval("5s").cache("1s").backoff("7s").max_age("9s");
        let kept = under(&all, declared.failure_threshold(1).success_threshold(1)).unwrap();
        assert_eq!((kept.timeout, kept.interval, kept.cache), (s(1), every(5), s(1)));
        assert_eq!((kept.backoff, kept.max_age), (s(7), s(9)));
        assert_eq!((kept.failure_threshold, kept.success_threshold), (Some(1), Some(1)));
    }

    #[test]
    fn they_yield_to_what_the_check_declares() {
        let canary = under(&[("INTERVAL", "5s"), ("CACHE", "5s")], Spec::named("a").idle("30s")).unwrap();
        assert_eq!((canary.interval, canary.cache), (None, None));
        let live = Spec::named("a").probe(Probe::Live).scope(crate::Scope::Local);
        assert_eq!(under(&[("INTERVAL", "never")], live).unwrap().interval, None);
        let patient = Spec::named("a").backoff("1m");
        assert_eq!(under(&[("INTERVAL", "never")], patient.clone()).unwrap().interval, None);
        assert_eq!(under(&[("INTERVAL", "2m")], patient).unwrap().interval, None);
        let asked = Spec::named("a").interval("never");
        assert_eq!(under(&[("BACKOFF", "1m")], asked).unwrap().backoff, None);
        let slow = Spec::named("a").interval("5m");
        assert_eq!(under(&[("BACKOFF", "1m"), ("MAX_AGE", "1m")], slow.clone()).unwrap().backoff, None);
        assert_eq!(under(&[("MAX_AGE", "1m")], slow).unwrap().max_age, None);
        let fresh = Spec::named("a").max_age("12s");
        let still = under(&[("TIMEOUT", "5s"), ("INTERVAL", "1m"), ("CACHE", "12s")], fresh).unwrap();
        assert_eq!((still.timeout, still.interval, still.cache), (None, None, None));
        // Two declared keys, each of which is in the way alone.
        let both = Spec::named("a").cache("30s").backoff("30s");
        assert_eq!(under(&[("MAX_AGE", "20s")], both).unwrap().max_age, None);
    }

    #[test]
    fn never_goes_before_a_backoff_where_both_are_defaults() {
        let both = [("INTERVAL", "never"), ("BACKOFF", "1m")];
        let bare = under(&both, Spec::named("a")).unwrap();
        assert_eq!((bare.interval, bare.backoff), (Some(Interval::Never), None));
        let regular = under(&both, Spec::named("a").interval("5s")).unwrap();
        assert_eq!((regular.interval, regular.backoff), (every(5), s(60)));
    }

    #[test]
    fn those_that_contradict_each_other_are_a_problem() {
        for (defaults, words) in [
            (&[("INTERVAL", "1m"), ("MAX_AGE", "30s")][..], "its max_age is 30s, and its interval (1m)"),
            (&[("INTERVAL", "1m"), ("BACKOFF", "30s")], "shorter than its interval (1m)"),
            (&[("MAX_AGE", "5s")], "its interval (10s)"),
        ] {
            for spec in [Spec::named("a"), Spec::named("a").timeout("1s")] {
                let problem = under(defaults, spec).unwrap_err();
                assert!(problem.contains(words), "{words}\nin\n{problem}");
                let (last, _) = defaults.last().unwrap();
                assert!(problem.contains(&format!("--> HEALTH_DEFAULTS__{last} in the environment")));
            }
        }
        let frequent = Spec::named("a").interval("2s");
        assert_eq!(under(&[("MAX_AGE", "5s")], frequent).unwrap().max_age, s(5), "where it fits it is used");
    }
}
