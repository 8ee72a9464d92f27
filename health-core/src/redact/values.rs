//! Where a value ends, in every notation in which one is written.

use std::ops::Range;

use super::line::Line;
use super::names;

/// How a value is joined to its name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// `name=value`
    Equals,
    /// `name: value`, which may as well be a sentence.
    Colon,
    /// `"name":"value"` and everything else that is no sentence.
    Tight,
    /// `?name=value&`
    Query,
    /// `<name>value</name>`
    Tag,
    /// `name=value` as the value of a parameter.
    Encoded,
}

/// A value: where it stands, and whether something says that it is one, so that no word of it is a sentence.
pub(super) struct Found {
    pub(super) span: Range<usize>,
    pub(super) is_quoted: bool,
}

/// The value that begins there.
pub(super) fn value(line: Line<'_>, start: usize, sign: Sign) -> Found {
    if sign == Sign::Tag {
        return Found { span: start..line.skip(start, |byte| byte != b'<'), is_quoted: true };
    }
    let start = unwrapped(line, start);
    let prefix =
        usize::from(matches!(line.at(start), b'b' | b'r' | b'u' | b'@') && is_quote(line.at(start + 1)));
    if let Some((content, level)) = opened(line, start + prefix) {
        let end = closed(line, content, level);
        return Found { span: content..end, is_quoted: true };
    }
    if sign == Sign::Equals && line.at(start) == b'{' {
        return Found { span: start..braced(line, start), is_quoted: true };
    }
    if let Some(end) = group(line, start) {
        return Found { span: start..end, is_quoted: true };
    }
    let end = bare(line, start, sign);
    // `password: Password { inner: "x" }`
    let is_type = line.at(start).is_ascii_uppercase()
        && line.part(start..end).bytes().all(|b| b.is_ascii_alphanumeric());
    let braces = line.skip_spaces(end);
    match is_type.then_some(braces).filter(|braces| line.at(*braces) == b'{') {
        Some(braces) => Found { span: start..group(line, braces).unwrap_or(end), is_quoted: true },
        None => Found { span: start..end, is_quoted: false },
    }
}

pub(super) fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}

/// How a quote was opened: with which sign, after how many backslashes. A text inside a text has more of them.
#[derive(Clone, Copy)]
pub(super) struct Quote {
    sign: u8,
    backslashes: usize,
}

/// Where the content begins, if a quote is opened there.
pub(super) fn opened(line: Line<'_>, start: usize) -> Option<(usize, Quote)> {
    let sign = line.skip(start, |byte| byte == b'\\');
    let quote = Quote { sign: line.at(sign), backslashes: sign - start };
    is_quote(quote.sign).then_some((sign + 1, quote))
}

/// Where the content ends. What is never closed lasts to the end of the line.
pub(super) fn closed(line: Line<'_>, content: usize, quote: Quote) -> usize {
    let mut index = content;
    while index < line.len() {
        let sign = line.skip(index, |byte| byte == b'\\');
        let backslashes = sign - index;
        if line.at(sign) != quote.sign {
            index = sign + 1;
            continue;
        }
        let is_own = if quote.sign == b'"' || quote.backslashes > 0 {
            backslashes % (2 * (quote.backslashes + 1)) == quote.backslashes
        } else {
            // JSON around it doubles the backslashes and leaves this quote as it is: any of them may be its own.
            backslashes == 0
        };
        let is_outer = backslashes < quote.backslashes;
        // A quote inside the value is doubled, or somebody forgot to.
        if (is_own || is_outer) && line.ends_at(sign + 1) && !is_doubled(line, sign, content) {
            return sign - backslashes.min(quote.backslashes);
        }
        let doubled = line.at(sign + 1) == quote.sign && (is_own || is_outer);
        index = sign + 1 + usize::from(doubled);
    }
    line.len()
}

/// `''` inside `'it''s'`; an empty value and one that is followed by another quote are none.
fn is_doubled(line: Line<'_>, sign: usize, content: usize) -> bool {
    line.at(sign + 1) == line.at(sign) && sign > content && !line.ends_at(sign + 2)
}

