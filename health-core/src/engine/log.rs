//! What the engine says when it starts.

use super::Engine;
use crate::Probe;

const TARGET: &str = "health";

/// What is declared, in which probe, with which limits.
pub(super) fn started(engine: &Engine) {
    let plan = &engine.plan;
    for check in &plan.checks {
        let spec = &check.spec;
        tracing::info!(
            target: TARGET,
            check = %spec.name,
            probes = %spec.probes,
            critical = spec.is_critical(),
            timeout = %crate::period::readable(check.timing.timeout),
            interval = %check.timing.interval.map_or_else(|| "never".into(), crate::period::readable),
            max_age = %crate::period::readable(check.timing.max_age),
            scope = spec.scope.map(crate::Scope::as_str),
            group = spec.group.as_deref(),
            declared = %spec.location,
            "check declared",
        );
    }
    for probe in Probe::ALL {
        tracing::info!(
            target: TARGET,
            probe = probe.as_str(),
            checks = plan.joining(probe).len(),
            deadline = %crate::period::readable(*plan.deadlines.get(probe)),
            "probe declared",
        );
    }
    let report = engine.passive_report(Probe::Ready);
    let waiting_for = report.waiting_for();
    if !waiting_for.is_empty() {
        tracing::info!(target: TARGET, waiting_for = waiting_for.join(","), "starting");
    }
    if plan.checks.is_empty() {
        tracing::warn!(
            target: TARGET,
            "no check is declared: live and ready are healthy for as long as the process answers",
        );
    }
}
