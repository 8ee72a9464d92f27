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
        let changes = candidate.overridden.iter().flat_map(Overridden::changes);
        for (key, source) in changes {
            tracing::info!(
                target: "health", check = %candidate.spec.name, key = key.as_str(), source = %source,
                "check overridden",
            );
        }
    }
}
