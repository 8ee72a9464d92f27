//! The probes, the phase and what it waits for, and what is muted.

use health_core::{Phase, Probe, Status, View};

use super::markup::Html;
use super::scene::Scene;
use super::verdict;
use super::words::{self, Span};

/// How many of what is muted are listed.
const MOST_MUTED: usize = 100;

pub(super) fn write(html: &mut Html, scene: &Scene<'_>) {
    html.tag("section").set("id", "probes").set("aria-labelledby", "h-probes").holds(|html| {
        html.tag("h2").set("id", "h-probes").says("Probes");
        html.tag("div").class("cards").holds(|html| {
            for (probe, view) in &scene.probes {
                html.tag("article").class(format_args!("card {}", view.status())).holds(|html| {
                    card(html, scene, *probe, view);
                });
            }
            html.tag("article").class("card").holds(|html| phase(html, scene));
        });
    });
    muted(html, scene);
}

fn card(html: &mut Html, scene: &Scene<'_>, probe: Probe, view: &View<'_>) {
    html.tag("h3").holds(|html| {
        html.text(format_args!("{probe} "));
        words::status(html, Ok(view.status()));
    });
    html.tag("p").class("hint").says(match probe {
        Probe::Live => "Should this process be restarted?",
        Probe::Ready => "Should this instance get traffic?",
        Probe::Startup => "Has it finished starting?",
    });
    if view.failing().next().is_some() {
        html.tag("p").holds(|html| {
            html.text(if view.status() == Status::Unhealthy { "Fails: " } else { "Degraded by: " });
            let (due, causes): (Vec<_>, Vec<_>) = view.failing().partition(|name| scene.is_due(name));
            // Where the cause weighs in another probe, what is due to it is all there is to name.
            let named = if causes.is_empty() { &due } else { &causes };
            words::links(html, named.iter().copied());
            if !causes.is_empty() && !due.is_empty() {
                html.text(format_args!(", and {} because of {}", due.len(), scene.blamed(&causes, &due)));
            }
        });
    } else if view.is_draining() {
        html.tag("p").says("Red because the process is leaving.");
    } else if view.is_starting() {
        html.tag("p").says("Red because the process is starting.");
    }
    time_spent(html, scene, probe);
}

/// For how long it has been what, since the start.
fn time_spent(html: &mut Html, scene: &Scene<'_>, probe: Probe) {
    let time_in = scene.health.time_in(probe);
    let all: f64 = Status::ALL.iter().map(|status| time_in.spent(*status).as_secs_f64()).sum();
    html.tag("dl").class("spent").holds(|html| {
        for status in Status::ALL.into_iter().filter(|status| !time_in.spent(*status).is_zero()) {
            let spent = time_in.spent(status);
            let percent = if all > 0.0 { spent.as_secs_f64() / all * 100.0 } else { 0.0 };
            html.tag("div").holds(|html| {
                html.tag("dt").says(status);
                html.tag("dd").holds(|html| {
                    html.text(format_args!("{} ", Span(spent)));
                    html.tag("span").class("share").says(format_args!("{}", Percent(percent)));
                });
            });
        }
    });
}

/// Never 100 % of what was not always so.
struct Percent(f64);

impl std::fmt::Display for Percent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            all if all >= 100.0 => f.write_str("100 %"),
            most if most > 99.99 => f.write_str("> 99.99 %"),
            most if most >= 99.0 => write!(f, "{:.2} %", (most * 100.0).floor() / 100.0),
            hardly if hardly < 0.01 => f.write_str("< 0.01 %"),
            little if little < 1.0 => write!(f, "{little:.2} %"),
            some => write!(f, "{some:.1} %"),
        }
    }
}

fn phase(html: &mut Html, scene: &Scene<'_>) {
    html.tag("h3").holds(|html| {
        html.text("phase ");
        html.tag("span").class("phase").says(scene.phase);
    });
    html.tag("p").class("hint").holds(|html| {
        html.text("Started ");
        words::moment(html, scene.now.checked_sub(scene.health.uptime()).unwrap_or(scene.now));
        html.text(".");
    });
    if !scene.waiting_for.is_empty() {
        html.tag("p").holds(|html| {
            html.text("Waits for ");
            verdict::waiting(html, scene.waiting_for);
            html.text(".");
        });
    } else if scene.phase == Phase::Running {
        html.tag("p").says("Waits for nothing.");
    }
    let mut gates = scene.health.gates().peekable();
    if gates.peek().is_some() {
        html.tag("dl").class("gates").holds(|html| {
            for (name, is_open) in gates {
                html.tag("div").holds(|html| {
                    html.tag("dt").holds(|html| {
                        html.text("gate ");
                        html.quote(name);
                    });
                    html.tag("dd").says(if is_open { "open" } else { "closed" });
                });
            }
        });
    }
}

fn muted(html: &mut Html, scene: &Scene<'_>) {
    let muted: Vec<_> = scene.entries.iter().filter(|entry| entry.muted_until().is_some()).collect();
    if muted.is_empty() {
        return;
    }
    let (listed, omitted) = muted.split_at_checked(MOST_MUTED).unwrap_or((&muted, &[]));
    html.tag("section").set("id", "muted").set("aria-labelledby", "h-muted").holds(|html| {
        html.tag("h2").set("id", "h-muted").says("Muted");
        html.tag("ul").holds(|html| {
            for entry in listed {
                html.tag("li").holds(|html| {
                    words::link(html, entry.name());
                    html.text(" ");
                    words::status(html, entry.status());
                    if let Some(until) = entry.muted_until() {
                        html.text(" until ");
                        words::clock(html, until);
                    }
                    if let Some(reason) = entry.mute_reason() {
                        html.text(": ");
                        html.quote(reason);
                    }
                });
            }
        });
        if !omitted.is_empty() {
            html.tag("p").says(format_args!("And {} more.", omitted.len()));
        }
    });
}
