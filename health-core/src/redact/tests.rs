//! What is hidden, what stays readable, and how much of it.

use std::fmt;

use super::line::LONGEST;
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
