//! What Prometheus scrapes from a few instances of a service in the course of some time, and which alerts then fire,
//! for `promtool test rules` to judge.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use health_core::{Declaration, Probe, catalog};
use serde_json::{Value, json};

const STATUSES: [&str; 4] = ["healthy", "degraded", "unhealthy", "unknown"];
const PHASES: [&str; 3] = ["starting", "running", "draining"];

/// What one instance shows when it is scraped.
#[derive(Clone)]
pub struct Instance {
    /// Whether it is a target; it then has an `up`, whether or not it answers.
    pub is_target: bool,
    pub answers: bool,
    /// Labels of the target besides its job and its number.
    pub labels: &'static str,
    pub phase: &'static str,
    pub is_gate_open: bool,
    /// Whether quorums make up for whatever fails.
    pub quorums_hold: bool,
    statuses: BTreeMap<String, &'static str>,
    muted: BTreeSet<&'static str>,
    /// The checks of which there is more to tell than that they are well.
    told: BTreeSet<String>,
    transitions: BTreeMap<(String, &'static str), u64>,
    ready_seconds: BTreeMap<&'static str, u64>,
}

impl Instance {
    fn new() -> Self {
        let statuses = checks().map(|(name, _)| (name, "healthy")).collect();
        Self {
            is_target: true,
            answers: true,
            labels: "",
            phase: "running",
            is_gate_open: true,
            quorums_hold: false,
            statuses,
            muted: BTreeSet::new(),
            told: BTreeSet::new(),
            transitions: BTreeMap::new(),
            ready_seconds: BTreeMap::new(),
        }
    }

    pub fn unmute(&mut self) {
        self.muted.clear();
    }

    /// A new process in its place.
    pub fn restarts(&mut self) {
        let told = std::mem::take(&mut self.told);
        *self = Self { phase: "starting", is_gate_open: false, labels: self.labels, told, ..Self::new() };
        for status in self.statuses.values_mut() {
            *status = "unknown";
        }
        // They stand for the others, of which there is no more to tell.
        self.told.extend(["db", "orders"].map(str::to_owned));
    }

    /// It has passed startup, and everything is well.
    pub fn runs(&mut self) {
        (self.phase, self.is_gate_open) = ("running", true);
        for (name, _) in checks() {
            self.set(&name, "healthy");
        }
    }

    pub fn set(&mut self, check: &str, status: &'static str) {
        let held = self.statuses.get_mut(check).unwrap_or_else(|| panic!("{check} is not declared"));
        if *held != status {
            *held = status;
            self.told.insert(check.to_owned());
            *self.transitions.entry((check.to_owned(), status)).or_default() += 1;
        }
    }

    /// Whether the check has ever been anything but well.
    fn has_more_to_tell_of(&self, check: &str) -> bool {
        self.told.contains(check)
    }

    pub fn mute(&mut self, check: &'static str) {
        self.muted.insert(check);
        self.told.insert(check.to_owned());
    }

    /// Whether what fails makes a probe unhealthy.
    fn is_unhealthy(&self, probe: Probe) -> bool {
        let fails = |name: &str| {
            ["unhealthy", "unknown"].iter().any(|failing| self.statuses.get(name) == Some(failing))
        };
        let weighs = |name: &str, check: &Declaration| {
            check.is_critical() && check.probes().contains(probe) && !self.muted.contains(name)
        };
        let is_away = probe == Probe::Ready && self.phase != "running";
        is_away || !self.quorums_hold && checks().any(|(name, check)| weighs(&name, check) && fails(&name))
    }

