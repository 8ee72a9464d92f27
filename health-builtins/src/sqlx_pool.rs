//! A connection of the application's sqlx pool, or why there is none.
//!
//! What sqlx 0.9 does, and what follows from it:
//!
//! - `acquire` tries again until its own timeout when a connection is refused, or when the server says that it is
//!   starting up or full, and then says only that time is over. So does this.
//! - A place in the pool is taken while a connection is opened or tested, and given up when `acquire` is dropped. That
//!   tells a check that has no place, because the others are taken, from one whose own connection is not made. What the
//!   others do with theirs cannot be seen: use it, or try to connect.
//! - Once it has begun to connect, `acquire` does not look again at the connections that come back
//!   ([sqlx #2848](https://github.com/launchbadge/sqlx/issues/2848)). So this does, before it says that there is none.
//! - A connection that is dropped goes back to the pool once it has answered a ping, however long that takes: one that
//!   was cut off midway would hold its place for as long as the server is silent. It is closed instead.

use std::cmp;
use std::time::Duration;

use futures::future::BoxFuture;
use health_core::Failure;
use sqlx::error::DatabaseError;
use sqlx::pool::PoolConnection;
use sqlx::{Connection as _, Database, Error, Pool};
use tokio::time::timeout;

use crate::Fault;
use crate::pool::sealed::{Count, Counts};
use crate::pool::{Counted, PATIENCE, Trouble, patience_with_a_busy_pool};

/// A pool of the application that lends a check one connection at a time.
pub(crate) struct Lender<DB: Database> {
    pool: Pool<DB>,
    patience: Duration,
}

impl<DB: Database> Lender<DB> {
    pub(crate) fn of(pool: &Pool<DB>) -> Self {
        Self { pool: pool.clone(), patience: PATIENCE }
    }

    /// How long to wait for a connection, if the pool does not give up sooner: a third of it while others have all
    /// places of the pool, all of it for a connection that is being made.
    pub(crate) fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Asks on a connection, which goes back to the pool when it has answered, and is closed when it has not, or when
    /// this is dropped midway.
    pub(crate) async fn ask<T, Q>(&self, question: Q) -> Result<T, Trouble<Error>>
    where
        Q: for<'c> FnOnce(&'c mut DB::Connection) -> BoxFuture<'c, Result<T, Error>> + Send,
    {
        let mut connection = self.connection().await?;
        let mut lent = Lent { connection: &mut connection, answered: false };
        let answer = question(lent.connection).await;
        lent.answered =
            !matches!(answer, Err(Error::Io(_) | Error::Tls(_) | Error::Protocol(_) | Error::WorkerCrashed));
        answer.map_err(Trouble::Error)
    }

    async fn connection(&self) -> Result<PoolConnection<DB>, Trouble<Error>> {
        let with_a_busy_pool = patience_with_a_busy_pool(self.patience);
        let mut acquire = Box::pin(self.pool.acquire());
        let mut got = timeout(with_a_busy_pool, &mut acquire).await;
        if got.is_err() {
            if self.pool.size() >= self.max() && self.pool.num_idle() == 0 {
                self.unless_busy(acquire)?;
                acquire = Box::pin(self.pool.acquire());
            }
            got = timeout(self.patience.saturating_sub(with_a_busy_pool), &mut acquire).await;
        }
        match got {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(Error::PoolClosed)) => return Err(Trouble::Closed),
            Err(_) | Ok(Err(Error::PoolTimedOut)) => {}
            Ok(Err(error)) => return Err(Trouble::Error(error)),
        }
        self.unless_busy(acquire)?;
        let waited = cmp::min(self.patience, self.pool.options().get_acquire_timeout());
        self.come_back().await.ok_or(Trouble::NoneWithin(waited))
    }

    /// Gives up, which shows whether it had a place: if not, others have all that there are.
    fn unless_busy(&self, acquire: impl Future) -> Result<(), Trouble<Error>> {
        let with_ours = self.pool.size();
        drop(acquire);
        let without = self.pool.size();
        match without == with_ours && without >= self.max() {
            true => Err(Trouble::Busy(self.max() as usize)),
            false => Ok(()),
        }
    }

    /// A connection that somebody else has given back meanwhile. It has to answer at once: there is no time left.
    async fn come_back(&self) -> Option<PoolConnection<DB>> {
        let mut connection = self.pool.try_acquire()?;
        let mut lent = Lent { connection: &mut connection, answered: false };
        let answer = timeout(self.patience / 10, lent.connection.ping()).await;
        lent.answered = matches!(answer, Ok(Ok(())));
        let answered = lent.answered;
        drop(lent);
        answered.then_some(connection)
    }

    fn max(&self) -> u32 {
        self.pool.options().get_max_connections()
    }
}

impl<DB: Database> Clone for Lender<DB> {
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone(), patience: self.patience }
    }
}

impl<DB: Database> std::fmt::Debug for Lender<DB> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Nothing of the pool: its options have hooks and more.
        f.debug_struct("Lender").field("patience", &self.patience).finish_non_exhaustive()
    }
}

/// A connection that closes instead of going back, unless it has answered.
struct Lent<'a, DB: Database> {
    connection: &'a mut PoolConnection<DB>,
    answered: bool,
}

