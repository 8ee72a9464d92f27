//! The one place where something private, or written by somebody else, becomes text.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Write as _};
use std::sync::LazyLock;

use regex_lite::Regex;
use serde_json::Value;

/// The longest text that leaves, in bytes.
pub(crate) const LONGEST: usize = 1024;
/// How much is read before it is cut to [`LONGEST`]: a secret must not survive because its end was cut off.
const READ: usize = 8 * LONGEST;
/// How many causes of causes are followed.
const CHAIN: usize = 16;
/// How deep and how wide a data value may be.
const DEPTH: usize = 8;
pub(crate) const WIDTH: usize = 64;

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
    let readable = (0..=READ.min(raw.len())).rev().find_map(|end| raw.get(..end)).unwrap_or_default();
    let mut clean = Cow::Borrowed(readable);
    for (pattern, replacement) in PATTERNS.iter() {
        if let Cow::Owned(changed) = pattern.replace_all(&clean, *replacement) {
            clean = Cow::Owned(changed);
        }
    }
    one_line(&clean)
}

/// A summary its author wrote. A literal in the program carries no secret of this process, so it is only cut.
pub(crate) fn summary(summary: Cow<'static, str>) -> Cow<'static, str> {
    match summary {
        Cow::Borrowed(literal) if literal.len() <= LONGEST && !literal.contains(char::is_control) => {
            literal.into()
        }
        Cow::Borrowed(literal) => one_line(literal).into(),
        Cow::Owned(written) => text(&written).into(),
    }
}

/// A named data value: every text in it redacted and capped, depth and width bounded. A text whose name says that it
/// is secret shows none of it.
pub(crate) fn field(name: &str, value: Value) -> Value {
    named(name, value, DEPTH)
}

fn named(name: &str, value: Value, depth: usize) -> Value {
    match value {
        Value::String(_) | Value::Array(_) | Value::Object(_) if SECRET_NAME.is_match(name) => {
            Value::String(HIDDEN.into())
        }
        value => bounded(value, depth),
    }
}

fn bounded(value: Value, depth: usize) -> Value {
    let Some(below) = depth.checked_sub(1) else {
        let compound = value.is_array() || value.is_object() || value.is_string();
        return if compound { "…".into() } else { value };
    };
    match value {
        Value::String(raw) => Value::String(text(&raw)),
        Value::Array(items) => items.into_iter().take(WIDTH).map(|item| bounded(item, below)).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter().take(WIDTH);
            Value::Object(fields.map(|(name, field)| (text(&name), named(&name, field, below))).collect())
        }
        plain => plain,
    }
}

/// What stands where a secret was.
pub(crate) const HIDDEN: &str = "***";

