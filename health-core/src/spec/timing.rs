//! When a check runs and how long what it said may be used: what is declared, and what follows from it.

use std::time::Duration;

use super::{Interval, Spec};
use crate::Probe;
use crate::period::readable;

/// How often a check runs that declares nothing.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(10);
/// How old an observation may be before a poll asks again, where nothing is declared.
pub const DEFAULT_CACHE: Duration = Duration::from_secs(1);
/// An observation is usable until this many intervals have passed.
const INTERVALS_USABLE: u32 = 3;

/// Every limit of one check, resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timing {
    pub(crate) timeout: Duration,
    /// `None` for never: on demand only.
    pub(crate) interval: Option<Duration>,
    pub(crate) cache: Duration,
    pub(crate) max_age: Duration,
    /// The ceiling of the interval while unhealthy.
    pub(crate) backoff: Option<Duration>,
    pub(crate) failure_threshold: u32,
    pub(crate) success_threshold: u32,
    /// A canary runs when nothing good has been reported for this long.
    pub(crate) idle: Option<Duration>,
}

impl Timing {
    /// The limits of a check whose answers are given within `deadline`.
    pub(crate) fn of(spec: &Spec, deadline: Duration) -> Self {
        let timeout = spec.effective_timeout();
        let interval = match (spec.idle, spec.interval) {
            (Some(idle), _) => Some(idle),
            (None, Some(declared)) => declared.every(),
            (None, None) => Some(DEFAULT_INTERVAL),
        };
        let is_declared = spec.idle.is_some() || spec.interval.is_some();
        let cache = match (spec.idle.or(spec.cache), interval) {
            (Some(declared), _) => declared,
            (None, Some(interval)) if is_declared || timeout >= deadline => interval,
            (None, _) => DEFAULT_CACHE,
        };
        Self {
            timeout,
            interval,
            cache,
            max_age: spec.max_age.unwrap_or_else(|| {
                let period = interval.unwrap_or(DEFAULT_INTERVAL).max(spec.backoff.unwrap_or_default());
                // Before it is refused, a constant may be longer than what can be counted.
                period.saturating_mul(INTERVALS_USABLE).saturating_add(timeout)
            }),
            backoff: spec.backoff,
            failure_threshold: spec.failure_threshold.unwrap_or(1),
            success_threshold: spec.success_threshold.unwrap_or(1),
            idle: spec.idle,
        }
    }
}

/// Durations that are each possible and contradict each other.
pub(super) fn contradictions(spec: &Spec) -> Vec<String> {
    let name = &spec.name;
    let mut faults = Vec::new();
    if spec.interval == Some(Interval::Never) && spec.probes.contains(Probe::Live) {
        faults.push(format!(
            "`{name}` joins live and is never run by itself (`interval = \"never\"`); what nobody refreshes grows old, and \
             then live would kill a process because nobody had asked it"
        ));
    }
    for (threshold, declared) in
        [("failure_threshold", spec.failure_threshold), ("success_threshold", spec.success_threshold)]
    {
        if declared == Some(0) {
            faults.push(format!("the {threshold} of `{name}` is 0; write 1 for no threshold"));
        }
    }
    if let Some(backoff) = spec.backoff {
        let interval = || ("interval", spec.interval.unwrap_or(Interval::Every(DEFAULT_INTERVAL)));
        let (key, interval) = spec.idle.map_or_else(interval, |idle| ("idle", Interval::Every(idle)));
        match interval {
            Interval::Never => faults.push(format!(
                "`{name}` has a backoff and is never run by itself (`interval = \"never\"`); remove one of them"
            )),
            Interval::Every(period) if backoff < period => faults.push(format!(
                "the backoff of `{name}` ({}) is shorter than its {key} ({}); it is the longest interval while the check is \
                 unhealthy, so write a longer `backoff`, or remove it",
                readable(backoff),
                readable(period)
            )),
            Interval::Every(_) => {}
        }
    }
    if spec.idle.is_some() {
        for (key, is_declared) in [("interval", spec.interval.is_some()), ("cache", spec.cache.is_some())] {
            if is_declared {
                faults.push(format!(
                    "`{name}` declares `idle` and `{key}`; `idle` takes its place, so remove `{key}`"
                ));
            }
        }
    }
    if spec.has_run {
        faults.extend(max_age_fault(spec));
    } else {
        faults.extend(faults_of_a_reporter(spec));
    }
    faults
}

