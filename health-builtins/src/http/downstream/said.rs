//! What another service says about itself, in whichever form.

use health_core::Status;
use serde_json::{Map, Value};

use super::names::Names;

/// The word of another service, for itself or for one of its checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Word {
    Well,
    Degraded,
    Unknown,
    Failing,
}

impl Word {
    /// In the native form, in health+json with its aliases, in MicroProfile's and in Spring's.
    pub(super) fn read(text: &str) -> Option<Self> {
        let is = |known: &[&str]| known.iter().any(|word| word.eq_ignore_ascii_case(text));
        Some(match () {
            () if is(&["healthy", "pass", "up", "ok"]) => Self::Well,
            () if is(&["degraded", "warn"]) => Self::Degraded,
            () if is(&["unknown"]) => Self::Unknown,
            () if is(&["unhealthy", "fail", "down", "error", "out_of_service"]) => Self::Failing,
            () => return None,
        })
    }

    /// As the word of a whole: one that does not know is not known to be well.
    pub(super) fn status(self) -> Status {
        match self {
            Self::Well => Status::Healthy,
            Self::Degraded | Self::Unknown => Status::Degraded,
            Self::Failing => Status::Unhealthy,
        }
    }

    fn of(value: &Value) -> Option<Self> {
        Self::read(value.get("status")?.as_str()?)
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
        let value: Value = serde_json::from_slice(body).ok()?;
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

fn texts<'a>(top: &'a Map<String, Value>, key: &str) -> impl Iterator<Item = &'a str> {
    top.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// A list of checks: the native form, and MicroProfile's, where a check of the other kind of service can be `UP` and
/// say in its data that it is not well.
fn listed(checks: &[Value], names: &mut Names) {
    for check in checks {
        if let (Some(name), Some(word)) = (check.get("name").and_then(Value::as_str), Word::of(check)) {
            let own = check.get("data").and_then(Word::of);
            names.add(name, own.map_or(word, |own| own.max(word)));
        }
    }
}

/// A map from `name:measurement` to measurements: health+json.
fn measured(checks: &Map<String, Value>, names: &mut Names) {
    for (key, measurements) in checks {
        let name = key.split_once(':').map_or(&**key, |(name, _)| name);
        let words = measurements.as_array().into_iter().flatten().filter_map(Word::of);
        if let Some(word) = words.max() {
            names.add(name, word);
        }
    }
}

/// A tree of components: Spring's, where what is below is called `details` in older versions. A check is named by its
/// way from the top; what is only not well because of what is below it is not named.
fn below(node: &Value, path: &mut String, names: &mut Names) -> bool {
    let mut any = false;
    let children = ["components", "details"].iter().filter_map(|key| node.get(*key)?.as_object()).flatten();
    for (name, child) in children {
        let Some(word) = Word::of(child) else { continue };
        let length = path.len();
        if length > 0 {
            path.push('/');
        }
        path.push_str(name);
        if below(child, path, names) {
            any = true;
        } else {
            let is_degraded = child.pointer("/details/degraded") == Some(&Value::Bool(true));
            let word = if is_degraded { word.max(Word::Degraded) } else { word };
            names.add(path, word);
            any |= word > Word::Well;
        }
        path.truncate(length);
    }
    any
}
