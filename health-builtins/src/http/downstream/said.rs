//! What another service says about itself, in whichever form.

use std::slice;

use health_core::Status;
use serde_json::{Map, Value};

use super::names::Names;

/// The word of another service, for itself or for one of its checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Word {
    Well,
    Degraded,
    /// It does not know.
    Unknown,
    /// It does, in a word that is not known here.
    Foreign,
    Failing,
}

impl Word {
    /// In the native form, in health+json with its aliases, in MicroProfile's and in Spring's.
    pub(super) fn read(text: &str) -> Self {
        let is = |known: &[&str]| known.iter().any(|word| word.eq_ignore_ascii_case(text));
        match () {
            () if is(&["healthy", "pass", "up", "ok"]) => Self::Well,
            () if is(&["degraded", "warn"]) => Self::Degraded,
            () if is(&["unknown"]) => Self::Unknown,
            () if is(&["unhealthy", "fail", "down", "error", "out_of_service"]) => Self::Failing,
            () => Self::Foreign,
        }
    }

    /// As the word of a whole: one that is not known to be well is degraded.
    pub(super) fn status(self) -> Status {
        match self {
            Self::Well => Status::Healthy,
            Self::Degraded | Self::Unknown | Self::Foreign => Status::Degraded,
            Self::Failing => Status::Unhealthy,
        }
    }

    /// `None` if there is no word at all.
    fn of(value: &Value) -> Option<Self> {
        Some(Self::read(value.get("status")?.as_str()?))
    }

    /// Among data, a word that is not known can be about anything.
    fn among_data(check: &Value) -> Option<Self> {
        Self::of(check.get("data")?).filter(|word| *word != Self::Foreign)
    }
}

/// A body that was understood.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) whole: Word,
    /// `draining` or `starting`, or `out of service` where these are not told apart.
    pub(super) phase: Option<&'static str>,
    /// The checks that are not well.
    pub(super) names: Names,
    /// What holds it up beside its checks.
    pub(super) waiting_for: Vec<String>,
}

impl Said {
    /// `None` if this is none of the known forms. Bytes that are hostile cost no more than their length: how deep JSON
    /// may be is limited by its parser.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(bare(body)).ok()?;
        let whole = Word::of(&value)?;
        let top = value.as_object()?;
        let mut names = Names::default();
        match top.get("checks") {
            Some(Value::Array(checks)) => listed(checks, &mut names),
            Some(Value::Object(checks)) => measured(checks, &mut names),
            _ => {}
        }
        below(&value, &mut String::new(), &mut names);
        if names.are_none() {
            // Degraded ones are among them, too.
            texts(top, "failing").for_each(|name| names.add(name, whole));
        }
        let text = |key| top.get(key).and_then(Value::as_str);
        let phase = match (text("phase"), text("status")) {
            (Some("draining"), _) => Some("draining"),
            (Some("starting"), _) => Some("starting"),
            (_, Some("OUT_OF_SERVICE")) => Some("out of service"),
            _ => None,
        };
        let waiting_for = texts(top, "waiting_for").map(ToOwned::to_owned).collect();
        Some(Self { whole, phase, names, waiting_for })
    }
}

/// Why an answer that says no status is not what a health endpoint answers, whatever its code. `None` if it may be one.
pub(super) fn is_no_plain_answer(body: Option<&[u8]>) -> Option<&'static str> {
    let Some(body) = body.map(bare) else {
        return Some("its answer is too long");
    };
    match body.first() {
        Some(b'<') => Some("its answer is a page, which says nothing about its health"),
        Some(b'{') if serde_json::from_slice::<Value>(body).is_err() => Some("its answer is malformed"),
        _ => None,
    }
}

/// Without what may stand before the first character.
fn bare(body: &[u8]) -> &[u8] {
    body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body).trim_ascii_start()
}

fn texts<'a>(top: &'a Map<String, Value>, key: &str) -> impl Iterator<Item = &'a str> {
    top.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// A list of checks: the native form, and MicroProfile's, where a check of the other kind of service can be `UP` and
/// say in its data that it is not well.
fn listed(checks: &[Value], names: &mut Names) {
    for check in checks {
        if let Some(word) = Word::of(check) {
            // Nobody is shown one without a name, and it is counted.
            let name = check.get("name").and_then(Value::as_str).unwrap_or_default();
            names.add(name, word.max(Word::among_data(check).unwrap_or(word)));
        }
    }
}

/// A map from `name:measurement` to measurements: health+json. Some write one of them without a list.
fn measured(checks: &Map<String, Value>, names: &mut Names) {
    for (key, measurements) in checks {
        let name = key.split_once(':').map_or(&**key, |(name, _)| name);
        let measurements = measurements.as_array().map_or(slice::from_ref(measurements), Vec::as_slice);
        if let Some(word) = measurements.iter().filter_map(Word::of).max() {
            names.add(name, word);
        }
    }
}

/// A tree of components: Spring's, where what is below is called `details` in older versions. A check is named by its
/// way from the top; what is no worse than the worst below it is not named. The worst of all of them is returned.
fn below(node: &Value, path: &mut String, names: &mut Names) -> Word {
    let mut worst = Word::Well;
    let children = ["components", "details"].iter().filter_map(|key| node.get(*key)?.as_object()).flatten();
    for (name, child) in children {
        let length = path.len();
        if length > 0 {
            path.push('/');
        }
        path.push_str(name);
        let below = below(child, path, names);
        let is_degraded = child.pointer("/details/degraded") == Some(&Value::Bool(true));
        let least = if is_degraded { Word::Degraded } else { Word::Well };
        let own = Word::of(child).unwrap_or(Word::Well).max(least);
        if own > below {
            names.add(path, own);
        }
        worst = worst.max(own).max(below);
        path.truncate(length);
    }
    worst
}
