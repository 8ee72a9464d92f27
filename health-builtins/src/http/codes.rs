//! Which codes are as they should be.

use std::fmt;
use std::ops::RangeInclusive;

/// The status codes that an endpoint may answer with: one, a range, or a list of either.
///
/// ```
/// use health_builtins::http::Codes;
///
/// assert_eq!(Codes::from(204).to_string(), "204");
/// assert_eq!(Codes::from(200..=299).to_string(), "200 to 299");
/// assert_eq!(Codes::from([200, 204, 304]).to_string(), "200, 204 or 304");
/// assert_eq!(Codes::from([200..=299, 404..=404]).to_string(), "200 to 299 or 404");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codes(Vec<RangeInclusive<u16>>);

impl Codes {
    /// Whether this code is one of them.
    #[must_use]
    pub fn contain(&self, code: u16) -> bool {
        self.0.iter().any(|range| range.contains(&code))
    }
}

impl From<u16> for Codes {
    fn from(code: u16) -> Self {
        Self(vec![code..=code])
    }
}

impl From<RangeInclusive<u16>> for Codes {
    fn from(range: RangeInclusive<u16>) -> Self {
        Self(vec![range])
    }
}

impl<const N: usize> From<[u16; N]> for Codes {
    fn from(codes: [u16; N]) -> Self {
        Self(codes.map(|code| code..=code).into())
    }
}

impl<const N: usize> From<[RangeInclusive<u16>; N]> for Codes {
    fn from(ranges: [RangeInclusive<u16>; N]) -> Self {
        Self(ranges.into())
    }
}

impl fmt::Display for Codes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (place, range) in self.0.iter().enumerate() {
            let left = self.0.len() - place;
            let separator = match (place, left) {
                (0, _) => "",
                (_, 1) => " or ",
                _ => ", ",
            };
            let (first, last) = (range.start(), range.end());
            if first == last {
                write!(f, "{separator}{first}")?;
            } else {
                write!(f, "{separator}{first} to {last}")?;
            }
        }
        Ok(())
    }
}
