//! What is hidden, what stays readable, and how much of it.

use std::fmt;

mod corpus;
mod hostile;
mod properties;
mod shapes;

use super::line::LONGEST;
use super::*;

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