impl<DB: Database> Drop for Lent<'_, DB> {
    fn drop(&mut self) {
        if !self.answered {
            self.connection.close_on_drop();
        }
    }
}

/// What an error of sqlx means; what one of the server means is for who knows its codes.
pub(crate) fn failure(error: Error, of_server: impl FnOnce(&dyn DatabaseError) -> Option<Fault>) -> Failure {
    let fault = match &error {
        Error::Database(said) => of_server(&**said),
        Error::Tls(_) => Fault::below(&error).or(Some(Fault::Tls)),
        other => Fault::below(other),
    };
    match (fault, &error) {
        (Some(fault), _) => fault.because(error),
        (None, Error::Io(_)) => Failure::new("the connection failed").because(error),
        (None, Error::Protocol(_)) => Failure::new("the server was not understood").because(error),
        (None, _) => error.into(),
    }
}

impl<DB: Database> Counts for Pool<DB> {
    fn count(&self) -> Option<Count> {
        let (size, idle) = (self.size() as usize, self.num_idle());
        let max = self.options().get_max_connections() as usize;
        // The two are not read at the same moment.
        (!self.is_closed()).then(|| Count { in_use: size.saturating_sub(idle), idle, max })
    }
}

impl<DB: Database> Counted for Pool<DB> {}

#[cfg(test)]
#[cfg(feature = "sqlx-postgres")]
mod tests {
    use health_core::{HealthCheck as _, Status};
    use sqlx::Connection as _;
    use sqlx::postgres::{PgPool, PgPoolOptions};
    use tokio::net::TcpListener;

    use super::*;
    use crate::{Connections, Pressure};

    /// A pool whose connections are accepted, and then nobody says anything.
    async fn silent(max: u32) -> (TcpListener, PgPool) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = format!("postgres://app@127.0.0.1:{port}/app?sslmode=disable");
        (listener, PgPoolOptions::new().max_connections(max).connect_lazy(&url).unwrap())
    }

    async fn pinged(pool: &PgPool) -> Trouble<Error> {
        let lender = Lender::of(pool).patience(Duration::from_millis(50));
        lender.ask(|connection| Box::pin(connection.ping())).await.unwrap_err()
    }

    fn occupied(pool: &PgPool) -> tokio::task::JoinHandle<()> {
        let acquire = pool.acquire();
        tokio::spawn(async move { drop(acquire.await) })
    }

    #[tokio::test]
    async fn a_place_that_the_check_had_itself_is_not_in_use() {
        let (_listener, pool) = silent(1).await;
        let trouble = pinged(&pool).await;
        assert!(matches!(trouble, Trouble::NoneWithin(_)), "{trouble:?}");
        assert_eq!(pool.size(), 0, "nothing is left in the pool");
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_pool_is_told_within_the_timeout_that_a_check_has_by_itself() {
        let (_listener, pool) = silent(1).await;
        let application = occupied(&pool);
        while pool.size() < 1 {
            tokio::task::yield_now().await;
        }
        let lender = Lender::of(&pool);
        let asked = lender.ask(|connection| Box::pin(connection.ping()));
        let told = timeout(Duration::from_millis(700), asked).await.expect("it is told in time");
        assert!(matches!(told, Err(Trouble::Busy(1))), "{told:?}");
        application.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_is_being_made_is_waited_for_longer() {
        let (_listener, pool) = silent(1).await;
        let begin = tokio::time::Instant::now();
        let told = Lender::of(&pool).ask(|connection| Box::pin(connection.ping())).await;
        assert!(matches!(told, Err(Trouble::NoneWithin(PATIENCE))), "{told:?}");
        // What is left in the pool would be the attempt that was given up.
        assert_eq!((begin.elapsed().as_millis() / 10, pool.size()), (150, 0));
    }

    /// sqlx shows no difference between connections that are used and attempts at making one.
    #[tokio::test]
    async fn a_pool_full_of_attempts_at_a_silent_server_is_told_as_busy() {
        let (_listener, pool) = silent(2).await;
        let application = [occupied(&pool), occupied(&pool)];
        while pool.size() < 2 {
            tokio::task::yield_now().await;
        }
        let outcome = pinged(&pool).await.told(Failure::from).unwrap();
        assert_eq!(outcome.status(), Status::Degraded);
        assert_eq!(outcome.summary(), Some("all 2 connections are busy"));

        let pressure = Pressure::of(Connections::of(&pool)).check().await.unwrap();
        assert_eq!(pressure.summary(), Some("2 of 2 connections are in use, more than 80 %"));
        assert_eq!(pool.size(), 2, "the application keeps what it has");
        application.iter().for_each(tokio::task::JoinHandle::abort);
    }

    #[tokio::test]
    async fn a_closed_pool_says_so() {
        let (_listener, pool) = silent(1).await;
        pool.close().await;
        let failure = pinged(&pool).await.told(Failure::from).unwrap_err();
        assert_eq!(failure.summary(), Some("the pool is closed"));
        let pressure = Pressure::of(Connections::of(&pool)).check().await.unwrap();
        assert_eq!((pressure.status(), pressure.summary()), (Status::Degraded, Some("the pool is closed")));
    }
}
