//! Secrets that have a name: in connection strings, flags, JSON, markup, and what `Debug` prints.

use std::ops::Range;

use super::line::Line;
use super::values::{self, Found, Sign, is_named, opened};
use super::{headers, names};

/// Finds every value whose name says that it is secret.
pub(super) fn find(line: Line<'_>, secrets: &mut Vec<Range<usize>>) {
    let mut index = 0;
    while index < line.len() {
        let start = line.skip(index, |byte| !is_of_name(byte));
        let end = line.skip(start, is_of_name);
        let secret = secret(line, start, end).filter(|secret| !secret.is_empty());
        index = secret.as_ref().map_or(end + 1, |secret| secret.end.max(end));
        secrets.extend(secret);
    }
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

fn secret(line: Line<'_>, start: usize, end: usize) -> Option<Range<usize>> {
    if is_of_user(line, start, end) {
        return credentials(line, end);
    }
    if let Some(secret) = headers::after_scheme(line, start..end) {
        return Some(secret);
    }
    if let Some(secret) = attached(line, start) {
        return Some(secret);
    }
    let (name, end) = name(line, start, end);
    let Some((sign, value)) = sign(line, start, end) else { return unsigned(line, name, end) };
    let is_key = sign == Sign::Query && name.eq_ignore_ascii_case("key");
    let is_short = sign == Sign::Equals && is_short_flag(name);
    // What `docker login` and npm keep under it; others write the name of a method there.
    let is_auth = name.trim_start_matches('_').eq_ignore_ascii_case("auth");
    if !(is_key || is_short || is_auth || names::is_secret(name)) {
        return None;
    }
    if sign == Sign::Colon && names::is_of_error(name) {
        return None;
    }
    // A list of them is hidden like any other.
    let is_list = matches!(line.at(value), b'[' | b'(' | b'{');
    if headers::is_authorization(name) && !is_list {
        return headers::authorization(line, value);
    }
    if headers::is_cookie(name) && !is_list {
        return headers::cookie(line, value);
    }
    let found = values::value(line, value, sign);
    let is_spared =
        values::is_spared(line, &found, name, sign) || is_port_or_path(name, line.part(found.span.clone()));
    let is_method = is_auth && !is_opaque(line.part(found.span.clone()));
    (!is_spared && !is_method).then_some(found.span)
}

/// The name that ends there: without the escape before it, and with the word before it where it says nothing
/// alone: `API key`, `IDENTIFIED BY`.
fn name(line: Line<'_>, start: usize, end: usize) -> (&str, usize) {
    let escaped = match line.before(start) {
        b'\\' if matches!(line.at(start), b'n' | b'r' | b't') => start + 1,
        b'%' => start + 2,
        _ => start,
    };
    let name = line.part(escaped.min(end)..end);
    let is_second = ["key", "keys", "by"].iter().any(|second| name.eq_ignore_ascii_case(second));
    if !is_second || line.before(start) != b' ' {
        return (name, end);
    }
    let before = line.back(start - 1, is_of_name);
    // OpenAI and those who speak like it: `Incorrect API key provided: …`.
    let provided = " provided";
    let end_of_name = if line.says(end, provided) { end + provided.len() } else { end };
    (line.part(before..end), end_of_name)
}

/// How a value is joined to the name, and where it begins.
fn sign(line: Line<'_>, start: usize, end: usize) -> Option<(Sign, usize)> {
    let quoted = opened(line, end).map(|(after, _)| after);
    let after = quoted.unwrap_or(end);
    let after = line.skip_spaces(after + usize::from(line.at(after) == b']'));
    let is_tight = line.at(after + 1) != b' ';
    match line.at(after) {
        b'>' if line.before(start) == b'<' && is_closed_tag(line, start, end) => Some((Sign::Tag, after + 1)),
        b'%' => {
            let code = line.skip(after + 1, |byte| byte == b'2' || byte == b'5');
            let is_sign = (line.says(code, "3D") || line.says(code, "3A")) && !line.says(code, "3A%2F%2F");
            is_sign.then_some((Sign::Encoded, code + 2))
        }
        b'=' if matches!(line.before(start), b'?' | b'&') => Some((Sign::Query, after + 1)),
        b'=' => {
            let value = line.skip(after, |byte| matches!(byte, b'=' | b'>' | b'~'));
            // `password= user=app`: there is none.
            let next = line.skip_spaces(value);
            let is_empty = next > value && line.before(after) != b' ' && is_named(line, next, b' ');
            (!is_empty).then_some((Sign::Equals, next))
        }
        b':' if line.at(after + 1) == b':' => None,
        b':' if line.at(after + 1) == b'=' => Some((Sign::Equals, line.skip_spaces(after + 2))),
        b':' => {
            // YAML puts a text of several lines after a sign of its own.
            let value = line.skip(after + 1, |byte| byte == b' ');
            let block = line.skip(value, |byte| matches!(byte, b'|' | b'>' | b'-'));
            let value = if line.at(block) == b' ' { line.skip_spaces(block) } else { value };
            Some((if is_tight { Sign::Tight } else { Sign::Colon }, value))
        }
        // `("password", "x")` and `name: "password", value: "x"`.
        b',' => {
            let next = line.skip_spaces(after + 1);
            let word = opened(line, next).map_or(next, |(content, _)| content);
            if quoted.is_some() && line.says(word, "value") {
                let sign =
                    line.skip(word + 5, |byte| byte == b'\\' || byte == b' ' || values::is_quote(byte));
                return matches!(line.at(sign), b':' | b'=')
                    .then(|| (Sign::Tight, line.skip_spaces(sign + 1)));
            }
            let opening = line.back(start, |byte| byte == b'\\' || values::is_quote(byte));
            let is_tuple = quoted.is_some() && matches!(line.before(opening), b'(' | b'[') && word > next;
            is_tuple.then_some((Sign::Tight, next))
        }
        b'(' if after == end && opened(line, end + 1).is_some() => {
            (!names::is_complaint(line.part(start..end))).then_some((Sign::Tight, end + 1))
        }
        _ => None,
    }
}

/// `<name>value</name>`, and not `<NAME>` alone, which stands for a value.
fn is_closed_tag(line: Line<'_>, start: usize, end: usize) -> bool {
    const FAR: usize = 1024;
    let near = line.until(end + FAR);
    let next = near.skip(end, |byte| byte != b'<');
    line.at(next + 1) == b'/' && line.says(next + 2, line.part(start..end))
}

/// A value that only a space joins to its name: `--password x`, `PASSWORD 'x'`, `token 0a1b…`.
fn unsigned(line: Line<'_>, name: &str, end: usize) -> Option<Range<usize>> {
    let value = line.skip_spaces(end);
    let is_flag = name.starts_with("--") && names::is_secret(name);
    if value == end || line.at(value) == 0 || !(is_flag || is_short_flag(name) || names::is_secret(name)) {
        return None;
    }
    let is_flag = is_flag || is_short_flag(name);
    // What is no flag is more often a sentence, and a sentence is not looked through again for each of its words.
    let near = if is_flag { line } else { line.until(value + 256) };
    let found = values::value(near, value, Sign::Colon);
    let text = line.part(found.span.clone());
    if is_flag {
        let is_placeholder = matches!(line.at(value), b'-' | b'<' | b'[');
        let is_spared = values::is_spared(line, &found, name, Sign::Colon) || is_port_or_path(name, text);
        return (!is_placeholder && !is_spared).then_some(found.span);
    }
    let named = ["password", "passwd", "passphrase", "identified by"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known));
    let may_stand_alone = named || [" key", "key", "token"].iter().any(|end| says_at_end(name, end));
    // `sasl.password hunter2`, as Kafka complains of a setting; a word of a sentence has no dot in it.
    let is_setting = name.trim_end_matches('.').contains(['_', '.'])
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && !values::is_spared(line, &found, name, Sign::Colon)
        && !names::is_prose(text);
    let is_secret = if found.is_quoted && named { !names::is_nothing(text) } else { is_opaque(text) };
    (is_setting || may_stand_alone && is_secret).then_some(found.span)
}

