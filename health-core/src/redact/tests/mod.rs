//! What is hidden, what stays readable, and how much of it.

use std::fmt;

mod corpus;
mod data;
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
