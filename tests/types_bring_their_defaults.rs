//! What a type of checks says fits every value of it, wherever one is registered; and whoever registers one has the last
//! word, key by key.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use health_core::{
    Assembly, Entry, Failure, Health, HealthCheck, HealthComponent, Outcome, Probe, Scope, Spec, catalog,
};

/// Something over the network.
#[derive(Clone, Copy)]
struct Remote;

impl HealthCheck for Remote {
    async fn check(&self) -> Result<Outcome, Failure> {
        Ok(Outcome::healthy())
    }

    fn defaults() -> Spec {
        Spec::named("not used")
            .scope(Scope::Shared)
            .timeout("2s")
            .interval("30s")
            .describe("Something remote.")
    }
}

#[derive(HealthComponent)]
#[health(name = "shop")]
struct Shop {
    #[health(check)]
    plain: Remote,
    #[health(check)]
    behind_an_arc: Arc<Remote>,
    /// Of our own.
    #[health(check, scope = "local", timeout = "100ms", interval = "5s")]
    local: Remote,
    #[health(check, critical = true)]
    critical: Remote,
    #[health(check, idle = "1m")]
    canary: Remote,
    #[health(each, critical = true)]
    shards: BTreeMap<&'static str, Remote>,
}

fn shop() -> Shop {
    Shop {
        plain: Remote,
        behind_an_arc: Arc::new(Remote),
        local: Remote,
        critical: Remote,
        canary: Remote,
        shards: BTreeMap::from([("eu", Remote)]),
    }
}

/// Scope, criticality and timeout.
async fn registered(assembly: Assembly, name: &str) -> (Option<Scope>, bool, Duration) {
    let report = assembly.start().report(Probe::Ready).await;
    let said = |entry: &Entry| (entry.scope(), entry.is_critical(), entry.timeout());
    said(report.entry(name).unwrap())
}

const SECONDS: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_field_has_them_and_its_attribute_wins() {
    let field = async |name| registered(Health::builder().component(shop()).build().unwrap(), name).await;
    let shared = Some(Scope::Shared);
    assert_eq!(field("shop/plain").await, (shared, false, SECONDS));
    assert_eq!(field("shop/behind_an_arc").await, (shared, false, SECONDS));
    assert_eq!(field("shop/critical").await, (shared, true, SECONDS));
    assert_eq!(field("shop/shards/eu").await, (shared, true, SECONDS));
    assert_eq!(field("shop/local").await, (Some(Scope::Local), true, Duration::from_millis(100)));
    assert_eq!(field("shop/canary").await, (shared, false, SECONDS));
}

#[tokio::test]
async fn a_value_that_is_handed_in_has_them_and_its_spec_wins() {
    let value =
        async |spec: Spec| registered(Health::builder().check(spec, Remote).build().unwrap(), "x").await;
    let named = || Spec::named("x");
    assert_eq!(value(named()).await, (Some(Scope::Shared), false, SECONDS));
    assert_eq!(value(named().critical(true)).await, (Some(Scope::Shared), true, SECONDS));
    assert_eq!(value(named().scope(Scope::Local)).await, (Some(Scope::Local), true, SECONDS));
    assert_eq!(value(named().timeout("1s")).await.2, Duration::from_secs(1));
}

#[test]
fn they_are_listed_without_a_value() {
    let catalog = catalog();
    let of = |name: &str| {
        let declarations = catalog.declarations();
        declarations
            .iter()
            .find(|declared| declared.name() == name)
            .unwrap_or_else(|| panic!("{name}: {catalog:?}"))
    };
    let plain = of("shop/plain");
    assert_eq!((plain.scope(), plain.is_critical()), (Some(Scope::Shared), false));
    assert_eq!((plain.timeout(), plain.interval().every()), (SECONDS, Some(Duration::from_secs(30))));
    assert_eq!(plain.description(), Some("Something remote."));
    assert_eq!(of("shop/local").description(), Some("Of our own."));
    assert_eq!(of("shop/local").interval().every(), Some(Duration::from_secs(5)));
    // A canary has no interval, whatever its type says.
    assert_eq!(of("shop/canary").idle(), Some(Duration::from_secs(60)));
    assert_eq!(of("shop/shards/*").scope(), Some(Scope::Shared));
}
