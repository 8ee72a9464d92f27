//! What the client knows about its connection, and a message that comes back.

use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::Client;
use async_nats::connection::State;
use futures::StreamExt as _;
use futures::future::{Either, select};
use health_core::{Failure, Outcome};
use tokio::time::sleep;

use crate::Fault;

/// How often is looked whether an answer can still arrive: the client tells nobody that it lost its connection.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The client writes what it is told to, which a client that was drained does not, whatever it says about its state.
pub(super) async fn works(client: &Client) -> Result<Outcome, Failure> {
    while_connected(client, async {
        client.flush().await.map_err(|error| Fault::Closed.because(error))?;
        Ok(Outcome::healthy())
    })
    .await
}

pub(super) async fn round_trip(client: &Client, asks: Option<&str>) -> Result<Outcome, Failure> {
    while_connected(client, async {
        let inbox = client.new_inbox();
        let mut answers =
            client.subscribe(inbox.clone()).await.map_err(|error| Fault::Closed.because(error))?;
        let asked = match asks {
            None => client.publish(inbox, "".into()).await,
            Some(subject) => client.publish_with_reply(subject.to_owned(), inbox, "".into()).await,
        };
        asked.map_err(|error| Failure::new("the message was not accepted").because(error))?;
        answers.next().await.ok_or_else(|| Failure::from("the subscription ended"))?;
        Ok(Outcome::healthy())
    })
    .await
}

/// Asks only while there is a connection, and stops waiting when it is lost.
pub(super) async fn while_connected<T>(
    client: &Client,
    asked: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let connections = || client.statistics().connects.load(Ordering::Relaxed);
    let before = connections();
    connected(client)?;
    let lost = async {
        loop {
            sleep(LOOK_AGAIN).await;
            if let Err(failure) = connected(client) {
                return failure;
            }
            // A new one already: what was asked on the old one is answered by nobody.
            if connections() != before {
                return Failure::new(Fault::Closed.to_string());
            }
        }
    };
    match select(pin!(asked), pin!(lost)).await {
        Either::Left((answered, _)) => answered,
        Either::Right((failure, _)) => Err(failure),
    }
}

fn connected(client: &Client) -> Result<(), Failure> {
    match client.connection_state() {
        State::Connected => Ok(()),
        State::Pending => Err(Failure::new("not connected yet")),
        State::Disconnected => Err(Failure::new("not connected: the client is reconnecting")),
    }
}
