//! Whether work stands still for want of processor, memory or disk: pressure stall information of Linux.
//!
//! # What green proves
//!
//! That over the last minute the tasks of the control group, or of the machine where there is no group of version 2,
//! spent less than the limit waiting. Unlike the load this is a share of time: it means the same on one processor
//! and on a hundred, and a quota of the group that is used up counts as waiting for the processor.
//!
//! # What it costs
//!
//! One file of the kernel per run, and two of `/proc` to find it. The kernel counts whether anybody reads or not.
//!
//! # What it needs
//!
//! Linux 4.20 for the machine and 5.2 for control groups, built and started with PSI: some distributions start
//! without, and `psi=1` on the kernel's command line changes that. Where it is not offered the answer is degraded,
//! "PSI is not offered by this kernel", for nothing was observed; [`Psi::is_offered`] tells before, for who would
//! rather not declare it there. How it is counted:
//! [docs.kernel.org/accounting/psi.html](https://docs.kernel.org/accounting/psi.html).
//!
//! # When it lies
//!
//! It is an average: a stall of ten seconds is a sixth of a minute. Waiting is counted only for tasks that could
//! otherwise run, so a process that has given up is calm. And the machine's says nothing about whose fault it is.
//!
//! Outside of Linux it is degraded for ever. So is [`of_all_tasks`](Pressure::of_all_tasks) for the processor of a
//! whole machine, also where that takes the place of a control group: kernels print a number there, and it is always 0.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use health_core::Failure;

use super::cgroup::Group;
use super::tree::{Tree, unreadable};
use crate::{Gauge, Pressure, Reading, Unit};

/// The share of time that tasks wait, over the last minute unless said otherwise.
///
/// ```
/// use health_builtins::Recommended as _;
/// use health_builtins::psi::Psi;
/// use health_core::Health;
///
/// let (cpu, memory) = (Psi::cpu().degraded_above(0.7), Psi::memory());
/// let mut builder = Health::builder().check(cpu.spec("cpu"), cpu);
/// if Psi::is_offered() {
///     builder = builder.check(memory.spec("memory-pressure"), memory);
/// }
/// builder.build()?;
/// # Ok::<(), health_core::BuildError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Psi {
    tree: Tree,
    resource: Resource,
    tasks: Tasks,
    window: Window,
    of: Of,
}

#[derive(Clone, Copy, Debug)]
enum Resource {
    Cpu,
    Memory,
    Io,
}

#[derive(Clone, Copy, Debug)]
enum Tasks {
    Some,
    All,
}

#[derive(Clone, Copy, Debug)]
enum Window {
    TenSeconds,
    Minute,
}

#[derive(Clone, Copy, Debug)]
enum Of {
    Group,
    Machine,
}

impl Psi {
    /// Some task waited for a processor: degraded above half of the time.
    pub fn cpu() -> Pressure<Self> {
        Self::of(Resource::Cpu, Tasks::Some)
    }

    /// All tasks waited for memory, to be read back or freed: degraded above a tenth of the time.
    pub fn memory() -> Pressure<Self> {
        Self::of(Resource::Memory, Tasks::All).degraded_above(0.1)
    }

    /// All tasks waited for a disk: degraded above half of the time.
    pub fn io() -> Pressure<Self> {
        Self::of(Resource::Io, Tasks::All)
    }

    /// Whether this kernel offers it.
    #[must_use]
    pub fn is_offered() -> bool {
        Tree::of_this_machine().text("/proc/pressure/cpu").is_ok()
    }

    fn of(resource: Resource, tasks: Tasks) -> Pressure<Self> {
        let tree = Tree::of_this_machine();
        Pressure::of(Self { tree, resource, tasks, window: Window::Minute, of: Of::Group })
    }

    /// What is told of the group, or else of the machine, and of which it is.
    fn told(&self) -> Result<(PathBuf, String, &'static str), Failure> {
        let name = match self.resource {
            Resource::Cpu => "cpu",
            Resource::Memory => "memory",
            Resource::Io => "io",
        };
        let group = Group::of_all(&self.tree).filter(|_| matches!(self.of, Of::Group));
        let folder = group.as_ref().and_then(|group| group.folders().next());
        // The outermost group of all has no events: it is the machine.
        if let Some(folder) = folder.filter(|folder| self.tree.at(&folder.join("cgroup.events")).exists()) {
            let path = folder.join(format!("{name}.pressure"));
            if let Some(text) = self.tree.text_if_any(&path).map_err(not_told)? {
                return Ok((path, text, "control group"));
            }
        }
        let path = Path::new("/proc/pressure").join(name);
        let text = self.tree.text(&path).map_err(not_told)?;
        if matches!((self.resource, self.tasks), (Resource::Cpu, Tasks::All)) {
            return Err(Failure::new("PSI is not told for the processor and all tasks of a machine"));
        }
        Ok((path, text, "machine"))
    }
}

