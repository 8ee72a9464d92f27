//! A service with a bit of everything that a page can show: groups, a quorum, dependencies, what is not critical, gates.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use health_core::{Failure, Gate, Health, Outcome, Probe, Quorum, Scope, Spec, Status};
use tokio::time::sleep;

use crate::servers::eventually;

/// What a check of the shop finds. By name; a check that is not in it is well.
type Finds = Arc<Mutex<BTreeMap<&'static str, Found>>>;

#[derive(Clone, Copy)]
enum Found {
    Degraded(&'static str),
    Unhealthy(&'static str),
    Failed(&'static str, &'static str),
}

pub struct Shop {
    pub health: Health,
    pub migrations: Gate,
    finds: Finds,
}

/// Name, group, what it depends on, and whether it is critical.
type Row = (&'static str, Option<&'static str>, &'static [&'static str], bool);

const CHECKS: [Row; 13] = [
    ("network", None, &[], true),
    ("disk", Some("storage"), &[], true),
    ("db/primary", Some("storage"), &["network"], true),
    ("db/replica", Some("storage"), &["network"], false),
    ("cache", Some("storage"), &["network"], false),
    ("payments/north", Some("payments"), &["network"], true),
    ("payments/south", Some("payments"), &["network"], true),
    ("payments/west", Some("payments"), &["network"], true),
    ("orders", Some("shop"), &["db/primary", "cache"], true),
    ("checkout", Some("shop"), &["orders"], true),
    ("search", Some("shop"), &["cache"], false),
    ("mail", None, &["network"], false),
    ("certificate", None, &[], false),
];

impl Shop {
    /// Everything is well, and the gate is closed.
    pub fn opens() -> Self {
        let (finds, migrations) = (Finds::default(), Gate::new("migrations"));
        let mut builder = Health::builder()
            .gate(&migrations)
            .group("payments", Quorum::at_least(2))
            .check_fn(Spec::named("process").probe([Probe::Live]).scope(Scope::Local), || async {});
        for (name, group, depends_on, critical) in CHECKS {
            let mut spec = Spec::named(name).critical(critical).depends_on(depends_on.iter().copied());
            spec = spec.interval("10s").cache("1ms").describe("Whether the shop can work with it.");
            if let Some(group) = group {
                spec = spec.group(group);
            }
            builder = builder.check_with(spec, Arc::clone(&finds), move |finds| check(name, finds));
        }
        Self { health: builder.build().expect("a shop").start(), migrations, finds }
    }

    pub async fn degrades(&self, check: &'static str, why: &'static str) {
        self.finds(check, Some(Found::Degraded(why))).await;
    }

    pub async fn breaks(&self, check: &'static str, why: &'static str) {
        self.finds(check, Some(Found::Unhealthy(why))).await;
    }

    /// With a cause that few may see.
    pub async fn fails(&self, check: &'static str, why: &'static str, cause: &'static str) {
        self.finds(check, Some(Found::Failed(why, cause))).await;
    }

    pub async fn mends(&self, check: &'static str) {
        self.finds(check, None).await;
    }

    /// Asks everything once.
    pub async fn settles(&self) {
        self.health.overview().await;
    }

    async fn finds(&self, check: &'static str, found: Option<Found>) {
        {
            let mut finds = self.finds.lock().unwrap_or_else(PoisonError::into_inner);
            match found {
                Some(found) => finds.insert(check, found),
                None => finds.remove(check),
            };
        }
        let expected = match found {
            None => Status::Healthy,
            Some(Found::Degraded(_)) => Status::Degraded,
            Some(Found::Unhealthy(_) | Found::Failed(..)) => Status::Unhealthy,
        };
        let text = match found {
            None => None,
            Some(Found::Degraded(why) | Found::Unhealthy(why) | Found::Failed(why, _)) => Some(why),
        };
        eventually("it is observed", async || {
            let report = self.health.check(check).await.expect("a check of the shop");
            let entry = report.entry(check).expect("its entry");
            entry.status() == Ok(expected) && entry.summary() == text
        })
        .await;
    }
}

fn check(name: &'static str, finds: Finds) -> BoxFuture<'static, Result<Outcome, Failure>> {
    Box::pin(async move {
        // As long as a short question takes.
        sleep(Duration::from_millis(name.len() as u64)).await;
        let found = finds.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied();
        match found {
            None => Ok(Outcome::healthy()),
            Some(Found::Degraded(why)) => Ok(Outcome::degraded(why)),
            Some(Found::Unhealthy(why)) => Ok(Outcome::unhealthy(why)),
            Some(Found::Failed(why, cause)) => Err(Failure::new(why).because(cause)),
        }
    })
}
