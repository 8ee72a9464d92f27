//! What callers say about who they are, in headers: it never touches the verdict, and shows names to nobody but those who
//! know the token or are said by a proxy to come from the one network.
//!
//! The first byte says who connects, and the lines after it are headers: `Authorization`, and what proxies write.
#![no_main]

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use actix_http::Request;
use actix_web::http::header::{AUTHORIZATION, FORWARDED, HeaderName, HeaderValue};
use actix_web::{App, test};
use health_actix::{Access, ProxyHeader};
use health_core::Exposure;
use health_fuzz::served_of;
use libfuzzer_sys::fuzz_target;

type Ask = &'static dyn Fn(Request) -> Pin<Box<dyn Future<Output = u16>>>;

const TOKEN: &str = "0123456789abcdef";
const BASIC: &str = "MDEyMzQ1Njc4OWFiY2RlZg";
const PROXY: &str = "192.0.2.1:4711";
const STRANGER: &str = "198.51.100.7:4711";

thread_local! {
    static ASK: Ask = health_fuzz::run(app());
}

async fn app() -> Ask {
    let health = health_fuzz::of_every_kind();
    let access = || {
        let access = Access::new().token(Exposure::Checks, TOKEN).expect("a token");
        let access = access.networks(Exposure::Checks, ["203.0.113.77"]).expect("an address");
        access.proxies(["192.0.2.1"]).expect("an address")
    };
    let other = access().proxy_header(ProxyHeader::Forwarded);
    let app = App::new()
        .service(served_of(health.clone()).access(access()))
        .service(served_of(health).mount("/other").access(other));
    let app = &*Box::leak(Box::new(test::init_service(app).await));
    Box::leak(Box::new(move |request| -> Pin<Box<dyn Future<Output = u16>>> {
        Box::pin(async move { test::call_service(app, request).await.status().as_u16() })
    }))
}

fuzz_target!(|data: &[u8]| {
    let Some((who, headers)) = data.split_first() else { return };
    let peer = if who % 2 == 0 { PROXY } else { STRANGER };
    let mut lines =
        headers.split(|byte| *byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok());
    let authorization = lines.next();
    let forwarded: Vec<_> = lines.collect();
    // Somewhere in the encoded password the last three bytes stand at one of three places.
    let may_know = authorization.as_ref().is_some_and(|value| {
        let bytes = value.as_bytes();
        let has = |part: &str| bytes.windows(part.len()).any(|window| window == part.as_bytes());
        has(TOKEN) || bytes.len() > BASIC.len()
    });
    let is_said =
        |value: &HeaderValue| value.as_bytes().windows(2).any(|window| window == b"77" || window == b"4d");
    let may_come = peer == PROXY && forwarded.iter().any(is_said);
    for (mount, name) in [("/health", HeaderName::from_static("x-forwarded-for")), ("/other", FORWARDED)] {
        let ask = |path: &str| {
            let peer: SocketAddr = peer.parse().expect("an address");
            let mut request = test::TestRequest::with_uri(&format!("{mount}{path}")).peer_addr(peer);
            if let Some(value) = &authorization {
                request = request.append_header((AUTHORIZATION, value));
            }
            for value in &forwarded {
                request = request.append_header((name.clone(), value));
            }
            health_fuzz::run(ASK.with(|ask| ask(request.to_request())))
        };
        assert_eq!(ask("/ready"), 503);
        assert_eq!(ask("/checks/unknown"), 404);
        let code = ask("/checks/db");
        assert!(
            code == 404 || (code == 200 && (may_know || may_come)),
            "{code} {peer} {authorization:?} {forwarded:?}"
        );
    }
});
