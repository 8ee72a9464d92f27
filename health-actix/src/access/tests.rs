//! All grants together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use actix_web::guard::{self, GuardContext};
use actix_web::http::header::AUTHORIZATION;
use actix_web::test::TestRequest;
use proptest::prelude::*;

use super::*;

const TOKEN: &str = "planted-token-0123456789";

fn from(address: &str) -> TestRequest {
    TestRequest::default().peer_addr(format!("{address}:4711").parse().unwrap())
}

fn with_token(request: TestRequest, token: &str) -> TestRequest {
    request.append_header((AUTHORIZATION, format!("Bearer {token}")))
}

fn seen(access: &Access, request: TestRequest) -> Exposure {
    access.exposure_of(&request.to_srv_request())
}

fn all_kinds() -> Access {
    Access::new()
        .token(Exposure::Full, TOKEN)
        .and_then(|access| access.networks(Exposure::Checks, ["192.0.2.0/24", "10.1.0.3"]))
        .and_then(|access| access.proxies(["10.1.0.0/16"]))
        .unwrap()
        .guard(Exposure::Checks, guard::Header("x-mesh", "dashboard"))
}

#[test]
fn nothing_is_granted_by_itself() {
    for address in ["127.0.0.1", "[::1]", "10.0.0.1", "[fd00::1]", "[::ffff:127.0.0.1]"] {
        assert_eq!(seen(&Access::new(), from(address)), Exposure::Status);
        assert_eq!(seen(&all_kinds(), from(address)), Exposure::Status);
    }
    assert_eq!(seen(&all_kinds(), TestRequest::default()), Exposure::Status, "a socket without addresses");
}

#[test]
fn the_highest_of_all_grants_counts() {
    let access = all_kinds();
    let mesh = ("x-mesh", "dashboard");
    assert_eq!(seen(&access, from("192.0.2.7")), Exposure::Checks);
    assert_eq!(seen(&access, from("203.0.113.1").insert_header(mesh)), Exposure::Checks);
    assert_eq!(seen(&access, with_token(from("203.0.113.1"), TOKEN)), Exposure::Full);
    assert_eq!(seen(&access, with_token(from("192.0.2.7").insert_header(mesh), TOKEN)), Exposure::Full);
    assert_eq!(seen(&access, with_token(from("192.0.2.7"), "wrong-token-0123456789")), Exposure::Checks);
    assert_eq!(seen(&access, with_token(TestRequest::default(), TOKEN)), Exposure::Full, "on any socket");
    for everyone in [Exposure::Status, Exposure::Checks, Exposure::Full] {
        let access = access.clone().everyone(everyone);
        assert_eq!(seen(&access, from("203.0.113.1")), everyone);
        assert_eq!(seen(&access, from("192.0.2.7")), everyone.max(Exposure::Checks));
    }
    let access = Access::new()
        .networks(Exposure::Checks, ["10.0.0.0/8"])
        .and_then(|access| access.networks(Exposure::Full, ["10.2.0.0/16"]))
        .and_then(|access| access.networks(Exposure::Checks, ["10.2.3.0/24"]))
        .unwrap();
    assert_eq!(seen(&access, from("10.1.0.1")), Exposure::Checks);
    assert_eq!(seen(&access, from("10.2.3.1")), Exposure::Full);
}

#[test]
fn a_proxy_grants_what_it_says_and_nothing_of_its_own() {
    let access = all_kinds();
    let by = |proxy, caller| from(proxy).insert_header(("x-forwarded-for", caller));
    assert_eq!(seen(&access, by("10.1.0.3", "192.0.2.7")), Exposure::Checks);
    assert_eq!(seen(&access, by("10.1.0.3", "203.0.113.1")), Exposure::Status);
    assert_eq!(seen(&access, by("203.0.113.1", "192.0.2.7")), Exposure::Status, "not declared");
    for caller in ["10.1.0.3", "unknown", "", "192.0.2.7, 10.1.0.x"] {
        assert_eq!(seen(&access, by("10.1.0.3", caller)), Exposure::Status, "{caller}");
    }
    assert_eq!(seen(&access, from("10.1.0.3")), Exposure::Status, "though its address is in the list");
    let forwarded = |caller| from("10.1.0.3").insert_header(("forwarded", caller));
    assert_eq!(seen(&access, forwarded("for=192.0.2.7")), Exposure::Status);
    let access = access.proxy_header(ProxyHeader::Forwarded);
    assert_eq!(seen(&access, forwarded("for=192.0.2.7")), Exposure::Checks);
    assert_eq!(seen(&access, by("10.1.0.3", "192.0.2.7")), Exposure::Status);
}

