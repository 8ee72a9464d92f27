//! The page is there for whoever may see checks, asks others for a token if there are any, and names nothing to them.

use health_actix::dialect::{Asked, Body, Dialect, Native, Route};
use health_actix::{Access, endpoints};
use health_core::{Exposure, Health, Outcome, RenderError, Spec};
use health_tests::http::{Answer, Served, Wire, ask, get, serve};

const TOKEN: &str = "planted-token-0123456";
/// `printf 'anybody:planted-token-0123456' | base64`, and of another token.
const RIGHT: &str = "YW55Ym9keTpwbGFudGVkLXRva2VuLTAxMjM0NTY=";
const WRONG: &str = "YW55Ym9keTpwbGFudGVkLXRva2VuLTAxMjM0NTc=";

fn served(access: Access) -> Served {
    let check = || async { Outcome::unhealthy("planted summary").because("planted cause") };
    let spec = Spec::named("planted-name").group("planted-group").describe("planted description");
    let health = Health::builder().check_fn(spec, check).build().unwrap().start();
    serve(1, move |config| {
        config.service(endpoints(health.clone()).access(access.clone()));
    })
}

async fn with(served: &Served, method: &str, credentials: &str) -> Answer {
    let header =
        if credentials.is_empty() { String::new() } else { format!("Authorization: {credentials}\r\n") };
    let mut wire = Wire::to(served.address).await;
    wire.send(format!("{method} /health/ui HTTP/1.1\r\nHost: x\r\n{header}\r\n")).await;
    if method == "HEAD" { wire.head().await } else { wire.answer().await }
}

#[tokio::test]
async fn with_a_token_and_without_one() {
    let served = served(Access::new().token(Exposure::Full, TOKEN).unwrap());
    let wrong = format!("Basic {WRONG}");
    for credentials in ["", &wrong, "Basic", "Basic !", "Bearer planted-token-0123457"] {
        let asked = with(&served, "GET", credentials).await;
        assert_eq!(asked.code, 401, "{credentials}");
        assert_eq!(asked.header("www-authenticate"), Some(r#"Basic realm="health""#));
        assert_eq!(asked.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(asked.header("cache-control"), Some("no-store"));
        assert!(asked.body.contains("token") && !format!("{asked:?}").contains("planted"), "{asked:?}");
        let head = with(&served, "HEAD", credentials).await;
        assert_eq!((head.code, head.header("www-authenticate")), (401, asked.header("www-authenticate")));
    }
    let basic = format!("Basic {RIGHT}");
    let bearer = format!("Bearer {TOKEN}");
    for credentials in [&basic, &bearer] {
        let page = with(&served, "GET", credentials).await;
        assert_eq!(page.code, 200);
        assert!(page.body.contains("planted-name") && page.body.contains("planted cause"), "{}", page.body);
    }
    // On a probe path a token that counts for nothing is taken for none.
    let live = ask(
        served.address,
        format!("GET /health/live HTTP/1.1\r\nHost: x\r\nAuthorization: {wrong}\r\n\r\n"),
    )
    .await;
    assert_eq!(live.code, 200);
}

#[tokio::test]
async fn where_nobody_could_log_in_there_is_nothing() {
    for access in [Access::new(), Access::new().token(Exposure::Status, TOKEN).unwrap()] {
        let served = served(access);
        let unknown = get(served.address, "/health/nothing-here").await;
        assert_eq!(get(served.address, "/health/ui").await, unknown);
        assert_eq!(unknown.code, 404);
    }
}

#[tokio::test]
async fn who_sees_checks_sees_no_cause() {
    let seen =
        async |exposure| get(served(Access::new().everyone(exposure)).address, "/health/ui").await.body;
    let (some, all) = (seen(Exposure::Checks).await, seen(Exposure::Full).await);
    for shown in ["planted-name", "planted-group", "planted summary"] {
        assert!(some.contains(shown) && all.contains(shown), "{shown}");
    }
    for hidden in ["planted cause", "planted description", "the_page_opens_for_those_who_may.rs"] {
        assert!(!some.contains(hidden) && all.contains(hidden), "{hidden}");
    }
}

#[tokio::test]
async fn it_may_do_nothing_but_be_read() {
    let served = served(Access::new().everyone(Exposure::Checks));
    let page = get(served.address, "/health/ui").await;
    assert_eq!(page.code, 200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    let policy = page.header("content-security-policy").unwrap();
    for rule in [
        "default-src 'none'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.split("; ").any(|known| known == rule), "{rule}: {policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("http"), "{policy}");
    // Of the two places from which anything can come, one is the page itself.
    for reference in ["src=", "http://", "https://", "@import", "url(", "style=", "onclick"] {
        let body = page.body.replace("http://www.w3.org/2000/svg", "").replace("xmlns=&#39;https://", "");
        assert!(!body.contains(reference), "{reference}");
    }
    let head = with(&served, "HEAD", "").await;
    // It says of when it is, always in as many bytes; how long something has been is said in more or fewer.
    assert_eq!((head.code, head.header("content-security-policy")), (200, Some(policy)));
    for method in ["POST", "PUT", "OPTIONS", "DELETE"] {
        let refused = with(&served, method, "").await;
        assert_eq!((refused.code, refused.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
}

/// A page at the mount itself, and events of its own choice.
#[derive(Debug)]
struct Own(Native);

impl Dialect for Own {
    fn mount(&self) -> &str {
        "/status"
    }

    fn routes(&self) -> Vec<Route> {
        vec![Route::page(""), Route::events("/deep/events")]
    }

    fn body(&self, asked: &Asked<'_>) -> Result<Body, RenderError> {
        self.0.body(asked)
    }
}

#[tokio::test]
async fn another_dialect_puts_it_where_it_likes() {
    let health = Health::builder().build().unwrap().start();
    let served = serve(1, move |config| {
        let own = endpoints(health.clone()).dialect(Own(Native::new())).exposure(Exposure::Checks);
        config.service(actix_web::web::scope("/prefix").service(own));
    });
    let page = get(served.address, "/prefix/status").await;
    assert_eq!(page.code, 200);
    assert!(page.body.contains(r#"data-events="./status/deep/events""#), "{:.2000}", page.body);
}
