//! A rule file for Prometheus. The rules themselves are in `rules.yaml`; what is declared is filled in here.

mod causes;
mod text;

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::{Declaration, Interval};

/// What alerting and recording rules are written from. The defaults suit one service whose instances are told apart by
/// `instance` and together have a `job`.
///
/// ```
/// use health_core::{Format, PrometheusRules, catalog};
/// use std::time::Duration;
///
/// let rules = PrometheusRules::default().job("shop").startup_budget(Duration::from_secs(600));
/// print!("{}", catalog().listing(Format::PrometheusRules).prometheus_rules(rules));
/// ```
///
/// # Loading them
///
/// Write the text into a file and name that under `rule_files` in the configuration of Prometheus, or put its `groups`
/// into the `spec` of a `PrometheusRule`; `promtool check rules` reads it first. The rules ask for the metrics of an
/// adapter of this crate and for `up`, and they are evaluated every minute or more often. They need Prometheus 2.29 or
/// later, and nothing from an Alertmanager but that it delivers.
///
/// Write them anew with each release: they know what depends on what, which checks run on demand alone, and what the
/// authors say about each. Checks that are handed to the builder alerts find by themselves. Not known are a component
/// that is handed in under another name, and what operators override.
///
/// # What the alerts mean
///
/// | alert | severity | it fires when |
/// |---|---|---|
/// | `HealthCheckFailing` | `page` or `ticket` | a check fails on over half of the running instances for 2 minutes |
/// | `HealthCheckFailingOnInstance` | `ticket` | it fails on one for 5 minutes, and not on over half |
/// | `HealthCheckUnknown` | `ticket` | an instance has no usable observation of it for 7 minutes |
/// | `HealthCheckDegraded` | `ticket` | an instance says degraded without a break for 32 minutes |
/// | `HealthCheckFlapping` | `ticket` | its status on one instance changes more than six times in 10 minutes |
/// | `HealthCheckMutedTooLong` | `ticket` | it is muted somewhere for a day |
/// | `HealthStuckStarting` | `page` or `ticket` | instances need more than the start-up budget; a page when more are starting than running |
/// | `HealthMetricsAbsent` | `page` or `ticket` | over half of the instances cannot be scraped for 5 minutes (a page), one cannot for 15, or a job has nothing to show |
///
/// - A check pages when it is critical, weighs in a probe, and live or ready is unhealthy on an instance on which it
///   fails; or when it is the cause of one that does and fails on over half of the instances. So what a quorum makes up
///   for is a ticket. Without a usable observation a check counts as failing, as it does in the service.
/// - An effect is silent while a check fails on which it depends, directly or not: on that instance, or over half of
///   them. So the alert is about the cause, and says what fails with it. A cause that is muted or degraded silences
///   nothing.
/// - Only running instances count: not one that starts, nor one that drains. So a start within its budget and a rolling
///   restart or rollout that leaves half of the instances answering fire nothing.
/// - What is muted fires nothing but the alert about that. Checks in no other probe than startup fire nothing, because
///   nobody asks them later.
///
/// `severity` is for routes, and `job`, `check` and `instance` are labels where they apply, so
/// `group_by: [job, check]` in the Alertmanager makes one message of one trouble; no `inhibit_rules` are needed. The
/// annotations are `summary`, `description` (what to do) and `runbook` (the doc comment of the check).
///
/// # Objectives
///
/// `health:availability:ratio` is the share of the time of all instances in which ready was not unhealthy, with a
/// `window` of `5m`, `30m`, `1h`, `2h`, `6h`, `1d`, `3d` or `30d`: those that alerts on the burn rate of an error budget
/// use. Time in which an instance starts or drains is not available; time in which nothing was scraped is not counted,
/// and `HealthMetricsAbsent` tells about it.
#[derive(Clone, Debug)]
#[must_use]
pub struct PrometheusRules {
    job: Option<String>,
    /// What tells one service from another, besides the job.
    also_by: Vec<String>,
    startup_budget: Duration,
}

