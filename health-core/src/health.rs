//! The cheap handle of a running engine.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::{Engine, Manner, Subject};
use crate::{
    HealthBuilder, History, Inquiry, Period, Phase, Probe, Question, Report, Reporter, Runs, Status,
};
use crate::{Subscription, TimeIn, Unknown};

/// The health of a running process. Cheap to clone; the engine stops with the last clone.
///
/// Its engine keeps every check fresh by itself, whether or not anybody asks. To ask ([`report`](Self::report) and its
/// kin) takes until a deadline at most and never fails; to look ([`status`](Self::status), [`history`](Self::history),
/// [`subscribe`](Self::subscribe)) runs nothing and waits for nothing.
///
/// ```
/// use health_core::{Health, Outcome, Probe, Spec, Status};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), health_core::BuildError> {
/// let health = Health::builder()
///     .check_fn(Spec::named("disk"), || async { Outcome::degraded("91 % full") })
///     .build()?
///     .start();
/// let report = health.report(Probe::Ready).await;
/// assert_eq!(report.status(), Status::Degraded);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "the engine stops with the last handle"]
pub struct Health {
    pub(crate) engine: Arc<Engine>,
}

impl Health {
    /// Begins to describe the health of a process.
    pub fn builder() -> HealthBuilder {
        HealthBuilder::new()
    }

    pub(crate) fn new(engine: Arc<Engine>) -> Self {
        Self { engine }
    }

    /// What a probe comes to: at once if every observation is no older than the [`cache`](crate::Spec::cache) of its
    /// check.
    ///
    /// Else it joins the run in flight of every check whose observation is older, stale or missing, or begins one, and
    /// answers when all of them have ended or the probe's deadline has passed. What is not known by then is the last
    /// observation while it is usable, else [`Unknown`]. A run that is past its timeout is not waited for.
    /// Once startup has passed, nothing is asked for [`Probe::Startup`] any more.
    ///
    /// Any number of callers share one run of each check. Dropping the future cancels no run. It may be awaited on any
    /// runtime, or on none.
    pub async fn report(&self, probe: Probe) -> Report {
        self.engine.ask(Subject::Probe(probe), Manner::default()).await
    }

    /// Like [`report`](Self::report), but answers after `deadline` if the probe's own is longer. With
    /// [`Duration::ZERO`] it begins what is missing and tells what is known.
    pub async fn report_within(&self, probe: Probe, deadline: Duration) -> Report {
        self.engine.ask(Subject::Probe(probe), Manner { deadline, ..Manner::default() }).await
    }

    /// The worst of live and ready, every check listed, asked as by [`report`](Self::report) until the deadline of
    /// ready; checks that join startup alone are not asked once it has passed. Not a liveness answer: it is unhealthy
    /// while starting and draining.
    pub async fn overview(&self) -> Report {
        self.engine.ask(Subject::Whole, Manner::default()).await
    }

    /// Like [`overview`](Self::overview), but answers after `deadline` if ready's own is longer.
    pub async fn overview_within(&self, deadline: Duration) -> Report {
        self.engine.ask(Subject::Whole, Manner { deadline, ..Manner::default() }).await
    }

    /// Asks one check by its full name, as by [`report`](Self::report), until the deadline of ready. The status of the
    /// report is the check's own, whatever it may do to the whole. `None` if there is none of that name.
    pub async fn check(&self, name: &str) -> Option<Report> {
        self.check_within(name, Duration::MAX).await
    }

    /// Like [`check`](Self::check), but answers after `deadline` if ready's own is longer.
    pub async fn check_within(&self, name: &str, deadline: Duration) -> Option<Report> {
        self.ask(Inquiry::about(Question::Check(name)).within(deadline)).await
    }

    /// Asks the members of a group, across probes and whatever the phase, as by [`report`](Self::report), until the
    /// deadline of ready. `None` if no check is in it.
    pub async fn group(&self, name: &str) -> Option<Report> {
        self.group_within(name, Duration::MAX).await
    }

    /// Like [`group`](Self::group), but answers after `deadline` if ready's own is longer.
    pub async fn group_within(&self, name: &str, deadline: Duration) -> Option<Report> {
        self.ask(Inquiry::about(Question::Group(name)).within(deadline)).await
    }

    /// Asks anything, in the way the [`Inquiry`] says. `None` if there is no check or group of the name in its question.
    ///
    /// Like [`report`](Self::report) it takes until a deadline at most, and dropping the future cancels no run.
    pub async fn ask(&self, inquiry: Inquiry<'_>) -> Option<Report> {
        let at_hand = match (inquiry.question, inquiry.excluded) {
            (Question::Overview, []) => self.engine.fresh(Subject::Whole, inquiry.floor),
            (Question::Probe(probe), []) => self.engine.fresh(Subject::Probe(probe), inquiry.floor),
            _ => None,
        };
        match at_hand {
            Some(report) => Some(report),
            // Boxed: who is answered at once need not carry what it takes to wait.
            None => Box::pin(self.inquire(inquiry)).await,
        }
    }

