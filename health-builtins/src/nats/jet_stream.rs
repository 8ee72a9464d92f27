//! What JetStream says about an account, a stream, a consumer.

use std::borrow::Cow;
use std::fmt;

use async_nats::jetstream::context::{RequestError, RequestErrorKind};
use async_nats::jetstream::response::Response;
use async_nats::jetstream::{Context, Error, ErrorCode};
use health_core::{Failure, HealthCheck, Outcome, Spec};
use serde_json::Value;

use super::client::while_connected;
use crate::Recommended;
use crate::recommended::over_the_network;

/// From this share of its limits on a stream that refuses what does not fit is degraded.
const NEARLY_FULL: f64 = 0.9;

pub(super) async fn account(context: &Context) -> Result<Outcome, Failure> {
    let account = ask(context, "INFO".to_owned()).await?;
    Ok(Outcome::healthy()
        .data("streams", number(&account, "/streams")?)
        .data("consumers", number(&account, "/consumers")?)
        .data("storage_bytes", number(&account, "/storage")?)
        .data("memory_bytes", number(&account, "/memory")?))
}

/// A stream of JetStream: made with [`Nats::stream`](super::Nats::stream).
#[derive(Clone)]
#[must_use]
pub struct Stream {
    context: Context,
    name: String,
    degraded_above: Option<f64>,
}

impl Stream {
    pub(super) fn new(context: &Context, name: String) -> Self {
        Self { context: context.clone(), name, degraded_above: None }
    }

    /// Degraded when it holds more than this share, from 0 to 1, of the messages or the bytes it may hold.
    ///
    /// Unset, that is 0.9 for a stream that refuses what does not fit (`DiscardPolicy::New`), and none for one that
    /// drops its oldest messages.
    pub fn degraded_above(mut self, share: f64) -> Self {
        self.degraded_above = Some(share);
        self
    }

    fn judged(&self, info: &Value) -> Result<Outcome, Failure> {
        led(info)?;
        let refuses = info.pointer("/config/discard").and_then(Value::as_str) == Some("new");
        let limit = self.degraded_above.or(refuses.then_some(NEARLY_FULL));
        if limit.is_some_and(f64::is_nan) {
            return Err(Failure::new("`degraded_above` must be a number"));
        }
        let (messages, bytes) = (number(info, "/state/messages")?, number(info, "/state/bytes")?);
        let most = |name| info.pointer(name).and_then(Value::as_u64).unwrap_or(0);
        let crowded = limit.and_then(|limit| {
            crowded(limit, "messages", messages, most("/config/max_msgs"))
                .or_else(|| crowded(limit, "bytes", bytes, most("/config/max_bytes")))
        });
        Ok(crowded.unwrap_or(Outcome::healthy()).data("messages", messages).data("bytes", bytes))
    }
}

/// Degraded if more than this share of what is allowed is used. What is unlimited is -1 there, hence not above zero.
fn crowded(share: f64, what: &str, used: u64, allowed: u64) -> Option<Outcome> {
    (allowed > 0 && used as f64 > share * allowed as f64).then(|| {
        let percent = (share * 1000.0).round() / 10.0;
        Outcome::degraded(format!("it holds {used} of at most {allowed} {what}, more than {percent} %"))
    })
}

impl HealthCheck for Stream {
    async fn check(&self) -> Result<Outcome, Failure> {
        let info = ask(&self.context, format!("STREAM.INFO.{}", token(&self.name)?)).await?;
        self.judged(&info)
    }

    fn defaults() -> Spec {
        over_the_network("")
    }
}

impl Recommended for Stream {
    #[track_caller]
    fn spec(&self, name: impl Into<Cow<'static, str>>) -> Spec {
        over_the_network(name)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("name", &self.name)
            .field("degraded_above", &self.degraded_above)
            .finish_non_exhaustive()
    }
}

/// A consumer of a stream: made with [`Nats::consumer`](super::Nats::consumer).
#[derive(Clone)]
#[must_use]
pub struct Consumer {
    context: Context,
    stream: String,
    name: String,
    degraded_above: Option<u64>,
}

impl Consumer {
    pub(super) fn new(context: &Context, stream: String, name: String) -> Self {
        Self { context: context.clone(), stream, name, degraded_above: None }
    }

    /// Degraded when more than this many messages wait to be delivered to it. Unset, it may lag as it likes.
    pub fn degraded_above(mut self, messages: u64) -> Self {
        self.degraded_above = Some(messages);
        self
    }

