//! One line of bounded length, and reading it byte by byte.

use std::fmt;
use std::ops::Range;

/// The longest text that leaves, in bytes.
pub(super) const LONGEST: usize = 1024;
/// How much is read before it is cut to [`LONGEST`]: a secret must not survive because its end was cut off.
pub(super) const READ: usize = 8 * LONGEST;

/// The beginning of a text, with spaces in place of control characters.
///
/// Of a text that is longer than what is read, the word that would be cut in two goes: half of a secret has no shape.
pub(super) fn one_line(raw: &str) -> String {
    let readable = up_to(raw, READ);
    let kept = if readable.len() < raw.len() {
        let words = up_to(readable, READ - LONGEST).len();
        let last = readable.rfind(char::is_whitespace).unwrap_or(0);
        up_to(readable, last.max(words))
    } else {
        readable
    };
    let mut line = String::with_capacity(kept.len());
    line.extend(kept.chars().map(|character| if is_harmless(character) { character } else { ' ' }));
    if kept.len() < raw.len() {
        line.push(CUT);
    }
    line
}

/// Direction overrides and line separators would let a text rewrite the line it stands in, as control characters do.
pub(super) fn is_harmless(character: char) -> bool {
    !character.is_control()
        && !matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The mark of a cut.
const CUT: char = '…';

/// At most [`LONGEST`] bytes of it, and whether that is all of it.
pub(super) fn cut(mut line: String) -> (String, bool) {
    if line.len() <= LONGEST {
        return (line, true);
    }
    line.truncate(up_to(&line, LONGEST - CUT.len_utf8()).len());
    line.push(CUT);
    (line, false)
}

fn up_to(text: &str, end: usize) -> &str {
    (0..=end.min(text.len())).rev().find_map(|end| text.get(..end)).unwrap_or_default()
}

/// A line as bytes: beyond both of its ends stand zeros, which no line contains.
#[derive(Clone, Copy)]
pub(super) struct Line<'a>(pub(super) &'a str);

impl<'a> Line<'a> {
    pub(super) fn len(self) -> usize {
        self.0.len()
    }

    pub(super) fn at(self, index: usize) -> u8 {
        self.0.as_bytes().get(index).copied().unwrap_or(0)
    }

    pub(super) fn before(self, index: usize) -> u8 {
        index.checked_sub(1).map_or(0, |before| self.at(before))
    }

    /// Empty where the range cuts a character in two.
    pub(super) fn part(self, range: Range<usize>) -> &'a str {
        self.0.get(range).unwrap_or_default()
    }

    /// Whether this ASCII text stands there, in upper or lower case.
    pub(super) fn says(self, index: usize, text: &str) -> bool {
        let there = self.0.as_bytes().get(index..index + text.len());
        there.is_some_and(|there| there.eq_ignore_ascii_case(text.as_bytes()))
    }

    /// The first index from there whose byte is none of these.
    pub(super) fn skip(self, from: usize, skipped: impl Fn(u8) -> bool) -> usize {
        let rest = self.0.as_bytes().get(from..).unwrap_or_default();
        from + rest.iter().position(|byte| !skipped(*byte)).unwrap_or(rest.len())
    }

    pub(super) fn skip_spaces(self, from: usize) -> usize {
        self.skip(from, |byte| byte == b' ')
    }

    /// Where the run of such bytes begins that ends there, as far back as names and users reach.
    pub(super) fn back(self, end: usize, in_run: impl Fn(u8) -> bool) -> usize {
        const FAR: usize = 256;
        let first = end.saturating_sub(FAR);
        let run = self.0.as_bytes().get(first..end).unwrap_or_default();
        first + run.iter().rposition(|byte| !in_run(*byte)).map_or(0, |last| last + 1)
    }

    /// The same line, ending there.
    pub(super) fn until(self, end: usize) -> Self {
        Self(up_to(self.0, end))
    }

    /// Whether a word can end there.
    pub(super) fn ends_at(self, index: usize) -> bool {
        matches!(self.at(index), 0 | b' ' | b',' | b';' | b':' | b'.' | b'&' | b'|' | b'?' | b'!')
            || self.closes_at(index)
            || self.0.get(index..).is_some_and(|rest| rest.starts_with(CUT))
    }

    pub(super) fn closes_at(self, index: usize) -> bool {
        matches!(self.at(index), b')' | b']' | b'}' | b'>' | b'<' | b'"' | b'\'' | b'`' | b'\\')
    }
}

/// A string that stops growing instead of growing without limit.
pub(super) struct Capped(pub(super) String);

impl fmt::Write for Capped {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        // One more than is read, so that the reader notices that something is missing.
        let room = (READ + 1).saturating_sub(self.0.len());
        if more.len() <= room {
            self.0.push_str(more);
            return Ok(());
        }
        // Whatever the size of the character that does not fit, a cut has to be noticed.
        self.0.push_str(up_to(more, room));
        self.0.push_str("    ");
        Err(fmt::Error)
    }
}
