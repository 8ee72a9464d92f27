//! The page in a real browser: it shows what happens as it happens, says when it cannot, and stays text whatever
//! somebody wrote.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix_web::web::{self, ServiceConfig};
use actix_web::{App, HttpResponse, HttpServer};
use health_actix::{Access, endpoints};
use health_core::{Exposure, Failure, Health, Outcome, Spec, Status};
use health_tests::browser::{Browser, processes_of};
use health_tests::http::{Served, serve};
use health_tests::scripts::Script;
use health_tests::servers::eventually;
use health_tests::shop::Shop;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

fn configured(health: &Health) -> impl Fn(&mut ServiceConfig) + Clone + Send + use<> {
    let health = health.clone();
    move |config| {
        config.service(endpoints(health.clone()).exposure(Exposure::Full));
    }
}

fn served(health: &Health) -> Served {
    serve(2, configured(health))
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}/health/ui")
}

const LIVE: &str = "document.documentElement.dataset.link === 'live'";
const STALE: &str = "document.documentElement.dataset.link === 'stale'";

fn says(words: &str) -> String {
    format!("document.body.innerText.includes({words:?})")
}

/// How long it takes until the page shows what has just begun, the run of the check included; in order.
async fn delays(browser: &Browser, shop: &Shop) -> Vec<Duration> {
    let mut delays = Vec::new();
    for _ in 0..3 {
        let begun = Instant::now();
        shop.breaks("network", "no route").await;
        browser.becomes("document.querySelector('h1').textContent.includes('Unhealthy')").await;
        delays.push(begun.elapsed());
        assert!(browser.text().await.contains("no route"));
        let begun = Instant::now();
        shop.mends("network").await;
        browser.becomes("document.querySelector('h1').textContent.includes('All is well')").await;
        delays.push(begun.elapsed());
    }
    delays.sort();
    delays
}

#[tokio::test]
async fn what_breaks_is_shown_within_a_second_and_nothing_moves_away() {
    let Some(browser) = Browser::start().await else { return };
    let shop = Shop::opens();
    shop.migrations.open();
    shop.settles().await;
    let served = served(&shop.health);
    browser.size(1000, 700).await;
    browser.open(&url(served.address)).await;
    browser.becomes(LIVE).await;
    assert!(browser.text().await.contains("All is well"));
    // Somebody is at work on it.
    browser.evaluate("document.querySelector('[id=\"check-disk\"] summary').click()").await;
    browser.evaluate("document.querySelector('[id=\"check-disk\"] summary').focus()").await;
    browser.evaluate("scrollTo(0, 240)").await;
    // The machine may be busy, so one calm round is enough. Without events it takes up to ten seconds, every time.
    let is_quick = |delays: &Vec<Duration>| delays[delays.len() / 2] < Duration::from_secs(1);
    let mut rounds = Vec::new();
    while rounds.len() < 4 && !rounds.iter().any(is_quick) {
        rounds.push(delays(&browser, &shop).await);
    }
    println!("from the trouble to the page: {rounds:?}");
    assert!(rounds.iter().any(is_quick), "it took longer than a second: {rounds:?}");
    let kept = "document.querySelector('[id=\"more-disk\"]').open && \
        document.activeElement.closest('[id]').id === 'more-disk' && scrollY > 0";
    assert_eq!(browser.evaluate(kept).await, json!(true));
    assert_eq!(browser.complaints().await, [""; 0]);
}

#[tokio::test]
async fn whoever_has_logged_in_is_kept_up_to_date() {
    let Some(browser) = Browser::start().await else { return };
    let shop = Shop::opens();
    shop.migrations.open();
    let (health, token) = (shop.health.clone(), "planted-token-0123456");
    let served = serve(1, move |config| {
        let access = Access::new().token(Exposure::Checks, token).expect("a token");
        config.service(endpoints(health.clone()).access(access));
    });
    browser.open(&url(served.address).replace("http://", &format!("http://anybody:{token}@"))).await;
    browser.becomes(LIVE).await;
    shop.fails("disk", "read-only", "planted cause").await;
    browser.becomes(&says("read-only")).await;
    assert!(!browser.evaluate("document.documentElement.outerHTML").await.to_string().contains("planted"));
}

