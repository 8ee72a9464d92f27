//! How often the engine runs a check by itself.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::period::readable;

/// How often the engine runs a check by itself: a [`Duration`], text such as `"30s"`, or `"never"`.
///
/// ```
/// use health_core::{Interval, Spec};
/// use std::time::Duration;
///
/// let often = Spec::named("queue").interval("2s");
/// let same = Spec::named("queue").interval(Duration::from_secs(2));
/// let on_demand = Spec::named("licence").interval(Interval::Never);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interval {
    /// Once in every such period, whether or not anybody asks.
    Every(Duration),
    /// Once at the start, and then only when a poll asks, or to settle a doubt that a threshold leaves.
    Never,
}

impl Interval {
    /// The period, if there is one.
    #[must_use]
    pub const fn every(self) -> Option<Duration> {
        match self {
            Self::Every(period) => Some(period),
            Self::Never => None,
        }
    }
}

impl From<Duration> for Interval {
    fn from(period: Duration) -> Self {
        Self::Every(period)
    }
}

/// A text that is no interval; its `Display` says what to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidInterval(String);

impl FromStr for Interval {
    type Err = InvalidInterval;

    fn from_str(text: &str) -> Result<Self, InvalidInterval> {
        if text == "never" {
            return Ok(Self::Never);
        }
        humantime::parse_duration(text).map(Self::Every).map_err(|error| {
            InvalidInterval(format!(
                "{text:?} is no interval ({error}); write a duration such as \"10s\", or \"never\""
            ))
        })
    }
}

impl TryFrom<&str> for Interval {
    type Error = InvalidInterval;

    fn try_from(text: &str) -> Result<Self, InvalidInterval> {
        text.parse()
    }
}

impl fmt::Display for InvalidInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidInterval {}

/// `10s`, `never`.
impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(period) => f.pad(&readable(*period)),
            Self::Never => f.pad("never"),
        }
    }
}
