//! How much of the time all was well.

use health_core::PrometheusRules;
use serde_json::json;

use super::promtool::is_true;
use super::rules;
use super::story::Story;

#[test]
fn availability_is_the_share_of_time_that_was_ready() {
    let ratio = |window: &str, value: f64| {
        let labels = format!("health:availability:ratio{{job=\"shop\",window={window:?}}}");
        json!([{ "labels": labels, "value": value }]).as_array().unwrap().clone()
    };
    let mut story = Story::of(4);
    story.lasts_minutes(60);
    story.on_first(1, "db", "unhealthy");
    story.lasts_minutes(60);
    story.expects("health:availability:ratio{window=\"5m\"}", ratio("5m", 0.75));
    story.expects("health:availability:ratio{window=\"30m\"}", ratio("30m", 0.75));
    story.expects("round(health:availability:ratio{window=\"6h\"}, 0.01)", {
        json!([{ "labels": "{job=\"shop\",window=\"6h\"}", "value": 0.88 }]).as_array().unwrap().clone()
    });
    story.expects("count by (job) (health:availability:ratio)", {
        json!([{ "labels": "{job=\"shop\"}", "value": 8 }]).as_array().unwrap().clone()
    });
    is_true(&rules(PrometheusRules::default()), "availability", story);
}
