//! Transitions: who hears of them, what is remembered of them, and what the log says about them.

mod crowd;
mod flapping;
mod foreign;
mod history;
mod journal;
mod json;
mod line;
mod log;
mod notes;
mod observer;
mod probes;
mod subscription;
#[cfg(test)]
mod tests;
mod transition;

pub use history::History;
pub(crate) use journal::{Journal, News};
pub(crate) use observer::Observer;
pub use probes::TimeIn;
pub use subscription::Subscription;
pub use transition::{Change, Transition};
