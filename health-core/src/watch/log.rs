//! What is said about changes: one line for each, nothing per poll.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use tracing::Level;

use super::line::{Episode, Line, Stand};
use crate::engine::Observation;
use crate::view::timestamp;
use crate::{Ended, Phase, Probe, Report, ShutdownStep, Spec, Status, Unknown};

const TARGET: &str = "health";
/// A line names no more checks than this.
const NAMED: usize = 32;

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

pub(super) fn say(specs: &[Arc<Spec>], line: Line) {
    let spec = |check: usize| specs.get(check);
    match line {
        Line::Check { check, from, stand } => {
            if let Some(spec) = spec(check) {
                check_changed(spec, from, &stand);
            }
        }
        Line::Cause { check, before, now } => {
            if let Some(spec) = spec(check) {
                cause_changed(spec, &before, now);
            }
        }
        Line::Flapping { check, episode, flips, stand } => {
            if let Some(spec) = spec(check) {
                flapping(spec, episode, flips, &stand);
            }
        }
        Line::Muted { check, until, reason } => {
            if let Some(spec) = spec(check) {
                let until = timestamp(until);
                tracing::warn!(target: TARGET, check = %spec.name, until, reason = &*reason, "check muted");
            }
        }
        Line::Unmuted { check } => {
            if let Some(spec) = spec(check) {
                tracing::info!(target: TARGET, check = %spec.name, "check unmuted");
            }
        }
        Line::Probe { probe, from, to, report } => probe_changed(probe, from, to, &report),
        Line::Reminder { probe, since, report } => still_not_healthy(probe, since, &report),
        Line::Phase { from, to } => {
            tracing::info!(target: TARGET, from = from.as_str(), to = to.as_str(), "phase changed");
        }
        Line::Shutdown { step, under_way } => leaving(step, &under_way),
    }
}

fn check_changed(spec: &Spec, from: Result<Status, Unknown>, stand: &Stand) {
    let level = match from {
        // That everything is well when it is first looked at is no news.
        Err(Unknown::Pending) if stand.status == Ok(Status::Healthy) => Level::DEBUG,
        _ => level_of(spec, stand.status),
    };
    check_line(level, "check changed", spec, from, stand);
}

/// Still not healthy; a line only if it is for another reason.
fn cause_changed(spec: &Spec, before: &Observation, now: Arc<Observation>) {
    let is_same = before.ended == now.ended
        && alike(before.summary.as_deref(), now.summary.as_deref())
        && alike(before.cause.as_deref(), now.cause.as_deref());
    if !is_same {
        let from = Ok(before.status);
        check_line(
            Level::WARN,
            "cause changed",
            spec,
            from,
            &Stand { status: Ok(now.status), observation: Some(now) },
        );
    }
}

fn check_line(level: Level, message: &str, spec: &Spec, from: Result<Status, Unknown>, stand: &Stand) {
    let told = Told::of(stand);
    at!(
        level,
        check = %spec.name,
        from = word(from),
        to = word(stand.status),
        ended = told.ended,
        duration_ms = told.duration_ms,
        summary = told.summary,
        error = told.error,
        "{message}",
    );
}

/// In place of the lines of single flips; the last one says how the check stands, as loudly as its flip would have.
fn flapping(spec: &Spec, episode: Episode, flips: u64, stand: &Stand) {
    let (level, message) = match episode {
        Episode::Begins => (Level::WARN, "flapping"),
        Episode::GoesOn => (Level::WARN, "still flapping"),
        Episode::Ends => (level_of(spec, stand.status), "calm again"),
    };
    let told = Told::of(stand);
    at!(
        level,
        check = %spec.name,
        flips,
        status = word(stand.status),
        ended = told.ended,
        summary = told.summary,
        error = told.error,
        "{message}",
    );
}

fn level_of(spec: &Spec, status: Result<Status, Unknown>) -> Level {
    match status {
        Ok(Status::Healthy) => Level::INFO,
        // What is unknown counts as unhealthy.
        Ok(Status::Unhealthy) | Err(_) if spec.is_critical() => Level::ERROR,
        _ => Level::WARN,
    }
}

