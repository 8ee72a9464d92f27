//! The one place where something private, or written by somebody else, becomes text.

mod addresses;
mod data;
mod headers;
mod line;
mod names;
mod pairs;
mod shapes;
#[cfg(test)]
mod tests;
mod values;

use std::borrow::Cow;
use std::error::Error;
use std::fmt::Write as _;

pub(crate) use data::Room;
use line::{Capped, LONGEST, Line, cut, one_line};

/// How many causes of causes are followed.
const CHAIN: usize = 16;

/// An error with everything it says it was caused by, as one redacted, capped line.
///
/// Runs the error's own `Display`, which may panic: callers contain it.
pub(crate) fn cause(error: &(dyn Error + 'static)) -> String {
    let mut raw = Capped(String::new());
    let mut next = Some(error);
    let mut last = String::new();
    for _ in 0..CHAIN {
        let Some(error) = next else { break };
        let mut own = Capped(String::new());
        // A writer that is full stops the formatting; what was written until then counts.
        let _ = write!(own, "{error}");
        // Many errors already end with the text of their source; saying it twice helps nobody.
        if !last.ends_with(&own.0) {
            let separator = if raw.0.is_empty() { "" } else { ": " };
            let _ = write!(raw, "{separator}{}", own.0);
        }
        last = own.0;
        next = error.source();
    }
    text(&raw.0)
}

/// Text that somebody wrote at run time: redacted, one line, capped.
pub(crate) fn text(raw: &str) -> String {
    // Hiding one secret can show another, and a cut can change what a word means: what leaves has nothing left to hide.
    const ROUNDS: usize = 8;
    let mut line = one_line(raw);
    for _ in 0..ROUNDS {
        let (hidden, is_whole) = match hide(&line) {
            Some(hidden) => cut(hidden),
            None if line.len() <= LONGEST => return line,
            None => cut(std::mem::take(&mut line)),
        };
        if is_whole && hidden == line {
            return line;
        }
        line = hidden;
    }
    HIDDEN.into()
}

/// A text of our own with words of others that are redacted already: one line, cut.
#[cfg(all(feature = "systemd", unix))]
pub(crate) fn bounded(text: &str) -> String {
    cut(one_line(text)).0
}

/// A text of our own with words of somebody else in it: redacted, and neither cut nor made one line.
pub(crate) fn whole(text: String) -> String {
    hide(&text).unwrap_or(text)
}

/// The line with [`HIDDEN`] in place of every secret, if there is one.
fn hide(line: &str) -> Option<String> {
    let mut secrets = Vec::new();
    addresses::find(Line(line), &mut secrets);
    pairs::find(Line(line), &mut secrets);
    shapes::find(Line(line), &mut secrets);
    secrets.retain(|secret| !secret.is_empty());
    secrets.sort_unstable_by_key(|secret| secret.start);
    let (mut hidden, mut kept) = (String::with_capacity(line.len()), 0);
    for secret in &secrets {
        // What overlaps or touches is one secret.
        if secret.start > kept || hidden.is_empty() {
            hidden.push_str(line.get(kept..secret.start).unwrap_or_default());
            hidden.push_str(HIDDEN);
        }
        kept = kept.max(secret.end);
    }
    hidden.push_str(line.get(kept..).unwrap_or_default());
    (!secrets.is_empty()).then_some(hidden)
}

/// A summary its author wrote. A literal in the program carries no secret of this process, so it is only cut.
pub(crate) fn summary(summary: Cow<'static, str>) -> Cow<'static, str> {
    match summary {
        Cow::Borrowed(literal) if literal.len() <= LONGEST && literal.chars().all(line::is_harmless) => {
            literal.into()
        }
        Cow::Borrowed(literal) => cut(one_line(literal)).0.into(),
        Cow::Owned(written) => text(&written).into(),
    }
}

/// What stands where a secret was.
pub(crate) const HIDDEN: &str = "***";
