//! What a caller may choose about an answer. Nothing of it touches the verdict or its headers.

use std::cmp::Reverse;

use actix_web::HttpRequest;
use actix_web::http::header::{ACCEPT, Accept, Header as _, Quality};
use actix_web::mime::{self, Mime};
use actix_web::web;

/// What stands behind the `?`. What cannot be read counts as not asked: a poller with a misspelt query still gets its
/// verdict.
#[derive(Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let query = request.query_string();
        if query.is_empty() {
            return Self::default();
        }
        Self(web::Query::from_query(query).map(web::Query::into_inner).unwrap_or_default())
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.iter().any(|(known, _)| known == key)
    }

    pub(crate) fn values<'a, 'k>(&'a self, key: &'k str) -> impl Iterator<Item = &'a str> + use<'a, 'k> {
        self.0.iter().filter(move |(known, _)| known == key).map(|(_, value)| &**value)
    }
}

/// The place of the type that is liked best; the first if none is, or several are equally.
pub(crate) fn preferred(request: &HttpRequest, types: &[&str]) -> usize {
    let mut ranges = request.headers().get_all(ACCEPT);
    // Nothing to parse, as with most pollers.
    if ranges.all(|range| range == "*/*") {
        return 0;
    }
    // What is malformed in the header is left out, and without the header there is nothing to prefer.
    let Ok(accept) = Accept::parse(request) else { return 0 };
    let ranked =
        types.iter().enumerate().filter_map(|(place, name)| Some((rank(&accept, name)?, Reverse(place))));
    ranked.max().map_or(0, |(_, Reverse(place))| place)
}

/// How much a type is wanted: by quality, then by how precisely it is named, then by place. `None` if it is not wanted.
///
/// The quality of a type is the one of the range that names it most precisely: `text/*;q=0, text/plain` accepts it.
fn rank(accept: &Accept, wanted: &str) -> Option<(Quality, u8, Reverse<usize>)> {
    let matching = accept
        .iter()
        .enumerate()
        .filter_map(|(place, range)| Some((precision(&range.item, wanted)?, Reverse(place), range.quality)));
    let (precision, place, quality) = matching.max_by_key(|(precision, place, _)| (*precision, *place))?;
    // A type that only a wildcard takes has no place of its own.
    let place = if precision == 0 { Reverse(0) } else { place };
    (quality > Quality::ZERO).then_some((quality, precision, place))
}

/// How precisely a range of types names this one, if it does.
fn precision(range: &Mime, wanted: &str) -> Option<u8> {
    let kind = || wanted.split('/').next().is_some_and(|kind| range.type_() == kind);
    match (range.type_(), range.subtype()) {
        (mime::STAR, mime::STAR) => Some(0),
        (_, mime::STAR) if kind() => Some(1),
        // Not the subtype alone, which is without its suffix.
        _ if range.essence_str().eq_ignore_ascii_case(wanted) => Some(2),
        _ => None,
    }
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
        TYPES[preferred(&request.to_http_request(), &TYPES)]
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
        ];
        for accept in others {
            assert_eq!(chosen(&[accept]), "application/json", "{}", String::from_utf8_lossy(accept));
        }
    }
}
