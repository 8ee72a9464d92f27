//! Applies what a configuration says to the descriptions, before anything else looks at them.

use std::collections::BTreeSet;

use super::validate::Candidate;
use crate::HealthConfig;
use crate::config::{Overridden, Overrides};
use crate::problem::Problem;

pub(super) fn apply(configs: &[HealthConfig], candidates: &mut [Candidate], problems: &mut Vec<Problem>) {
    if configs.is_empty() {
        return;
    }
    let names: Vec<_> = candidates.iter().map(|candidate| candidate.spec.name.clone()).collect();
    let names: BTreeSet<&str> = names.iter().map(|name| &**name).collect();
    let mut overrides = Overrides::read(configs, &names, problems);
    for candidate in candidates {
        candidate.overridden = overrides.tune(&mut candidate.spec, problems);
        candidate.required_by = overrides.required_by(&candidate.spec.name).cloned();
        if let Some(source) = candidate.required_by.as_ref().filter(|_| !candidate.spec.enabled) {
            tracing::warn!(
                target: "health", check = %candidate.spec.name, source = %source,
                "a check is required for ready and takes no part, so nothing waits for it",
            );
        }
        let changes = candidate.overridden.iter().flat_map(Overridden::changes);
        for (key, source) in changes {
            tracing::info!(
                target: "health", check = %candidate.spec.name, key = key.as_str(), source = %source,
                "check overridden",
            );
        }
    }
}
