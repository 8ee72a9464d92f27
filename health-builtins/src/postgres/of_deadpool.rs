//! The pools of deadpool-postgres.

use std::time::Duration;

use deadpool_postgres::{Object, Pool, PoolError, TimeoutType, Timeouts};
use futures::FutureExt as _;
use health_core::Failure;
use tokio::time::timeout;

use super::client::{Answer, Asks, Client, Question};
use super::of_tokio::{asked, failure};
use crate::pool::sealed::{Count, Counts};
use crate::pool::{Counted, Trouble};

impl Client for Pool {}

impl Asks for Pool {
    async fn ask(&self, question: Question, patience: Duration) -> Result<Answer, Trouble<Failure>> {
        let mut lent = Lent(Some(connection(self, patience).await?));
        let Some(client) = &lent.0 else {
            return Err(Trouble::Closed);
        };
        let answer = asked(client, question).await;
        if answer.as_ref().err().is_none_or(|error| error.code().is_some()) {
            drop(lent.0.take());
        }
        answer.map_err(|error| Trouble::Error(failure(error)))
    }
}

/// A connection that closes instead of going back: the pool would hand it on as it is, with a question that has not
/// been answered.
struct Lent(Option<Object>);

impl Drop for Lent {
    fn drop(&mut self) {
        drop(self.0.take().map(Object::take));
    }
}

async fn connection(pool: &Pool, patience: Duration) -> Result<Object, Trouble<Failure>> {
    match timeout(patience, pool.get()).await {
        Ok(got) => got.map_err(|error| why(pool, error, patience)),
        // It had a place, unless there is none now that it has given its own up.
        Err(_) => {
            let at_once = Timeouts { wait: Some(Duration::ZERO), ..pool.timeouts() };
            match pool.timeout_get(&at_once).now_or_never() {
                Some(got) => got.map_err(|error| why(pool, error, patience)),
                None => Err(Trouble::NoneWithin(patience)),
            }
        }
    }
}

fn why(pool: &Pool, error: PoolError, patience: Duration) -> Trouble<Failure> {
    match error {
        PoolError::Timeout(TimeoutType::Wait) => Trouble::Busy(pool.status().max_size),
        PoolError::Timeout(TimeoutType::Create | TimeoutType::Recycle) => {
            let timeouts = pool.timeouts();
            Trouble::NoneWithin(timeouts.create.map_or(patience, |own| own.min(patience)))
        }
        PoolError::Closed => Trouble::Closed,
        PoolError::Backend(error) => Trouble::Error(failure(error)),
        other => Trouble::Error(Failure::new("the pool could not make a connection").because(other)),
    }
}

impl Counts for Pool {
    fn count(&self) -> Option<Count> {
        let status = self.status();
        // Who waits holds a place, is about to, or stands in line behind those that do.
        let in_use = status.size.saturating_sub(status.available).saturating_add(status.waiting);
        let count =
            Count { in_use: in_use.min(status.max_size), idle: status.available, max: status.max_size };
        (!self.is_closed()).then_some(count)
    }
}

impl Counted for Pool {}
