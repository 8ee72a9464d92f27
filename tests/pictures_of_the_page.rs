//! Takes the pictures of the page in the documentation, which takes two and a half minutes. Run with
//! `cargo run -p health-tests --example pictures_of_the_page`; it needs chromium and chromedriver. With a folder in
//! `PICTURES` it puts more of them there: the whole page, a phone scrolled down, and what is seen when the connection is
//! lost.

use std::path::Path;
use std::time::Duration;

use health_actix::endpoints;
use health_core::{Exposure, Health};
use health_tests::browser::Browser;
use health_tests::http::{Served, serve};
use health_tests::shop::Shop;
use tokio::time::sleep;

fn served(health: &Health) -> Served {
    let health = health.clone();
    serve(1, move |config| {
        config.service(endpoints(health.clone()).exposure(Exposure::Full));
    })
}

/// A while in which things happen, so that there is a past to show.
async fn past(shop: &Shop) {
    shop.migrations.open();
    shop.settles().await;
    for (check, why) in [
        ("payments/west", "slow"),
        ("mail", "421 try again later"),
        ("search", "the index is 4 min behind"),
        ("cache", "hit rate 31 %"),
    ] {
        sleep(Duration::from_secs(9)).await;
        shop.degrades(check, why).await;
        sleep(Duration::from_secs(7)).await;
        shop.mends(check).await;
    }
    sleep(Duration::from_secs(7)).await;
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let browser = Browser::start().await.expect("a browser is installed");
    let docs = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs"));
    let shop = Shop::opens();
    let served = served(&shop.health);
    past(&shop).await;
    let url = format!("http://{}/health/ui", served.address);
    browser.size(1180, 760).await;
    browser.scheme("dark").await;
    browser.open(&url).await;
    sleep(Duration::from_secs(1)).await;
    browser.photograph(&docs.join("page-well-dark.png")).await;

    shop.fails(
        "network",
        "no route to 10.20.0.0/16",
        "connect 10.20.0.7:5432: No route to host (os error 113)",
    )
    .await;
    for check in ["db/primary", "db/replica", "payments/north", "payments/south", "orders", "checkout"] {
        shop.breaks(check, "did not answer within 700 ms").await;
    }
    shop.degrades("certificate", "expires in 6 days").await;
    shop.health.mute("mail", "30m", "moving to the new relay").expect("a mute");
    sleep(Duration::from_secs(61)).await;
    browser.scheme("light").await;
    browser.open(&url).await;
    sleep(Duration::from_secs(1)).await;
    browser.photograph(&docs.join("page-wrong-light.png")).await;
    browser.size(360, 740).await;
    browser.open(&url).await;
    sleep(Duration::from_secs(1)).await;
    browser.photograph(&docs.join("page-phone.png")).await;
    if let Ok(more) = std::env::var("PICTURES") {
        let more = Path::new(&more);
        browser.size(1180, 2600).await;
        browser.photograph(&more.join("long-light.png")).await;
        browser.scheme("dark").await;
        browser.photograph(&more.join("long-dark.png")).await;
        browser.size(320, 3600).await;
        browser.photograph(&more.join("phone-long.png")).await;
        assert_eq!(browser.complaints().await, [""; 0]);
        browser.size(320, 1300).await;
        browser.evaluate("document.getElementById('checks').scrollIntoView()").await;
        browser.photograph(&more.join("phone-checks.png")).await;
        drop(served);
        browser.size(1180, 760).await;
        browser.becomes("document.body.classList.contains('stale')").await;
        browser.photograph(&more.join("stale.png")).await;
    }
}