/// What a line tells of an observation.
#[derive(Default)]
struct Told<'a> {
    ended: Option<&'a str>,
    duration_ms: Option<f64>,
    summary: Option<&'a str>,
    error: Option<&'a str>,
}

impl<'a> Told<'a> {
    fn of(stand: &'a Stand) -> Self {
        let observation = stand.observation.as_ref();
        match (stand.status, observation) {
            // What was said when it was last seen is not why it is unknown now.
            (Err(Unknown::Stale), _) => Self { ended: Some("stale"), ..Self::default() },
            (_, None) => Self::default(),
            (_, Some(seen)) => Self {
                ended: Some(Ended::as_str(seen.ended)),
                duration_ms: Some((seen.duration.as_secs_f64() * 1e4).round() / 1e1),
                summary: seen.summary.as_deref(),
                error: seen.cause.as_deref(),
            },
        }
    }
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

fn probe_changed(probe: Probe, from: Status, to: Status, report: &Report) {
    let level = match to {
        // Not being ready on the way out is what was asked for.
        Status::Unhealthy if report.phase() == Phase::Draining && report.failing().next().is_none() => {
            Level::INFO
        }
        Status::Healthy => Level::INFO,
        Status::Degraded => Level::WARN,
        Status::Unhealthy => Level::ERROR,
    };
    at!(
        level,
        probe = probe.as_str(),
        from = from.as_str(),
        to = to.as_str(),
        phase = report.phase().as_str(),
        failing = listed(report.failing()),
        waiting_for = listed(report.waiting_for().iter()),
        "probe changed",
    );
}

fn still_not_healthy(probe: Probe, since: SystemTime, report: &Report) {
    let decisive = report.entries().iter().filter(|entry| entry.contribution() == report.status());
    let failing = decisive.map(|entry| match entry.since() {
        Some(since) => format!("{} (since {})", entry.name(), timestamp(since)),
        None => entry.name().to_owned(),
    });
    tracing::warn!(
        target: TARGET,
        probe = probe.as_str(),
        status = report.status().as_str(),
        phase = report.phase().as_str(),
        failing = listed(failing),
        waiting_for = listed(report.waiting_for().iter()),
        since = timestamp(since),
        "still not healthy",
    );
}

fn leaving(step: ShutdownStep, under_way: &[(Cow<'static, str>, u64)]) {
    let level = if step == ShutdownStep::CutOff { Level::WARN } else { Level::INFO };
    let under_way = under_way.iter().filter(|(_, count)| *count > 0);
    let under_way = listed(under_way.map(|(name, count)| format!("{count} {name}")));
    at!(level, step = step.as_str(), under_way, "shutting down");
}

fn listed(names: impl Iterator<Item = impl AsRef<str>>) -> Option<String> {
    let mut names = names.peekable();
    names.peek()?;
    let mut list = String::new();
    for (count, name) in (0..).zip(names.by_ref()) {
        list.push_str(if count == 0 { "" } else { "," });
        list.push_str(name.as_ref());
        if count + 1 == NAMED {
            break;
        }
    }
    match names.count() {
        0 => {}
        more => list.push_str(&format!(" and {more} more")),
    }
    Some(list)
}

fn word(status: Result<Status, Unknown>) -> &'static str {
    status.map_or("unknown", Status::as_str)
}

#[cfg(test)]
mod tests {
    use super::{alike, listed};

    #[test]
    fn a_cause_that_differs_in_numbers_only_is_the_same() {
        assert!(alike(Some("took 120 ms on port 4711"), Some("took 7 ms on port 80")));
        assert!(!alike(Some("took 120 ms"), Some("refused after 120 ms")));
        assert!(!alike(None, Some("refused")));
        assert!(alike(None, None));
    }

    #[test]
    fn a_long_list_is_cut_and_says_so() {
        let names = |count: usize| listed((0..count).map(|n| n.to_string()));
        assert_eq!(names(0), None);
        assert_eq!(names(2).as_deref(), Some("0,1"));
        assert!(names(32).unwrap().ends_with(",31"));
        assert!(names(40).unwrap().ends_with(",31 and 8 more"));
    }
}