    fn series(&self, labels: &str) -> Vec<(String, u64)> {
        let mut series = Vec::new();
        for phase in PHASES {
            series
                .push((format!("health_phase{{{labels},phase={phase:?}}}"), u64::from(phase == self.phase)));
        }
        series.push((
            format!("health_gate_open{{{labels},gate=\"migrations\"}}"),
            u64::from(self.is_gate_open),
        ));
        for (name, probe) in [("live", Probe::Live), ("ready", Probe::Ready)] {
            let is_unhealthy = self.is_unhealthy(probe);
            for (status, is_so) in [("healthy", !is_unhealthy), ("unhealthy", is_unhealthy)] {
                let labels = format!("{labels},probe={name:?},status={status:?}");
                series.push((format!("health_status{{{labels}}}"), u64::from(is_so)));
            }
        }
        for (name, check) in checks() {
            let labels = format!("{labels},check={name:?}");
            for status in STATUSES {
                let held = u64::from(self.statuses.get(&name) == Some(&status));
                series.push((format!("health_check_status{{{labels},status={status:?}}}"), held));
                let entered = self.transitions.get(&(name.clone(), status)).copied().unwrap_or_default();
                series.push((format!("health_check_transitions_total{{{labels},to={status:?}}}"), entered));
            }
            let (group, scope) = (check.group().unwrap_or_default(), check.scope());
            let scope = scope.map_or("", |scope| scope.as_str());
            let (critical, probes) = (check.is_critical().to_string(), check.probes().to_string());
            let info = format!("critical={critical:?},group={group:?},probes={probes:?},scope={scope:?}");
            series.push((format!("health_check_info{{{labels},{info}}}"), 1));
            let muted = u64::from(self.muted.contains(name.as_str()));
            series.push((format!("health_check_muted{{{labels}}}"), muted));
        }
        for status in &STATUSES[..3] {
            let spent = self.ready_seconds.get(status).copied().unwrap_or_default();
            let series_of =
                format!("health_status_seconds_total{{{labels},probe=\"ready\",status={status:?}}}");
            series.push((series_of, spent));
        }
        series
    }
}

/// Everything declared, with a member in place of each map.
fn checks() -> impl Iterator<Item = (String, &'static Declaration)> {
    static CATALOG: std::sync::OnceLock<health_core::Catalog> = std::sync::OnceLock::new();
    let declarations = CATALOG.get_or_init(catalog).declarations();
    declarations.iter().map(|check| (check.name().replace('*', "eu"), check))
}

/// What happens, and what is expected of the alerts meanwhile.
pub struct Story {
    pub instances: Vec<Instance>,
    pub job: &'static str,
    /// Other things that are scraped, and always show the same.
    pub others: Vec<(&'static str, u64)>,
    /// The seconds between two scrapes.
    pub step: u64,
    /// The seconds between two evaluations.
    pub evaluated_every: u64,
    steps: u64,
    series: BTreeMap<String, Vec<Option<u64>>>,
    expected: Vec<Value>,
    alerts: Vec<Value>,
}

impl Story {
    /// So many instances, all of them running and well, looked at so seldom that days pass quickly.
    pub fn of_days(instances: usize) -> Self {
        Self { step: 300, evaluated_every: 300, ..Self::of(instances) }
    }

    /// So many instances, all of them running and well.
    pub fn of(instances: usize) -> Self {
        Self {
            instances: vec![Instance::new(); instances],
            job: "shop",
            others: Vec::new(),
            step: 30,
            evaluated_every: 30,
            steps: 0,
            series: BTreeMap::new(),
            expected: Vec::new(),
            alerts: Vec::new(),
        }
    }

    /// A status for a check on the first of the instances.
    pub fn on_first(&mut self, count: usize, check: &str, status: &'static str) {
        for instance in &mut self.instances[..count] {
            instance.set(check, status);
        }
    }

    pub fn on_all(&mut self, check: &str, status: &'static str) {
        self.on_first(self.instances.len(), check, status);
    }

    /// So many seconds of this.
    pub fn lasts(&mut self, seconds: u64) {
        assert_eq!(seconds % self.step, 0);
        for _ in 0..seconds / self.step {
            self.is_scraped();
        }
    }

    pub fn lasts_minutes(&mut self, minutes: u64) {
        self.lasts(minutes * 60);
    }

