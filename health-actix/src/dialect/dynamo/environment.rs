//! What the environment says to Dynamo.

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::io;

use health_core::HealthConfig;

use super::{Flavour, HEALTH_PATH, LIVE_PATH};

const STARTING: &str = "DYN_SYSTEM_STARTING_HEALTH_STATUS";
const REQUIRED: &str = "DYN_SYSTEM_USE_ENDPOINT_HEALTH_STATUS";
const CANARIES: &str = "DYN_HEALTH_CHECK_ENABLED";
const IDLE: &str = "DYN_CANARY_WAIT_TIME";
const TIMEOUT: &str = "DYN_HEALTH_CHECK_REQUEST_TIMEOUT";

/// The longest duration the engine takes.
const A_YEAR: u64 = 365 * 24 * 60 * 60;

/// What the environment says, once it is known to be right.
#[derive(Default)]
pub(super) struct Settings {
    pub(super) starts_ready: bool,
    pub(super) health_path: Option<String>,
    pub(super) live_path: Option<String>,
    /// What only a builder can make true.
    pub(super) config: HealthConfig,
    /// The variables it comes from.
    pub(super) for_builder: Vec<&'static str>,
}

/// The variables of Dynamo that are set and bad, all of them, each with what would be right.
///
/// Their values are not repeated: what stands in the wrong place may be a secret. `Debug` prints the same list as
/// `Display`, because that is what a `main` that returns an error shows.
#[derive(Clone, PartialEq, Eq)]
pub struct DynamoError {
    faults: Vec<Fault>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Fault {
    variable: &'static str,
    /// What is wrong, as the end of a sentence.
    is: &'static str,
    help: &'static str,
}

impl Flavour {
    /// The variables that say where readiness and liveness are asked.
    fn path_variables(self) -> [&'static str; 2] {
        match self {
            Self::Worker => ["DYN_SYSTEM_HEALTH_PATH", "DYN_SYSTEM_LIVE_PATH"],
            Self::Frontend => ["DYN_HTTP_SVC_HEALTH_PATH", "DYN_HTTP_SVC_LIVE_PATH"],
        }
    }
}

impl Settings {
    pub(super) fn read(
        flavour: Flavour,
        variables: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<Self, DynamoError> {
        let mut reader = Reader { variables: variables.collect(), faults: Vec::new() };
        let [health, live] = flavour.path_variables();
        let (health_path, live_path) = (reader.path(health), reader.path(live));
        let [asked_ready, asked_live] = [(&health_path, HEALTH_PATH), (&live_path, LIVE_PATH)]
            .map(|(path, default)| path.as_deref().unwrap_or(default));
        // A path that is bad has been told of already.
        if reader.faults.is_empty() && asked_ready == asked_live {
            let variable = if live_path.is_some() { live } else { health };
            let is = "makes readiness and liveness share a path";
            reader.faults.push(Fault { variable, is, help: "write a path that the other one does not have" });
        }
        let mut settings = Self { health_path, live_path, ..Self::default() };
        settings.starts_ready =
            reader.one_of(STARTING, ["ready", "notready"], "is no status", "write `ready` or `notready`")
                == Some("ready");
        if let Some(names) = reader.names(REQUIRED) {
            settings.for_builder(REQUIRED, |config| config.required_for_ready(names, REQUIRED));
        }
        let enabled = reader.one_of(
            CANARIES,
            ["true", "false"],
            "is neither true nor false",
            "write `true` or `false`",
        );
        if let Some(enabled) = enabled {
            settings.for_builder(CANARIES, |config| config.canaries("enabled", enabled, CANARIES));
        }
        for (variable, key) in [(IDLE, "idle"), (TIMEOUT, "timeout")] {
            if let Some(seconds) = reader.seconds(variable) {
                settings
                    .for_builder(variable, |config| config.canaries(key, format!("{seconds}s"), variable));
            }
        }
        if reader.faults.is_empty() { Ok(settings) } else { Err(DynamoError { faults: reader.faults }) }
    }

    fn for_builder(&mut self, variable: &'static str, change: impl FnOnce(HealthConfig) -> HealthConfig) {
        self.config = change(std::mem::take(&mut self.config));
        self.for_builder.push(variable);
    }
}

/// Reads one variable after another and notes what is wrong with each.
struct Reader {
    variables: BTreeMap<OsString, OsString>,
    faults: Vec<Fault>,
}

impl Reader {
    /// The value without the space around it, unless there is none.
    fn text(&mut self, variable: &'static str) -> Option<String> {
        let value = self.variables.get(&OsString::from(variable))?;
        let Some(text) = value.to_str() else {
            let help = "write text, or unset the variable";
            self.faults.push(Fault { variable, is: "is no UTF-8", help });
            return None;
        };
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn read<T>(
        &mut self,
        variable: &'static str,
        is: &'static str,
        help: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(variable)?;
        let parsed = parse(&text);
        if parsed.is_none() {
            self.faults.push(Fault { variable, is, help });
        }
        parsed
    }

    fn one_of(
        &mut self,
        variable: &'static str,
        words: [&'static str; 2],
        is: &'static str,
        help: &'static str,
    ) -> Option<&'static str> {
        self.read(variable, is, help, |text| words.into_iter().find(|word| *word == text))
    }

    fn path(&mut self, variable: &'static str) -> Option<String> {
        let help =
            "write one that begins with a slash, such as `/health`, of letters, digits and `-._~` alone";
        self.read(variable, "is no path", help, |text| is_path(text).then(|| text.to_owned()))
    }

    fn names(&mut self, variable: &'static str) -> Option<Vec<String>> {
        let help = "write the names of checks, such as `[\"generate\"]`";
        let names: Vec<String> =
            self.read(variable, "is no JSON list of names", help, |text| serde_json::from_str(text).ok())?;
        Some(names).filter(|names| !names.is_empty())
    }

    fn seconds(&mut self, variable: &'static str) -> Option<u64> {
        let help = "write a whole number of at least 1 and at most a year, without a unit, such as `10`";
        let parse = |text: &str| text.parse().ok().filter(|seconds| (1..=A_YEAR).contains(seconds));
        self.read(variable, "is no number of seconds", help, parse)
    }
}

/// Whether a path is one that every client sends as it is, and that is no pattern.
fn is_path(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let is_no_step = |segment: &str| !matches!(segment, "." | "..");
    text.starts_with('/') && text.bytes().all(is_plain) && text.split('/').all(is_no_step)
}

impl DynamoError {
    /// The names of the variables, in the order in which they were read.
    pub fn variables(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.faults.iter().map(|fault| fault.variable)
    }
}

impl fmt::Display for DynamoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, Fault { variable, is, help }) in self.faults.iter().enumerate() {
            let separator = if place == 0 { "" } else { "\n\n" };
            write!(f, "{separator}error: `{variable}` {is}\n  help: {help}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for DynamoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `main` prints "Error: " before it; the list starts on a line of its own.
        write!(f, "\n{self}")
    }
}

impl Error for DynamoError {}

impl From<DynamoError> for io::Error {
    fn from(error: DynamoError) -> Self {
        Self::new(io::ErrorKind::InvalidInput, error)
    }
}
