//! How much of the memory that this process may use is used.
//!
//! # What green proves
//!
//! That a moment ago the working set was below the limit: what is in use without the file pages that the kernel gives
//! back first, as the kubelet counts it. In a control group (a container, a systemd unit) with a limit, that is the
//! limit; of several around each other, the one that is fullest. Without one it is the memory of the machine, less
//! what the kernel estimates to be available. The summary says which.
//!
//! # What it costs
//!
//! Three files of `/proc`, and up to three for each control group around this one. The kernel brings its counters up
//! to date when they are read, which takes well below a millisecond.
//!
//! # What it needs
//!
//! Linux, `/proc`, and the control groups mounted, as they are in every container. Elsewhere it is degraded for ever:
//! declare it for Linux only.
//!
//! # When it lies
//!
//! Between two runs memory can be used up and the process killed: this is for what grows slowly. File pages that are
//! in use count as used although most can be given back, so a process that reads the same large files again and again
//! looks fuller than it is. Swap, `memory.high` and limits of address space are not looked at. Where a control group
//! has a limit, that the machine itself is short of memory is not seen: that is [`Memory::of_the_machine`].

use std::io;
use std::path::Path;

use health_core::Failure;

use super::cgroup::{Group, Version};
use super::share;
use super::tree::{Tree, number_after, unreadable};
use crate::{Gauge, Pressure, Reading, Unit};

/// The memory that is used, of that which may be. Degraded above 90 %.
///
/// ```
/// use health_builtins::Recommended as _;
/// use health_builtins::memory::Memory;
/// use health_core::Health;
///
/// let memory = Memory::used().degraded_above(0.85);
/// Health::builder().check(memory.spec("memory"), memory).build()?;
/// # Ok::<(), health_core::BuildError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Memory {
    tree: Tree,
    of: Of,
}

#[derive(Clone, Copy, Debug)]
enum Of {
    Process,
    Machine,
}

impl Memory {
    /// Of the control group if it is limited, else of the machine.
    pub fn used() -> Pressure<Self> {
        Pressure::of(Self { tree: Tree::of_this_machine(), of: Of::Process })
    }

    /// Of the machine, whatever the limits of this process are.
    pub fn of_the_machine() -> Pressure<Self> {
        Pressure::of(Self { tree: Tree::of_this_machine(), of: Of::Machine })
    }

    fn level(&self) -> Result<Level, Failure> {
        let machine = machine(&self.tree)?;
        if matches!(self.of, Of::Machine) {
            return Ok(machine);
        }
        // A limit above what there is limits nothing. Version 1 says in this way that there is none.
        let limited = groups(&self.tree)?.into_iter().filter(|level| level.limit <= machine.limit);
        Ok(limited.max_by(|one, other| one.share().total_cmp(&other.share())).unwrap_or(machine))
    }
}

impl Gauge for Memory {
    const UNIT: Unit = Unit::Share;
    const DEGRADED_ABOVE: f64 = 0.9;

