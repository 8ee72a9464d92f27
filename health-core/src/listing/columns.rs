//! What the formats that are tables say about each check.

use super::one_line;
use crate::period::readable;
use crate::{Declaration, Scope};

/// One thing to say about every check, in the formats that are tables.
struct Column {
    title: &'static str,
    /// Whether a check declares something here. A column for which none does is left out.
    declared: fn(&Declaration) -> bool,
    cell: fn(&Declaration) -> String,
}

const COLUMNS: [Column; 18] = [
    Column { title: "name", declared: always, cell: |check| check.name().to_owned() },
    Column { title: "probes", declared: always, cell: |check| check.probes().to_string() },
    Column { title: "critical", declared: always, cell: criticality },
    Column { title: "timeout", declared: always, cell: |check| readable(check.timeout()) },
    // What a check costs whatever it asks, so nobody should have to know the default.
    Column { title: "interval", declared: always, cell: |check| check.interval().to_string() },
    Column {
        title: "cache",
        declared: |check| check.spec.cache.is_some(),
        cell: |check| readable(check.cache()),
    },
    Column {
        title: "max age",
        declared: |check| check.spec.max_age.is_some(),
        cell: |check| readable(check.max_age()),
    },
    Column {
        title: "failure threshold",
        declared: |check| check.failure_threshold() != 1,
        cell: |check| check.failure_threshold().to_string(),
    },
    Column {
        title: "success threshold",
        declared: |check| check.success_threshold() != 1,
        cell: |check| check.success_threshold().to_string(),
    },
    Column {
        title: "backoff",
        declared: |check| check.backoff().is_some(),
        cell: |check| or_dash(check.backoff().map(readable).as_deref()),
    },
    Column {
        title: "idle",
        declared: |check| check.idle().is_some(),
        cell: |check| or_dash(check.idle().map(readable).as_deref()),
    },
    Column {
        title: "scope",
        declared: |check| check.scope().is_some(),
        cell: |check| or_dash(check.scope().map(Scope::as_str)),
    },
    Column {
        title: "group",
        declared: |check| check.group().is_some(),
        cell: |check| or_dash(check.group()),
    },
    Column {
        title: "depends on",
        declared: |check| check.depends_on().next().is_some(),
        cell: |check| or_dash(dependencies(check).as_deref()),
    },
    Column {
        title: "enabled",
        declared: |check| !check.is_enabled(),
        cell: |check| yes_or_no(check.is_enabled()),
    },
    Column { title: "kind", declared: always, cell: |check| check.kind().to_owned() },
    Column { title: "location", declared: always, cell: |check| check.location().to_string() },
    Column {
        title: "description",
        declared: |check| check.description().is_some(),
        cell: |check| or_dash(check.description()),
    },
];

fn always(_: &Declaration) -> bool {
    true
}

/// The columns to show, each with its title first; every cell is one line.
pub(super) fn columns(declarations: &[Declaration]) -> Vec<(&'static str, Vec<String>)> {
    let column = |column: &Column| {
        let cells = declarations.iter().map(|check| one_line(&(column.cell)(check))).collect();
        declarations.iter().any(column.declared).then_some((column.title, cells))
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
