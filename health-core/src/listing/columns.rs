//! What the formats that are tables say about each check.

use super::one_line;
use crate::period::readable;
use crate::{Declaration, Scope};

/// One thing to say about every check, in the formats that are tables.
struct Column {
    title: &'static str,
    /// What a check says that declares nothing here. A column that says nothing else is left out.
    unremarkable: Option<&'static str>,
    cell: fn(&Declaration) -> String,
}

const COLUMNS: [Column; 11] = [
    Column { title: "name", unremarkable: None, cell: |check| check.name().to_owned() },
    Column { title: "probes", unremarkable: None, cell: |check| check.probes().to_string() },
    Column { title: "critical", unremarkable: None, cell: criticality },
    Column { title: "timeout", unremarkable: None, cell: |check| readable(check.timeout()) },
    Column {
        title: "scope",
        unremarkable: Some("-"),
        cell: |check| or_dash(check.scope().map(Scope::as_str)),
    },
    Column { title: "group", unremarkable: Some("-"), cell: |check| or_dash(check.group()) },
    Column {
        title: "depends on",
        unremarkable: Some("-"),
        cell: |check| or_dash(dependencies(check).as_deref()),
    },
    Column { title: "enabled", unremarkable: Some("yes"), cell: |check| yes_or_no(check.is_enabled()) },
    Column { title: "kind", unremarkable: None, cell: |check| check.kind().to_owned() },
    Column { title: "location", unremarkable: None, cell: |check| check.location().to_string() },
    Column { title: "description", unremarkable: Some("-"), cell: |check| or_dash(check.description()) },
];

/// The columns to show, each with its title first; every cell is one line.
pub(super) fn columns(declarations: &[Declaration]) -> Vec<(&'static str, Vec<String>)> {
    let column = |column: &Column| {
        let cells: Vec<_> = declarations.iter().map(|check| one_line(&(column.cell)(check))).collect();
        let remarkable = cells.iter().any(|cell| column.unremarkable != Some(cell));
        remarkable.then_some((column.title, cells))
    };
    COLUMNS.iter().filter_map(column).collect()
}

/// A check that weighs in no probe can do nothing to the whole, whatever it says.
fn criticality(check: &Declaration) -> String {
    if check.probes().is_empty() { "-".into() } else { yes_or_no(check.is_critical()) }
}

fn yes_or_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}

fn or_dash(text: Option<&str>) -> String {
    text.unwrap_or("-").to_owned()
}

fn dependencies(check: &Declaration) -> Option<String> {
    let names: Vec<_> = check.depends_on().collect();
    (!names.is_empty()).then(|| names.join(", "))
}
