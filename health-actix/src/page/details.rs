//! What unfolds below a check: what there is to know when one has to repair it.

use health_core::{Change, EntryView, History};

use super::markup::Html;
use super::words::{self, Span};

/// How many of its last changes are listed.
const CHANGES: usize = 10;

pub(super) fn write(html: &mut Html, entry: &EntryView<'_>, history: Option<&History>) {
    if let Some(description) = entry.description() {
        html.tag("p").class("description").holds(|html| html.quote(description));
    }
    evidence(html, entry);
    html.tag("dl").holds(|html| {
        let mut fact = |term: &str, tell: &dyn Fn(&mut Html)| {
            html.tag("dt").says(term);
            html.tag("dd").holds(tell);
        };
        let probes = entry.probes().to_string();
        fact("probes", &|html| html.text(if probes.is_empty() { "none" } else { &probes }));
        if let Some(ended) = entry.ended() {
            fact("last run ended", &|html| html.text(ended.as_str()));
        }
        if entry.status().is_ok() && entry.raw() != entry.status() {
            fact("last run said", &|html| words::status(html, entry.raw()));
        }
        if let Some(duration) = entry.duration() {
            fact("took", &|html| html.text(format_args!("{} of {}", Span(duration), Span(entry.timeout()))));
        }
        if let Some(queued) = entry.queued() {
            fact("waited for its turn", &|html| html.text(Span(queued)));
        }
        if let Some(at) = entry.last_success() {
            fact("last well", &|html| words::clock(html, at));
        }
        if let Some(until) = entry.muted_until() {
            fact("muted until", &|html| words::clock(html, until));
        }
        if entry.depends_on().next().is_some() {
            fact("depends on", &|html| words::links(html, entry.depends_on()));
        }
        if let Some(location) = entry.location() {
            fact("declared", &|html| html.quote(location));
        }
    });
    if let Some(history) = history {
        changes(html, history);
    }
}

/// The error and the data of the last run, for those who may see them.
pub(super) fn evidence(html: &mut Html, entry: &EntryView<'_>) {
    if let Some(error) = entry.error() {
        html.tag("p").class("error").holds(|html| html.quote(error));
    }
    if entry.data().next().is_some() {
        html.tag("dl").class("data").holds(|html| {
            for datum in entry.data() {
                html.tag("dt").holds(|html| html.quote(datum.name()));
                html.tag("dd").holds(|html| match datum.value().as_str() {
                    Some(text) => html.quote(text),
                    None => html.quote(datum.value()),
                });
            }
        });
    }
}

fn changes(html: &mut Html, history: &History) {
    let transitions = history.transitions();
    // One that was observed once and never flipped has nothing to tell.
    if transitions.len() < 2 {
        return;
    }
    html.tag("p").class("label").says("Last changes");
    html.tag("ol").class("changes").holds(|html| {
        for transition in transitions.iter().rev().take(CHANGES) {
            let Change::Check { to, summary, .. } = transition.change() else { continue };
            html.tag("li").holds(|html| {
                words::clock(html, transition.at());
                html.text(" ");
                words::status(html, *to);
                if let Some(summary) = summary {
                    html.text(" ");
                    html.quote(summary);
                }
            });
        }
    });
}
