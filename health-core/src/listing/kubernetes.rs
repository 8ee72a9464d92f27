//! The three probes of a container and what its end takes, as YAML.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::period::readable;
use crate::{DEFAULT_DEADLINE, Probe};

/// What the probes of a container are written from. The defaults are those of the engine and its adapters.
///
/// ```
/// use health_core::{Format, KubernetesProbes, catalog};
/// use std::time::Duration;
///
/// let probes = KubernetesProbes::default().port(9000).startup_budget(Duration::from_secs(600));
/// print!("{}", catalog().listing(Format::Kubernetes).kubernetes(probes));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct KubernetesProbes {
    port: u16,
    /// Of the probes that are asked elsewhere.
    ports: BTreeMap<Probe, u16>,
    mount: String,
    deadline: Duration,
    startup_budget: Duration,
    drain_delay: Duration,
    end_limit: Duration,
    propagation: Duration,
}

impl Default for KubernetesProbes {
    fn default() -> Self {
        Self {
            port: 8080,
            ports: BTreeMap::new(),
            mount: "/health".into(),
            deadline: DEFAULT_DEADLINE,
            startup_budget: Duration::from_secs(300),
            drain_delay: Duration::from_secs(10),
            end_limit: Duration::from_secs(18),
            propagation: Duration::from_secs(5),
        }
    }
}

impl KubernetesProbes {
    /// The port of the container on which the probes are served. Default: 8080.
    ///
    /// A kubelet asks from outside the container: this is the port that serves the path of the probe, never one of a
    /// listener on loopback.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The port of one probe that is served elsewhere; the others keep theirs, in whatever order this is called.
    ///
    /// Like [`port`](Self::port), the one that serves the path: with a management listener, what
    /// `health_actix::Management::probe_port()` says, which is `None` for a listener that no kubelet reaches.
    ///
    /// ```
    /// use health_core::{Format, KubernetesProbes, Probe, catalog};
    ///
    /// # let management_port = Some(9000);
    /// let mut probes = KubernetesProbes::default().port(8080);
    /// if let Some(port) = management_port {
    ///     // Liveness is asked where the application cannot hold up the answer, readiness where the traffic goes.
    ///     probes = probes.probe_port(Probe::Live, port);
    /// }
    /// print!("{}", catalog().listing(Format::Kubernetes).kubernetes(probes));
    /// ```
    pub fn probe_port(mut self, probe: Probe, port: u16) -> Self {
        self.ports.insert(probe, port);
        self
    }

    /// The path under which `live`, `ready` and `startup` are served. Default: `/health`.
    pub fn mount(mut self, path: impl Into<String>) -> Self {
        self.mount = path.into();
        self
    }

    /// How long an answer may take, as given to [`HealthBuilder::deadline`](crate::HealthBuilder::deadline).
    /// Default: [`DEFAULT_DEADLINE`].
    ///
    /// The kubelet waits for that long, in whole seconds rounded up, and for at least 5 s with liveness.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How long the process may take to start before it is killed, rounded up to whole periods. Default: 5 minutes.
    pub fn startup_budget(mut self, budget: Duration) -> Self {
        self.startup_budget = budget;
        self
    }

    /// How long the process goes on serving after SIGTERM, and how long it takes from then until it has ended: a pod
    /// that has not ended within its `terminationGracePeriodSeconds` is killed. With `health_actix::run`, what its
    /// `Shutdown` says: `Shutdown::kubernetes` hands it on. Default: that of a `Shutdown` unless changed, so 10 s and
    /// 18 s.
    pub fn shutdown(mut self, drain_delay: Duration, end_limit: Duration) -> Self {
        (self.drain_delay, self.end_limit) = (drain_delay, end_limit);
        self
    }

    /// How long requests still come to a pod that is being ended, because not every node, ingress or balancer knows yet.
    /// Default: 5 s.
    ///
    /// What of it the process does not serve by itself after SIGTERM, a `preStop` puts before it.
    pub fn propagation(mut self, propagation: Duration) -> Self {
        self.propagation = propagation;
        self
    }

    /// How long SIGTERM has to wait, in seconds.
    fn pre_stop(&self) -> Option<u64> {
        let uncovered = self.propagation.checked_sub(self.drain_delay)?;
        (!uncovered.is_zero()).then(|| rounded_up(uncovered, 1))
    }