/// What a check without a run cannot declare, and what it must.
fn faults_of_a_reporter(spec: &Spec) -> Vec<String> {
    let name = &spec.name;
    let mut faults = Vec::new();
    if spec.max_age.is_none() {
        faults.push(format!(
            "the reporter `{name}` gives no max_age, so nothing would ever notice that it has fallen silent; write \
             `.max_age(\"2m\")`"
        ));
    }
    let of_a_run = [
        ("timeout", spec.timeout.is_some()),
        ("interval", spec.interval.is_some()),
        ("cache", spec.cache.is_some()),
        ("backoff", spec.backoff.is_some()),
        ("idle", spec.idle.is_some()),
    ];
    for (key, _) in of_a_run.into_iter().filter(|(_, is_declared)| *is_declared) {
        faults.push(format!("the reporter `{name}` declares `{key}` and has no run; remove it"));
    }
    faults
}

/// An observation that would be too old before the next one can be there.
fn max_age_fault(spec: &Spec) -> Option<String> {
    let max_age = spec.max_age?;
    // Judged by what is declared and the defaults that do not depend on a deadline.
    let timing = Timing::of(spec, Duration::MAX);
    let periods = [
        ("cache", Some(timing.cache).filter(|_| spec.idle.is_none())),
        ("interval", timing.interval.filter(|_| spec.idle.is_none())),
        ("backoff", timing.backoff),
        ("idle", timing.idle),
    ];
    let (key, longest) = periods
        .into_iter()
        .filter_map(|(key, period)| Some((key, period?)))
        .max_by_key(|(_, period)| *period)?;
    let needed = longest.saturating_add(timing.timeout);
    (max_age <= needed).then(|| {
        format!(
            "an observation of `{}` would be stale before the next one is there: its max_age is {}, and its {key} ({}) and \
             timeout ({}) come to {}; write a longer `max_age`, or shorten the others",
            spec.name,
            readable(max_age),
            readable(longest),
            readable(timing.timeout),
            readable(needed),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: Duration = Duration::from_millis(800);

    fn timing(spec: &Spec) -> Timing {
        Timing::of(spec, DEADLINE)
    }

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_defaults_follow_from_each_other() {
        let plain = timing(&Spec::named("a"));
        assert_eq!((plain.interval, plain.cache), (Some(s(10)), s(1)));
        assert_eq!(plain.max_age, Duration::from_millis(30_700));
        let declared = timing(&Spec::named("a").interval("20s").timeout("500ms"));
        assert_eq!((declared.cache, declared.max_age), (s(20), Duration::from_millis(60_500)));
        let slow = timing(&Spec::named("a").timeout("800ms"));
        assert_eq!(slow.cache, s(10), "a poll cannot wait for a run that may be longer than its answer");
        let never = timing(&Spec::named("a").interval("never").timeout("2s"));
        assert_eq!((never.interval, never.cache, never.max_age), (None, s(1), s(32)));
        let patient = timing(&Spec::named("a").interval("5s").backoff("1m").timeout("1s"));
        assert_eq!((patient.cache, patient.max_age), (s(5), s(181)));
        let canary = timing(&Spec::named("a").idle("30s").timeout("1s"));
        assert_eq!((canary.interval, canary.cache, canary.max_age), (Some(s(30)), s(30), s(91)));
    }

    #[test]
    fn what_cannot_be_counted_is_cut_off() {
        let longest = timing(&Spec::named("a").interval(Duration::MAX));
        assert_eq!((longest.cache, longest.max_age), (Duration::MAX, Duration::MAX));
    }

    fn faults(spec: &Spec) -> String {
        contradictions(spec).join("\n")
    }

    #[test]
    fn what_contradicts_itself_is_said() {
        let named = || Spec::named("a").timeout("1s");
        for (spec, words) in [
            (named().interval("10s").max_age("11s"), "its interval (10s) and timeout (1s) come to 11s"),
            (named().interval("never").cache("10s").max_age("11s"), "its cache (10s)"),
            (named().backoff("1m").max_age("61s"), "its backoff (1m)"),
            (named().idle("10s").max_age("11s"), "its idle (10s)"),
            (named().idle("10s").interval("10s"), "remove `interval`"),
            (named().idle("10s").cache("10s"), "remove `cache`"),
            (named().backoff("9s"), "shorter than its interval (10s)"),
            (named().idle("10s").backoff("9s"), "shorter than its idle (10s)"),
            (named().interval("never").backoff("9s"), "never run by itself"),
            (named().interval("never").probe(Probe::Live), "joins live"),
            (named().failure_threshold(0), "failure_threshold of `a` is 0"),
            (named().success_threshold(0), "success_threshold of `a` is 0"),
        ] {
            assert!(faults(&spec).contains(words), "{words}: {}", faults(&spec));
        }
        for spec in [
            named().interval("10s").max_age("11001ms"),
            named().interval("never").max_age("2001ms"),
            named().idle("10s").max_age("11001ms"),
            named().backoff("10s"),
        ] {
            assert_eq!(faults(&spec), "");
        }
    }
}
