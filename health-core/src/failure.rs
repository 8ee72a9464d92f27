//! An error with a public face and a private cause.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use crate::{Outcome, Status, redact};

/// Why a check failed: a summary that its author wrote for everybody who may see checks, and a private cause that
/// only the most trusted reader sees.
///
/// Whatever comes in through `?` or [`into`](Into::into) is a private cause: the public phrase is then "failed", because error texts
/// carry host names, paths and passwords. To say more to everybody, say it:
///
/// ```
/// use health_core::Failure;
///
/// async fn licence() -> Result<(), Failure> {
///     let text = std::fs::read_to_string("/etc/app/licence")
///         .map_err(|error| Failure::new("the licence file cannot be read").because(error))?;
///     text.trim().parse::<u64>()?; // public: "failed"; private: the parse error
///     Ok(())
/// }
/// ```
///
/// A `Failure` is deliberately not an [`Error`], so that it can be made from every error.
pub struct Failure {
    summary: Option<Cow<'static, str>>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// A failure with a public face. Write nothing here that a reader of the check list must not see.
    pub fn new(summary: impl Into<Cow<'static, str>>) -> Self {
        Self { summary: Some(summary.into()), cause: None }
    }

    /// Adds the private cause. A later cause replaces an earlier one.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The author-written public summary, if there is one.
    #[must_use]
    pub fn summary(&self) -> Option<&str> {
        self.summary.as_deref()
    }

    /// The private cause, if there is one.
    #[must_use]
    pub fn cause(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        self.cause.as_deref()
    }

    /// The same as an outcome of this status: for a check that is no worse than degraded, whatever it finds.
    ///
    /// ```
    /// use health_core::{Failure, Outcome, Status};
    ///
    /// fn cache(asked: Result<Outcome, Failure>) -> Outcome {
    ///     asked.unwrap_or_else(|failure| failure.into_outcome_of(Status::Degraded))
    /// }
    /// assert_eq!(cache(Err("gone".into())).status(), Status::Degraded);
    /// ```
    pub fn into_outcome_of(self, status: Status) -> Outcome {
        Outcome { status, summary: self.summary, data: Vec::new(), cause: self.cause }
    }

    pub(crate) fn into_parts(self) -> (Option<Cow<'static, str>>, Option<Box<dyn Error + Send + Sync>>) {
        (self.summary, self.cause)
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for Failure {
    fn from(cause: E) -> Self {
        Self { summary: None, cause: Some(cause.into()) }
    }
}

/// Shows the public summary only, redacted: a `Failure` that ends up in somebody's log must not carry the cause with it.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let summary = self.summary.clone().map(redact::summary);
        f.debug_struct("Failure").field("summary", &summary).finish_non_exhaustive()
    }
}
