//! The `Forwarded` header (RFC 7239).

use std::net::IpAddr;

use super::hop;

/// Splits where this byte stands outside of quoted strings, into no more than so many parts. `None` if there are more,
/// or if a quoted string has no end: then nobody knows which part a caller wrote and which one a proxy.
pub(super) fn split(text: &[u8], separator: u8, most: usize) -> Option<Vec<&[u8]>> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let mut parts = Vec::new();
    let mut begin = 0;
    for (place, byte) in text.iter().enumerate() {
        if is_escaped {
            is_escaped = false;
        } else if *byte == b'"' {
            is_quoted = !is_quoted;
        } else if is_quoted {
            is_escaped = *byte == b'\\';
        } else if *byte == separator {
            parts.push(text.get(begin..place)?);
            begin = place + 1;
            if parts.len() >= most {
                return None;
            }
        }
    }
    parts.push(text.get(begin..)?);
    (!is_quoted).then_some(parts)
}

/// How many parameters one element may have; four are defined.
const MOST_PARAMETERS: usize = 16;

/// The one address that an element is `for`. Every parameter has to be well-formed, so that a text which somebody had
/// quoted into another one does not look like an element.
pub(super) fn address(element: &[u8]) -> Option<IpAddr> {
    let mut found = None;
    for parameter in split(element, b';', MOST_PARAMETERS)? {
        let parameter = parameter.trim_ascii();
        if parameter.is_empty() {
            continue;
        }
        let (name, value) = parameter.split_at_checked(parameter.iter().position(|byte| *byte == b'=')?)?;
        let value = unquoted(value.get(1..)?)?;
        if name.is_empty() || !name.iter().all(is_in_token) {
            return None;
        }
        if name.eq_ignore_ascii_case(b"for") && found.replace(hop::address(value)?).is_some() {
            return None;
        }
    }
    found
}

/// What stands between the quotes, if there are any. Escapes are left as they are: no address needs one.
fn unquoted(value: &[u8]) -> Option<&[u8]> {
    let Some(quoted) = value.strip_prefix(b"\"") else {
        // Colons and brackets belong into quotes. Those who leave them out mean no harm.
        let is_plain = value.iter().all(|byte| is_in_token(byte) || b":[]".contains(byte));
        return (is_plain && !value.is_empty()).then_some(value);
    };
    let quoted = quoted.strip_suffix(b"\"")?;
    let mut is_escaped = false;
    for byte in quoted {
        if *byte == b'"' && !is_escaped {
            return None;
        }
        is_escaped = *byte == b'\\' && !is_escaped;
    }
    (!is_escaped).then_some(quoted)
}

/// Whether a token may contain it (RFC 9110, section 5.6.2).
fn is_in_token(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_element_is_for_one_address() {
        for (element, expected) in [
            (r"for=192.0.2.60", Some("192.0.2.60")),
            (r"For=192.0.2.60;proto=http;by=203.0.113.43", Some("192.0.2.60")),
            (r#"FOR="[2001:db8:cafe::17]:4711""#, Some("2001:db8:cafe::17")),
            (r#"for="192.0.2.60:80""#, Some("192.0.2.60")),
            (r"for=192.0.2.60:80", Some("192.0.2.60")),
            (r"for=[2001:db8::1]:80", Some("2001:db8::1")),
            (r"by=_me; for=192.0.2.60 ;", Some("192.0.2.60")),
            (r#"host="a;b,c=\"d\"";for=192.0.2.60"#, Some("192.0.2.60")),
            (r#"secret="";for=192.0.2.60"#, Some("192.0.2.60")),
            ("host=\"caf\u{e9}\";for=192.0.2.60", Some("192.0.2.60")),
            (r"", None),
            (r";", None),
            (r"for", None),
            (r"for=", None),
            (r#"for="""#, None),
            (r"=192.0.2.60", None),
            (r"for =192.0.2.60", None),
            (r"for= 192.0.2.60", None),
            (r"192.0.2.60", None),
            (r"by=192.0.2.60", None),
            (r"for=unknown", None),
            (r"for=_hidden", None),
            (r#"for="_hidden:80""#, None),
            (r#"for="2001:db8::1""#, None),
            (r#"for="[fe80::1%eth0]""#, None),
            (r"for=192.0.2.60;for=192.0.2.60", None),
            (r"for=192.0.2.60;FOR=192.0.2.61", None),
            (r"for=unknown;for=192.0.2.60", None),
            (r#"for="192.0.2.60"#, None),
            (r#"for=192.0.2.60""#, None),
            (r#"for="192.0.2.60"""#, None),
            (r#"for="192.0.2.60\"#, None),
            (r#"for="192.0.2.60\""#, None),
            (r#"for="192\.0.2.60""#, None),
            (r#"for=192.0.2.60;x=\"""#, None),
            (r#"for=192.0.2.60;x=a"b""#, None),
            (r#"for=192.0.2.60;x="a"b"#, None),
            (r#"for=192.0.2.60;x="a"b"c""#, None),
            (r"for=192.0.2.60;x=a b", None),
            (r"for=192.0.2.60;x", None),
            (r"for=192.0.2.60;ä=b", None),
        ] {
            let expected = expected.map(|address| address.parse().unwrap());
            assert_eq!(address(element.as_bytes()), expected, "{element}");
        }
        assert_eq!(address(&b";".repeat(100_000)), None);
        assert_eq!(address(&[b"for=192.0.2.60", &b";a=b".repeat(100)[..]].concat()), None);
    }

    #[test]
    fn quoted_separators_separate_nothing() {
        let split = |text| split(text, b',', 4).map(|parts| parts.len());
        for (text, parts) in [
            (&b""[..], Some(1)),
            (b",", Some(2)),
            (br#"a,"b,c",d"#, Some(3)),
            (br#""a\",b",c"#, Some(2)),
            (br#""a\\",b"#, Some(2)),
            (br"a\,b", Some(2)),
            (br#"a,"b"#, None),
            (br#"""""#, None),
            (br#""a\"#, None),
            (b",,,", Some(4)),
            (b",,,,", None),
        ] {
            assert_eq!(split(text), parts, "{}", text.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, likely in r#"(for=|[fFor=;,"\\0-9.:\[\] a]){0,60}"#) {
            let _ = (address(&bytes), address(likely.as_bytes()));
            for part in split(likely.as_bytes(), b',', 100).unwrap_or_default() {
                let _ = address(part);
            }
        }

        /// A name of a host that a caller made up and a proxy repeats in quotes, escaped as it has to be.
        #[test]
        fn nothing_that_is_quoted_becomes_an_element(host in r#"(, ?for=10\.0\.0\.1|[";=, a\\x]){0,12}"#) {
            let quoted = host.replace('\\', "\\\\").replace('"', "\\\"");
            for element in [
                format!(r#"for=192.0.2.1;host="{quoted}""#),
                format!(r#"host="{quoted}";for=192.0.2.1"#),
                format!(r#"host="{quoted}";for=192.0.2.1;proto=https"#),
            ] {
                let list = format!("for=198.51.100.1, {element}");
                let last = split(list.as_bytes(), b',', 9).and_then(|mut elements| address(elements.pop()?));
                prop_assert_eq!(last, Some("192.0.2.1".parse().unwrap()), "{}", list);
            }
        }
    }
}