    async fn read(&self) -> Result<Reading, Failure> {
        let level = self.level()?;
        let (percent, of) = (Unit::Share.write(level.share()), level.of);
        Ok(Reading::of(level.share(), format!("{percent} of the memory of the {of} is used"))
            .data("of", of)
            .data("used_bytes", level.used)
            .data("limit_bytes", level.limit))
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Level {
    of: &'static str,
    used: u64,
    limit: u64,
}

impl Level {
    fn share(&self) -> f64 {
        share(self.used, self.limit)
    }
}

fn machine(tree: &Tree) -> Result<Level, Failure> {
    const PATH: &str = "/proc/meminfo";
    const UNREAD: &str = "the memory of the machine cannot be read";
    let text = tree.text(PATH).map_err(|error| Failure::new(UNREAD).because(error))?;
    let kib = |name| number_after(&text, name)?.checked_mul(1024);
    let level = kib("MemTotal:").zip(kib("MemAvailable:")).map(|(limit, available)| Level {
        of: "machine",
        used: limit.saturating_sub(available),
        limit,
    });
    level.ok_or_else(|| unreadable(UNREAD, PATH.as_ref()))
}

/// Of each group with a limit. One that has a limit and does not say how much is used is an error: without it the
/// rest would look better than it is.
fn groups(tree: &Tree) -> Result<Vec<Level>, Failure> {
    let Some(group) = Group::of_memory(tree) else { return Ok(Vec::new()) };
    let levels = group.folders().map(|folder| level_in(tree, &folder, group.version));
    levels.filter_map(Result::transpose).collect()
}

fn level_in(tree: &Tree, folder: &Path, version: Version) -> Result<Option<Level>, Failure> {
    const UNREAD: &str = "the memory of the control group cannot be read";
    let (limit, used, inactive) = match version {
        Version::One => ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        Version::Two => ("memory.max", "memory.current", "inactive_file"),
    };
    let unread = |error: io::Error| Failure::new(UNREAD).because(error);
    let Some(text) = tree.text_if_any(folder.join(limit)).map_err(unread)? else { return Ok(None) };
    if text.trim() == "max" {
        return Ok(None);
    }
    let number = |name: &str, text: &str| {
        text.trim().parse::<u64>().map_err(|_| unreadable(UNREAD, &folder.join(name)))
    };
    let limit = number(limit, &text)?;
    let current = number(used, &tree.text(folder.join(used)).map_err(unread)?)?;
    let stat = tree.text_if_any(folder.join("memory.stat")).map_err(unread)?.unwrap_or_default();
    let used = current.saturating_sub(number_after(&stat, inactive).unwrap_or(0));
    Ok(Some(Level { of: "control group", used, limit }))
}

#[cfg(test)]
mod tests {
    use health_core::{HealthCheck as _, Status};
    use proptest::prelude::{ProptestConfig, any, proptest};

    use super::super::recorded::Recorded;
    use super::*;

    const GIB: u64 = 1 << 30;
    /// 16 GiB, of which 12 are available.
    const MEMINFO: (&str, &str) = (
        "/proc/meminfo",
        "MemTotal:       16777216 kB\nMemFree:          524288 kB\nMemAvailable:   12582912 kB\n",
    );
    const TWO: (&str, &str) =
        ("/proc/self/mountinfo", "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    const ONE: (&str, &str) =
        ("/proc/self/mountinfo", "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");

    fn of_machine() -> Level {
        Level { of: "machine", used: 4 * GIB, limit: 16 * GIB }
    }

    fn level(files: impl IntoIterator<Item = (&'static str, &'static str)>) -> Result<Level, String> {
        let recorded = Recorded::of(files.into_iter().chain([MEMINFO]));
        let memory = Memory { tree: recorded.tree(), of: Of::Process };
        memory.level().map_err(|failure| failure.summary().unwrap_or_default().to_owned())
    }

    #[test]
    fn of_the_groups_around_the_process_the_fullest_counts() {
        let nested = [
            TWO,
            ("/proc/self/cgroup", "0::/pods/pod/app\n"),
            ("/sys/fs/cgroup/pods/pod/app/memory.max", "2147483648\n"),
            ("/sys/fs/cgroup/pods/pod/app/memory.current", "1073741824\n"),
            ("/sys/fs/cgroup/pods/pod/app/memory.stat", "anon 1\ninactive_file 536870912\nactive_file 7\n"),
            ("/sys/fs/cgroup/pods/pod/memory.max", "4294967296\n"),
            ("/sys/fs/cgroup/pods/pod/memory.current", "3221225472\n"),
            ("/sys/fs/cgroup/pods/pod/memory.stat", "inactive_file 0\n"),
            ("/sys/fs/cgroup/pods/memory.max", "max\n"),
            ("/sys/fs/cgroup/pods/memory.current", "9999999999\n"),
        ];
        assert_eq!(level(nested), Ok(Level { of: "control group", used: 3 * GIB, limit: 4 * GIB }));
        // The inner one alone: its working set is without the file pages that nobody uses.
        let inner = nested.into_iter().filter(|(path, _)| !path.contains("pod/memory"));
        assert_eq!(level(inner), Ok(Level { of: "control group", used: GIB / 2, limit: 2 * GIB }));
    }

    #[test]
    fn without_a_limit_the_machine_counts() {
        let unlimited = [
            TWO,
            ("/proc/self/cgroup", "0::/a\n"),
            ("/sys/fs/cgroup/a/memory.max", "max\n"),
            ("/sys/fs/cgroup/a/memory.current", "16000000000\n"),
        ];
        assert_eq!(level(unlimited), Ok(of_machine()));
        assert_eq!(level([]), Ok(of_machine()));
        let controller_is_off = [TWO, ("/proc/self/cgroup", "0::/a\n")];
        assert_eq!(level(controller_is_off), Ok(of_machine()));
    }

    #[test]
    fn the_first_version_has_other_words() {
        let with_limit = |limit| {
            level([
                ONE,
                ("/proc/self/cgroup", "4:memory:/a\n0::/\n"),
                ("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", limit),
                ("/sys/fs/cgroup/memory/a/memory.usage_in_bytes", "2147483648\n"),
                ("/sys/fs/cgroup/memory/a/memory.stat", "inactive_file 9\ntotal_inactive_file 1073741824\n"),
                ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
                ("/sys/fs/cgroup/memory/memory.usage_in_bytes", "16000000000\n"),
            ])
        };
        assert_eq!(with_limit("4294967296\n"), Ok(Level { of: "control group", used: GIB, limit: 4 * GIB }));
        assert_eq!(with_limit("9223372036854771712\n"), Ok(of_machine()));
    }

    #[test]
    fn a_limit_without_a_usage_is_not_told_better_than_it_is() {
        let unread = Err("the memory of the control group cannot be read".to_owned());
        for usage in ["", "a lot\n", "-1\n", "99999999999999999999999\n"] {
            let garbled = [
                TWO,
                ("/proc/self/cgroup", "0::/a\n"),
                ("/sys/fs/cgroup/a/memory.max", "1073741824\n"),
                ("/sys/fs/cgroup/a/memory.current", usage),
            ];
            assert_eq!(level(garbled), unread, "{usage:?}");
        }
        let missing =
            [TWO, ("/proc/self/cgroup", "0::/a\n"), ("/sys/fs/cgroup/a/memory.max", "1073741824\n")];
        assert_eq!(level(missing), unread);
    }

    #[tokio::test]
    async fn it_says_which_memory_is_used() {
        let full = Recorded::of([
            MEMINFO,
            TWO,
            ("/proc/self/cgroup", "0::/\n"),
            ("/sys/fs/cgroup/memory.max", "1000000\n"),
            ("/sys/fs/cgroup/memory.current", "931000\n"),
        ]);
        let said = async |of| {
            let outcome = Pressure::of(Memory { tree: full.tree(), of }).check().await.unwrap();
            (outcome.status(), outcome.summary().map(ToOwned::to_owned))
        };
        let summary = "93.1 % of the memory of the control group is used, more than 90 %".to_owned();
        assert_eq!(said(Of::Process).await, (Status::Degraded, Some(summary)));
        assert_eq!(said(Of::Machine).await, (Status::Healthy, None));
        full.write("/proc/meminfo", "MemTotal: lots\n");
        let summary = "the memory of the machine cannot be read".to_owned();
        assert_eq!(said(Of::Process).await, (Status::Degraded, Some(summary)));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn garbage_is_no_panic_and_a_level_is_a_number(
            [cgroup, mountinfo, meminfo, max, current, stat] in any::<[Vec<u8>; 6]>(), good: [bool; 4],
        ) {
            let or = |good: bool, right: &str, garbage: &Vec<u8>| {
                if good { right.as_bytes().to_owned() } else { garbage.clone() }
            };
            let recorded = Recorded::of([
                ("/proc/self/cgroup", or(good[0], "0::/\n", &cgroup)),
                ("/proc/self/mountinfo", or(good[1], TWO.1, &mountinfo)),
                ("/proc/meminfo", or(good[2], MEMINFO.1, &meminfo)),
                ("/sys/fs/cgroup/memory.max", or(good[3], "1000", &max)),
                ("/sys/fs/cgroup/memory.current", current),
                ("/sys/fs/cgroup/memory.stat", stat),
            ]);
            if let Ok(level) = (Memory { tree: recorded.tree(), of: Of::Process }).level() {
                assert!(level.share() >= 0.0 && level.share().is_finite());
            }
        }
    }
}
