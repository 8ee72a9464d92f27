//! One of several is enough, or all are needed.

use std::borrow::Cow;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use futures::future::join_all;
use health_core::{Failure, HealthCheck, Outcome, Spec, Status};
use serde_json::{Map, Value};

use super::Member;
use super::member::text_of;
use crate::Recommended;

/// What the engine's timeout leaves for the limits of the members, so that the one that hangs is named.
const MARGIN: Duration = Duration::from_millis(50);

/// How many causes of causes are followed.
const CHAIN: usize = 16;

/// Several checks that are asked together and answer as one: [`any_of`], [`all_of`].
///
/// All members are asked at the same time, each with the limit and the name of its own [`Spec`]. Whatever befalls one of
/// them, the others are heard: the summary says how many are not healthy, which, and why; the values of each are under its
/// name. The [recommended](Recommended::spec) timeout is a little longer than the longest limit; with a shorter one, a
/// member that hangs hides the others. Without members it fails. Two members of one name are a problem of `build()`, or
/// of every run with a `Spec` other than the recommended one.
#[derive(Debug)]
#[must_use]
pub struct Several {
    members: Vec<Member>,
    needed: Needed,
}

#[derive(Clone, Copy, Debug)]
enum Needed {
    One,
    All,
}

/// As good as the best of them, but degraded if it is healthy and another one is not.
///
/// The same as a group with `Quorum::at_least(1)` of the core, as one check: see [this page](super) for when to prefer
/// that. It is unhealthy only when nothing is left that would do, so a member that is not critical counts as it is: that it
/// has failed as well makes nothing better. What is recommended is critical if one of the members is.
pub fn any_of(members: impl IntoIterator<Item = Member>) -> Several {
    Several { members: members.into_iter().collect(), needed: Needed::One }
}

/// As bad as the worst of them; but beside a member that is critical, one that is not makes it degraded at most.
///
/// So what is shared does not take this instance out of service together with what is not: the mail relay beside the
/// folder, each with what it recommends. However a member ends, its own status is among the values. Where none is
/// critical, what is recommended for all of them is not either, and the engine does the same with the whole. A member that
/// shall make all of them unhealthy says so: `Member::of(relay.spec("relay").critical(true), relay)`.
pub fn all_of(members: impl IntoIterator<Item = Member>) -> Several {
    Several { members: members.into_iter().collect(), needed: Needed::All }
}

impl Needed {
    fn judges(self, members: &[Member], outcomes: &[Outcome]) -> Option<Status> {
        let statuses = outcomes.iter().map(Outcome::status);
        match self {
            Self::All => {
                let is_one_critical = members.iter().any(Member::is_critical);
                let weights = members.iter().zip(statuses).map(|(member, status)| {
                    if is_one_critical && !member.is_critical() {
                        status.min(Status::Degraded)
                    } else {
                        status
                    }
                });
                weights.max()
            }
            Self::One => {
                let worst = statuses.clone().max()?;
                Some(statuses.min()?.max(worst.min(Status::Degraded)))
            }
        }
    }
}

impl Several {
    /// What is said of one of two members of this name would take the place of what is said of the other.
    fn doubled(&self) -> Option<&str> {
        let mut names: Vec<_> = self.members.iter().map(Member::name).collect();
        names.sort_unstable();
        let twins = names.iter().zip(names.iter().skip(1)).find(|(one, other)| one == other);
        twins.map(|(name, _)| *name)
    }
}

impl HealthCheck for Several {
    /// Cancelled, so are all members.
    async fn check(&self) -> Result<Outcome, Failure> {
        if let Some(name) = self.doubled() {
            return Err(Failure::new(format!("two members are called `{name}`")));
        }
        let outcomes = join_all(self.members.iter().map(Member::told)).await;
        let Some(status) = self.needed.judges(&self.members, &outcomes) else {
            return Err(Failure::new("it has no members to ask"));
        };
        let told: Vec<_> = self.members.iter().map(Member::name).zip(&outcomes).collect();
        let mut outcome = Outcome::of(status);
        if let Some(summary) = summary(&told) {
            outcome = outcome.with_summary(summary);
        }
        let causes = causes(&told);
        if !causes.is_empty() {
            outcome = outcome.because(causes);
        }
        for (name, said) in told {
            outcome = outcome.data(name.to_owned(), values(said));
            for datum in said.all_data().iter().filter(|datum| datum.is_private()) {
                outcome = outcome.private_data(format!("{name}.{}", datum.name()), datum.value().clone());
            }
        }
        Ok(outcome)
    }
}

impl Recommended for Several {
    #[track_caller]
    fn spec(&self, name: impl Into<Cow<'static, str>>) -> Spec {
        let merged = Spec::merged(name, self.members.iter().map(Member::spec));
        let limit = merged.effective_timeout().saturating_add(MARGIN);
        merged.timeout(limit)
    }
}

/// `1 of 3 is not healthy: replica (cannot connect: connection refused)`.
fn summary(told: &[(&str, &Outcome)]) -> Option<String> {
    let trouble: Vec<_> = told.iter().filter(|(_, said)| !said.status().is_healthy()).collect();
    let is = if trouble.len() == 1 { "is" } else { "are" };
    let named: Vec<_> = trouble.iter().map(|(name, said)| format!("{name} ({})", why(said))).collect();
    let (some, all) = (trouble.len(), told.len());
    (some > 0).then(|| format!("{some} of {all} {is} not healthy: {}", named.join(", ")))
}

fn why(said: &Outcome) -> Cow<'_, str> {
    match (said.status(), said.summary()) {
        (Status::Unhealthy, summary) => summary.unwrap_or("failed").into(),
        (status, Some(summary)) => format!("{status}: {summary}").into(),
        (status, None) => status.as_str().into(),
    }
}

fn values(said: &Outcome) -> Value {
    let mut values = Map::new();
    values.insert("status".to_owned(), said.status().as_str().into());
    if let Some(summary) = said.summary() {
        values.insert("summary".to_owned(), summary.into());
    }
    for datum in said.all_data().iter().filter(|datum| !datum.is_private()) {
        values.entry(datum.name().to_owned()).or_insert_with(|| datum.value().clone());
    }
    Value::Object(values)
}

/// Several causes have no one chain: each is told with what is below it, after the name of its member.
fn causes(told: &[(&str, &Outcome)]) -> String {
    let chain = |said: &Outcome| said.cause().map(|cause| catch_unwind(AssertUnwindSafe(|| chain(cause))));
    let causes = told.iter().filter_map(|(name, said)| {
        // The text of a cause is written by code of the member: that code may panic too.
        let chain = chain(said)?.unwrap_or_else(|payload| {
            drop(text_of(payload));
            "panicked while saying why it failed".to_owned()
        });
        Some(format!("{name}: {chain}"))
    });
    causes.collect::<Vec<_>>().join("; ")
}

fn chain(cause: &(dyn Error + 'static)) -> String {
    let mut text = cause.to_string();
    let mut next = cause.source();
    for _ in 0..CHAIN {
        let Some(below) = next else { break };
        let own = below.to_string();
        // Many errors already end with the text of their source.
        if !text.ends_with(&own) {
            text = format!("{text}: {own}");
        }
        next = below.source();
    }
    text
}
