//! A page for people: what is wrong and why, before anything else. Useful without a script, and kept up by one.

mod checks;
mod dependencies;
mod details;
mod group;
mod markup;
mod policy;
mod probes;
mod scene;
mod strip;
mod verdict;
mod words;
mod wrong;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, WWW_AUTHENTICATE};
use actix_web::{HttpRequest, HttpResponse};
use health_core::{Exposure, Phase, Status, timestamp};

use crate::dialect::{About, Reader, Route};
use crate::query::Query;
use crate::respond::{self, Responder};
use markup::Html;
use scene::{Reports, Scene};

/// Icons of a tab, for what is well, for what is not, and for what comes or goes. Discs that differ in shape.
const WELL: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E\
    %3Ccircle cx='8' cy='8' r='7' fill='%232e7d4f'/%3E%3C/svg%3E";
const DEGRADED: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E\
    %3Cpath d='M8 1l7 14H1z' fill='%23d08700'/%3E%3C/svg%3E";
const UNHEALTHY: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E\
    %3Cpath d='M1 1h14v14H1z' fill='%23c62828'/%3E%3C/svg%3E";
const MOVING: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E\
    %3Ccircle cx='8' cy='8' r='5.5' fill='none' stroke='%235b6b7a' stroke-width='3'/%3E%3C/svg%3E";

pub(crate) fn answer(responder: &Responder, exposure: Exposure, request: &HttpRequest) -> HttpResponse {
    let health = &responder.health;
    // There always is an overview.
    let Some(reports) = Reports::look(health) else {
        return respond::common(StatusCode::SERVICE_UNAVAILABLE).finish();
    };
    let scene = Scene::of(health, &reports, exposure);
    let events = events_seen_from(request.path(), &responder.dialect.routes());
    let refreshes = Query::new(request.query_string()).has("refresh");
    let mut answer = respond::common(StatusCode::OK);
    policy::apply(&mut answer);
    let content_type = HeaderValue::from_static("text/html; charset=utf-8");
    respond::with_body(request, answer, content_type, page(&scene, events, refreshes).into_bytes().into())
}

/// Asks for a token, which a browser sends as the password of any user. Names nothing.
pub(crate) fn login(request: &HttpRequest) -> HttpResponse {
    let mut answer = respond::common(StatusCode::UNAUTHORIZED);
    answer.insert_header((WWW_AUTHENTICATE, HeaderValue::from_static(r#"Basic realm="health""#)));
    let sentence = "A token is needed: any user name, and the token as the password.\n";
    let content_type = HeaderValue::from_static("text/plain; charset=utf-8");
    respond::with_body(request, answer, content_type, sentence.into())
}

fn page(scene: &Scene<'_>, events: Option<String>, refreshes: bool) -> Html {
    let mut html = Html::document();
    html.tag("html").set("lang", "en").set("data-build", &*policy::BUILD).holds(|html| {
        html.tag("head").holds(|html| head(html, scene, refreshes));
        let body = html.tag("body").set("data-now", timestamp(scene.now)).set("data-status", scene.status);
        let body = match events {
            Some(events) => body.set("data-events", events),
            None => body,
        };
        body.holds(|html| {
            html.tag("a").class("skip").set("href", "#main").says("Skip to what is known");
            html.tag("aside").set("aria-label", "Connection").holds(|html| {
                html.tag("div").set("id", "stale").set("role", "alert").set("data-keep", "").says("");
            });
            verdict::write(html, scene);
            html.tag("main").set("id", "main").set("tabindex", "-1").holds(|html| {
                wrong::write(html, scene);
                probes::write(html, scene);
                checks::write(html, scene);
                dependencies::write(html, scene);
            });
            html.tag("footer").holds(|html| {
                html.tag("p").says(match scene.exposure {
                    Exposure::Full => "Looking at this page runs no check.",
                    _ => "Looking at this page runs no check. You see no error texts: that takes full exposure.",
                });
            });
            html.tag("script").verbatim(policy::SCRIPT);
        });
    });
    html
}

fn head(html: &mut Html, scene: &Scene<'_>, refreshes: bool) {
    html.tag("meta").set("charset", "utf-8").alone();
    html.tag("meta").set("name", "viewport").set("content", "width=device-width, initial-scale=1").alone();
    html.tag("meta").set("name", "color-scheme").set("content", "light dark").alone();
    html.tag("title").holds(|html| {
        html.text(verdict::head(scene));
        if let Some(cause) = scene.causes().first() {
            html.text(format_args!(": {}", cause.name()));
        }
        html.text(" · health");
    });
    let icon = match (scene.phase, scene.status) {
        (Phase::Starting | Phase::Draining, _) => MOVING,
        (Phase::Running, Status::Healthy) => WELL,
        (Phase::Running, Status::Degraded) => DEGRADED,
        (Phase::Running, Status::Unhealthy) => UNHEALTHY,
    };
    html.tag("link").set("rel", "icon").set("href", icon).alone();
    html.tag("style").verbatim(policy::STYLE);
    if refreshes {
        html.tag("noscript").holds(|html| {
            html.tag("meta").set("http-equiv", "refresh").set("content", "10").alone();
        });
    }
}

/// Where the events are, seen from the page: relative, because a proxy in front may take a part of the path away.
fn events_seen_from(path: &str, routes: &[Route]) -> Option<String> {
    let of =
        |reader| routes.iter().find(|route| route.about == About::Reader(reader)).map(|route| &*route.path);
    let (page, events) = (of(Reader::Page)?, of(Reader::Events)?);
    let up = match page.matches('/').count() {
        // The mount itself: what is below it begins with its own name.
        0 => format!("{}/", path.rsplit('/').next().unwrap_or_default()),
        depth => "../".repeat(depth - 1),
    };
    Some(format!("./{up}{}", events.trim_start_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_found_from_wherever_the_page_is() {
        for (path, page, events, expected) in [
            ("/health/ui", "/ui", "/events", "./events"),
            ("/prefix/health/deep/ui", "/deep/ui", "/events", "./../events"),
            ("/health/", "/", "/events", "./events"),
            ("/health", "", "/events", "./health/events"),
            ("/a/b/ui", "/ui", "/live/events", "./live/events"),
        ] {
            let routes = [Route::page(page), Route::events(events)];
            assert_eq!(events_seen_from(path, &routes).as_deref(), Some(expected), "{page}");
        }
        assert_eq!(events_seen_from("/ui", &[Route::page("/ui")]), None);
    }
}
