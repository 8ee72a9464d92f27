//! What several targets share: the runtime of the process, and the health that is asked.

pub mod answers;

use std::future::Future;

use health_actix::Endpoints;
use health_core::{Failure, Health, Outcome, Spec};
use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;

/// Longer than any limit of the server; time is paused, so nobody waits for it.
pub const FOR_EVER: std::time::Duration = std::time::Duration::from_secs(3600);

thread_local! {
    /// Never dropped: what is served outlives every input.
    static RUNTIME: &'static (Runtime, LocalSet) = Box::leak(Box::new((
        Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime"),
        LocalSet::new(),
    )));
}

/// Runs this on the one runtime of the process, whose time passes only while there is nothing to do.
pub fn run<T>(work: impl Future<Output = T>) -> T {
    RUNTIME.with(|(runtime, tasks)| tasks.block_on(runtime, work))
}

/// One check of every kind of news: well, degraded with an awkward summary, and failed with a private cause.
pub fn of_every_kind() -> Health {
    let awkward = || async { Outcome::degraded("\"<b>\r\nX: y\u{202e}\"").data("k\n", "v\u{1b}[2J") };
    let failed = || async { Err::<(), _>(Failure::new("away").because("refused: postgres://u:pw@h")) };
    let spec = |name| Spec::named(name).group("storage").interval("never").cache("1h");
    Health::builder()
        .check_fn(spec("db"), || async {})
        .check_fn(spec("storage/primary"), awkward)
        .check_fn(spec("storage/replica"), failed)
        .build()
        .expect("a valid health")
        .start()
}

/// Endpoints whose every answer ends: nobody may follow the events, whose stream goes on for as long as somebody reads it.
pub fn served_of(health: Health) -> Endpoints {
    health_actix::endpoints(health).max_event_readers(0)
}
