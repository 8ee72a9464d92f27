//! What an endpoint answers is judged by its code, its body and its time, and none of it is repeated.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use health_builtins::Recommended;
use health_builtins::http::{BadUrl, Downstream, Http};
use health_core::Health;
use health_deep_tests::asked::{Deep, SECRET};
use health_deep_tests::nginx::Nginx;
use health_deep_tests::proxy::{Fault, FaultProxy};
use reqwest::dns::{Name, Resolve, Resolving};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Client, Method, redirect};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

fn client(policy: redirect::Policy) -> Client {
    Client::builder().redirect(policy).build().expect("a client")
}

fn deep(check: Http) -> Deep {
    assert!(!format!("{check:?}").contains(SECRET), "{check:?}");
    let spec = check.spec("endpoint").timeout("3s");
    Deep::started("endpoint", spec, check)
}

#[tokio::test]
async fn the_code_and_the_body_are_as_expected_or_not() {
    let Some(nginx) = Nginx::start().await else { return };
    let client = client(redirect::Policy::none());
    let get = |path| Http::get(&client, nginx.url(path)).unwrap();
    let token = |token| HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    let guarded = |key| get("/guarded").header(AUTHORIZATION, token(key));
    let secret_in_the_query = format!("/busy?key={SECRET}");

    let well = [
        get("/ok"),
        Http::head(&client, nginx.url("/ok")).unwrap(),
        Http::request(&client, Method::OPTIONS, nginx.url("/ok")).unwrap(),
        get("/busy").expecting(503),
        get("/busy").expecting([200, 503]),
        get("/moved").expecting([200..=299, 302..=302]),
        guarded(SECRET),
        get("/ok").body_is(|body| body == b"all is well"),
        // More than is read, and nobody wants to know.
        get("/big"),
        get("/big").at_most(200_000).body_is(|body| body.len() == 200_000),
    ];
    for check in well {
        let told = deep(check.clone()).told().await;
        assert!(told.summary.is_none(), "{check:?}: {told:?}");
        told.is_healthy();
    }
    let not_well = [
        (get("/busy"), "answered 503 instead of 200 to 299"),
        (get(&secret_in_the_query), "answered 503 instead of 200 to 299"),
        (get("/ok").expecting([204, 304]), "answered 200 instead of 204 or 304"),
        (get("/nothing-here"), "answered 404 instead of 200 to 299"),
        (guarded("wrong"), "answered 401 instead of 200 to 299"),
        (guarded("wrong").expecting([200, 204]), "answered 401 instead of 200 or 204"),
        (get("/ok").body_is(|body| body == b"nothing is well"), "the body is not as expected"),
        (get("/big").body_is(|_| true), "the body is longer than 65536 bytes"),
        (get("/ok").at_most(10).body_is(|_| true), "the body is longer than 10 bytes"),
    ];
    for (check, summary) in not_well {
        deep(check).told().await.is_unhealthy(summary);
    }
}

#[tokio::test]
async fn a_redirect_is_no_answer_unless_it_is_followed() {
    let Some(nginx) = Nginx::start().await else { return };
    let (follows, stays) = (client(redirect::Policy::default()), client(redirect::Policy::none()));
    let get = |client: &Client, path: &str| Http::get(client, nginx.url(path)).unwrap();

    deep(get(&stays, "/moved")).told().await.is_unhealthy("answered 302 instead of 200 to 299");
    deep(get(&stays, "/moved").follow_redirects())
        .told()
        .await
        .is_unhealthy("answered 302 instead of 200 to 299");
    deep(get(&follows, "/moved")).told().await.is_unhealthy("was redirected");
    deep(get(&follows, "/moved").follow_redirects()).told().await.is_healthy();
    // What it leads to has a secret in it.
    let looped = deep(get(&follows, "/loop").follow_redirects()).told().await;
    looped.is_unhealthy("was redirected");
    deep(get(&follows, "/loop")).told().await.is_unhealthy("was redirected");
    // However a URL is written, the answer to it comes from there.
    for odd in ["/ok?q=a b'\"<>|{}^`", "/ok/%7e/%zz/../ä?ö#part", "/ok//..;a=b,c&d=[1]", "/ok?%00#"] {
        deep(get(&follows, odd)).told().await.is_healthy();
    }
}

#[tokio::test]
async fn what_is_slow_is_degraded_and_no_worse() {
    let Some(nginx) = Nginx::start().await else { return };
    let proxy = FaultProxy::to(nginx.address()).await;
    let client = client(redirect::Policy::none());
    let get = || Http::get(&client, format!("http://{}/ok", proxy.address())).unwrap();
    let limited = deep(get().degraded_if_slower_than(Duration::from_millis(250)));
    deep(get().degraded_if_slower_than(Duration::from_secs(60))).told().await.is_healthy();
    proxy.set(Fault::Latency(Duration::from_millis(300)));
    let told = limited.told().await;
    let took = told.data["latency_ms"].as_u64().expect("a number");
    assert!(took >= 300, "{told:?}");
    told.is_degraded(&format!("answered in {:?}, slower than 250ms", Duration::from_millis(took)));
    proxy.set(Fault::None);
    limited.recovers().await;
}

