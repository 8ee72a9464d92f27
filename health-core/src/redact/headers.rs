//! What stands in the headers of a request: `Authorization`, `Cookie`, and credentials after the name of a scheme.

use std::ops::Range;

use super::line::Line;
use super::names;
use super::pairs::is_opaque;
use super::values::{Sign, bare, closed, is_quote, opened};

pub(super) fn is_authorization(name: &str) -> bool {
    name.len() >= 13
        && name.get(name.len() - 13..).is_some_and(|end| end.eq_ignore_ascii_case("authorization"))
}

pub(super) fn is_cookie(name: &str) -> bool {
    ["cookie", "set-cookie", "cookie2", "set_cookie"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Schemes whose name may be shown; of an unknown one it is not known that it is a name.
const SCHEMES: &[&str] = &[
    "apikey",
    "aws",
    "aws4-hmac-sha256",
    "basic",
    "bearer",
    "digest",
    "dpop",
    "hawk",
    "hmac",
    "jwt",
    "mac",
    "negotiate",
    "ntlm",
    "oauth",
    "scram-sha-1",
    "scram-sha-256",
    "sharedkey",
    "sharedkeylite",
    "ssws",
    "token",
];

/// The value of an `Authorization` header that begins there, but for the name of its scheme.
pub(super) fn authorization(line: Line<'_>, value: usize) -> Option<Range<usize>> {
    let quoted = opened(line, value);
    let content = quoted.map_or(value, |(content, _)| content);
    let end_of_scheme =
        line.skip(content, |byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    let scheme = line.part(content..end_of_scheme);
    let is_known =
        SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme)) && line.at(end_of_scheme) == b' ';
    let secret = if is_known { line.skip_spaces(end_of_scheme) } else { content };
    let end = match quoted {
        Some((content, quote)) => closed(line, content, quote),
        None => parameters(line, secret),
    };
    let text = line.part(secret..end);
    // What was hidden already has no parameters.
    let is_hidden =
        quoted.is_none() && names::is_nothing(line.part(secret..bare(line, secret, Sign::Equals)));
    if is_hidden || names::is_nothing(text) || quoted.is_none() && names::explains(text) {
        return None;
    }
    // An unknown scheme: two words are the secret.
    let is_scheme = !is_known
        && quoted.is_none()
        && names::is_prose(scheme)
        && scheme.starts_with(|c: char| c.is_uppercase());
    let end = if is_scheme && end == end_of_scheme { parameters(line, line.skip_spaces(end)) } else { end };
    Some(secret..end)
}

/// A token, or `name=value` and more of them after commas.
fn parameters(line: Line<'_>, start: usize) -> usize {
    let mut end = start;
    loop {
        let sign = line.skip(end, |byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        end = match opened(line, sign + 1) {
            Some((content, quote)) if sign > end && line.at(sign) == b'=' => {
                line.skip(closed(line, content, quote), |byte| byte == b'\\') + 1
            }
            _ => bare(line, end, Sign::Equals),
        };
        let next = line.skip_spaces(end + 1);
        let sign = line.skip(next, |byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        if line.at(end) != b',' || sign == next || line.at(sign) != b'=' {
            return end.min(line.len());
        }
        end = next;
    }
}

/// The value of a `Cookie` or `Set-Cookie` header that begins there.
pub(super) fn cookie(line: Line<'_>, value: usize) -> Option<Range<usize>> {
    if let Some((content, quote)) = opened(line, value) {
        return Some(content..closed(line, content, quote));
    }
    let mut end = bare(line, value, Sign::Equals);
    let first = line.part(value..end);
    if !first.contains('=') && names::explains(first) {
        return None;
    }
    while line.at(end) == b';' && line.skip_spaces(end + 1) < line.len() {
        end = bare(line, line.skip_spaces(end + 1), Sign::Equals);
    }
    Some(value..end)
}

/// What follows the name of a scheme wherever it stands: `Bearer 0a1b…`, but not `basic health check`.
pub(super) fn after_scheme(line: Line<'_>, word: Range<usize>) -> Option<Range<usize>> {
    let scheme = line.part(word.clone());
    let escape = usize::from(line.before(word.start) == b'\\');
    let scheme = scheme.get(escape..).unwrap_or_default();
    let is_login =
        ["plain", "login", "xoauth2", "oauthbearer"].iter().any(|known| known.eq_ignore_ascii_case(scheme))
            && word.start.checked_sub(5).is_some_and(|before| line.says(before, "auth "));
    let is_scheme = is_login
        || ["bearer", "basic", "negotiate", "ntlm", "ssws"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(scheme));
    let gap = line.skip(word.end, |byte| byte == b' ' || byte == b'+');
    // A space as it is written in an address.
    let start = if gap == word.end && line.says(gap, "%20") { gap + 3 } else { gap };
    if !is_scheme || start == word.end {
        return None;
    }
    let end = bare(line, start, Sign::Equals);
    let secret = line.part(start..end);
    // `WWW-Authenticate: Bearer realm="x"` asks for a secret and is none; `abc==` is one.
    let is_challenge = secret.split_once('=').is_some_and(|(_, rest)| !rest.trim_end_matches('=').is_empty());
    let is_secret =
        is_opaque(secret) || secret.len() >= 6 && !names::is_prose(secret) && !names::explains(secret);
    (is_secret && !is_challenge && !is_quote(line.at(start))).then_some(start..end)
}
