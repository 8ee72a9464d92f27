//! What secrets look like.

use std::sync::LazyLock;

use regex_lite::Regex;

use super::HIDDEN;

const SECRET_WORDS: &str = "passw(?:or)?d|passphrase|pwd|secret|token|(?:api|access|account|private)[_-]?key|credentials?|signature|cookie";

pub(super) static SECRET_NAME: LazyLock<Regex> = LazyLock::new(|| compile(&format!("(?i){SECRET_WORDS}")));

/// What a secret looks like, and what stands in its place.
pub(super) static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
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
