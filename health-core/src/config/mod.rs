//! Overrides by name, from a file of any format and from the environment.

mod change;
mod defaults;
mod foreign;
mod key;
mod overrides;
mod reader;
mod source;
mod table;
mod value;
mod variables;

use std::ffi::OsString;

use serde::Deserialize;

use change::Change;
use foreign::Foreign;
pub(crate) use key::Key;
pub(crate) use overrides::{Overridden, Overrides};
pub(crate) use source::Source;
use table::Table;
use value::Value;
use variables::Environment;

/// What operators say about checks without recompiling: in a file of any [`serde`] format, in the environment, or in
/// both. Handed to [`HealthBuilder::config`](crate::HealthBuilder::config).
///
/// ```
/// use health_core::{Health, HealthConfig, Spec};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let file: HealthConfig = serde_json::from_str(
///     r#"{
///         "defaults": { "timeout": "2s" },
///         "checks": { "db": { "interval": "30s", "failure_threshold": 3 }, "s3": { "enabled": false } }
///     }"#,
/// )?;
/// let assembly = Health::builder()
///     .check_fn(Spec::named("db"), || async {})
///     .check_fn(Spec::named("s3"), || async {})
///     .config(file.labelled("health.json"))
///     .config(HealthConfig::from_env()) // HEALTH_CHECKS__DB__TIMEOUT=5s
///     .build()?;
/// assert_eq!(assembly.names().collect::<Vec<_>>(), ["db"]);
/// # Ok(())
/// # }
/// ```
///
/// # In a file
///
/// Two tables, `checks` and `defaults`; anything else is an error of the format. A check is one key, its full name:
/// `[checks."storage/primary"]` in TOML. Values are text, numbers or booleans as the format has them.
///
/// | key | value |
/// |---|---|
/// | `timeout`, `cache`, `max_age` | a duration: `"500ms"`, `"2s"`, `"1m 30s"` |
/// | `interval` | a duration, or `"never"` |
/// | `backoff`, `idle` | a duration, or `"off"` to take back what the check declares |
/// | `failure_threshold`, `success_threshold` | a whole number of at least 1 |
/// | `critical`, `enabled` | `true` or `false` |
/// | `scope` | `"local"` or `"shared"` |
/// | `probe` | `"ready"`, `"live"`, `"startup"`, several of them (`"ready,startup"`, or a list), or `"none"` |
///
/// # In the environment
///
/// `HEALTH_CHECKS__<NAME>__<KEY>` and `HEALTH_DEFAULTS__<KEY>`, for example `HEALTH_CHECKS__DB__ENABLED=false`.
/// Everything is in upper case, a `/` of the name is `__`, a `-` of the name is `_`, and what follows the last `__` is
/// the key: `storage/read-replica` is tuned by `HEALTH_CHECKS__STORAGE__READ_REPLICA__TIMEOUT`. A variable that fits
/// two checks (`a-b` and `a_b`) is a problem that lists both. Variables that do not begin with exactly these prefixes
/// are no concern of ours.
///
/// # What goes before what
///
/// By name before declared before defaults; the environment before a file; among files the one handed in later. This
/// is decided for each key by itself. What is said by name also goes before
/// [`HealthBuilder::disable`](crate::HealthBuilder::disable). What is said of [all canaries](Self::canaries) stands
/// between by name and declared, and what is [required for ready](Self::required_for_ready) goes before everything.
///
/// A default exists for `timeout`, `interval`, `cache`, `backoff`, `max_age` and the two thresholds. It is used where a
/// check leaves its key open, and yields to what the check does declare:
///
/// - for a check with `idle` there is no default `interval` and `cache`;
/// - a default `interval = "never"` is for no check that joins live or has a `backoff`;
/// - a default `backoff` is for no check with `interval = "never"`;
/// - any other default with which the limits of a check would contradict each other (a `timeout` too long for its
///   `max_age`, a `backoff` shorter than its `interval`) is left out for that check; keys are filled in the order of
///   the list above.
///
/// Defaults that contradict each other, whatever a check declares, are a problem.
///
/// # What is wrong
///
/// `build()` lists it with every other problem and names the variable or key it comes from: a check, a key or a value
/// that is none, and a description that has become invalid, such as a check without `scope = "local"` that was moved
/// into live. A low-ranking value is read too, also when another goes before it.
///
/// `HEALTH_UNKNOWN=warn` turns *names* that no check has into a logged warning, whatever source they stand in, so that
/// one shared configuration cannot stop a fleet of different programs. Unknown keys and bad values remain problems.
/// It is read with the environment; the default is `HEALTH_UNKNOWN=fail`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[must_use = "a configuration does nothing until it is handed to a builder"]
pub struct HealthConfig {
    #[serde(default)]
    checks: Table<Table<Value>>,
    #[serde(default)]
    defaults: Table<Value>,
    #[serde(skip)]
    label: Option<String>,
    #[serde(skip)]
    environment: Environment,
    #[serde(skip)]
    foreign: Foreign,
}

impl HealthConfig {
    /// What the environment of this process says now.
    pub fn from_env() -> Self {
        Self::from_vars(std::env::vars_os())
    }

    /// What these variables say, as if they were the environment. Of several with one name the last counts. One of ours
    /// that is no UTF-8 is a problem; others are ignored whatever they are.
    ///
    /// ```
    /// use health_core::HealthConfig;
    ///
    /// let config = HealthConfig::from_vars([("HEALTH_CHECKS__DB__TIMEOUT", "5s")]);
    /// ```
    pub fn from_vars<K, V>(variables: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self { environment: Environment::read(variables), ..Self::default() }
    }

    /// What problems call the file, for example its path. Default: "the configuration".
    pub fn labelled(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }
}

/// One key that is set, and by what.
#[derive(Clone, Debug)]
pub(crate) struct Override {
    change: Change,
    source: Source,
}
