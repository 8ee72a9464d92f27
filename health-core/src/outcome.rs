//! What one run of a check says.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use serde_json::Value;

use crate::{Failure, Status, redact};

/// What one run said: a status, a summary its author wrote, data, and a private cause.
///
/// ```
/// use health_core::Outcome;
///
/// let depth = 4_200;
/// let outcome = Outcome::degraded("the queue is long").data("depth", depth).private_data("queue", "orders-eu");
/// assert_eq!(outcome.summary(), Some("the queue is long"));
/// ```
#[must_use]
pub struct Outcome {
    pub(crate) status: Status,
    pub(crate) summary: Option<Cow<'static, str>>,
    pub(crate) data: Vec<Datum>,
    pub(crate) cause: Option<Box<dyn Error + Send + Sync>>,
}

/// One named value of an [`Outcome`].
#[derive(Clone)]
pub struct Datum {
    pub(crate) name: Cow<'static, str>,
    pub(crate) value: Value,
    pub(crate) private: bool,
}

/// Shows no private value: what is printed for debugging ends up in logs.
impl fmt::Debug for Datum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value: &dyn fmt::Debug = if self.private { &"private" } else { &self.value };
        write!(f, "{}: {value:?}", self.name)
    }
}

impl Datum {
    /// The name under which it is shown.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Whether it leaves in no answer, log or event.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.private
    }
}

impl Outcome {
    /// The thing in question does what it is for.
    pub const fn healthy() -> Self {
        Self::of(Status::Healthy)
    }

    /// It works, but somebody should look at it; the summary says why.
    pub fn degraded(summary: impl Into<Cow<'static, str>>) -> Self {
        Self::of(Status::Degraded).with_summary(summary)
    }

    /// It does not do what it is for; the summary says why.
    pub fn unhealthy(summary: impl Into<Cow<'static, str>>) -> Self {
        Self::of(Status::Unhealthy).with_summary(summary)
    }

    /// The given status, without a word.
    pub const fn of(status: Status) -> Self {
        Self { status, summary: None, data: Vec::new(), cause: None }
    }

    /// Says in one line what a reader of the check list should know. Seen by everybody who may see checks.
    pub fn with_summary(mut self, summary: impl Into<Cow<'static, str>>) -> Self {
        self.summary = Some(summary.into());
        self
    }

    /// Adds a value that readers with full exposure see. A value of the same name is replaced.
    ///
    /// What leaves is redacted and bounded: a text has at most 1 KiB, a level 64 values, a value 8 levels, and all data
    /// of one outcome together 16 KiB as JSON. What comes first fits first; `"…"` stands in place of what does not.
    pub fn data(self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        self.push(Datum { name: name.into(), value: value.into(), private: false })
    }

    /// Adds a value for the application's own code: it leaves in no answer, log or event.
    pub fn private_data(self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        self.push(Datum { name: name.into(), value: value.into(), private: true })
    }

    /// Adds the private cause, seen with full exposure only. A later cause replaces an earlier one.
    pub fn because(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The same, and this bad at least.
    ///
    /// ```
    /// use health_core::{Outcome, Status};
    ///
    /// assert_eq!(Outcome::healthy().at_least(Status::Degraded).status(), Status::Degraded);
    /// assert_eq!(Outcome::unhealthy("gone").at_least(Status::Degraded).status(), Status::Unhealthy);
    /// ```
    pub fn at_least(mut self, status: Status) -> Self {
        self.status = self.status.max(status);
        self
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.status
    }

    /// The author-written summary, if there is one.
    #[must_use]
    pub fn summary(&self) -> Option<&str> {
        self.summary.as_deref()
    }

    /// The values that it was given, private ones included.
    #[must_use]
    pub fn all_data(&self) -> &[Datum] {
        &self.data
    }

    /// The private cause, if there is one.
    #[must_use]
    pub fn cause(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        self.cause.as_deref()
    }

    fn push(mut self, datum: Datum) -> Self {
        match self.data.iter_mut().find(|known| known.name == datum.name) {
            Some(known) => *known = datum,
            None => self.data.push(datum),
        }
        self
    }
}

/// Shows what is public by itself, redacted, and neither values nor the cause.
impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.data.iter().map(|datum| redact::summary(datum.name.clone())).collect();
        let summary = self.summary.clone().map(redact::summary);
        let mut debug = f.debug_struct("Outcome");
        debug.field("status", &self.status).field("summary", &summary).field("data", &names);
        debug.finish_non_exhaustive()
    }
}

/// What a check may return: `()`, a [`Status`], an [`Outcome`], or a `Result` of one of them whose error becomes a
/// [`Failure`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say how healthy something is",
    label = "a check returns `()`, `Status`, `Outcome`, or a `Result` of one of these",
    note = "the error of a `Result` is any `std::error::Error + Send + Sync`, a `String`, a `&str` or a `health_core::Failure`"
)]
pub trait IntoOutcome {
    /// The outcome, or the failure that stands in its place.
    ///
    /// # Errors
    ///
    /// The [`Failure`] that the check returned.
    fn into_outcome(self) -> Result<Outcome, Failure>;
}

impl IntoOutcome for () {
    fn into_outcome(self) -> Result<Outcome, Failure> {
        Ok(Outcome::healthy())
    }
}

impl IntoOutcome for Status {
    fn into_outcome(self) -> Result<Outcome, Failure> {
        Ok(Outcome::of(self))
    }
}

impl IntoOutcome for Outcome {
    fn into_outcome(self) -> Result<Outcome, Failure> {
        Ok(self)
    }
}

impl<T: IntoOutcome, E: Into<Failure>> IntoOutcome for Result<T, E> {
    fn into_outcome(self) -> Result<Outcome, Failure> {
        self.map_err(Into::into)?.into_outcome()
    }
}
