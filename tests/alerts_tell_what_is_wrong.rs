//! The rules written for Prometheus fire when something is wrong and at no other time, as `promtool` sees it.

#[cfg(test)]
#[path = "alerts/availability.rs"]
mod availability;
#[path = "alerts/causes.rs"]
pub mod causes;
#[path = "alerts/failing.rs"]
pub mod failing;
#[path = "alerts/life.rs"]
pub mod life;
#[cfg(test)]
#[path = "alerts/options.rs"]
mod options;
#[path = "alerts/promtool.rs"]
pub mod promtool;
#[path = "alerts/scraping.rs"]
pub mod scraping;
#[path = "alerts/story.rs"]
pub mod story;
#[cfg(test)]
#[path = "alerts/texts.rs"]
mod texts;
#[path = "alerts/weaker.rs"]
pub mod weaker;

use std::collections::BTreeMap;

use health_core::{
    Failure, Format, HealthCheck, HealthComponent, Outcome, PrometheusRules, catalog, health_check,
};

/// Other services are reached.
#[health_check(scope = "shared", blocking = false)]
fn network() {}

/// The database answers: "{{ $labels.job }}" # 'yes' {{ .
#[health_check(depends_on = ["network"], blocking = false)]
fn db() {}

#[health_check(depends_on = ["db"], blocking = false)]
fn orders() {}

#[health_check(critical = false, blocking = false)]
fn cache() {}

/// The main loop turns.
#[health_check(probe = "live", scope = "local", blocking = false)]
fn heart() {}

/// Asked for only by those who want to know.
#[health_check(interval = "never", blocking = false)]
fn licence() {}

/// How full the cache is.
#[health_check(probe = "none", blocking = false)]
fn fill() {}

#[health_check(probe = "none", depends_on = ["network"], blocking = false)]
fn lag() {}

/// The schema is the one this was built for.
#[health_check(probe = "startup", critical = false, blocking = false)]
fn schema() {}

#[derive(HealthComponent)]
#[health(name = "shards")]
struct Shards {
    /// One for each region.
    #[health(each, critical = false, depends_on = ["db"])]
    of: BTreeMap<String, Shard>,
}

struct Shard;

impl HealthCheck for Shard {
    async fn check(&self) -> Result<Outcome, Failure> {
        Ok(Outcome::healthy())
    }
}

/// What the stories are about, without what records availability: that is many rules, and no alert asks for them.
pub fn alerting_rules(options: PrometheusRules) -> String {
    let rules = rules(options);
    let (alerting, _) = rules.split_once("  - name: health-availability").expect("groups");
    alerting.to_owned()
}

fn rules(options: PrometheusRules) -> String {
    catalog().listing(Format::PrometheusRules).prometheus_rules(options).to_string()
}
