//! Which content type the Spring dialect answers with, by the `Accept` header.

use actix_web::http::header::ACCEPT;
use actix_web::test::TestRequest;
use health_actix::dialect::Spring;
use health_actix::endpoints;
use health_core::{Exposure, Status};
use health_tests::asking::{ask_with, get, of_status};

const V3: &str = "application/vnd.spring-boot.actuator.v3+json";
const V2: &str = "application/vnd.spring-boot.actuator.v2+json";
const JSON: &str = "application/json";

#[tokio::test]
async fn accept_chooses_the_content_type_and_nothing_else() {
    let health = of_status(Status::Degraded);
    let mounted = |exposure| endpoints(health.clone()).dialect(Spring::new()).exposure(exposure);
    let cases: &[(&str, &str)] = &[
        ("*/*", V3),
        ("application/*", V3),
        (V3, V3),
        (V2, V2),
        (JSON, JSON),
        ("application/json; charset=utf-8", JSON),
        ("APPLICATION/JSON", JSON),
        ("Application/Vnd.Spring-Boot.Actuator.V2+Json", V2),
        // As Spring Boot Admin asks, and as it asked before.
        (
            concat!(
                "application/vnd.spring-boot.actuator.v3+json, application/vnd.spring-boot.actuator.v2+json, ",
                "application/vnd.spring-boot.actuator.v1+json, application/json"
            ),
            V3,
        ),
        (
            concat!(
                "application/vnd.spring-boot.actuator.v2+json, application/vnd.spring-boot.actuator.v1+json, ",
                "application/json"
            ),
            V2,
        ),
        ("application/json, application/vnd.spring-boot.actuator.v3+json", JSON),
        ("application/json;q=0.5, application/vnd.spring-boot.actuator.v2+json;q=0.9", V2),
        ("application/json;q=0.9, application/vnd.spring-boot.actuator.v2+json;q=0.5", JSON),
        ("application/json, */*", JSON),
        ("application/json;q=0.1, */*;q=0.1", JSON),
        ("application/json;q=0.1, */*", V3),
        ("application/vnd.spring-boot.actuator.v3+json;q=0, */*", V2),
        (
            "application/vnd.spring-boot.actuator.v3+json;q=0, application/vnd.spring-boot.actuator.v2+json;q=0, */*",
            JSON,
        ),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", V3),
        ("application/vnd.spring-boot.actuator.v1+json", V3),
        ("text/plain", V3),
        ("image/png;q=1, application/json;q=0.001", JSON),
        ("application/json;q=0", V3),
        ("application/json;q=banana", V3),
        ("application/json;q=2", V3),
        ("application/json;q=", V3),
        ("applicationjson", V3),
        (";;;,,q=1,/", V3),
        ("\u{fffd}", V3),
        ("", V3),
        ("garbage, application/json", JSON),
    ];
    for exposure in [Exposure::Status, Exposure::Checks, Exposure::Full] {
        for path in ["", "/readiness", "/liveness"] {
            let path = format!("/actuator/health{path}");
            let plain = get(&mounted(exposure), &path).await;
            assert_eq!((plain.code, plain.header("content-type")), (200, Some(V3)));
            for (accept, expected) in cases {
                let request = TestRequest::with_uri(&path).insert_header((ACCEPT, *accept));
                let seen = ask_with(&mounted(exposure), request).await;
                assert_eq!((seen.code, seen.header("content-type")), (200, Some(*expected)), "{accept}");
                assert_eq!(seen.headers.len(), plain.headers.len());
                if *expected != V2 {
                    assert_eq!(seen.body, plain.body, "{accept}");
                }
            }
        }
    }
    let twice = TestRequest::with_uri("/actuator/health")
        .append_header((ACCEPT, "application/json;q=0.3"))
        .append_header((ACCEPT, format!("{V2};q=0.4")));
    assert_eq!(ask_with(&mounted(Exposure::Status), twice).await.header("content-type"), Some(V2));
}
