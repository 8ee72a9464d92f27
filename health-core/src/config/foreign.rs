//! What the variables of another product ask of checks that only `build()` knows.

use super::HealthConfig;
use super::change::Change;
use crate::{Probe, ProbeSet, Spec};

/// What is asked, by which variable.
#[derive(Clone, Debug, Default)]
pub(super) struct Foreign {
    pub(super) canaries: Vec<Setting>,
    /// Names, each with its variable.
    pub(super) required: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) key: String,
    pub(super) value: String,
    pub(super) variable: String,
}

/// For whoever reads the variables of another product: they speak of all canaries at once, and of names.
impl HealthConfig {
    /// Sets a key for every canary, which is a check with [`idle`](Spec::idle). Goes before what the check declares; what
    /// is said by name goes before it. Of several the last counts.
    ///
    /// Keys and values are those of the table above, as text. `variable` is what problems name as their origin.
    ///
    /// ```
    /// use health_core::{Health, HealthConfig, Spec};
    ///
    /// let config = HealthConfig::default().canaries("enabled", "false", "CANARIES");
    /// let builder = Health::builder()
    ///     .check_fn(Spec::named("generate").idle("30s"), || async {})
    ///     .check_fn(Spec::named("disk"), || async {});
    /// assert_eq!(builder.config(config).build().unwrap().names().collect::<Vec<_>>(), ["disk"]);
    /// ```
    pub fn canaries(
        mut self,
        key: impl Into<String>,
        value: impl Into<String>,
        variable: impl Into<String>,
    ) -> Self {
        let (key, value, variable) = (key.into(), value.into(), variable.into());
        self.foreign.canaries.push(Setting { key, value, variable });
        self
    }

    /// Without these checks the process is not ready: each joins ready and is critical, whatever is said elsewhere.
    ///
    /// A name that no check has is a problem, also with `HEALTH_UNKNOWN=warn`; so is a member of a quorum that holds
    /// without it. A check that takes no part (`enabled = false`) is not required; the log says so. `variable` is what
    /// problems name as their origin.
    pub fn required_for_ready<N: Into<String>>(
        mut self,
        names: impl IntoIterator<Item = N>,
        variable: impl Into<String>,
    ) -> Self {
        let variable = variable.into();
        self.foreign.required.extend(names.into_iter().map(|name| (name.into(), variable.clone())));
        self
    }
}

/// What has to change in the description of a check so that nothing is ready without it.
pub(super) fn demanded(spec: &Spec) -> impl Iterator<Item = Change> + use<> {
    let critical = (!spec.is_critical()).then_some(Change::Critical(true));
    let probes: Vec<_> = spec.probes.iter().chain([Probe::Ready]).collect();
    let joining = (!spec.probes.contains(Probe::Ready)).then(|| Change::Probe(ProbeSet::of(&probes)));
    critical.into_iter().chain(joining)
}
