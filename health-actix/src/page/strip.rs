//! The last hour of a check as a strip: taller is worse, so that it does not depend on colour.

use std::time::{Duration, SystemTime};

use health_core::{Change, History, Status, Unknown};

use super::markup::Html;
use super::words::{Span, word};

const HOUR: Duration = Duration::from_secs(3600);
/// How wide the strip is in units of its own.
const WIDTH: u64 = 600;
/// What was not healthy is this wide at least: it should be seen, however short it was.
const SEEN: u64 = 6;

/// How many transitions are remembered: with so many, what was before is not known.
const REMEMBERED: usize = 32;

/// How far back strips go: an hour, or to the start.
pub(super) fn window(uptime: Duration) -> Duration {
    uptime.clamp(Duration::from_secs(1), HOUR)
}

/// What a column of strips is called.
pub(super) fn title(uptime: Duration) -> &'static str {
    if uptime < HOUR { "Since the start" } else { "Last hour" }
}

/// A status, and from when to when, counted from the beginning of the window.
type Stretch = (Result<Status, Unknown>, Duration, Duration);

/// What happened in the window, oldest first. Without gaps, except at the beginning where nothing is remembered.
fn stretches(history: &History, now: SystemTime, window: Duration) -> Vec<Stretch> {
    let flips = history.transitions().iter().filter_map(|transition| match transition.change() {
        Change::Check { from, to, .. } => Some((transition.at(), *from, *to)),
        _ => None,
    });
    between(&flips.collect::<Vec<_>>(), now, window)
}

/// When a status became another one.
type Flip = (SystemTime, Result<Status, Unknown>, Result<Status, Unknown>);

fn between(flips: &[Flip], now: SystemTime, window: Duration) -> Vec<Stretch> {
    let begin = now.checked_sub(window).unwrap_or(SystemTime::UNIX_EPOCH);
    let is_remembered = flips.len() < REMEMBERED;
    let before = flips.first().map_or(Err(Unknown::Pending), |(_, from, _)| *from);
    let mut stretches = Vec::with_capacity(flips.len() + 1);
    let mut last = is_remembered.then_some((before, Duration::ZERO));
    for (at, _, to) in flips {
        // By the wall clock, which may have been set: nothing goes back, or beyond now.
        let since = last.map_or(Duration::ZERO, |(_, since)| since);
        let at = at.duration_since(begin).unwrap_or_default().clamp(since, window);
        stretches.extend(last.filter(|_| since < at).map(|(status, since)| (status, since, at)));
        last = Some((*to, at));
    }
    stretches
        .extend(last.filter(|(_, since)| *since < window).map(|(status, since)| (status, since, window)));
    stretches
}

pub(super) fn write(html: &mut Html, history: &History, now: SystemTime, window: Duration) {
    let stretches = stretches(history, now, window);
    let strip = html.tag("svg").class("strip").set("viewBox", format_args!("0 0 {WIDTH} 10"));
    let strip = strip.set("preserveAspectRatio", "none").set("role", "img");
    strip.set("aria-label", alternative(&stretches)).holds(|html| {
        // What is worse is drawn over what is better, as it may be drawn wider than it was.
        for (shown, top) in [
            (Ok(Status::Healthy), 7),
            (Err(Unknown::Pending), 5),
            (Ok(Status::Degraded), 3),
            (Ok(Status::Unhealthy), 0),
        ] {
            for (status, from, to) in stretches.iter().filter(|(status, ..)| word(*status) == word(shown)) {
                let (from, to) = (place(*from, window), place(*to, window));
                let least = if status.is_ok_and(|status| !status.is_healthy()) { SEEN } else { 0 };
                let width = (to - from).max(least);
                if width == 0 {
                    continue;
                }
                let rect = html.tag("rect").class(word(*status));
                let rect = rect.set("x", from.min(WIDTH - width)).set("y", top);
                rect.set("width", width).set("height", 10 - top).says("");
            }
        }
    });
}

