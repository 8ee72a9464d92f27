//! Who depends on whom, from causes to effects.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use health_core::{EntryView, Status, Unknown};

use super::checks::folding;
use super::markup::Html;
use super::scene::Scene;
use super::words;

/// How deep lists are nested; a chain may be as long as there are checks, and goes on further down.
const DEEPEST: usize = 6;
/// Of what is well, so many are listed before the rest is folded away.
const WELL: usize = 8;
/// Up to how many dependencies all of it is unfolded at first.
const UNFOLDED: usize = 40;

struct Graph<'a> {
    scene: &'a Scene<'a>,
    entries: BTreeMap<&'a str, &'a EntryView<'a>>,
    /// By name, those who depend on it: what is wrong first, then by name.
    dependents: BTreeMap<&'a str, Vec<&'a str>>,
    /// Those whose dependents have been listed.
    told: BTreeSet<&'a str>,
    /// Those whose dependents are listed further down.
    later: VecDeque<&'a str>,
}

pub(super) fn write(html: &mut Html, scene: &Scene<'_>) {
    let (listed, _) = scene.listed();
    let entries: BTreeMap<_, _> = listed.iter().map(|entry| (entry.name(), entry)).collect();
    let mut dependents: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    // In the order of the entries.
    for entry in listed {
        for cause in entry.depends_on() {
            dependents.entry(cause).or_default().push(entry.name());
        }
    }
    let edges: usize = dependents.values().map(Vec::len).sum();
    if edges == 0 {
        return;
    }
    let is_top = |name: &&str| entries.get(*name).is_none_or(|entry| entry.depends_on().next().is_none());
    let mut tops: Vec<_> = dependents.keys().copied().filter(is_top).collect();
    let explains = |name: &str| scene.effects.get(name).map_or(0, Vec::len);
    tops.sort_by_key(|name| {
        (std::cmp::Reverse(explains(name)), !entries.get(name).is_some_and(|e| scene.is_wrong(e)))
    });
    let mut graph = Graph { scene, entries, dependents, told: BTreeSet::new(), later: VecDeque::new() };
    html.tag("section").set("id", "dependencies").set("aria-labelledby", "h-dependencies").holds(|html| {
        folding(html, "graph", "graph", edges <= UNFOLDED).holds(|html| {
            html.tag("summary").holds(|html| {
                html.tag("h2").set("id", "h-dependencies").says("Dependencies");
                html.text(" what depends on what, causes first");
            });
            html.tag("ul").class("tree").holds(|html| {
                graph.branches(html, &tops, 0);
                while let Some(name) = graph.later.pop_front() {
                    graph.branches(html, &[name], 0);
                }
            });
        });
    });
}

impl<'a> Graph<'a> {
    fn branches(&mut self, html: &mut Html, names: &[&'a str], depth: usize) {
        let is_well =
            |graph: &Self, name| graph.entries.get(name).is_none_or(|entry| !graph.scene.is_wrong(entry));
        let (well, wrong): (Vec<&str>, Vec<&str>) = names.iter().partition(|name| is_well(self, **name));
        let (first, rest) = well.split_at_checked(WELL).unwrap_or((&well, &[]));
        for name in wrong.iter().chain(first) {
            self.branch(html, name, depth);
        }
        if !rest.is_empty() {
            html.tag("li").holds(|html| {
                let id = format!("tree-{depth}-{}", rest.first().copied().unwrap_or_default());
                folding(html, id, "well", false).holds(|html| {
                    html.tag("summary").says(format_args!("{} others", rest.len()));
                    html.tag("ul").holds(|html| rest.iter().for_each(|name| self.branch(html, name, depth)));
                });
            });
        }
    }

    fn branch(&mut self, html: &mut Html, name: &'a str, depth: usize) {
        html.tag("li").holds(|html| {
            let status = self.entries.get(name).map(|entry| entry.status());
            let status = status.unwrap_or(Err(Unknown::Pending));
            words::status(html, status);
            html.text(" ");
            words::link(html, name);
            if self.scene.is_root_cause(name) && status == Ok(Status::Unhealthy) {
                html.text(" ");
                html.tag("span").class("mark root").says("root cause");
            }
            let Some(dependents) = self.dependents.get(name).cloned() else { return };
            if self.told.contains(name) {
                return html.text(" (see above)");
            }
            if depth >= DEEPEST {
                self.later.push_back(name);
                return html.text(" (goes on below)");
            }
            self.told.insert(name);
            html.tag("ul").holds(|html| self.branches(html, &dependents, depth + 1));
        });
    }
}
