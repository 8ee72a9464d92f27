//! Every check, by group: what is not healthy in sight, the others folded away where there are many.

use std::fmt::Display;

use health_core::EntryView;

use super::group::Group;
use super::markup::{Html, Tag};
use super::scene::{Scene, is_well};
use super::words::{self, Span};
use super::{details, strip};

/// Up to how many checks nothing is folded away.
const UNFOLDED: usize = 30;

pub(super) fn write(html: &mut Html, scene: &Scene<'_>) {
    if scene.entries.is_empty() {
        return;
    }
    let (_, omitted) = scene.listed();
    let mut groups = Group::all(scene);
    let has_groups = groups.keys().any(Option::is_some);
    // The ungrouped last, whatever the order of names.
    let ungrouped = groups.remove(&None);
    html.tag("section").set("id", "checks").set("aria-labelledby", "h-checks").holds(|html| {
        html.tag("div").class("bar").holds(|html| {
            html.tag("h2").set("id", "h-checks").says("Checks");
            html.tag("p").class("filter").set("data-keep", "").holds(filter);
        });
        let groups = groups.into_iter().chain(ungrouped.map(|members| (None, members)));
        for (index, (name, members)) in groups.enumerate() {
            let title = name.unwrap_or(if has_groups { "Without a group" } else { "All" });
            section(html, scene, index, name, title, &members);
        }
        if !omitted.is_empty() {
            let unwell = omitted.iter().filter(|entry| !is_well(entry)).count();
            html.tag("p").says(match unwell {
                0 => format!("And {} more, all of them healthy.", omitted.len()),
                _ => format!("And {} more, {unwell} of them not healthy.", omitted.len()),
            });
        }
    });
}

/// Of no use without the script, which shows it.
fn filter(html: &mut Html) {
    html.tag("label").set("for", "filter").says("Filter ");
    let field = html.tag("input").set("id", "filter").set("type", "search").set("autocomplete", "off");
    field.set("placeholder", "name, group or status").set("aria-keyshortcuts", "/").alone();
    html.text(" ");
    html.tag("output").set("id", "found").set("for", "filter").says("");
}

fn section(
    html: &mut Html,
    scene: &Scene<'_>,
    index: usize,
    name: Option<&str>,
    title: &str,
    group: &Group<'_>,
) {
    let is_small = scene.entries.len() <= UNFOLDED;
    let (wrong, others): (Vec<_>, Vec<_>) = group.listed.iter().partition(|entry| scene.is_wrong(entry));
    let is_open = is_small || !wrong.is_empty();
    folding(html, format_args!("group-{index}"), "group", is_open).holds(|html| {
        html.tag("summary").holds(|html| {
            html.tag("h3").holds(|html| html.quote(title));
            html.text(" ");
            let is_over = group.is_over(scene);
            if !is_over {
                words::status(html, group.status(scene, name));
            }
            html.text(format_args!(" {} of {} well", group.well(), group.size()));
            if is_over {
                html.text(", weighed while starting");
            }
            if let Some(need) = name.and_then(|name| scene.health.quorum(name)) {
                html.text(format_args!(", {need} needed"));
            }
        });
        if is_small {
            return table(html, scene, title, group.listed.iter());
        }
        if !wrong.is_empty() {
            table(html, scene, title, wrong.iter().copied());
        }
        match others.len() {
            0 => {}
            _ if wrong.is_empty() => table(html, scene, title, others.iter().copied()),
            count => folding(html, format_args!("well-{index}"), "well", false).holds(|html| {
                html.tag("summary").says(format_args!("{count} others"));
                table(html, scene, title, others.iter().copied());
            }),
        }
    });
}

/// Something that can be unfolded. Whether it is at first is ours to say, and the reader's from then on.
pub(super) fn folding<'h>(
    html: &'h mut Html,
    id: impl Display,
    class: &'static str,
    is_open: bool,
) -> Tag<'h> {
    let tag = html.tag("details").set("id", id).class(class).flag("open", is_open);
    tag.set("data-auto", if is_open { "open" } else { "shut" })
}

fn table<'a>(
    html: &mut Html,
    scene: &Scene<'_>,
    title: &str,
    entries: impl Iterator<Item = &'a EntryView<'a>>,
) {
    // The roles say what the tags say already, for browsers that forget it where a narrow screen lays rows out anew.
    html.tag("table").set("role", "table").holds(|html| {
        html.tag("caption").class("unseen").says(format_args!("Checks: {title}"));
        html.tag("thead").set("role", "rowgroup").holds(|html| {
            html.tag("tr").set("role", "row").holds(|html| {
                for (class, head) in [
                    ("name", "Check"),
                    ("is", "Status"),
                    ("critical", "Critical"),
                    ("past", strip::title(scene.health.uptime())),
                    ("took", "Took"),
                    ("at", "Last run"),
                    ("since", "Since"),
                ] {
                    html.tag("th").set("role", "columnheader").set("scope", "col").class(class).says(head);
                }
            });
        });
        html.tag("tbody")
            .set("role", "rowgroup")
            .holds(|html| entries.for_each(|entry| row(html, scene, entry)));
    });
}

fn row(html: &mut Html, scene: &Scene<'_>, entry: &EntryView<'_>) {
    let name = entry.name();
    let history = scene.health.history(name);
    let tr = html
        .tag("tr")
        .set("role", "row")
        .set("id", format_args!("check-{name}"))
        .class(words::word(entry.status()));
    tr.holds(|html| {
        html.tag("th").set("role", "rowheader").set("scope", "row").class("name").holds(|html| {
            folding(html, format_args!("more-{name}"), "more", false).holds(|html| {
                html.tag("summary").holds(|html| {
                    html.text(name);
                    marks(html, scene, entry);
                });
                details::write(html, entry, history.as_ref());
            });
            told(html, entry);
        });
        html.tag("td").set("role", "cell").class("is").holds(|html| words::status(html, entry.status()));
        html.tag("td").set("role", "cell").class("critical").says(if entry.is_critical() {
            "critical"
        } else {
            "no"
        });
        html.tag("td").set("role", "cell").class("past").holds(|html| {
            if let Some(history) = &history {
                strip::write(html, history, scene.now, strip::window(scene.health.uptime()));
            }
        });
        html.tag("td")
            .set("role", "cell")
            .class("took")
            .says(entry.duration().map(Span).map_or_else(String::new, |s| s.to_string()));
        for (class, at) in [("at", entry.at()), ("since", entry.since())] {
            html.tag("td").set("role", "cell").class(class).holds(|html| {
                if let Some(at) = at {
                    words::moment(html, at);
                }
            });
        }
    });
}

fn marks(html: &mut Html, scene: &Scene<'_>, entry: &EntryView<'_>) {
    if scene.is_root_cause(entry.name()) {
        html.text(" ");
        html.tag("span").class("mark root").says("root cause");
    }
    if entry.muted_until().is_some() {
        html.text(" ");
        html.tag("span").class("mark").says("muted");
    }
}

/// Below the name of what is not healthy: what it says and what it is due to.
fn told(html: &mut Html, entry: &EntryView<'_>) {
    if let Some(summary) = entry.summary() {
        html.tag("p").class("summary").holds(|html| html.quote(summary));
    }
    if entry.because_of().next().is_some() {
        html.tag("p").class("because").holds(|html| {
            html.text("because of ");
            words::links(html, entry.because_of());
        });
    }
}
