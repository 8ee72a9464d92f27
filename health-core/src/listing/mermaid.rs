//! What depends on what, as a Mermaid flowchart.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::{self, Write as _};

use super::one_line;
use crate::Declaration;

/// Without colours, so that the drawing is legible on light and dark pages alike.
const LEGEND: &str = "    \
    %% Thick border: critical. Thin border: not critical. Dashed: disabled. Dotted: not declared in this binary.
    classDef critical stroke-width:3px
    classDef optional stroke-width:1px
    classDef disabled stroke-dasharray:8
    classDef missing stroke-dasharray:2
";

pub(super) fn write(declarations: &[Declaration], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("flowchart TD\n")?;
    if declarations.is_empty() {
        return f.write_str("    nothing[\"no checks are declared\"]\n");
    }
    let mut groups: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
    for (index, check) in declarations.iter().enumerate() {
        groups.entry(check.group()).or_default().push(index);
    }
    for (number, (group, members)) in groups.iter().enumerate() {
        if let Some(group) = group {
            writeln!(f, "    subgraph group{number}[\"{}\"]", label(group))?;
        }
        for index in members {
            if let Some(check) = declarations.get(*index) {
                writeln!(f, "    check{index}[\"{}\"]:::{}", label(check.name()), class(check))?;
            }
        }
        if group.is_some() {
            f.write_str("    end\n")?;
        }
    }
    write_edges(declarations, f)?;
    f.write_str(LEGEND)
}

fn write_edges(declarations: &[Declaration], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let known = Known::new(declarations);
    let mut missing: HashMap<&str, usize> = HashMap::new();
    for (from, check) in declarations.iter().enumerate() {
        for name in check.depends_on().collect::<BTreeSet<_>>() {
            let targets = known.named(name);
            for to in &targets {
                writeln!(f, "    check{from} --> check{to}")?;
            }
            if targets.is_empty() {
                // Handed to the builder by hand, perhaps, or mistyped: `build()` will know.
                let next = missing.len();
                let number = *missing.entry(name).or_insert(next);
                writeln!(f, "    check{from} --> missing{number}[\"{}\"]:::missing", label(name))?;
            }
        }
    }
    Ok(())
}

/// The checks by name.
struct Known<'a> {
    names: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Known<'a> {
    fn new(declarations: &'a [Declaration]) -> Self {
        let mut names: HashMap<_, Vec<_>> = HashMap::new();
        for (index, check) in declarations.iter().enumerate() {
            names.entry(check.name()).or_default().push(index);
        }
        Self { names }
    }

    /// The checks of that name; for a name that only a map of checks can have, that map.
    fn named(&self, name: &str) -> Vec<usize> {
        let any = || self.names.get(format!("{}/*", name.rsplit_once('/')?.0).as_str());
        self.names.get(name).or_else(any).cloned().unwrap_or_default()
    }
}

fn class(check: &Declaration) -> &'static str {
    match (check.is_enabled(), check.is_critical() && !check.probes().is_empty()) {
        (false, _) => "disabled",
        (true, true) => "critical",
        (true, false) => "optional",
    }
}

/// Text inside a quoted label. Mermaid reads comments, styles, links and markup even there, so all but the plainest
/// characters are written as their numbers.
fn label(text: &str) -> String {
    if text.trim().is_empty() {
        // Mermaid refuses a label without anything in it, and this name is for `build()` to complain about.
        return "#160;".into();
    }
    let mut label = String::new();
    for character in one_line(text).chars() {
        if character.is_alphanumeric() || matches!(character, ' ' | '-' | '_' | '/') {
            label.push(character);
        } else {
            // Writing to a string cannot fail.
            let _ = write!(label, "#{};", u32::from(character));
        }
    }
    label
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn a_label_is_never_empty_and_ends_nothing() {
        assert_eq!(label(""), "#160;");
        assert_eq!(label("a/b-c_d é"), "a/b-c_d é");
        assert_eq!(label("\"]\n%%x"), "#34;#93; #37;#37;x");
    }
}
