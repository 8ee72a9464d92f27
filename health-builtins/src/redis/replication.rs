//! What a server says about its role, and when it last heard of the others.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use ::redis::Value;
use ::redis::aio::ConnectionLike;
use health_core::{Failure, HealthCheck, Outcome, Spec, Status};

use super::{lines, refusal};
use crate::Recommended;
use crate::recommended::over_the_network;

/// The primary sends a `PING` every ten seconds (`repl-ping-replica-period`) when it has nothing else to say.
const SILENCE: Duration = Duration::from_secs(15);

/// A server has the role that it should have, and replication works as far as it can tell.
///
/// Lag is silence here: how long ago a replica has received anything from its primary, or a primary an
/// acknowledgement from its replicas, in whole seconds. Redis knows no age of data. A replica that hears its primary
/// all the time can be behind by what is on its way (`bytes_behind` in the data of a primary, as of its replicas' last
/// acknowledgement, which they send once a second).
///
/// Unhealthy with the wrong role. Degraded on a replica without a link to its primary, while it copies everything anew,
/// above the limit for silence, and with too few replicas: it serves what it has. One that is told to serve nothing
/// then (`replica-serve-stale-data no`) says so when it is asked for something, which makes
/// [`Redis::ping`](super::Redis::ping) unhealthy.
///
/// ```no_run
/// use health_builtins::Recommended as _;
/// use health_builtins::redis::Replication;
/// use health_core::Health;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = redis::Client::open("redis://cache.example/")?;
/// # let connection = client.get_multiplexed_async_connection().await?;
/// let role = Replication::primary(&connection).at_least_replicas(1);
/// let health = Health::builder().check(role.spec("sessions/role"), role).build()?.start();
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Replication<C> {
    connection: C,
    expected: Role,
    silence: Duration,
    replicas: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Primary,
    Replica,
}

impl<C: ConnectionLike + Clone> Replication<C> {
    /// The server is the one that takes writes.
    pub fn primary(connection: &C) -> Self {
        Self::of(connection, Role::Primary)
    }

    /// The server is a replica, and hears its primary.
    pub fn replica(connection: &C) -> Self {
        Self::of(connection, Role::Replica)
    }

    /// Degraded when the other side has been silent for longer: the primary of a replica; a replica that is silent for
    /// longer does not count for [`at_least_replicas`](Self::at_least_replicas). 15 seconds unless it is set; a replica
    /// whose primary has nothing to write hears it only every ten.
    pub fn degraded_above(mut self, silence: Duration) -> Self {
        self.silence = silence;
        self
    }

    /// Degraded when fewer replicas than this follow the server: connected, with all data, not silent. A replica can
    /// have replicas of its own. None is expected unless it is set.
    pub fn at_least_replicas(mut self, count: usize) -> Self {
        self.replicas = count;
        self
    }

    fn of(connection: &C, expected: Role) -> Self {
        Self { connection: connection.clone(), expected, silence: SILENCE, replicas: 0 }
    }
}

impl<C> Replication<C> {
    fn judged(&self, info: &Info<'_>) -> Result<Outcome, Failure> {
        let outcome = match (self.expected, info.role()?) {
            (Role::Primary, Role::Replica) => Outcome::unhealthy("is a replica; a primary is expected"),
            (Role::Replica, Role::Primary) => Outcome::unhealthy("is a primary; a replica is expected"),
            (Role::Primary, Role::Primary) => Outcome::healthy(),
            (Role::Replica, Role::Replica) => self.hears_its_primary(info)?,
        };
        if outcome.status() != Status::Healthy {
            return Ok(outcome);
        }
        let (following, connected) = info.replicas(self.silence);
        let outcome = outcome.data("replicas", connected).data("following", following);
        let outcome = match info.bytes_behind() {
            Some(bytes) => outcome.data("bytes_behind", bytes),
            None => outcome,
        };
        if following >= self.replicas {
            return Ok(outcome);
        }
        let expected = self.replicas;
        let few = format!("replicas that follow: {following}, expected at least {expected}");
        Ok(outcome.with_summary(few).at_least(Status::Degraded))
    }

    fn hears_its_primary(&self, info: &Info<'_>) -> Result<Outcome, Failure> {
        if info.get("master_sync_in_progress") == Some("1") {
            return Ok(Outcome::degraded("the replica is copying everything from its primary"));
        }
        if info.get("master_link_status") != Some("up") {
            return Ok(Outcome::degraded("the replica has no link to its primary"));
        }
        let silent = Duration::from_secs(info.number("master_last_io_seconds_ago")?);
        let outcome = Outcome::healthy().data("silent_s", silent.as_secs());
        if silent <= self.silence {
            return Ok(outcome);
        }
        let (silent, limit) = (silent.as_secs(), self.silence);
        let words = format!("the primary has been silent for {silent} s, more than {limit:?}");
        Ok(outcome.with_summary(words).at_least(Status::Degraded))
    }
}

impl<C: ConnectionLike + Clone + Send + Sync> HealthCheck for Replication<C> {
    /// Cancelled, it leaves a request to the server whose answer nobody reads. The connection stays in step.
    async fn check(&self) -> Result<Outcome, Failure> {
        let mut connection = self.connection.clone();
        let asked = ::redis::cmd("INFO").arg("replication").query_async::<Value>(&mut connection).await;
        match asked.map_err(refusal::told)? {
            Value::Map(_) | Value::Array(_) => Err(Failure::new("one server is asked, not a whole cluster")),
            answer => {
                let text: String =
                    ::redis::from_redis_value(answer).map_err(|error| refusal::told(error.into()))?;
                self.judged(&Info(&text))
            }
        }
    }