#[test]
fn a_guard_is_asked_when_it_could_grant_more_and_may_panic() {
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    let access = all_kinds()
        .guard(Exposure::Checks, move |_: &GuardContext<'_>| count.fetch_add(1, Ordering::Relaxed) < u32::MAX)
        .guard(Exposure::Full, guard::fn_guard(|context| context.head().uri.path() == "/full"));
    assert_eq!(seen(&access, from("192.0.2.7")), Exposure::Checks);
    assert_eq!(seen(&access, with_token(from("203.0.113.1"), TOKEN)), Exposure::Full);
    assert_eq!(asked.load(Ordering::Relaxed), 0, "a network and a token had granted as much");
    assert_eq!(seen(&access, from("203.0.113.1")), Exposure::Checks);
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    assert_eq!(seen(&access, from("203.0.113.1").uri("/full")), Exposure::Full);

    let panics = |context: &GuardContext<'_>| context.head().headers().get("none").unwrap().is_empty();
    let access =
        Access::new().guard(Exposure::Full, panics).guard(Exposure::Checks, |_: &GuardContext<'_>| true);
    assert_eq!(seen(&access, from("203.0.113.1")), Exposure::Checks);
}

#[test]
fn a_clone_that_goes_on_changes_no_other() {
    let one = all_kinds();
    let other = one.clone().everyone(Exposure::Full).token(Exposure::Full, "another-0123456789").unwrap();
    assert_eq!(seen(&one, from("203.0.113.1")), Exposure::Status);
    assert_eq!(seen(&one, with_token(from("203.0.113.1"), "another-0123456789")), Exposure::Status);
    assert_eq!(seen(&other, with_token(from("203.0.113.1"), TOKEN)), Exposure::Full);
}

#[test]
fn workers_can_share_it() {
    fn is_shared<T: Clone + Send + Sync + 'static>() {}
    is_shared::<Access>();
    is_shared::<AccessError>();
}

#[test]
fn what_it_prints_names_every_grant_and_no_token() {
    let access = all_kinds().token(Exposure::Checks, "planted-other-0123456789").unwrap();
    assert_eq!(
        format!("{access:?}"),
        "Access { everyone: Status, tokens: {Checks: 1, Full: 1}, networks: {Checks: [192.0.2.0/24, 10.1.0.3/32]}, \
         proxies: [10.1.0.0/16], proxy_header: XForwardedFor, guards: [Checks] }"
    );
    assert!(!format!("{access:#?}").contains("planted"));
}

#[test]
fn a_refusal_says_where_and_not_what() {
    for token in ["", "planted", "planted-from-a-file-0123456789\n"] {
        let error = Access::new().token(Exposure::Full, token).unwrap_err();
        for said in
            [error.to_string(), format!("{error:?}"), format!("{:?}", std::io::Error::from(error.clone()))]
        {
            assert!(
                said.contains("a token ") && said.contains(file!()) && !said.contains("planted"),
                "{said}"
            );
        }
    }
    let refusals =
        [Access::new().networks(Exposure::Checks, ["::/0", "lan"]), Access::new().proxies(["lan"])];
    for refusal in refusals {
        let said = refusal.unwrap_err().to_string();
        assert!(said.contains("\"lan\" is no network") && said.contains(file!()), "{said}");
    }
}

/// Headers as somebody sends them who wants to see more, some of them near to what would do.
fn header() -> impl Strategy<Value = (&'static str, String)> {
    let name = prop::sample::select(vec![
        "authorization",
        "forwarded",
        "x-forwarded-for",
        "x-real-ip",
        "x-forwarded-proto",
        "proxy-authorization",
        "cookie",
        "x-mesh",
    ]);
    let value = prop_oneof![
        "[ -~]{0,40}",
        "(Bearer|Basic) [!-~]{0,40}",
        "(for=)?(192\\.0\\.2\\.7|10\\.1\\.0\\.3|127\\.0\\.0\\.1)(, ?(for=)?10\\.1\\.0\\.3)?",
        Just("Bearer planted-token-012345678".to_owned()),
        Just("Bearer Planted-token-0123456789".to_owned()),
    ];
    (name, value)
}

proptest! {
    #[test]
    fn no_header_of_a_stranger_raises_anything(
        headers in prop::collection::vec(header(), 0..6),
        address in prop::sample::select(vec!["203.0.113.1", "[2001:db8::1]", "127.0.0.1", "192.0.2.7"]),
        through_forwarded: bool,
    ) {
        let header = if through_forwarded { ProxyHeader::Forwarded } else { ProxyHeader::XForwardedFor };
        let access = all_kinds().proxy_header(header);
        let without = seen(&access, from(address));
        let send = |request| headers.iter().fold(request, |request: TestRequest, (name, value)| {
            request.append_header((*name, value.trim()))
        });
        prop_assert_eq!(seen(&access, send(from(address))), without);
        // Without an address there is nothing to be talked out of.
        prop_assert_eq!(seen(&access, send(TestRequest::default())), Exposure::Status);
    }

    #[test]
    fn a_right_token_is_right_whatever_else_is_sent(
        headers in prop::collection::vec(header(), 0..6),
        address in prop::sample::select(vec!["203.0.113.1", "10.1.0.3", "192.0.2.7"]),
    ) {
        let is_alone = headers.iter().all(|(name, _)| *name != "authorization");
        let request = headers.iter().fold(with_token(from(address), TOKEN), |request, (name, value)| {
            request.append_header((*name, value.trim()))
        });
        let granted = seen(&all_kinds(), request);
        prop_assert_eq!(granted == Exposure::Full, is_alone);
    }
}
