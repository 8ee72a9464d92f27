//! An array of objects, for programs. The keys are described at [`Format::Json`](super::Format::Json).

use std::fmt::{self, Write as _};

use serde::Serialize;

use crate::period::readable;
use crate::{Declaration, Probe, Scope};

#[derive(Serialize)]
struct Object<'a> {
    name: &'a str,
    description: Option<&'a str>,
    probes: Vec<&'static str>,
    timeout: String,
    interval: String,
    cache: String,
    max_age: String,
    failure_threshold: u32,
    success_threshold: u32,
    backoff: Option<String>,
    idle: Option<String>,
    critical: bool,
    scope: Option<&'static str>,
    group: Option<&'a str>,
    depends_on: Vec<&'a str>,
    enabled: bool,
    kind: &'static str,
    location: String,
}

impl<'a> From<&'a Declaration> for Object<'a> {
    fn from(check: &'a Declaration) -> Self {
        Self {
            name: check.name(),
            description: check.description(),
            probes: check.probes().iter().map(Probe::as_str).collect(),
            timeout: readable(check.timeout()),
            interval: check.interval().to_string(),
            cache: readable(check.cache()),
            max_age: readable(check.max_age()),
            failure_threshold: check.failure_threshold(),
            success_threshold: check.success_threshold(),
            backoff: check.backoff().map(readable),
            idle: check.idle().map(readable),
            critical: check.is_critical(),
            scope: check.scope().map(Scope::as_str),
            group: check.group(),
            depends_on: check.depends_on().collect(),
            enabled: check.is_enabled(),
            kind: check.kind(),
            location: check.location().to_string(),
        }
    }
}

pub(super) fn write(declarations: &[Declaration], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let objects: Vec<_> = declarations.iter().map(Object::from).collect();
    let text = serde_json::to_string_pretty(&objects).map_err(|_| fmt::Error)?;
    for character in text.chars() {
        // JSON allows more inside its strings than a terminal should be sent. The line ends are those of the layout:
        // one inside a string is already escaped.
        if character == '\n' || super::is_harmless(character) {
            f.write_char(character)?;
        } else {
            write!(f, "\\u{:04x}", u32::from(character))?;
        }
    }
    f.write_char('\n')
}
