//! What a caller may choose about an answer. Nothing of it touches the verdict, its code or its headers.

use std::cmp::Reverse;

use actix_web::HttpRequest;
use actix_web::http::header::{ACCEPT, Accept, Header as _};
use actix_web::mime::{self, Mime};
use actix_web::web::Query;
use health_core::Form;

/// What the caller asked for. What cannot be read counts as not asked: a poller with a misspelt query still gets its
/// verdict.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) form: Form,
    /// The words of every `status=`, in their order.
    pub(crate) statuses: Vec<String>,
}

impl Wish {
    pub(crate) fn of(request: &HttpRequest) -> Self {
        if asks_for_nothing(request) {
            return Self { form: Form::default(), statuses: Vec::new() };
        }
        let query = Query::<Vec<(String, String)>>::from_query(request.query_string());
        let pairs = query.map(Query::into_inner).unwrap_or_default();
        let verbose = pairs.iter().any(|(key, _)| key == "verbose");
        let form = if verbose || prefers_text(request) { Form::Text } else { Form::Json };
        let statuses = pairs.into_iter().filter(|(key, _)| key == "status").map(|(_, word)| word).collect();
        Self { form, statuses }
    }
}

/// Whether there is nothing to parse, as with most pollers.
fn asks_for_nothing(request: &HttpRequest) -> bool {
    let mut accepted = request.headers().get_all(ACCEPT);
    request.query_string().is_empty() && accepted.all(|range| range == "*/*")
}

fn prefers_text(request: &HttpRequest) -> bool {
    // What is malformed in the header is left out, and without the header there is nothing to prefer.
    let Ok(accept) = Accept::parse(request) else {
        return false;
    };
    rank(&accept, &mime::TEXT_PLAIN) > rank(&accept, &mime::APPLICATION_JSON)
}

/// How much a type is wanted: by quality, then by how precisely it is named, then by place. `None` if it is not wanted.
///
/// The quality of a type is the one of the range that names it most precisely: `text/*;q=0, text/plain` accepts it.
fn rank(accept: &Accept, wanted: &Mime) -> Option<impl Ord + use<>> {
    let matching = accept
        .iter()
        .enumerate()
        .filter_map(|(place, range)| Some((precision(&range.item, wanted)?, Reverse(place), range.quality)));
    let (precision, place, quality) = matching.max_by_key(|(precision, place, _)| (*precision, *place))?;
    (quality > actix_web::http::header::Quality::ZERO).then_some((quality, precision, place))
}

/// How precisely a range of types names this one, if it does.
fn precision(range: &Mime, wanted: &Mime) -> Option<u8> {
    match (range.type_(), range.subtype()) {
        (mime::STAR, mime::STAR) => Some(0),
        (kind, mime::STAR) if kind == wanted.type_() => Some(1),
        (kind, subtype) if kind == wanted.type_() && subtype == wanted.subtype() => Some(2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::ACCEPT;
    use actix_web::test::TestRequest;

    use super::*;

    fn form(lines: &[&[u8]]) -> Form {
        let mut request = TestRequest::default();
        for line in lines {
            request = request.append_header((ACCEPT, *line));
        }
        Wish::of(&request.to_http_request()).form
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
            assert_eq!(form(&[accept]), Form::Json, "{}", String::from_utf8_lossy(accept));
        }
        assert_eq!(form(&[]), Form::Json);
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
            assert_eq!(form(&[accept]), Form::Text, "{}", String::from_utf8_lossy(accept));
        }
        assert_eq!(form(&[b"application/json;q=0.3", b"text/plain;q=0.4"]), Form::Text);
    }
}
