//! Who depends on whom: causes, and the radius of a blast.

use std::collections::BTreeSet;

/// The dependencies of every check, by index. Free of circles.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// What each check depends on, directly.
    dependencies: Vec<Vec<usize>>,
    /// What depends on each check, directly.
    dependents: Vec<Vec<usize>>,
    /// Every check after what it depends on.
    order: Vec<usize>,
}

impl Graph {
    /// The graph, or the circles in it, each as the indices along it.
    pub(crate) fn new(dependencies: Vec<Vec<usize>>) -> Result<Self, Vec<Vec<usize>>> {
        let mut dependents = vec![Vec::new(); dependencies.len()];
        for (check, targets) in dependencies.iter().enumerate() {
            for target in targets {
                if let Some(list) = dependents.get_mut(*target) {
                    list.push(check);
                }
            }
        }
        let order = order(&dependencies)?;
        Ok(Self { dependencies, dependents, order })
    }

    /// Everything that depends on the check, directly or not.
    pub(crate) fn affected_by(&self, check: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut open = vec![check];
        while let Some(next) = open.pop() {
            for dependent in self.dependents.get(next).into_iter().flatten() {
                if found.insert(*dependent) {
                    open.push(*dependent);
                }
            }
        }
        found
    }

    /// For every check the nearest failing ones it depends on that depend on no failing one themselves.
    /// `None` when nothing depends on anything.
    pub(crate) fn causes(&self, is_failing: impl Fn(usize) -> bool) -> Option<Vec<BTreeSet<usize>>> {
        if self.dependencies.iter().all(Vec::is_empty) {
            return None;
        }
        let mut causes = vec![BTreeSet::new(); self.dependencies.len()];
        for check in &self.order {
            let mut own = BTreeSet::new();
            for dependency in self.dependencies.get(*check).into_iter().flatten() {
                match causes.get(*dependency) {
                    Some(deeper) if !deeper.is_empty() => own.extend(deeper.iter().copied()),
                    _ if is_failing(*dependency) => {
                        own.insert(*dependency);
                    }
                    _ => {}
                }
            }
            if let Some(slot) = causes.get_mut(*check) {
                *slot = own;
            }
        }
        Some(causes)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    New,
    Open,
    Done,
}

/// Every index after what it depends on, or the circles found on the way. Iterative: a chain may be as long as there are checks.
fn order(dependencies: &[Vec<usize>]) -> Result<Vec<usize>, Vec<Vec<usize>>> {
    let mut circles = Vec::new();
    let mut marks = vec![Mark::New; dependencies.len()];
    let mut order = Vec::with_capacity(dependencies.len());
    let targets = |check: usize| dependencies.get(check).map_or(&[][..], Vec::as_slice);
    for start in 0..dependencies.len() {
        if marks.get(start) != Some(&Mark::New) {
            continue;
        }
        let mut path: Vec<(usize, usize)> = vec![(start, 0)];
        set(&mut marks, start, Mark::Open);
        while let Some((check, next)) = path.last_mut() {
            let check = *check;
            let Some(target) = targets(check).get(*next).copied() else {
                set(&mut marks, check, Mark::Done);
                order.push(check);
                path.pop();
                continue;
            };
            *next += 1;
            match marks.get(target) {
                Some(Mark::New) => {
                    set(&mut marks, target, Mark::Open);
                    path.push((target, 0));
                }
                Some(Mark::Open) => {
                    let circle = path.iter().map(|(check, _)| *check).skip_while(|check| *check != target);
                    circles.push(circle.collect());
                }
                Some(Mark::Done) | None => {}
            }
        }
    }
    if circles.is_empty() { Ok(order) } else { Err(circles) }
}

fn set(marks: &mut [Mark], check: usize, mark: Mark) {
    if let Some(slot) = marks.get_mut(check) {
        *slot = mark;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_the_nearest_failing_one_without_a_failing_one_behind_it() {
        // 0 -> 1 -> 2 -> 3 and 0 -> 4
        let graph = Graph::new(vec![vec![1, 4], vec![2], vec![3], vec![], vec![]]).unwrap();
        let causes = |failing: &[usize]| graph.causes(|check| failing.contains(&check)).unwrap()[0].clone();
        assert_eq!(causes(&[1, 2, 3]), [3].into());
        assert_eq!(causes(&[1, 2]), [2].into());
        assert_eq!(causes(&[1, 3]), [3].into(), "a healthy check between does not hide a cause");
        assert_eq!(causes(&[4, 2]), [2, 4].into());
        assert_eq!(causes(&[]), [].into());
        assert_eq!(graph.affected_by(3), [0, 1, 2].into());
        assert_eq!(graph.affected_by(0), [].into());
    }

    #[test]
    fn a_circle_is_named_by_its_members_alone() {
        let circles = Graph::new(vec![vec![1], vec![2], vec![3], vec![1], vec![5], vec![4]]).unwrap_err();
        assert_eq!(circles, [vec![1, 2, 3], vec![4, 5]]);
    }

    #[test]
    fn a_long_chain_does_not_exhaust_the_stack() {
        let chain = (0..100_000).map(|check| if check == 0 { vec![] } else { vec![check - 1] }).collect();
        assert_eq!(Graph::new(chain).unwrap().affected_by(0).len(), 99_999);
    }
}