impl Default for PrometheusRules {
    fn default() -> Self {
        Self { job: None, also_by: Vec::new(), startup_budget: Duration::from_secs(300) }
    }
}

impl PrometheusRules {
    /// The `job` under which Prometheus scrapes the service. Default: none, and the rules are about every job that has
    /// these metrics.
    ///
    /// With a job, the file of one service does not touch another, so each can load its own; and that nothing of the
    /// job is scraped at all pages somebody. Without one, load the file of one service only, and what has been scraped
    /// once is missed for a day.
    pub fn job(mut self, job: impl Into<String>) -> Self {
        self.job = Some(job.into());
        self
    }

    /// A further label that tells one service from another, such as `namespace`: instances are counted together only
    /// where it is the same. May be called several times. Default: the `job` alone.
    ///
    /// What a label name cannot contain becomes `_`, as it does where Prometheus takes names from Kubernetes.
    pub fn also_by(mut self, label: impl Into<String>) -> Self {
        let mut label = label.into().replace(|character: char| !character.is_ascii_alphanumeric(), "_");
        if label.starts_with(|first: char| first.is_ascii_digit()) || label.is_empty() {
            label.insert(0, '_');
        }
        if label != "job" && !self.also_by.contains(&label) {
            self.also_by.push(label);
        }
        self
    }

    /// How long the process may take to start before that is told, rounded up to whole seconds; best the same as
    /// [`KubernetesProbes::startup_budget`](crate::KubernetesProbes::startup_budget). Default: 5 minutes.
    pub fn startup_budget(mut self, budget: Duration) -> Self {
        self.startup_budget = budget;
        self
    }

    fn by(&self) -> impl Iterator<Item = &str> {
        ["job"].into_iter().chain(self.also_by.iter().map(String::as_str))
    }

    /// The job as the first of several matchers; nothing without one.
    fn matcher(&self) -> String {
        self.job.as_deref().map(|job| format!("job={},", text::quoted(job))).unwrap_or_default()
    }

    /// The job as the only matcher; nothing without one.
    fn selector(&self) -> String {
        self.job.as_deref().map(|job| format!("{{job={}}}", text::quoted(job))).unwrap_or_default()
    }

    /// A query inside a template that asks about the service of the alert: its text, and what fills it in.
    fn query(&self, before: &str, after: &str, also: &str) -> String {
        let matchers: Vec<_> = self.by().map(|label| format!("{label}=%q")).collect();
        let values: Vec<_> = self.by().map(|label| format!("$labels.{label}")).collect();
        format!("printf \"{before}{}{after}\" {}{also}", matchers.join(","), values.join(" "))
    }
}

const RULES: &str = include_str!("rules.yaml");
/// The windows that alerts about a budget of errors use, and the month of its objective.
const WINDOWS: [&str; 8] = ["5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d"];
/// The longest start-up budget that Prometheus is told: a year.
const LONGEST: u64 = 365 * 24 * 3600;

pub(super) fn write(
    rules: &PrometheusRules,
    declarations: &[Declaration],
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    // In one go: a name that looks like a placeholder stays what it is.
    for (index, piece) in RULES.split('@').enumerate() {
        if index % 2 == 0 {
            f.write_str(piece)?;
        } else {
            f.write_str(&filled_in(piece, rules, declarations))?;
        }
    }
    Ok(())
}

