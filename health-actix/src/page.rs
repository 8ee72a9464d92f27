//! A placeholder.

use actix_web::{HttpRequest, HttpResponse};
use health_core::Exposure;

use crate::respond::Responder;

pub(crate) fn answer(_responder: &Responder, _exposure: Exposure, _request: &HttpRequest) -> HttpResponse {
    HttpResponse::NotFound().finish()
}

/// Asks for a token, which a browser sends as the password of any user.
pub(crate) fn login() -> HttpResponse {
    let mut answer = crate::respond::common(actix_web::http::StatusCode::UNAUTHORIZED);
    answer.insert_header((actix_web::http::header::WWW_AUTHENTICATE, r#"Basic realm="health""#)).finish()
}
