//! Limits that are each possible and contradict each other. Only what is written is judged here: a default may be
//! changed without recompiling, and what a constant comes to is known to the compiler only, so the library judges again.

use std::time::Duration;

use syn::LitStr;

use super::Keys;
use super::probe::Probe;
use super::timing::{Interval, Period};
use crate::errors::Errors;

pub(super) fn refuse(keys: &Keys<'_>, errors: &mut Errors) {
    refuse_never(keys, errors);
    if keys.written("idle").is_some() {
        for key in ["interval", "cache"].iter().filter_map(|key| keys.written(key)) {
            errors.at(key, format!("`idle` takes the place of `{key}`: remove `{key}`, or `idle`"));
        }
    }
    refuse_short_backoff(keys, errors);
    refuse_short_max_age(keys, errors);
}

fn refuse_never(keys: &Keys<'_>, errors: &mut Errors) {
    let Some(Interval::Never(never)) = &keys.timing.interval else { return };
    if keys.probes.as_ref().is_some_and(|probes| probes.word(Probe::Live).is_some()) {
        errors.at(
            never,
            "a check in `live` cannot be one that is never run by itself: what nobody refreshes grows old, and then live \
             would kill a process because nobody had asked it; write an interval such as `\"10s\"`, or `probe = \"ready\"`",
        );
    }
    if let Some(backoff) = keys.written("backoff") {
        errors.at(
            backoff,
            "a check with `interval = \"never\"` is never run by itself, so there is nothing to do more rarely: remove \
             `backoff`, or write an interval",
        );
    }
}

/// Whatever is written in place of the interval.
fn interval<'k>(keys: &'k Keys<'_>) -> Option<(&'static str, &'k LitStr, Duration)> {
    let timing = &keys.timing;
    // Beside `idle` an interval is a mistake of its own.
    match keys.written("idle") {
        Some(_) => named("idle", timing.idle.as_ref()),
        None => named("interval", timing.interval.as_ref().and_then(Interval::every)),
    }
}

fn named<'k>(key: &'static str, period: Option<&'k Period>) -> Option<(&'static str, &'k LitStr, Duration)> {
    let (text, duration) = period?.text()?;
    Some((key, text, duration))
}

fn refuse_short_backoff(keys: &Keys<'_>, errors: &mut Errors) {
    let backoff = keys.timing.backoff.as_ref().and_then(Period::text);
    let (Some((text, backoff)), Some((key, usual, interval))) = (backoff, interval(keys)) else { return };
    if backoff < interval {
        errors.at(
            text,
            format!(
                "`backoff` is the longest interval while the check is unhealthy, and this is shorter than its `{key}`: write \
                 more than `\"{}\"`, or remove `backoff`",
                usual.value()
            ),
        );
    }
}

/// An observation would be stale before the next one can be there.
fn refuse_short_max_age(keys: &Keys<'_>, errors: &mut Errors) {
    let timing = &keys.timing;
    let Some((text, max_age)) = timing.max_age.as_ref().and_then(Period::text) else { return };
    let cache = timing.cache.as_ref().filter(|_| keys.written("idle").is_none());
    let periods = [interval(keys), named("cache", cache), named("backoff", timing.backoff.as_ref())];
    // The first of several equals: it is the one that the others follow.
    let longest =
        periods.into_iter().flatten().reduce(|longest, next| if next.2 > longest.2 { next } else { longest });
    let Some((key, period, longest)) = longest else { return };
    // One that cannot be seen takes some time as well.
    let timeout = timing.timeout.as_ref().and_then(Period::text);
    let needed = longest.saturating_add(timeout.map(|(_, timeout)| timeout).unwrap_or_default());
    if max_age <= needed {
        let (and_timeout, what) = match timeout {
            Some((timeout, _)) => (format!(" and `timeout` (`\"{}\"`)", timeout.value()), "come to"),
            None => (" and the timeout".into(), "come to more than"),
        };
        errors.at(
            text,
            format!(
                "an observation would be stale before the next one is there: its `{key}` (`\"{}\"`){and_timeout} {what} {}; \
                 write a longer `max_age`, or shorten the others",
                period.value(),
                humantime::format_duration(needed),
            ),
        );
    }
}
