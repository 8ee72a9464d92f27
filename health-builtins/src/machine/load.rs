//! How much the machine has to do, for each of its processors.
//!
//! # What green proves
//!
//! That over about the last minute fewer tasks than the limit wanted to run, or waited for a disk, for each processor
//! of the machine that is online.
//!
//! # What it costs
//!
//! Two small files of the kernel per run.
//!
//! # What it needs
//!
//! Linux and `/proc`. Elsewhere it is degraded for ever: declare it for Linux only.
//!
//! # When it lies
//!
//! The load is that of the whole machine, also in a container, and so are the processors it is divided by: whether
//! this container has used up its quota is not in it. Ask [`Psi::cpu`](super::psi::Psi::cpu) for that, and wherever
//! it is offered. Tasks that hang on a network file system count as load, and the average trails what it is of.

use std::path::Path;
use std::thread;

use health_core::Failure;

use super::tree::{Tree, unreadable};
use crate::{Gauge, Pressure, Reading, Unit};

/// The load of the machine for each of its processors. Degraded above 2.
///
/// ```
/// use health_builtins::Recommended as _;
/// use health_builtins::load::Load;
/// use health_core::Health;
///
/// let load = Load::per_processor().degraded_above(4.0);
/// Health::builder().check(load.spec("load"), load).build()?;
/// # Ok::<(), health_core::BuildError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Load {
    tree: Tree,
}

impl Load {
    /// The average of the last minute, divided by the processors of the machine that are online.
    pub fn per_processor() -> Pressure<Self> {
        Pressure::of(Self { tree: Tree::of_this_machine() })
    }
}

impl Gauge for Load {
    const UNIT: Unit = Unit::Count;
    const DEGRADED_ABOVE: f64 = 2.0;

    async fn read(&self) -> Result<Reading, Failure> {
        const PATH: &str = "/proc/loadavg";
        const UNREAD: &str = "the load of the machine cannot be read";
        let text = self.tree.text(PATH).map_err(|error| Failure::new(UNREAD).because(error))?;
        let load = load_in(&text).ok_or_else(|| unreadable(UNREAD, Path::new(PATH)))?;
        let processors = self.processors();
        let level = load / f64::from(processors);
        let each = Unit::Count.write(level);
        let summary = format!("the load is {each} for each of {processors} processors");
        Ok(Reading::of(level, summary).data("load1", load).data("processors", processors))
    }
}

impl Load {
    /// Of the machine if it tells, else those that this process may use.
    fn processors(&self) -> u32 {
        let online = self.tree.text("/sys/devices/system/cpu/online").ok().and_then(|text| listed_in(&text));
        let usable =
            || thread::available_parallelism().ok().and_then(|count| u32::try_from(count.get()).ok());
        online.or_else(usable).unwrap_or(1)
    }
}

/// In a line like `2.37 2.03 1.98 4/124 26432`.
fn load_in(text: &str) -> Option<f64> {
    let load: f64 = text.split_whitespace().next()?.parse().ok()?;
    (load.is_finite() && load >= 0.0).then_some(load)
}

/// How many are in a list like `0-3,8,10-11`.
fn listed_in(text: &str) -> Option<u32> {
    let mut count = 0_u32;
    for range in text.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        count = count.checked_add(last.checked_sub(first)?.checked_add(1)?)?;
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use health_core::{HealthCheck as _, Status};
    use proptest::prelude::proptest;

    use super::super::recorded::Recorded;
    use super::*;

    async fn said(files: &[(&'static str, &'static str)]) -> (Status, Option<String>) {
        let recorded = Recorded::of(files.iter().copied());
        let outcome = Pressure::of(Load { tree: recorded.tree() }).check().await.unwrap();
        (outcome.status(), outcome.summary().map(ToOwned::to_owned))
    }

    #[tokio::test]
    async fn it_is_the_load_of_each_processor() {
        let with = async |load| {
            said(&[("/proc/loadavg", load), ("/sys/devices/system/cpu/online", "0-2,5\n")]).await
        };
        assert_eq!(with("8.00 2.03 1.98 4/124 26432\n").await, (Status::Healthy, None));
        let summary = "the load is 2.4 for each of 4 processors, more than 2".to_owned();
        assert_eq!(with("9.40 2.03 1.98 4/124 26432\n").await, (Status::Degraded, Some(summary)));
        let summary = "the load of the machine cannot be read".to_owned();
        for garbage in ["", "NaN 1 1", "-1 1 1", "inf", "load"] {
            assert_eq!(with(garbage).await, (Status::Degraded, Some(summary.clone())), "{garbage}");
        }
        assert_eq!(said(&[]).await, (Status::Degraded, Some(summary)));
    }

    #[test]
    fn processors_are_counted() {
        assert_eq!(listed_in("0\n"), Some(1));
        assert_eq!(listed_in("0-63\n"), Some(64));
        assert_eq!(listed_in("0-3,8,10-11"), Some(7));
        for garbage in ["", "3-1", "0-", "a", "0-4294967295", "0,,1"] {
            assert_eq!(listed_in(garbage), None, "{garbage}");
        }
    }

    proptest! {
        #[test]
        fn garbage_is_no_panic_and_there_is_a_processor(text: String, list in "[0-9,-]{0,12}") {
            assert!(load_in(&text).is_none_or(|load| load >= 0.0));
            assert!(listed_in(&text).is_none_or(|count| count > 0));
            assert!(listed_in(&list).is_none_or(|count| count > 0));
        }
    }
}
