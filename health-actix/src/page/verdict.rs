//! The first thing that is seen: how it is, in one word, and why, in one line.

use std::time::SystemTime;

use health_core::{EntryView, Phase, Probe, Status};

use super::markup::Html;
use super::scene::Scene;
use super::words;

/// How many causes are named in one line.
const NAMED: usize = 3;

pub(super) fn head(scene: &Scene<'_>) -> &'static str {
    let live = scene.health.status(Probe::Live);
    match scene.phase {
        Phase::Draining if live == Status::Unhealthy => "Draining, and unhealthy",
        Phase::Starting if live == Status::Unhealthy => "Starting, and unhealthy",
        Phase::Draining => "Draining",
        Phase::Starting => "Starting",
        Phase::Running => match scene.status {
            // Something that weighs nowhere, or no more, may be wrong all the same.
            Status::Healthy if scene.entries.iter().any(is_unwell) => "Healthy",
            Status::Healthy => "All is well",
            Status::Degraded => "Degraded",
            Status::Unhealthy => "Unhealthy",
        },
    }
}

fn is_unwell(entry: &EntryView<'_>) -> bool {
    entry.status().is_ok_and(|status| !status.is_healthy())
}

pub(super) fn write(html: &mut Html, scene: &Scene<'_>) {
    html.tag("header").class(format_args!("verdict {}", scene.status)).holds(|html| {
        // Said aloud when it changes; what is below is there to be looked up.
        html.tag("div").set("id", "verdict").set("aria-live", "polite").set("aria-atomic", "true").holds(
            |html| {
                html.tag("h1").holds(|html| {
                    let sign = match (scene.phase, scene.status) {
                        (Phase::Running, Status::Healthy) => "✓",
                        (Phase::Running, Status::Degraded) => "!",
                        (Phase::Running, Status::Unhealthy) => "✕",
                        (Phase::Starting | Phase::Draining, _) => "…",
                    };
                    html.tag("span").class("sign").set("aria-hidden", "true").says(sign);
                    html.text(head(scene));
                });
                html.tag("p").holds(|html| why(html, scene));
            },
        );
        connection(html, scene.now);
    });
}

fn why(html: &mut Html, scene: &Scene<'_>) {
    match scene.phase {
        Phase::Draining => {
            html.text("On its way out: ready is red on purpose, what is under way is finished. ");
        }
        Phase::Starting if scene.waiting_for.is_empty() => html.text("Not ready yet. "),
        Phase::Starting => {
            html.text("Not ready yet. Waits for ");
            waiting(html, scene.waiting_for);
            html.text(". ");
        }
        Phase::Running => {}
    }
    let causes = scene.causes();
    for (index, cause) in causes.iter().take(NAMED).enumerate() {
        html.text(if index == 0 { "" } else { ", " });
        words::link(html, cause.name());
        html.text(format_args!(" {}", words::word(cause.status())));
        if let Some(effects) = scene.effects.get(cause.name()) {
            html.text(format_args!(" and {} because of it", effects.len()));
        }
    }
    let mut more = causes.len().saturating_sub(NAMED);
    // What startup waits for has been named.
    if causes.is_empty() && scene.waiting_for.is_empty() {
        let pending: Vec<_> = scene.pending().collect();
        for (index, entry) in pending.iter().take(NAMED).enumerate() {
            html.text(if index == 0 { "Not observed yet: " } else { ", " });
            words::link(html, entry.name());
        }
        more = pending.len().saturating_sub(NAMED);
    }
    if more > 0 {
        html.text(format_args!(", and {more} more"));
    }
    if scene.phase == Phase::Running && causes.is_empty() && scene.status.is_healthy() {
        match scene.entries.len() {
            0 => html.text("There is no check."),
            1 if !scene.entries.iter().any(is_unwell) => html.text("The one check is fine."),
            1 => html.text("One check, nothing to do."),
            checks => html.text(format_args!("{checks} checks, nothing to do.")),
        }
    }
}

/// `gate:migrations`, `startup:schema` as words.
pub(super) fn waiting(html: &mut Html, waiting_for: &[String]) {
    for (index, what) in waiting_for.iter().take(12).enumerate() {
        html.text(if index == 0 { "" } else { ", " });
        match what.split_once(':') {
            Some(("gate", gate)) => {
                html.text("gate ");
                html.quote(gate);
            }
            Some(("startup", check)) => {
                html.text("startup check ");
                words::link(html, check);
            }
            _ => html.quote(what),
        }
    }
    let more = waiting_for.len().saturating_sub(12);
    if more > 0 {
        html.text(format_args!(" and {more} more"));
    }
}

/// Of when this is, and whether it is kept up; the script has the last word about that.
fn connection(html: &mut Html, now: SystemTime) {
    html.tag("div").class("connection").holds(|html| {
        html.tag("p").set("id", "live").set("data-keep", "").holds(|html| {
            html.text("As of ");
            words::clock(html, now);
        });
        html.tag("noscript").holds(|html| {
            html.tag("p").holds(|html| {
                html.text("Without JavaScript this page stays as it is: ");
                html.tag("a").set("href", "?").says("load it again");
                html.text(", or ");
                html.tag("a").set("href", "?refresh").says("every ten seconds");
                html.text(".");
            });
        });
    });
}