    fn defaults() -> Spec {
        over_the_network("")
    }
}

impl<C: ConnectionLike + Clone + Send + Sync> Recommended for Replication<C> {
    #[track_caller]
    fn spec(&self, name: impl Into<Cow<'static, str>>) -> Spec {
        over_the_network(name)
    }
}

/// Without the connection: clients print where they are connected to.
impl<C> fmt::Debug for Replication<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Replication");
        debug
            .field("expected", &self.expected)
            .field("silence", &self.silence)
            .field("replicas", &self.replicas);
        debug.finish_non_exhaustive()
    }
}

/// The answer to `INFO replication`: <https://redis.io/docs/latest/commands/info/>.
struct Info<'a>(&'a str);

impl Info<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        lines::named(self.0, name)
    }

    fn number(&self, name: &str) -> Result<u64, Failure> {
        let number = self.get(name).and_then(|number| number.parse().ok());
        number.ok_or_else(|| untold().because(name.to_owned()))
    }

    fn role(&self) -> Result<Role, Failure> {
        match self.get("role") {
            Some("master") => Ok(Role::Primary),
            Some("slave") => Ok(Role::Replica),
            _ => Err(untold()),
        }
    }

    /// How many replicas follow, and how many there are.
    fn replicas(&self, silence: Duration) -> (usize, usize) {
        let follows = |replica: &str| {
            let silent = field(replica, "lag").and_then(|lag| lag.parse().ok()).map(Duration::from_secs);
            field(replica, "state") == Some("online") && silent.is_some_and(|silent| silent <= silence)
        };
        (self.each_replica().filter(|replica| follows(replica)).count(), self.each_replica().count())
    }

    /// What the replica that is furthest behind has not acknowledged.
    fn bytes_behind(&self) -> Option<u64> {
        let written: u64 = self.get("master_repl_offset")?.parse().ok()?;
        let offsets = self.each_replica().filter_map(|replica| field(replica, "offset")?.parse::<u64>().ok());
        offsets.map(|offset| written.saturating_sub(offset)).max()
    }

    /// `slave0:ip=..,port=..,state=online,offset=14,lag=0`, and so on.
    fn each_replica(&self) -> impl Iterator<Item = &str> {
        lines::all(self.0).filter_map(|(name, fields)| {
            let number = name.strip_prefix("slave")?;
            number.parse::<usize>().is_ok().then_some(fields)
        })
    }
}

fn field<'a>(fields: &'a str, name: &str) -> Option<&'a str> {
    fields
        .split(',')
        .filter_map(|field| field.split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

fn untold() -> Failure {
    Failure::new("the server does not tell its role")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(check: &Replication<()>, info: &str) -> (Option<Status>, Option<String>) {
        match check.judged(&Info(info)) {
            Ok(outcome) => (Some(outcome.status()), outcome.summary().map(ToOwned::to_owned)),
            Err(failure) => (None, failure.summary().map(ToOwned::to_owned)),
        }
    }

    fn expecting(expected: Role) -> Replication<()> {
        Replication { connection: (), expected, silence: SILENCE, replicas: 0 }
    }

    const REPLICA: &str = "# Replication\r\nrole:slave\r\nmaster_link_status:up\r\nmaster_last_io_seconds_ago:16\r\n\
        master_sync_in_progress:0\r\nconnected_slaves:0\r\nmaster_repl_offset:90\r\n";
    const PRIMARY: &str = "# Replication\r\nrole:master\r\nconnected_slaves:3\r\n\
        slave0:ip=192.0.2.1,port=6379,state=online,offset=70,lag=0\r\n\
        slave1:ip=192.0.2.2,port=6379,state=online,offset=9,lag=16\r\n\
        slave2:ip=192.0.2.3,port=6379,state=wait_bgsave,offset=0,lag=0\r\nmaster_repl_offset:90\r\n";

    #[test]
    fn silence_is_judged_by_the_limit() {
        let mut check = expecting(Role::Replica);
        let summary = Some("the primary has been silent for 16 s, more than 15s".to_owned());
        assert_eq!(said(&check, REPLICA), (Some(Status::Degraded), summary));
        check.silence = Duration::from_secs(16);
        assert_eq!(said(&check, REPLICA), (Some(Status::Healthy), None));
        let copying = REPLICA.replace("in_progress:0", "in_progress:1").replace(":up", ":down");
        let summary = Some("the replica is copying everything from its primary".to_owned());
        assert_eq!(said(&check, &copying), (Some(Status::Degraded), summary));
    }

    #[test]
    fn a_replica_counts_when_it_is_in_step() {
        let mut check = expecting(Role::Primary);
        assert_eq!(said(&check, PRIMARY), (Some(Status::Healthy), None));
        check.replicas = 2;
        let summary = Some("replicas that follow: 1, expected at least 2".to_owned());
        assert_eq!(said(&check, PRIMARY), (Some(Status::Degraded), summary));
        check.silence = Duration::from_secs(16);
        assert_eq!(said(&check, PRIMARY), (Some(Status::Healthy), None));
        assert_eq!(Info(PRIMARY).bytes_behind(), Some(90));
    }

    #[test]
    fn what_does_not_tell_its_role_is_not_healthy() {
        let summary = Some("the server does not tell its role".to_owned());
        for info in ["", "role:sentinel\r\n", "+OK"] {
            assert_eq!(said(&expecting(Role::Primary), info), (None, summary.clone()), "{info:?}");
        }
        let silent = REPLICA.replace("ago:16", "ago:soon");
        assert_eq!(said(&expecting(Role::Replica), &silent), (None, summary));
    }
}
