//! From what every check says to what the whole says. Criticality is applied here, once, and nowhere else.

use std::collections::BTreeMap;

use crate::Status;

/// What one check brings to the whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vote {
    /// Its own status; an absence has been turned into one already.
    pub(crate) own: Status,
    pub(crate) critical: bool,
    /// The policy it falls under, by index.
    pub(crate) policy: Option<usize>,
}

/// What the whole comes to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) verdict: Status,
    /// What each vote makes of the whole, in the order of the votes.
    pub(crate) contributions: Vec<Status>,
}

/// How many members must be well, and what the group may do to the whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) need: usize,
    pub(crate) critical: bool,
}

pub(crate) fn tally(votes: &[Vote], terms: impl Fn(usize) -> Terms) -> Tally {
    let mut groups: BTreeMap<usize, Vec<Status>> = BTreeMap::new();
    for vote in votes {
        if let Some(policy) = vote.policy {
            groups.entry(policy).or_default().push(vote.own);
        }
    }
    let groups: BTreeMap<usize, Status> =
        groups.into_iter().map(|(policy, members)| (policy, of_group(members, terms(policy)))).collect();
    let contribution = |vote: &Vote| match vote.policy.and_then(|policy| groups.get(&policy)) {
        Some(group) => vote.own.min(*group),
        None => capped(vote.own, vote.critical),
    };
    let contributions: Vec<_> = votes.iter().map(contribution).collect();
    let verdict = Status::worst(contributions.iter().copied().chain(groups.into_values()));
    Tally { verdict, contributions }
}

/// The k-th best of the members' own statuses, never healthy while a member is not, capped.
fn of_group(mut members: Vec<Status>, terms: Terms) -> Status {
    members.sort_unstable();
    let all_healthy = members.iter().all(|member| member.is_healthy());
    // A quorum larger than its group is refused at `build()`; should one ever get here, it is not met.
    let kth =
        terms.need.checked_sub(1).and_then(|last| members.get(last)).copied().unwrap_or(Status::Unhealthy);
    let group = if all_healthy { kth } else { kth.max(Status::Degraded) };
    capped(group, terms.critical)
}

const fn capped(own: Status, critical: bool) -> Status {
    match own {
        Status::Unhealthy if !critical => Status::Degraded,
        own => own,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use Status::{Degraded, Healthy, Unhealthy};

    fn status() -> impl Strategy<Value = Status> {
        prop_oneof![Just(Healthy), Just(Degraded), Just(Unhealthy)]
    }

    prop_compose! {
        fn vote()(own in status(), critical: bool, policy in prop_oneof![Just(None), (0..3_usize).prop_map(Some)]) -> Vote {
            Vote { own, critical, policy }
        }
    }

    /// Votes, and for each of three groups how many must be well and whether it is critical.
    fn system() -> impl Strategy<Value = (Vec<Vote>, [Terms; 3])> {
        let terms = (1..5_usize, any::<bool>()).prop_map(|(need, critical)| Terms { need, critical });
        (proptest::collection::vec(vote(), 1..12), [terms.clone(), terms.clone(), terms])
    }

    fn verdict(votes: &[Vote], terms: &[Terms; 3]) -> Status {
        tally(votes, |policy| terms[policy]).verdict
    }

    proptest! {
        #[test]
        fn making_a_check_worse_never_makes_the_whole_better((votes, terms) in system(), which: prop::sample::Index) {
            let mut worse = votes.clone();
            let vote = which.get_mut(&mut worse);
            vote.own = if vote.own == Healthy { Degraded } else { Unhealthy };
            prop_assert!(verdict(&worse, &terms) >= verdict(&votes, &terms));
        }

        #[test]
        fn order_does_not_matter((votes, terms) in system(), seed: u64) {
            let mut shuffled = votes.clone();
            shuffled.sort_by_key(|vote| seed.rotate_left(vote.own as u32 * 7 + vote.policy.map_or(3, |p| p as u32)));
            shuffled.rotate_left(seed as usize % votes.len());
            prop_assert_eq!(verdict(&shuffled, &terms), verdict(&votes, &terms));
        }

        #[test]
        fn adding_a_healthy_check_never_makes_it_worse((votes, terms) in system(), critical: bool, policy in 0..3_usize) {
            for policy in [None, Some(policy)] {
                // The first member of a group brings the group with it, which is another question.
                if policy.is_some() && !votes.iter().any(|vote| vote.policy == policy) {
                    continue;
                }
                let mut more = votes.clone();
                more.push(Vote { own: Healthy, critical, policy });
                prop_assert!(verdict(&more, &terms) <= verdict(&votes, &terms));
            }
        }

        #[test]
        fn what_is_not_critical_never_makes_the_whole_unhealthy((mut votes, mut terms) in system()) {
            votes.iter_mut().for_each(|vote| vote.critical = false);
            terms.iter_mut().for_each(|terms| terms.critical = false);
            prop_assert!(verdict(&votes, &terms) < Unhealthy);
        }

        #[test]
        fn the_whole_is_healthy_only_when_every_check_is((votes, terms) in system()) {
            let all = votes.iter().all(|vote| vote.own == Healthy);
            let met = (0..3).all(|policy| {
                let members = votes.iter().filter(|vote| vote.policy == Some(policy)).count();
                members == 0 || members >= terms[policy].need
            });
            prop_assert_eq!(verdict(&votes, &terms) == Healthy, all && met);
        }

        #[test]
        fn somebody_is_responsible_for_every_verdict((votes, mut terms) in system()) {
            for (policy, terms) in terms.iter_mut().enumerate() {
                terms.need = terms.need.min(votes.iter().filter(|vote| vote.policy == Some(policy)).count().max(1));
            }
            let tally = tally(&votes, |policy| terms[policy]);
            prop_assert_eq!(Status::worst(tally.contributions), tally.verdict);
        }
    }
}
