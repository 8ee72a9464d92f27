//! Groups of checks and the policy of a group.

/// The policy of a group: how many of its members must be well for the group to be well.
///
/// ```
/// use health_core::{Health, Quorum};
///
/// let builder = Health::builder().group("replicas", Quorum::at_least(2).critical(true));
/// ```
///
/// The members' own statuses are ordered best first and the k-th is the group's. If that is healthy while a member
/// is not, the group is degraded. The result is then capped by the group's criticality. All members share one set
/// of probes.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Quorum {
    need: Need,
    pub(crate) critical: Option<bool>,
}

#[derive(Clone, Copy, Debug)]
enum Need {
    AtLeast(usize),
    Majority,
}

impl Quorum {
    /// At least `k` members, one or more.
    pub const fn at_least(k: usize) -> Self {
        Self { need: Need::AtLeast(k), critical: None }
    }

    /// More than half of the enabled members.
    pub const fn majority() -> Self {
        Self { need: Need::Majority, critical: None }
    }

    /// Whether the group can make the whole unhealthy. Default: it can if any of its members is critical.
    pub const fn critical(mut self, critical: bool) -> Self {
        self.critical = Some(critical);
        self
    }

    /// The k of a group of this many members.
    pub(crate) const fn of(self, members: usize) -> usize {
        match self.need {
            Need::AtLeast(k) => k,
            Need::Majority => members / 2 + 1,
        }
    }
}
