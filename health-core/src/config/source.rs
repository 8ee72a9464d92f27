//! Where a setting comes from.

use std::fmt;

use super::variables::Variable;
use crate::redact;

/// Where a setting comes from; printed as `checks.db.timeout in health.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// The key with everything above it, or the variable.
    pub(super) path: String,
    whence: String,
}

impl Source {
    pub(super) fn variable(variable: &Variable) -> Self {
        Self::variable_called(&variable.name)
    }

    pub(super) fn variable_called(name: &str) -> Self {
        Self { path: shown(name), whence: "the environment".into() }
    }

    pub(super) fn written(path: &[&str], label: Option<&str>) -> Self {
        let path: Vec<_> = path.iter().map(|key| segment(key)).collect();
        Self { path: path.join("."), whence: label.map_or_else(|| "the configuration".into(), shown) }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.path, self.whence)
    }
}

/// A key as it stands in a path; one that would be mistaken for several is quoted.
fn segment(key: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !key.is_empty() && key.chars().all(is_plain) { shown(key) } else { format!("\"{}\"", shown(key)) }
}

/// Text of somebody else inside a sentence: redacted, what ends a line spelled out, and not longer than it has to be.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 2 * crate::name::LONGEST;
    let clean = redact::whole(text.to_owned());
    let mut short: String = clean.chars().take(LONGEST).collect();
    if short.len() < clean.len() {
        short.push('…');
    }
    short.escape_debug().to_string()
}
