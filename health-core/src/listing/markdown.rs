//! The table as Markdown (GitHub's, as most renderers read it).

use std::fmt::{self, Write as _};

use super::NOTHING;
use super::columns::columns;
use crate::Declaration;

pub(super) fn write(declarations: &[Declaration], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if declarations.is_empty() {
        return writeln!(f, "{NOTHING}");
    }
    let columns = columns(declarations);
    write_row(f, columns.iter().map(|(title, _)| (*title).to_owned()))?;
    write_row(f, columns.iter().map(|_| "---".to_owned()))?;
    for row in 0..declarations.len() {
        write_row(f, columns.iter().map(|(_, cells)| literal(cells.get(row).map_or("", String::as_str))))?;
    }
    Ok(())
}

fn write_row(f: &mut fmt::Formatter<'_>, cells: impl Iterator<Item = String>) -> fmt::Result {
    f.write_char('|')?;
    for cell in cells {
        write!(f, " {cell} |")?;
    }
    f.write_char('\n')
}

/// Text that is shown as it was written: nothing in it ends the cell, or becomes a link, emphasis or markup.
fn literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '$') {
            literal.push('\\');
        }
        literal.push(character);
    }
    literal
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn what_is_already_escaped_stays_literal() {
        assert_eq!(literal(r"a \| b"), r"a \\\| b");
        assert_eq!(literal("`SELECT 1` | <b>"), r"\`SELECT 1\` \| \<b\>");
    }
}
