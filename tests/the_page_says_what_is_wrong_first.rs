//! What the server writes into the page, before any script has run: what is wrong, why, and what waits for what.

use health_actix::endpoints;
use health_core::{Exposure, Gate, Health, Outcome, Phase, Probe, Quorum, Spec, Status};
use health_tests::http::{Served, get, serve};
use health_tests::scripts::Script;
use health_tests::shop::Shop;

fn served(health: &Health) -> Served {
    let health = health.clone();
    serve(1, move |config| {
        config.service(endpoints(health.clone()).exposure(Exposure::Full));
    })
}

async fn html(served: &Served) -> String {
    let page = get(served.address, "/health/ui").await;
    assert_eq!(page.code, 200);
    page.body
}

/// What there is to read between two marks, without tags.
fn between<'a>(html: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = html.split_once(from).unwrap_or_else(|| panic!("no {from} in {html}"));
    rest.split_once(to).unwrap_or_else(|| panic!("no {to} after {from}")).0
}

/// As it is read aloud.
fn text(html: &str) -> String {
    let mut text = String::new();
    for piece in html.split('<') {
        let (tag, said) = piece.split_once('>').unwrap_or(("", piece));
        if ["p", "/p", "li", "dt", "dd", "h", "td", "th"].iter().any(|block| tag.starts_with(block)) {
            text.push(' ');
        }
        text.push_str(said);
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn section(html: &str, id: &str) -> String {
    text(between(html, &format!("<section id=\"{id}\""), "</section>"))
}

fn verdict(html: &str) -> String {
    text(between(html, "<div id=\"verdict\"", "</div>"))
}

#[tokio::test]
async fn the_cause_stands_before_what_is_due_to_it() {
    let shop = Shop::opens();
    shop.migrations.open();
    shop.settles().await;
    let served = served(&shop.health);
    let well = html(&served).await;
    assert!(verdict(&well).contains("All is well 14 checks, nothing to do."), "{}", verdict(&well));
    assert!(!well.contains("What is wrong") && !well.contains("root cause"));
    assert!(well.contains("<title>All is well · health</title>"));

    shop.fails("network", "no route", "os error 113").await;
    for check in ["db/primary", "orders", "checkout"] {
        shop.breaks(check, "timed out").await;
    }
    shop.degrades("certificate", "expires in 6 days").await;
    let page = html(&served).await;
    assert!(page.contains("<title>Unhealthy: network · health</title>"));
    assert!(
        verdict(&page).contains("Unhealthy network unhealthy and 3 because of it, certificate degraded"),
        "{}",
        verdict(&page)
    );
    let wrong = section(&page, "wrong");
    let place = |words: &str| wrong.find(words).unwrap_or_else(|| panic!("no {words} in {wrong}"));
    assert!(place("network root cause") < place("no route"));
    assert!(place("os error 113") < place("3 checks fail because of it: checkout, db/primary, orders"));
    assert!(place("because of it") < place("certificate"));
    assert_eq!(wrong.matches("root cause").count(), 1);
    // The order of the page: what is wrong, the probes, then everything.
    let order = ["id=\"wrong\"", "id=\"probes\"", "id=\"checks\"", "id=\"dependencies\""]
        .map(|id| page.find(id).unwrap());
    assert!(order.is_sorted());
    let graph = section(&page, "dependencies");
    assert!(graph.contains("unhealthy network root cause ✕unhealthy db/primary"), "{graph}");
    let checks = section(&page, "checks");
    assert!(checks.contains("timed out because of network"), "{checks}");
}

#[tokio::test]
async fn what_it_waits_for_is_said() {
    let (schema, gate) = (Script::new(Status::Unhealthy), Gate::new("warm-up"));
    let health = Health::builder()
        .gate(&gate)
        .check_fn(Spec::named("schema").probe([Probe::Startup]), schema.check())
        .build()
        .unwrap()
        .start();
    health.report(Probe::Startup).await;
    let served = served(&health);
    let page = html(&served).await;
    let said = verdict(&page);
    assert!(said.contains("Starting Not ready yet. Waits for gate warm-up, startup check schema."), "{said}");
    assert!(section(&page, "probes").contains("gate warm-up closed"));
    gate.open();
    schema.says(Status::Healthy);
    health_tests::servers::eventually("it runs", async || health.status(Probe::Ready) == Status::Healthy)
        .await;
    let page = html(&served).await;
    assert!(verdict(&page).contains("All is well"), "{}", verdict(&page));
    assert!(section(&page, "probes").contains("gate warm-up open"));
    health.drain();
    let page = html(&served).await;
    assert!(
        verdict(&page).contains("Draining On its way out: ready is red on purpose"),
        "{}",
        verdict(&page)
    );
    assert!(section(&page, "probes").contains("Red because the process is leaving."));
}

#[tokio::test]
async fn groups_mutes_and_what_weighs_nowhere() {
    let north = Script::new(Status::Unhealthy);
    let health = Health::builder()
        .group("payments", Quorum::at_least(1))
        .check_fn(Spec::named("north").group("payments"), north.check())
        .check_fn(Spec::named("south").group("payments"), || async {})
        .check_fn(Spec::named("nightly").probe([]), || async { Outcome::unhealthy("overdue") })
        .build()
        .unwrap()
        .start();
    assert_eq!((health.quorum("payments"), health.quorum("nobody")), (Some(1), None));
    health.overview().await;
    health.check("nightly").await.unwrap();
    health.mute("north", "10m", "moving <house>, password=hunter2hunter2").unwrap();
    let served = served(&health);
    let page = html(&served).await;
    let checks = section(&page, "checks");
    assert!(checks.contains("payments !degraded 1 of 2 well, 1 needed"), "{checks}");
    assert!(checks.contains("north muted"), "{checks}");
    let muted = section(&page, "muted");
    assert!(muted.contains("north ✕unhealthy until") && muted.contains(": moving &lt;house&gt;"), "{muted}");
    assert!(!page.contains("hunter2"));
    let wrong = section(&page, "wrong");
    assert!(wrong.find("north") < wrong.find("nightly"), "{wrong}");
    assert!(wrong.contains("overdue Changes nothing about the whole"), "{wrong}");
}

/// Chains, diamonds and crowds are all listed, each dependency once, and never nested without end.
#[tokio::test]
async fn a_graph_of_any_shape_is_finite() {
    let mut builder = Health::builder();
    let spec = |name: String| Spec::named(name).interval("never");
    builder = builder.check_fn(spec("c-0".into()), || async { Outcome::unhealthy("gone") });
    for link in 1..600 {
        let causes = (link - 1).max(link - 3)..link;
        let causes: Vec<_> =
            causes.chain((link - 1_i32).checked_sub(1).filter(|cause| *cause >= 0)).collect();
        let spec = spec(format!("c-{link}")).depends_on(causes.iter().map(|cause| format!("c-{cause}")));
        builder = builder.check_fn(spec, || async {});
    }
    let health = builder.build().unwrap().start();
    health.check("c-0").await.unwrap();
    let served = served(&health);
    let page = html(&served).await;
    let graph = between(&page, "<section id=\"dependencies\"", "</section>");
    // Every edge once, the top, and what goes on below a second time.
    let (items, later) = (graph.matches("<li>").count(), graph.matches("(goes on below)").count());
    let folds = graph.matches("others</summary>").count();
    assert_eq!(items, 599 + 598 + 1 + later + folds, "{later}");
    let depth = graph.split("<ul").skip(1).scan(0_i64, |depth, rest| {
        let at = *depth + 1;
        *depth = at - rest.matches("</ul>").count() as i64;
        Some(at)
    });
    assert!(depth.max().unwrap() < 12);
}

#[tokio::test]
async fn of_very_many_the_healthy_ones_are_counted() {
    let mut builder = Health::builder();
    for number in 0..1_100 {
        builder = builder.check_fn(Spec::named(format!("check-{number:04}")).interval("never"), || async {});
    }
    builder = builder.check_fn(Spec::named("zebra"), || async { Outcome::unhealthy("gone") });
    let health = builder.build().unwrap().start();
    health.overview().await;
    let page = html(&served(&health)).await;
    assert!(page.contains("id=\"check-zebra\"") && page.contains("And 101 more, all of them healthy."));
    assert_eq!(page.matches("<tr role=\"row\" id=").count(), 1_000);
}

/// Causes, effects, mutes and the members of groups are of all, also of those that are not listed.
#[tokio::test]
async fn of_very_many_that_are_wrong_none_is_called_healthy() {
    let mut builder = Health::builder();
    for number in 0..1_100 {
        let spec = Spec::named(format!("check-{number:04}")).interval("never").group("crowd");
        let spec = spec.depends_on(["zebra"]);
        builder = builder.check_fn(spec, || async { Outcome::unhealthy("timed out") });
    }
    builder = builder.check_fn(Spec::named("zebra"), || async { Outcome::unhealthy("gone") });
    let health = builder.build().unwrap().start();
    health.overview().await;
    health.mute("check-1099", "10m", "moving").unwrap();
    let page = html(&served(&health)).await;
    assert_eq!(page.matches("<tr role=\"row\" id=").count(), 1_000);
    // What explains the others is listed, whatever its name.
    assert!(page.contains("id=\"check-zebra\"") && page.contains("And 101 more, 101 of them not healthy."));
    assert!(
        verdict(&page).contains("Unhealthy zebra unhealthy and 1100 because of it"),
        "{}",
        verdict(&page)
    );
    let checks = section(&page, "checks");
    assert!(checks.contains("crowd ✕unhealthy 0 of 1100 well"), "{checks:.500}");
    assert!(section(&page, "probes").contains("Fails: zebra, and 1099 because of it"));
    assert!(section(&page, "muted").contains("check-1099"));
}

#[tokio::test]
async fn of_what_is_muted_the_first_are_listed() {
    let mut builder = Health::builder();
    for number in 0..105 {
        builder = builder.check_fn(Spec::named(format!("check-{number:03}")), || async {});
    }
    let health = builder.build().unwrap().start();
    health.overview().await;
    for number in 0..105 {
        health.mute(&format!("check-{number:03}"), "10m", "moving").unwrap();
    }
    let muted = section(&html(&served(&health)).await, "muted");
    assert!(muted.contains("check-099") && !muted.contains("check-100"), "{muted}");
    assert!(muted.ends_with("And 5 more."), "{muted}");
}

#[tokio::test]
async fn what_has_not_been_observed_is_named() {
    let mut builder = Health::builder();
    for name in ["a", "b", "c", "d", "e"] {
        builder = builder.check_fn(Spec::named(name).timeout("1m"), futures::future::pending::<()>);
    }
    let health = builder.build().unwrap().start();
    let page = html(&served(&health)).await;
    let said = verdict(&page);
    assert!(said.contains("Unhealthy Not observed yet: a, b, c, and 2 more"), "{said}");
}

#[tokio::test]
async fn what_explains_something_is_not_over() {
    let unhealthy = || async { Outcome::unhealthy("gone") };
    let health = Health::builder()
        .check_fn(Spec::named("schema").probe([Probe::Startup]).critical(false), unhealthy)
        .check_fn(Spec::named("orders").depends_on(["schema"]), unhealthy)
        .build()
        .unwrap()
        .start();
    health.report(Probe::Startup).await;
    health.overview().await;
    assert_eq!(health.phase(), Phase::Running);
    let page = html(&served(&health)).await;
    assert!(verdict(&page).contains("schema unhealthy and 1 because of it"), "{}", verdict(&page));
}

#[tokio::test]
async fn what_startup_asked_for_is_over_once_it_has_passed() {
    let schema = Script::new(Status::Unhealthy);
    let health = Health::builder()
        .check_fn(Spec::named("warm").probe([Probe::Startup]).critical(false).group("early"), || async {
            Outcome::unhealthy("cold")
        })
        .check_fn(Spec::named("schema").probe([Probe::Startup]), schema.check())
        .build()
        .unwrap()
        .start();
    health.report(Probe::Startup).await;
    let served = served(&health);
    // As long as startup waits it is news.
    let page = html(&served).await;
    assert!(section(&page, "wrong").contains("unhealthy warm"), "{}", section(&page, "wrong"));
    schema.says(Status::Healthy);
    health_tests::servers::eventually("it runs", async || health.status(Probe::Ready) == Status::Healthy)
        .await;
    let page = html(&served).await;
    assert!(!page.contains("id=\"wrong\""), "{}", section(&page, "wrong"));
    assert!(page.contains("<title>Healthy · health</title>"), "not all of it is well");
    assert!(verdict(&page).contains("Healthy 2 checks, nothing to do."), "{}", verdict(&page));
    let checks = section(&page, "checks");
    assert!(checks.contains("early 0 of 1 well, weighed while starting"), "{checks}");
    assert!(checks.contains("cold ✕unhealthy"), "it is listed as it was: {checks}");
}

#[tokio::test]
async fn a_group_has_a_status_of_its_own() {
    let unhealthy = || async { Outcome::unhealthy("overdue") };
    let informs = |name: &'static str, group| Spec::named(name).probe([]).group(group);
    let health = Health::builder()
        .group("pair", Quorum::at_least(1))
        .check_fn(informs("nightly", "jobs"), unhealthy)
        .check_fn(informs("hourly", "jobs"), || async {})
        .check_fn(informs("one", "pair"), unhealthy)
        .check_fn(informs("other", "pair"), || async {})
        .check_fn(informs("asked", "seldom"), || async {})
        .check_fn(informs("slow", "seldom").timeout("1m"), futures::future::pending::<()>)
        .check_fn(informs("slower", "never").timeout("1m"), futures::future::pending::<()>)
        .build()
        .unwrap()
        .start();
    for check in ["nightly", "hourly", "one", "other", "asked"] {
        health.check(check).await.unwrap();
    }
    let page = html(&served(&health)).await;
    let checks = section(&page, "checks");
    for said in [
        "jobs ✕unhealthy 1 of 2 well",
        "pair !degraded 1 of 2 well, 1 needed",
        // That nothing is known yet of what weighs nothing is no news.
        "seldom ✓healthy 1 of 2 well",
        "never ?unknown 0 of 1 well",
    ] {
        assert!(checks.contains(said), "{said} in {checks}");
    }
    assert!(section(&page, "probes").contains("ready ✓healthy"));
    // What a narrow screen lays out anew remains a table to who listens.
    for (tag, role) in [("<td ", "<td role=\"cell\""), ("<tr ", "<tr role=\"row\"")] {
        assert_eq!(page.matches(tag).count(), page.matches(role).count(), "{tag}");
    }
}
