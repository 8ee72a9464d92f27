//! The policies of groups, and what can be wrong with them.

use std::collections::HashMap;

use super::HealthBuilder;
use super::validate::Candidate;
use crate::assembly::GroupPolicy;
use crate::config::Key;
use crate::problem::{Problem, ProblemKind};
use crate::{Location, Quorum, name};

/// The policy of every group that was given one.
pub(super) fn policies(
    builder: &HealthBuilder,
    candidates: &[Candidate],
    problems: &mut Vec<Problem>,
) -> Vec<GroupPolicy> {
    let mut seen: HashMap<&str, Location> = HashMap::new();
    let mut policies = Vec::with_capacity(builder.groups.len());
    for (group, quorum, place) in &builder.groups {
        if let Some(first) = seen.insert(group, *place) {
            let message = format!("the group `{}` has two policies", group.escape_debug());
            let problem = Problem::new(ProblemKind::DoubledName, [*place, first], message);
            problems.push(problem.help("keep one of them"));
        }
        let all = candidates.iter().filter(|member| member.spec.group.as_ref() == Some(group));
        let (members, disabled): (Vec<_>, Vec<_>) = all.partition(|member| member.spec.enabled);
        let taken_out_by = disabled.iter().filter_map(|member| member.set_by(Key::Enabled));
        let size = size(group, *quorum, *place, members.len(), candidates);
        problems.extend(size.map(|problem| problem.set_by(taken_out_by)));
        problems.extend(probes(group, *place, &members));
        let need = quorum.of(members.len());
        let critical = quorum.critical.unwrap_or(members.iter().any(|member| member.spec.is_critical()));
        if need < members.len() || !critical {
            problems.extend(members.iter().filter_map(|member| dispensable(group, *place, member)));
        }
        policies.push(GroupPolicy { name: group.clone(), need, critical });
    }
    policies
}

/// A quorum that asks for nothing, or for more than there is.
fn size(
    group: &str,
    quorum: Quorum,
    place: Location,
    members: usize,
    candidates: &[Candidate],
) -> Option<Problem> {
    let need = quorum.of(members);
    if need == 0 {
        let message = format!("a quorum of 0 in the group `{group}` asks for nothing");
        return Some(Problem::new(ProblemKind::Quorum, [place], message).help("write at least 1"));
    }
    if need <= members {
        return None;
    }
    let plural = if need == 1 { "" } else { "s" };
    let message =
        format!("the group `{group}` needs {need} healthy member{plural}, and {members} are enabled in it");
    let problem = Problem::new(ProblemKind::Quorum, [place], message);
    let enabled = candidates.iter().filter(|candidate| candidate.spec.enabled);
    let known = enabled.filter_map(|candidate| candidate.spec.group.as_deref());
    Some(match name::nearest(group, known.filter(|known| *known != group)) {
        Some(nearest) if members == 0 => problem.help(format!("did you mean `{nearest}`?")),
        _ => problem.help(format!("write `group = \"{group}\"` on its members, or ask for fewer")),
    })
}

/// A member that is required although the group holds without it.
fn dispensable(group: &str, place: Location, member: &Candidate) -> Option<Problem> {
    let required_by = member.required_by.as_ref()?;
    let name = &member.spec.name;
    let message =
        format!("`{name}` is required for ready, and the quorum of its group `{group}` holds without it");
    let problem = Problem::new(ProblemKind::Quorum, [member.spec.location, place], message);
    Some(problem.set_by([required_by]).help("require no member of the group, or give the group no policy"))
}

/// Members of different probes: no probe would see the whole group.
fn probes(group: &str, place: Location, members: &[&Candidate]) -> Option<Problem> {
    let first = members.first()?;
    let odd = members.iter().find(|member| member.spec.probes != first.spec.probes)?;
    let message = format!(
        "`{}` joins {} while others in the group `{group}` join {}; the members of a quorum share one set of probes",
        odd.spec.name, odd.spec.probes, first.spec.probes
    );
    let moved_by = [odd, first].into_iter().filter_map(|member| member.set_by(Key::Probe));
    Some(Problem::new(ProblemKind::Quorum, [odd.spec.location, place], message).set_by(moved_by))
}
