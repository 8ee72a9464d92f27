//! Asking an application that has nothing but endpoints.

use actix_web::body::{BodySize, MessageBody as _};
use actix_web::http::Method;
use actix_web::{App, test};
use health_actix::Endpoints;
use health_core::{Health, Probe, Scope, Spec, Status};

/// What one request came to.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    pub code: u16,
    pub headers: Vec<(String, String)>,
    pub length: BodySize,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }
}

/// Asks an application that has nothing but these endpoints.
pub async fn ask_with(endpoints: &Endpoints, request: test::TestRequest) -> Seen {
    let app = test::init_service(App::new().service(endpoints.clone())).await;
    let response = test::call_service(&app, request.to_request()).await;
    let text = |value: &actix_web::http::header::HeaderValue| value.to_str().unwrap().to_owned();
    let mut headers: Vec<_> =
        response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    headers.sort();
    let (code, length) = (response.status().as_u16(), response.response().body().size());
    let body = String::from_utf8(test::read_body(response).await.to_vec()).unwrap();
    Seen { code, headers, length, body }
}

pub async fn ask(endpoints: &Endpoints, method: Method, path: &str) -> Seen {
    ask_with(endpoints, test::TestRequest::with_uri(path).method(method)).await
}

pub async fn get(endpoints: &Endpoints, path: &str) -> Seen {
    ask(endpoints, Method::GET, path).await
}

/// A health whose live, ready and startup are all of this status, by checks of these names, in this group.
pub fn of_status(status: Status) -> Health {
    let spec = |name, probe| Spec::named(name).probe([probe]).scope(Scope::Local).group("all");
    Health::builder()
        .check_fn(spec("l", Probe::Live), move || async move { status })
        .check_fn(spec("a/r", Probe::Ready), move || async move { status })
        .build()
        .unwrap()
        .start()
}