#[tokio::test]
async fn a_lost_connection_is_seen_and_found_again() {
    let Some(browser) = Browser::start().await else { return };
    let shop = Shop::opens();
    shop.migrations.open();
    let first = served(&shop.health);
    let address = first.address;
    browser.open(&url(address)).await;
    browser.becomes(LIVE).await;
    drop(first);
    browser.becomes(STALE).await;
    let banner = "/^Not live since \\d\\d:\\d\\d:\\d\\d: /.test(document.getElementById('stale').innerText)";
    browser.becomes(banner).await;
    let grey = "getComputedStyle(document.querySelector('main')).filter";
    assert_eq!(browser.evaluate(grey).await, json!("grayscale(1)"));
    // Another process at the same place, in which something else is the case.
    let other = Shop::opens();
    other.migrations.open();
    other.breaks("disk", "read-only").await;
    let configure = configured(&other.health);
    let again = HttpServer::new(move || App::new().configure(&configure)).workers(1).disable_signals();
    let again = again.bind(address).expect("the same port").run();
    let handle = again.handle();
    tokio::spawn(again);
    browser.becomes(LIVE).await;
    assert!(browser.text().await.contains("read-only"));
    assert_eq!(browser.evaluate("document.getElementById('stale').innerText").await, json!(""));
    assert_eq!(browser.evaluate(grey).await, json!("none"));
    handle.stop(false).await;
}

/// Hands bytes on in both directions, until it falls silent without hanging up.
async fn relay(to: SocketAddr, is_silent: Arc<AtomicBool>) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let Ok(far) = TcpStream::connect(to).await else { continue };
            let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
            for (mut from, mut to) in [(near_read, far_write), (far_read, near_write)] {
                let is_silent = Arc::clone(&is_silent);
                tokio::spawn(async move {
                    let mut bytes = vec![0; 4096];
                    while let Ok(read @ 1..) = from.read(&mut bytes).await {
                        if !is_silent.load(Ordering::SeqCst) && to.write_all(&bytes[..read]).await.is_err() {
                            return;
                        }
                    }
                });
            }
        }
    });
    address
}

#[tokio::test]
async fn a_connection_that_falls_silent_is_no_live_one() {
    let Some(browser) = Browser::start().await else { return };
    let shop = Shop::opens();
    let (served, is_silent) = (served(&shop.health), Arc::new(AtomicBool::new(false)));
    let address = relay(served.address, Arc::clone(&is_silent)).await;
    browser.open(&url(address)).await;
    browser.becomes(LIVE).await;
    is_silent.store(true, Ordering::SeqCst);
    browser.becomes(STALE).await;
    is_silent.store(false, Ordering::SeqCst);
    browser.becomes("document.documentElement.dataset.link !== 'stale'").await;
}

#[tokio::test]
async fn too_many_readers_are_told_so_and_poll() {
    let Some(browser) = Browser::start().await else { return };
    let shop = Shop::opens();
    shop.migrations.open();
    shop.settles().await;
    let configure = configured(&shop.health);
    let served = serve(1, move |config| {
        let full =
            || async { HttpResponse::ServiceUnavailable().insert_header(("retry-after", "30")).finish() };
        config.route("/health/events", web::get().to(full));
        configure(config);
    });
    browser.open(&url(served.address)).await;
    browser.becomes(&says("Too many readers: every 5 s")).await;
    shop.breaks("disk", "read-only").await;
    browser.becomes(&says("read-only")).await;
    assert_eq!(browser.evaluate(STALE).await, json!(false));
}

