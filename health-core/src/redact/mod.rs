//! The one place where something private, or written by somebody else, becomes text.

mod line;
mod patterns;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::error::Error;
use std::fmt::Write as _;

use serde_json::Value;

use line::{Capped, LONGEST, READ, one_line};
use patterns::{PATTERNS, SECRET_NAME};

/// How many causes of causes are followed.
const CHAIN: usize = 16;
/// How deep and how wide a data value may be.
const DEPTH: usize = 8;
pub(crate) const WIDTH: usize = 64;

/// An error with everything it says it was caused by, as one redacted, capped line.
///
/// Runs the error's own `Display`, which may panic: callers contain it.
pub(crate) fn cause(error: &(dyn Error + 'static)) -> String {
    let mut raw = Capped(String::new());
    let mut next = Some(error);
    let mut last = String::new();
    for _ in 0..CHAIN {
        let Some(error) = next else { break };
        let mut own = Capped(String::new());
        // A writer that is full stops the formatting; what was written until then counts.
        let _ = write!(own, "{error}");
        // Many errors already end with the text of their source; saying it twice helps nobody.
        if !last.ends_with(&own.0) {
            let separator = if raw.0.is_empty() { "" } else { ": " };
            let _ = write!(raw, "{separator}{}", own.0);
        }
        last = own.0;
        next = error.source();
    }
    text(&raw.0)
}

/// Text that somebody wrote at run time: redacted, one line, capped.
pub(crate) fn text(raw: &str) -> String {
    let readable = (0..=READ.min(raw.len())).rev().find_map(|end| raw.get(..end)).unwrap_or_default();
    let mut clean = Cow::Borrowed(readable);
    for (pattern, replacement) in PATTERNS.iter() {
        if let Cow::Owned(changed) = pattern.replace_all(&clean, *replacement) {
            clean = Cow::Owned(changed);
        }
    }
    one_line(&clean)
}

/// A summary its author wrote. A literal in the program carries no secret of this process, so it is only cut.
pub(crate) fn summary(summary: Cow<'static, str>) -> Cow<'static, str> {
    match summary {
        Cow::Borrowed(literal) if literal.len() <= LONGEST && !literal.contains(char::is_control) => {
            literal.into()
        }
        Cow::Borrowed(literal) => one_line(literal).into(),
        Cow::Owned(written) => text(&written).into(),
    }
}

/// A named data value: every text in it redacted and capped, depth and width bounded. A text whose name says that it
/// is secret shows none of it.
pub(crate) fn field(name: &str, value: Value) -> Value {
    named(name, value, DEPTH)
}

fn named(name: &str, value: Value, depth: usize) -> Value {
    match value {
        Value::String(_) | Value::Array(_) | Value::Object(_) if SECRET_NAME.is_match(name) => {
            Value::String(HIDDEN.into())
        }
        value => bounded(value, depth),
    }
}

fn bounded(value: Value, depth: usize) -> Value {
    let Some(below) = depth.checked_sub(1) else {
        let compound = value.is_array() || value.is_object() || value.is_string();
        return if compound { "…".into() } else { value };
    };
    match value {
        Value::String(raw) => Value::String(text(&raw)),
        Value::Array(items) => items.into_iter().take(WIDTH).map(|item| bounded(item, below)).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter().take(WIDTH);
            Value::Object(fields.map(|(name, field)| (text(&name), named(&name, field, below))).collect())
        }
        plain => plain,
    }
}

/// What stands where a secret was.
pub(crate) const HIDDEN: &str = "***";