impl Pressure<Psi> {
    /// Time in which at least one task waited.
    pub fn of_some_tasks(self) -> Self {
        self.map(|psi| Psi { tasks: Tasks::Some, ..psi })
    }

    /// Time in which all tasks that had something to do waited. Of a whole machine the kernel does not tell this for
    /// the processor, and the answer is degraded.
    pub fn of_all_tasks(self) -> Self {
        self.map(|psi| Psi { tasks: Tasks::All, ..psi })
    }

    /// Averaged over ten seconds: sooner, and less steady.
    pub fn over_ten_seconds(self) -> Self {
        self.map(|psi| Psi { window: Window::TenSeconds, ..psi })
    }

    /// Of the whole machine, even where there is a control group.
    pub fn of_the_machine(self) -> Self {
        self.map(|psi| Psi { of: Of::Machine, ..psi })
    }
}

impl Gauge for Psi {
    const UNIT: Unit = Unit::Share;
    const DEGRADED_ABOVE: f64 = 0.5;

    async fn read(&self) -> Result<Reading, Failure> {
        let (path, text, of) = self.told()?;
        let (tasks, who) = match self.tasks {
            Tasks::Some => ("some", "some tasks"),
            Tasks::All => ("full", "all tasks"),
        };
        let averages = averages(&text, tasks).ok_or_else(|| unreadable("PSI cannot be read", &path))?;
        let (share, window) = match self.window {
            Window::TenSeconds => (averages.ten_seconds, "ten seconds"),
            Window::Minute => (averages.minute, "minute"),
        };
        let what = match self.resource {
            Resource::Cpu => "a processor",
            Resource::Memory => "memory",
            Resource::Io => "a disk",
        };
        let percent = Unit::Share.write(share);
        let summary = format!("{who} of the {of} waited for {what} {percent} of the last {window}");
        Ok(Reading::of(share, summary)
            .data("of", of)
            .data("tasks", tasks)
            .data("avg10", averages.ten_seconds)
            .data("avg60", averages.minute))
    }
}

fn not_told(error: io::Error) -> Failure {
    let is_off = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Unsupported);
    let summary = if is_off { "PSI is not offered by this kernel" } else { "PSI cannot be read" };
    Failure::new(summary).because(error)
}

/// Shares of the last ten seconds and of the last minute.
struct Averages {
    ten_seconds: f64,
    minute: f64,
}

/// In lines like `some avg10=1.02 avg60=2.15 avg300=1.89 total=832904590`.
fn averages(text: &str, tasks: &str) -> Option<Averages> {
    let line = text.lines().find(|line| line.split(' ').next() == Some(tasks))?;
    let average = |name: &str| {
        let mut fields = line.split(' ').filter_map(|field| field.split_once('='));
        let percent: f64 = fields.find(|(field, _)| *field == name)?.1.parse().ok()?;
        (0.0..=100.0).contains(&percent).then_some(percent / 100.0)
    };
    Some(Averages { ten_seconds: average("avg10")?, minute: average("avg60")? })
}

#[cfg(test)]
mod tests {
    use health_core::{HealthCheck as _, Status};
    use proptest::prelude::proptest;

    use super::super::recorded::Recorded;
    use super::*;

    const CALM: &str =
        "some avg10=0.00 avg60=0.50 avg300=0.10 total=9\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1\n";
    const BUSY: &str = "some avg10=81.50 avg60=61.25 avg300=20.00 total=9\nfull avg10=33.00 avg60=12.00 avg300=1.00 total=4\n";
    const MOUNT: (&str, &str) =
        ("/proc/self/mountinfo", "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    const GROUP: [(&str, &str); 3] = [
        ("/proc/self/cgroup", "0::/app\n"),
        MOUNT,
        ("/sys/fs/cgroup/app/cgroup.events", "populated 1\nfrozen 0\n"),
    ];

    /// The same question, asked of a recorded machine.
    async fn said(check: Pressure<Psi>, files: &[(&'static str, &'static str)]) -> (Status, Option<String>) {
        let recorded = Recorded::of(files.iter().copied());
        let outcome = check.map(|psi| Psi { tree: recorded.tree(), ..psi }).check().await.unwrap();
        (outcome.status(), outcome.summary().map(ToOwned::to_owned))
    }

    fn degraded(summary: &str) -> (Status, Option<String>) {
        (Status::Degraded, Some(summary.to_owned()))
    }

