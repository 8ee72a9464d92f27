//! Whoever reads the health of a service, and what comes of it.

use futures::future::LocalBoxFuture;

/// One reader, which somebody else wrote.
pub trait Reader {
    /// As the document calls it.
    fn name(&self) -> &'static str;

    /// What it makes of the service as it is now: of what it has asked since this was called.
    fn look(&mut self) -> LocalBoxFuture<'_, Seen>;
}

/// What a reader saw.
#[derive(Clone, Debug)]
pub struct Seen {
    /// In its own words.
    pub words: String,
    /// Whether it sends traffic, or has others send it; `None` if that is not its business.
    pub traffic: Option<bool>,
    /// Whether it restarts the process.
    pub restart: Option<bool>,
}

impl Seen {
    /// By one whose business is traffic.
    pub fn of_traffic(words: impl Into<String>, traffic: bool) -> Self {
        Self { words: words.into(), traffic: Some(traffic), restart: None }
    }
}