/// Control characters become spaces and the text is cut at [`LONGEST`] bytes.
fn one_line(text: &str) -> String {
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
struct Capped(String);

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

const SECRET_WORDS: &str = "passw(?:or)?d|passphrase|pwd|secret|token|(?:api|access|account|private)[_-]?key|credentials?|signature|cookie";

static SECRET_NAME: LazyLock<Regex> = LazyLock::new(|| compile(&format!("(?i){SECRET_WORDS}")));

/// What a secret looks like, and what stands in its place.
static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let named = format!(
        r#"(?i)([a-z0-9_-]*(?:{SECRET_WORDS})["']?\s*[=:]\s*)(?:\w+\()?(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|["']?[^\s,;&"')}}\]]+)"#
    );
    vec![
        (compile(r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*"), HIDDEN),
        // A password that was read from a file with its line break.
        (compile(r"[\r\n]+@"), "@"),
        // user:password@tcp(host), as Go writes it.
        (compile(r"([A-Za-z0-9_.-]+):[^\s@]+@(tcp|unix)\("), "$1:***@$2("),
        // scheme://user:password@host, up to the last `@`, because real passwords contain `@` and `/`.
        (compile(r#"([a-zA-Z][a-zA-Z0-9+.-]*://[^\s/:@"']*):[^\s"'<>]*@"#), "$1:***@"),
        (compile(r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{6,}"), "$1 ***"),
        (compile(&named), "$1***"),
        (compile(r"\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?"), HIDDEN),
        (
            compile(
                r"\b(?:gh[pousr]|github_pat|glpat|xox[abeprs]|sk|pk|rk|npm|dop_v1)[-_][A-Za-z0-9_-]{10,}",
            ),
            HIDDEN,
        ),
        (compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), HIDDEN),
    ]
});

#[allow(clippy::expect_used)] // The patterns are constants; `patterns_compile` compiles every one of them.
fn compile(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_compile() {
        assert!(PATTERNS.len() > 5 && SECRET_NAME.is_match("DB_PASSWORD") && !SECRET_NAME.is_match("depth"));
    }

    #[test]
    fn secrets_of_every_shape_are_hidden() {
        for (raw, clean) in [
            ("postgres://app:hunter2@db:5432/x", "postgres://app:***@db:5432/x"),
            ("redis://:p@ss/w@cache:6379", "redis://:***@cache:6379"),
            ("host=db password=hunter2 user=app", "host=db password=*** user=app"),
            ("Server=db;Pwd='a b;c';Uid=x", "Server=db;Pwd=***;Uid=x"),
            (r#"{"api_key":"abc def","n":1}"#, r#"{"api_key":***,"n":1}"#),
            ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer ***"),
            ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln failed", "jwt *** failed"),
            ("ghp_0123456789abcdef0123 is expired", "*** is expired"),
            ("key AKIAIOSFODNN7EXAMPLE denied", "key *** denied"),
            ("DB_PASSWORD: hunter2", "DB_PASSWORD: ***"),
            ("app:hunter2@tcp(db:3306)/x refused", "app:***@tcp(db:3306)/x refused"),
            ("postgres://app:hunter2\n@db", "postgres://app:***@db"),
            ("Endpoint=x;AccountKey=aGk=;y=z", "Endpoint=x;AccountKey=***;y=z"),
            (r#"password: Some("a b") }"#, "password: ***) }"),
            ("a\r\nb\u{1b}[31mc\u{202e}d", "a  b [31mc d"),
            ("connection refused (os error 111)", "connection refused (os error 111)"),
        ] {
            assert_eq!(text(raw), clean);
        }
    }

    #[test]
    fn text_is_capped_at_a_character_boundary_after_redaction() {
        let long = "é".repeat(LONGEST);
        assert!(text(&long).len() <= LONGEST && text(&long).ends_with('…'));
        let secret = format!("{}postgres://u:{}@h", "x".repeat(LONGEST - 20), "s3cret".repeat(300));
        assert!(!text(&secret).contains("s3cret"));
    }

    #[test]
    fn a_chain_says_everything_once() {
        #[derive(Debug)]
        struct Outer(std::io::Error, &'static str);
        impl fmt::Display for Outer {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.1)
            }
        }
        impl Error for Outer {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(&self.0)
            }
        }
        let inner = || std::io::Error::other("disk on fire");
        assert_eq!(cause(&Outer(inner(), "cannot write")), "cannot write: disk on fire");
        assert_eq!(cause(&Outer(inner(), "cannot write: disk on fire")), "cannot write: disk on fire");
    }

    #[test]
    fn data_is_bounded_and_redacted_at_every_depth() {
        let mut deep = Value::from("postgres://u:pw@h");
        for _ in 0..3 {
            deep = Value::from(vec![deep]);
        }
        assert_eq!(field("x", deep).to_string(), r#"[[["postgres://u:***@h"]]]"#);
        let mut endless = Value::Null;
        for _ in 0..100 {
            endless = Value::from(vec![endless]);
        }
        assert!(field("x", endless).to_string().len() < 40);
        assert_eq!(
            field("x", serde_json::json!({"token": "abc", "n": 1})).to_string(),
            r#"{"n":1,"token":"***"}"#
        );
        assert_eq!(field("token", "abc".into()), "***");
        assert_eq!(field("password", serde_json::json!({ "value": ["abc"] })), "***");
        assert_eq!(field("tokens", 42.into()), 42);
        assert_eq!(field("x", Value::from(vec![0; 10_000])).as_array().map(Vec::len), Some(WIDTH));
    }

    proptest::proptest! {
        #[test]
        fn whatever_comes_in_one_short_line_goes_out(raw in "\\PC*|(.|\n){0,3000}") {
            let clean = text(&raw);
            proptest::prop_assert!(clean.len() <= LONGEST && !clean.contains(char::is_control));
            proptest::prop_assert_eq!(summary(Cow::Owned(raw)), clean);
        }

        #[test]
        fn a_password_in_an_address_never_survives(
            before in "[a-z =,]{0,40}",
            user in "[a-z]{0,8}",
            password in "[a-zA-Z0-9!#$%^&*()+/:?@=._~-]{1,40}",
            after in "[a-z0-9:/ ]{0,40}",
        ) {
            let planted = format!("§{password}§");
            let clean = text(&format!("{before} postgres://{user}:{planted}@{after}"));
            proptest::prop_assert!(!clean.contains('§'), "{clean}");
        }

        #[test]
        fn a_named_secret_never_survives(
            name in "(db_|DB_)?(password|PASSWORD|secret|api_key|api-key|Token|pwd)",
            sign in "=|: |\": \"| = ",
            secret in "[a-zA-Z0-9]{1,40}",
        ) {
            let clean = text(&format!("cannot connect: {name}{sign}§{secret}§ host=db"));
            proptest::prop_assert!(!clean.contains('§'), "{clean}");
            proptest::prop_assert!(clean.contains("host=db"), "{clean}");
        }
    }
}