    #[tokio::test]
    async fn the_control_group_counts_before_the_machine() {
        let files = [
            GROUP[0],
            GROUP[1],
            GROUP[2],
            ("/sys/fs/cgroup/app/cpu.pressure", BUSY),
            ("/sys/fs/cgroup/app/memory.pressure", BUSY),
            ("/sys/fs/cgroup/app/io.pressure", CALM),
            ("/proc/pressure/cpu", CALM),
            ("/proc/pressure/io", BUSY),
        ];
        let summary = "some tasks of the control group waited for a processor 61.3 % of the last minute, more than 50 %";
        assert_eq!(said(Psi::cpu(), &files).await, degraded(summary));
        let summary =
            "all tasks of the control group waited for memory 12 % of the last minute, more than 10 %";
        assert_eq!(said(Psi::memory(), &files).await, degraded(summary));
        assert_eq!(said(Psi::io(), &files).await, (Status::Healthy, None));
        assert_eq!(said(Psi::cpu().of_the_machine(), &files).await, (Status::Healthy, None));
        let summary =
            "some tasks of the machine waited for a disk 81.5 % of the last ten seconds, more than 50 %";
        let io = Psi::io().of_the_machine().of_some_tasks().over_ten_seconds();
        assert_eq!(said(io, &files).await, degraded(summary));
    }

    #[tokio::test]
    async fn without_one_the_machine_counts() {
        let summary =
            "some tasks of the machine waited for a processor 61.3 % of the last minute, more than 60 %";
        let cpu = || Psi::cpu().degraded_above(0.6);
        assert_eq!(said(cpu(), &[("/proc/pressure/cpu", BUSY)]).await, degraded(summary));
        let silent = [GROUP[0], GROUP[1], GROUP[2], ("/proc/pressure/cpu", BUSY)];
        assert_eq!(said(cpu(), &silent).await, degraded(summary));
        // The outermost group tells of the machine.
        let outermost = [
            ("/proc/self/cgroup", "0::/\n"),
            MOUNT,
            ("/sys/fs/cgroup/cpu.pressure", CALM),
            ("/proc/pressure/cpu", BUSY),
        ];
        assert_eq!(said(cpu(), &outermost).await, degraded(summary));
    }

    #[tokio::test]
    async fn a_zero_that_means_nothing_is_not_healthy() {
        let zero = "some avg10=36.89 avg60=49.06 avg300=30.99 total=2\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";
        let older = "some avg10=36.89 avg60=49.06 avg300=30.99 total=2\n";
        let not_told = degraded("PSI is not told for the processor and all tasks of a machine");
        for text in [zero, older] {
            let machine = ("/proc/pressure/cpu", text);
            let outermost = ("/sys/fs/cgroup/cpu.pressure", text);
            assert_eq!(said(Psi::cpu().of_all_tasks(), &[machine]).await, not_told);
            let silent = [GROUP[0], GROUP[1], GROUP[2], machine];
            assert_eq!(said(Psi::cpu().of_all_tasks(), &silent).await, not_told);
            let files = [("/proc/self/cgroup", "0::/\n"), MOUNT, outermost, machine];
            assert_eq!(said(Psi::cpu().of_all_tasks(), &files).await, not_told);
            let chosen = [GROUP[0], GROUP[1], GROUP[2], ("/sys/fs/cgroup/app/cpu.pressure", BUSY), machine];
            assert_eq!(said(Psi::cpu().of_all_tasks().of_the_machine(), &chosen).await, not_told);
            assert_eq!(said(Psi::cpu().of_all_tasks(), &chosen).await, (Status::Healthy, None));
            let busy = said(Psi::cpu().of_all_tasks().degraded_above(0.1), &chosen).await;
            assert_eq!(busy.0, Status::Degraded);
        }
    }

    #[tokio::test]
    async fn where_it_is_not_offered_nothing_is_healthy() {
        assert_eq!(said(Psi::cpu(), &[]).await, degraded("PSI is not offered by this kernel"));
        for garbage in
            ["", "some\n", "some avg10=NaN avg60=NaN\n", "some avg10=1 avg60=-1\n", "full avg10=1 avg60=1"]
        {
            let files = [("/proc/pressure/cpu", garbage)];
            assert_eq!(said(Psi::cpu(), &files).await, degraded("PSI cannot be read"), "{garbage}");
        }
    }

    proptest! {
        #[test]
        fn garbage_is_no_panic_and_a_share_is_a_share(text: String, avg: String) {
            for text in [text, format!("some avg10={avg} avg60=1e{avg}")] {
                if let Some(averages) = averages(&text, "some") {
                    assert!((0.0..=1.0).contains(&averages.ten_seconds) && (0.0..=1.0).contains(&averages.minute));
                }
            }
        }
    }
}