    async fn inquire(&self, inquiry: Inquiry<'_>) -> Option<Report> {
        let plan = &self.engine.plan;
        let excluded: Vec<_> = inquiry.excluded.iter().filter_map(|name| plan.find(name)).collect();
        let Inquiry { deadline, floor, .. } = inquiry;
        let manner = Manner { deadline, floor, excluded: &excluded };
        let checks = self.named_in(inquiry.question);
        Some(self.engine.ask(self.subject(inquiry.question, &checks)?, manner).await)
    }

    /// What [`ask`](Self::ask) would say if it neither asked nor waited: how everything in the question stands, as the
    /// engine keeps it up. For readers of which there may be many, as dashboards and metrics, whom no check should ever
    /// feel. `None` if there is no check or group of the name in the question.
    ///
    /// ```
    /// # use health_core::{Health, Question, Status};
    /// # fn show(health: &Health) {
    /// let all = health.look(Question::Overview).expect("there always is an overview");
    /// for entry in all.entries() {
    ///     println!("{} {}", entry.name(), entry.status().map_or("unknown", Status::as_str));
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn look(&self, question: Question<'_>) -> Option<Report> {
        let checks = self.named_in(question);
        Some(self.engine.look_at(self.subject(question, &checks)?))
    }

    /// The checks that a question about some of them is about.
    fn named_in(&self, question: Question<'_>) -> Vec<usize> {
        match question {
            Question::Group(name) => self.engine.plan.in_group(name),
            Question::Tree(name) => self.engine.plan.in_tree(name),
            Question::Overview | Question::Probe(_) | Question::Check(_) => Vec::new(),
        }
    }

    fn subject<'a>(&self, question: Question<'_>, checks: &'a [usize]) -> Option<Subject<'a>> {
        let plan = &self.engine.plan;
        let named = || Some(checks).filter(|checks| !checks.is_empty());
        Some(match question {
            Question::Overview => Subject::Whole,
            Question::Probe(probe) => Subject::Probe(probe),
            Question::Check(name) => Subject::Check(plan.find(name)?),
            Question::Group(_) => Subject::Some(named()?),
            Question::Tree(name) => Subject::Tree { checks: named()?, top: plan.find(name) },
        })
    }

    /// The status of a probe as it stands: asks nothing, waits for nothing. It is kept up by the engine, so it is as good
    /// as that of a report, but for up to an interval older.
    #[must_use]
    pub fn status(&self, probe: Probe) -> Status {
        self.engine.status(probe)
    }

