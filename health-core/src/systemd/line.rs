//! How everything stands, in the one line that `systemctl status` shows.

use std::cmp::Reverse;
use std::fmt::Write as _;

use crate::{EntryView, Exposure, Phase, Probe, Report, Status, Unknown, redact};

/// How many checks are named.
const NAMED: usize = 8;

/// At the exposure of names and of what the authors of checks wrote: whoever has a login on the machine can read it.
pub(super) fn of(report: &Report, live: Status) -> String {
    let view = report.view(Exposure::Checks);
    let mut line = view.phase().to_string();
    if view.phase() == Phase::Running {
        let _ = write!(line, ", {}", view.status());
    }
    if live == Status::Unhealthy {
        line.push_str(", live unhealthy");
    }
    if !view.waiting_for().is_empty() && view.phase() == Phase::Starting {
        let _ = write!(line, ", waiting for {}", view.waiting_for().join(" "));
    }
    let mut wrong: Vec<_> =
        view.entries().filter(|entry| is_wrong(entry, view.while_starting().is_some())).collect();
    wrong.sort_by_key(|entry| Reverse(entry.contribution()));
    for entry in wrong.iter().take(NAMED) {
        let status = entry.status().map_or("unknown", Status::as_str);
        let _ = write!(line, "; {} {status}", entry.name());
        if let Some(summary) = entry.summary().filter(|_| entry.status().is_ok()) {
            let _ = write!(line, ": {summary}");
        }
        if let Some(cause) = entry.because_of().next() {
            let _ = write!(line, " (because of {cause})");
        }
    }
    if let Some(more @ 1..) = wrong.len().checked_sub(NAMED) {
        let _ = write!(line, "; and {more} more");
    }
    redact::bounded(&line)
}

/// What has not been observed yet is waited for, not wrong. Startup checks weigh only as long as startup waits for them.
fn is_wrong(entry: &EntryView<'_>, startup_waits: bool) -> bool {
    let weighs =
        !entry.contribution().is_healthy() || startup_waits && entry.probes().contains(Probe::Startup);
    weighs && !matches!(entry.status(), Ok(Status::Healthy) | Err(Unknown::Pending))
}
