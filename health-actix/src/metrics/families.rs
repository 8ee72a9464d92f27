//! What is told: every family, with its labels and its words. Names and labels are a contract.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use health_core::{
    Ended, EntryView, Exposure, Health, Phase, Probe, Report, Runs, Scope, Status, TimeIn, Unknown, View,
};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::format::Format;
use super::sheet::{Labels, Sheet};

pub(super) const DURATION: &str = "health_check_duration_seconds";

/// The statuses of a check, and what is said where there is none.
const STATUSES: [Result<Status, Unknown>; 4] =
    [Ok(Status::Healthy), Ok(Status::Degraded), Ok(Status::Unhealthy), Err(Unknown::Stale)];

const RESULTS: [Ended; 6] = [
    Ended::Returned(Status::Healthy),
    Ended::Returned(Status::Degraded),
    Ended::Returned(Status::Unhealthy),
    Ended::Error,
    Ended::Timeout,
    Ended::Panic,
];

const PHASES: [Phase; 3] = [Phase::Starting, Phase::Running, Phase::Draining];

/// Everything that is told of a health, at one moment.
#[derive(Debug)]
pub(super) struct Families {
    pub(super) health: Health,
    /// Every check, as it stands.
    pub(super) report: Option<Report>,
    pub(super) format: Format,
    pub(super) has_histograms: bool,
}

/// One probe, as it stands.
struct Probed {
    probe: Probe,
    status: Status,
    time: TimeIn,
}

/// One check, as it stands.
struct Check<'a> {
    entry: EntryView<'a>,
    probes: String,
    runs: Runs,
}

impl Collector for Families {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut sheet = Sheet { encoder, format: self.format };
        let checks = self.checks();
        self.write_whole(&mut sheet)?;
        self.write_checks(&mut sheet, &checks)?;
        self.write_runs(&mut sheet, &checks)
    }
}

impl Families {
    /// By name, so that two scrapes can be laid side by side.
    fn checks(&self) -> Vec<Check<'_>> {
        let view = self.report.as_ref().map(|report| report.view(Exposure::Checks));
        let entries = view.iter().flat_map(View::entries);
        let mut checks: Vec<_> = entries
            .map(|entry| Check {
                entry,
                probes: entry.probes().to_string(),
                runs: self.health.runs(entry.name()).unwrap_or_default(),
            })
            .collect();
        checks.sort_unstable_by_key(Check::name);
        checks
    }

    /// The process as a whole.
    fn write_whole(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        let probes = Probe::ALL.map(|probe| Probed {
            probe,
            status: self.health.status(probe),
            time: self.health.time_in(probe),
        });
        sheet.gauge(
            "health_status",
            "Whether a probe has this status now.",
            probes
                .iter()
                .flat_map(|probed| probed.each("status", |status| u64::from(probed.status == status))),
        )?;
        sheet.counter(
            "health_status_seconds_total",
            "For how long a probe has had this status since the start.",
            probes
                .iter()
                .flat_map(|probed| probed.each("status", |status| probed.time.spent(status).as_secs_f64())),
        )?;
        sheet.counter(
            "health_transitions_total",
            "How often a probe came to this status since the start.",
            probes.iter().flat_map(|probed| probed.each("to", |to| probed.time.times_entered(to))),
        )?;
        let phase = self.health.phase();
        sheet.gauge(
            "health_phase",
            "Whether the process is in this phase of its life.",
            PHASES.map(|each| ([("phase", each.as_str())], u64::from(each == phase))),
        )?;
        sheet.gauge(
            "health_gate_open",
            "Whether a gate, before which the process is not ready, has been opened.",
            self.health.gates().map(|(name, is_open)| ([("gate", name)], u64::from(is_open))),
        )
    }

    /// How the checks stand, and what they are.
    fn write_checks(&self, sheet: &mut Sheet<'_>, checks: &[Check<'_>]) -> fmt::Result {
        sheet.gauge(
            "health_check_info",
            "What was declared of a check.",
            checks.iter().map(|check| (check.declared(), 1_u64)),
        )?;
        sheet.gauge(
            "health_check_status",
            "Whether a check has this status now, whatever it may do to the whole.",
            checks.iter().flat_map(|check| {
                let now = word(check.entry.status());
                STATUSES.map(word).map(|status| check.of("status", status, u64::from(status == now)))
            }),
        )?;
        sheet.counter(
            "health_check_transitions_total",
            "How often a check came to this status since the start, its first one included.",
            checks.iter().flat_map(|check| {
                let times = |to| self.health.times_entered(check.name(), to).unwrap_or_default();
                STATUSES.map(|to| check.of("to", word(to), times(to)))
            }),
        )?;
        sheet.gauge(
            "health_check_muted",
            "Whether the weight of a check is capped at degraded for a while.",
            checks.iter().map(|check| check.alone(u64::from(check.entry.muted_until().is_some()))),
        )
    }

    /// What the checks have done.
    fn write_runs(&self, sheet: &mut Sheet<'_>, checks: &[Check<'_>]) -> fmt::Result {
        sheet.counter(
            "health_check_runs_total",
            "How many runs of a check ended in this way since the start.",
            checks.iter().flat_map(|check| {
                RESULTS.map(|ended| check.of("result", ended.as_str(), check.runs.ended(ended)))
            }),
        )?;
        sheet.durations(
            DURATION,
            "How long the runs of a check took.",
            self.has_histograms,
            checks.iter().map(|check| check.alone(check.runs)),
        )?;
        sheet.gauge(
            "health_check_last_run_timestamp_seconds",
            "When the last run of a check began, or something was last reported.",
            checks.iter().filter_map(|check| Some(check.alone(seconds(check.entry.at()?)))),
        )?;
        sheet.gauge(
            "health_check_last_success_timestamp_seconds",
            "When the last healthy run of a check began, or real work was last reported to have succeeded.",
            checks.iter().filter_map(|check| Some(check.alone(seconds(check.entry.last_success()?)))),
        )
    }
}

impl Probed {
    /// A sample for each status, the label of which is called `word`.
    fn each<V>(&self, word: &'static str, value: impl Fn(Status) -> V) -> [(Labels<'static, 2>, V); 3] {
        Status::ALL.map(|status| ([("probe", self.probe.as_str()), (word, status.as_str())], value(status)))
    }
}

impl<'a> Check<'a> {
    fn name(&self) -> &'a str {
        self.entry.name()
    }

    /// A sample of the check as a whole.
    fn alone<V>(&self, value: V) -> (Labels<'a, 1>, V) {
        ([("check", self.name())], value)
    }

    /// A sample of one side of the check.
    fn of<V>(&self, label: &'static str, word: &'static str, value: V) -> (Labels<'a, 2>, V) {
        ([("check", self.name()), (label, word)], value)
    }

    /// What was declared of it; a label is empty where nothing was.
    fn declared(&self) -> Labels<'_, 5> {
        [
            ("check", self.name()),
            ("group", self.entry.group().unwrap_or_default()),
            ("critical", if self.entry.is_critical() { "true" } else { "false" }),
            ("scope", self.entry.scope().map_or("", Scope::as_str)),
            ("probes", &self.probes),
        ]
    }
}

/// The word for a status, and for that there is none.
fn word(status: Result<Status, Unknown>) -> &'static str {
    status.map_or("unknown", Status::as_str)
}

/// The seconds since 1970, to the millisecond.
fn seconds(at: SystemTime) -> f64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as f64 / 1e3
}
