//! Foreign text inside a rule file: names inside queries, descriptions inside labels.

use std::fmt::Write as _;

use super::super::{is_harmless, one_line};

/// The longest description that becomes a label, in bytes: what stores series does not take everything.
const LONGEST: usize = 1024;

/// A double-quoted string, as both YAML and PromQL read it.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            _ if is_printable(character) => quoted.push(character),
            _ => {
                // Writing to a string cannot fail.
                let _ = write!(quoted, "\\U{:08X}", u32::from(character));
            }
        }
    }
    quoted.push('"');
    quoted
}

/// What may stand in YAML as it is. A byte order mark may not, nor the two that are no characters.
fn is_printable(character: char) -> bool {
    is_harmless(character) && !matches!(character, '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// A description as the value of a label: one line, not too long.
pub(super) fn label(description: &str) -> String {
    let mut line = one_line(description);
    if line.len() > LONGEST {
        let mut end = LONGEST - '…'.len_utf8();
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        line.truncate(end);
        line.push('…');
    }
    quoted(&line)
}

/// A regular expression for the checks of these declared names, quoted. A map of checks, `billing/shards/*`, stands
/// for everything directly below it.
pub(super) fn any_of(declared: &[&str]) -> String {
    let patterns: Vec<_> = declared.iter().map(|name| pattern(name)).collect();
    quoted(&patterns.join("|"))
}

fn pattern(declared: &str) -> String {
    let (literal, rest) = declared.strip_suffix("/*").map_or((declared, ""), |map| (map, "/[^/]+"));
    let mut pattern = String::with_capacity(declared.len() + rest.len());
    for character in literal.chars() {
        if character.is_ascii_punctuation() && !matches!(character, '-' | '_' | '/') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_matched_as_it_is_written() {
        assert_eq!(any_of(&["db", "billing/shards/*", "a-b_c"]), r#""db|billing/shards/[^/]+|a-b_c""#);
        assert_eq!(any_of(&["a.b|c", "é\"\\"]), r#""a\\.b\\|c|é\\\"\\\\""#);
    }

    #[test]
    fn what_yaml_would_not_take_is_written_as_a_number() {
        assert_eq!(quoted("a\n\u{7f}\u{85}\u{feff}é😀"), r#""a\U0000000A\U0000007F\U00000085\U0000FEFFé😀""#);
    }

    #[test]
    fn a_long_description_is_cut() {
        let cut = label(&"é".repeat(1000));
        assert_eq!(cut.len(), 2 + 1023);
        assert!(cut.ends_with("é…\""), "{cut}");
        let short = "x".repeat(1024);
        assert_eq!(label(&short), format!("\"{short}\""));
    }
}
