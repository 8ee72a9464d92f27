//! A path of a dialect, and what is asked there.

use std::borrow::Cow;

use health_core::{Probe, Question};

/// A path of a dialect, and what is asked there.
///
/// The path is relative to the mount and begins with a slash, or is empty for the mount itself. Of the routes that match
/// a path the first is taken, those without a name in them before those with one.
#[derive(Clone, Debug)]
pub struct Route {
    pub(crate) path: Cow<'static, str>,
    pub(crate) about: About,
    pub(crate) can_exclude: bool,
}

/// What a path is about; a name, where there is one, is the rest of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    Overview,
    Probe(Probe),
    /// A check; if a probe is said, only one that weighs in it.
    Check(Option<Probe>),
    Group,
    Tree,
    /// No question that has a verdict.
    Reader(Reader),
}

/// Who reads along, for as long as it likes, without anything being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    Events,
    #[cfg(feature = "metrics")]
    Metrics,
    #[cfg(feature = "ui")]
    Page,
}

impl Route {
    /// Answers with the worst of live and ready, every check listed. Not a liveness path: it is unhealthy while the
    /// process starts and drains.
    pub fn overview(path: impl Into<Cow<'static, str>>) -> Self {
        Self::new(path, About::Overview)
    }

    /// Answers a probe.
    pub fn probe(path: impl Into<Cow<'static, str>>, probe: Probe) -> Self {
        Self::new(path, About::Probe(probe))
    }

    /// Answers about the check whose name is the rest of the path, to callers with
    /// [`Exposure::Checks`](health_core::Exposure::Checks); to others it is a 404 whether or not the name exists.
    pub fn check(path: impl Into<Cow<'static, str>>) -> Self {
        Self::below(path, About::Check(None))
    }

    /// Like [`check`](Self::check), only about checks that weigh in this probe.
    pub fn check_of(path: impl Into<Cow<'static, str>>, probe: Probe) -> Self {
        Self::below(path, About::Check(Some(probe)))
    }

    /// Answers about the group whose name is the rest of the path, to the same callers as [`check`](Self::check).
    pub fn group(path: impl Into<Cow<'static, str>>) -> Self {
        Self::below(path, About::Group)
    }

    /// Answers about the check whose name is the rest of the path and all below it, to the same callers as
    /// [`check`](Self::check).
    pub fn tree(path: impl Into<Cow<'static, str>>) -> Self {
        Self::below(path, About::Tree)
    }

    /// Tells callers with [`Exposure::Checks`](health_core::Exposure::Checks) of every change while it happens, as
    /// `text/event-stream`; to others it is a 404.
    pub fn events(path: impl Into<Cow<'static, str>>) -> Self {
        Self::new(path, About::Reader(Reader::Events))
    }

    /// The metrics that Prometheus scrapes, for callers with [`Exposure::Checks`](health_core::Exposure::Checks); to
    /// others it is a 404.
    #[cfg(feature = "metrics")]
    pub fn metrics(path: impl Into<Cow<'static, str>>) -> Self {
        Self::new(path, About::Reader(Reader::Metrics))
    }

    /// A page for people, for callers with [`Exposure::Checks`](health_core::Exposure::Checks). Where there are tokens,
    /// others are asked to log in with one as their password; else it is a 404.
    #[cfg(feature = "ui")]
    pub fn page(path: impl Into<Cow<'static, str>>) -> Self {
        Self::new(path, About::Reader(Reader::Page))
    }

    /// Callers who may see checks may leave some out with `?exclude=name`: then the code says what it would be without
    /// them.
    #[must_use]
    pub fn with_exclude(mut self) -> Self {
        self.can_exclude = true;
        self
    }

    /// A name begins a segment of its own: without the slash the path would be a prefix, and take what is a neighbour's.
    fn below(path: impl Into<Cow<'static, str>>, about: About) -> Self {
        let path = path.into();
        Self::new(if path.ends_with('/') { path } else { format!("{path}/").into() }, about)
    }

    fn new(path: impl Into<Cow<'static, str>>, about: About) -> Self {
        Self { path: path.into(), about, can_exclude: false }
    }
}

impl About {
    /// Whether the path names a check or a group.
    pub(crate) fn is_named(self) -> bool {
        matches!(self, Self::Check(_) | Self::Group | Self::Tree)
    }

    /// Whether below `Checks` there is nothing at the path.
    pub(crate) fn needs_checks(self) -> bool {
        self.is_named() || matches!(self, Self::Reader(_))
    }

    /// What is asked; nothing is for somebody who reads along.
    pub(crate) fn question(self, name: &str) -> Question<'_> {
        match self {
            Self::Overview | Self::Reader(_) => Question::Overview,
            Self::Probe(probe) => Question::Probe(probe),
            Self::Check(_) => Question::Check(name),
            Self::Group => Question::Group(name),
            Self::Tree => Question::Tree(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_begins_a_segment_of_its_own() {
        for path in ["/checks", "/checks/"] {
            assert_eq!(Route::check(path).path, "/checks/");
            assert_eq!(Route::check_of(path, Probe::Live).path, "/checks/");
            assert_eq!(Route::group(path).path, "/checks/");
            assert_eq!(Route::tree(path).path, "/checks/");
        }
        assert_eq!(Route::tree("").path, "/");
    }
}
