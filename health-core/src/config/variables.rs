//! What the environment says, and how names are spelled there.

use std::ffi::OsString;

pub(super) const CHECKS: &str = "HEALTH_CHECKS__";
pub(super) const DEFAULTS: &str = "HEALTH_DEFAULTS__";
pub(super) const UNKNOWN: &str = "HEALTH_UNKNOWN";

/// The variables that are ours.
#[derive(Clone, Debug, Default)]
pub(super) struct Environment {
    pub(super) variables: Vec<Variable>,
    pub(super) unknown: Option<Variable>,
}

#[derive(Clone, Debug)]
pub(super) struct Variable {
    pub(super) name: String,
    /// `None` where it is no UTF-8.
    pub(super) value: Option<String>,
}

impl Environment {
    pub(super) fn read(variables: impl Iterator<Item = (OsString, OsString)>) -> Self {
        let mut environment = Self::default();
        for (name, value) in variables {
            // A name that is no UTF-8 ends as one that no check has.
            let name = name.to_string_lossy();
            let is_a_setting = name.starts_with(CHECKS) || name.starts_with(DEFAULTS);
            if !is_a_setting && name != UNKNOWN {
                continue;
            }
            let variable = Variable { name: name.into_owned(), value: value.into_string().ok() };
            if is_a_setting {
                environment.variables.push(variable);
            } else {
                environment.unknown = Some(variable);
            }
        }
        environment
    }
}

/// A name as it stands in a variable: upper case, `__` for `/`, `_` for `-`.
pub(super) fn spelled(name: &str) -> String {
    let mut spelled = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        match character {
            '/' => spelled.push_str("__"),
            '-' => spelled.push('_'),
            other => spelled.push(other.to_ascii_uppercase()),
        }
    }
    spelled
}
