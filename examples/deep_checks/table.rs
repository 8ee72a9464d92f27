//! What is printed at first: who was asked, what they said, and who was not asked.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::time::Duration;

use health_core::{Entry, Report, Status, Unknown};

/// One check, under the heading of its group.
pub(crate) struct Row {
    pub(crate) group: &'static str,
    pub(crate) name: String,
    pub(crate) proved: &'static str,
}

/// What is not asked, and what to do to have it asked.
pub(crate) struct Absent {
    pub(crate) what: &'static str,
    pub(crate) what_to_do: Vec<&'static str>,
}

#[derive(Default)]
pub(crate) struct Table {
    pub(crate) rows: Vec<Row>,
    /// Which servers there are, and how they were found.
    pub(crate) places: Vec<(&'static str, String)>,
    /// What is worth knowing about a group.
    pub(crate) remarks: Vec<(&'static str, &'static str)>,
    pub(crate) absent: Vec<Absent>,
}

impl Table {
    pub(crate) fn written(&self, report: &Report, coloured: bool) -> String {
        let mut text = String::new();
        // Writing into a `String` does not fail.
        let _ = self.write(&mut text, report, coloured);
        text
    }

    fn write(&self, text: &mut String, report: &Report, coloured: bool) -> fmt::Result {
        for (what, whence) in &self.places {
            writeln!(text, "{what:13}  {whence}")?;
        }
        let width = self.rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
        let mut group = "";
        for row in &self.rows {
            if row.group != group {
                group = row.group;
                let gap = if text.is_empty() { "" } else { "\n" };
                let remark = self.remarks.iter().find(|(of, _)| *of == group);
                let remark = remark.map(|(_, remark)| format!(" ({remark})")).unwrap_or_default();
                writeln!(text, "{gap}{group}{remark}")?;
            }
            let Some(entry) = report.entry(&row.name) else { continue };
            let (name, status) = (&row.name, painted(entry.status(), coloured));
            let took = entry.duration().map(milliseconds).unwrap_or_default();
            let said = said(entry, row.proved);
            writeln!(text, "  {name:width$}  {status}  {took:>9}  {said}")?;
        }
        writeln!(text, "\nAll in all: {}", report.status().as_str())?;
        if !self.absent.is_empty() {
            writeln!(text, "\nNot asked. To have it asked:")?;
        }
        for Absent { what, what_to_do } in &self.absent {
            writeln!(text, "\n  {what}")?;
            for line in what_to_do {
                writeln!(text, "    {line}")?;
            }
        }
        Ok(())
    }
}

/// Green says what it proved, anything else what is wrong.
fn said<'a>(entry: &'a Entry, proved: &'static str) -> Cow<'a, str> {
    match (entry.status(), entry.summary()) {
        (Ok(Status::Healthy), None) => proved.into(),
        (Ok(Status::Healthy), Some(summary)) => format!("{proved} ({summary})").into(),
        (_, Some(summary)) => summary.into(),
        (Err(_), None) => "nothing is known in time".into(),
        (_, None) => "no reason was given".into(),
    }
}

/// The word for it, as wide as the longest.
pub(crate) fn painted(status: Result<Status, Unknown>, coloured: bool) -> String {
    let (word, colour) = match status {
        Ok(status @ Status::Healthy) => (status.as_str(), 32),
        Ok(status @ Status::Degraded) => (status.as_str(), 33),
        Ok(status @ Status::Unhealthy) => (status.as_str(), 31),
        Err(_) => ("unknown", 35),
    };
    if coloured { format!("\x1b[{colour}m{word:9}\x1b[0m") } else { format!("{word:9}") }
}

fn milliseconds(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1e3)
}
