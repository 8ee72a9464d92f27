//! What the engine says: one line per change, nothing per poll.

use tracing::Level;

use super::Engine;
use super::observation::Observation;
use crate::{Phase, Probe, Report, Spec, Status};

const TARGET: &str = "health";

/// `tracing` wants its level to be a constant.
macro_rules! at {
    ($level:expr, $($event:tt)*) => {
        match $level {
            Level::ERROR => tracing::error!(target: TARGET, $($event)*),
            Level::WARN => tracing::warn!(target: TARGET, $($event)*),
            Level::INFO => tracing::info!(target: TARGET, $($event)*),
            _ => tracing::debug!(target: TARGET, $($event)*),
        }
    };
}

pub(super) fn check_changed(spec: &Spec, from: Option<Status>, now: &Observation) {
    let level = match (now.status, from) {
        (Status::Unhealthy, _) if spec.is_critical() => Level::ERROR,
        (Status::Unhealthy | Status::Degraded, _) => Level::WARN,
        // That everything is well when it is first looked at is no news.
        (Status::Healthy, None) => Level::DEBUG,
        (Status::Healthy, Some(_)) => Level::INFO,
    };
    check_line(level, "check changed", spec, from, now);
}

/// Still not healthy; a line only if it is for another reason.
pub(super) fn cause_changed(spec: &Spec, before: &Observation, now: &Observation) {
    let is_same = before.ended == now.ended
        && alike(before.summary.as_deref(), now.summary.as_deref())
        && alike(before.cause.as_deref(), now.cause.as_deref());
    if !is_same {
        check_line(Level::WARN, "cause changed", spec, Some(before.status), now);
    }
}

fn check_line(level: Level, message: &str, spec: &Spec, from: Option<Status>, now: &Observation) {
    at!(
        level,
        check = %spec.name,
        from = from.map_or("unknown", Status::as_str),
        to = now.status.as_str(),
        ended = now.ended.as_str(),
        duration_ms = (now.duration.as_secs_f64() * 1e4).round() / 1e1,
        summary = now.summary.as_deref(),
        error = now.cause.as_deref(),
        "{message}",
    );
}

/// Whether two texts say the same but for the numbers in them: a port, an id or a latency is no new cause.
fn alike(one: Option<&str>, other: Option<&str>) -> bool {
    let words = |text: &str| {
        text.split(|c: char| c.is_ascii_digit())
            .filter(|w| !w.is_empty())
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    one == other || one.map(words) == other.map(words)
}

pub(super) fn probe_changed(from: Status, to: Status, report: &Report) {
    let level = match to {
        // Not being ready on the way out is what was asked for.
        Status::Unhealthy if report.phase == Phase::Draining && report.failing().next().is_none() => {
            Level::INFO
        }
        Status::Healthy => Level::INFO,
        Status::Degraded => Level::WARN,
        Status::Unhealthy => Level::ERROR,
    };
    let joined = |names: Vec<&str>| (!names.is_empty()).then(|| names.join(","));
    at!(
        level,
        probe = report.probe.map(Probe::as_str),
        from = from.as_str(),
        to = to.as_str(),
        phase = report.phase.as_str(),
        failing = joined(report.failing().collect()),
        waiting_for = joined(report.waiting_for.iter().map(String::as_str).collect()),
        "probe changed",
    );
}

pub(super) fn phase_changed(from: Phase, to: Phase) {
    tracing::info!(target: TARGET, from = from.as_str(), to = to.as_str(), "phase changed");
}

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
            timeout = %crate::period::readable(spec.limit()),
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
    let waiting_for = engine.passive_report(Probe::Ready).waiting_for;
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

#[cfg(test)]
mod tests {
    use super::alike;

    #[test]
    fn a_cause_that_differs_in_numbers_only_is_the_same() {
        assert!(alike(Some("took 120 ms on port 4711"), Some("took 7 ms on port 80")));
        assert!(!alike(Some("took 120 ms"), Some("refused after 120 ms")));
        assert!(!alike(None, Some("refused")));
        assert!(alike(None, None));
    }
}
