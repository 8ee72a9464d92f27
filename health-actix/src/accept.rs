//! Which of the forms of an answer a caller likes best. Nothing of it touches the verdict or its headers.
//!
//! After [RFC 9110, section 12.5.1](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1), read in place: to build every
//! range of a browser's header as a value costs more than all else about an answer. Parameters other than `q` are not
//! looked at, and a range that is malformed is left out.

use std::cmp::Reverse;

use actix_web::http::header::{ACCEPT, HeaderMap, HeaderValue};

/// The place of the type that is liked best; the first if none is, or several are equally.
pub(crate) fn preferred<const N: usize>(headers: &HeaderMap, types: &[&str; N]) -> usize {
    let lines = || headers.get_all(ACCEPT).map(HeaderValue::as_bytes);
    // Nothing to compare, as with most pollers.
    if lines().all(|line| line == b"*/*") {
        return 0;
    }
    let mut best: [Option<Match>; N] = [None; N];
    let ranges = lines().flat_map(|line| line.split(|byte| *byte == b','));
    for (place, range) in ranges.filter_map(Range::read).enumerate() {
        for (best, wanted) in best.iter_mut().zip(types) {
            let precision = range.precision(wanted.as_bytes());
            // The first of the most precise ranges says how much it is wanted.
            if precision > best.map(|(precision, ..)| precision) {
                *best = precision.map(|precision| (precision, Reverse(place), range.quality));
            }
        }
    }
    let ranked = best.into_iter().enumerate().filter_map(|(at, best)| Some((rank(best?)?, Reverse(at))));
    ranked.max().map_or(0, |(_, Reverse(at))| at)
}

/// How much a type is wanted: by quality, then by how precisely it is named, then by place. `None` if it is not wanted.
///
/// The quality of a type is the one of the range that names it most precisely: `text/*;q=0, text/plain` accepts it.
fn rank((precision, place, quality): Match) -> Option<(u16, Precision, Reverse<usize>)> {
    // What only a wildcard takes has no place of its own.
    let place = if precision == Precision::Anything { Reverse(0) } else { place };
    (quality > 0).then_some((quality, precision, place))
}

/// How precisely a range names a type, its place in the header, and the quality it gives.
type Match = (Precision, Reverse<usize>, u16);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Precision {
    Anything,
    Kind,
    Type,
}

/// One range of types, such as `text/*;q=0.5`.
struct Range<'a> {
    kind: &'a [u8],
    subtype: &'a [u8],
    /// In thousandths.
    quality: u16,
}

impl<'a> Range<'a> {
    fn read(text: &'a [u8]) -> Option<Self> {
        let (name, parameters) = cut(text, b';').unwrap_or((text, b""));
        let (kind, subtype) = cut(name.trim_ascii(), b'/')?;
        let mut quality = 1000;
        for parameter in parameters.split(|byte| *byte == b';') {
            match cut(parameter, b'=') {
                Some((name, weight)) if name.trim_ascii().eq_ignore_ascii_case(b"q") => {
                    quality = thousandths(weight.trim_ascii())?;
                }
                _ => {}
            }
        }
        Some(Self { kind, subtype, quality })
    }

    /// How precisely it names this type, if it does.
    fn precision(&self, wanted: &[u8]) -> Option<Precision> {
        let (kind, subtype) = cut(wanted, b'/')?;
        match (self.kind, self.subtype) {
            (b"*", b"*") => Some(Precision::Anything),
            (own, _) if !own.eq_ignore_ascii_case(kind) => None,
            (_, b"*") => Some(Precision::Kind),
            (_, own) => own.eq_ignore_ascii_case(subtype).then_some(Precision::Type),
        }
    }
}

/// What stands before and behind the first of these bytes.
fn cut(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let place = text.iter().position(|byte| *byte == at)?;
    Some((text.get(..place)?, text.get(place + 1..)?))
}

