//! One line of bounded length.

use std::fmt;

/// The longest text that leaves, in bytes.
pub(crate) const LONGEST: usize = 1024;
/// How much is read before it is cut to [`LONGEST`]: a secret must not survive because its end was cut off.
pub(super) const READ: usize = 8 * LONGEST;

/// Control characters become spaces and the text is cut at [`LONGEST`] bytes.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(LONGEST));
    for character in text.chars() {
        if line.len() + character.len_utf8() > LONGEST - '…'.len_utf8() {
            line.push('…');
            break;
        }
        // Direction overrides and line separators would let a text rewrite the line it stands in.
        let harmless = !character.is_control()
            && !matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        line.push(if harmless { character } else { ' ' });
    }
    line
}

/// A string that stops growing instead of growing without limit.
pub(super) struct Capped(pub(super) String);

impl fmt::Write for Capped {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let room = READ - self.0.len();
        if more.len() <= room {
            self.0.push_str(more);
            return Ok(());
        }
        let cut = (0..=room).rev().find(|end| more.is_char_boundary(*end)).unwrap_or(0);
        self.0.push_str(more.get(..cut).unwrap_or_default());
        Err(fmt::Error)
    }
}