fn says_at_end(name: &str, end: &str) -> bool {
    name.len() >= end.len()
        && name.get(name.len() - end.len()..).is_some_and(|it| it.eq_ignore_ascii_case(end))
}

/// Whether nobody would write it in a sentence.
pub(super) fn is_opaque(text: &str) -> bool {
    let is_of_key =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'+' | b'/' | b'=' | b'~');
    text.len() >= 16
        && text.bytes().all(is_of_key)
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// `-phunter2`, as the clients of MySQL take it: for every other program these are several flags.
fn attached(line: Line<'_>, start: usize) -> Option<Range<usize>> {
    let value = start + 2;
    let is_attached = line.part(start..value) == "-p" && !matches!(line.at(value), 0 | b' ' | b'=');
    if !is_attached || line.before(start) != b' ' {
        return None;
    }
    let command = line.back(start, |byte| !matches!(byte, b',' | b';' | b'|' | b'&'));
    let is_client = (command..start).any(|at| line.says(at, "mysql") || line.says(at, "mariadb"));
    is_client.then(|| values::value(line, value, Sign::Equals).span)
}

fn is_short_flag(name: &str) -> bool {
    matches!(name, "-p" | "-P")
}

/// `-p` is the password for some programs, and a port, a number or a path for others.
fn is_port_or_path(name: &str, value: &str) -> bool {
    let is_port = || value.bytes().all(|byte| byte.is_ascii_digit() || byte == b':' || byte == b'.');
    is_short_flag(name) && (is_port() || value.starts_with(['/', '.', '~', '-']) || names::explains(value))
}

/// `-u user:password`, as `curl` takes them.
fn is_of_user(line: Line<'_>, start: usize, end: usize) -> bool {
    matches!(line.part(start..end), "-u" | "--user" | "--proxy-user" | "-U")
        && matches!(line.at(end), b' ' | b'=')
}

fn credentials(line: Line<'_>, end: usize) -> Option<Range<usize>> {
    let Found { span, .. } =
        values::value(line, line.skip(end, |byte| byte == b' ' || byte == b'='), Sign::Equals);
    let colon = line.part(span.clone()).find(':')?;
    Some(span.start + colon + 1..span.end)
}
