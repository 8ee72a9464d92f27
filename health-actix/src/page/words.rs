//! Statuses, times and names, in the same way wherever they stand on the page.

use std::fmt::{self, Display};
use std::time::{Duration, SystemTime};

use health_core::{Status, Unknown, timestamp};

use super::markup::Html;

/// The word of a status, `unknown` if there is none.
pub(super) fn word(status: Result<Status, Unknown>) -> &'static str {
    status.map_or("unknown", Status::as_str)
}

/// A status as a sign and a word, so that it does not depend on colour.
pub(super) fn status(html: &mut Html, status: Result<Status, Unknown>) {
    html.tag("span").class(format_args!("status {}", word(status))).holds(|html| {
        let sign = match status {
            Ok(Status::Healthy) => "✓",
            Ok(Status::Degraded) => "!",
            Ok(Status::Unhealthy) => "✕",
            Err(_) => "?",
        };
        html.tag("span").class("sign").set("aria-hidden", "true").says(sign);
        html.text(word(status));
    });
}

/// A link to where a check is listed.
pub(super) fn link(html: &mut Html, check: &str) {
    html.tag("a").set("href", format_args!("#check-{check}")).says(check);
}

/// Links with commas between them, and how many there are beyond the first few.
pub(super) fn links<'a, I: Iterator<Item = &'a str>>(html: &mut Html, mut checks: I) {
    const SHOWN: usize = 12;
    for (index, check) in checks.by_ref().take(SHOWN).enumerate() {
        if index > 0 {
            html.text(", ");
        }
        link(html, check);
    }
    let more = checks.count();
    if more > 0 {
        html.text(format_args!(" and {more} more"));
    }
}

/// When something was or will be: in UTC, until the script says how long ago that is.
pub(super) fn moment(html: &mut Html, at: SystemTime) {
    time(html, at, true);
}

/// When something was, as a clock shows it.
pub(super) fn clock(html: &mut Html, at: SystemTime) {
    time(html, at, false);
}

fn time(html: &mut Html, at: SystemTime, is_relative: bool) {
    let full = timestamp(at);
    let (date, time) = full.split_once('T').unwrap_or((&full, ""));
    let time = time.split('.').next().unwrap_or_default();
    let tag = html.tag("time").set("datetime", &full).flag("data-ago", is_relative);
    tag.says(format_args!("{date} {time} UTC"));
}

/// A span of time as people say it: with the two largest units at most.
pub(super) struct Span(pub(super) Duration);

impl Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let two = |f: &mut fmt::Formatter<'_>, (large, unit): (u64, &str), (small, next): (u64, &str)| {
            if small == 0 { write!(f, "{large} {unit}") } else { write!(f, "{large} {unit} {small} {next}") }
        };
        match seconds {
            0 if self.0 < Duration::from_micros(100) => f.write_str("< 0.1 ms"),
            0 if self.0 < Duration::from_millis(10) => write!(f, "{:.1} ms", self.0.as_secs_f64() * 1e3),
            0 => write!(f, "{} ms", self.0.as_millis()),
            1..10 => write!(f, "{:.1} s", self.0.as_secs_f64()),
            10..60 => write!(f, "{seconds} s"),
            60..3600 => two(f, (seconds / 60, "min"), (seconds % 60, "s")),
            3600..86_400 => two(f, (seconds / 3600, "h"), (seconds % 3600 / 60, "min")),
            _ => two(f, (seconds / 86_400, "d"), (seconds % 86_400 / 3600, "h")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_two_units_at_most() {
        for (milliseconds, expected) in [
            (0, "< 0.1 ms"),
            (4, "4.0 ms"),
            (10, "10 ms"),
            (999, "999 ms"),
            (1_500, "1.5 s"),
            (59_999, "59 s"),
            (60_000, "1 min"),
            (61_000, "1 min 1 s"),
            (3_600_000, "1 h"),
            (3_660_000, "1 h 1 min"),
            (90_000_000, "1 d 1 h"),
            (86_400_000, "1 d"),
        ] {
            assert_eq!(Span(Duration::from_millis(milliseconds)).to_string(), expected);
        }
    }
}
