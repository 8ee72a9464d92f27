//! What is wrong, and why: causes first, with what fails because of them.

use health_core::{EntryView, Status};

use super::details;
use super::markup::Html;
use super::scene::Scene;
use super::words;

/// How many causes are told at length; the others are in the list of checks.
const MOST_TOLD: usize = 20;

pub(super) fn write(html: &mut Html, scene: &Scene<'_>) {
    let causes = scene.causes();
    let pending: Vec<_> = scene.pending().collect();
    if causes.is_empty() && pending.is_empty() {
        return;
    }
    html.tag("section").set("id", "wrong").set("aria-labelledby", "h-wrong").holds(|html| {
        html.tag("h2").set("id", "h-wrong").says("What is wrong");
        for cause in causes.iter().take(MOST_TOLD) {
            told(html, scene, cause);
        }
        let more = causes.len().saturating_sub(MOST_TOLD);
        if more > 0 {
            html.tag("p").says(format_args!("And {more} more, in the list of checks."));
        }
        if !pending.is_empty() {
            html.tag("article").class("cause unknown").set("id", "pending").holds(|html| {
                html.tag("h3").says(format_args!("Not observed yet: {}", pending.len()));
                html.tag("p").holds(|html| words::links(html, pending.iter().map(EntryView::name)));
            });
        }
    });
}

fn told(html: &mut Html, scene: &Scene<'_>, cause: &EntryView<'_>) {
    let article = html.tag("article").class(format_args!("cause {}", words::word(cause.status())));
    article.set("id", format_args!("wrong-{}", cause.name())).holds(|html| {
        html.tag("h3").holds(|html| {
            words::status(html, cause.status());
            html.text(" ");
            words::link(html, cause.name());
            if scene.is_root_cause(cause.name()) {
                html.text(" ");
                html.tag("span").class("mark root").says("root cause");
            }
        });
        if let Some(summary) = cause.summary() {
            html.tag("p").class("summary").holds(|html| html.quote(summary));
        }
        details::evidence(html, cause);
        html.tag("p").class("facts").holds(|html| facts(html, cause));
        if let Some(effects) = scene.effects.get(cause.name()) {
            html.tag("p").class("effects").holds(|html| {
                html.tag("strong").says(match effects.len() {
                    1 => "1 check fails because of it: ".to_owned(),
                    count => format!("{count} checks fail because of it: "),
                });
                words::links(html, effects.iter().copied());
            });
        }
    });
}

/// What one wants to know next: does it matter, since when, when was it last well.
fn facts(html: &mut Html, cause: &EntryView<'_>) {
    html.text(match (cause.contribution(), cause.is_critical()) {
        (Status::Unhealthy, _) => "Makes the whole unhealthy",
        (Status::Degraded, true) => "Critical, degrades the whole",
        (Status::Degraded, false) => "Not critical, degrades the whole",
        (Status::Healthy, _) => "Changes nothing about the whole",
    });
    for (what, at) in [(" · since ", cause.since()), (" · last well ", cause.last_success())] {
        if let Some(at) = at {
            html.text(what);
            words::moment(html, at);
        }
    }
    if let Some(group) = cause.group() {
        html.text(" · group ");
        html.quote(group);
    }
    if let Some(until) = cause.muted_until() {
        html.text(" · muted until ");
        words::clock(html, until);
    }
}