const HOSTILE: [&str; 6] = [
    "<script>window.taken = 1</script>",
    "\"><img src=x onerror=\"window.taken = 2\">",
    "</bdi></p></style></script><svg onload='window.taken = 3'>",
    "javascript:window.taken=4//<!--",
    "' onmouseover='window.taken = 5' autofocus onfocus='window.taken = 6",
    "\u{202e}\u{2066}dehcaer si bd eht\u{2069} \u{0645}\u{0631}\u{062d}\u{0628}\u{0627} \u{0000}\u{001b}[31m",
];

#[tokio::test]
async fn whatever_somebody_wrote_stays_text() {
    let Some(browser) = Browser::start().await else { return };
    let long = "<b>w\u{f8}rd</b>".repeat(800);
    let mut builder = Health::builder().check_fn(Spec::named("well"), || async {});
    for (number, text) in HOSTILE.into_iter().chain([&*long]).enumerate() {
        let text = text.to_owned();
        let spec = Spec::named(format!("c-{number}")).describe(text.clone());
        let says = text.clone();
        builder = builder.check_fn(spec.depends_on(["well"]), move || {
            let says = says.clone();
            async move { Outcome::unhealthy(says.clone()).data(says.clone(), says.clone()).because(says) }
        });
        let failing = Spec::named(format!("f-{number}"));
        builder = builder.check_fn(failing, move || {
            let text = text.clone();
            async move { Err::<(), _>(Failure::new(text.clone()).because(text)) }
        });
    }
    let health = builder.build().unwrap().start();
    health.overview().await;
    health.mute("c-0", "10m", HOSTILE[1]).unwrap();
    let served = served(&health);
    for (width, height) in [(1200, 800), (320, 640)] {
        browser.size(width, height).await;
        browser.open(&url(served.address)).await;
        browser.becomes(LIVE).await;
        browser.evaluate("document.querySelectorAll('details').forEach((fold) => fold.open = true)").await;
        // Written anew by the script too.
        health.mute("c-1", "10m", HOSTILE[0]).unwrap();
        browser.becomes("document.getElementById('muted').innerText.includes('c-1')").await;
        assert!(health.unmute("c-1"));
        browser.becomes("!document.getElementById('muted').innerText.includes('c-1')").await;
        assert_eq!(browser.evaluate("window.taken").await, json!(null));
        assert_eq!(
            browser.evaluate("document.querySelectorAll('img, b, body svg:not(.strip)').length").await,
            json!(0)
        );
        assert_eq!(browser.evaluate("document.scripts.length").await, json!(1));
        let text = browser.text().await;
        for hostile in &HOSTILE[..5] {
            assert!(text.contains(hostile), "{hostile} in {text:.3000}");
        }
        assert!(!text.contains(['\u{202e}', '\u{2066}', '\u{1b}']));
        // Nothing sticks out.
        let wide = browser.evaluate("document.documentElement.scrollWidth").await;
        assert_eq!(wide, json!(width));
    }
    assert_eq!(browser.complaints().await, [""; 0]);
    // That the policy is in force: what would have got in does nothing.
    browser.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.taken = 7\"><p style=\"color: red\">')").await;
    browser.becomes("window.violations.length >= 2").await;
    assert_eq!(browser.evaluate("window.taken").await, json!(null));
}

