//! One key with a value that it takes.

use std::time::Duration;

use super::key::Key;
use super::value::Value;
use crate::{Interval, Probe, ProbeSet, Scope, Spec, name, period};

/// One key with a value that it takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Change {
    Timeout(Duration),
    Interval(Interval),
    Cache(Duration),
    MaxAge(Duration),
    /// `None` for "off".
    Backoff(Option<Duration>),
    /// `None` for "off".
    Idle(Option<Duration>),
    FailureThreshold(u32),
    SuccessThreshold(u32),
    Critical(bool),
    Scope(Scope),
    Probe(ProbeSet),
    Enabled(bool),
}

/// Why a value is none of its key.
#[derive(Debug)]
pub(super) struct Unfit {
    /// The end of the sentence "`key` is `value`, which ...".
    pub(super) why: &'static str,
    pub(super) help: String,
}

const A_DURATION: &str = "write a duration such as \"500ms\", \"2s\" or \"1m 30s\"";
const PROBES: [&str; 4] = ["live", "ready", "startup", "none"];

impl Change {
    pub(super) fn read(key: Key, value: &Value) -> Result<Self, Unfit> {
        Ok(match key {
            Key::Timeout => Self::Timeout(duration(value, A_DURATION)?),
            Key::Interval => Self::Interval(match value {
                Value::Text(word) if word == "never" => Interval::Never,
                other => Interval::Every(duration(other, "write a duration such as \"10s\", or \"never\"")?),
            }),
            Key::Cache => Self::Cache(duration(value, A_DURATION)?),
            Key::MaxAge => Self::MaxAge(duration(value, A_DURATION)?),
            Key::Backoff => Self::Backoff(duration_or_off(value)?),
            Key::Idle => Self::Idle(duration_or_off(value)?),
            Key::FailureThreshold => Self::FailureThreshold(count(value)?),
            Key::SuccessThreshold => Self::SuccessThreshold(count(value)?),
            Key::Critical => Self::Critical(switch(value)?),
            Key::Enabled => Self::Enabled(switch(value)?),
            Key::Scope => Self::Scope(scope(value)?),
            Key::Probe => Self::Probe(probes(value)?),
        })
    }

    pub(crate) const fn key(&self) -> Key {
        match self {
            Self::Timeout(_) => Key::Timeout,
            Self::Interval(_) => Key::Interval,
            Self::Cache(_) => Key::Cache,
            Self::MaxAge(_) => Key::MaxAge,
            Self::Backoff(_) => Key::Backoff,
            Self::Idle(_) => Key::Idle,
            Self::FailureThreshold(_) => Key::FailureThreshold,
            Self::SuccessThreshold(_) => Key::SuccessThreshold,
            Self::Critical(_) => Key::Critical,
            Self::Scope(_) => Key::Scope,
            Self::Probe(_) => Key::Probe,
            Self::Enabled(_) => Key::Enabled,
        }
    }

    pub(super) const fn apply(&self, spec: &mut Spec) {
        match *self {
            Self::Timeout(timeout) => spec.timeout = Some(timeout),
            Self::Interval(interval) => spec.interval = Some(interval),
            Self::Cache(cache) => spec.cache = Some(cache),
            Self::MaxAge(max_age) => spec.max_age = Some(max_age),
            Self::Backoff(backoff) => spec.backoff = backoff,
            Self::Idle(idle) => spec.idle = idle,
            Self::FailureThreshold(observations) => spec.failure_threshold = Some(observations),
            Self::SuccessThreshold(observations) => spec.success_threshold = Some(observations),
            Self::Critical(critical) => spec.critical = Some(critical),
            Self::Scope(scope) => spec.scope = Some(scope),
            Self::Probe(probes) => spec.probes = probes,
            Self::Enabled(enabled) => spec.enabled = enabled,
        }
    }
}

fn unfit<T>(why: &'static str, help: impl Into<String>) -> Result<T, Unfit> {
    Err(Unfit { why, help: help.into() })
}

fn duration(value: &Value, help: &str) -> Result<Duration, Unfit> {
    match value {
        Value::Text(text) => match humantime::parse_duration(text) {
            // What to write instead depends on the key.
            Ok(duration) => match period::fault(duration).and_then(|why| why.split(';').next()) {
                Some(why) => unfit(why, help),
                None => Ok(duration),
            },
            Err(_) if text.trim().parse::<f64>().is_ok() => unfit("has no unit", help),
            Err(_) => unfit("is no duration", help),
        },
        Value::Number(_) => unfit("has no unit", help),
        _ => unfit("is no duration", help),
    }
}

fn duration_or_off(value: &Value) -> Result<Option<Duration>, Unfit> {
    match value {
        Value::Text(word) if word == "off" => Ok(None),
        other => duration(other, "write a duration such as \"30s\", or \"off\"").map(Some),
    }
}

fn count(value: &Value) -> Result<u32, Unfit> {
    let help = "write a whole number of at least 1";
    match value {
        Value::Text(digits) | Value::Number(digits) => match digits.parse() {
            Ok(0) => unfit("is not at least 1", "write 1 for no threshold"),
            Ok(observations) => Ok(observations),
            Err(_) => unfit("is no number of observations", help),
        },
        _ => unfit("is no number of observations", help),
    }
}

fn switch(value: &Value) -> Result<bool, Unfit> {
    match value {
        Value::Switch(on) => Ok(*on),
        Value::Text(word) if word == "true" => Ok(true),
        Value::Text(word) if word == "false" => Ok(false),
        _ => unfit("is neither true nor false", "write `true` or `false`"),
    }
}

fn scope(value: &Value) -> Result<Scope, Unfit> {
    let text = if let Value::Text(text) = value { text } else { "" };
    let known = [Scope::Local, Scope::Shared];
    known
        .into_iter()
        .find(|scope| scope.as_str() == text)
        .map_or_else(|| unfit("is no scope", one_of(text, &known.map(Scope::as_str))), Ok)
}

fn probes(value: &Value) -> Result<ProbeSet, Unfit> {
    let words: Vec<&str> = match value {
        Value::Text(text) => text.split(',').map(str::trim).collect(),
        Value::List(items) => {
            items.iter().map(|item| if let Value::Text(word) = item { word } else { "" }).collect()
        }
        _ => Vec::new(),
    };
    match *words {
        [] => return unfit("names no probe", one_of("", &PROBES)),
        ["none"] => return Ok(ProbeSet::NONE),
        _ => {}
    }
    let mut named = Vec::with_capacity(Probe::ALL.len());
    for word in words {
        match Probe::ALL.into_iter().find(|probe| probe.as_str() == word) {
            Some(twice) if named.contains(&twice) => {
                return unfit("names a probe twice", format!("write `{twice}` once"));
            }
            Some(probe) => named.push(probe),
            None if word == "none" => {
                return unfit("says `none` beside a probe", "write `none` alone, or the probes alone");
            }
            None => return unfit("names something that is no probe", one_of(word, &PROBES)),
        }
    }
    Ok(ProbeSet::of(&named))
}

/// Which words there are, the nearest first.
fn one_of(wrong: &str, known: &[&str]) -> String {
    let guess = name::nearest(&wrong.to_lowercase(), known.iter().copied());
    let guess = guess.map_or_else(String::new, |nearest| format!("did you mean `{nearest}`? "));
    let known: Vec<_> = known.iter().map(|word| format!("`{word}`")).collect();
    format!("{guess}write {}", known.join(" or "))
}
