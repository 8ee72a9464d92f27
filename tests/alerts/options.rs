//! What the author of a service says about the rules.

use std::time::Duration;

use health_core::PrometheusRules;

use super::alerting_rules;
use super::promtool::is_true;
use super::story::Story;

#[test]
fn a_named_job_that_is_gone_pages() {
    let named = alerting_rules(PrometheusRules::default().job("shop"));
    let mut story = Story::of(1);
    story.lasts_minutes(10);
    story.instances[0].is_target = false;
    story.lasts_minutes(5);
    story.was_quiet();
    story.lasts_minutes(1);
    story.fires(&["HealthMetricsAbsent severity=page"]);
    is_true(&named, "gone", story);

    let mut story = Story::of_days(1);
    story.lasts_minutes(10);
    story.instances[0].is_target = false;
    story.lasts_minutes(2 * 24 * 60);
    story.fires(&["HealthMetricsAbsent severity=page"]);
    is_true(&named, "gone for long", story);

    let mut story = Story::of(1);
    story.instances[0].is_target = false;
    story.others = vec![("up{job=\"shop\",instance=\"a\"}", 1)];
    story.lasts_minutes(6);
    story.fires(&["HealthMetricsAbsent severity=page"]);
    is_true(&named, "scraped without what is meant", story);
}

#[test]
fn rules_of_a_named_job_are_about_that_job() {
    let everything_fails = |job| {
        let mut story = Story::of(1);
        story.job = job;
        story.others =
            vec![("up{job=\"shop\",instance=\"a\"}", 1), ("health_phase{job=\"shop\",instance=\"a\"}", 1)];
        story.lasts_minutes(5);
        story.on_all("db", "unhealthy");
        story.on_all("cache", "degraded");
        story.instances[0].mute("fill");
        for status in ["degraded", "healthy"].into_iter().cycle().take(41) {
            story.on_all("orders", status);
            story.lasts(60);
        }
        story
    };
    let named = |job: &str| alerting_rules(PrometheusRules::default().job(job));
    let mut other = everything_fails("other");
    other.was_quiet();
    is_true(&named("shop"), "another job", other);
    let mut own = everything_fails("other");
    own.fires(&[
        "HealthCheckFailing check=db severity=page",
        "HealthCheckDegraded check=cache severity=ticket",
    ]);
    is_true(&named("other"), "the job", own);
}

#[test]
fn instances_are_counted_together_where_a_further_label_is_the_same() {
    let told = || {
        let mut story = Story::of(3);
        for (instance, labels) in story.instances.iter_mut().zip([
            ",namespace=\"blue\",pod=\"a\"",
            ",namespace=\"green\",pod=\"b\"",
            ",namespace=\"green\",pod=\"c\"",
        ]) {
            instance.labels = labels;
        }
        story.lasts_minutes(5);
        story.on_first(1, "network", "unhealthy");
        story.on_first(1, "db", "unhealthy");
        story.lasts_minutes(10);
        story
    };
    let mut apart = told();
    apart.fires(&["HealthCheckFailing check=network namespace=blue severity=page"]);
    is_true(&alerting_rules(PrometheusRules::default().also_by("namespace")), "apart", apart);
    let mut together = told();
    together.fires(&[
        "HealthCheckFailingOnInstance check=network instance=host-0 namespace=blue pod=a severity=ticket",
    ]);
    is_true(&alerting_rules(PrometheusRules::default()), "together", together);
}

#[test]
fn the_budget_is_that_of_the_options() {
    let mut story = Story::of(2);
    story.lasts_minutes(20);
    story.instances[0].restarts();
    story.lasts_minutes(20);
    story.was_quiet();
    story.lasts(30);
    story.fires(&["HealthStuckStarting severity=ticket"]);
    let longer = PrometheusRules::default().startup_budget(Duration::from_secs(20 * 60));
    is_true(&alerting_rules(longer), "a longer budget", story);
}
