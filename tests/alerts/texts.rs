//! What an alert says.

use health_core::PrometheusRules;
use serde_json::json;

use super::promtool::is_true;
use super::rules;
use super::story::Story;

/// What the author wrote is shown as it was written: nothing of it is taken for a template.
#[test]
fn an_alert_says_what_to_do_and_what_the_author_wrote() {
    let mut story = Story::of(1);
    story.lasts_minutes(5);
    story.on_all("db", "unhealthy");
    story.on_all("orders", "unhealthy");
    story.on_all("shards/of/eu", "unhealthy");
    story.lasts_minutes(5);
    story.says(
        "HealthCheckFailing",
        json!({ "check": "db", "job": "shop", "severity": "page" }),
        json!({
            "summary": "db fails on most instances of shop",
            "description": "It fails on 100% of the running instances. These fail because of it: orders shards/of/eu. \
                Ask an instance for its health report: the entry of db says since when, and why. Repair that, or roll \
                back what has changed since; restarting instances repairs nothing that they share.",
            "runbook": "The database answers: \"{{ $labels.job }}\" # 'yes' {{ .",
        }),
    );
    is_true(&rules(PrometheusRules::default()), "a cause", story);

    let mut story = Story::of(1);
    story.lasts_minutes(5);
    story.on_all("cache", "unhealthy");
    story.instances[0].restarts();
    story.lasts_minutes(10);
    story.says(
        "HealthStuckStarting",
        json!({ "job": "shop", "severity": "page" }),
        json!({
            "summary": "shop does not finish starting",
            "description": "On 1 of the instances that takes more than 5m. These gates are closed: migrations. The \
                startup report of an instance says what it waits for. If a new version is being rolled out, stop that \
                and roll it back.",
        }),
    );
    is_true(&rules(PrometheusRules::default()), "a start", story);

    let mut story = Story::of(1);
    story.lasts_minutes(5);
    story.on_all("orders", "degraded");
    story.lasts_minutes(40);
    story.says(
        "HealthCheckDegraded",
        json!({ "check": "orders", "job": "shop", "severity": "ticket" }),
        json!({
            "summary": "orders of shop has been degraded for half an hour",
            "description": "On 1 of the instances it works, but not as it should. The health report of an instance \
                says what is missing. Repair it while it is only that: nothing is taken out of traffic for it.",
            "runbook": "No doc comment says what orders asks.",
        }),
    );
    is_true(&rules(PrometheusRules::default()), "without a comment", story);
}
