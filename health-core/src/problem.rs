//! Everything that can be wrong with an assembly, listed at once.

use std::error::Error;
use std::fmt;
use std::io;

use crate::{Location, redact};

/// One thing that is wrong with an assembly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    kind: ProblemKind,
    message: String,
    places: Vec<Location>,
    sources: Vec<String>,
    help: Option<String>,
}

/// What kind of thing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ProblemKind {
    /// A check borrows a value that nobody handed in.
    MissingResource,
    /// Two values of one type were handed in.
    DoubledResource,
    /// Two checks, or two gates, have one name.
    DoubledName,
    /// A name is mentioned that nothing has.
    UnknownName,
    /// Checks depend on each other in a circle.
    Cycle,
    /// Something that is required was not linked in, or not handed in.
    NotLinked,
    /// A quorum that its group can never meet, or whose members do not share one set of probes.
    Quorum,
    /// Something is wrong with the description of a single check: its name, a duration, its probes.
    Spec,
    /// A configuration sets what cannot be set: a key that is none, a value that is none of its key's, a variable that
    /// fits two checks, defaults that contradict each other.
    Override,
}

impl Problem {
    pub(crate) fn new(
        kind: ProblemKind,
        places: impl IntoIterator<Item = Location>,
        message: String,
    ) -> Self {
        // Names that nothing can have are quoted in it, and somebody may have written a secret in their place.
        let message = printable(redact::whole(message));
        Self { kind, message, places: places.into_iter().collect(), sources: Vec::new(), help: None }
    }

    /// Names what in a configuration brought it about.
    pub(crate) fn set_by(mut self, sources: impl IntoIterator<Item = impl ToString>) -> Self {
        self.sources.extend(sources.into_iter().map(|source| printable(source.to_string())));
        self
    }

    fn order(&self) -> impl Ord + '_ {
        (&self.places, self.kind, &self.sources, &self.message)
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(printable(redact::whole(help.into())));
        self
    }

    /// What kind of thing is wrong.
    #[must_use]
    pub fn kind(&self) -> ProblemKind {
        self.kind
    }

    /// What is wrong, in one sentence.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where it was declared, the most telling place first. Empty when a configuration alone is wrong.
    #[must_use]
    pub fn places(&self) -> &[Location] {
        &self.places
    }

    /// What in a configuration brought it about, as `checks.db.timeout in health.toml` or
    /// `HEALTH_CHECKS__DB__TIMEOUT in the environment`.
    #[must_use]
    pub fn sources(&self) -> &[String] {
        &self.sources
    }
}

/// What is wrong is quoted, and ends up on a terminal: what would command it or end the line is spelled out.
fn printable(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    let spelled = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(spelled).collect()
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        for place in &self.places {
            write!(f, "\n  --> {place}")?;
        }
        for source in &self.sources {
            write!(f, "\n  --> {source}")?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

/// Why an assembly was refused: every problem at once, in the order of their places; those that a configuration alone
/// brings come first.
///
/// `Debug` prints the same list as `Display`, because that is what a `main` that returns an error shows. It converts
/// into [`io::Error`], because that is what a `main` of an actix-web application returns.
#[derive(Clone, PartialEq, Eq)]
pub struct BuildError {
    problems: Vec<Problem>,
}

impl BuildError {
    /// `Ok` when there is no problem.
    pub(crate) fn unless_empty(mut problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() {
            return Ok(());
        }
        problems.sort_by(|a, b| a.order().cmp(&b.order()));
        problems.dedup();
        Err(Self { problems })
    }

    /// Every problem, sorted by place.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            write!(f, "{problem}\n\n")?;
        }
        let count = self.problems.len();
        let plural = if count == 1 { "" } else { "s" };
        write!(f, "error: the health of this process cannot be assembled, because of {count} problem{plural}")
    }
}

impl fmt::Debug for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `main` prints "Error: " before it; the list starts on a line of its own.
        write!(f, "\n{self}")
    }
}

impl Error for BuildError {}

impl From<BuildError> for io::Error {
    fn from(error: BuildError) -> Self {
        Self::new(io::ErrorKind::InvalidInput, error)
    }
}
