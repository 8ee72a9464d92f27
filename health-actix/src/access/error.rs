//! Why a grant was refused.

use std::error::Error;
use std::fmt;
use std::io;

use health_core::Location;

/// Why [`Access`](crate::Access) refused a token or a network: what is wrong, what to do, and where it was handed in.
/// Never the token.
///
/// `Debug` prints the same as `Display`, because that is what a `main` that returns an error shows. It converts into
/// [`io::Error`], because that is what a `main` of an actix-web application returns.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessError {
    message: String,
    place: Location,
}

impl AccessError {
    pub(super) fn new(message: String, place: Location) -> Self {
        Self { message, place }
    }
}

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  --> {}", self.message, self.place)
    }
}

impl fmt::Debug for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Error for AccessError {}

impl From<AccessError> for io::Error {
    fn from(error: AccessError) -> Self {
        Self::new(io::ErrorKind::InvalidInput, error)
    }
}