/// What stands in the rules in place of `@placeholder@`.
fn filled_in(placeholder: &str, rules: &PrometheusRules, declarations: &[Declaration]) -> String {
    let gone = |before: &str| match &rules.job {
        Some(_) => format!("          {before}absent(health_phase{})\n", rules.selector()),
        None => String::new(),
    };
    match placeholder {
        "job" => rules.matcher(),
        "of" => rules.selector(),
        "by" => rules.by().collect::<Vec<_>>().join(", "),
        "budget" => {
            let budget = rules.startup_budget;
            let seconds = budget.as_secs().saturating_add(u64::from(budget.subsec_nanos() > 0));
            in_units(seconds.clamp(1, LONGEST))
        }
        "observed" => observed(declarations),
        "caused" => caused(rules, declarations),
        "affected" => rules.query("count by (check) (health:check_caused{", ",cause=%q})", " $labels.check"),
        "closed" => rules.query("count by (gate) (health_gate_open{", "} == 0)", ""),
        "down" => rules.query("up{", "} == 0", ""),
        "runbook" => format!(
            "{{{{ with {} | query }}}}{{{{ . | first | label \"description\" }}}}{{{{ else }}}}No doc comment says what \
             {{{{ $labels.check }}}} asks.{{{{ end }}}}",
            rules.query("health:check_described{", ",check=%q}", " $labels.check")
        ),
        "or_gone" => gone("or "),
        "unless_gone" => gone("unless on (job) "),
        "availability" => availability(rules),
        "described" => described(rules, declarations),
        _ => String::new(),
    }
}

/// `5m`, `90s`: Prometheus reads the first better than `300s`, and so do people.
fn in_units(seconds: u64) -> String {
    if seconds % 60 == 0 { format!("{}m", seconds / 60) } else { format!("{seconds}s") }
}

/// A matcher that leaves out what runs only when somebody asks: unknown is what it is when nobody does.
fn observed(declarations: &[Declaration]) -> String {
    let on_demand = declarations.iter().filter(|check| check.interval() == Interval::Never);
    let names: Vec<_> = on_demand.map(Declaration::name).collect();
    if names.is_empty() { String::new() } else { format!("check!~{},", text::any_of(&names)) }
}

/// One rule for each check that others depend on, however many do: what is wrong with them while it fails itself.
fn caused(rules: &PrometheusRules, declarations: &[Declaration]) -> String {
    let effects = causes::effects(declarations);
    let (job, by) = (rules.matcher(), rules.by().collect::<Vec<_>>().join(", "));
    let mut written = String::new();
    if !effects.is_empty() {
        written.push_str("      # What has a cause: it depends on something that fails too, at the same instance or fleet-wide.\n");
    }
    for (cause, effects) in effects {
        let (quoted, effects) = (text::quoted(cause), text::any_of(&effects.into_iter().collect::<Vec<_>>()));
        // Writing to a string cannot fail.
        let _ = write!(
            written,
            "      - record: health:check_caused
        labels:
          cause: {quoted}
        expr: |-
          health:check_trouble{{{job}check=~{effects}}}
          and on ({by}, instance) health:check_trouble{{{job}check={quoted},trouble=~\"failing|failing_fleetwide\"}}
"
        );
    }
    written
}

fn availability(rules: &PrometheusRules) -> String {
    let of = rules.selector();
    let mut written = String::new();
    for window in WINDOWS {
        let _ = write!(
            written,
            "      - record: health:availability:ratio
        labels:
          window: {window}
        expr: |-
          sum_over_time(health:available_seconds:rate5m{of}[{window}])
          / sum_over_time(health:counted_seconds:rate5m{of}[{window}])
"
        );
    }
    written
}

/// What the authors say about their checks, for the alerts to show. A label of a recording rule is never a template.
fn described(rules: &PrometheusRules, declarations: &[Declaration]) -> String {
    let descriptions = declarations.iter().filter_map(|check| Some((check.name(), check.description()?)));
    let descriptions: BTreeMap<_, _> = descriptions.collect();
    let (job, by) = (rules.matcher(), rules.by().collect::<Vec<_>>().join(", "));
    let mut written = String::new();
    if !descriptions.is_empty() {
        written.push_str("\n  # What the authors of the checks say about them.\n");
        written.push_str("  - name: health-descriptions\n    rules:\n");
    }
    for (name, description) in descriptions {
        let _ = write!(
            written,
            "      - record: health:check_described
        labels:
          declared: {}
          description: {}
        expr: |-
          group by ({by}, check) (health_check_info{{{job}check=~{}}})
",
            text::quoted(name),
            text::label(description),
            text::any_of(&[name])
        );
    }
    written
}
