//! What every source together says about the checks of one assembly.

use std::collections::{BTreeMap, BTreeSet};

use super::defaults::Defaults;
use super::key::Key;
use super::reader::Reader;
use super::source::Source;
use super::{HealthConfig, Override, foreign};
use crate::Spec;
use crate::problem::Problem;

/// What every source together says about the checks of one assembly.
#[derive(Debug)]
pub(crate) struct Overrides<'a> {
    by_name: BTreeMap<&'a str, BTreeMap<Key, Override>>,
    defaults: Defaults,
    canaries: BTreeMap<Key, Override>,
    required: BTreeMap<&'a str, Source>,
}

impl<'a> Overrides<'a> {
    /// Reads everything for the checks of these names; what cannot be read joins the problems.
    pub(crate) fn read(
        configs: &[HealthConfig],
        names: &'a BTreeSet<&'a str>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut reader = Reader::new(names, problems);
        let environments = || configs.iter().map(|config| &config.environment);
        environments()
            .filter_map(|environment| environment.unknown.as_ref())
            .for_each(|it| reader.policy(it));
        configs.iter().for_each(|config| reader.file(config));
        environments().for_each(|environment| reader.environment(environment));
        configs.iter().for_each(|config| reader.foreign(&config.foreign));
        let Reader { by_name, defaults, canaries, required, .. } = reader;
        Self { by_name, defaults: Defaults::new(defaults), canaries, required }
    }

    /// Changes a description. Tells what was changed in this one, if anything was.
    pub(crate) fn tune(&mut self, spec: &mut Spec, problems: &mut Vec<Problem>) -> Option<Overridden> {
        let declared = spec.clone();
        let mut changes = self.by_name.get(&*spec.name).cloned().unwrap_or_default();
        changes.values().for_each(|it| it.change.apply(spec));
        let of_canaries = self.canaries.iter().filter(|_| spec.idle.is_some());
        for (key, override_of_all) in of_canaries {
            changes.entry(*key).or_insert_with(|| override_of_all.clone());
        }
        changes.values().for_each(|it| it.change.apply(spec));
        if let Some(source) = self.required.get(&*spec.name) {
            for change in foreign::demanded(spec) {
                change.apply(spec);
                changes.insert(change.key(), Override { change, source: source.clone() });
            }
        }
        let decided = changes.keys().copied().collect();
        problems.extend(self.defaults.fill(spec, &decided));
        let changes: Vec<_> = changes.into_values().collect();
        (!changes.is_empty()).then_some(Overridden { declared, changes })
    }

    /// What needs this check before the process is ready, if anything does.
    pub(crate) fn required_by(&self, name: &str) -> Option<&Source> {
        self.required.get(name)
    }
}

/// What was changed in the description of one check, not counting what was filled in.
#[derive(Debug)]
pub(crate) struct Overridden {
    declared: Spec,
    changes: Vec<Override>,
}

impl Overridden {
    /// Every key that was changed, and by what.
    pub(crate) fn changes(&self) -> impl Iterator<Item = (Key, &Source)> {
        self.changes.iter().map(|it| (it.change.key(), &it.source))
    }

    /// What changed this key.
    pub(crate) fn source(&self, key: Key) -> Option<&Source> {
        self.changes().find(|(changed, _)| *changed == key).map(|(_, source)| source)
    }

    /// The changes without which the description would not have this fault.
    pub(crate) fn causes(&self, fault: &str) -> Vec<&Source> {
        let has_fault = |changes: &mut dyn Iterator<Item = &Override>| {
            let mut spec = self.declared.clone();
            changes.for_each(|it| it.change.apply(&mut spec));
            spec.own_faults().iter().any(|own| own == fault)
        };
        if has_fault(&mut std::iter::empty()) {
            return Vec::new();
        }
        let is_needed = |it: &&Override| {
            !has_fault(&mut self.changes.iter().filter(|other| other.change.key() != it.change.key()))
        };
        let needed: Vec<_> = self.changes.iter().filter(is_needed).map(|it| &it.source).collect();
        // Where any of several would do, all of them did it.
        if needed.is_empty() { self.changes.iter().map(|it| &it.source).collect() } else { needed }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Interval, Probe, ProbeSet, Scope};

    /// What a check comes to; no problem may be found.
    fn tuned(configs: &[HealthConfig], mut spec: Spec) -> Spec {
        let name = spec.name.clone();
        let names = BTreeSet::from([&*name, "a"]);
        let mut problems = Vec::new();
        Overrides::read(configs, &names, &mut problems).tune(&mut spec, &mut problems);
        assert_eq!(problems, []);
        spec
    }

    fn file(text: &str) -> HealthConfig {
        serde_json::from_str(text).unwrap()
    }

