//! Aligned columns, for people.

use std::fmt;

use super::NOTHING;
use super::columns::columns;
use crate::Declaration;

pub(super) fn write(declarations: &[Declaration], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if declarations.is_empty() {
        return writeln!(f, "{NOTHING}");
    }
    let columns: Vec<_> = columns(declarations)
        .into_iter()
        .map(|(title, cells)| {
            let width = cells.iter().map(|cell| cell.chars().count()).chain([title.len()]).max().unwrap_or(0);
            (title.to_uppercase(), cells, width)
        })
        .collect();
    write_row(f, columns.iter().map(|(title, _, width)| format!("{title:width$}")))?;
    for row in 0..declarations.len() {
        let cell = |cells: &[String], width| format!("{:width$}", cells.get(row).map_or("", String::as_str));
        write_row(f, columns.iter().map(|(_, cells, width)| cell(cells, *width)))?;
    }
    let count = declarations.len();
    let are = if count == 1 { "check is" } else { "checks are" };
    writeln!(f, "\n{count} {are} declared.")
}

/// One row, without spaces at its end.
fn write_row(f: &mut fmt::Formatter<'_>, cells: impl Iterator<Item = String>) -> fmt::Result {
    writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())
}
