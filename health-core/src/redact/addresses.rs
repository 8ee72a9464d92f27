//! Credentials in addresses: before the last `@`, because real passwords contain `@` and `/`.

use std::ops::Range;

use super::line::Line;
use super::pairs::is_opaque;
use super::values::{closed, is_quote, opened};

/// Finds what stands between the scheme or the user and the host.
pub(super) fn find(line: Line<'_>, secrets: &mut Vec<Range<usize>>) {
    let (mut index, mut word) = (0, Word::default());
    while index < line.len() {
        index = match line.at(index) {
            b':' | b'%' => match separator(line, index) {
                Some(separator) => with_scheme(line, index, separator, &mut word, secrets),
                None if line.at(index) == b':' => without_scheme(line, index, &mut word, secrets),
                None => index + 1,
            },
            b'@' => slashed(line, index, secrets),
            _ => index + 1,
        };
    }
}

/// How `://` is written there.
#[derive(Clone, Copy)]
struct Separator {
    end: usize,
    is_encoded: bool,
}

fn separator(line: Line<'_>, index: usize) -> Option<Separator> {
    if let Some(plain) = ["://", r":\/\/", r":\\/\\/"].iter().find(|written| line.says(index, written)) {
        return Some(Separator { end: index + plain.len(), is_encoded: false });
    }
    let end = encoded(line, encoded(line, encoded(line, index, "3A")?, "2F")?, "2F")?;
    Some(Separator { end, is_encoded: true })
}

/// `%40`, or `%2540` where it was encoded twice.
fn encoded(line: Line<'_>, index: usize, code: &str) -> Option<usize> {
    let twice = usize::from(line.says(index, "%25")) * 2;
    (line.at(index) == b'%' && line.says(index + 1 + twice, code)).then_some(index + 1 + twice + code.len())
}

fn is_of_scheme(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'.' | b'-')
}

/// An address that says its scheme; returns where to go on.
fn with_scheme(
    line: Line<'_>,
    colon: usize,
    separator: Separator,
    word: &mut Word,
    secrets: &mut Vec<Range<usize>>,
) -> usize {
    let scheme = Scheme(line.part(line.back(colon, is_of_scheme)..colon));
    let start = separator.end;
    let end = end(line, colon, separator, word);
    let region = Region { line, start, end, is_encoded: separator.is_encoded };
    let (user, password) = match region.colon() {
        Some(colon) => (start..colon.start, Some(colon.end)),
        None => (start..end, None),
    };
    let secret = match password {
        Some(password) if region.is_host(user, password, scheme) => None,
        Some(password) => Some(
            password
                ..region.last_at().unwrap_or_else(|| {
                    interrupted(line, line.skip(end, |byte| byte != b' ' && !is_quote(byte)))
                }),
        ),
        None => region.user(scheme),
    };
    // Where there is none, another address may stand in the path.
    let next = secret.as_ref().map_or(start, |secret| secret.end.max(start));
    secrets.extend(secret);
    next
}

/// Where an address ends: at the quote that was opened before it, else at a space, or where another one begins.
fn end(line: Line<'_>, colon: usize, separator: Separator, word: &mut Word) -> usize {
    let scheme = line.back(colon, is_of_scheme);
    let opening = line.back(scheme, |byte| byte == b'\\' || is_quote(byte));
    // No address is longer, and a line may be full of them.
    const LONGEST: usize = 2048;
    word.look_at(line, separator.end);
    let mut end = word.end.min(line.until(separator.end + LONGEST).len());
    if separator.is_encoded {
        end = line.until(end).skip(separator.end, |byte| byte != b'&');
    }
    if word.last_at > separator.end {
        let near = line.until(end);
        end = next_address(near, near.skip(separator.end, |byte| byte != b'@')).unwrap_or(end);
    }
    match opened(line, opening).filter(|_| opening < scheme) {
        Some((content, quote)) => closed(line.until(end), content, quote).max(separator.end),
        None => end,
    }
}