    fn is_scraped(&mut self) {
        let step = usize::try_from(self.steps).unwrap();
        for (number, instance) in self.instances.iter_mut().enumerate() {
            let labels = format!("job={:?},instance=\"host-{number}\"{}", self.job, instance.labels);
            let mut samples = Vec::new();
            if instance.is_target {
                samples.push((format!("up{{{labels}}}"), u64::from(instance.answers)));
            }
            if instance.is_target && instance.answers {
                samples.extend(instance.series(&labels));
            }
            for (series, sample) in samples {
                let values = self.series.entry(series).or_default();
                values.resize(step, None);
                values.push(Some(sample));
            }
            let status = if instance.is_unhealthy(Probe::Ready) { "unhealthy" } else { "healthy" };
            *instance.ready_seconds.entry(status).or_default() += self.step;
        }
        for (series, sample) in &self.others {
            let values = self.series.entry((*series).to_owned()).or_default();
            values.resize(step, None);
            values.push(Some(*sample));
        }
        self.steps += 1;
    }

    /// The moment of the last scrape.
    fn now(&self) -> String {
        format!("{}s", self.steps.saturating_sub(1) * self.step)
    }

    /// Exactly these fire by now, each given as `Name key=value ...`.
    pub fn fires(&mut self, alerts: &[&str]) {
        let alert = |alert: &&str| {
            let (name, labels) = alert.split_once(' ').expect("labels");
            let mut labels: BTreeMap<_, _> =
                labels.split(' ').map(|label| label.split_once('=').expect("a label")).collect();
            labels.extend([("alertname", name), ("alertstate", "firing"), ("job", self.job)]);
            let labels: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={value:?}")).collect();
            json!({ "labels": format!("ALERTS{{{}}}", labels.join(",")), "value": 1 })
        };
        let expected: Vec<_> = alerts.iter().map(alert).collect();
        self.expects("ALERTS{alertstate=\"firing\"}", expected);
    }

    /// Nothing has fired, from the beginning until now.
    pub fn was_quiet(&mut self) {
        let all = format!("count_over_time(ALERTS{{alertstate=\"firing\"}}[{}s])", self.steps * self.step);
        self.expects(&all, Vec::new());
    }

    /// A query that by now has these samples.
    pub fn expects(&mut self, query: &str, samples: Vec<Value>) {
        let mut expected = json!({ "expr": query, "eval_time": self.now() });
        if !samples.is_empty() {
            expected["exp_samples"] = Value::from(samples);
        }
        self.expected.push(expected);
    }

    /// What an alert that fires by now says; labels and annotations as objects.
    pub fn says(&mut self, alert: &str, labels: Value, annotations: Value) {
        let expected = json!({ "exp_labels": labels, "exp_annotations": annotations });
        self.alerts.push(json!({ "eval_time": self.now(), "alertname": alert, "exp_alerts": [expected] }));
    }

    /// As one of the tests in a file for promtool.
    pub fn written(&self, name: &str) -> Value {
        let length = usize::try_from(self.steps).unwrap();
        let told = |series: &&String| {
            let (_, check) = series.split_once("check=\"").unwrap_or_default();
            let (check, _) = check.split_once('"').unwrap_or_default();
            check.is_empty() || self.instances.iter().any(|instance| instance.has_more_to_tell_of(check))
        };
        // What is well all the time makes no difference but to how long this takes.
        let series = self.series.keys().filter(told).map(|series| {
            let values = &self.series[series];
            let mut values = values.clone();
            values.resize(length, None);
            json!({ "series": series, "values": shortened(&values) })
        });
        json!({
            "name": name,
            "interval": format!("{}s", self.step),
            "input_series": series.collect::<Vec<_>>(),
            "promql_expr_test": self.expected,
            "alert_rule_test": self.alerts,
        })
    }
}

/// In the notation of promtool, in which a failed scrape is `stale` once and then nothing.
fn shortened(values: &[Option<u64>]) -> String {
    let mut text = String::new();
    let mut rest = values;
    while let Some(first) = rest.first() {
        let same = rest.iter().take_while(|value| *value == first).count();
        let is_first = rest.len() == values.len();
        // Writing to a string cannot fail.
        let _ = match first {
            Some(value) => write!(text, "{value}x{} ", same - 1),
            None if is_first => write!(text, "_x{same} "),
            None if same == 1 => write!(text, "stale "),
            None => write!(text, "stale _x{} ", same - 1),
        };
        rest = &rest[same..];
    }
    text
}
