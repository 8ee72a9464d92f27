//! The text form: one line a check, and what the whole is in the last one.

use std::fmt::Write as _;

use super::{EntryView, Exposure, View};
use crate::{Probe, Status};

impl View<'_> {
    /// The text form, each line ended by a newline.
    #[must_use]
    pub fn text(&self) -> String {
        self.text_about(self.report.probe().map_or("health", Probe::as_str))
    }

    /// The text form with another word for the whole in its last line: `readyz` for `readyz check passed`.
    #[must_use]
    pub fn text_about(&self, whole: &str) -> String {
        let mut text = String::new();
        if self.exposure >= Exposure::Checks {
            let (listed, omitted) = self.listed();
            for entry in listed {
                line(&mut text, format_args!("{}", entry_line(entry)));
            }
            if omitted > 0 {
                line(&mut text, format_args!("[+]{omitted} more ok"));
            }
            if self.is_draining() {
                line(&mut text, format_args!("[-]draining"));
            }
            for awaited in self.report.waiting_for() {
                line(&mut text, format_args!("[-]{}", held(awaited)));
            }
        }
        let verdict = if self.report.status() == Status::Unhealthy { "failed" } else { "passed" };
        line(&mut text, format_args!("{whole} check {verdict}"));
        text
    }
}

fn entry_line(entry: EntryView<'_>) -> String {
    let name = entry.name();
    if entry.is_excluded() {
        return format!("[+]{name} excluded: ok");
    }
    // Only what makes the whole unhealthy is marked as such.
    let mark = if entry.contribution() == Status::Unhealthy { '-' } else { '~' };
    match entry.status() {
        Ok(Status::Healthy) => format!("[+]{name} ok"),
        Ok(Status::Degraded) => format!("[{mark}]{name} degraded: {}", reason(entry)),
        Ok(Status::Unhealthy) => format!("[{mark}]{name} failed: {}", reason(entry)),
        Err(unknown) => format!("[{mark}]{name} unknown: {unknown}"),
    }
}

fn reason(entry: EntryView<'_>) -> String {
    match (entry.written(), entry.error()) {
        (Some(summary), Some(cause)) => format!("{summary}: {cause}"),
        (Some(only), None) | (None, Some(only)) => only.to_owned(),
        (None, None) => "reason withheld".to_owned(),
    }
}

/// `gate:migrations` as a person reads it.
fn held(awaited: &str) -> String {
    match awaited.split_once(':') {
        Some(("gate", name)) if name.ends_with(" (dropped unopened)") => format!("gate {name}"),
        Some(("gate", name)) => format!("gate {name} closed"),
        Some((what, name)) => format!("{what} {name} not passed"),
        None => awaited.to_owned(),
    }
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{content}");
}