#[tokio::test]
async fn five_hundred_checks_can_be_used_with_the_keyboard() {
    let Some(browser) = Browser::start().await else { return };
    let script = Script::new(Status::Healthy);
    let mut builder = Health::builder();
    for number in 0..500 {
        let spec = Spec::named(format!("tenant/{number:03}"))
            .group(format!("shard-{}", number % 10))
            .interval("60s");
        let spec = spec.cache("1ms").critical(number % 2 == 0);
        let spec = if number % 10 == 0 {
            spec
        } else {
            spec.depends_on([format!("tenant/{:03}", number - number % 10)])
        };
        builder = if number == 250 {
            builder.check_fn(spec, script.check())
        } else {
            builder.check_fn(spec, || async {})
        };
    }
    let health = builder.build().unwrap().start();
    health.overview().await;
    let served = served(&health);
    browser.size(1000, 800).await;
    browser.open(&url(served.address)).await;
    browser.becomes(LIVE).await;
    // Calm: nothing is unfolded, so a screen or two are all there is.
    let height = browser.evaluate("document.documentElement.scrollHeight").await.as_u64().unwrap();
    assert!(height < 2_000, "{height}");
    browser.types("/042").await;
    browser.becomes("document.getElementById('found').textContent === '1 of 500'").await;
    let visible = "[...document.querySelectorAll('#checks tbody tr')].filter((row) => row.checkVisibility()).map((row) => row.id).join()";
    assert_eq!(browser.evaluate(visible).await, json!("check-tenant/042"));
    // Escape clears it and folds away what was folded away.
    browser.types("\u{e00c}").await;
    browser.becomes("document.getElementById('found').textContent === ''").await;
    assert_eq!(browser.evaluate(visible).await, json!(""));
    browser.types("shard-3 healthy").await;
    browser.becomes("document.getElementById('found').textContent === '50 of 500'").await;
    browser.types("\u{e00c}").await;
    // What breaks is in sight, and the link leads to it.
    let mut delays = Vec::new();
    for _ in 0..3 {
        script.says(Status::Unhealthy);
        health.check("tenant/250").await.unwrap();
        delays.push(browser.becomes("!!document.getElementById('wrong')").await);
        assert_eq!(browser.evaluate(visible).await, json!("check-tenant/250"));
        script.says(Status::Healthy);
        health.check("tenant/250").await.unwrap();
        delays.push(browser.becomes("!document.getElementById('wrong')").await);
    }
    delays.sort();
    let bytes = browser
        .evaluate("fetch(location.href).then((answer) => answer.blob()).then((blob) => blob.size)")
        .await;
    println!("500 checks: {bytes} bytes, from the run of the check to the page: {delays:?}");
    assert!(delays[0] < Duration::from_secs(2) && delays[3] < Duration::from_secs(5), "{delays:?}");
    script.says(Status::Unhealthy);
    health.check("tenant/250").await.unwrap();
    browser.becomes("!!document.getElementById('wrong')").await;
    browser.evaluate("document.querySelector('#wrong h3 a').focus()").await;
    browser.types("\u{e007}").await;
    browser.becomes("document.activeElement.closest('tr')?.id === 'check-tenant/250'").await;
}

#[tokio::test]
async fn without_a_script_it_says_all_the_same() {
    let Some(browser) = Browser::start().await else { return };
    let shop = Shop::opens();
    shop.fails("network", "no route", "os error 113").await;
    let served = served(&shop.health);
    browser.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    browser.open(&url(served.address)).await;
    let text = browser.text().await;
    for said in
        ["Starting", "gate migrations", "no route", "os error 113", "UTC", "load it again", "payments/north"]
    {
        assert!(text.contains(said), "{said} in {text}");
    }
    assert!(!text.contains("Filter"));
    let refreshes = "!!document.querySelector('meta[http-equiv=refresh]')";
    assert_eq!(browser.evaluate(refreshes).await, json!(false));
    browser.open(&format!("{}?refresh", url(served.address))).await;
    assert_eq!(browser.evaluate(refreshes).await, json!(true));
    assert_eq!(browser.complaints().await, [""; 0]);
}

#[tokio::test]
async fn no_browser_outlives_its_test() {
    let Some(browser) = Browser::start().await else { return };
    let profile = browser.profile().to_owned();
    assert!(!processes_of(&profile).is_empty());
    let panicked = tokio::spawn(async move {
        // The driver waits for the page, and the test has waited long enough.
        let endless = browser.evaluate("new Promise(() => {})");
        tokio::time::timeout(Duration::from_millis(300), endless).await.expect("it comes to an end");
        drop(browser);
    });
    assert!(panicked.await.is_err_and(|error| error.is_panic()));
    eventually("nothing is left", async || processes_of(&profile).is_empty()).await;
    assert!(!profile.exists());
}
