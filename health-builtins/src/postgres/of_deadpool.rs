//! The pools of deadpool-postgres.

use std::time::Duration;

use deadpool_postgres::{Object, Pool, PoolError, TimeoutType, Timeouts};
use futures::FutureExt as _;
use health_core::Failure;
use tokio::time::timeout;

use super::client::{Answer, Asks, Client, Question};
use super::of_tokio::{asked, trouble};
use crate::pool::sealed::{Count, Counts};
use crate::pool::{Counted, Trouble, patience_with_a_busy_pool};

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
        answer.map_err(trouble)
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
    let with_a_busy_pool = patience_with_a_busy_pool(patience);
    let mut get = Box::pin(pool.get());
    let mut got = timeout(with_a_busy_pool, &mut get).await;
    if got.is_err() {
        if are_all_made(pool) {
            drop(get);
            match at_once(pool) {
                None => get = Box::pin(pool.get()),
                Some(got) => return got.map_err(|error| why(pool, error, patience)),
            }
        }
        got = timeout(patience.saturating_sub(with_a_busy_pool), &mut get).await;
    }
    drop(get);
    match got.ok().or_else(|| at_once(pool)) {
        Some(got) => got.map_err(|error| why(pool, error, patience)),
        None => Err(Trouble::NoneWithin(patience)),
    }
}

/// `None` when it got a place, and no connection: then the one that was given up had a place, too.
fn at_once(pool: &Pool) -> Option<Result<Object, PoolError>> {
    let at_once = Timeouts { wait: Some(Duration::ZERO), ..pool.timeouts() };
    pool.timeout_get(&at_once).now_or_never()
}

/// A place is taken while a connection is being made, but is not counted as one.
fn are_all_made(pool: &Pool) -> bool {
    let status = pool.status();
    status.size >= status.max_size
}

fn why(pool: &Pool, error: PoolError, patience: Duration) -> Trouble<Failure> {
    let within = |own: Option<Duration>| Trouble::NoneWithin(own.map_or(patience, |own| own.min(patience)));
    match error {
        PoolError::Timeout(TimeoutType::Wait) if are_all_made(pool) => Trouble::Busy(pool.status().max_size),
        PoolError::Timeout(TimeoutType::Wait) => within(pool.timeouts().wait),
        PoolError::Timeout(TimeoutType::Create | TimeoutType::Recycle) => within(pool.timeouts().create),
        PoolError::Closed => Trouble::Closed,
        PoolError::Backend(error) => trouble(error),
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

#[cfg(test)]
mod tests {
    use deadpool_postgres::Manager;
    use tokio::net::TcpListener;
    use tokio::time::Instant;
    use tokio_postgres::{Config, NoTls};

    use super::*;
    use crate::pool::PATIENCE;

    /// A pool whose connections are accepted, and then nobody says anything.
    async fn silent(max: usize) -> (TcpListener, Pool) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let mut config = Config::new();
        config.host("127.0.0.1").port(listener.local_addr().unwrap().port()).user("app");
        let pool = Pool::builder(Manager::new(config, NoTls)).max_size(max).build().unwrap();
        (listener, pool)
    }

    /// What the application waits for is no use of a connection: it is one that cannot be made.
    #[tokio::test(start_paused = true)]
    async fn a_pool_full_of_attempts_at_a_silent_server_is_not_busy() {
        let (_listener, pool) = silent(2).await;
        let application: Vec<_> = [pool.clone(), pool.clone()]
            .map(|pool| tokio::spawn(async move { drop(pool.get().await) }))
            .into_iter()
            .collect();
        while pool.status().waiting < 2 {
            tokio::task::yield_now().await;
        }
        let begin = Instant::now();
        let told = pool.ask(Question::Ping, PATIENCE).await;
        assert!(matches!(told, Err(Trouble::NoneWithin(PATIENCE))), "{told:?}");
        assert_eq!(begin.elapsed().as_millis() / 10, 150);
        application.iter().for_each(tokio::task::JoinHandle::abort);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_socket_that_is_not_there_is_one_where_nobody_listens() {
        let mut config = Config::new();
        config.host("/nowhere/at/all").user("app");
        let pool = Pool::builder(Manager::new(config, NoTls)).build().unwrap();
        let failure =
            pool.ask(Question::Ping, PATIENCE).await.unwrap_err().told(|failure| failure).unwrap_err();
        assert_eq!(failure.summary(), Some("cannot connect: connection refused"));
    }
}