    fn judged(&self, info: &Value) -> Result<Outcome, Failure> {
        led(info)?;
        let waiting = number(info, "/num_pending")?;
        let outcome = match self.degraded_above.filter(|limit| waiting > *limit) {
            Some(limit) => Outcome::degraded(format!("{waiting} messages wait for it, more than {limit}")),
            None => Outcome::healthy(),
        };
        Ok(outcome
            .data("waiting", waiting)
            .data("unacknowledged", number(info, "/num_ack_pending")?)
            .data("redelivered", number(info, "/num_redelivered")?))
    }
}

impl HealthCheck for Consumer {
    async fn check(&self) -> Result<Outcome, Failure> {
        let subject = format!("CONSUMER.INFO.{}.{}", token(&self.stream)?, token(&self.name)?);
        let info = ask(&self.context, subject).await?;
        self.judged(&info)
    }

    fn defaults() -> Spec {
        over_the_network("")
    }
}

impl Recommended for Consumer {
    #[track_caller]
    fn spec(&self, name: impl Into<Cow<'static, str>>) -> Spec {
        over_the_network(name)
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("stream", &self.stream)
            .field("name", &self.name)
            .field("degraded_above", &self.degraded_above)
            .finish_non_exhaustive()
    }
}

/// A server that is alone has no cluster; one that has must know who leads.
fn led(info: &Value) -> Result<(), Failure> {
    match info.get("cluster") {
        Some(cluster) if cluster.get("leader").and_then(Value::as_str).is_none_or(str::is_empty) => {
            Err(Failure::new("it has no leader"))
        }
        _ => Ok(()),
    }
}

/// Only what is needed is read, from the names of the protocol: the types of the client insist on fields that older
/// servers do not send.
fn number(answer: &Value, name: &'static str) -> Result<u64, Failure> {
    answer.pointer(name).and_then(Value::as_u64).ok_or_else(|| {
        Failure::new("the answer of JetStream was not understood").because(format!("no number at {name}"))
    })
}

/// A name that is one token of a subject, so that nothing else is asked about.
fn token(name: &str) -> Result<&str, Failure> {
    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || ".*>/\\".contains(c)) {
        return Err(Failure::new("this is no name of a stream or a consumer"));
    }
    Ok(name)
}

/// One request to the API (<https://docs.nats.io/reference/reference-protocols/nats_api_reference>).
async fn ask(context: &Context, subject: String) -> Result<Value, Failure> {
    while_connected(&context.client(), async {
        match context.request(subject, &serde_json::json!({})).await {
            Ok(Response::Ok(answer)) => Ok(answer),
            Ok(Response::Err { error }) => Err(refused(error)),
            Err(error) => Err(unanswered(error)),
        }
    })
    .await
}

fn refused(error: Error) -> Failure {
    Failure::new(match error.error_code() {
        ErrorCode::STREAM_NOT_FOUND => "the stream does not exist",
        ErrorCode::CONSUMER_NOT_FOUND => "the consumer does not exist",
        ErrorCode::JETSTREAM_NOT_ENABLED | ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT => NOT_ENABLED,
        ErrorCode::CLUSTER_NOT_AVAILABLE | ErrorCode::CLUSTER_NOT_LEADER | ErrorCode::CLUSTER_NO_PEERS => {
            "JetStream has no leader"
        }
        _ => "JetStream refused to answer",
    })
    .because(error)
}

const NOT_ENABLED: &str = "JetStream is not enabled";

fn unanswered(error: RequestError) -> Failure {
    match error.kind() {
        RequestErrorKind::NoResponders => Failure::new(NOT_ENABLED).because(error),
        RequestErrorKind::TimedOut => Failure::new("JetStream did not answer in time").because(error),
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn who_is_in_a_cluster_needs_a_leader() {
        assert!(led(&json!({})).is_ok());
        assert!(led(&json!({"cluster": {"name": "c", "leader": "n1"}})).is_ok());
        for cluster in [json!({"name": "c"}), json!({"name": "c", "leader": ""})] {
            let failure = led(&json!({"cluster": cluster})).expect_err("nobody leads");
            assert_eq!(failure.summary(), Some("it has no leader"));
        }
    }

    #[test]
    fn what_is_unlimited_is_never_crowded() {
        assert!(crowded(0.0, "bytes", u64::MAX, 0).is_none());
        assert!(crowded(0.9, "bytes", 90, 100).is_none());
        let outcome = crowded(0.905, "bytes", 91, 100).expect("more than that");
        assert_eq!(outcome.summary(), Some("it holds 91 of at most 100 bytes, more than 90.5 %"));
    }
}
