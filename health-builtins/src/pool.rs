//! What the pools of all clients have in common: how many connections are in use, and why there is none.

use std::time::Duration;

use health_core::{Failure, Outcome, Status};

use crate::{Fault, Gauge, Reading, Unit};

/// How long a check waits for a connection of the application's pool: less than its timeout, so that it can say why
/// there is none.
pub(crate) const PATIENCE: Duration = Duration::from_millis(1500);

/// How much of its patience a check has with a pool that is used up. Of the 1.5 s that is told before the timeout that
/// a check has when nobody says otherwise, 700 ms. A connection that is being made gets all of it.
#[cfg(any(
    feature = "sqlx-postgres",
    feature = "sqlx-mysql",
    feature = "sqlx-sqlite",
    feature = "deadpool-postgres"
))]
pub(crate) fn patience_with_a_busy_pool(patience: Duration) -> Duration {
    patience / 3
}

/// Why a question was not answered.
#[derive(Debug)]
// Only the trait of the clients of PostgreSQL, which nobody else can implement, shows it.
#[cfg_attr(not(any(feature = "sqlx-postgres", feature = "tokio-postgres")), allow(unreachable_pub))]
pub enum Trouble<E> {
    /// The application uses all that there may be, so that nothing is known about the server.
    Busy(usize),
    /// What the application does on its connection is in the way of the question.
    #[cfg(any(feature = "sqlx-postgres", feature = "tokio-postgres"))]
    InTheWay(Failure),
    /// The application has closed its pool.
    Closed,
    /// The pool gave none within this time, and did not say why.
    NoneWithin(Duration),
    /// The client or the server said no.
    Error(E),
}

impl<E> Trouble<E> {
    /// The same, with an error in other words.
    #[cfg(feature = "sqlx-postgres")]
    pub(crate) fn explained<F>(self, error_in_words: impl FnOnce(E) -> Trouble<F>) -> Trouble<F> {
        match self {
            Self::Busy(all) => Trouble::Busy(all),
            Self::InTheWay(failure) => Trouble::InTheWay(failure),
            Self::Closed => Trouble::Closed,
            Self::NoneWithin(patience) => Trouble::NoneWithin(patience),
            Self::Error(error) => error_in_words(error),
        }
    }

    /// What the check says. What only this process does is no worse than degraded.
    pub(crate) fn told(self, failure: impl FnOnce(E) -> Failure) -> Result<Outcome, Failure> {
        match self {
            Self::Busy(all) => {
                let busy = match all {
                    1 => "the only connection is busy".to_owned(),
                    all => format!("all {all} connections are busy"),
                };
                Ok(Failure::new(busy).into_outcome_of(Status::Degraded))
            }
            #[cfg(any(feature = "sqlx-postgres", feature = "tokio-postgres"))]
            Self::InTheWay(failure) => Ok(failure.into_outcome_of(Status::Degraded)),
            Self::Closed => Err(closed()),
            Self::NoneWithin(patience) => Err(Failure::new(Fault::NoConnection(patience).to_string())),
            Self::Error(error) => Err(failure(error)),
        }
    }
}

fn closed() -> Failure {
    Failure::new("the pool is closed")
}

/// A pool that knows how many of its connections are in use. Implemented by this crate for the pools that its features
/// name.
pub trait Counted: sealed::Counts {}

pub(crate) mod sealed {
    /// Seen at one moment, without taking one.
    #[derive(Debug)]
    pub struct Count {
        pub in_use: usize,
        pub idle: usize,
        pub max: usize,
    }

    pub trait Counts: Send + Sync {
        /// `None` when it is closed.
        fn count(&self) -> Option<Count>;
    }
}

/// The share of a pool's connections that is in use, those that are just being opened included.
///
/// It is read without taking one, so that the last one stays for the application. Degraded above 80 %.
#[derive(Clone, Debug)]
pub struct Connections<P>(P);

impl<P: Counted + Clone> Connections<P> {
    /// Of this pool.
    #[must_use]
    pub fn of(pool: &P) -> Self {
        Self(pool.clone())
    }
}

impl<P: Counted> Gauge for Connections<P> {
    const UNIT: Unit = Unit::Share;
    const DEGRADED_ABOVE: f64 = 0.8;

    async fn read(&self) -> Result<Reading, Failure> {
        let sealed::Count { in_use, idle, max } = self.0.count().ok_or_else(closed)?;
        // Nobody has more than a few thousand, which a float counts exactly.
        #[allow(clippy::cast_precision_loss)]
        let share = in_use as f64 / max as f64;
        let are = if in_use == 1 { "is" } else { "are" };
        Ok(Reading::of(share, format!("{in_use} of {max} connections {are} in use"))
            .data("in_use", in_use)
            .data("idle", idle)
            .data("max", max))
    }
}
