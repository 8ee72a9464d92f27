//! A placeholder.

use actix_web::{HttpRequest, HttpResponse};
use health_core::Exposure;

use crate::respond::Responder;

pub(crate) fn answer(_responder: &Responder, _exposure: Exposure, _request: &HttpRequest) -> HttpResponse {
    HttpResponse::NotFound().finish()
}
