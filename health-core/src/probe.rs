//! Who is asking.

use std::fmt;

/// Who is asking, and what the answer is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Probe {
    /// "Should this process be killed and started again?" Only what a restart repairs belongs here.
    Live,
    /// "Should this instance be sent traffic now?" The default of a check.
    Ready,
    /// "Has this process finished starting?" Answered once; a process that never passes is killed.
    Startup,
}

impl Probe {
    /// Every probe, in the order in which they are listed.
    pub const ALL: [Self; 3] = [Self::Live, Self::Ready, Self::Startup];

    /// The lower-case word used in attributes, paths and bodies: `live`, `ready` or `startup`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Ready => "ready",
            Self::Startup => "startup",
        }
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The probes in which a check weighs. The empty set makes a check informational: it is listed, measured and can be
/// asked by its name, but weighs nowhere.
///
/// ```
/// use health_core::{Probe, ProbeSet};
///
/// let set = ProbeSet::of(&[Probe::Live, Probe::Ready]);
/// assert!(set.contains(Probe::Live) && !set.contains(Probe::Startup));
/// assert_eq!(set.iter().collect::<Vec<_>>(), [Probe::Live, Probe::Ready]);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProbeSet(u8);

impl ProbeSet {
    /// No probe at all: the check is informational.
    pub const NONE: Self = Self(0);

    /// The given probes; naming one twice changes nothing.
    #[must_use]
    pub const fn of(probes: &[Probe]) -> Self {
        let mut bits = 0;
        let mut rest = probes;
        while let [first, tail @ ..] = rest {
            bits |= 1 << *first as u8;
            rest = tail;
        }
        Self(bits)
    }

    /// Whether `probe` is one of them.
    #[must_use]
    pub const fn contains(self, probe: Probe) -> bool {
        self.0 & (1 << probe as u8) != 0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The probes of the set, in the order of [`Probe::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Probe> {
        Probe::ALL.into_iter().filter(move |probe| self.contains(*probe))
    }
}

impl From<Probe> for ProbeSet {
    fn from(probe: Probe) -> Self {
        Self::of(&[probe])
    }
}

impl<const N: usize> From<[Probe; N]> for ProbeSet {
    fn from(probes: [Probe; N]) -> Self {
        Self::of(&probes)
    }
}

impl fmt::Debug for ProbeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// The words joined by commas, `none` for the empty set.
impl fmt::Display for ProbeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.pad("none");
        }
        let words: Vec<_> = self.iter().map(Probe::as_str).collect();
        f.pad(&words.join(","))
    }
}

/// One value for every probe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PerProbe<T> {
    live: T,
    ready: T,
    startup: T,
}

impl<T> PerProbe<T> {
    pub(crate) fn new(mut of: impl FnMut(Probe) -> T) -> Self {
        Self { live: of(Probe::Live), ready: of(Probe::Ready), startup: of(Probe::Startup) }
    }

    pub(crate) fn get(&self, probe: Probe) -> &T {
        match probe {
            Probe::Live => &self.live,
            Probe::Ready => &self.ready,
            Probe::Startup => &self.startup,
        }
    }

    pub(crate) fn set(&mut self, probe: Probe, value: T) {
        match probe {
            Probe::Live => self.live = value,
            Probe::Ready => self.ready = value,
            Probe::Startup => self.startup = value,
        }
    }
}