    /// For how long it has been running.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.engine.uptime()
    }

    /// Where the process is in its life.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.engine.phase()
    }

    /// Turns ready red at once, for good or until [`resume`](Self::resume). Live is untouched, and checks go on.
    pub fn drain(&self) {
        self.engine.drain();
    }

    /// Takes [`drain`](Self::drain) back. Startup is not repeated, gates stay open.
    pub fn resume(&self) {
        self.engine.resume();
    }

    /// The reporter of a canary (a check with [`idle`](crate::Spec::idle)), for real traffic to report through; also
    /// of a check that is only reported about. `None` for any other name.
    ///
    /// A reported success (healthy or degraded) postpones the next run of the canary, though never beyond its `max_age`
    /// after the last run; after a run that failed, only another run restores it. A reported failure is an observation
    /// like any other and goes through the [`failure_threshold`](crate::Spec::failure_threshold).
    #[must_use]
    pub fn reporter(&self, name: &str) -> Option<Reporter> {
        let cell = self.engine.cell(self.engine.plan.find(name)?)?;
        cell.hears_reports().then(|| Reporter::of(cell))
    }

    /// Caps the weight of a check at degraded for a while: for somebody who has seen the alarm and is at work on it.
    /// Logged as a warning, shown as `muted_until`, over by itself after at most a year. A second mute replaces the
    /// first. The check goes on, and its own entry says what it finds. The reason is logged, redacted as a summary is.
    ///
    /// # Errors
    ///
    /// [`MuteError`] if no check has this name, or the period is none.
    pub fn mute(
        &self,
        name: &str,
        period: impl Into<Period>,
        reason: impl Into<String>,
    ) -> Result<(), MuteError> {
        let plan = &self.engine.plan;
        let Some(check) = plan.find(name) else {
            let known = plan.checks.iter().map(|check| &*check.spec.name);
            let nearest = crate::name::nearest(name, known).map(str::to_owned);
            return Err(MuteError::UnknownCheck { name: name.to_owned(), nearest });
        };
        let period = period.into().checked("the period of a mute").map_err(MuteError::Period)?;
        self.engine.mute(check, period, crate::redact::summary(reason.into().into()).into());
        Ok(())
    }

    /// Ends a mute before its time; whether there was one.
    pub fn unmute(&self, name: &str) -> bool {
        self.engine.plan.find(name).is_some_and(|check| self.engine.unmute(check))
    }

    /// Every transition from now on, for one reader; each call has its own. What is the case already is not told.
    ///
    /// ```
    /// # use health_core::{Change, Health, Status};
    /// # async fn follow(health: Health) {
    /// let mut transitions = health.subscribe();
    /// drop(health); // a subscription keeps nothing alive, so it ends with the last handle
    /// while let Some(transition) = transitions.next().await {
    ///     if let Change::Check { name, to: Ok(Status::Unhealthy), .. } = transition.change() {
    ///         println!("{name} has failed");
    ///     }
    /// }
    /// # }
    /// ```
    pub fn subscribe(&self) -> Subscription {
        self.engine.journal().subscribe()
    }

    /// Like [`subscribe`](Self::subscribe), if fewer than `limit` subscriptions live that were made by this method; else
    /// `None`. For readers from elsewhere, who come in numbers that nobody has planned: those of every place that asks
    /// here are counted together, for as long as each keeps its subscription.
    pub fn subscribe_if_fewer_than(&self, limit: usize) -> Option<Subscription> {
        self.engine.journal().subscribe_if_fewer_than(limit)
    }

    /// The past of a check; `None` if there is none of that name.
    #[must_use]
    pub fn history(&self, name: &str) -> Option<History> {
        let check = self.engine.plan.find(name)?;
        let knowledge = self.engine.cell(check)?.knowledge();
        Some(History {
            last_success: knowledge.last_success,
            last_failure: knowledge.last_failure,
            since: knowledge.since,
            flips: self.engine.journal().flips(check),
        })
    }

    /// How the runs of a check have ended since the start, and how long they took; `None` if there is none of that name.
    #[must_use]
    pub fn runs(&self, name: &str) -> Option<Runs> {
        let check = self.engine.plan.find(name)?;
        Some(self.engine.cell(check)?.runs())
    }

    /// How often a check came to a status since the start, as [`History::times_entered`] says, without the rest of its
    /// past; `None` if there is none of that name.
    #[must_use]
    pub fn times_entered(&self, name: &str, status: Result<Status, Unknown>) -> Option<u64> {
        let check = self.engine.plan.find(name)?;
        Some(self.engine.journal().times_entered(check, status))
    }

    /// The gates by name, and whether each is open.
    pub fn gates(&self) -> impl Iterator<Item = (&str, bool)> {
        self.engine.plan.gates.iter().map(|gate| (&*gate.name, gate.is_open()))
    }

    /// How many members of a group must be well, if it was given a [`Quorum`](crate::Quorum).
    #[must_use]
    pub fn quorum(&self, group: &str) -> Option<usize> {
        self.engine.plan.policies.iter().find(|policy| policy.name == group).map(|policy| policy.need)
    }

    /// How long a probe has been in each status since the start.
    #[must_use]
    pub fn time_in(&self, probe: Probe) -> TimeIn {
        self.engine.journal().time_in(probe)
    }

    /// Has the [heartbeat](HealthBuilder::heartbeat) watch the Tokio runtime this is called in, under a name that may
    /// be shown, until that runtime is shut down. The endpoints of `health-actix` call it in every worker. Does nothing
    /// outside a runtime, without a heartbeat, or for a runtime that is watched already.
    pub fn watch_runtime(&self, name: impl Into<String>) {
        self.engine.watch_runtime(name.into());
    }

    /// How many runs, since the start, had to wait for their turn for longer than their timeout: then more checks are
    /// slow than may [run at once](HealthBuilder::max_runs).
    #[must_use]
    pub fn queued_too_long(&self) -> u64 {
        self.engine.queued_too_long()
    }

    /// The checks that depend on this one, directly or not, sorted: what is likely to fail when it does. Empty for
    /// an unknown name.
    #[must_use]
    pub fn affected_by(&self, name: &str) -> Vec<&str> {
        let plan = &self.engine.plan;
        let affected = plan.find(name).map(|check| plan.graph.affected_by(check)).unwrap_or_default();
        affected.into_iter().filter_map(|check| Some(&*plan.checks.get(check)?.spec.name)).collect()
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health").field("phase", &self.phase()).finish_non_exhaustive()
    }
}

/// Why a check was not muted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MuteError {
    /// No check has this name.
    UnknownCheck {
        /// The name as it was given.
        name: String,
        /// The name that was most likely meant.
        nearest: Option<String>,
    },
    /// The period is no duration, zero, or longer than a year; the text says what to write.
    Period(String),
}

impl fmt::Display for MuteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownCheck { name, nearest: Some(nearest) } => {
                write!(f, "no check is called `{}`; did you mean `{nearest}`?", name.escape_debug())
            }
            Self::UnknownCheck { name, nearest: None } => {
                write!(f, "no check is called `{}`", name.escape_debug())
            }
            Self::Period(fault) => f.write_str(fault),
        }
    }
}

impl std::error::Error for MuteError {}
