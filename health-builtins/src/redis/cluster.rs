//! What a node knows of its cluster.

use std::borrow::Cow;
use std::fmt;

use ::redis::aio::ConnectionLike;
use health_core::{Failure, HealthCheck, Outcome, Spec, Status};

use super::{lines, refusal};
use crate::Recommended;
use crate::recommended::over_the_network;

/// How many there are in every cluster.
const SLOTS: u64 = 16_384;

/// A cluster serves all slots, as one of its nodes sees it.
///
/// Unhealthy when the cluster says that it is down, which it does when a slot is lost (unless
/// `cluster-require-full-coverage` is off) or when the node has lost sight of the others; degraded when it works and a
/// slot is lost, or in doubt because a node does not answer the others.
///
/// ```no_run
/// use health_builtins::Recommended as _;
/// use health_builtins::redis::Cluster;
/// use health_core::Health;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = redis::Client::open("redis://cache.example/")?;
/// # let connection = client.get_multiplexed_async_connection().await?;
/// let sessions = Cluster::of(&connection);
/// let health = Health::builder().check(sessions.spec("sessions/cluster"), sessions).build()?.start();
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Cluster<C> {
    connection: C,
}

impl<C: ConnectionLike + Clone> Cluster<C> {
    /// Asks the node to which this is connected, and any one if it is connected to all.
    pub fn of(connection: &C) -> Self {
        Self { connection: connection.clone() }
    }
}

impl<C: ConnectionLike + Clone + Send + Sync> HealthCheck for Cluster<C> {
    /// Cancelled, it leaves a request to the server whose answer nobody reads. The connection stays in step.
    async fn check(&self) -> Result<Outcome, Failure> {
        let mut connection = self.connection.clone();
        let asked = ::redis::cmd("CLUSTER").arg("INFO").query_async::<String>(&mut connection).await;
        judged(&asked.map_err(refusal::told)?)
    }

    fn defaults() -> Spec {
        over_the_network("")
    }
}

/// The answer to `CLUSTER INFO`: <https://redis.io/docs/latest/commands/cluster-info/>.
fn judged(info: &str) -> Result<Outcome, Failure> {
    let works = match lines::named(info, "cluster_state") {
        Some("ok") => true,
        Some("fail") => false,
        _ => return Err(Failure::new("the node does not tell the state of its cluster")),
    };
    let count = |name: &str| lines::named(info, name).and_then(|count| count.parse::<u64>().ok());
    let (Some(served), Some(doubtful)) = (count("cluster_slots_ok"), count("cluster_slots_pfail")) else {
        return Err(Failure::new("the node does not tell the slots of its cluster"));
    };
    let lost = SLOTS.saturating_sub(served).saturating_sub(doubtful);
    let outcome = Outcome::healthy().data("slots_lost", lost).data("slots_in_doubt", doubtful);
    Ok(match (works, lost, doubtful) {
        (true, 0, 0) => outcome,
        (true, 0, _) => outcome
            .with_summary(format!(
                "a node does not answer the others: {doubtful} of {SLOTS} slots are in doubt"
            ))
            .at_least(Status::Degraded),
        (true, _, _) => {
            outcome.with_summary(format!("nobody serves {lost} of {SLOTS} slots")).at_least(Status::Degraded)
        }
        (false, 0, _) => outcome.with_summary("the cluster is down").at_least(Status::Unhealthy),
        (false, _, _) => outcome
            .with_summary(format!("the cluster is down: nobody serves {lost} of {SLOTS} slots"))
            .at_least(Status::Unhealthy),
    })
}

impl<C: ConnectionLike + Clone + Send + Sync> Recommended for Cluster<C> {
    #[track_caller]
    fn spec(&self, name: impl Into<Cow<'static, str>>) -> Spec {
        over_the_network(name)
    }
}

/// Without the connection: clients print where they are connected to.
impl<C> fmt::Debug for Cluster<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(state: &str, served: &str, doubtful: &str) -> (Option<Status>, Option<String>) {
        let info = format!(
            "cluster_enabled:1\r\ncluster_state:{state}\r\ncluster_slots_assigned:16384\r\n\
             cluster_slots_ok:{served}\r\ncluster_slots_pfail:{doubtful}\r\ncluster_slots_fail:0\r\n"
        );
        match judged(&info) {
            Ok(outcome) => (Some(outcome.status()), outcome.summary().map(ToOwned::to_owned)),
            Err(failure) => (None, failure.summary().map(ToOwned::to_owned)),
        }
    }

    #[test]
    fn a_cluster_is_as_good_as_its_slots() {
        let words = |words: &str| Some(words.to_owned());
        assert_eq!(said("ok", "16384", "0"), (Some(Status::Healthy), None));
        let doubt = words("a node does not answer the others: 384 of 16384 slots are in doubt");
        assert_eq!(said("ok", "16000", "384"), (Some(Status::Degraded), doubt));
        // Whether failed or never given to anybody.
        let lost = words("nobody serves 300 of 16384 slots");
        assert_eq!(said("ok", "16000", "84"), (Some(Status::Degraded), lost));
        assert_eq!(said("fail", "16384", "0"), (Some(Status::Unhealthy), words("the cluster is down")));
        let down = words("the cluster is down: nobody serves 384 of 16384 slots");
        assert_eq!(said("fail", "16000", "0"), (Some(Status::Unhealthy), down));
        assert_eq!(said("", "0", "0"), (None, words("the node does not tell the state of its cluster")));
        assert_eq!(said("ok", "all", "0"), (None, words("the node does not tell the slots of its cluster")));
    }
}
