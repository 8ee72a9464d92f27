//! The page judged by axe-core, in light and dark, wide and as narrow as a phone, well and unwell; and by the keyboard.

use std::path::Path;

use health_actix::endpoints;
use health_core::{Exposure, Health};
use health_tests::browser::Browser;
use health_tests::http::{Served, serve};
use health_tests::servers::missing;
use health_tests::shop::Shop;
use serde_json::{Value, json};

/// Where `npm install --prefix target/axe axe-core` puts it.
const AXE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/../axe/node_modules/axe-core/axe.min.js");

const LIVE: &str = "document.documentElement.dataset.link === 'live'";

fn served(health: &Health) -> Served {
    let health = health.clone();
    serve(1, move |config| {
        config.service(endpoints(health.clone()).exposure(Exposure::Full));
    })
}

/// What axe-core finds that is not merely advice, each with the places it was found at.
async fn found(browser: &Browser, axe: &str) -> Vec<String> {
    browser.evaluate(axe).await;
    let found = browser
        .evaluate("axe.run(document, { resultTypes: ['violations'] }).then((found) => JSON.stringify(found))")
        .await;
    let found: Value = serde_json::from_str(found.as_str().expect("text")).expect("JSON");
    assert!(found["passes"].as_array().is_some_and(|passes| passes.len() > 10), "it looked at the page");
    let violations = found["violations"].as_array().expect("a list").iter();
    let place = |violation: &Value| {
        let nodes = violation["nodes"].as_array().cloned().unwrap_or_default();
        let first: Vec<_> =
            nodes.iter().take(3).map(|node| format!("{} {}", node["html"], node["failureSummary"])).collect();
        format!("{} ({}): {}", violation["id"], violation["impact"], first.join(" | "))
    };
    violations.map(place).collect()
}

#[tokio::test]
async fn axe_finds_nothing() {
    if !Path::new(AXE).is_file() {
        return missing("axe-core (npm install --prefix target/axe axe-core)");
    }
    let Some(browser) = Browser::start().await else { return };
    let axe = std::fs::read_to_string(AXE).expect("it is there");
    let shop = Shop::opens();
    let served = served(&shop.health);
    let url = format!("http://{}/health/ui", served.address);
    for state in ["starting", "well", "wrong", "stale"] {
        match state {
            "well" => {
                shop.migrations.open();
                shop.settles().await;
            }
            "wrong" => {
                shop.fails("network", "no route", "os error 113").await;
                shop.breaks("orders", "timed out").await;
                shop.degrades("certificate", "expires in 6 days").await;
                shop.health.mute("mail", "30m", "moving").unwrap();
            }
            _ => {}
        }
        for scheme in ["light", "dark"] {
            for width in [1200, 320] {
                browser.size(width, 900).await;
                browser.scheme(scheme).await;
                browser.open(&url).await;
                browser.becomes(LIVE).await;
                if state == "stale" {
                    // As the script does, without the wait.
                    browser.evaluate("document.body.classList.add('stale')").await;
                    browser
                        .evaluate("document.getElementById('stale').textContent = 'Not live since 03:04:05'")
                        .await;
                }
                browser
                    .evaluate("document.querySelectorAll('details').forEach((fold) => fold.open = true)")
                    .await;
                let found = found(&browser, &axe).await;
                assert!(found.is_empty(), "{state}, {scheme}, {width}: {found:#?}");
                let wide = browser.evaluate("document.documentElement.scrollWidth").await;
                assert_eq!(wide, json!(width), "{state}: something sticks out");
            }
        }
    }
}

#[tokio::test]
async fn everything_can_be_reached_and_what_changes_is_said_once() {
    let Some(browser) = Browser::start().await else { return };
    let shop = Shop::opens();
    shop.migrations.open();
    shop.settles().await;
    shop.breaks("disk", "read-only").await;
    let served = served(&shop.health);
    browser.open(&format!("http://{}/health/ui", served.address)).await;
    browser.becomes(LIVE).await;
    // The first thing is a way past everything else, then come links and what unfolds, each with a visible focus.
    let mut reached = Vec::new();
    for _ in 0..40 {
        browser.types("\u{e004}").await;
        let focus = "(() => { const at = document.activeElement; const style = getComputedStyle(at); \
            return at.localName + ' ' + at.textContent.slice(0, 30) + ' ' + (parseFloat(style.outlineWidth) > 0) })()";
        let focus = browser.evaluate(focus).await.as_str().unwrap().to_owned();
        if focus.starts_with("body") {
            break;
        }
        assert!(focus.ends_with("true"), "no outline: {focus}");
        reached.push(focus);
    }
    assert!(reached[0].starts_with("a Skip to"), "{reached:?}");
    for wanted in ["a disk", "input", "summary payments", "summary disk"] {
        assert!(reached.iter().any(|focus| focus.starts_with(wanted)), "{wanted} in {reached:?}");
    }
    // Enter unfolds.
    browser.evaluate("document.querySelector('[id=\"more-disk\"] summary').focus()").await;
    browser.types("\u{e007}").await;
    assert_eq!(browser.evaluate("document.querySelector('[id=\"more-disk\"]').open").await, json!(true));
    // Who listens hears the verdict when it changes, and nothing of what does not change it.
    let listen = "window.said = []; new MutationObserver(() => window.said.push(1)).observe(\
        document.querySelector('[aria-live=polite]'), { subtree: true, childList: true, characterData: true, attributes: true })";
    browser.evaluate(listen).await;
    shop.breaks("disk", "gone altogether").await;
    shop.health.mute("mail", "30m", "moving").unwrap();
    browser.becomes("document.body.innerText.includes('gone altogether')").await;
    assert_eq!(browser.evaluate("window.said.length").await, json!(0));
    shop.mends("disk").await;
    browser.becomes("document.querySelector('h1').textContent.includes('All is well')").await;
    assert_ne!(browser.evaluate("window.said.length").await, json!(0));
}