/// Past `Some(`, `Secret(String(` and the like.
fn unwrapped(line: Line<'_>, start: usize) -> usize {
    let mut start = start;
    for _ in 0..4 {
        let end = line.skip(start, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':'));
        let inside = line.skip_spaces(end + 1);
        let name = line.part(start..end);
        let is_known =
            WRAPPERS.iter().any(|wrapper| name.ends_with(wrapper)) || opened(line, inside).is_some();
        if line.at(end) != b'(' || !line.at(start).is_ascii_uppercase() || !is_known {
            break;
        }
        start = inside;
    }
    start
}

const WRAPPERS: &[&str] = &[
    "Some",
    "Ok",
    "Secret",
    "String",
    "Password",
    "Token",
    "Key",
    "Borrowed",
    "Owned",
    "Zeroizing",
    "Value",
    "Box",
];

/// `{a;b}` as ODBC writes it, where `}}` is a brace.
fn braced(line: Line<'_>, start: usize) -> usize {
    let mut index = start + 1;
    while index < line.len() {
        if line.at(index) == b'}' {
            if line.at(index + 1) != b'}' {
                return index + 1;
            }
            index += 1;
        }
        index += 1;
    }
    line.len()
}

/// A list or a table with everything in it; `None` where a sentence only mentions a bracket.
fn group(line: Line<'_>, start: usize) -> Option<usize> {
    let first = line.skip_spaces(start + 1);
    let is_opened = matches!(line.at(start), b'{' | b'[' | b'(');
    let is_filled = line.at(first).is_ascii_alphanumeric()
        || matches!(line.at(first), b'{' | b'[' | b'(' | b'_' | 0x80..);
    if !is_opened || !is_filled && opened(line, first).is_none() {
        return None;
    }
    let (mut index, mut depth) = (start, 0_usize);
    while index < line.len() {
        match line.at(index) {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            b'\\' | b'"' => {
                index = match opened(line, index) {
                    Some((content, quote)) => line.skip(closed(line, content, quote), |byte| byte == b'\\'),
                    None => line.skip(index, |byte| byte == b'\\') - 1,
                };
            }
            _ => {}
        }
        index += 1;
        if depth == 0 {
            return Some(index);
        }
    }
    Some(line.len())
}

/// A value without quotes: up to a space, or to what separates it from the next one. Passwords contain separators, so
/// one counts only when something follows that has a name of its own.
pub(super) fn bare(line: Line<'_>, start: usize, sign: Sign) -> usize {
    let mut index = start;
    while index < line.len() {
        let next = index + 1;
        let ends = match line.at(index) {
            b' ' => true,
            b'&' if matches!(sign, Sign::Query | Sign::Encoded) => true,
            b'%' => sign == Sign::Encoded && line.says(next, "26"),
            b':' => matches!(line.at(next), 0 | b' ') && index > start,
            b',' | b';' | b'&' | b'|' => {
                matches!(line.at(next), 0 | b' ') || is_named(line, next, line.at(index))
            }
            b'\\' => {
                is_quote(line.at(next)) && line.ends_at(next + 1)
                    || matches!(line.at(next), b'n' | b'r' | b't') && is_named(line, next + 1, b'\\')
            }
            b')' | b'}' | b']' | b'>' | b'"' | b'\'' | b'`' => line.ends_at(next) && index > start,
            _ => false,
        };
        if ends {
            break;
        }
        index += 1;
    }
    index
}

/// Whether `name=` or `name:` stands there. After a semicolon a name may have spaces: `;User ID=app`.
pub(super) fn is_named(line: Line<'_>, start: usize, separator: u8) -> bool {
    const LONGEST: usize = 40;
    let quote = opened(line, start).map_or(start, |(content, _)| content);
    let may_have_spaces = separator == b';' && line.at(quote).is_ascii_uppercase();
    let is_of_name = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') || byte == b' ' && may_have_spaces
    };
    let mut end = quote;
    while end < quote + LONGEST && is_of_name(line.at(end)) {
        end += 1;
    }
    let sign = line.skip_spaces(line.skip(end, |byte| byte == b'\\' || is_quote(byte)));
    end > quote && matches!(line.at(sign), b'=' | b':')
}

/// Whether it is no secret at all: nothing, or the beginning of a sentence.
pub(super) fn is_spared(line: Line<'_>, found: &Found, name: &str, sign: Sign) -> bool {
    let value = line.part(found.span.clone());
    let is_count = names::is_plural(name) && value.bytes().all(|byte| byte.is_ascii_digit());
    let is_sentence = sign == Sign::Colon && !found.is_quoted && names::explains(value);
    names::is_nothing(value) || is_count || is_sentence
}
