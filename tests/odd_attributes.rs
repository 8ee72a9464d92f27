//! What stands beside the attribute and the derive: conditions, lint levels, deprecation, documentation.

#![deny(warnings)]
#![allow(dead_code, unused_variables, reason = "most of it is never asked")]

use health_core::{Declaration, Failure, HealthCheck, HealthComponent, Outcome, Status, health_check};

struct Fine;

impl HealthCheck for Fine {
    async fn check(&self) -> Result<Outcome, Failure> {
        Ok(Outcome::healthy())
    }
}

#[cfg(not(any()))]
#[health_check(name = "cfg/above")]
async fn cfg_above() {}

#[health_check(name = "cfg/below")]
#[cfg(not(any()))]
async fn cfg_below() {}

#[cfg(any())]
#[health_check(name = "cfg/absent-above")]
async fn absent_above(missing: &NoSuchType) {}

#[health_check(name = "cfg/absent-below")]
#[cfg(any())]
async fn absent_below(missing: &NoSuchType) {}

#[cfg_attr(all(), health_check(name = "cfg/attribute"))]
#[cfg_attr(all(), cfg(all()))]
async fn cfg_attribute() {}

#[health_check(name = "cfg/absent-attribute")]
#[cfg_attr(all(), cfg(any()))]
async fn absent_attribute(missing: &NoSuchType) {}

#[derive(HealthComponent)]
#[health(name = "cfg/component")]
struct Conditional {
    #[health(check)]
    present: Fine,
    #[cfg(any())]
    #[health(check)]
    absent: NoSuchType,
}

#[test]
fn conditions_decide_what_is_declared() {
    let catalog = health_core::catalog();
    let names = catalog.declarations().iter().map(Declaration::name).filter(|name| name.starts_with("cfg/"));
    assert_eq!(
        names.collect::<Vec<_>>(),
        ["cfg/above", "cfg/attribute", "cfg/below", "cfg/component/present"]
    );
}

#[health_check(name = "lints/allow")]
#[allow(non_snake_case, deprecated, clippy::needless_pass_by_value)]
async fn Allowed(NotSnake: &Old) {}

#[health_check(name = "lints/expect")]
#[expect(deprecated)]
async fn expected(old: &Old) -> Result<(), OldError> {
    Ok(())
}

#[health_check(name = "lints/deprecated", blocking = true)]
#[deprecated(note = "call nothing")]
#[must_use]
fn deprecated() -> Status {
    Status::Healthy
}

#[deprecated]
struct Old;

#[expect(deprecated)]
type OldError = OlderError<Old>;

struct OlderError<T>(T);

#[allow(deprecated)]
impl From<OlderError<Old>> for Failure {
    fn from(_: OlderError<Old>) -> Self {
        Self::new("old")
    }
}

#[derive(HealthComponent)]
#[health(name = "lints/component")]
#[allow(deprecated)]
struct OldComponent {
    #[health(check = ask_old, blocking = false)]
    #[deprecated]
    old: Old,
}

#[allow(deprecated)]
fn ask_old(old: &Old) {}

/// The "primary" \ database {answers} a
/// query with 'quotes' and `#"hashes"#`.
///
/// Not this.
#[health_check(name = "docs/lines")]
async fn documented() {}

/** In a block
 * with stars.
 *
 * Not this. */
#[health_check(name = "docs/block")]
async fn documented_in_a_block() {}

#[doc = "As an attribute."]
#[doc(alias = "nothing")]
#[doc = concat!("Not", " this.")]
#[health_check(name = "docs/attribute")]
#[doc = "Still."]
async fn documented_by_attribute() {}

#[test]
fn descriptions_are_first_paragraphs() {
    for (name, description) in [
        ("docs/lines", "The \"primary\" \\ database {answers} a query with 'quotes' and `#\"hashes\"#`."),
        ("docs/block", "In a block with stars."),
        ("docs/attribute", "As an attribute. Still."),
        ("lints/allow", ""),
    ] {
        let catalog = health_core::catalog();
        let declaration =
            catalog.declarations().iter().find(|declaration| declaration.name() == name).unwrap();
        assert_eq!(declaration.description().unwrap_or_default(), description);
    }
}