fn place(at: Duration, window: Duration) -> u64 {
    let share = at.as_secs_f64() / window.as_secs_f64();
    // Between 0 and `WIDTH`, whatever the clocks say.
    (share.clamp(0.0, 1.0) * WIDTH as f64).round() as u64
}

/// The strip in words.
fn alternative(stretches: &[Stretch]) -> String {
    match stretches {
        [] => return "unknown".to_owned(),
        [(status, ..)] => return format!("{} throughout", word(*status)),
        _ => {}
    }
    let total = |wanted: &str| -> Duration {
        let of_it = stretches.iter().filter(|(status, ..)| word(*status) == wanted);
        of_it.map(|(_, from, to)| to.saturating_sub(*from)).sum()
    };
    let parts = ["unhealthy", "degraded", "unknown", "healthy"].map(|word| (word, total(word)));
    let said = parts.iter().filter(|(_, total)| !total.is_zero());
    let said: Vec<_> = said.map(|(word, total)| format!("{word} for {}", Span(*total))).collect();
    let changes = stretches.len().saturating_sub(1);
    format!("{}; {changes} {}", said.join(", "), if changes == 1 { "change" } else { "changes" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Status::{Degraded, Healthy, Unhealthy};

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_window_is_an_hour_or_all_there_is() {
        assert_eq!(window(Duration::ZERO), s(1));
        assert_eq!((window(s(90)), title(s(90))), (s(90), "Since the start"));
        assert_eq!((window(s(9_000)), title(s(9_000))), (s(3_600), "Last hour"));
    }

    #[test]
    fn stretches_fill_the_window_whatever_the_clock_did() {
        let now = SystemTime::UNIX_EPOCH + s(10_000);
        let ago = |seconds| now - s(seconds);
        let pending = Err(Unknown::Pending);
        assert_eq!(between(&[], now, s(60)), [(pending, s(0), s(60))]);
        let flips = [(ago(900), pending, Ok(Healthy)), (ago(40), Ok(Healthy), Ok(Unhealthy))];
        let expected = [(Ok(Healthy), s(0), s(20)), (Ok(Unhealthy), s(20), s(60))];
        assert_eq!(between(&flips, now, s(60)), expected);
        // Set back, and ahead of itself.
        let flips = [
            (ago(50), pending, Ok(Healthy)),
            (ago(55), Ok(Healthy), Ok(Degraded)),
            (now + s(99), Ok(Degraded), Ok(Unhealthy)),
        ];
        assert_eq!(between(&flips, now, s(60)), [(pending, s(0), s(10)), (Ok(Degraded), s(10), s(60))]);
        // So many that what was before them is forgotten.
        let flips: Vec<_> = (0..32).map(|flip| (ago(32 - flip), Ok(Healthy), Ok(Healthy))).collect();
        let stretches = between(&flips, now, s(60));
        assert_eq!((stretches.len(), stretches[0]), (32, (Ok(Healthy), s(28), s(29))));
    }

    #[test]
    fn a_place_is_within_the_strip() {
        assert_eq!([s(0), s(30), s(60), s(99)].map(|at| place(at, s(60))), [0, 300, 600, 600]);
        assert_eq!(place(s(0), Duration::ZERO), 0);
    }

    #[test]
    fn words_stand_for_the_strip() {
        assert_eq!(alternative(&[(Ok(Healthy), s(0), s(60))]), "healthy throughout");
        let stretches =
            [(Ok(Healthy), s(0), s(10)), (Ok(Unhealthy), s(10), s(40)), (Ok(Degraded), s(40), s(60))];
        let said = "unhealthy for 30 s, degraded for 20 s, healthy for 10 s; 2 changes";
        assert_eq!(alternative(&stretches), said);
        assert_eq!(alternative(&stretches[1..]), "unhealthy for 30 s, degraded for 20 s; 1 change");
        assert_eq!(alternative(&[]), "unknown");
    }
}