    fn s(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    #[test]
    fn every_key_can_be_set_in_every_way() {
        let judge = |tuned: &Spec| {
            assert_eq!((tuned.timeout, tuned.interval), (s(2), Some(Interval::Never)));
            assert_eq!((tuned.cache, tuned.max_age), (s(3), s(90)));
            assert_eq!((tuned.backoff, tuned.idle), (None, None), "off");
            assert_eq!((tuned.failure_threshold, tuned.success_threshold), (Some(4), Some(5)));
            assert_eq!((tuned.critical, tuned.scope), (Some(true), Some(Scope::Local)));
            assert_eq!(tuned.probes, ProbeSet::of(&[Probe::Ready, Probe::Startup]));
            assert!(!tuned.enabled);
        };
        let declared = || Spec::named("a/b-c").backoff("1m").idle("1m").critical(false);
        let variables = [
            ("TIMEOUT", "2s"),
            ("INTERVAL", "never"),
            ("CACHE", "3s"),
            ("MAX_AGE", "1m 30s"),
            ("BACKOFF", "off"),
            ("IDLE", "off"),
            ("FAILURE_THRESHOLD", "4"),
            ("SUCCESS_THRESHOLD", "5"),
            ("CRITICAL", "true"),
            ("SCOPE", "local"),
            ("PROBE", "ready, startup"),
            ("ENABLED", "false"),
        ];
        assert_eq!(variables.len(), Key::ALL.len());
        let variables = variables.map(|(key, value)| (format!("HEALTH_CHECKS__A__B_C__{key}"), value));
        judge(&tuned(&[HealthConfig::from_vars(variables)], declared()));

        let common = r#""timeout": "2s", "interval": "never", "cache": "3s", "max_age": "1m 30s", "backoff": "off",
            "idle": "off", "scope": "local""#;
        for rest in [
            r#""failure_threshold": 4, "success_threshold": 5, "critical": true, "enabled": false,
               "probe": ["ready", "startup"]"#,
            r#""failure_threshold": "4", "success_threshold": 5.0, "critical": "true", "enabled": "false",
               "probe": "startup,ready""#,
        ] {
            let text = format!(r#"{{ "checks": {{ "a/b-c": {{ {common}, {rest} }} }} }}"#);
            judge(&tuned(&[file(&text)], declared()));
        }
        let none = tuned(&[HealthConfig::from_vars([("HEALTH_CHECKS__A__PROBE", "none")])], Spec::named("a"));
        assert_eq!(none.probes, ProbeSet::NONE);
    }

    #[test]
    fn each_key_is_taken_from_the_first_that_has_it() {
        let early = || {
            file(
                r#"{ "defaults": { "timeout": "1s", "cache": "1s" },
                     "checks": { "a": { "max_age": "31s", "failure_threshold": 3, "critical": true } } }"#,
            )
        };
        let late = || {
            file(
                r#"{ "defaults": { "timeout": "2s", "failure_threshold": 9 },
                     "checks": { "a": { "max_age": "32s", "failure_threshold": 2 } } }"#,
            )
        };
        let environment = || {
            HealthConfig::from_vars([
                ("HEALTH_CHECKS__A__MAX_AGE", "33s"),
                ("HEALTH_DEFAULTS__SUCCESS_THRESHOLD", "9"),
                ("HEALTH_DEFAULTS__CACHE", "5s"),
            ])
        };
        let declared = || Spec::named("a").success_threshold(6).max_age("34s").critical(false);
        for configs in [
            [early(), late(), environment()],
            [early(), environment(), late()],
            [environment(), early(), late()],
        ] {
            let tuned = tuned(&configs, declared());
            assert_eq!(tuned.max_age, s(33), "the environment goes before every file");
            assert_eq!(tuned.failure_threshold, Some(2), "the later file, and by name before a default");
            assert_eq!(tuned.critical, Some(true), "the only file that says so, and by name before declared");
            assert_eq!(tuned.success_threshold, Some(6), "declared before a default");
            assert_eq!(tuned.timeout, s(2), "the default of the later file");
            assert_eq!(tuned.cache, s(5), "the default of the environment before that of a file");
        }
    }

    #[test]
    fn what_is_off_by_name_is_not_filled_in_again() {
        let variables = [("HEALTH_CHECKS__A__BACKOFF", "off"), ("HEALTH_DEFAULTS__BACKOFF", "1m")];
        let configs = [HealthConfig::from_vars(variables)];
        assert_eq!(tuned(&configs, Spec::named("a").backoff("2m")).backoff, None);
        assert_eq!(tuned(&configs, Spec::named("b")).backoff, s(60));
    }
}
