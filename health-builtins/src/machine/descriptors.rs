//! How many file descriptors are open, of those that may be.
//!
//! # What green proves
//!
//! That a moment ago this process was not near its soft limit (`ulimit -n`), beyond which no connection is accepted,
//! no file opened and no name resolved.
//!
//! # What it costs
//!
//! One small file of `/proc`. Since Linux 6.2 the kernel counts by itself (50 µs for 19 000 of them); before, the folder
//! of descriptors is read on a thread of its own, one to three milliseconds for each thousand.
//!
//! # What it needs
//!
//! Linux and `/proc`. Elsewhere it is degraded for ever: declare it for Linux only. To find that all are used it needs
//! no descriptor: that none is left is what it then says.
//!
//! # When it lies
//!
//! A burst between two runs is not seen. The limit of the whole machine (`fs.file-max`) and what a control group may
//! have are not looked at, unless they are reached.

use std::fs;
use std::io;
use std::path::Path;

use health_core::Failure;

use super::share;
use super::tree::{Tree, unreadable};
use crate::blocking::look;
use crate::{Gauge, Pressure, Reading, Unit};

const LIMITS: &str = "/proc/self/limits";
const FOLDER: &str = "/proc/self/fd";
/// What Linux says when this process may have no more.
const ALL_OF_THE_PROCESS: i32 = 24;
/// What Linux says when the machine may have no more.
const ALL_OF_THE_MACHINE: i32 = 23;

/// The file descriptors that are open. Degraded above 80 % of the soft limit.
///
/// ```
/// use health_builtins::Recommended as _;
/// use health_builtins::descriptors::Descriptors;
/// use health_core::Health;
///
/// let descriptors = Descriptors::open();
/// Health::builder().check(descriptors.spec("descriptors"), descriptors).build()?;
/// # Ok::<(), health_core::BuildError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Descriptors {
    tree: Tree,
}

impl Descriptors {
    /// Those of this process.
    pub fn open() -> Pressure<Self> {
        Pressure::of(Self { tree: Tree::of_this_machine() })
    }

    async fn count(&self) -> io::Result<Result<u64, Failure>> {
        let folder = self.tree.at(FOLDER.as_ref());
        let told = fs::metadata(&folder)?.len();
        if told > 0 {
            return Ok(Ok(told));
        }
        match look(&folder.clone(), move || listed(&folder)).await {
            Ok(count) => count.map(Ok),
            Err(failure) => Ok(Err(failure)),
        }
    }
}

impl Gauge for Descriptors {
    const UNIT: Unit = Unit::Share;
    const DEGRADED_ABOVE: f64 = 0.8;

    async fn read(&self) -> Result<Reading, Failure> {
        let text = match self.tree.text(LIMITS) {
            Ok(text) => text,
            Err(error) => return none_left(error),
        };
        let limit = limit_in(&text).ok_or_else(|| unreadable(UNREAD, Path::new(LIMITS)))?;
        let open = match self.count().await {
            Ok(open) => open?,
            Err(error) => return none_left(error),
        };
        let reading = match limit {
            Limit::Of(limit) => {
                let summary = format!("{open} of {limit} file descriptors are open");
                Reading::of(share(open, limit), summary).data("limit", limit)
            }
            Limit::None => Reading::of(0.0, format!("{open} file descriptors are open")),
        };
        Ok(reading.data("open", open))
    }
}

const UNREAD: &str = "the number of open file descriptors cannot be read";

/// That nothing can be opened any more is a level too, and no question is left to ask.
fn none_left(error: io::Error) -> Result<Reading, Failure> {
    match error.raw_os_error() {
        Some(ALL_OF_THE_PROCESS) => Ok(Reading::of(1.0, "all file descriptors of the process are open")),
        Some(ALL_OF_THE_MACHINE) => Ok(Reading::of(1.0, "all file descriptors of the machine are open")),
        _ => Err(Failure::new(UNREAD).because(error)),
    }
}

fn listed(folder: &Path) -> io::Result<u64> {
    let mut count = 0_u64;
    for entry in fs::read_dir(folder)? {
        entry?;
        count += 1;
    }
    // The one through which they were listed is not there any more.
    Ok(count.saturating_sub(1))
}

#[derive(Debug, PartialEq, Eq)]
enum Limit {
    Of(u64),
    None,
}

/// The soft limit, in a line like `Max open files            1024                 524288               files     `.
fn limit_in(text: &str) -> Option<Limit> {
    let limits = text.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match limits.split_whitespace().next()? {
        "unlimited" => Some(Limit::None),
        soft => soft.parse().ok().map(Limit::Of),
    }
}

#[cfg(test)]
mod tests {
    use health_core::{HealthCheck as _, Status};
    use proptest::prelude::proptest;

    use super::super::recorded::Recorded;
    use super::*;

    const SOFT_10: &str = "Limit                     Soft Limit           Hard Limit           Units     \n\
        Max processes             96365                96365                processes \n\
        Max open files            10                   524288               files     \n";

    #[test]
    fn the_soft_limit_is_read() {
        assert_eq!(limit_in(SOFT_10), Some(Limit::Of(10)));
        assert_eq!(limit_in("Max open files unlimited unlimited files"), Some(Limit::None));
        for garbage in ["", "Max open files", "Max open files many", "Max open files -1 2 files"] {
            assert_eq!(limit_in(garbage), None, "{garbage}");
        }
    }

    #[tokio::test]
    async fn it_is_told_how_many_are_open() {
        let recorded = Recorded::of([(LIMITS, SOFT_10)]);
        let folder = recorded.tree().at(FOLDER.as_ref());
        for number in 0..10 {
            recorded.write(&format!("{FOLDER}/{number}"), "");
        }
        assert_eq!(listed(&folder).unwrap(), 9);
        let here = Descriptors { tree: Tree::of_this_machine() };
        assert!(here.count().await.unwrap().unwrap() >= 3);
        assert_eq!(Descriptors::open().check().await.unwrap().status(), Status::Healthy);
    }

    #[tokio::test]
    async fn where_nothing_is_told_nothing_is_healthy() {
        let nowhere = Recorded::of::<&str>([]);
        let outcome = Pressure::of(Descriptors { tree: nowhere.tree() }).check().await.unwrap();
        assert_eq!((outcome.status(), outcome.summary()), (Status::Degraded, Some(UNREAD)));
    }

    #[test]
    fn that_none_is_left_is_a_level() {
        let full = |number| none_left(io::Error::from_raw_os_error(number)).unwrap();
        assert!(format!("{:?}", full(24)).contains("all file descriptors of the process are open"));
        assert!(format!("{:?}", full(23)).contains("all file descriptors of the machine are open"));
        assert!(none_left(io::Error::from_raw_os_error(13)).is_err());
    }

    proptest! {
        #[test]
        fn garbage_is_no_panic_and_a_limit_is_that_which_is_written(text: String, soft: u64) {
            const NAME: &str = "Max open files";
            assert!(limit_in(&text).is_none() || text.contains(NAME));
            let told = limit_in(&format!("{NAME}{text}"));
            assert!(told != Some(Limit::Of(soft)) || text.contains(|letter: char| letter.is_ascii_digit()));
            let told = limit_in(&format!("{NAME}  {soft}  9 files\n{text}"));
            assert_eq!(told, Some(Limit::Of(soft)));
        }
    }
}