/// A weight between 0 and 1 with at most three digits after the point.
fn thousandths(text: &[u8]) -> Option<u16> {
    let (whole, fraction) = cut(text, b'.').unwrap_or((text, b""));
    let mut weight = match whole {
        b"0" => 0,
        b"1" => 1000,
        _ => return None,
    };
    for (place, digit) in fraction.iter().enumerate() {
        let worth = [100, 10, 1].get(place)?;
        weight += u16::from(digit.is_ascii_digit().then(|| digit - b'0')?) * worth;
    }
    (weight <= 1000).then_some(weight)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::ACCEPT;
    use actix_web::test::TestRequest;

    use super::*;

    fn chosen(lines: &[&[u8]]) -> &'static str {
        const TYPES: [&str; 3] = ["application/json", "text/plain", "application/health+json"];
        let mut request = TestRequest::default();
        for line in lines {
            request = request.append_header((ACCEPT, *line));
        }
        TYPES[preferred(request.to_http_request().headers(), &TYPES)]
    }

    #[test]
    fn json_unless_text_is_preferred() {
        let json: &[&[u8]] = &[
            b"*/*",
            b"application/json",
            b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            b"application/json, text/plain",
            b"text/plain;q=0.5, application/json;q=0.6",
            b"text/plain;q=0.5, */*",
            b"text/plain;q=0",
            b"text/plain;q=2",
            b"text/plain;q=banana",
            b"text/plain;q=",
            b"text/plain;q=nan",
            b"textplain",
            b"image/png",
            b";;;,,,;q=1,/",
            b"text/plain\xff",
            b"",
        ];
        for accept in json {
            assert_eq!(chosen(&[accept]), "application/json", "{}", String::from_utf8_lossy(accept));
        }
        assert_eq!(chosen(&[]), "application/json");
    }

    #[test]
    fn text_when_it_ranks_first() {
        let text: &[&[u8]] = &[
            b"text/plain",
            b"TEXT/Plain",
            b"text/plain; charset=utf-8",
            b"text/plain;q=0.1",
            b"text/*",
            b"text/plain, text/*, */*",
            b"application/json;q=0.5, text/plain;q=0.6",
            b"application/json;q=0, */*;q=0.1",
            b"text/*;q=0, text/plain",
            b"text/plain, application/json",
            b"garbage, text/plain",
        ];
        for accept in text {
            assert_eq!(chosen(&[accept]), "text/plain", "{}", String::from_utf8_lossy(accept));
        }
        assert_eq!(chosen(&[b"application/json;q=0.3", b"text/plain;q=0.4"]), "text/plain");
        assert_eq!(chosen(&[b"*/*", b"application/json;q=0"]), "text/plain");
    }

    #[test]
    fn health_json_when_it_ranks_first() {
        let health: &[&[u8]] = &[
            b"application/health+json",
            b"Application/Health+JSON",
            b"application/health+json; charset=utf-8",
            b"application/health+json, application/json",
            b"application/json;q=0.9, application/health+json",
            b"application/*, application/health+json",
            b"*/*;q=0.8, application/health+json;q=0.8",
            b"text/plain;q=0.1, application/health+json;q=0.2",
            b"application/json;q=0, application/*",
            b"application/json;q=0, text/plain;q=0, */*",
        ];
        for accept in health {
            assert_eq!(chosen(&[accept]), "application/health+json", "{}", String::from_utf8_lossy(accept));
        }
        let others: &[&[u8]] = &[
            b"application/*",
            b"application/health",
            b"application/json+health",
            b"application/json, application/health+json",
            b"application/health+json;q=0, */*",
            b"application/health+json;q=0.5, */*;q=0.8",
            b"application/vnd.api+json",
            b"*/health+json",
            b"application /health+json",
            b"application/health+json;q=1.001",
            b"application/health+json;q=0.5555",
            b"application/health+json;q=.5",
            b"application/health+json;q=-1",
            b"application/health+json;q=1e0",
            b"application/health+json;Q=0, application/json;q=0.001",
        ];
        for accept in others {
            assert_eq!(chosen(&[accept]), "application/json", "{}", String::from_utf8_lossy(accept));
        }
    }

    #[test]
    fn weights_are_compared_to_three_digits() {
        assert_eq!(chosen(&[b"application/json;q=0.998, text/plain;q=0.999"]), "text/plain");
        assert_eq!(chosen(&[b"application/json;q=0.99, text/plain;q=1."]), "text/plain");
        assert_eq!(chosen(&[b"application/json;q=0.5, text/plain;q=0.50"]), "application/json");
        assert_eq!(chosen(&[b"text/plain;format=flowed;q=0.4, application/json;q=0.3"]), "text/plain");
    }
}
