//! One token, kept so that it can be compared and nothing else.

use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

/// Fewer characters are guessed too easily, whatever they are.
const SHORTEST: usize = 16;
/// No more than this is ever compared, so that a long guess makes no work.
pub(super) const LONGEST: usize = 256;

/// A token of visible ASCII characters, wiped when dropped. It has no `Debug`, `Display` or `PartialEq`.
///
/// It is filled up with zeros, which no token contains, so that every comparison takes the same time, whatever the
/// lengths of the two. Hashing both would do that as well, at the price of eight crates. It is kept in words because they
/// are compared in an eighth of the steps, and boxed because what is moved leaves a copy behind.
#[derive(Clone)]
pub(super) struct Secret(Zeroizing<Box<[u64]>>);

const WORD: usize = size_of::<u64>();

impl Secret {
    /// What a caller sends. `None` for what no token can be.
    pub(super) fn presented(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() || bytes.len() > LONGEST || !bytes.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        let mut padded = Zeroizing::new(vec![0; LONGEST / WORD].into_boxed_slice());
        for (word, bytes) in padded.iter_mut().zip(bytes.chunks(WORD)) {
            *word = bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
        }
        Some(Self(padded))
    }

    /// What the application accepts, or what is wrong with it, without saying it.
    pub(super) fn configured(token: &str) -> Result<Self, String> {
        let fault = if token.is_empty() {
            "is empty"
        } else if token.trim() != token {
            "begins or ends with white space, as what is read from a file does: trim it"
        } else if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            "contains something else than visible ASCII characters, which not every client can send"
        } else if token.len() < SHORTEST {
            "has fewer than 16 characters and is easily guessed"
        } else {
            let longest = format!("has more than {LONGEST} characters");
            return Self::presented(token.as_bytes()).ok_or_else(|| refusal(&longest));
        };
        Err(refusal(fault))
    }
}

fn refusal(fault: &str) -> String {
    format!("a token {fault}; a good one is what `openssl rand -hex 32` prints")
}

impl ConstantTimeEq for Secret {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn are_equal(a: &[u8], b: &[u8]) -> bool {
        Secret::presented(a).unwrap().ct_eq(&Secret::presented(b).unwrap()).into()
    }

    #[test]
    fn equal_is_equal_in_every_character_and_in_length() {
        let token = b"0123456789abcdef";
        assert!(are_equal(token, token));
        for place in 0..token.len() {
            let mut other = *token;
            other[place] ^= 1;
            assert!(!are_equal(token, &other), "{place}");
            assert!(!are_equal(token, &token[..=place]) || place + 1 == token.len());
        }
        assert!(!are_equal(token, b"0123456789abcdef0"));
        let longest = [b'x'; LONGEST];
        assert!(are_equal(&longest, &longest) && !are_equal(&longest, &longest[1..]));
    }

    #[test]
    fn what_no_token_can_be_is_none() {
        let long = [b'x'; LONGEST + 1];
        for bytes in
            [&b""[..], b"with space", b"line\nbreak", b"nul\0", b"\0", b"caf\xc3\xa9", b"\xff", &long]
        {
            assert!(Secret::presented(bytes).is_none(), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_bad_token_is_refused_in_words_that_do_not_say_it() {
        let long = "planted".repeat(100);
        for (token, fault) in [
            ("", "is empty"),
            ("planted", "fewer than 16"),
            ("planted-15-chars", ""),
            ("planted-15-char", "fewer than 16"),
            ("planted-with-newline\n", "white space, as what is read from a file"),
            ("planted-with-crlf\r\n", "white space, as what is read from a file"),
            (" planted-with-space", "white space"),
            ("planted-with-nbsp\u{a0}", "white space"),
            ("planted with spaces inside", "visible ASCII"),
            ("planted\u{7}control-character", "visible ASCII"),
            ("planted-käse-is-not-ascii", "visible ASCII"),
            (&long, "more than 256"),
        ] {
            match Secret::configured(token) {
                Ok(_) => assert_eq!(fault, ""),
                Err(said) => {
                    assert!(!fault.is_empty() && said.contains(fault), "{said}");
                    assert!(!said.contains("planted") && said.contains("openssl rand -hex 32"), "{said}");
                }
            }
        }
        assert!(Secret::configured(&"x".repeat(LONGEST)).is_ok());
    }
}