    /// How long the kubelet waits for an answer, in seconds, and why.
    fn timeout(&self, probe: Probe) -> (u64, String) {
        let seconds = rounded_up(self.deadline, 1);
        match probe {
            Probe::Live => {
                (seconds.max(LIVE_TIMEOUT), "slow is not dead, and a restart makes it slower".into())
            }
            Probe::Ready | Probe::Startup => {
                (seconds, format!("an answer takes at most {}", readable(self.deadline)))
            }
        }
    }

    /// How many bad answers in a row have a consequence, and which.
    fn failures(&self, probe: Probe) -> (u64, String) {
        match probe {
            Probe::Live => (FAILURES, "then the container is restarted".into()),
            Probe::Ready => (FAILURES, "then it gets no traffic, until an answer is good".into()),
            Probe::Startup => {
                let budget = readable(self.startup_budget);
                let why = format!("starting may take {budget}, then the container is restarted");
                (rounded_up(self.startup_budget, PERIOD), why)
            }
        }
    }
}

/// The kubelet's own defaults, written out because a reader of the manifest should not have to know them.
const PERIOD: u64 = 10;
const FAILURES: u64 = 3;
/// What is left between the end of a process and the moment at which it would be killed.
const SPARE: Duration = Duration::from_secs(2);
/// The least timeout of liveness: killing takes more patience than taking out of traffic.
const LIVE_TIMEOUT: u64 = 5;

pub(super) fn write(probes: &KubernetesProbes, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("# Part of a container, beside its `image`. Liveness and readiness wait for start-up.\n")?;
    for probe in Probe::ALL {
        let key = match probe {
            Probe::Live => "livenessProbe",
            Probe::Ready => "readinessProbe",
            Probe::Startup => "startupProbe",
        };
        let (timeout, why) = probes.timeout(probe);
        let (failures, consequence) = probes.failures(probe);
        writeln!(f, "{key}:")?;
        writeln!(f, "  httpGet:")?;
        writeln!(f, "    path: {}", quoted(&format!("{}/{probe}", mount(&probes.mount))))?;
        writeln!(f, "    port: {}", probes.ports.get(&probe).unwrap_or(&probes.port))?;
        writeln!(f, "  periodSeconds: {PERIOD}")?;
        writeln!(f, "  timeoutSeconds: {timeout} # {why}")?;
        writeln!(f, "  failureThreshold: {failures} # {consequence}")?;
        // Kubernetes allows no other value with liveness and startup.
        writeln!(f, "  successThreshold: 1")?;
    }
    write_end(probes, f)
}

fn write_end(probes: &KubernetesProbes, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (delay, end) = (readable(probes.drain_delay), readable(probes.end_limit));
    let propagation = readable(probes.propagation);
    if let Some(seconds) = probes.pre_stop() {
        writeln!(f, "lifecycle:")?;
        writeln!(f, "  preStop: # SIGTERM comes after it")?;
        writeln!(f, "    sleep: # Kubernetes 1.30 or newer; before that an `exec` of `sleep`")?;
        writeln!(
            f,
            "      seconds: {seconds} # requests still come for {propagation}, and it serves on for {delay}"
        )?;
    } else {
        writeln!(f, "# No `preStop`: requests still come for {propagation}, and it serves on for {delay}.")?;
    }
    let before = Duration::from_secs(probes.pre_stop().unwrap_or_default());
    let whole = [before, probes.drain_delay, probes.end_limit, SPARE];
    let whole = whole.into_iter().fold(Duration::ZERO, Duration::saturating_add);
    let seconds = rounded_up(whole, 1);
    let pre_stop =
        if before.is_zero() { String::new() } else { format!("{} of preStop, ", readable(before)) };
    writeln!(f, "---")?;
    writeln!(f, "# Part of the pod, beside its `containers`. What has not ended by then is killed.")?;
    writeln!(
        f,
        "terminationGracePeriodSeconds: {seconds} # {pre_stop}{delay} of serving on, {end} to end, {} to spare",
        readable(SPARE)
    )
}

/// How many units of whole seconds hold the duration: at least one, at most what fits in the field of the manifest.
fn rounded_up(duration: Duration, unit: u64) -> u64 {
    let seconds = duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0));
    seconds.div_ceil(unit).clamp(1, i32::MAX.unsigned_abs().into())
}

/// A leading slash and none at the end, as the adapters mount it.
fn mount(path: &str) -> String {
    let path = path.trim_matches('/');
    if path.is_empty() { String::new() } else { format!("/{path}") }
}

/// A double-quoted YAML scalar, in printable ASCII.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            ' '..='~' => quoted.push(character),
            _ => {
                // Writing to a string cannot fail.
                let _ = write!(quoted, "\\U{:08X}", u32::from(character));
            }
        }
    }
    quoted.push('"');
    quoted
}