/// Where a list of addresses is separated from its next one.
fn next_address(line: Line<'_>, from: usize) -> Option<usize> {
    let mut index = from;
    while index < line.len() {
        index = line.skip(index, |byte| !matches!(byte, b',' | b';' | b'|'));
        if line.says(line.skip(index + 1, |byte| is_of_scheme(byte) || is_quote(byte)), "://") {
            return Some(index);
        }
        index += 1;
    }
    None
}

/// A password with a space in it, where no `@` came before that space.
fn interrupted(line: Line<'_>, end: usize) -> usize {
    const LONGEST: usize = 64;
    let rest = line.0.as_bytes().get(end..).unwrap_or_default();
    let near = rest.iter().take(LONGEST).position(|byte| *byte == b'@' || is_quote(*byte));
    match near {
        Some(at) if rest.get(at) == Some(&b'@') => end + at,
        _ => end,
    }
}

/// How an address begins.
#[derive(Clone, Copy)]
struct Scheme<'a>(&'a str);

impl Scheme<'_> {
    fn is_one_of(self, schemes: &[&str]) -> bool {
        let ends = |known: &&str| {
            self.0.len() >= known.len()
                && self.0.get(self.0.len() - known.len()..).is_some_and(|end| end.eq_ignore_ascii_case(known))
        };
        schemes.iter().any(ends)
    }

    /// Paths of these contain `@`.
    fn is_web(self) -> bool {
        self.is_one_of(&["http", "https", "ws", "wss", "grpc", "grpcs", "oci", "docker", "s3", "git", "npm"])
    }

    /// With these a user without a password authenticates nothing, or is a token.
    fn takes_tokens(self) -> bool {
        self.is_one_of(&["http", "https", "ws", "wss", "nats", "tls", "redis", "rediss"])
    }
}

/// What stands after the scheme.
#[derive(Clone, Copy)]
struct Region<'a> {
    line: Line<'a>,
    start: usize,
    end: usize,
    is_encoded: bool,
}

impl Region<'_> {
    /// The colon after the user or the host.
    fn colon(self) -> Option<Range<usize>> {
        let host = match self.line.at(self.start) {
            b'[' => self.line.skip(self.start, |byte| byte != b']'),
            _ => self.start,
        };
        (host..self.end).take_while(|at| !matches!(self.line.at(*at), b'/' | b'?' | b'#' | b'@')).find_map(
            |at| {
                let code = || encoded(self.line, at, "3A").filter(|_| self.is_encoded);
                let end = if self.line.at(at) == b':' { Some(at + 1) } else { code() };
                end.map(|end| at..end)
            },
        )
    }

    fn last_at(self) -> Option<usize> {
        (self.start..self.end).rev().find(|at| {
            self.line.at(*at) == b'@' || self.is_encoded && encoded(self.line, *at, "40").is_some()
        })
    }

    /// Whether a port stands there, and before it a host.
    fn is_host(self, host: Range<usize>, port: usize, scheme: Scheme<'_>) -> bool {
        let line = self.line;
        let after = line.skip(port, |byte| byte.is_ascii_digit());
        // IPv6 without its brackets, and a port that was to be filled in.
        let literal = line.skip(host.start, |byte| byte.is_ascii_hexdigit() || byte == b':');
        let colons = line.part(host.start..literal.min(host.start + 46)).matches(':').count();
        let is_ipv6 = (3..9).contains(&colons) && matches!(line.at(literal), 0 | b'/' | b' ' | b')');
        let is_template = || matches!(line.at(port), b'{' | b'$' | b'<') && self.last_at().is_none();
        if is_ipv6 || is_template() {
            return true;
        }
        if after == port || after - port > 5 {
            return false;
        }
        let Some(last_at) = self.last_at() else {
            return after >= self.end
                || line.ends_at(after)
                || matches!(line.at(after), b'/' | b'#' | b'%' | b'=');
        };
        // `h:5432/name?password=p@ss`: the `@` belongs to something that has a name.
        let path = line.skip(after, |b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-' | b'.'));
        after < last_at
            && (matches!(line.at(after), b';' | b'?')
                || line.at(after) == b'/' && (scheme.is_web() || line.at(path) == b'?'))
    }

    /// The user, where there is no password and it looks like one.
    fn user(self, scheme: Scheme<'_>) -> Option<Range<usize>> {
        let line = self.line;
        let ends_path = |at: &usize| matches!(line.at(*at), b'/' | b'?' | b'#');
        let authority = (self.start..self.end).find(ends_path).unwrap_or(self.end);
        let narrow = Region { end: authority, ..self };
        let at = match narrow.last_at() {
            Some(at) => at,
            None if scheme.is_one_of(&["nats", "redis", "rediss"]) => self.last_at()?,
            None => return None,
        };
        let user = line.part(self.start..at);
        (scheme.takes_tokens() || is_opaque(user) || user.len() >= 32).then_some(self.start..at)
    }
}

