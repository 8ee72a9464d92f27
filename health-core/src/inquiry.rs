//! What somebody asks of a health, and how much the asking may cost.

use std::time::Duration;

use crate::Probe;

/// What is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Question<'a> {
    /// The worst of live and ready, every check listed.
    Overview,
    /// One probe.
    Probe(Probe),
    /// One check by its full name: its own status, whatever it may do to the whole.
    Check(&'a str),
    /// The members of one group, across probes and whatever the phase.
    Group(&'a str),
    /// A check and everything below it: `storage` is about `storage`, `storage/primary`, `storage/primary/disk`, across
    /// probes and whatever the phase. The check counts with its own status, as with [`Check`](Self::Check); those below
    /// it with what each may do to the whole, where of a [group](crate::Quorum) those that are elsewhere are not
    /// counted on.
    Tree(&'a str),
}

/// A [`Question`], and how it is asked; given to [`Health::ask`](crate::Health::ask).
///
/// ```
/// use health_core::{Health, Inquiry, Probe, Question};
/// use std::time::Duration;
///
/// # async fn answer(health: Health) {
/// let inquiry = Inquiry::about(Question::Probe(Probe::Ready))
///     .within(Duration::from_millis(300))
///     .cached_for(Duration::from_millis(100));
/// let report = health.ask(inquiry).await.expect("there always is a ready probe");
/// # drop(report);
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "an inquiry does nothing until a health is asked"]
pub struct Inquiry<'a> {
    pub(crate) question: Question<'a>,
    pub(crate) deadline: Duration,
    pub(crate) floor: Duration,
    pub(crate) excluded: &'a [&'a str],
}

impl<'a> Inquiry<'a> {
    /// Asks for what [`Health::report`](crate::Health::report) would say, and waits as long as it would.
    pub const fn about(question: Question<'a>) -> Self {
        Self { question, deadline: Duration::MAX, floor: Duration::ZERO, excluded: &[] }
    }

    /// Answers after this long at the latest. It can only shorten the deadline the health was built with; with
    /// [`Duration::ZERO`] it begins what is missing and tells what is known.
    pub const fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Takes what was observed less than this long ago, counted from the end of the run, even where the
    /// [`cache`](crate::Spec::cache) of a check is shorter: whoever may not make work asks in this way. What is too old
    /// to be used at all is asked for in any case.
    pub const fn cached_for(mut self, floor: Duration) -> Self {
        self.floor = floor;
        self
    }

    /// Says what the whole would be if these checks were healthy. They run and are listed as they are. A name that no
    /// check has changes nothing.
    pub const fn excluding(mut self, names: &'a [&'a str]) -> Self {
        self.excluded = names;
        self
    }
}
