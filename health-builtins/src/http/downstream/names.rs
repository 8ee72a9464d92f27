//! Names that come from another process.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::said::Word;

/// The longest name that is shown, in bytes.
const LONGEST: usize = 80;
/// How many names are shown, whatever they are of.
const MOST: usize = 10;

/// The checks of another service that are not well.
///
/// A name that is too long, or that is not one line of printable text, is counted and not shown. Nothing is cut or
/// replaced: half of a secret has no shape any more by which it would be found.
#[derive(Debug, Default)]
pub(super) struct Names {
    shown: BTreeMap<String, Word>,
    hidden: BTreeMap<Word, usize>,
}

impl Names {
    /// One of several of the same name is as bad as the worst of them.
    pub(super) fn add(&mut self, name: &str, word: Word) {
        if word == Word::Well {
            return;
        }
        if !can_be_shown(name) {
            *self.hidden.entry(word).or_default() += 1;
        } else if let Some(known) = self.shown.get_mut(name) {
            *known = word.max(*known);
        } else {
            self.shown.insert(name.to_owned(), word);
        }
    }

    pub(super) fn are_none(&self) -> bool {
        self.shown.is_empty() && self.hidden.is_empty()
    }

    /// Whether all of them are among these, and one of them is as bad as this.
    pub(super) fn explain(&self, whole: Word, these: &[String]) -> bool {
        let is_in = |name: &String| these.contains(name);
        let worst = self.shown.values().max();
        worst.is_some_and(|worst| *worst >= whole) && self.hidden.is_empty() && self.shown.keys().all(is_in)
    }

    /// `; failing: db, queue; degraded: cache`, with as many names as are shown. Nothing if there are none.
    pub(super) fn written(&self, waiting_for: &[String]) -> String {
        let mut text = String::new();
        let mut room = MOST;
        let labels = [
            (Word::Failing, "failing"),
            (Word::Foreign, "not understood"),
            (Word::Unknown, "unknown"),
            (Word::Degraded, "degraded"),
        ];
        for (word, label) in labels {
            let names = self.shown.iter().filter(|(_, own)| **own == word).map(|(name, _)| &**name);
            let hidden = self.hidden.get(&word).copied().unwrap_or(0);
            write_list(&mut text, label, &names.collect::<Vec<_>>(), hidden, &mut room);
        }
        let (shown, hidden): (Vec<&str>, Vec<&str>) =
            waiting_for.iter().map(|name| &**name).partition(|name| can_be_shown(name));
        write_list(&mut text, "waiting for", &shown, hidden.len(), &mut room);
        text
    }
}

fn write_list(text: &mut String, label: &str, names: &[&str], hidden: usize, room: &mut usize) {
    let shown = names.get(..*room).unwrap_or(names);
    *room -= shown.len();
    let more = names.len() - shown.len() + hidden;
    // A string takes whatever is written.
    let _ = match (shown.is_empty(), more) {
        (true, 0) => Ok(()),
        (true, more) => write!(text, "; {label}: {more} more"),
        (false, 0) => write!(text, "; {label}: {}", shown.join(", ")),
        (false, more) => write!(text, "; {label}: {} and {more} more", shown.join(", ")),
    };
}

/// Direction overrides and line separators would let a name rewrite the line it stands in.
fn can_be_shown(name: &str) -> bool {
    let is_invisible = |character: char| {
        matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
            || character == '\u{feff}'
    };
    let is_printable = |character: char| !character.is_control() && !is_invisible(character);
    !name.trim().is_empty() && name.len() <= LONGEST && name.chars().all(is_printable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_shown_is_counted() {
        let mut names = Names::default();
        for odd in ["", " ", "a\nb", "\u{1b}[2J", "a\u{202e}b", &"x".repeat(LONGEST + 1)] {
            names.add(odd, Word::Failing);
        }
        assert_eq!(names.written(&[]), "; failing: 6 more");
        names.add("Database connections", Word::Failing);
        names.add("fine", Word::Well);
        assert_eq!(names.written(&[]), "; failing: Database connections and 6 more");
    }

    #[test]
    fn ten_are_shown_and_the_worst_of_them_first() {
        let mut names = Names::default();
        for number in 0..8 {
            names.add(&format!("d{number}"), Word::Degraded);
            names.add(&format!("f{number}"), Word::Failing);
        }
        names.add("d0", Word::Failing);
        let expected =
            "; failing: d0, f0, f1, f2, f3, f4, f5, f6, f7; degraded: d1 and 6 more; waiting for: 1 more";
        assert_eq!(names.written(&["gate:schema".to_owned()]), expected);
    }
}
