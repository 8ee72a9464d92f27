//! The token that a request carries, in its `Authorization` header and nowhere else.

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::secret::{LONGEST, Secret};

/// As `Bearer` (RFC 6750), or as the password of `Basic` (RFC 7617) whatever the user's name, because that is what a
/// browser can send. Whatever cannot be read, and more than one of them, is no token.
pub(super) fn token(headers: &HeaderMap) -> Option<Secret> {
    let mut lines = headers.get_all(AUTHORIZATION);
    let (Some(line), None) = (lines.next(), lines.next()) else {
        return None;
    };
    let line = line.as_bytes();
    let (scheme, rest) = line.split_at_checked(line.iter().position(|byte| *byte == b' ')?)?;
    let credentials = rest.get(rest.iter().position(|byte| *byte != b' ')?..)?;
    if scheme.eq_ignore_ascii_case(b"bearer") {
        Secret::presented(credentials)
    } else if scheme.eq_ignore_ascii_case(b"basic") {
        password(credentials)
    } else {
        None
    }
}

fn password(credentials: &[u8]) -> Option<Secret> {
    // As much room for the name of a user as for the token.
    let mut decoded = Zeroizing::new([0; 2 * LONGEST]);
    let length = STANDARD.decode_slice(credentials, decoded.as_mut_slice()).ok()?;
    // No colon in the name of a user; there may be some in the token.
    let (_, password) = std::str::from_utf8(decoded.get(..length)?).ok()?.split_once(':')?;
    Secret::presented(password.as_bytes())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};
    use proptest::prelude::*;
    use subtle::ConstantTimeEq as _;

    use super::*;

    const TOKEN: &str = "a-token:with+many/signs==";

    fn headers(lines: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(AUTHORIZATION, HeaderValue::from_bytes(line).unwrap());
        }
        headers
    }

    fn carries(lines: &[&[u8]], expected: &str) -> bool {
        let expected = Secret::presented(expected.as_bytes()).unwrap();
        token(&headers(lines)).is_some_and(|token| token.ct_eq(&expected).into())
    }

    fn basic(text: impl AsRef<[u8]>) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn a_token_comes_as_bearer_or_as_a_password() {
        for line in [
            format!("Bearer {TOKEN}"),
            format!("bearer {TOKEN}"),
            format!("BEARER   {TOKEN}"),
            basic(format!(":{TOKEN}")),
            basic(format!("anybody:{TOKEN}")),
            basic(format!("Käthe Mustermann:{TOKEN}")),
            basic(format!("x:{TOKEN}")).replacen("Basic", "bASIC ", 1),
        ] {
            assert!(carries(&[line.as_bytes()], TOKEN), "{line}");
        }
    }

    #[test]
    fn anything_else_carries_none() {
        let right = format!("Bearer {TOKEN}");
        let encoded = STANDARD.encode(format!("xy:{TOKEN}"));
        let user = "u".repeat(3 * LONGEST);
        for line in [
            String::new(),
            "Bearer".into(),
            "Bearer ".into(),
            "Bearer    ".into(),
            TOKEN.into(),
            format!("Bearer{TOKEN}"),
            format!("Bearer\t{TOKEN}"),
            format!("Bearer {TOKEN} {TOKEN}"),
            format!("Bearer {TOKEN}, Bearer {TOKEN}"),
            format!("Bearer \"{TOKEN}"),
            format!(" Bearer {TOKEN}"),
            format!("Token {TOKEN}"),
            format!("Digest {TOKEN}"),
            format!("Bearer {}", "x".repeat(100_000)),
            format!("Basic {TOKEN}"),
            "Basic".into(),
            "Basic ".into(),
            "Basic ====".into(),
            format!("Basic {}", encoded.trim_end_matches('=')),
            format!("Basic {encoded}="),
            format!("Basic {encoded} "),
            format!("Basic !{encoded}"),
            format!("Basic {}", "A".repeat(100_000)),
            basic(TOKEN.replace(':', "-")),
            basic(format!("{TOKEN}:")),
            basic(format!("x:{TOKEN}\n")),
            basic(format!("x: {TOKEN}")),
            basic(format!("x:{TOKEN}\0")),
            basic(format!("{user}:{TOKEN}")),
            basic([b"\xff:", TOKEN.as_bytes()].concat()),
            basic([b"x:", TOKEN.as_bytes(), b"\xff"].concat()),
        ] {
            assert!(!carries(&[line.as_bytes()], TOKEN), "{line}");
        }
        assert!(!carries(&[], TOKEN) && !carries(&[b"Bearer \xff\xfe"], TOKEN));
        for other in [&right, "", "Basic x"] {
            assert!(!carries(&[right.as_bytes(), other.as_bytes()], TOKEN), "{other}");
            assert!(!carries(&[other.as_bytes(), right.as_bytes()], TOKEN), "{other}");
        }
    }

    #[test]
    fn no_other_header_is_read() {
        for name in ["proxy-authorization", "x-authorization", "cookie", "x-api-key", "authentication"] {
            let mut headers = HeaderMap::new();
            let value = HeaderValue::from_str(&format!("Bearer {TOKEN}")).unwrap();
            headers.insert(HeaderName::from_static(name), value);
            assert!(token(&headers).is_none(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(
            scheme in "(?i)(bearer|basic|[a-z]{0,4}) {0,2}",
            rest in prop::collection::vec(prop_oneof![0x20..=0x7e_u8, 0x80..=0xff_u8], 0..600),
        ) {
            let line = [scheme.as_bytes(), &rest].concat();
            let _ = token(&headers(&[&line]));
            let encoded = format!("{scheme}{}", STANDARD.encode(&rest));
            let _ = token(&headers(&[encoded.as_bytes()]));
        }

        #[test]
        fn only_the_token_itself_is_the_token(right in "[!-~]{16,40}", sent in "[!-~]{16,40}", user in "[^:]{0,20}") {
            let line = basic(format!("{user}:{sent}"));
            prop_assert_eq!(carries(&[line.as_bytes()], &right), right == sent);
            let line = basic(format!("{user}:{right}"));
            prop_assert!(carries(&[line.as_bytes()], &right));
        }
    }
}