#[tokio::test]
async fn what_cannot_be_asked_is_known_before_it_is() {
    let client = Client::new();
    for (url, problem) in [
        (format!("{SECRET}/status"), BadUrl::Malformed),
        (format!("redis://{SECRET}@localhost/"), BadUrl::Scheme),
        (format!("http://app:{SECRET}@localhost/"), BadUrl::Credentials),
    ] {
        let refused = Http::get(&client, url).expect_err("it cannot be asked");
        assert_eq!(refused, problem);
        assert!(!format!("{refused} {refused:?}").contains(SECRET));
    }
}

#[test]
fn a_check_does_not_show_where_it_asks_and_its_spec_does_show_who_wrote_it() {
    let url = format!("http://{SECRET}.internal/{SECRET}?{SECRET}");
    let (http, downstream) =
        (Http::get(&Client::new(), &url).unwrap(), Downstream::of(&Client::new(), &url).unwrap());
    let shown = format!("{http:?} {downstream:?}");
    assert!(!shown.contains(SECRET) && !shown.contains("internal"), "{shown}");
    for (spec, line) in [(http.spec(""), line!()), (downstream.spec(""), line!())] {
        let refused = Health::builder().check_fn(spec, async || {}).build().expect_err("it has no name");
        let here = format!("{}:{line}", file!());
        assert!(refused.to_string().contains(&here), "{here}: {refused}");
    }
}

/// Answers each connection as it is told to, and counts them.
async fn answering<F: Future<Output = ()> + Send>(
    answer: impl Fn(TcpStream) -> F + Clone + Send + 'static,
) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let (address, count) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let answer = answer.clone();
            tokio::spawn(async move { answer(connection).await });
        }
    });
    (address, count)
}

async fn request(connection: &mut TcpStream) -> bool {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match connection.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => return false,
        }
    }
    true
}

#[tokio::test]
async fn an_old_connection_is_no_outage() {
    // Each connection is good for one request, and closed when there is another: whoever kept it could not know.
    let (address, count) = answering(async |mut connection: TcpStream| {
        request(&mut connection).await;
        connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
        request(&mut connection).await;
    })
    .await;
    let endpoint = deep(Http::get(&Client::new(), format!("http://{address}/")).unwrap());
    endpoint.told().await.is_healthy();
    let before = count.load(Ordering::SeqCst);
    for _ in 0..5 {
        endpoint.told().await.is_healthy();
    }
    assert_eq!(count.load(Ordering::SeqCst), before + 5);
}

/// Knows no name.
struct Nowhere;

impl Resolve for Nowhere {
    fn resolve(&self, _: Name) -> Resolving {
        Box::pin(async { Err("no such name".into()) })
    }
}

#[tokio::test]
async fn what_is_no_answer_is_told_apart() {
    let answers: [(&'static [u8], &str); 4] = [
        (b"", "the connection was closed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "the connection was closed"),
        (b"SSH-2.0-hunter2-is-no-password\r\n\r\n", "what answers does not speak HTTP"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: hunter2-is-no-password\r\n\r\n",
            "what answers does not speak HTTP",
        ),
    ];
    let client = Client::new();
    for (bytes, summary) in answers {
        let (address, count) = answering(move |mut connection: TcpStream| async move {
            request(&mut connection).await;
            connection.write_all(bytes).await.unwrap();
        })
        .await;
        // One that hangs up without a word is asked twice, and what may not be repeated is not.
        let twice = if bytes.is_empty() { 2 } else { 1 };
        for (method, times) in [(Method::GET, twice), (Method::POST, 1)] {
            let endpoint =
                deep(Http::request(&client, method, format!("http://{address}/{SECRET}?{SECRET}")).unwrap());
            endpoint.told().await.is_unhealthy(summary);
            let before = count.load(Ordering::SeqCst);
            endpoint.told().await.is_unhealthy(summary);
            assert_eq!(count.load(Ordering::SeqCst), before + times, "{summary}");
        }
    }
    // No feature for TLS is on here.
    let (address, _) = answering(async |_| {}).await;
    deep(Http::get(&client, format!("https://{address}/{SECRET}")).unwrap())
        .told()
        .await
        .is_unhealthy("cannot connect: TLS failed");
    let lost = Client::builder().dns_resolver(Nowhere).build().unwrap();
    deep(Http::get(&lost, format!("http://nobody.invalid/{SECRET}")).unwrap())
        .told()
        .await
        .is_unhealthy("cannot connect: the name does not resolve");
    let impatient = Client::builder().timeout(Duration::from_millis(100)).build().unwrap();
    let (address, _) =
        answering(async |mut connection: TcpStream| while request(&mut connection).await {}).await;
    deep(Http::get(&impatient, format!("http://{address}/{SECRET}?{SECRET}")).unwrap())
        .told()
        .await
        .is_unhealthy("the client gave up waiting for the answer");
}

#[tokio::test]
async fn a_body_without_an_end_costs_no_memory() {
    let (address, _) = answering(async |mut connection: TcpStream| {
        request(&mut connection).await;
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        connection.write_all(head).await.unwrap();
        let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
        while connection.write_all(chunk.as_bytes()).await.is_ok() {}
    })
    .await;
    let url = format!("http://{address}/");
    deep(Http::get(&Client::new(), &url).unwrap()).told().await.is_healthy();
    deep(Http::get(&Client::new(), &url).unwrap().body_is(|_| true))
        .told()
        .await
        .is_unhealthy("the body is longer than 65536 bytes");
    deep(Http::head(&Client::new(), &url).unwrap()).told().await.is_healthy();
}
