//! A length of time as users write it.

use std::time::Duration;

/// A length of time as an argument: a [`Duration`], or text with units such as `"500ms"`, `"2s"` or `"1m 30s"`.
///
/// Text that cannot be read does not panic where it is written; it is listed by `build()` among all other problems.
///
/// ```
/// use health_core::Spec;
/// use std::time::Duration;
///
/// let one = Spec::named("db").timeout("1m 30s");
/// let same = Spec::named("db").timeout(Duration::from_secs(90));
/// ```
#[derive(Clone, Debug)]
pub struct Period(pub(crate) Result<Duration, String>);

/// Beyond this a duration is a mistake, and clocks that cannot count so far are near.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// What is impossible about a duration, as the end of a sentence.
pub(crate) fn fault(duration: Duration) -> Option<&'static str> {
    match duration {
        Duration::ZERO => Some("is zero; write a duration such as \"500ms\""),
        long if long > LONGEST => Some("is longer than a year; write a duration such as \"1h\""),
        _ => None,
    }
}

impl Period {
    /// The duration, or why there is none.
    pub(crate) fn checked(self, what: &str) -> Result<Duration, String> {
        match self.0 {
            Ok(duration) => fault(duration).map_or(Ok(duration), |why| Err(format!("{what} {why}"))),
            Err(why) => {
                Err(format!("{what} {why}; write a duration such as \"500ms\", \"2s\" or \"1m 30s\""))
            }
        }
    }
}

impl From<Duration> for Period {
    fn from(duration: Duration) -> Self {
        Self(Ok(duration))
    }
}

impl From<&str> for Period {
    fn from(text: &str) -> Self {
        Self(humantime::parse_duration(text).map_err(|error| format!("{text:?} is no duration ({error})")))
    }
}

impl From<String> for Period {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

/// A duration as people read it, without noise: `700ms`, `2s`, `1m 30s`.
pub(crate) fn readable(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}