/// What is known of the word that was looked at last, so that it is looked at once.
#[derive(Default)]
struct Word {
    end: usize,
    last_at: usize,
}

impl Word {
    fn look_at(&mut self, line: Line<'_>, start: usize) {
        if self.end <= start {
            self.end = line.skip(start, |byte| byte != b' ');
            self.last_at = (start..self.end).rev().find(|at| line.at(*at) == b'@').unwrap_or(0);
        }
    }
}

/// `user:password@host`, and `user:password@tcp(host)` as Go writes it; returns where to go on.
fn without_scheme(line: Line<'_>, colon: usize, word: &mut Word, secrets: &mut Vec<Range<usize>>) -> usize {
    let is_of_user =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'+' | b'%');
    let user = line.back(colon, is_of_user);
    let name = line.part(user..colon);
    let password = colon + 1;
    let is_password = !matches!(line.at(password), 0 | b' ' | b':' | b'/' | b'=' | b'"' | b'\'' | b'<');
    let is_user = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && !ADDRESSES.iter().any(|it| it.eq_ignore_ascii_case(name));
    if !is_password || !is_user || line.before(user) == b'@' || matches!(line.before(user), b'/' | b':') {
        return password;
    }
    word.look_at(line, password);
    let at = word.last_at;
    if at <= password {
        return password;
    }
    let host = line.at(at + 1);
    let is_digest = line.says(at + 1, "sha256:") || line.says(at + 1, "sha512:");
    // Where an address with a scheme begins in it, that one is looked at by itself.
    let has_scheme = line.part(password..at).contains("://");
    if is_digest || has_scheme || !(host.is_ascii_alphanumeric() || matches!(host, b'/' | b'[' | b'(' | b'*'))
    {
        return password;
    }
    secrets.push(password..at);
    word.end
}

/// What stands before a colon that no password follows, mostly because an address of mail does.
const ADDRESSES: &[&str] = &[
    "jdbc", "mailto", "sip", "sips", "acct", "xmpp", "from", "to", "cc", "bcc", "reply-to", "email", "mail",
    "im", "user",
];

/// `user/password@//host` and `user/password@host:1521`, as Oracle writes it; returns where to go on.
fn slashed(line: Line<'_>, at: usize, secrets: &mut Vec<Range<usize>>) -> usize {
    let word = line.back(at, |byte| byte != b' ' && !is_quote(byte) && byte != b'=');
    let text = line.part(word..at);
    let Some(slash) = text.find('/') else { return at + 1 };
    let host = line.skip(at + 1, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    let port = line.skip(host + 1, |byte| byte.is_ascii_digit());
    let has_port =
        line.at(host) == b':' && (2..=5).contains(&(port - host - 1)) && !line.at(port).is_ascii_alphabetic();
    let is_thin = text.get(..slash).is_some_and(|user| user.starts_with("jdbc:oracle:"));
    if line.says(at + 1, "//") || is_thin || has_port && slash > 0 && !text.contains("://") {
        secrets.push(word + slash + 1..at);
    }
    at + 1
}
