//! The data of an outcome: every text in it redacted, and all of it together no more than somebody reads.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;

use super::{HIDDEN, names, summary, text};

/// How large all of it may be as JSON, in bytes.
pub(super) const LARGEST: usize = 16 * 1024;
/// How many values one level of it may have, and how many levels there may be.
pub(super) const WIDTH: usize = 64;
const DEPTH: usize = 8;

/// What stands in place of what does not fit, and what it takes: alone in a list and as a field without a name.
const CUT: &str = "…";
const CUT_ITEM: usize = r#""…","#.len();
const CUT_FIELD: usize = r#""…":"…","#.len();

/// The room that is left for the data of one outcome. What comes first fits first.
pub(crate) struct Room {
    bytes: usize,
    names: BTreeSet<Cow<'static, str>>,
    is_full: bool,
}

impl Room {
    pub(crate) fn new() -> Self {
        Self { bytes: LARGEST - "{}".len() - CUT_FIELD, names: BTreeSet::new(), is_full: false }
    }

    /// A named value: every text in it redacted and capped, depth and width bounded, and [`CUT`] in place of what
    /// does not fit. A text whose name says that it is secret shows none of it.
    ///
    /// `None` if there is no room even to say that, or another value has this name once it is redacted.
    pub(crate) fn field(
        &mut self,
        name: Cow<'static, str>,
        value: Value,
    ) -> Option<(Cow<'static, str>, Value)> {
        if self.is_full || self.names.len() >= WIDTH {
            return None;
        }
        let said = name.clone();
        let shown = summary(name);
        if self.names.contains(&shown) {
            return None;
        }
        let Some(value) = self.entry(&said, &shown, value, DEPTH) else {
            self.is_full = true;
            return Some((CUT.into(), CUT.into()));
        };
        self.names.insert(shown.clone());
        Some((shown, value))
    }

    /// The value of a field, with room for its name and at least for the sign that it was cut.
    fn entry(&mut self, name: &str, shown: &str, value: Value, depth: usize) -> Option<Value> {
        self.take(written(shown) + ":".len() + CUT_ITEM)?;
        let least = self.bytes;
        self.bytes += CUT_ITEM - ",".len();
        let fitting = self.named(name, value, depth);
        Some(fitting.unwrap_or_else(|| {
            self.bytes = least;
            CUT.into()
        }))
    }

    fn named(&mut self, name: &str, value: Value, depth: usize) -> Option<Value> {
        match value {
            Value::Null | Value::Bool(_) => self.value(value, depth),
            Value::Number(_) if names::is_plural(name) => self.value(value, depth),
            _ if names::is_secret(name) => self.value(HIDDEN.into(), depth),
            value => self.value(value, depth),
        }
    }

    fn value(&mut self, value: Value, depth: usize) -> Option<Value> {
        let is_text = value.is_string() || value.is_array() || value.is_object();
        let Some(below) = depth.checked_sub(1) else {
            return self.plain(if is_text { CUT.into() } else { value });
        };
        match value {
            Value::String(raw) => self.plain(text(&raw).into()),
            Value::Array(items) => {
                self.take("[]".len() + CUT_ITEM)?;
                let mut kept = Vec::new();
                for item in items.into_iter().take(WIDTH) {
                    let left = self.bytes;
                    let item = self.value(item, below).filter(|_| self.take(",".len()).is_some());
                    let Some(item) = item else {
                        self.bytes = left;
                        kept.push(CUT.into());
                        return Some(Value::Array(kept));
                    };
                    kept.push(item);
                }
                self.bytes += CUT_ITEM;
                Some(Value::Array(kept))
            }
            Value::Object(fields) => {
                self.take("{}".len() + CUT_FIELD)?;
                let mut kept = serde_json::Map::new();
                for (name, field) in fields.into_iter().take(WIDTH) {
                    let shown = text(&name);
                    let Some(field) = self.entry(&name, &shown, field, below) else {
                        kept.insert(CUT.into(), CUT.into());
                        return Some(Value::Object(kept));
                    };
                    kept.insert(shown, field);
                }
                self.bytes += CUT_FIELD;
                Some(Value::Object(kept))
            }
            plain => self.plain(plain),
        }
    }

    fn plain(&mut self, value: Value) -> Option<Value> {
        let bytes = match &value {
            Value::String(text) => written(text),
            other => other.to_string().len(),
        };
        self.take(bytes).map(|()| value)
    }

    fn take(&mut self, bytes: usize) -> Option<()> {
        self.bytes = self.bytes.checked_sub(bytes)?;
        Some(())
    }
}

/// The length of a text as JSON; what is redacted has no control characters.
fn written(text: &str) -> usize {
    let escaped = text.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count();
    "\"\"".len() + text.len() + escaped
}
